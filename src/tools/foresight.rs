//! What a call would make of files, before it is made: for the person who has to allow it, and who may
//! want a part of it only.
//!
//! Nothing is changed, and the model has seen nothing by it.

use crate::conversation::{Call, Changed, FileChange};
use crate::workspace::{LineDiff, Place};

/// Lines around a change that belong to its hunk.
const AROUND: u32 = 3;

/// So many lines of what was left out are told to the model.
const TOLD: usize = 60;

/// The files that a call would change, as they are and as they would be.
#[derive(Debug, Default)]
pub(crate) struct Foresight {
    pub(super) files: Vec<Foreseen>,
}

#[derive(Debug)]
pub(super) struct Foreseen {
    pub(super) path: String,
    /// As in [`FileChange`].
    pub(super) fate: String,
    pub(super) before: String,
    pub(super) after: String,
}

impl Foresight {
    pub(crate) fn shown(&self) -> Vec<FileChange> {
        self.files.iter().map(Foreseen::shown).collect()
    }

    /// The call that makes these of the hunks and no others: each file by one edit that holds all its
    /// lines from the first of them to the last, so that it fits what the person saw or nothing.
    /// `None` where none of them is to be made.
    pub(crate) fn part(&self, of: &Call, taken: &[bool]) -> Option<Changed> {
        let (mut edits, mut left_out) = (Vec::new(), String::new());
        let mut taken = taken.iter().copied();
        for file in &self.files {
            let diff = LineDiff::of(&file.before, &file.after);
            let places = diff.places(AROUND);
            let wanted: Vec<_> =
                places.iter().map(|it| (it, taken.next().unwrap_or(false))).collect();
            if let Some((old, new)) = edit(&file.before, &diff, &wanted) {
                edits.push(serde_json::json!({"path": file.path, "old": old, "new": new}));
            }
            let not: String = wanted.iter().filter(|it| !it.1).map(|it| &*it.0.text).collect();
            if !not.is_empty() {
                left_out += &format!("{}:\n{not}", file.path);
            }
        }
        let path = edits.first()?.get("path").cloned();
        let args = serde_json::json!({"path": path, "edits": edits}).to_string();
        let call = Call { id: of.id.clone(), tool: "edit_file".to_owned(), args };
        Some(Changed { call, left_out: short(&left_out) })
    }
}

impl Foreseen {
    fn shown(&self) -> FileChange {
        let diff = LineDiff::of(&self.before, &self.after);
        FileChange {
            path: self.path.clone(),
            fate: self.fate.clone(),
            hunks: diff.places(AROUND).into_iter().map(|it| it.text).collect(),
            added: diff.added(),
            removed: diff.removed(),
        }
    }
}

/// The lines from the first to the last hunk that is wanted, and what becomes of them; and more
/// around them, until they stand in the file only once.
fn edit(text: &str, diff: &LineDiff<'_>, hunks: &[(&Place, bool)]) -> Option<(String, String)> {
    let (lines, new) = (diff.lines_before(), diff.lines_after());
    let first = hunks.iter().position(|it| it.1)?;
    let last = hunks.iter().rposition(|it| it.1)?;
    let (from, to) = (hunks[first].0.before.start, hunks[last].0.before.end);
    let (mut begin, mut end) = (from, to);
    let (mut middle, mut at) = (String::new(), begin);
    for (Place { before, after, .. }, is_wanted) in &hunks[first..=last] {
        middle += &lines[at..before.start].concat();
        let made = if *is_wanted { &new[after.clone()] } else { &lines[before.clone()] };
        middle += &made.concat();
        at = before.end;
    }
    while !stands_once(text, &lines[begin..end].concat()) && (0 < begin || end < lines.len()) {
        (begin, end) = (begin.saturating_sub(1), lines.len().min(end + 1));
    }
    let new = lines[begin..from].concat() + &middle + &lines[to..end].concat();
    Some((lines[begin..end].concat(), new))
}

fn stands_once(text: &str, part: &str) -> bool {
    let Some(at) = text.find(part).filter(|_| !part.is_empty()) else { return false };
    let step = part.chars().next().map_or(1, char::len_utf8);
    !text[at + step..].contains(part)
}

