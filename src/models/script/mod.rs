//! A model that plays a script: what it says is written down beforehand, and yet a real server
//! loads it, applies its template, samples its tokens and parses its calls.
//!
//! The model knows one thing: which token follows which. Its template ends a prompt with a token
//! that stands for the number of replies so far, and from there one token leads to the next.
//!
//! A server holds calls to the schemas of their tools. A script that breaks one is driven off its
//! path by the server, as a real model would be, and does not find back: the reply ends only where
//! a limit ends it.

#[cfg(test)]
mod shaped;
mod vectors;
mod vocabulary;

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::models::gguf::write::{self, Encoding, Tensor, Value};
use vectors::WIDTH;
use vocabulary::Vocabulary;

#[cfg(test)]
pub(crate) use shaped::Build;

/// Replies in the order they are given. After the last, the last is given again.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<Step>")]
pub(crate) struct Script(Vec<Step>);

/// One reply.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Step {
    reasoning: String,
    /// The marks around what is thought are tokens, as for a model that was trained to think: a server
    /// can end the thought. One step may have them.
    marked: bool,
    content: String,
    tool_calls: Vec<Call>,
    /// The reply, byte for byte, in place of all else.
    raw: Option<String>,
    /// The content is said over and over, until the server ends it; no call is reached.
    repeat: bool,
    /// Given whenever this stands in what was said last, and never else. Such steps come last.
    when: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    name: String,
    arguments: serde_json::Value,
}

/// What a script leaves open about its model.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Characters in most tokens: few look lively on a screen, many make a small and quick file.
    pub(crate) chunk: usize,
    /// Tokens the model says it was trained for. A prompt has one token a byte, but for `words`.
    pub(crate) context: u32,
    /// What is one token in a prompt.
    pub(crate) words: Vec<String>,
    /// With each prompt, what was thought before it is dropped, as many a template does.
    pub(crate) forgets: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { chunk: 6, context: 32 * 1024, words: Vec::new(), forgets: false }
    }
}

impl Script {
    /// Reads the JSON form: an array with an object for each reply.
    pub(crate) fn parse(json: &str) -> anyhow::Result<Self> {
        serde_json::from_str(json).context("cannot understand the script")
    }

    /// Writes the model to `path`.
    pub(crate) fn write(&self, path: &Path, shape: &Shape) -> anyhow::Result<()> {
        let write = || {
            let mut out = BufWriter::new(std::fs::File::create(path)?);
            self.write_to(&mut out, shape)?;
            out.flush()
        };
        write().with_context(|| format!("cannot write `{}`", path.display()))
    }

    fn write_to(&self, out: &mut dyn Write, shape: &Shape) -> std::io::Result<()> {
        let vocabulary = Vocabulary::new(&self.0, &shape.words, shape.chunk.max(2));
        let metadata = self.metadata(&vocabulary, shape);

        let ones = |_, row: &mut Vec<u8>| (0..WIDTH).for_each(|_| row.extend(1f32.to_le_bytes()));
        let norm = |name: &str| {
            let encoding = Encoding::F32;
            Tensor { name: name.to_owned(), encoding, width: WIDTH, rows: 1, row: &ones }
        };
        let nothing = |width: u64| move |_, row: &mut Vec<u8>| vectors::push_nothing(width, row);
        let (from_hidden, from_head, from_inner) =
            (nothing(WIDTH), nothing(HEAD_WIDTH), nothing(INNER_WIDTH));
        let idle = |name: &str, width: u64, rows: u64, row| Tensor {
            name: format!("blk.0.{name}.weight"),
            encoding: Encoding::Q4,
            width,
            rows,
            row,
        };

        let state = |token: u64, row: &mut Vec<u8>| {
            vectors::push_state(vocabulary.next(token as u32), row);
        };
        let score = |token: u64, row: &mut Vec<u8>| vectors::push_score(token as u32, row);
        let table = |name: &str, row| {
            let rows = u64::from(vocabulary.len());
            Tensor { name: name.to_owned(), encoding: Encoding::Q4, width: WIDTH, rows, row }
        };

        let tensors = [
            table("token_embd.weight", &state),
            norm("blk.0.attn_norm.weight"),
            idle("attn_q", WIDTH, HEAD_WIDTH, &from_hidden),
            idle("attn_k", WIDTH, HEAD_WIDTH, &from_hidden),
            idle("attn_v", WIDTH, HEAD_WIDTH, &from_hidden),
            idle("attn_output", HEAD_WIDTH, WIDTH, &from_head),
            norm("blk.0.ffn_norm.weight"),
            idle("ffn_gate", WIDTH, INNER_WIDTH, &from_hidden),
            idle("ffn_up", WIDTH, INNER_WIDTH, &from_hidden),
            idle("ffn_down", INNER_WIDTH, WIDTH, &from_inner),
            norm("output_norm.weight"),
            table("output.weight", &score),
        ];
        write::write(out, &metadata, &tensors)
    }

