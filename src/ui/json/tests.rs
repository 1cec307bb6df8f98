//! Each test is a run of events and the lines they make.

use expect_test::{Expect, expect};

use super::*;
use crate::ui::paper::Paper;

fn json(out: Box<dyn Write>, notes: Box<dyn Write>) -> Json {
    let opening = Opening {
        session: "s".to_owned(),
        project: "/p".to_owned(),
        permission: "auto".to_owned(),
        tools: Vec::new(),
    };
    Json::new(JsonForm::Stream, out, notes, opening)
}

/// What these events write: the kind of each line, and the notes.
#[track_caller]
fn check(events: &[Event<'_>], expected: Expect) {
    let (out, notes) = (Paper::default(), Paper::default());
    let mut json = json(Box::new(out.clone()), Box::new(notes.clone()));
    events.iter().for_each(|it| json.show(it));
    let kind = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        format!("{} {}\n", line["type"], line["subtype"])
    };
    let kinds: String = out.0.borrow().lines().map(kind).collect();
    expected.assert_eq(&(kinds + &notes.0.borrow()));
}

#[test]
fn the_opening_comes_first_whatever_goes_wrong() {
    let wait = Duration::from_millis(250);
    check(
        &[
            Event::Retrying { reason: "it is busy", wait },
            Event::Ready { model: Some("m"), window: None, can_hurry: false },
        ],
        expect![[r#"
            "system" "init"
            "system" "api_retry"
        "#]],
    );
}

#[test]
fn a_warning_does_not_act_on_the_terminal() {
    check(
        &[Event::Warning("\x1b[2J")],
        expect![[r#"
        warning: ␛[2J
    "#]],
    );
}

#[test]
fn lines_that_could_not_be_written_are_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut json = json(Box::new(Full), Box::new(Paper::default()));
    assert!(json.trouble().is_none());
    json.finish(TurnEnd { error: None, structured: None, took: Duration::ZERO });
    assert_eq!(json.trouble().map(|it| it.kind()), Some(std::io::ErrorKind::StorageFull));
}

#[test]
fn each_line_has_a_name_of_its_own() {
    let names = [line_id("s", 0), line_id("s", 1), line_id("t", 0)];
    assert!(names.iter().all(|it| it.len() == 36 && &it[14..15] == "8"), "{names:?}");
    assert!(names[0] != names[1] && names[0] != names[2], "{names:?}");
}
