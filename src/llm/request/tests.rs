//! What is sent for which entries, and that it only ever grows.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::conversation::{
    Condensed, Effect, End, Form, Mark, Outcome, Plan, PlanStep, Pruned, Status, StepStatus, Usage,
};

fn text(request: &Request) -> String {
    String::from_utf8(request.body().0.iter().flat_map(|it| it.to_vec()).collect()).unwrap()
}

#[track_caller]
fn check(entries: &[Entry], expected: Expect) {
    let mut request = Request::new(&Constants::default(), &[]);
    request.extend(entries);
    let body: serde_json::Value = serde_json::from_str(&text(&request)).unwrap();
    let messages = body["messages"].as_array().unwrap().iter().map(|it| format!("{it}\n"));
    expected.assert_eq(&messages.collect::<String>());
}

fn call(id: &str, tool: &str, args: &str) -> Call {
    Call { id: id.to_owned(), tool: tool.to_owned(), args: args.to_owned() }
}

fn result(id: &str, text: &str) -> Entry {
    let outcome = Outcome::new(Status::Done, text, "not sent");
    Entry::Result { call: id.to_owned(), outcome }
}

#[test]
fn the_head_holds_what_never_changes() {
    let sampling = vec![("temperature".to_owned(), 0.5.into())];
    let constants = Constants { model: Some("m".to_owned()), sampling, llama: true };
    let definition = r#"{"name":"look"}"#.to_owned();
    let tools = [ToolSpec { name: "look".to_owned(), definition, effect: Effect::Reads }];
    expect![[r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"return_progress":true,"reasoning_control":true,"temperature":0.5,"tools":[{"type":"function","function":{"name":"look"}}],"messages":[]}"#]]
        .assert_eq(&text(&Request::new(&constants, &tools)));
}

#[test]
fn a_form_is_asked_for_behind_all_that_was_said() {
    let mut request = Request::new(&Constants::default(), &[]);
    request.extend(&[Entry::Prompt("plan it".to_owned())]);
    let (plain, formed) = (text(&request), text(&request.in_form(r#"{"type":"object"}"#)));
    assert!(formed.starts_with(plain.strip_suffix("]}").unwrap()));
    expect![[r#"{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}}"#]].assert_eq(
        &serde_json::from_str::<serde_json::Value>(&formed).unwrap()["response_format"].to_string(),
    );
    assert_eq!(text(&request), plain);
}

#[test]
fn a_note_before_a_prompt_is_one_message_with_it() {
    let said = |it: &str| Entry::Prompt(it.to_owned());
    let reply = |it: &str| Entry::Reply(Reply { text: it.to_owned(), ..Reply::default() });
    check(
        &[said("go"), reply("done"), Entry::Note("undone".to_owned()), said("again")],
        expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":"done"}
            {"role":"user","content":"undone\n\nagain"}
        "#]],
    );
}

#[test]
fn a_turn_with_calls() {
    let reply = Reply {
        text: "I look.".to_owned(),
        reasoning: "where?".to_owned(),
        calls: vec![call("a", "read_file", r#"{"path":"x"}"#), call("b", "list_files", "")],
        ..Reply::default()
    };
    check(
        &[
            Entry::Opened { system: "be good".to_owned() },
            Entry::Prompt("look".to_owned()),
            Entry::Reply(reply),
            Entry::Started { call: "a".to_owned() },
            result("a", "1\tx"),
            result("b", "x"),
            Entry::Note("go on".to_owned()),
        ],
        expect![[r#"
            {"role":"system","content":"be good"}
            {"role":"user","content":"look"}
            {"role":"assistant","content":"I look.","reasoning_content":"where?","tool_calls":[{"id":"a","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"x\"}"}},{"id":"b","type":"function","function":{"name":"list_files","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"a","name":"read_file","content":"1\tx"}
            {"role":"tool","tool_call_id":"b","name":"list_files","content":"x"}
            {"role":"user","content":"go on"}
        "#]],
    );
}

#[test]
fn arguments_that_are_no_object_are_quoted_in_one() {
    let calls = vec![call("a", "read_file", r#"{"path":"#), call("b", "read_file", "[1]")];
    check(
        &[Entry::Reply(Reply { calls, ..Reply::default() })],
        expect![[r#"
            {"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"read_file","arguments":"{\"malformed\":\"{\\\"path\\\":\"}"}},{"id":"b","type":"function","function":{"name":"read_file","arguments":"{\"malformed\":\"[1]\"}"}}]}
        "#]],
    );
}

#[test]
fn calls_that_were_text_stay_text_and_their_results_are_one_message() {
    let reply = Reply {
        text: "I look. ".to_owned(),
        spoken: "<tool_call>…".to_owned(),
        calls: vec![call("a", "read_file", "{}"), call("b", "list_files", "{}")],
        ..Reply::default()
    };
    check(
        &[
            Entry::Reply(reply),
            result("a", "1\tx"),
            result("b", "x"),
            Entry::Reply(Reply::default()),
        ],
        expect![[r#"
            {"role":"assistant","content":"I look. <tool_call>…"}
            {"role":"user","content":"[You wrote the call as text. Use the tool-call format.]\n\nResult of read_file:\n1\tx\n\nResult of list_files:\nx"}
            {"role":"assistant","content":""}
        "#]],
    );
}

#[test]
fn a_long_conversation_is_not_copied_for_each_request() {
    let entries: Vec<_> = (0..10_000).map(|_| result("a", &"word ".repeat(20))).collect();
    let mut request = Request::new(&Constants::default(), &[]);
    request.extend(&entries);
    let (one, other) = (request.body().0, request.body().0);
    let shared = one.iter().zip(&other).filter(|(a, b)| a.as_ptr() == b.as_ptr());
    let shared: usize = shared.map(|(a, _)| a.len()).sum();
    let whole: usize = one.iter().map(Bytes::len).sum();
    assert!(whole > 10 * BLOCK && whole - shared <= BLOCK + 2, "{shared} of {whole}");
}

fn entry() -> impl Strategy<Value = Entry> {
    let texts = (".{0,40}", ".{0,10}", "|.{1,9}");
    let reply = (texts, prop::collection::vec(".{0,20}", 0..3)).prop_map(|(it, calls)| {
        let calls = calls.iter().map(|args| call("a", "t", args)).collect();
        Entry::Reply(Reply {
            text: it.0,
            reasoning: it.1,
            spoken: it.2,
            calls,
            end: End::Finished,
            usage: Usage::default(),
            model: String::new(),
        })
    });
    prop_oneof![
        4 => ".{0,40}".prop_map(Entry::Prompt),
        4 => ".{0,40}".prop_map(Entry::Note),
        1 => ".{0,40}".prop_map(|words| Entry::Wanted { form: Form::Plan, words }),
        1 => Just(Entry::Planning),
        2 => plan(),
        4 => reply,
        4 => (".{0,3}", "(?s).{0,600}").prop_map(|(id, text)| result(&id, &text)),
        4 => Just(result("a", &"long ".repeat(BLOCK / 3))),
        1 => cut(),
    ]
}

/// A plan, or how far it has come: what stands in a summary.
fn plan() -> impl Strategy<Value = Entry> {
    prop_oneof![
        prop::collection::vec("[a-z]{1,9}", 1..4).prop_map(|steps| {
            let step = |what| PlanStep { what, ..PlanStep::default() };
            let steps = steps.into_iter().map(step).collect();
            Entry::Planned(Plan { steps, ..Plan::default() })
        }),
        (0..3usize).prop_map(|step| {
            Entry::Marked(Mark { step, status: StepStatus::Done, ..Mark::default() })
        }),
    ]
}

fn cut() -> impl Strategy<Value = Entry> {
    let most = prop::sample::select(vec![500, usize::MAX]);
    prop_oneof![
        (0..9usize, most).prop_map(|(kept, most)| Entry::Pruned(Pruned { kept, most })),
        (0..9usize, ".{0,9}").prop_map(|(kept, summary)| {
            Entry::Condensed(Condensed { summary, kept, usage: Usage::default() })
        }),
    ]
}

/// As a turn leaves them: each call has its result, and room is made before the model is asked.
fn session() -> impl Strategy<Value = Vec<Entry>> {
    let step = (prop::collection::vec("(?s).{0,600}", 0..3), prop::option::weighted(0.2, cut()));
    prop::collection::vec(prop::collection::vec(step, 1..5), 1..4).prop_map(|turns| {
        let mut entries = vec![Entry::Opened { system: "be good".to_owned() }];
        for steps in turns {
            entries.push(Entry::Prompt("go".to_owned()));
            let last = steps.len() - 1;
            for (at, (results, cut)) in steps.into_iter().enumerate() {
                entries.extend(cut);
                if at == 1 {
                    // Somebody notes a plan, and later how far it has come.
                    let steps = vec![PlanStep::default(); 2];
                    entries.push(Entry::Planned(Plan { steps, ..Plan::default() }));
                }
                entries.push(Entry::Marked(Mark {
                    step: at,
                    status: StepStatus::Done,
                    ..Mark::default()
                }));
                let results = if at == last { Vec::new() } else { results };
                let ids = || (0..results.len()).map(|it| it.to_string());
                let calls = ids().map(|id| call(&id, "t", "{}")).collect();
                entries.push(Entry::Reply(Reply { calls, ..Reply::default() }));
                if results.is_empty() && at != last {
                    entries.push(Entry::Note("say something".to_owned()));
                }
                entries.extend(ids().zip(&results).map(|(id, text)| result(&id, text)));
            }
        }
        entries
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn each_request_begins_with_the_one_before(entries in prop::collection::vec(entry(), 0..12)) {
        let mut request = Request::new(&Constants::default(), &[]);
        let mut before = text(&request);
        for upto in 0..=entries.len() {
            request.extend(&entries[..upto]);
            let now = text(&request);
            // Words of the user that nobody has answered may be added to.
            let end = if before.ends_with(r#""}]}"#) { 4 } else { 2 };
            let is_cut = entries[..upto].last().is_some_and(Entry::is_cut);
            let grown = now.starts_with(&before[..before.len() - end]);
            prop_assert!(grown || is_cut, "request {} rewrites what was sent", upto);
            let parsed = serde_json::from_str::<serde_json::Value>(&now);
            prop_assert!(parsed.is_ok());
            prop_assert_eq!(http_body::Body::size_hint(&request.body()).exact(), Some(now.len() as u64));
            before = now;
        }
        let mut at_once = Request::new(&Constants::default(), &[]);
        at_once.extend(&entries);
        prop_assert_eq!(text(&at_once), before);
    }

    #[test]
    fn wherever_room_is_made_templates_find_what_they_want(entries in session()) {
        for upto in 1..=entries.len() {
            let mut request = Request::new(&Constants::default(), &[]);
            request.extend(&entries[..upto]);
            let body: serde_json::Value = serde_json::from_str(&text(&request)).unwrap();
            let (mut before, mut calls) = ("", Vec::new());
            for message in body["messages"].as_array().unwrap() {
                let role = message["role"].as_str().unwrap();
                match role {
                    "system" => prop_assert_eq!(before, ""),
                    "user" => prop_assert!(before != "user" && calls.is_empty(), "{:?}", body),
                    "tool" => {
                        let at = calls.iter().position(|it| *it == message["tool_call_id"]);
                        prop_assert!(at.is_some(), "a result without its call: {:?}", body);
                        calls.remove(at.unwrap());
                    }
                    _ => {
                        prop_assert!(matches!(before, "user" | "tool") && calls.is_empty(), "{:?}", body);
                        let made = message["tool_calls"].as_array().into_iter().flatten();
                        calls = made.map(|it| it["id"].clone()).collect();
                    }
                }
                before = role;
            }
        }
    }
}

/// What stands behind the messages, after each of these: `c` makes room, `r` is a reply, `p` a prompt.
#[track_caller]
fn check_end(llama: bool, script: &str, expected: Expect) {
    let constants = Constants { llama, ..Constants::default() };
    let (mut request, mut entries) = (Request::new(&constants, &[]), Vec::new());
    let ends = script.split_whitespace().map(|it| {
        entries.push(match it {
            "c" => Entry::Pruned(Pruned { kept: 0, most: 10 }),
            "r" => Entry::Reply(Reply::default()),
            _ => Entry::Prompt("go".to_owned()),
        });
        request.extend(&entries);
        let text = text(&request);
        format!("{it}{}\n", &text[text.rfind(']').unwrap_or_default()..])
    });
    expected.assert_eq(&ends.collect::<String>());
}

#[test]
fn when_room_was_made_what_is_left_may_be_taken_over_from_another_place() {
    check_end(
        true,
        "p r p c p r p",
        expect![[r#"
        p]}
        r]}
        p]}
        c],"n_cache_reuse":256}
        p],"n_cache_reuse":256}
        r]}
        p]}
    "#]],
    );
    check_end(
        false,
        "p r p c p",
        expect![[r#"
        p]}
        r]}
        p]}
        c]}
        p]}
    "#]],
    );
}
