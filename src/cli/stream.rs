//! Prompts as lines of JSON on standard input, one turn each, in the shape that tools of this kind
//! have settled on.

use std::collections::VecDeque;
use std::io::{BufRead, Read};
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, channel};

use crate::agent::{Desk, Finish, Interrupt};
use crate::cli::serving::Serving;
use crate::cli::{Exit, WrongUsage, planning, print, proving};
use crate::conversation::Stop;
use crate::ui::{Json, TurnEnd};

/// No window holds a prompt this long.
const LONGEST: u64 = 64 << 20;

/// So many lines are read ahead while a turn runs.
const MOST_WAITING: usize = 64;

/// What a line asks for.
#[derive(Debug, PartialEq)]
enum Wish {
    /// A turn with these words.
    Turn(String),
    /// That the turn that runs is stopped.
    Interrupt { id: Value },
    /// Something else, which has its answer here already.
    Other { id: Value, answer: Result<Value, String> },
}

/// A wish, or what is wrong with its line.
type Line = Result<Wish, String>;

/// Works on each prompt that comes, until there are no more.
pub(super) async fn converse(
    desk: &mut Desk<Serving, Json>,
    (interrupt, leave): (&Interrupt, &Interrupt),
) -> anyhow::Result<Exit> {
    let mut lines = lines();
    let mut waiting = VecDeque::new();
    let mut last = None;
    loop {
        let line = match waiting.pop_front() {
            Some(line) => Some(line),
            None => tokio::select! {
                biased;
                () = interrupt.fired() => return Ok(Exit::Cancelled),
                () = leave.fired() => return Ok(Exit::Cancelled),
                line = lines.recv() => line,
            },
        };
        let words = match line {
            None => break,
            Some(Ok(Wish::Turn(words))) => words,
            // There is nothing to stop.
            Some(Ok(Wish::Interrupt { id })) => {
                respond(&id, &Ok(json!({})))?;
                continue;
            }
            Some(Ok(Wish::Other { id, answer })) => {
                respond(&id, &answer)?;
                continue;
            }
            Some(Err(complaint)) => {
                let took = Duration::ZERO;
                desk.front().finish(TurnEnd { error: Some(&complaint), structured: None, took });
                bail!(WrongUsage(complaint));
            }
        };
        let began = Instant::now();
        let mut was_asked_to_stop = false;
        let finish = {
            let mut turn = pin!(desk.prompt(words));
            let mut is_open = true;
            loop {
                tokio::select! {
                    biased;
                    finish = &mut turn => break finish,
                    line = lines.recv(), if is_open && waiting.len() < MOST_WAITING => match line {
                        None => is_open = false,
                        Some(Ok(Wish::Interrupt { id })) => {
                            was_asked_to_stop = true;
                            interrupt.fire();
                            respond(&id, &Ok(json!({})))?;
                        }
                        Some(line) => waiting.push_back(line),
                    }
                }
            }
        };
        // Before the line that says so, or a signal that comes right behind it would be forgotten.
        let was_signal =
            matches!(finish, Ok(Finish::Stopped(Stop::Cancelled))) && !was_asked_to_stop;
        if was_asked_to_stop || matches!(finish, Ok(Finish::Stopped(Stop::TimeLimit))) {
            interrupt.clear();
        }
        tell(desk, &finish, began);
        let finish = finish?;
        if was_signal {
            return Ok(Exit::Cancelled);
        }
        last = Some(Exit::from(finish));
    }
    match last {
        Some(exit) => Ok(exit),
        None => bail!(WrongUsage(
            "standard input held no message\n\
             hint: a line is as {\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"fix the failing tests\"}}"
                .to_owned()
        )),
    }
}

/// Works on one prompt.
pub(super) async fn turn(
    desk: &mut Desk<Serving, Json>,
    prompt: String,
    began: Instant,
) -> anyhow::Result<Exit> {
    let finish = desk.prompt(prompt).await;
    tell(desk, &finish, began);
    finish.map(Exit::from)
}

/// Plans, and works on each step of the plan.
pub(super) async fn planned(
    desk: &mut Desk<Serving, Json>,
    task: &str,
    began: Instant,
) -> anyhow::Result<Exit> {
    let ended = planning::alone(desk, task).await;
    tell(desk, &ended, began);
    ended
}

/// Writes tests and tries them; what came of each is the structured output.
pub(super) async fn proven(
    desk: &mut Desk<Serving, Json>,
    prompt: String,
    began: Instant,
) -> anyhow::Result<Exit> {
    let ended = proving::alone(desk, prompt).await.map(|(exit, proof)| {
        desk.formed = Some(proving::told(desk, &proof));
        exit
    });
    tell(desk, &ended, began);
    ended
}

/// The last line of a turn.
fn tell<T>(desk: &mut Desk<Serving, Json>, finish: &anyhow::Result<T>, began: Instant) {
    let error = finish.as_ref().err().map(|err| format!("{err:#}"));
    let structured = desk.formed.take();
    desk.front().finish(TurnEnd {
        error: error.as_deref(),
        structured: structured.as_ref(),
        took: began.elapsed(),
    });
}

