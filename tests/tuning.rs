//! What a person changes in the middle of a conversation: the model, settings, colours.

mod support;

use expect_test::{Expect, expect};
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::play::{Play, entries, journals, servers, until};
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
    talk.terminal.wait_for("a number or a name, or Enter to stay:");
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

/// Two models in a folder of models.
fn two_models(play: &Play) {
    let one = play.model("one", &json!([{"content": "I am one."}, {"content": "One again."}]));
    let two = play.model("two", &json!([{"content": "I am two."}, {"content": "Two again."}]));
    for (from, name) in [(&one, "One-1B-Q4_0.gguf"), (&two, "Two-2B-Q8_0.gguf")] {
        let to = play.home.path(&format!("home/models/{name}"));
        std::fs::create_dir_all(to.parent().expect("it has one")).expect("a folder can be made");
        std::fs::rename(from, to).expect("a file can be moved");
    }
    configure(play, "");
}

fn configure(play: &Play, more: &str) {
    play.configure("");
    let config = play.home.read("home/.config/agent/config.toml");
    let config = format!("{more}models.folders = ['~/models']\n{config}");
    play.home.file("home/.config/agent/config.toml", &config);
}

#[test]
fn a_session_goes_on_with_the_model_that_it_was_with() {
    let Some(play) = Play::new() else { return };
    two_models(&play);
    configure(&play, "model = 'One-1B'\n");
    let mut talk = Talk::begin(play.agent(&["-m", "Two-2B"]));
    talk.say("who are you?", "I am two.");
    talk.say("/status", ", 1 prompt\n");
    talk.leave();
    let mut talk = Talk::begin(play.agent(&["-c"]));
    let screen = talk.terminal.screen();
    assert!(screen.contains("going on with Two-2B:Q8_0, as this session did"), "{screen}");
    talk.say("/status", "model    Two-2B:Q8_0");
    talk.say("still you?", "Two again.");
    talk.leave();
    // What is named when it begins counts more.
    let mut talk = Talk::begin(play.agent(&["-c", "-m", "One-1B"]));
    talk.say("and now?", "One again.");
    assert!(!talk.terminal.screen().contains("as this session did"));
    talk.leave();
    // It was the last to answer, and is the one that is configured.
    let mut talk = Talk::begin(play.agent(&["-c"]));
    assert!(!talk.terminal.screen().contains("as this session did"));
    talk.say("/model two-2b", "working with two-2b from now on");
    talk.say("/status", "model    two-2b");
    talk.say("/new", "goes back to the other");
    talk.say("hello", "I am two.");
    talk.leave();
}

#[test]
fn a_session_behind_the_background_server_goes_on_with_its_model() {
    let Some(play) = Play::new() else { return };
    two_models(&play);
    configure(&play, "server.address = '127.0.0.1:0'\n");
    play.agent(&["server", "start"]).run().assert_code(0);
    play.agent(&["-m", "Two-2B", "who are you?"]).run().assert_code(0);
    let again = play.agent(&["-c", "again?"]).run();
    play.agent(&["server", "stop", "--force"]).run();
    assert_eq!(again.stdout, "Two again.\n", "{}", again.stderr);
    assert!(again.stderr.contains("going on with Two-2B:Q8_0"), "{}", again.stderr);
}

#[test]
fn a_session_that_is_loaded_brings_its_model() {
    let Some(play) = Play::new() else { return };
    two_models(&play);
    configure(&play, "model = 'One-1B'\n");
    play.agent(&["-m", "Two-2B", "who are you?"]).run().assert_code(0);
    let journal = journals(&play.home).remove(0);
    let id = journal.file_stem().expect("it has a name").to_string_lossy().into_owned();
    play.agent(&["sessions", "rename", &id, "second"]).run().assert_code(0);
    let mut talk = Talk::begin(play.agent(&[]));
    talk.say("hello", "I am one.");
    let first = play.server_process();
    talk.say("/save first", "this session is `first` now");
    talk.enter("/load second");
    talk.terminal.wait_for("going on with Two-2B:Q8_0, as this session did");
    talk.say("again?", "Two again.");
    until("the first server to be gone", || servers(&play.home).iter().all(|it| *it != first));
    talk.enter("/load first");
    talk.terminal.wait_for("going on with One-1B:Q4_0, as this session did");
    talk.say("again?", "One again.");
    talk.leave();
}

#[test]
fn a_model_that_is_gone_is_missed_and_the_usual_one_taken() {
    let Some(play) = Play::new() else { return };
    two_models(&play);
    play.agent(&["-m", "Two-2B", "who are you?"]).run().assert_code(0);
    std::fs::remove_file(play.home.path("home/models/Two-2B-Q8_0.gguf")).expect("it is there");
    let finished = play.agent(&["-c", "and now?"]).run();
    finished.assert_code(0);
    assert_eq!(finished.stdout, "One again.\n");
    let told = "this session was with Two-2B-Q8_0.gguf, which is not among the models here";
    assert!(finished.stderr.contains(told), "{}", finished.stderr);
}

#[test]
fn of_several_models_the_person_names_one_where_none_is_the_usual() {
    let Some(play) = Play::new() else { return };
    two_models(&play);
    let refused = play.agent(&["hello"]).run();
    refused.assert_code(1);
    assert!(refused.stderr.contains("hint: name one of those that are here with `-m`"));
    let terminal = |args: &[&str]| play.agent(args).env("NO_COLOR", "1").terminal(40, 100);
    let mut asked = terminal(&[]);
    asked.wait_for("which one? a number or a name:");
    asked.send("7\r");
    let again =
        |times| move |it: &str| it.matches("which one? a number or a name:").count() == times;
    asked.wait_for("there is no 7: the numbers go from 1 to 2");
    asked.wait_until("the question again", again(2));
    asked.send("Tow-2B\r");
    asked.wait_for("there is no model `Tow-2B` here");
    asked.wait_until("the question again", again(3));
    asked.send("two-2b\r");
    asked.wait_for("working with Two-2B:Q8_0 this time");
    asked.wait_for("/help");
    asked.wait_until("a prompt", |it| it.lines().next_back() == Some("›"));
    asked.send("who are you?\r");
    asked.wait_for("I am two.");
    drop(asked);
    let mut left = terminal(&[]);
    left.wait_for("which one? a number or a name:");
    left.send("\x03");
    assert_eq!(left.finish().0, Some(130));
    // Nothing of it was kept.
    let mut again = terminal(&["and you?"]);
    again.wait_for("which one? a number or a name:");
    again.send("\r");
    let (code, screen) = again.finish();
    assert_eq!(code, Some(1));
    assert!(screen.contains("there is no model to work with"), "{screen}");
}
