//! Each test is a run of events and the two streams they make.

use expect_test::{Expect, expect};

use super::*;
use crate::conversation::{Outcome, Status as CallStatus};
use crate::ui::paper::Paper;

/// Words are marked `>`, notes are not.
#[track_caller]
fn check(events: &[Event<'_>], expected: Expect) {
    colored::control::set_override(false);
    let (words, notes) = (Paper::default(), Paper::default());
    let style = Style {
        width: 80,
        colour_words: false,
        light: false,
        asks: false,
        layout: false,
        live: false,
        wraps: false,
        apart: false,
        verbose: false,
    };
    let mut screen = Screen::new(Box::new(words.clone()), Box::new(notes.clone()), style, None);
    events.iter().for_each(|it| screen.show(it));
    drop(screen);
    let words = words.0.borrow().lines().map(|it| format!("> {it}\n")).collect::<String>();
    expected.assert_eq(&(words + &notes.0.borrow()));
}

fn reply(calls: &[(&str, &str)]) -> Entry {
    let call = |(n, (tool, args)): (usize, &(&str, &str))| Call {
        id: n.to_string(),
        tool: (*tool).to_owned(),
        args: (*args).to_owned(),
    };
    let usage = Usage { cached: 90, read: 10, written: 50, read_ms: 1.0, written_ms: 1000.0 };
    Entry::Reply(Reply {
        calls: calls.iter().enumerate().map(call).collect(),
        usage,
        ..Reply::default()
    })
}

fn result(status: CallStatus, text: &str, gist: &str) -> Entry {
    let outcome = Outcome::new(status, text, gist);
    Entry::Result { call: "0".to_owned(), outcome }
}

#[test]
fn words_and_notes_go_different_ways() {
    check(
        &[
            Event::Ready { model: Some("m"), window: Some(1000), can_hurry: false },
            Event::Asked,
            Event::Said(Piece::Text("It is ")),
            Event::Said(Piece::Text("done.")),
            Event::Recorded(&reply(&[])),
            Event::Ended,
        ],
        expect![[r#"
            > It is done.
              10 tokens read, 90 from cache, 50 written at 50/s, 15 % of the window
        "#]],
    );
}

#[test]
fn a_note_begins_a_line_where_the_words_are_shown_by_another_program() {
    colored::control::set_override(false);
    let (words, notes) = (Paper::default(), Paper::default());
    let style = Style {
        width: 80,
        colour_words: false,
        light: false,
        asks: false,
        layout: false,
        live: false,
        wraps: false,
        apart: true,
        verbose: false,
    };
    let mut screen = Screen::new(Box::new(words.clone()), Box::new(notes.clone()), style, None);
    screen.show(&Event::Said(Piece::Text("step")));
    screen.show(&Event::Warning("it is late"));
    assert_eq!(*notes.0.borrow(), "\nwarning: it is late\n");
    screen.show(&Event::Said(Piece::Text("next")));
    screen.show(&Event::Ended);
    assert_eq!(*words.0.borrow(), "step\nnext\n");
}

#[test]
fn a_call_is_one_line_when_it_has_ended() {
    check(
        &[
            Event::Recorded(&reply(&[("read_file", r#"{"path":"a.rs"}"#)])),
            Event::Recorded(&Entry::Started { call: "0".to_owned() }),
            Event::Recorded(&result(CallStatus::Done, "1\tx", "1 line")),
        ],
        expect![[r#"
            ● read_file a.rs  1 line
        "#]],
    );
}

#[test]
fn an_edit_shows_its_diff_and_nothing_else() {
    check(
        &[
            Event::Recorded(&reply(&[("edit_file", r#"{"path":"a.rs"}"#)])),
            Event::Recorded(&result(
                CallStatus::Done,
                "Edited a.rs:\n@@ -1 +1 @@\n-a\n+b\n",
                "+1 -1",
            )),
        ],
        expect![[r#"
            ● edit_file a.rs  +1 -1
                   1 -a
                   1 +b
        "#]],
    );
}

#[test]
fn the_diffs_of_several_files_have_headings() {
    check(
        &[
            Event::Recorded(&reply(&[("edit_file", r#"{"path":"a"}"#)])),
            Event::Recorded(&result(
                CallStatus::Done,
                "== created `b`: 1 line ==\n== a ==\n@@ -1 +1 @@\n-a\n+b\n[a note]\n",
                "+2 -1 in 2 files",
            )),
        ],
        expect![[r#"
            ● edit_file a  +2 -1 in 2 files
                == created `b`: 1 line ==
                == a ==
                   1 -a
                   1 +b
        "#]],
    );
}

#[test]
fn a_long_diff_is_summed_up() {
    let long = |text: &str, gist: &str, expected: Expect| {
        check(
            &[
                Event::Recorded(&reply(&[("edit_file", r#"{"path":"a"}"#)])),
                Event::Recorded(&result(CallStatus::Done, text, gist)),
            ],
            expected,
        );
    };
    let lines = format!("@@ -1,30 +1,30 @@\n{}{}", "-a\n".repeat(30), "+b\n".repeat(30));
    long(
        &lines,
        "+30 -30",
        expect![[r#"
        ● edit_file a  +30 -30
            61 lines of a diff; `/diff` (or `agent diff`) shows them
    "#]],
    );
    let several = format!(
        "== created `b\u{1b}`: 1 line ==\n== a ==\n{lines}== moved `c` to `d` ==\n@@ -1 +1 @@\n-a\n"
    );
    long(
        &several,
        "+30 -31 in 3 files",
        expect![[r#"
        ● edit_file a  +30 -31 in 3 files
            created `b␛`: 1 line
            a  +30 -30
            moved `c` to `d`  +0 -1
            66 lines of a diff; `/diff` (or `agent diff`) shows them
    "#]],
    );
}

#[test]
fn what_an_edit_broke_is_shown_below_its_diff() {
    let edit = |text: &str, expected: Expect| {
        check(
            &[
                Event::Recorded(&reply(&[("edit_file", r#"{"path":"a.rs"}"#)])),
                Event::Recorded(&result(CallStatus::Done, text, "+1 -1, errors")),
            ],
            expected,
        );
    };
    edit(
        "Edited a.rs:\n@@ -1 +1 @@\n-a\n+b\n[new since this edit, by `cargo check`:]\n\
         a.rs:1:1: error[E0425]: no `b`\n    b\n[there are new errors in other files too: c.rs]\n",
        expect![[r#"
            ● edit_file a.rs  +1 -1, errors
                   1 -a
                   1 +b
                a.rs:1:1: error[E0425]: no `b`
        "#]],
    );
    edit(
        "Edited a.rs:\n@@ -1 +1 @@\n-a\n+b\n[this edit broke the syntax:]\n\
         [id].ts:1: error: 1\na:2: error: 2\na:3: error: 3\na:4: error: 4\n[and 7 more]\n",
        expect![[r#"
            ● edit_file a.rs  +1 -1, errors
                   1 -a
                   1 +b
                [id].ts:1: error: 1
                a:2: error: 2
                a:3: error: 3
                … 8 more
        "#]],
    );
    let added = (1..=12).map(|it| format!("+{it}\n")).collect::<String>();
    edit(
        &format!("Edited a.rs:\n@@ -0,0 +1,12 @@\n{added}"),
        expect![[r#"
            ● edit_file a.rs  +1 -1, errors
                   1 +1
                   2 +2
                   3 +3
                   4 +4
                   5 +5
                   6 +6
                   7 +7
                   8 +8
                   9 +9
                  10 +10
                  11 +11
                  12 +12
        "#]],
    );
}

#[test]
fn what_failed_shows_its_end() {
    let text = (1..=40).map(|it| format!("line {it}\n")).collect::<String>();
    check(
        &[
            Event::Recorded(&reply(&[("run_command", r#"{"command":"make"}"#)])),
            Event::Recorded(&result(CallStatus::Failed, &text, "exit 2")),
        ],
        expect![[r#"
            ● run_command make  exit 2
                … 28 more lines
                line 29
                line 30
                line 31
                line 32
                line 33
                line 34
                line 35
                line 36
                line 37
                line 38
                line 39
                line 40
        "#]],
    );
}

#[test]
fn what_went_well_shows_a_glimpse() {
    check(
        &[
            Event::Recorded(&reply(&[("run_command", r#"{"command":"make"}"#)])),
            Event::Recorded(&result(CallStatus::Done, "1\n2\n3\n4\n5\n[exit 0]\n", "exit 0")),
        ],
        expect![[r#"
            ● run_command make  exit 0
                … 1 more line
                2
                3
                4
                5
        "#]],
    );
}

#[test]
fn nothing_untrusted_acts_on_the_terminal() {
    check(
        &[
            Event::Said(Piece::Text("\x1b[2Jhello")),
            Event::Recorded(&reply(&[("run_command", r#"{"command":"\u001b]0;x\u0007ls"}"#)])),
            Event::Recorded(&result(CallStatus::Failed, "\x1b[31mred\x1b[0m", "\x1b[1mexit 1")),
            Event::Warning("\x1b[5mblink"),
        ],
        expect![[r#"
            > ␛[2Jhello
            ● run_command ␛]0;x␇ls  ␛[1mexit 1
                ␛[31mred␛[0m
            warning: ␛[5mblink
        "#]],
    );
}

#[test]
fn words_before_a_retry_are_said_to_be_void() {
    let wait = Duration::from_millis(250);
    check(
        &[
            Event::Asked,
            Event::Retrying { reason: "it is busy", wait },
            Event::Asked,
            Event::Said(Piece::Text("one two")),
            Event::Retrying { reason: "it broke off", wait },
        ],
        expect![[r#"
            > one two
            it is busy; asking again in 0.2 s
            it broke off; what it said is void; asking again in 0.2 s
        "#]],
    );
}

#[test]
fn an_answer_that_could_not_be_written_is_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let style = Style {
        width: 80,
        colour_words: false,
        light: false,
        asks: false,
        layout: false,
        live: false,
        wraps: false,
        apart: false,
        verbose: false,
    };
    let mut screen = Screen::new(Box::new(Full), Box::new(Paper::default()), style, None);
    assert!(screen.trouble().is_none());
    screen.show(&Event::Said(Piece::Text("It is done.")));
    assert_eq!(screen.trouble().map(|it| it.kind()), Some(std::io::ErrorKind::StorageFull));
}

#[test]
fn a_change_that_looks_like_the_head_of_a_diff_is_shown() {
    check(
        &[
            Event::Recorded(&reply(&[("edit_file", r#"{"path":"a.sql"}"#)])),
            Event::Recorded(&result(
                CallStatus::Done,
                "Edited a.sql:\n@@ -1,2 +1,2 @@\n--- gone\n+++i;\n",
                "+1 -1",
            )),
        ],
        expect![[r#"
            ● edit_file a.sql  +1 -1
                   1 --- gone
                   1 +++i;
        "#]],
    );
}

#[test]
fn that_a_server_which_was_asked_loads_its_model_is_said_once() {
    let (asked, loading) = (Event::Asked, Event::Loading(None));
    check(
        &[loading.clone(), asked.clone(), loading.clone(), asked, loading],
        expect![[r#"
            the model is being loaded
        "#]],
    );
}

#[test]
fn what_a_turn_took_is_told_in_a_line() {
    let usage = Usage { cached: 900, read: 100, written: 50, read_ms: 1.0, written_ms: 500.0 };
    let turn = Turn { began: None, sum: usage, last: usage };
    let told = |seconds| count_line(&turn, Some(10_000), Duration::from_secs(seconds));
    assert_eq!(
        told(4),
        "  100 tokens read, 900 from cache, 50 written at 100/s, 10 % of the window"
    );
    assert_eq!(
        told(75),
        "  100 tokens read, 900 from cache, 50 written at 100/s, 10 % of the window, 75 s"
    );
}

#[test]
fn a_list_that_is_too_long_loses_whole_parts() {
    let fits = |width| fitting("  10 read, 5 written, 3 %".to_owned(), width);
    assert_eq!(fits(80), "  10 read, 5 written, 3 %");
    assert_eq!(fits(24), "  10 read, 5 written");
    assert_eq!(fits(12), "  10 read");
    assert_eq!(fits(4), "  10");
}
