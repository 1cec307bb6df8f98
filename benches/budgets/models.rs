//! A list of 500 models, each with a vocabulary of 150,000 tokens, and the whole header of one.

use std::time::{Duration, Instant};

use crate::place::{SMALL, home};
use crate::support::home::Home;
use crate::table::{Samples, Table, Unit};

const MODELS: usize = 500;
const TOKENS: usize = 150_000;

pub(crate) fn models(table: &mut Table) {
    let home = home(SMALL);
    let folder = home.path("home/.local/share/agent/models");
    std::fs::create_dir_all(&folder).expect("the home is ours");
    let first = folder.join("model-0-Q4_K_M.gguf");
    std::fs::write(&first, header()).expect("the home is ours");
    for nth in 1..MODELS {
        let name = folder.join(format!("model-{nth}-Q4_K_M.gguf"));
        std::fs::hard_link(&first, name).expect("one folder is on one disk");
    }
    let lists = Samples::times((0..11).map(|_| run(&home, &["models", "list"])));
    table.row("list of 500 models", &lists, Unit::Milliseconds, Some(100.0));
    let header = first.to_str().expect("the path is text");
    let infos = Samples::times((0..11).map(|_| run(&home, &["models", "info", header])));
    table.row(
        "whole header with 150,000 tokens and as many merges",
        &infos,
        Unit::Milliseconds,
        Some(10.0),
    );
}

fn run(home: &Home, args: &[&str]) -> Duration {
    let begun = Instant::now();
    home.agent(args).run().assert_code(0);
    begun.elapsed()
}

/// What stands before the weights of a large model.
fn header() -> Vec<u8> {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    let (tensors, keys) = (0u64, 5u64);
    bytes.extend([tensors, keys].iter().flat_map(|it| it.to_le_bytes()));
    let text = |bytes: &mut Vec<u8>, it: &str| {
        bytes.extend((it.len() as u64).to_le_bytes());
        bytes.extend(it.as_bytes());
    };
    text(&mut bytes, "general.architecture");
    bytes.extend(8u32.to_le_bytes());
    text(&mut bytes, "llama");
    for (key, value) in [("llama.context_length", 32_768u32), ("llama.block_count", 1)] {
        text(&mut bytes, key);
        bytes.extend(4u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    for key in ["tokenizer.ggml.tokens", "tokenizer.ggml.merges"] {
        text(&mut bytes, key);
        bytes.extend([9u32, 8].iter().flat_map(|it| it.to_le_bytes()));
        bytes.extend((TOKENS as u64).to_le_bytes());
        (0..TOKENS).for_each(|it| text(&mut bytes, &format!("token {it}")));
    }
    bytes
}
