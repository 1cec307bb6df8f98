//! A session of 30,000 tokens that goes on: with what the server before has read, and without.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::play::Play;
use crate::table::{Samples, Table, Unit};

/// Runs of each kind, turn about.
const RUNS: usize = 5;

/// How many times sooner the first word shall come.
const BUDGET: f64 = 1.0 / 20.0;

pub(crate) fn resume(table: &mut Table) {
    let Some(play) = Play::new() else { return };
    play.configure("context = 65536\nkeep_seconds = 0");
    // No words that the model knows: each letter is a token.
    let line = |n: usize| format!("{:016x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(2);
    let text: String = (0..900).map(line).collect();
    play.home.file("project/long.txt", &text);
    let call = json!({"name": "read_file", "arguments": {"paths": ["long.txt"]}});
    let script = json!([{"tool_calls": [call]}, {"content": "Read."}, {"content": "Again."}]);
    play.home.file("long.json", &script.to_string());
    let [from, model] =
        ["long.json", "long.gguf"].map(|it| play.home.path(it).display().to_string());
    let args = ["models", "script", &from, &model, "--chunk", "12", "--context", "65536"];
    play.home.agent(&args).check();
    play.agent(&["-m", &model, "read it"]).within(Duration::from_secs(120)).run().assert_code(0);

    let state = play.home.path("home/.local/state/agent");
    let (aside, read) = (play.home.path("aside"), state.join("read"));
    copy(&state, &aside);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for is_kept in [true, false] {
            std::fs::remove_dir_all(&state).expect("it is ours");
            copy(&aside, &state);
            if !is_kept {
                std::fs::remove_dir_all(&read).expect("something was kept");
            }
            let runs = if is_kept { &mut with } else { &mut without };
            runs.push(go_on(&play, &model));
        }
    }
    let start = Samples::times(without.iter().map(|it| it.up));
    let since = |runs: &[WentOn]| {
        let since = |it: &WentOn| it.first_word.as_secs_f64() * 1000.0 - start.median();
        Samples::new(runs.iter().map(since).collect())
    };
    assert!(30_000 <= without[0].read, "{} tokens", without[0].read);
    let row = |what: &str, runs: &[WentOn]| format!("{what}, {} tokens read", runs[0].read);
    let unit = Unit::Milliseconds;
    table.row("a session goes on: the server is up", &start, unit, None);
    let slow = since(&without);
    table.row(&row("  from then to the first word", &without), &slow, unit, None);
    let (quick, budget) = (since(&with), slow.median() * BUDGET);
    table.row(&row("  with what was kept", &with), &quick, unit, Some(budget));
}

struct WentOn {
    /// From the start to when the server is up and has read back what was kept.
    up: Duration,
    /// From the start to the first word.
    first_word: Duration,
    /// Tokens that the server read.
    read: u64,
}

fn go_on(play: &Play, model: &str) -> WentOn {
    let args = ["-m", model, "-c", "--output-format", "stream-json", "and then?"];
    let run = play.agent(&args).within(Duration::from_secs(60));
    let start = Instant::now();
    let running = run.start();
    running.wait_for_stdout("\"subtype\":\"init\"");
    let up = start.elapsed();
    running.wait_for_stdout("\"type\":\"assistant\"");
    let first_word = start.elapsed();
    let finished = running.finish();
    finished.assert_code(0);
    let lines = finished.stdout.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok());
    let said = lines.into_iter().find(|it| it["type"] == "assistant").expect("it spoke");
    let read = said["message"]["usage"]["input_tokens"].as_u64().expect("the server counts");
    WentOn { up, first_word, read }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("it can be made");
    for entry in from.read_dir().expect("it is there").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).expect("it can be copied");
        }
    }
}
