//! A conversation that is longer than the window: room is made in the middle of a turn, and the turn
//! goes on.
#![cfg(target_os = "linux")]

mod support;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::journal;
use crate::support::long::{self, WINDOW};
use crate::support::play::{Play, entries};
use crate::support::response::{Response, call, say};
use crate::support::wire::{self, Usage};

/// A summary as the model may write it.
const SUMMARY: &str = "## Goal\nRead it.\n## Next steps\nSay what is in it.";

/// A server with a small window, and a project with a file.
fn small(responses: Vec<Response>) -> (Home, FaultServer) {
    let (home, server) = (Home::new(), FaultServer::script(responses));
    server.on("GET", "/props", Response::json(200, &wire::props(WINDOW)));
    server.on("POST", "/v1/chat/completions/input_tokens", Response::not_found());
    home.file("project/a.txt", &"a line of the file\n".repeat(100));
    (home, server)
}

fn read() -> Response {
    call("read_file", json!({"paths": ["a.txt"]}))
}

/// Runs one prompt; shows what the person sees, what was written down, and the last request.
#[track_caller]
fn check(responses: Vec<Response>, expected: Expect) {
    let (home, server) = small(responses);
    let run = home.agent(&["go"]).server(&server).run();
    run.assert_code(0);
    let chats = server.chats();
    let gist = |it: &Value| {
        let text = it["content"].as_str().unwrap_or_default();
        let start: String = text.chars().take(90).collect();
        format!("{} {start:?}\n", it["role"].as_str().unwrap_or_default())
    };
    let messages = chats.last().expect("it asked").messages();
    let sent: String = messages[1..].iter().map(gist).collect();
    let cut = |line: &str| format!("{}\n", line.chars().take(80).collect::<String>());
    let shape: String = journal::shape(&home).lines().map(cut).collect();
    expected.assert_eq(&format!("{}---\n{shape}---\n{sent}", run.stderr));
}

