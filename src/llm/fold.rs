//! From chunks to a reply, telling each piece as it comes.

use crate::conversation::{Call, End, Event, Piece, Progress, Reply, Usage};
use crate::llm::AskError;
use crate::llm::chunk::{CallDelta, Chunk, Fault};

/// A reply that is still being said.
#[derive(Debug, Default)]
pub(super) struct Fold {
    reply: Reply,
    /// What the server calls the reply.
    id: Option<String>,
    /// The wire's index of each call of the reply.
    indices: Vec<usize>,
    /// The server has said why the reply ended.
    finished: bool,
}

impl Fold {
    /// Takes the data of one event. True when it was the last.
    pub(super) fn take(
        &mut self,
        data: &str,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<bool, AskError> {
        if data == "[DONE]" {
            return Ok(true);
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|_| {
            AskError::Garbled(format!("an event that is not a chunk: {}", start_of(data)))
        })?;
        if let Some(fault) = chunk.error {
            return Err(in_stream(fault));
        }
        self.id = self.id.take().or(chunk.id);
        if let Some(it) = chunk.prompt_progress {
            on(Event::Reading(Progress {
                total: it.total,
                cached: it.cache,
                processed: it.processed,
            }));
        }
        for choice in chunk.choices.into_iter().flatten().take(1) {
            let delta = choice.delta.unwrap_or_default();
            if let Some(it) = delta.reasoning_content.filter(|it| !it.is_empty()) {
                on(Event::Said(Piece::Reasoning(&it)));
                self.reply.reasoning += &it;
            }
            if let Some(it) = delta.content.filter(|it| !it.is_empty()) {
                on(Event::Said(Piece::Text(&it)));
                self.reply.text += &it;
            }
            for call in delta.tool_calls.into_iter().flatten() {
                self.take_call(call, on);
            }
            if let Some(reason) = choice.finish_reason {
                self.finished = true;
                self.reply.end = if reason == "length" { End::CutOff } else { End::Finished };
            }
        }
        if let Some(it) = chunk.timings {
            self.reply.usage = Usage {
                cached: it.cache_n,
                read: it.prompt_n,
                written: it.predicted_n,
                read_ms: it.prompt_ms,
                written_ms: it.predicted_ms,
            };
        } else if let Some(it) = chunk.usage.filter(|_| self.reply.usage == Usage::default()) {
            let cached =
                it.prompt_tokens_details.and_then(|it| it.cached_tokens).unwrap_or_default();
            let read = it.prompt_tokens.saturating_sub(cached);
            self.reply.usage =
                Usage { cached, read, written: it.completion_tokens, ..Usage::default() };
        }
        Ok(false)
    }

    /// Some servers give every call the index 0, or none, and some repeat the name in each delta. A
    /// name always comes whole: another name begins another call, and so does the same one once the
    /// arguments are complete.
    fn take_call(&mut self, delta: CallDelta, on: &mut dyn FnMut(Event<'_>)) {
        let function = delta.function.unwrap_or_default();
        let id = delta.id.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        let known = match delta.index {
            Some(index) => self.indices.iter().rposition(|it| *it == index),
            None => self.indices.len().checked_sub(1),
        };
        let arguments = function.arguments.unwrap_or_default();
        let begins_another = |call: &Call| match (name.is_empty(), id.is_empty()) {
            (true, _) => false,
            (false, false) => id != call.id,
            (false, true) if call.tool.is_empty() => false,
            (false, true) => {
                name != call.tool || (!arguments.is_empty() && is_complete(&call.args))
            }
        };
        let at = match known.filter(|at| !begins_another(&self.reply.calls[*at])) {
            Some(at) => at,
            None => {
                self.indices.push(delta.index.unwrap_or(self.indices.len()));
                self.reply.calls.push(Call { id, tool: String::new(), args: String::new() });
                self.reply.calls.len() - 1
            }
        };
        let call = &mut self.reply.calls[at];
        if call.tool.is_empty() && !name.is_empty() {
            on(Event::Said(Piece::Call(&name)));
            call.tool = name;
        }
        if !arguments.is_empty() {
            on(Event::Said(Piece::Arguments(&arguments)));
            call.args += &arguments;
        }
    }

    /// What the server calls the reply, once it has said so.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the stream may end here without a word.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reply.is_empty() && self.reply.reasoning.is_empty()
    }

    /// The reply as it stands.
    pub(super) fn reply(mut self) -> Reply {
        name_calls(&mut self.reply.calls);
        self.reply
    }

    /// What was said before the person stopped it. Calls are dropped: one may be half a call.
    pub(super) fn cancelled(mut self) -> Reply {
        self.reply.calls.clear();
        self.reply.end = End::Cancelled;
        self.reply
    }
}

/// Whether these are arguments to which nothing can be added.
fn is_complete(args: &str) -> bool {
    let is_json = |it| serde_json::from_str::<serde::de::IgnoredAny>(it).is_ok();
    args.trim_end().ends_with('}') && is_json(args)
}

/// Gives an id to calls that have none of their own within the reply.
fn name_calls(calls: &mut [Call]) {
    for at in 0..calls.len() {
        let (before, rest) = calls.split_at_mut(at);
        let taken = |id: &str| before.iter().any(|it| it.id == id);
        if rest[0].id.is_empty() || taken(&rest[0].id) {
            let free = (at..).map(|n| format!("call_{n}")).find(|it| !taken(it));
            rest[0].id = free.expect("numbers do not end");
        }
    }
}

/// An error event in the middle of a stream.
fn in_stream(fault: Fault) -> AskError {
    let status = fault.code.as_ref().and_then(serde_json::Value::as_u64);
    let status = status.and_then(|it| u16::try_from(it).ok()).unwrap_or(500);
    match AskError::from_fault(status, fault) {
        AskError::Refused { message, .. } => AskError::Failed(message),
        other => other,
    }
}

fn start_of(text: &str) -> String {
    let mut start: String = text.chars().take(80).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("`{start}`")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Folds one event a line and shows what was told, then the reply.
    #[track_caller]
    fn check(events: &str, expected: Expect) {
        let (mut fold, mut told) = (Fold::default(), String::new());
        for data in events.lines().map(str::trim) {
            match fold.take(data, &mut |it| told += &format!("{it:?}\n")) {
                Ok(false) => {}
                Ok(true) => told += "done\n",
                Err(err) => told += &format!("{err:?}\n"),
            }
        }
        let reply = fold.reply();
        told += &format!("text {:?} reasoning {:?} {:?}\n", reply.text, reply.reasoning, reply.end);
        reply.calls.iter().for_each(|it| told += &format!("{it:?}\n"));
        if reply.usage != Usage::default() {
            told += &format!("{:?}\n", reply.usage);
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn text_and_reasoning_are_kept_apart() {
        check(
            r#"{"choices":[{"delta":{"role":"assistant","content":null}}]}
               {"choices":[{"delta":{"reasoning_content":"hm"}}]}
               {"choices":[{"delta":{"content":"yes"}}]}
               {"choices":[{"delta":{},"finish_reason":"stop"}]}
               [DONE]"#,
            expect![[r#"
                Said(Reasoning("hm"))
                Said(Text("yes"))
                done
                text "yes" reasoning "hm" Finished
            "#]],
        );
    }

    #[test]
    fn a_call_grows_from_its_pieces() {
        check(
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a1","type":"function","function":{"name":"read","arguments":"{"}}]}}]}
               {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"path\":1}"}}]}}]}
               {"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b2","function":{"name":"list","arguments":"{}"}}]}}]}
               {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
            expect![[r#"
                Said(Call("read"))
                Said(Arguments("{"))
                Said(Arguments("\"path\":1}"))
                Said(Call("list"))
                Said(Arguments("{}"))
                text "" reasoning "" Finished
                Call { id: "a1", tool: "read", args: "{\"path\":1}" }
                Call { id: "b2", tool: "list", args: "{}" }
            "#]],
        );
    }

    #[test]
    fn calls_of_servers_that_do_not_count_are_told_apart() {
        check(
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}}]}}]}
               {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"two","arguments":"{}"}}]}}]}
               {"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"name":"three","arguments":"{}"}}]}}]}
               {"choices":[{"delta":{"tool_calls":[{"index":2,"id":"a","function":{"name":"four","arguments":"{}"}}]}}]}"#,
            expect![[r#"
                Said(Call("one"))
                Said(Arguments("{}"))
                Said(Call("two"))
                Said(Arguments("{}"))
                Said(Call("three"))
                Said(Arguments("{}"))
                Said(Call("four"))
                Said(Arguments("{}"))
                text "" reasoning "" Finished
                Call { id: "a", tool: "one", args: "{}" }
                Call { id: "b", tool: "two", args: "{}" }
                Call { id: "call_2", tool: "three", args: "{}" }
                Call { id: "call_3", tool: "four", args: "{}" }
            "#]],
        );
    }

    #[test]
    fn calls_without_count_and_id_are_told_apart_by_their_names() {
        for index in ["", r#""index":0,"#] {
            check(
                &r#"{"choices":[{"delta":{"tool_calls":[{INDEX"function":{"name":"one"}}]}}]}
                    {"choices":[{"delta":{"tool_calls":[{INDEX"function":{"name":"two","arguments":"{}"}}]}}]}
                    {"choices":[{"delta":{"tool_calls":[{INDEX"function":{"name":"two","arguments":"{}"}}]}}]}"#
                    .replace("INDEX", index),
                expect![[r#"
                    Said(Call("one"))
                    Said(Call("two"))
                    Said(Arguments("{}"))
                    Said(Call("two"))
                    Said(Arguments("{}"))
                    text "" reasoning "" Finished
                    Call { id: "call_0", tool: "one", args: "" }
                    Call { id: "call_1", tool: "two", args: "{}" }
                    Call { id: "call_2", tool: "two", args: "{}" }
                "#]],
            );
        }
    }

    #[test]
    fn a_name_that_is_repeated_is_one_name() {
        for id in ["", r#""id":"call_0","#] {
            check(
                &r#"{"choices":[{"delta":{"tool_calls":[{"index":0,ID"function":{"name":"read","arguments":"{\"a\":"}}]}}]}
                    {"choices":[{"delta":{"tool_calls":[{"index":0,ID"function":{"name":"read","arguments":"{}}"}}]}}]}
                    {"choices":[{"delta":{"tool_calls":[{"index":0,ID"function":{"name":"read","arguments":""}}]}}]}"#
                    .replace("ID", id),
                expect![[r#"
                    Said(Call("read"))
                    Said(Arguments("{\"a\":"))
                    Said(Arguments("{}}"))
                    text "" reasoning "" Finished
                    Call { id: "call_0", tool: "read", args: "{\"a\":{}}" }
                "#]],
            );
        }
    }

    #[test]
    fn the_servers_own_count_beats_the_common_one() {
        check(
            r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1},"timings":{"cache_n":100,"prompt_n":7,"prompt_ms":1.5,"predicted_n":3,"predicted_ms":2.5}}
               {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#,
            expect![[r#"
                text "" reasoning "" Finished
                Usage { cached: 100, read: 7, written: 3, read_ms: 1.5, written_ms: 2.5 }
            "#]],
        );
    }

    #[test]
    fn the_common_count_will_do() {
        check(
            r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":4}}}"#,
            expect![[r#"
                text "" reasoning "" Finished
                Usage { cached: 4, read: 5, written: 1, read_ms: 0.0, written_ms: 0.0 }
            "#]],
        );
    }

    #[test]
    fn progress_is_told_and_is_not_part_of_the_reply() {
        check(
            r#"{"choices":[{"delta":{}}],"prompt_progress":{"total":22519,"cache":10,"processed":2048,"time_ms":45}}"#,
            expect![[r#"
                Reading(Progress { total: 22519, cached: 10, processed: 2048 })
                text "" reasoning "" Finished
            "#]],
        );
    }

    #[test]
    fn an_error_in_the_stream_is_the_servers_failure() {
        check(
            r#"{"error":{"code":500,"message":"does not match the expected peg-native format","type":"server_error"}}"#,
            expect![[r#"
                Failed("does not match the expected peg-native format")
                text "" reasoning "" Finished
            "#]],
        );
    }

    #[test]
    fn an_error_in_the_stream_may_be_no_more_than_words() {
        check(
            r#"{"error":"out of memory"}
               {"error":{"message":null}}"#,
            expect![[r#"
                Failed("out of memory")
                Failed("no reason given")
                text "" reasoning "" Finished
            "#]],
        );
    }

    #[test]
    fn what_is_null_is_as_good_as_missing() {
        check(
            r#"{"choices":[{"delta":{"content":"yes"}}],"prompt_progress":{"total":7,"cache":null,"processed":null}}
               {"choices":null,"usage":{"prompt_tokens":null,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":null}},"error":null}
               {"timings":{"cache_n":null,"prompt_n":7,"prompt_ms":null,"predicted_n":3,"predicted_ms":null}}"#,
            expect![[r#"
                Reading(Progress { total: 7, cached: 0, processed: 0 })
                Said(Text("yes"))
                text "yes" reasoning "" Finished
                Usage { cached: 0, read: 7, written: 3, read_ms: 0.0, written_ms: 0.0 }
            "#]],
        );
    }

    #[test]
    fn a_chunk_that_is_no_chunk_is_garbled() {
        check(
            "<html>",
            expect![[r#"
                Garbled("an event that is not a chunk: `<html>`")
                text "" reasoning "" Finished
            "#]],
        );
    }

    #[test]
    fn an_answer_at_the_end_of_the_window_is_cut_off() {
        check(
            r#"{"choices":[{"delta":{"content":"and th"},"finish_reason":"length"}]}"#,
            expect![[r#"
                Said(Text("and th"))
                text "and th" reasoning "" CutOff
            "#]],
        );
    }
}
