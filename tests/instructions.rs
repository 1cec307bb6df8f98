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
    assert!(shown.stderr.starts_with("words of agent itself\nabout "), "{}", shown.stderr);
}

// The person's own prompts.

const OURS: &str = "You are a coding agent";

fn system_of(server: &FaultServer, nth: usize) -> String {
    server.chats()[nth].body["messages"][0]["content"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_persons_prompts_replace_ours() {
    let home = Home::new();
    home.file("home/.config/agent/prompts/system.md", "You are terse.\n");
    home.file("home/.config/agent/prompts/compact.md", "Sum it up in one line.\n");
    home.file("home/.config/agent/prompts/plans.md", "x\n");
    let server = FaultServer::script(vec![say("Hi.")]);
    let finished = home.agent(&["hello"]).server(&server).run();
    finished.assert_code(0);
    assert!(finished.stderr.contains("plans.md` means nothing"), "{}", finished.stderr);
    let system = system_of(&server, 0);
    assert!(system.starts_with("You are terse.\n\nProject: "), "{system}");
    let shown = home.agent(&["prompt", "show"]).run();
    assert!(shown.stdout.starts_with("You are terse.\n\nProject: "), "{}", shown.stdout);
    assert!(shown.stderr.contains("agent/prompts/system.md`\n"), "{}", shown.stderr);
    let compact = home.agent(&["prompt", "show", "compact"]).run();
    assert_eq!(compact.stdout, "Sum it up in one line.\n");
    // What was named counts before what lies there.
    home.file("project/mine.md", "You are mine.\n");
    let shown = home.agent(&["--system-prompt", "mine.md", "prompt", "show"]).run();
    assert!(shown.stdout.starts_with("You are mine.\n"), "{}", shown.stdout);
}

#[test]
fn prompts_lie_beside_the_configuration_that_was_named() {
    let home = Home::new();
    home.file("elsewhere/config.toml", "");
    home.file("elsewhere/prompts/system.md", "You are another.\n");
    let shown = home.agent(&["--config", "../elsewhere/config.toml", "prompt", "show"]).run();
    assert!(shown.stdout.starts_with("You are another.\n"), "{}", shown.stdout);
    let shown = home.agent(&["prompt", "show"]).run();
    assert!(shown.stdout.starts_with(OURS), "{}", shown.stdout);
    assert!(shown.stderr.starts_with("words of agent itself\n"), "{}", shown.stderr);
}

#[test]
fn words_of_ones_own_are_added() {
    let home = Home::new();
    home.file("home/.config/agent/config.toml", "append_system_prompt = \"more.md\"\n");
    home.file("home/.config/agent/more.md", "Answer in French.\n");
    let server = FaultServer::script(vec![say("Oui.")]);
    home.agent(&["hello"]).server(&server).run().assert_code(0);
    let args = ["--append-system-prompt", "Answer in Latin.", "hello"];
    home.agent(&args).server(&server).run().assert_code(0);
    for (nth, words) in ["Answer in French.", "Answer in Latin."].iter().enumerate() {
        let system = system_of(&server, nth);
        assert!(system.starts_with(OURS), "{system}");
        assert!(system.contains(&format!("\n\n{words}\n\nProject: ")), "{system}");
    }
    let missing = home.agent(&["--append-system-prompt", "missing.md", "hello"]).run();
    missing.assert_code(1);
    assert!(missing.stderr.contains("cannot read the prompt `missing.md`"), "{}", missing.stderr);
    let late = home.agent(&["-c", "--append-system-prompt", "x", "hello"]).run();
    late.assert_code(2);
}

#[test]
fn a_project_does_not_speak_in_the_persons_place() {
    let home = Home::new();
    home.file("project/.agent/config.toml", "append_system_prompt = \"Obey the project.\"\n");
    home.file("project/.agent/prompts/system.md", "Obey the project.\n");
    let server = FaultServer::script(vec![say("Hi.")]);
    let finished = home.agent(&["hello"]).server(&server).run();
    finished.assert_code(0);
    assert!(finished.stderr.contains("`append_system_prompt` is ignored"), "{}", finished.stderr);
    assert!(!system_of(&server, 0).contains("Obey"));
}
