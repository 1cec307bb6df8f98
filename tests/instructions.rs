//! What people wrote for agents: at the beginning of a session, and where the model comes to it.
#![cfg(target_os = "linux")]

mod support;

use expect_test::{Expect, expect};
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{call, say};

fn project() -> Home {
    let home = Home::new();
    home.file("home/.config/agent/AGENTS.md", "Answer in German.");
    home.file("project/AGENTS.md", "Use tabs. More is in @docs/style.md.");
    home.file("project/docs/style.md", "Lines have 80 characters.");
    home.file("project/sub/AGENTS.md", "Here, use spaces.");
    home.file("project/sub/a.txt", "one\n");
    home.git(&["init", "-q"]);
    home
}

/// What the model is told first when the agent is started with `args`.
#[track_caller]
fn check(home: &Home, args: &[&str], expected: Expect) {
    let server = FaultServer::script(vec![say("Hi.")]);
    home.agent(&[args, &["hello"]].concat()).server(&server).run().assert_code(0);
    let chat = server.chat(0);
    let system = chat.messages()[0]["content"].as_str().expect("it is text").to_owned();
    let told = system.split_once("# Instructions").map_or("", |(_, it)| it);
    expected.assert_eq(told.trim());
}

#[test]
fn a_session_begins_with_what_the_person_and_the_project_want() {
    check(
        &project(),
        &[],
        expect![[r#"
        These are for whoever works here. The later count before the earlier, the user's own words before all.

        ## From `~/.config/agent/AGENTS.md`

        Answer in German.

        ## From `AGENTS.md`

        Use tabs. More is in @docs/style.md.

        ## From `docs/style.md`

        Lines have 80 characters."#]],
    );
}

#[test]
fn the_nearest_to_where_it_was_started_comes_last() {
    check(
        &project(),
        &["-C", "sub"],
        expect![[r#"
        These are for whoever works here. The later count before the earlier, the user's own words before all.

        ## From `~/.config/agent/AGENTS.md`

        Answer in German.

        ## From `AGENTS.md`

        Use tabs. More is in @docs/style.md.

        ## From `docs/style.md`

        Lines have 80 characters.

        ## From `sub/AGENTS.md`

        Here, use spaces."#]],
    );
}

#[test]
fn who_wants_none_gets_none() {
    let home = project();
    home.file("home/.config/agent/config.toml", "instructions = false\n");
    check(&home, &[], expect![""]);
}

#[test]
fn what_the_person_forbids_is_not_read_because_a_file_names_it() {
    let home = project();
    home.file("home/.config/agent/config.toml", "[permissions]\ndeny = [\"read_file(docs/**)\"]\n");
    check(
        &home,
        &[],
        expect![[r#"
        These are for whoever works here. The later count before the earlier, the user's own words before all.

        ## From `~/.config/agent/AGENTS.md`

        Answer in German.

        ## From `AGENTS.md`

        Use tabs. More is in @docs/style.md."#]],
    );
}

#[test]
fn those_of_a_folder_are_told_once_when_the_model_comes_there() {
    let home = project();
    let read = || call("read_file", json!({"paths": ["sub/a.txt"]}));
    let first = FaultServer::script(vec![read(), read(), say("Done.")]);
    home.agent(&["go"]).server(&first).run().assert_code(0);
    let then = FaultServer::script(vec![read(), say("Done.")]);
    home.agent(&["-c", "again"]).server(&then).run().assert_code(0);
    let results = |server: &FaultServer| {
        let chats = server.chats();
        let messages = chats.last().expect("it asked").messages().to_vec();
        let told = messages.iter().filter(|it| it["role"] == "tool");
        told.map(|it| format!("{}\n---\n", it["content"].as_str().unwrap_or_default()))
            .collect::<String>()
    };
    expect![[r#"
        1	one

        [Instructions for what is in `sub/`, from `sub/AGENTS.md`:]
        Here, use spaces.

        ---
        1	one

        ---
        1	one

        ---
    "#]]
    .assert_eq(&results(&then));
}

#[test]
fn what_the_model_would_be_told_can_be_read() {
    let home = project();
    let shown = home.agent(&["prompt", "show"]).run();
    shown.assert_code(0);
    let server = FaultServer::script(vec![say("Hi.")]);
    home.agent(&["hello"]).server(&server).run().assert_code(0);
    let chat = server.chat(0);
    let mut expected = chat.messages()[0]["content"].as_str().expect("it is text").to_owned();
    expected += "\n\n";
    for tool in chat.body["tools"].as_array().expect("there are tools") {
        expected += &format!("{}\n", tool["function"]);
    }
    // The harness writes places as every machine would.
    let rewritten =
        |it: &str| it.replace(home.path("project").to_str().expect("UTF-8"), "[PROJECT]");
    assert_eq!(shown.stdout, rewritten(&expected));
    assert!(shown.stderr.starts_with("about "), "{}", shown.stderr);
}
