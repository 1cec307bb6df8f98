//! The JSON that llama-server speaks, word for word. What is in it is decided elsewhere.

use serde_json::{Value, json};

/// Tokens of one answer: read from the cache, read anew, and written.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub cached: u64,
    pub prompt: u64,
    pub predicted: u64,
}

/// Server-sent event with `data`.
pub fn event(data: &str) -> Vec<u8> {
    format!("data: {data}\n\n").into_bytes()
}

pub fn delta(delta: Value) -> Value {
    chunk(json!([{"finish_reason": null, "index": 0, "delta": delta}]))
}

pub fn finish(reason: &str) -> Value {
    chunk(json!([{"finish_reason": reason, "index": 0, "delta": {}}]))
}

pub fn chunk(choices: Value) -> Value {
    json!({
        "choices": choices,
        "created": 1_767_323_045,
        "id": "chatcmpl-fault",
        "model": "fault",
        "system_fingerprint": "b11669-fault",
        "object": "chat.completion.chunk",
    })
}

pub fn progress(total: u64, cache: u64, processed: u64) -> Value {
    let mut chunk = delta(json!({"role": "assistant", "content": null}));
    chunk["prompt_progress"] =
        json!({"total": total, "cache": cache, "processed": processed, "time_ms": 45});
    chunk
}

pub fn usage(usage: Usage) -> Value {
    let prompt = usage.cached + usage.prompt;
    json!({
        "completion_tokens": usage.predicted,
        "prompt_tokens": prompt,
        "total_tokens": prompt + usage.predicted,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    })
}

/// At a thousand tokens a second for reading and a hundred for writing.
#[expect(clippy::cast_precision_loss, reason = "counts of tokens are small")]
pub fn timings(usage: Usage) -> Value {
    let (prompt, predicted) = (usage.prompt as f64, usage.predicted as f64);
    json!({
        "cache_n": usage.cached,
        "prompt_n": usage.prompt,
        "prompt_ms": prompt,
        "prompt_per_token_ms": 1.0,
        "prompt_per_second": 1000.0,
        "predicted_n": usage.predicted,
        "predicted_ms": predicted * 10.0,
        "predicted_per_token_ms": 10.0,
        "predicted_per_second": 100.0,
    })
}

pub fn error(code: u16, message: &str, kind: &str) -> Value {
    json!({"error": {"code": code, "message": message, "type": kind}})
}

/// What the HTTP layer says before the server proper is up, in an order of its own.
pub fn early_error(code: u16, message: &str, kind: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "code": code}})
}

pub fn overflow(prompt: u64, window: u64) -> Value {
    let message = format!(
        "request ({prompt} tokens) exceeds the available context size ({window} tokens), \
         try increasing it"
    );
    let mut error = error(400, &message, "exceed_context_size_error");
    error["error"]["n_prompt_tokens"] = prompt.into();
    error["error"]["n_ctx"] = window.into();
    error
}

pub fn props(window: u64) -> Value {
    json!({
        "default_generation_settings": {
            "params": {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "n_predict": -1},
            "n_ctx": window,
        },
        "total_slots": 1,
        "model_alias": "fault",
        "model_ftype": "Q4_K - Medium",
        "model_path": "/models/fault.gguf",
        "modalities": {"vision": false, "video": false, "audio": false},
        "endpoint_slots": true,
        "endpoint_props": false,
        "endpoint_metrics": false,
        "chat_template": "{% for message in messages %}{{ message.content }}{% endfor %}",
        "chat_template_caps": {
            "supports_tools": true,
            "supports_tool_calls": true,
            "supports_parallel_tool_calls": true,
            "supports_system_role": true,
            "supports_string_content": true,
            "supports_typed_content": false,
            "supports_object_arguments": true,
            "supports_preserve_reasoning": true,
            "supports_reasoning_effort": false,
        },
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "build_info": "b11669-fault",
        "is_sleeping": false,
    })
}

pub fn models(window: u64) -> Value {
    let mut models = foreign_models();
    models["data"][0]["aliases"] = json!(["fault"]);
    models["data"][0]["tags"] = json!([]);
    models["data"][0]["meta"] = json!({
        "vocab_type": 2,
        "n_vocab": 151_936,
        "n_ctx": window,
        "n_ctx_train": window,
        "n_embd": 2560,
        "n_params": 4_022_468_096_u64,
        "size": 2_491_000_000_u64,
        "ftype": "Q4_K - Medium",
    });
    models
}

/// As any server has it.
pub fn foreign_models() -> Value {
    let model =
        json!({"id": "fault", "object": "model", "created": 1_767_323_045, "owned_by": "us"});
    json!({"object": "list", "data": [model]})
}

pub fn slots(window: u64) -> Value {
    json!([{"id": 0, "n_ctx": window, "speculative": false, "is_processing": false}])
}

/// Four bytes a token, which is what a guess would say, too.
pub fn tokens(body: &Value) -> Value {
    let content = body["content"].as_str().unwrap_or_default();
    let with_pieces = body["with_pieces"] == true;
    let tokens = content.as_bytes().chunks(4).enumerate().map(|(n, piece)| {
        let id = 1000 + n;
        if !with_pieces {
            return json!(id);
        }
        // A piece that is no text of its own is given as its bytes.
        match std::str::from_utf8(piece) {
            Ok(piece) => json!({"id": id, "piece": piece}),
            Err(_) => json!({"id": id, "piece": piece}),
        }
    });
    json!({"tokens": tokens.collect::<Vec<_>>()})
}
