//! What there is of sessions, and how they are taken elsewhere.
#![cfg(target_os = "linux")]

mod support;

use expect_test::expect;
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{call, say};

fn held() -> Home {
    let home = Home::new();
    home.file("project/a.txt", "one\n");
    let read = call("read_file", json!({"paths": ["a.txt"]}));
    let server = FaultServer::script(vec![read, say("It says one.")]);
    home.agent(&["what is in a.txt?"]).server(&server).run().assert_code(0);
    home
}

#[test]
fn a_session_is_exported_as_a_document() {
    let home = held();
    let printed = home.agent(&["sessions", "export"]).run();
    printed.assert_code(0);
    expect![[r##"
        # what is in a.txt?

        ## You

        what is in a.txt?

        ## Agent

        <details><summary>read_file — 1 line</summary>

        ```json
        {"paths":["a.txt"]}
        ```

        ```
        1	one
        ```

        </details>

        ## Agent

        It says one.
    "##]]
    .assert_eq(&printed.stdout);
    home.agent(&["sessions", "export", "-o", "session.md"]).run().assert_code(0);
    assert_eq!(home.read("project/session.md"), printed.stdout);
}

#[test]
fn an_export_overwrites_nothing_and_knows_its_session() {
    let home = held();
    let again = home.agent(&["sessions", "export", "-o", "a.txt"]).run();
    again.assert_code(1);
    expect![[r#"
        error: cannot write `a.txt`: file exists
    "#]]
    .assert_eq(&again.stderr);
    assert_eq!(home.read("project/a.txt"), "one\n");
    let unknown = home.agent(&["sessions", "export", "1999"]).run();
    unknown.assert_code(1);
    assert!(unknown.stderr.contains("there is no session `1999`"), "{}", unknown.stderr);
}
