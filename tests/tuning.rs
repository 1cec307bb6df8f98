//! What a person changes in the middle of a conversation: the model, settings, colours.

mod support;

use expect_test::{Expect, expect};
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::play::{Play, entries, servers, until};
use crate::support::response::say;
use crate::support::talk::Talk;

#[track_caller]
fn leaves(talk: Talk, expected: Expect) {
    expected.assert_eq(&talk.leave());
}

/// The conversation goes on with the other model: what was said is said to it anew, and the server of
/// the first is gone.
#[test]
fn a_conversation_goes_on_with_another_model() {
    let Some(play) = Play::new() else { return };
    let one = play.model("one", &json!([{"content": "I am one."}, {"content": "One again."}]));
    let two =
        play.model("two", &json!([{"content": "?"}, {"content": "I am two, as you said to one."}]));
    let folder = "home/models";
    for (from, name) in [(&one, "One-1B-Q4_0.gguf"), (&two, "Two-2B-Q8_0.gguf")] {
        let to = play.home.path(&format!("{folder}/{name}"));
        std::fs::create_dir_all(to.parent().expect("it has one")).expect("a folder can be made");
        std::fs::rename(from, to).expect("a file can be moved");
    }
    play.configure("");
    let config = play.home.read("home/.config/agent/config.toml");
    let config = format!("models.folders = ['~/models']\n{config}");
    play.home.file("home/.config/agent/config.toml", &config);
    let mut talk = Talk::begin(play.agent(&["-m", "One-1B"]));
    talk.say("who are you?", "I am one.");
    let first = play.server_process();
    talk.enter("/model");
    talk.terminal.wait_for("a number, or Enter to stay:");
    let screen = talk.terminal.screen();
    let from = screen.find("› /model").expect("it was typed");
    let rows = screen[from..].lines().filter(|it| it.contains("B:Q") || it.starts_with("* the"));
    let rows: Vec<_> = rows.map(|it| it.split("  in memory").next().unwrap_or(it)).collect();
    expect![[r#"
        *  1  One-1B:Q4_0        138 kB
           2  Two-2B:Q8_0        138 kB
        * the one that is worked with"#]]
    .assert_eq(&rows.join("\n"));
    talk.terminal.send("2\r");
    talk.say("and you?", "I am two, as you said to one.");
    until("the first server to be gone", || servers(&play.home).iter().all(|it| *it != first));
    assert_eq!(servers(&play.home).len(), 1);
    talk.say("/model nothing", "there is no model `nothing` here");
    talk.say("/model two-2b", "it is the one that is");
    talk.say("/status", "agent 0.1.0 · Two-2B");
    talk.prompted();
    drop(talk);
    let entries = entries(&play.home);
    let replies: Vec<_> = entries.iter().filter(|it| it["kind"] == "reply").collect();
    let models: Vec<_> =
        replies.iter().map(|it| it["model"].as_str().unwrap_or_default()).collect();
    assert!(models[0].contains("One-1B") && models[1].contains("Two-2B"), "{models:?}");
    let read = replies[1]["usage"]["read"].as_u64();
    let cached = replies[1]["usage"]["cached"].as_u64();
    assert!(read.is_some() && cached.is_some());
}

#[test]
fn a_model_that_cannot_be_leaves_the_one_that_is() {
    let Some(play) = Play::new() else { return };
    let one = play.model("one", &json!([{"content": "I am one."}, {"content": "One again."}]));
    let mut talk = Talk::begin(play.agent(&["-m", &one]));
    talk.say("who are you?", "I am one.");
    let first = play.server_process();
    play.home.file("project/broken.gguf", "no model");
    talk.say("/model broken.gguf", "error:");
    talk.enter("/model missing.gguf");
    talk.terminal.wait_until("the second error", |it| it.matches("error:").count() == 2);
    talk.say("still there?", "One again.");
    assert_eq!(servers(&play.home), [first]);
    talk.leave();
}

#[test]
fn a_server_of_somebody_else_is_asked_for_the_model() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("One."), say("Two.")]);
    let mut talk = Talk::open(&home, &server, &["-m", "small"]);
    talk.say("hello", "One.");
    talk.say("/model", "is asked for small;");
    talk.say("/model big", "is asked for big from now on");
    talk.say("/config model", "\"big\"  this conversation");
    talk.say("hello?", "Two.");
    assert_eq!(server.chat(0).body["model"], "small");
    assert_eq!(server.chat(1).body["model"], "big");
    let words =
        server.chat(1).messages().iter().map(|it| it["content"].clone()).collect::<Vec<_>>();
    assert_eq!(words[1..], ["hello", "One.", "hello?"]);
}

