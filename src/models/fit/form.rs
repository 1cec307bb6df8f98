//! What of a model's build decides how much memory its context takes.

use crate::models::gguf::{Header, Value};

/// One layer, as far as memory goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Layer {
    /// Remembers the whole context: so many numbers a token for keys, and for values.
    Full { key: u64, value: u64 },
    /// Remembers the last tokens only.
    Window { key: u64, value: u64, tokens: u64 },
    /// Remembers a state of fixed size, in bytes.
    State { bytes: u64 },
    /// Remembers nothing of its own.
    Nothing,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Form {
    pub(crate) architecture: String,
    pub(crate) layers: Vec<Layer>,
    pub(crate) width: u64,
    pub(crate) vocabulary: u64,
    /// What it was trained for.
    pub(crate) context: u64,
    /// Bytes of all weights.
    pub(crate) weights: u64,
    /// Of these, those of experts, of which few are used for one token.
    pub(crate) experts: u64,
}

impl Form {
    /// `None` if the header does not say what must be known.
    pub(crate) fn of(header: &Header) -> Option<Self> {
        let architecture = header.architecture()?.to_owned();
        // Layers that only guess ahead are not loaded as layers.
        let ahead = header.own("nextn_predict_layers").unwrap_or(0);
        let count = header.own("block_count")?.saturating_sub(ahead).min(4096);
        let experts = header.tensors.iter().filter(|it| it.name.contains("_exps."));
        Some(Self {
            layers: (0..count).map(|it| layer(header, &architecture, it, count)).collect(),
            width: header.own("embedding_length")?,
            vocabulary: header.vocabulary().unwrap_or(0),
            context: header.own("context_length").unwrap_or(0),
            weights: header.weights(),
            experts: experts.fold(0, |all, it| all.saturating_add(it.bytes)),
            architecture,
        })
    }
}

fn layer(header: &Header, architecture: &str, index: u64, count: u64) -> Layer {
    if is_recurrent(header, architecture, index) {
        return Layer::State { bytes: state(header) };
    }
    // Late layers of some models look at what an earlier one remembers.
    let shared = header.own("attention.shared_kv_layers").unwrap_or(0);
    if count.saturating_sub(shared) <= index {
        return Layer::Nothing;
    }
    let window = header.own("attention.sliding_window").filter(|it| *it != 0);
    let tokens = window.filter(|_| is_windowed(header, architecture, index));
    let heads = at(header, "attention.head_count_kv", index)
        .or_else(|| at(header, "attention.head_count", index))
        .unwrap_or(0);
    if let Some(rank) = header.own("attention.kv_lora_rank")
        && header.own("attention.key_length_mla").is_some()
    {
        // All heads look at one compressed memory; the values are read from the keys.
        let key = rank.saturating_add(header.own("rope.dimension_count").unwrap_or(0));
        return Layer::Full { key, value: 0 };
    }
    let length = |of: &str| {
        let own = tokens.and_then(|_| header.own(&format!("attention.{of}_length_swa")));
        let usual = || {
            let heads = at(header, "attention.head_count", index).filter(|it| *it != 0)?;
            Some(header.own("embedding_length")? / heads)
        };
        own.or_else(|| header.own(&format!("attention.{of}_length"))).or_else(usual).unwrap_or(0)
    };
    let (key, value) = (heads.saturating_mul(length("key")), heads.saturating_mul(length("value")));
    match tokens {
        _ if key == 0 && value == 0 => Layer::Nothing,
        Some(tokens) => Layer::Window { key, value, tokens },
        None => Layer::Full { key, value },
    }
}

/// A number that may be one for all layers or one for each.
fn at(header: &Header, key: &str, index: u64) -> Option<u64> {
    let numbers = header.own_numbers(key)?;
    match &numbers[..] {
        [one] => Some(*one),
        many => many.get(index as usize).copied(),
    }
}

fn is_recurrent(header: &Header, architecture: &str, index: u64) -> bool {
    let has_state =
        header.own("ssm.state_size").is_some() || header.own("shortconv.l_cache").is_some();
    if !has_state {
        return false;
    }
    let interval = header.own("full_attention_interval").or_else(|| {
        let is_mixed = ["qwen3next", "qwen35", "qwen35moe"].contains(&architecture);
        is_mixed.then_some(4)
    });
    match interval.filter(|it| *it != 0) {
        Some(interval) => !(index + 1).is_multiple_of(interval),
        // Where layers differ, the ones without heads have a state instead.
        None => at(header, "attention.head_count_kv", index).unwrap_or(0) == 0,
    }
}

/// Bytes of a layer's state, for one conversation; it is kept in full precision.
fn state(header: &Header) -> u64 {
    let own = |key: &str| header.own(key).unwrap_or(0);
    if let Some(cells) = header.own("shortconv.l_cache") {
        return cells.saturating_sub(1).saturating_mul(own("embedding_length")).saturating_mul(4);
    }
    let (inner, size) = (own("ssm.inner_size"), own("ssm.state_size"));
    let groups = own("ssm.group_count").saturating_mul(size).saturating_mul(2);
    let recent =
        own("ssm.conv_kernel").saturating_sub(1).saturating_mul(inner.saturating_add(groups));
    recent.saturating_add(size.saturating_mul(inner)).saturating_mul(4)
}

/// Whether a layer of a model with a window has it. Newer files say so; of the others it is known.
fn is_windowed(header: &Header, architecture: &str, index: u64) -> bool {
    let key = format!("{architecture}.attention.sliding_window_pattern");
    let period = match header.metadata.get(&key) {
        Some(Value::Numbers(each)) => {
            return each.get(index as usize).is_some_and(|it| *it != 0.0);
        }
        Some(Value::Whole(period)) => u64::try_from(*period).unwrap_or(0),
        _ => match architecture {
            "gemma2" | "gpt-oss" => 2,
            "gemma3" => 6,
            "gemma3n" => 5,
            "cohere2" | "exaone4" | "olmo2" | "llama4" | "smallthinker" => 4,
            "phi3" => 1,
            _ => 0,
        },
    };
    match period {
        // That a window is stated and no pattern, means all of them.
        0 => true,
        period => index % period < period - 1,
    }
}