    fn metadata(&self, vocabulary: &Vocabulary, shape: &Shape) -> Vec<(&'static str, Value)> {
        let number = |it: u64| Value::U32(it as u32);
        let text = |it: &str| Value::Text(it.to_owned());
        vec![
            ("general.architecture", text("llama")),
            ("general.name", text("scripted model")),
            ("general.description", text("says what was written down beforehand; knows nothing")),
            ("general.file_type", number(2)),
            ("general.quantization_version", number(2)),
            ("llama.context_length", Value::U32(shape.context)),
            ("llama.embedding_length", number(WIDTH)),
            ("llama.block_count", number(1)),
            ("llama.feed_forward_length", number(INNER_WIDTH)),
            ("llama.attention.head_count", number(1)),
            ("llama.attention.head_count_kv", number(1)),
            ("llama.attention.key_length", number(HEAD_WIDTH)),
            ("llama.attention.value_length", number(HEAD_WIDTH)),
            ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-6)),
            ("llama.rope.dimension_count", number(HEAD_WIDTH)),
            ("llama.vocab_size", Value::U32(vocabulary.len())),
            ("tokenizer.ggml.model", text("gpt2")),
            ("tokenizer.ggml.pre", text("qwen2")),
            ("tokenizer.ggml.tokens", Value::Texts(vocabulary.texts().to_vec())),
            ("tokenizer.ggml.token_type", Value::I32s(vocabulary.types())),
            // Readers want at least one merge; this pair occurs in no text.
            ("tokenizer.ggml.merges", Value::Texts(vec![vocabulary::merge()])),
            ("tokenizer.ggml.bos_token_id", Value::U32(vocabulary::PAD)),
            ("tokenizer.ggml.eos_token_id", Value::U32(vocabulary::END)),
            ("tokenizer.ggml.eot_token_id", Value::U32(vocabulary::END)),
            ("tokenizer.ggml.padding_token_id", Value::U32(vocabulary::PAD)),
            ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
            ("tokenizer.chat_template", Value::Text(self.template(shape.forgets))),
        ]
    }

    fn template(&self, forgets: bool) -> String {
        let in_turn = self.0.iter().filter(|it| it.when.is_none()).count();
        let last_step = format!("last_step = {}", in_turn - 1);
        let (mut begin, mut end) = (String::new(), "");
        for (step, it) in self.0.iter().enumerate() {
            if let Some(when) = &it.when {
                let branch = if begin.is_empty() { "if" } else { "elif" };
                let when = serde_json::Value::from(when.as_str());
                begin += &format!("{{%- {branch} {when} in told -%}}{step}");
                end = "{%- endif -%}";
            }
        }
        if !begin.is_empty() {
            begin += "{%- else -%}";
        }
        include_str!("template.jinja")
            .replace("last_step = 0", &last_step)
            .replace("if forgets", &format!("if {forgets}"))
            .replace("{#- conditions -#}", &begin)
            .replace("{#- end of conditions -#}", end)
    }
}

/// The one attention head and the one inner layer do nothing, so they are as small as may be.
const HEAD_WIDTH: u64 = 64;
const INNER_WIDTH: u64 = 32;

impl TryFrom<Vec<Step>> for Script {
    type Error = &'static str;

