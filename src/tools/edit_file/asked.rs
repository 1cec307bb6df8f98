//! What a call asks for, in whichever form: one step after the other.

use crate::tools::Failure;
use crate::tools::edit_file::{Args, Edit};
use crate::workspace::{Action, FilePatch, is_patch, parse_patch};

#[derive(Debug)]
pub(super) struct Step {
    pub(super) path: String,
    /// `edit 2 of 3`; empty where there is only one.
    pub(super) name: String,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Replace { old: String, new: String },
    Patch(Action),
}

pub(super) fn asked(args: Args) -> Result<Vec<Step>, Failure> {
    let Args { path, edits, patch, old, new } = args;
    let mut edits = edits.map(|it| it.0).unwrap_or_default();
    if let (Some(old), Some(new)) = (old, new) {
        edits.push(Edit { old, new, path: None });
    }
    match (patch, &edits[..]) {
        (Some(patch), []) => patched(&patch, path.as_deref()),
        (Some(_), _) => Err(Failure::new(
            "give either `edits` or `patch`, not both: nothing was changed",
            "both",
        )),
        (None, []) => {
            let text = "`edits` is empty: nothing was changed";
            Err(Failure::new(text, "no edits"))
        }
        (None, [edit])
            if is_patch(&edit.new) && (edit.old.trim().is_empty() || edit.old == edit.new) =>
        {
            patched(&edit.new, path.as_deref())
        }
        (None, _) => replaced(edits, path.as_deref()),
    }
}

fn replaced(edits: Vec<Edit>, path: Option<&str>) -> Result<Vec<Step>, Failure> {
    let of = edits.len();
    let step = |(n, edit): (usize, Edit)| {
        let name = if 1 < of { format!("edit {} of {of}", n + 1) } else { String::new() };
        let Some(path) = edit.path.as_deref().or(path) else {
            return Err(Failure::new("`path` is missing: nothing was changed", "no path"));
        };
        let what = What::Replace { old: edit.old, new: edit.new };
        Ok(Step { path: path.to_owned(), name, what })
    };
    edits.into_iter().enumerate().map(step).collect()
}

fn patched(patch: &str, path: Option<&str>) -> Result<Vec<Step>, Failure> {
    let refused = |text: String| Failure::new(text + ". Nothing was changed.", "no such patch");
    let files = parse_patch(patch).map_err(refused)?;
    let step = |file: FilePatch| {
        let path = match (file.path.as_str(), path) {
            ("", Some(path)) => path,
            ("", None) => {
                return Err(refused("the patch does not say which file it is for".to_owned()));
            }
            (path, _) => path,
        };
        Ok(Step { path: path.to_owned(), name: String::new(), what: What::Patch(file.action) })
    };
    files.into_iter().map(step).collect()
}

/// The files that a call would change, as it writes them; empty if it is not to be understood.
pub(super) fn paths(args: Args) -> Vec<String> {
    let moved = |it: &Step| match &it.what {
        What::Patch(Action::Update { to, .. }) => to.clone(),
        _ => None,
    };
    let steps = asked(args).unwrap_or_default();
    steps.into_iter().flat_map(|it| [moved(&it), Some(it.path)]).flatten().collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(args: serde_json::Value, expected: Expect) {
        let asked = asked(serde_json::from_value(args.clone()).unwrap());
        let paths = paths(serde_json::from_value(args).unwrap());
        expected.assert_eq(&match asked {
            Ok(steps) => format!("{paths:?} {steps:?}"),
            Err(failure) => failure.text,
        });
    }

    #[test]
    fn each_form_is_understood() {
        use serde_json::json;
        let edit = json!({"old": "a", "new": "b"});
        check(
            json!({"path": "x", "edits": [edit]}),
            expect![[
                r#"["x"] [Step { path: "x", name: "", what: Replace { old: "a", new: "b" } }]"#
            ]],
        );
        check(
            json!({"path": "x", "old": "a", "new": "b"}),
            expect![[
                r#"["x"] [Step { path: "x", name: "", what: Replace { old: "a", new: "b" } }]"#
            ]],
        );
        check(
            json!({"path": "x", "edits": [edit, {"path": "y", "old": "c", "new": ""}]}),
            expect![[
                r#"["x", "y"] [Step { path: "x", name: "edit 1 of 2", what: Replace { old: "a", new: "b" } }, Step { path: "y", name: "edit 2 of 2", what: Replace { old: "c", new: "" } }]"#
            ]],
        );
        let patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
        check(
            json!({"patch": patch}),
            expect![[
                r#"["x"] [Step { path: "x", name: "", what: Patch(Update { hunks: [Hunk { lines: [(Old, "a"), (New, "b")], anchors: [], line: Some(1), is_at_end: false, open: (false, false) }], to: None }) }]"#
            ]],
        );
        check(
            json!({"path": "x", "edits": patch}),
            expect![[
                r#"["x"] [Step { path: "x", name: "", what: Patch(Update { hunks: [Hunk { lines: [(Old, "a"), (New, "b")], anchors: [], line: Some(1), is_at_end: false, open: (false, false) }], to: None }) }]"#
            ]],
        );
        check(
            json!({"path": "x", "edits": [{"old": "", "new": patch}]}),
            expect![[
                r#"["x"] [Step { path: "x", name: "", what: Patch(Update { hunks: [Hunk { lines: [(Old, "a"), (New, "b")], anchors: [], line: Some(1), is_at_end: false, open: (false, false) }], to: None }) }]"#
            ]],
        );
        check(
            json!({"path": "x", "patch": "@@\n-a\n+b\n"}),
            expect![[
                r#"["x"] [Step { path: "x", name: "", what: Patch(Update { hunks: [Hunk { lines: [(Old, "a"), (New, "b")], anchors: [], line: None, is_at_end: false, open: (false, false) }], to: None }) }]"#
            ]],
        );
        check(
            json!({"patch": "*** Begin Patch\n*** Update File: x\n*** Move to: y\n*** End Patch"}),
            expect![[
                r#"["y", "x"] [Step { path: "x", name: "", what: Patch(Update { hunks: [], to: Some("y") }) }]"#
            ]],
        );
    }

    #[test]
    fn what_asks_for_nothing_says_what_is_missing() {
        use serde_json::json;
        check(json!({"path": "x"}), expect!["`edits` is empty: nothing was changed"]);
        check(
            json!({"edits": [{"old": "a", "new": "b"}]}),
            expect!["`path` is missing: nothing was changed"],
        );
        check(
            json!({"patch": "@@\n-a\n+b\n"}),
            expect!["the patch does not say which file it is for. Nothing was changed."],
        );
        check(
            json!({"path": "x", "patch": "hello"}),
            expect![
                "the patch holds no change of a file: it needs `--- a/path` and `+++ b/path` before its `@@`. Nothing was changed."
            ],
        );
        check(
            json!({"edits": [{"old": "a", "new": "b"}], "patch": "x"}),
            expect!["give either `edits` or `patch`, not both: nothing was changed"],
        );
    }
}
