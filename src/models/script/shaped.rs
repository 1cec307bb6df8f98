//! Models of any build, for tests that ask a real server how much memory it takes for one. They know
//! no more than other scripted models, and are never asked anything.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::models::gguf::write::{self, Encoding, Tensor, Value};
use crate::models::script::vocabulary::Vocabulary;
use crate::models::script::{Script, Shape};

/// How it is built.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    /// `llama`; `deci`, whose layers may differ; `cohere2`, three of whose four layers have a window.
    pub(crate) architecture: &'static str,
    /// Heads of keys and values, for each layer.
    pub(crate) heads: Vec<u32>,
    pub(crate) length: u32,
    pub(crate) window: Option<u32>,
}

const WIDTH: u64 = 64;
const HEADS: u32 = 8;
const INNER: u64 = 32;

impl Build {
    pub(crate) fn write(&self, path: &Path) {
        let script = Script::parse(r#"[{"content": "x"}]"#).unwrap();
        let vocabulary = Vocabulary::new(&script.0, &[], 6);
        let mut metadata = script.metadata(&vocabulary, &Shape::default());
        metadata.retain(|(key, _)| !key.starts_with("llama.") && *key != "general.architecture");
        metadata.push(("general.architecture", Value::Text(self.architecture.to_owned())));
        let own = self.own(vocabulary.len());
        metadata.extend(own.iter().map(|(key, value)| (key.as_str(), value.clone())));

        let zeros = |size: u64| move |_: u64, row: &mut Vec<u8>| row.resize(size as usize * 4, 0);
        let (wide, inner) = (zeros(WIDTH), zeros(INNER));
        let query = u64::from(HEADS * self.length);
        let of_heads = zeros(query);
        let tensor = |name: String, width, rows, row| {
            let encoding = Encoding::F32;
            Tensor { name, encoding, width, rows, row }
        };
        let mut tensors = vec![
            tensor("token_embd.weight".to_owned(), WIDTH, vocabulary.len().into(), &wide as _),
            tensor("output_norm.weight".to_owned(), WIDTH, 1, &wide as _),
        ];
        for (index, heads) in self.heads.iter().enumerate() {
            let name = |it: &str| format!("blk.{index}.{it}.weight");
            let cache = u64::from(heads * self.length);
            tensors.push(tensor(name("attn_norm"), WIDTH, 1, &wide as _));
            tensors.push(tensor(name("attn_q"), WIDTH, query, &wide as _));
            tensors.push(tensor(name("attn_k"), WIDTH, cache, &wide as _));
            tensors.push(tensor(name("attn_v"), WIDTH, cache, &wide as _));
            tensors.push(tensor(name("attn_output"), query, WIDTH, &of_heads as _));
            if self.architecture != "cohere2" {
                tensors.push(tensor(name("ffn_norm"), WIDTH, 1, &wide as _));
            }
            tensors.push(tensor(name("ffn_gate"), WIDTH, INNER, &wide as _));
            tensors.push(tensor(name("ffn_up"), WIDTH, INNER, &wide as _));
            tensors.push(tensor(name("ffn_down"), INNER, WIDTH, &inner as _));
        }
        let mut out = BufWriter::new(std::fs::File::create(path).unwrap());
        write::write(&mut out, &metadata, &tensors).unwrap();
        out.flush().unwrap();
    }

    fn own(&self, vocabulary: u32) -> Vec<(String, Value)> {
        let number = |it: u64| Value::U32(it as u32);
        let mut own = vec![
            ("context_length", Value::U32(32 << 10)),
            ("embedding_length", number(WIDTH)),
            ("block_count", Value::U32(self.heads.len() as u32)),
            ("feed_forward_length", number(INNER)),
            ("attention.head_count", Value::U32(HEADS)),
            (
                "attention.head_count_kv",
                Value::I32s(self.heads.iter().map(|it| *it as i32).collect()),
            ),
            ("attention.key_length", Value::U32(self.length)),
            ("attention.value_length", Value::U32(self.length)),
            ("attention.layer_norm_rms_epsilon", Value::F32(1e-6)),
            ("attention.layer_norm_epsilon", Value::F32(1e-6)),
            ("rope.dimension_count", Value::U32(self.length)),
            ("logit_scale", Value::F32(1.0)),
            ("vocab_size", Value::U32(vocabulary)),
        ];
        own.extend(self.window.map(|it| ("attention.sliding_window", Value::U32(it))));
        let named = |(key, value): (&str, Value)| (format!("{}.{key}", self.architecture), value);
        own.into_iter().map(named).collect()
    }
}