#[test]
fn settings_are_shown_and_some_change_at_once() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("One."), say("Two.")]);
    let mut talk = Talk::open(&home, &server, &["--temperature", "0.5"]);
    talk.say("hello", "One.");
    talk.say("/config sampling.temperature", "0.5  --temperature");
    talk.say("/config sampling.temperature 0.2", "for this conversation");
    talk.say("/config sampling.temperature", "0.2  this conversation");
    talk.say("/config sampling.temperature hot", "must be a number");
    talk.say("/config llama.context 4096", "counts from the start of a program");
    talk.say("/config sampling.temperatur", "did you mean");
    talk.say("again", "Two.");
    assert_eq!(server.chat(0).body["temperature"], 0.5);
    assert_eq!(server.chat(1).body["temperature"], 0.2);
    leaves(
        talk,
        expect![[r#"
            › hello
            One.
            › /config sampling.temperature
            sampling.temperature  0.5  --temperature
            › /config sampling.temperature 0.2
            sampling.temperature = 0.2 for this conversation
            › /config sampling.temperature
            sampling.temperature  0.2  this conversation
            › /config sampling.temperature hot
            error: `sampling.temperature` must be a number from 0 to 5, not `hot`
            › /config llama.context 4096
            `llama.context` counts from the start of a program: write `llama.context = 4096` into
            ~/.config/agent/config.toml, or give it with the next start
            › /config sampling.temperatur
            error: unknown key `sampling.temperatur`; did you mean `sampling.temperature`?
            hint: `/config` lists all there are
            › again
            Two.
            ›"#]],
    );
}

#[test]
fn colours_change_at_once() {
    let home = Home::new();
    let code = "```rust\nlet x = 1;\n```";
    let server = FaultServer::script(vec![say(code), say(code), say(code)]);
    let mut talk = Talk::coloured(home.agent(&[]).server(&server));
    let mut seen = 0;
    let mut colours = |talk: &mut Talk, n: usize| {
        talk.enter("code");
        talk.terminal.wait_until("the answer", |it| it.matches("let x = 1;").count() == n);
        talk.prompted();
        let raw = talk.terminal.raw();
        let new = String::from_utf8_lossy(&raw[seen..]).into_owned();
        seen = raw.len();
        new.lines().find(|it| it.contains("let")).unwrap_or_default().to_owned()
    };
    let dark = colours(&mut talk, 1);
    talk.say("/theme light", "for a light background");
    let light = colours(&mut talk, 2);
    talk.say("/theme none", "there are none");
    let none = colours(&mut talk, 3);
    assert!(dark.contains('\u{1b}') && light.contains('\u{1b}'), "{dark:?} {light:?}");
    assert_ne!(dark, light);
    assert!(!none.contains("\u{1b}[3"), "{none:?}");
    talk.say("/theme pink", "there is no theme `pink`");
    talk.say("/theme", "\nthe themes are");
}

#[test]
fn models_and_the_doctor_are_at_hand() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Never asked.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("/models", "there are no models here");
    talk.say("/doctor", "is used");
    talk.prompted();
    assert!(talk.terminal.screen().contains("ok    terminal: xterm-256color"));
}