/// What the one who asked is told.
fn respond(id: &Value, answer: &Result<Value, String>) -> anyhow::Result<()> {
    let response = match answer {
        Ok(response) => json!({"subtype": "success", "request_id": id, "response": response}),
        Err(reason) => json!({"subtype": "error", "request_id": id, "error": reason}),
    };
    print(&format!("{}\n", json!({"type": "control_response", "response": response})))
}

/// Standard input, line by line, read on a thread of its own: nothing can interrupt such a read.
fn lines() -> Receiver<Line> {
    let (sender, receiver) = channel(1);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        for number in 1.. {
            let mut bytes = Vec::new();
            let read = (&mut stdin).take(LONGEST).read_until(b'\n', &mut bytes);
            let line = match read {
                Ok(0) => return,
                Ok(_) if bytes.trim_ascii().is_empty() => continue,
                Ok(_) if bytes.len() as u64 == LONGEST => {
                    Err("it is longer than 64 MiB".to_owned())
                }
                Ok(_) => understood(&bytes),
                Err(err) => Err(format!("it cannot be read: {err}")),
            };
            let line =
                line.map_err(|it| format!("line {number} of standard input is no message: {it}"));
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

fn understood(line: &[u8]) -> Line {
    let value: Value = serde_json::from_slice(line).map_err(|err| format!("not JSON ({err})"))?;
    match value["type"].as_str() {
        Some("user") => words(&value["message"]).map(Wish::Turn),
        Some("control_request") => {
            let id = value["request_id"].clone();
            Ok(match value["request"]["subtype"].as_str().unwrap_or_default() {
                "interrupt" => Wish::Interrupt { id },
                "initialize" => Wish::Other { id, answer: Ok(json!({"commands": []})) },
                other => Wish::Other { id, answer: Err(format!("there is no request `{other}`")) },
            })
        }
        Some(other) => Err(format!("its type is `{other}`, not `user`")),
        None => Err("it has no `type`".to_owned()),
    }
}

/// What the user says in a message.
fn words(message: &Value) -> Result<String, String> {
    if message["role"].as_str().is_some_and(|it| it != "user") {
        return Err("its role is not `user`".to_owned());
    }
    let words = match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let text = |it: &Value| match (it["type"].as_str(), it["text"].as_str()) {
                (Some("text"), Some(text)) => Ok(text.to_owned()),
                (kind, _) => Err(format!(
                    "a block of type `{}` is not understood, only `text`",
                    kind.unwrap_or_default()
                )),
            };
            blocks.iter().map(text).collect::<Result<Vec<_>, _>>()?.join("\n\n")
        }
        _ => return Err("its `message.content` is neither text nor a list".to_owned()),
    };
    match words.trim() {
        "" => Err("it says nothing".to_owned()),
        _ => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Expect) {
        expected.assert_eq(&match understood(line.as_bytes()) {
            Ok(wish) => format!("{wish:?}"),
            Err(complaint) => complaint,
        });
    }

    #[test]
    fn a_message_of_the_user_is_a_turn() {
        check(
            r#"{"type":"user","message":{"role":"user","content":"fix it"}}"#,
            expect![[r#"Turn("fix it")"#]],
        );
        check(
            r#"{"type":"user","message":{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},"session_id":"","parent_tool_use_id":null}"#,
            expect![[r#"Turn("a\n\nb")"#]],
        );
    }

    #[test]
    fn requests_of_the_program_are_answered() {
        check(
            r#"{"type":"control_request","request_id":"r1","request":{"subtype":"interrupt"}}"#,
            expect![[r#"Interrupt { id: String("r1") }"#]],
        );
        check(
            r#"{"type":"control_request","request_id":"r1","request":{"subtype":"initialize","hooks":null}}"#,
            expect![[r#"Other { id: String("r1"), answer: Ok(Object {"commands": Array []}) }"#]],
        );
        check(
            r#"{"type":"control_request","request_id":"r1","request":{"subtype":"set_model"}}"#,
            expect![[
                r#"Other { id: String("r1"), answer: Err("there is no request `set_model`") }"#
            ]],
        );
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        check("fix it", expect!["not JSON (expected ident at line 1 column 2)"]);
        check("[]", expect!["it has no `type`"]);
        check(r#"{"type":"assistant"}"#, expect!["its type is `assistant`, not `user`"]);
        check(r#"{"type":"user"}"#, expect!["its `message.content` is neither text nor a list"]);
        check(
            r#"{"type":"user","message":{"role":"user","content":" "}}"#,
            expect!["it says nothing"],
        );
        check(
            r#"{"type":"user","message":{"role":"assistant","content":"x"}}"#,
            expect!["its role is not `user`"],
        );
        check(
            r#"{"type":"user","message":{"content":[{"type":"image","source":{}}]}}"#,
            expect!["a block of type `image` is not understood, only `text`"],
        );
    }
}