    fn try_from(steps: Vec<Step>) -> Result<Self, Self::Error> {
        if steps.is_empty() {
            return Err("a script has at least one step");
        }
        if steps[0].when.is_some() || !steps.is_sorted_by_key(|it| it.when.is_some()) {
            return Err("steps with `when` come after at least one without");
        }
        if 1 < steps.iter().filter(|it| it.marked).count() {
            return Err("one step at most is `marked`: a token leads to one other");
        }
        if steps.iter().any(|it| it.repeat && it.lead().is_empty()) {
            return Err("nothing cannot be repeated: `repeat` needs `content`");
        }
        Ok(Self(steps))
    }
}

impl Step {
    /// What comes before anything that may be repeated.
    fn thought(&self) -> String {
        match (&self.raw, self.reasoning.as_str()) {
            (Some(_), _) | (None, "") => String::new(),
            (None, reasoning) => format!("<think>{reasoning}</think>"),
        }
    }

    /// What may be repeated.
    fn lead(&self) -> &str {
        self.raw.as_ref().unwrap_or(&self.content)
    }

    /// The whole reply, each thing said once.
    fn text(&self) -> String {
        self.thought() + &self.spoken()
    }

    /// What is said behind the thought.
    fn spoken(&self) -> String {
        let mut text = self.lead().to_owned();
        let calls = if self.raw.is_none() { &self.tool_calls[..] } else { &[] };
        for call in calls {
            let call = serde_json::json!({ "name": call.name, "arguments": call.arguments });
            text += &format!("<tool_call>\n{call}\n</tool_call>");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Expect) {
        let told = match Script::parse(json) {
            Ok(script) => script.0.iter().map(Step::text).collect::<Vec<_>>().join("\n---\n"),
            Err(err) => format!("{err:#}"),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn a_step_thinks_then_speaks_then_calls() {
        check(
            r#"[{"content":"Look.","reasoning":"Hm.","tool_calls":[
                {"name":"read","arguments":{"path":"é","line":3}},{"name":"ls","arguments":{}}]}]"#,
            expect![[r#"
                <think>Hm.</think>Look.<tool_call>
                {"name":"read","arguments":{"path":"é","line":3}}
                </tool_call><tool_call>
                {"name":"ls","arguments":{}}
                </tool_call>"#]],
        );
    }

    #[test]
    fn a_raw_step_is_taken_as_it_is() {
        check(
            r#"[{"raw":"<tool_call>\n{\"na"},{"content":"over"}]"#,
            expect![[r#"
            <tool_call>
            {"na
            ---
            over"#]],
        );
    }

    #[test]
    fn a_script_that_cannot_be_played_is_refused() {
        check("[]", expect!["cannot understand the script: a script has at least one step"]);
        check(
            r#"[{"repeat":true}]"#,
            expect![
                "cannot understand the script: nothing cannot be repeated: `repeat` needs `content`"
            ],
        );
        check(
            r#"[{"content":"x","when":"y"}]"#,
            expect![
                "cannot understand the script: steps with `when` come after at least one without"
            ],
        );
        check(
            r#"[{"contents":"x"}]"#,
            expect![
                "cannot understand the script: unknown field `contents`, expected one of `reasoning`, `marked`, `content`, `tool_calls`, `raw`, `repeat`, `when` at line 1 column 12"
            ],
        );
    }

    #[test]
    fn five_hundred_steps_make_a_small_file() {
        let step = |n: u32| {
            let text = format!("Step {n}: the next file is read. ").repeat(4);
            let arguments = format!(r#"{{"path":"src/file_{n}.rs","line":{n}}}"#);
            format!(
                r#"{{"content":"{text}","tool_calls":[{{"name":"read","arguments":{arguments}}}]}}"#
            )
        };
        let steps: Vec<_> = (0..500).map(step).collect();
        let script = Script::parse(&format!("[{}]", steps.join(","))).unwrap();
        let mut file = Vec::new();
        script.write_to(&mut file, &Shape::default()).unwrap();
        assert!(file.len() < 10_000_000, "{} bytes", file.len());
    }
}
