//! Commands that run in the background or say too much: what the model reads, and how it sees more.

use super::*;

fn small() -> World {
    World::new(&[], Limits { result: Budget(60), ..Limits::default() })
}

impl World {
    /// Looks until the text is there: what a command does takes its time.
    fn look_until(&self, args: &str, text: &str) -> String {
        loop {
            let shown = self.shown("command_output", args);
            if shown.contains(text) {
                return shown;
            }
        }
    }
}

#[track_caller]
fn check_calls(world: &World, calls: &[(&str, Value)], expected: Expect) {
    let shown = calls.iter().map(|(tool, args)| world.shown(tool, &args.to_string()));
    expected.assert_eq(&shown.collect::<String>());
}

#[test]
fn what_was_cut_can_be_read_to_the_last_line() {
    check_calls(
        &small(),
        &[
            ("run_command", json!({"command": "seq 1 1000"})),
            ("command_output", json!({"id": "c1", "start_line": 11})),
            ("command_output", json!({"id": "c1", "start_line": 999})),
            ("command_output", json!({"id": "c1", "start_line": 1001})),
        ],
        expect![[r#"
            Done (exit 0)
            1
            2
            3
            4
            5
            6
            7
            8
            9
            10
            11
            12
            13
            [… lines 14 to 993 left out: see them with command_output, id c1, start_line 14 …]
            994
            995
            996
            997
            998
            999
            1000
            [exit 0]
            Done (lines 11 to 30)
            11
            12
            13
            14
            15
            16
            17
            18
            19
            20
            21
            22
            23
            24
            25
            26
            27
            28
            29
            30
            [lines 11 to 30 of 1000; go on with start_line 31]
            Done (lines 999 to 1000)
            999
            1000
            [lines 999 to 1000 of 1000]
            Failed (no such lines)
            it has written only 1000 lines
        "#]],
    );
}

#[test]
fn the_same_output_is_the_same_text_and_what_is_short_has_no_id() {
    let world = small();
    let run = |command: &str| world.shown("run_command", &json!({"command": command}).to_string());
    assert_eq!(run("seq 1 100"), run("seq 1 100"));
    assert!(run("seq 1 101").contains("id c2"));
    assert!(!run("seq 1 10").contains("id c"));
}

#[test]
fn what_is_drawn_is_read_as_text() {
    check(
        &[],
        "run_command",
        json!({"command": r"printf '\033[31mred\033[0m\n 10%%\r 99%%\r100%%\n'; printf 'a\0b\n'"}),
        expect![[r#"
            Done (exit 0)
            red
            100%
            a�b
            [exit 0]
        "#]],
    );
}

#[test]
fn a_command_in_the_background_is_looked_at_given_input_and_stopped() {
    let world = World::new(&[], Limits::default());
    let script = "echo name?; read name; echo hello $name; echo more?; read more";
    check_calls(
        &world,
        &[
            ("run_command", json!({"command": script, "background": true})),
            ("command_output", json!({"id": "c1"})),
            ("command_output", json!({"id": "c1", "input": "world"})),
            ("command_output", json!({"id": "c1", "stop": true})),
            ("command_output", json!({"id": "c1", "input": "late"})),
            ("command_output", json!({"id": "c1", "start_line": 2})),
            ("command_output", json!({"id": "c7"})),
        ],
        expect![[r#"
            Done (c1 runs in the background)
            name?
            [c1 runs in the background, until the session ends or you stop it; look again with command_output]
            Done (still running)
            [nothing new]
            [still running]
            Done (still running)
            hello world
            more?
            [still running]
            Done (stopped)
            [nothing new]
            [stopped]
            Failed (has ended)
            `c1` has ended, and reads no input any more
            Done (lines 2 to 3)
            hello world
            more?
            [lines 2 to 3 of 3]
            Failed (no such command)
            there is no command `c7`; there are c1
        "#]],
    );
    assert!(world.toolbox.running().is_empty());
}

#[test]
fn a_command_in_the_background_that_fails_at_once_says_so() {
    check(
        &[],
        "run_command",
        json!({"command": "echo no such port; exit 2", "background": true}),
        expect![[r#"
            Failed (exit 2)
            no such port
            [c1 has ended: exit 2]
        "#]],
    );
}

#[test]
fn a_prompt_without_an_end_of_line_is_seen() {
    let world = World::new(&[], Limits::default());
    let script =
        json!({"command": "printf 'Password: '; read x; echo; exit 3", "background": true});
    let begun = world.shown("run_command", &script.to_string());
    assert!(begun.contains("Password: \n[c1 runs in the background"), "{begun}");
    let ended = world.look_until(r#"{"id": "c1", "input": "x", "wait_seconds": 60}"#, "exit");
    expect![[r#"
        Done (exit 3)
        Password: 
        [exit 3]
    "#]]
    .assert_eq(&ended);
}

#[test]
fn however_long_the_line_that_has_begun_its_id_and_state_are_told() {
    let limits = Limits { result: Budget(4_000), ..Limits::default() };
    let world = World::new(&[], limits);
    let script = "printf '%016000d' 0; printf 'name? '; read name; echo";
    let start = json!({"command": script, "background": true}).to_string();
    let begun = world.shown("run_command", &start);
    assert!(begun.contains("0name? \n[c1 runs in the background"), "{begun}");
    let looked = world.shown("command_output", r#"{"id": "c1"}"#);
    assert!(looked.ends_with("0name? \n[still running]\n"), "{looked}");
}

#[test]
fn what_is_given_input_is_waited_for_until_it_answers() {
    let world = World::new(&[], Limits::default());
    // It thinks for longer than what has begun to write may be silent.
    let script = "echo name?; read name; sleep 0.5; echo hello $name; read more";
    let start = json!({"command": script, "background": true}).to_string();
    world.shown("run_command", &start);
    let answer = world.shown("command_output", r#"{"id": "c1", "input": "world"}"#);
    assert!(answer.contains("hello world\n[still running]"), "{answer}");
}

#[test]
fn only_so_many_commands_run_in_the_background() {
    let world = World::new(&[], Limits::default());
    let start =
        || world.shown("run_command", r#"{"command": "echo; sleep 99", "background": true}"#);
    for _ in 0..8 {
        start();
    }
    assert_eq!(world.toolbox.running().len(), 8);
    expect![[r#"
        Failed (too many commands)
        8 commands run in the background already: c1 (echo; sleep 99), c2 (echo; sleep 99), c3 (echo; sleep 99), c4 (echo; sleep 99), c5 (echo; sleep 99), c6 (echo; sleep 99), c7 (echo; sleep 99), c8 (echo; sleep 99). Stop one with command_output
    "#]].assert_eq(&start());
}

#[test]
fn to_stop_the_wait_leaves_the_command_running() {
    let world = World::new(&[], Limits::default());
    world.shown("run_command", r#"{"command": "echo; sleep 99", "background": true}"#);
    let wait = r#"{"id": "c1", "wait_seconds": 99}"#;
    let outcome = world.call_until("command_output", wait, async {});
    assert_eq!(outcome.status, Status::Cancelled);
    assert_eq!(world.toolbox.running(), ["c1 (echo; sleep 99)"]);
}

#[test]
fn what_an_earlier_run_kept_can_still_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let keep = dir.path().join("session");
    let world = || {
        let mut world = small();
        let shelf = Shelf::new(Some(keep.clone()), dir.path().to_owned());
        world.toolbox.commands = Commands::new(shelf);
        world
    };
    let first = world();
    first.shown("run_command", r#"{"command": "seq 1 1000"}"#);
    drop(first);
    check_calls(
        &world(),
        &[
            ("command_output", json!({"id": "c1", "start_line": 998})),
            ("run_command", json!({"command": "seq 1 1000"})),
        ],
        expect![[r#"
            Done (lines 998 to 1000)
            998
            999
            1000
            [lines 998 to 1000 of 1000; the command has ended]
            Done (exit 0)
            1
            2
            3
            4
            5
            6
            7
            8
            9
            10
            11
            12
            13
            [… lines 14 to 993 left out: see them with command_output, id c2, start_line 14 …]
            994
            995
            996
            997
            998
            999
            1000
            [exit 0]
        "#]],
    );
    use std::os::unix::fs::PermissionsExt;
    let mode = |it: &str| fs::metadata(keep.join(it)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("commands"), mode("commands/c1.txt")), (0o700, 0o600));
}

#[test]
fn an_output_of_any_length_takes_little_memory() {
    let world = World::new(&[], Limits::default());
    let outcome =
        world.call("run_command", r#"{"command": "yes 0123456789 | head -c 2000000; echo end"}"#);
    let begins = outcome.text.starts_with("0123456789\n0123456789\n");
    let says = outcome
        .text
        .contains("the output is longer than 1 MiB: of what follows only the end is kept");
    assert!(begins && says && outcome.text.ends_with("end\n[exit 0]\n"), "{}", outcome.text);
}

#[test]
fn to_give_input_is_more_than_to_look() {
    let effect = |args: &str| {
        demands(&Call {
            id: String::new(),
            tool: "command_output".to_owned(),
            args: args.to_owned(),
        })
    };
    assert_eq!(effect(r#"{"id": "c1", "wait_seconds": 3, "stop": true}"#), Effect::Reads);
    for args in [r#"{"id": "c1", "input": "rm -rf ."}"#, r#"{"id": "c1", "stdin": "x"}"#, "{", "[]"]
    {
        assert_eq!(effect(args), Effect::Executes, "{args}");
    }
}