/// So much as the model needs to know what it is about.
fn short(text: &str) -> String {
    let more = text.lines().count().saturating_sub(TOLD);
    let lines: Vec<_> = text.lines().take(TOLD).collect();
    match more {
        0 => lines.join("\n"),
        more => format!("{}\n[{more} more lines]", lines.join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::workspace::replace_once;

    fn foresight(before: &str, after: &str) -> Foresight {
        let [path, fate] = ["a", ""].map(str::to_owned);
        let (before, after) = (before.to_owned(), after.to_owned());
        Foresight { files: vec![Foreseen { path, fate, before, after }] }
    }

    /// What an edit would find and put there.
    fn parts(changed: &Changed) -> (String, String) {
        let args: serde_json::Value = serde_json::from_str(&changed.call.args).unwrap();
        let text = |name: &str| args["edits"][0][name].as_str().unwrap().to_owned();
        (text("old"), text("new"))
    }

    const BEFORE: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n";

    #[track_caller]
    fn check(before: &str, after: &str, taken: &[bool], expected: Expect) {
        let foresight = foresight(before, after);
        let changed = foresight.part(&Call::default(), taken).unwrap();
        let (old, new) = parts(&changed);
        let made = replace_once(before, &old, &new).unwrap();
        assert!(made.latitudes.is_empty());
        expected.assert_eq(&format!(
            "{}\nleft out:\n{}",
            made.text.replace('\n', " "),
            changed.left_out
        ));
    }

    #[test]
    fn the_hunks_that_are_wanted_are_made_and_no_others() {
        let after = BEFORE.replace("1\n2\n", "1\ntwo\n").replace("15\n", "fifteen\n");
        check(
            BEFORE,
            &after,
            &[true, false],
            expect![[r#"
                1 two 3 4 5 6 7 8 9 10 11 12 13 14 15 16 
                left out:
                a:
                @@ -12,5 +12,5 @@
                 12
                 13
                 14
                -15
                +fifteen
                 16"#]],
        );
        check(
            BEFORE,
            &after,
            &[false, true],
            expect![[r#"
                1 2 3 4 5 6 7 8 9 10 11 12 13 14 fifteen 16 
                left out:
                a:
                @@ -1,5 +1,5 @@
                 1
                -2
                +two
                 3
                 4
                 5"#]],
        );
        assert_eq!(foresight(BEFORE, &after).part(&Call::default(), &[false, false]), None);
    }

    #[test]
    fn what_stands_in_a_file_more_than_once_is_found_by_what_is_around_it() {
        let block = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let before = block.repeat(3);
        let after = format!("{}{}{block}", block.replace('d', "D"), block.replace('d', "D"));
        check(
            &before,
            &after,
            &[false, true],
            expect![[r#"
                a b c d e f g h a b c D e f g h a b c d e f g h 
                left out:
                a:
                @@ -1,7 +1,7 @@
                 a
                 b
                 c
                -d
                +D
                 e
                 f
                 g"#]],
        );
    }

    #[test]
    fn a_change_is_shown_with_its_lines() {
        let shown = &foresight("a\nb", "a\nc\nd").shown()[0];
        expect![[r#"
            @@ -1,2 +1,3 @@
             a
            -b
            \ No newline at end of file
            +c
            +d
            \ No newline at end of file
            +2 -1"#]]
        .assert_eq(&format!("{}+{} -{}", shown.hunks.concat(), shown.added, shown.removed));
    }

    proptest! {
        /// Whatever is wanted of a change is what comes of the call that is made of it.
        #[test]
        fn a_part_is_exactly_that_part(
            before in proptest::collection::vec("[a-c]{0,2}", 0..40),
            after in proptest::collection::vec("[a-c]{0,2}", 0..40),
            taken in proptest::collection::vec(any::<bool>(), 40),
        ) {
            let [before, after] = [before, after].map(|it| it.join("\n"));
            let foresight = foresight(&before, &after);
            let diff = LineDiff::of(&before, &after);
            let (old, new) = (diff.lines_before(), diff.lines_after());
            let (mut wanted, mut at) = (String::new(), 0);
            for (Place { before: from, after: to, .. }, taken) in diff.places(AROUND).into_iter().zip(&taken) {
                wanted += &old[at..from.start].concat();
                wanted += &if *taken { new[to].concat() } else { old[from.clone()].concat() };
                at = from.end;
            }
            wanted += &old[at..].concat();
            if let Some(changed) = foresight.part(&Call::default(), &taken) {
                let (old, new) = parts(&changed);
                prop_assert_eq!(before.replacen(&old, &new, 1), wanted);
                prop_assert!(old.is_empty() || stands_once(&before, &old));
            }
        }
    }
}