#[test]
fn what_the_server_refuses_as_too_long_is_summed_up_and_the_turn_goes_on() {
    check(
        vec![read(), Response::overflow(7000, WINDOW), say(SUMMARY), say("It is long.")],
        expect![[r###"
            ● read_file a.txt  100 lines
              made room in the window: the conversation so far was summed up
              300 tokens read, 0 from cache, 30 written at 100/s, 1 % of the window
            ---
            header
            opened
            prompt "go"
            reply 1 calls ""
            started
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            full
            condensed 4 "## Goal\nRead it.\n## Next steps\nSay what is in it."
            reply "It is long."
            ---
            user "[To make room, the conversation so far was summed up. You wrote:]\n## Goal\nRead it.\n## Next"
            assistant ""
            tool "1\ta line of the file\n2\ta line of the file\n3\ta line of the file\n4\ta line of the file\n5\ta li"
        "###]],
    );
}

#[test]
fn a_summary_that_is_cut_off_is_asked_for_again_and_done_without_at_last() {
    let cut = || Response::stream().text("## Goal\nRea").finish("length");
    check(
        vec![read(), Response::overflow(7000, WINDOW), cut(), cut(), say("It is long.")],
        expect![[r#"
            ● read_file a.txt  100 lines
              made room in the window: the beginning of the conversation was left out
              200 tokens read, 0 from cache, 20 written at 100/s, 1 % of the window
            ---
            header
            opened
            prompt "go"
            reply 1 calls ""
            started
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            full
            condensed 4 ""
            reply "It is long."
            ---
            user "[To make room, the beginning of this conversation was left out.]\n\n[The user's request that"
            assistant ""
            tool "1\ta line of the file\n2\ta line of the file\n3\ta line of the file\n4\ta line of the file\n5\ta li"
        "#]],
    );
}

#[test]
fn what_is_more_than_the_window_is_shortened_first() {
    check(
        vec![read(), Response::overflow(9000, WINDOW), say("It is long.")],
        expect![[r#"
        ● read_file a.txt  100 lines
          made room in the window: results were shortened
          200 tokens read, 0 from cache, 20 written at 100/s, 1 % of the window
        ---
        header
        opened
        prompt "go"
        reply 1 calls ""
        started
        result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
        full
        pruned 4
        reply "It is long."
        ---
        user "go"
        assistant ""
        tool "1\ta line of the file\n2\ta line of the file\n3\ta line of the file\n4\ta line of the file\n5\ta li"
    "#]],
    );
}

#[test]
fn a_reply_that_fills_the_window_is_void_and_asked_for_again() {
    let usage = Usage { cached: 6000, prompt: 800, predicted: WINDOW - 6800 };
    let cut = Response::stream().text("It is").finish_with("length", usage);
    check(
        vec![read(), cut, say(SUMMARY), say("It is long.")],
        expect![[r###"
            ● read_file a.txt  100 lines
            the reply has filled the window; what it said is void; asking again in [TIME]
              made room in the window: the conversation so far was summed up
              300 tokens read, 0 from cache, 30 written at 100/s, 1 % of the window
            ---
            header
            opened
            prompt "go"
            reply 1 calls ""
            started
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            full
            condensed 4 "## Goal\nRead it.\n## Next steps\nSay what is in it."
            reply "It is long."
            ---
            user "[To make room, the conversation so far was summed up. You wrote:]\n## Goal\nRead it.\n## Next"
            assistant ""
            tool "1\ta line of the file\n2\ta line of the file\n3\ta line of the file\n4\ta line of the file\n5\ta li"
        "###]],
    );
}

/// By what the server has counted last: this one cannot count beforehand.
#[test]
fn room_is_made_before_the_server_has_to_refuse() {
    let reads = |count: usize, prompt: u64| {
        let usage = Usage { cached: 0, prompt, predicted: 10 };
        // Other words each time: a model that repeats itself is stopped.
        let read = |it: Response, n: usize| {
            it.call("read_file", &json!({"paths": ["a.txt"], "end_line": 200 + 10 * count + n}))
        };
        (0..count).fold(Response::stream(), read).finish_with("tool_calls", usage)
    };
    check(
        vec![reads(6, 1700), reads(4, 5300), say(SUMMARY), say("It is long.")],
        expect![[r###"
            ● read_file a.txt  100 lines
            ● read_file a.txt  100 lines
            ● read_file a.txt  100 lines
            ● read_file a.txt  100 lines
            ● read_file a.txt  100 lines
            ● read_file a.txt  100 lines
            ● read_file a.txt  100 lines
            ● read_file a.txt  100 lines
            ● read_file a.txt  100 lines
            ● read_file a.txt  100 lines
              made room in the window: the conversation so far was summed up
              7,200 tokens read, 0 from cache, 40 written at 100/s, 1 % of the window
            ---
            header
            opened
            prompt "go"
            reply 6 calls ""
            started
            started
            started
            started
            started
            started
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            reply 4 calls ""
            started
            started
            started
            started
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            result "done" "1\ta line of the file\n2\ta line of the file\n3\ta line of the fi
            full
            condensed 0 "## Goal\nRead it.\n## Next steps\nSay what is in it."
            reply "It is long."
            ---
            user "[To make room, the conversation so far was summed up. You wrote:]\n## Goal\nRead it.\n## Next"
        "###]],
    );
}

#[test]
fn programs_are_told_where_room_was_made() {
    let responses = vec![read(), Response::overflow(7000, WINDOW), say(SUMMARY), say("Long.")];
    let (home, server) = small(responses);
    let run = home.agent(&["--output-format", "stream-json", "go"]).server(&server).run();
    run.assert_code(0);
    let lines = run.stdout.lines().map(|it| serde_json::from_str::<Value>(it).expect("JSON"));
    let told: Vec<_> = lines
        .filter(|it| it["subtype"] == "compact_boundary" || it["type"] == "result")
        .map(|it| format!("{} {}\n", it["compact_metadata"], it["usage"]))
        .collect();
    expect![[r#"
        {"trigger":"auto","pre_tokens":7000,"how":"summed"} null
        null {"input_tokens":300,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":30}
    "#]]
    .assert_eq(&told.concat());
}

#[test]
fn a_summary_is_asked_for_in_the_persons_words() {
    let responses = vec![read(), Response::overflow(7000, WINDOW), say(SUMMARY), say("Long.")];
    let (home, server) = small(responses);
    home.file("home/.config/agent/prompts/compact.md", "Sum it up in one line.\n");
    home.agent(&["go"]).server(&server).run().assert_code(0);
    let chat = server.chat(2);
    let asked = chat.messages().last().and_then(|it| it["content"].as_str()).unwrap_or_default();
    assert_eq!(asked, "Sum it up in one line.");
}

// On a real llama-server.

/// How many commands the model runs.
const COMMANDS: usize = 80;

#[test]
fn a_task_that_is_longer_than_the_window_is_done_and_nothing_is_read_twice() {
    let Some(play) = Play::new() else { return };
    let model = long::task(&play, COMMANDS);
    let args = ["-m", &model, "--permission", "full", "--max-turns", "1000", "run it"];
    let run = play.agent(&args).within(std::time::Duration::from_secs(120)).run();
    run.assert_code(0);
    assert!(run.stdout.ends_with("The task is done.\n"), "{}", run.stdout);
    let cost = long::cost(&entries(&play.home));
    eprintln!("{cost:?}");
    assert_eq!(cost.replies, COMMANDS + 1);
    assert!(1 < cost.cuts, "the window was never full: {cost:?}");
    assert!(cost.again * 20 <= cost.new, "what was read before was read again: {cost:?}");
    assert!(cost.cuts as u64 * WINDOW / 2 <= cost.new, "room is made too often: {cost:?}");
}

#[test]
fn a_session_that_was_summed_up_goes_on_from_there() {
    let Some(play) = Play::new() else { return };
    let model = long::task(&play, COMMANDS);
    let args = ["-m", &model, "--permission", "full"];
    // It stops after the first summary, and goes on with what that has left.
    let first = play.agent(&[&args[..], &["--max-turns", "30", "run it"]].concat()).run();
    first.assert_code(4);
    let before = entries(&play.home);
    assert_eq!(long::cost(&before).cuts, 1);
    let then = play.agent(&[&args[..], &["-c", "--max-turns", "1", "go on"]].concat()).run();
    then.assert_code(4);
    let all = entries(&play.home);
    let prompt = |it: &Value| it["usage"]["cached"].as_u64().zip(it["usage"]["read"].as_u64());
    let last = |of: &[Value]| of.iter().rev().find_map(prompt).map(|(cached, read)| cached + read);
    let (before, after) = (last(&before).expect("it asked"), last(&all).expect("it asked"));
    assert!(before < after && after < before + 1000, "{before} tokens have become {after}");
}
