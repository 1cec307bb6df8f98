//! What shall become of one file when what was done to it is taken back: a pure function of what is
//! recorded and what is there now.
//!
//! What someone else changed later is theirs. A file is put back whole, or with their lines in it
//! where theirs and ours lie apart, or it is left alone.

use imara_diff::Hunk;

use crate::workspace::history::acts::Touched;
use crate::workspace::history::digest::{Digest, Image};
use crate::workspace::{Content, LineDiff};

/// A file as it is now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) mode: u32,
    pub(super) links: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan {
    /// It is already as it was.
    Keep,
    Put {
        bytes: Vec<u8>,
        /// `None` where nobody knows: as a new file.
        mode: Option<u32>,
        /// There are lines of someone else in it.
        merged: bool,
    },
    Remove,
    Leave(Reason),
}

/// Why a file is left alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reason {
    /// In lines that lie beside ours, or in ways that are no lines.
    Changed,
    Deleted,
    /// Where we deleted one.
    Occupied,
    /// A link stands on its path.
    Linked,
    /// It is a link that leads elsewhere than ours did.
    Relinked,
    /// It has names that it had not.
    Shared,
    ReadOnly,
    /// There is something else by its name.
    NoFile,
    /// What it was is not in the history any more.
    Lost,
    Unreadable,
}

impl Reason {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Changed => "it was changed since, in the same lines",
            Self::Deleted => "it was deleted since",
            Self::Occupied => "there is another file by that name now",
            Self::Linked => "a symbolic link leads there now",
            Self::Relinked => "it is another link now",
            Self::Shared => "it is a hard link to another file now",
            Self::ReadOnly => "it is read-only",
            Self::NoFile => "it is no file any more",
            Self::Lost => "what it was is lost: the history is damaged",
            Self::Unreadable => "it cannot be read",
        }
    }
}

/// A file on its way back through time. The bytes are looked up last, if nobody had to look before.
struct At {
    digest: Digest,
    mode: Option<u32>,
    bytes: Option<Vec<u8>>,
}

/// `touched` is what was done, newest first; `content` finds what is kept.
pub(super) fn plan(
    touched: &[Touched<'_>],
    now: Option<Found<'_>>,
    content: &dyn Fn(&Digest) -> Option<Vec<u8>>,
) -> Plan {
    let found = now.map(|it| (Digest::of(it.bytes), it));
    let mut at = found.map(|(digest, it)| At {
        digest,
        mode: Some(it.mode),
        bytes: Some(it.bytes.to_owned()),
    });
    let mut merged = false;
    let was = touched.last().and_then(|it| it.touch.before.as_ref());
    let became = touched.first().and_then(|it| it.touch.after.as_ref());
    if is(at.as_ref(), was) && !is(at.as_ref(), became) {
        return Plan::Keep;
    }
    for it in touched {
        let (before, after) = (it.touch.before.as_ref(), it.touch.after.as_ref());
        at = match (at, before, after) {
            (at, before, after) if is(at.as_ref(), after) => back(at, before, after),
            (at, before, _) if it.failed || is(at.as_ref(), before) => at,
            (None, ..) => return Plan::Leave(Reason::Deleted),
            (Some(_), _, None) => return Plan::Leave(Reason::Occupied),
            (Some(_), None, _) => return Plan::Leave(Reason::Changed),
            (Some(at), Some(before), Some(after)) => {
                let kept = |it: &Digest| content(it).ok_or(Reason::Lost);
                let theirs = at.bytes.map_or_else(|| kept(&at.digest), Ok);
                let all =
                    theirs.and_then(|it| Ok((it, kept(&before.digest)?, kept(&after.digest)?)));
                let (theirs, ours, base) = match all {
                    Ok(all) => all,
                    Err(reason) => return Plan::Leave(reason),
                };
                let Some(bytes) = merge(&base, &ours, &theirs) else {
                    return Plan::Leave(Reason::Changed);
                };
                merged = true;
                Some(At { digest: Digest::of(&bytes), bytes: Some(bytes), mode: at.mode })
            }
        };
    }
    let same_mode = |it: &At, now: &Found<'_>| it.mode.is_none_or(|it| it == now.mode);
    match (&at, &found) {
        (None, None) => return Plan::Keep,
        (Some(at), Some((digest, now))) if at.digest == *digest && same_mode(at, now) => {
            return Plan::Keep;
        }
        _ => {}
    }
    if let Some((_, now)) = found {
        let links = touched.iter().map(|it| it.touch.links).max().unwrap_or(1);
        if links < now.links || (1 < now.links && merged) {
            return Plan::Leave(Reason::Shared);
        }
        let ours = touched.iter().flat_map(|it| [it.touch.before, it.touch.after]);
        let known = ours.flatten().any(|it| it.mode == Some(now.mode));
        if now.mode & 0o222 == 0 && !known {
            return Plan::Leave(Reason::ReadOnly);
        }
    }
    let Some(at) = at else { return Plan::Remove };
    match at.bytes.or_else(|| content(&at.digest)) {
        Some(bytes) => Plan::Put { bytes, mode: at.mode, merged },
        None => Plan::Leave(Reason::Lost),
    }
}

/// Whether a file has this content. Its mode is another matter.
fn is(at: Option<&At>, image: Option<&Image>) -> bool {
    at.map(|it| it.digest) == image.map(|it| it.digest)
}

/// One step back. A mode that someone else has set since stays.
fn back(at: Option<At>, before: Option<&Image>, after: Option<&Image>) -> Option<At> {
    let before = before?;
    let is_ours = match (&at, after) {
        (Some(at), Some(after)) => after.mode.is_none() || at.mode == after.mode,
        _ => true,
    };
    let mode = if is_ours { before.mode } else { at.as_ref().and_then(|it| it.mode) };
    let bytes = at.filter(|it| it.digest == before.digest).and_then(|it| it.bytes);
    Some(At { digest: before.digest, mode, bytes })
}

/// What `base` becomes with both changes in it; `None` if they are not clearly apart.
fn merge(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let text = |it| match Content::of(it) {
        Content::Text(text) => Some(text),
        _ => None,
    };
    let (base, ours, theirs) = (text(base)?, text(ours)?, text(theirs)?);
    if base.encoding != ours.encoding || ours.encoding != theirs.encoding {
        return None;
    }
    Some(base.encoding.encode(&merge_lines(&base.text, &ours.text, &theirs.text)?))
}

fn merge_lines(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let sides = [ours, theirs].map(|it| LineDiff::of(base, it));
    let changes = |it: usize| sides[it].hunks().map(move |hunk| (hunk, it));
    let mut changes: Vec<_> = changes(0).chain(changes(1)).collect();
    changes.sort_by_key(|(hunk, _)| (hunk.before.start, hunk.before.end));
    let lines =
        |(hunk, side): &(Hunk, usize)| sides[*side].after(hunk.after.clone()).collect::<Vec<_>>();
    // What both did alike is done once.
    changes.dedup_by(|a, b| a.0.before == b.0.before && lines(a) == lines(b));
    // Where two touch, nobody knows which comes first.
    if changes.windows(2).any(|it| it[1].0.before.start <= it[0].0.before.end) {
        return None;
    }
    let (mut merged, mut at) = (String::new(), 0);
    let mut kept = base.split_inclusive('\n');
    for (hunk, side) in changes {
        let until = hunk.before.start - at;
        merged.extend(kept.by_ref().take(until as usize));
        merged.extend(sides[side].after(hunk.after));
        kept.by_ref().take(hunk.before.len()).for_each(drop);
        at = hunk.before.end;
    }
    Some(merged + &kept.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::PathBuf;

    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::workspace::ProjectPath;
    use crate::workspace::history::record::{Name, Touch};

    /// A state in shorthand: its lines, each one letter, or `-` for no file; with `!` nobody may
    /// write it, with `+` it may be run.
    type State<'a> = &'a str;

    fn bytes(state: State<'_>) -> Vec<u8> {
        let lines = state.chars().filter(|it| it.is_alphanumeric());
        lines.map(|it| format!("{it}\n")).collect::<String>().into_bytes()
    }

    fn mode(state: State<'_>) -> u32 {
        match state.chars().last() {
            Some('!') => 0o444,
            Some('+') => 0o755,
            _ => 0o644,
        }
    }

    fn image(state: State<'_>) -> Option<Image> {
        (state != "-").then(|| Image { digest: Digest::of(&bytes(state)), mode: Some(mode(state)) })
    }

    fn touch(before: State<'_>, after: State<'_>) -> Touch {
        let path = Name(ProjectPath::plain(PathBuf::from("a")));
        Touch { path, before: image(before), after: image(after), links: 1 }
    }

    fn decide(steps: &[(State<'_>, State<'_>)], now: State<'_>, links: u64, failed: bool) -> Plan {
        let touches: Vec<_> = steps.iter().map(|(before, after)| touch(before, after)).collect();
        let touched: Vec<_> = touches.iter().rev().map(|touch| Touched { touch, failed }).collect();
        let states = steps.iter().flat_map(|(before, after)| [*before, *after]);
        let kept: HashMap<_, _> = states.map(|it| (Digest::of(&bytes(it)), bytes(it))).collect();
        let held = bytes(now);
        let found = (now != "-").then(|| Found { bytes: &held, mode: mode(now), links });
        plan(&touched, found, &|it| kept.get(it).cloned())
    }

    fn told(plan: Plan) -> String {
        match plan {
            Plan::Put { bytes, mode, merged } => {
                let text = String::from_utf8(bytes).unwrap().replace('\n', "");
                let mode = mode.map_or("new".to_owned(), |it| format!("{it:o}"));
                format!("put {text} {mode}{}", if merged { ", merged" } else { "" })
            }
            Plan::Leave(reason) => format!("left: {}", reason.words()),
            other => format!("{other:?}"),
        }
    }

    #[track_caller]
    fn check(steps: &[(State<'_>, State<'_>)], nows: &[State<'_>], expected: Expect) {
        let line = |now: &&str| format!("{now}: {}\n", told(decide(steps, now, 1, false)));
        expected.assert_eq(&nows.iter().map(line).collect::<String>());
    }

    #[test]
    fn an_edit_is_taken_back() {
        check(
            &[("abcde", "abXde")],
            &[
                "abXde", "abcde", "-", "abYde", "abXYe", "aYXde", "aaXbb", "ZabXde", "abXdeZ",
                "abXde!", "abXde+",
            ],
            expect![[r#"
                abXde: put abcde 644
                abcde: Keep
                -: left: it was deleted since
                abYde: left: it was changed since, in the same lines
                abXYe: left: it was changed since, in the same lines
                aYXde: left: it was changed since, in the same lines
                aaXbb: left: it was changed since, in the same lines
                ZabXde: put Zabcde 644, merged
                abXdeZ: put abcdeZ 644, merged
                abXde!: left: it is read-only
                abXde+: put abcde 755
            "#]],
        );
    }

    #[test]
    fn a_file_that_was_made_is_removed() {
        check(
            &[("-", "ab")],
            &["ab", "-", "abc"],
            expect![[r#"
                ab: Remove
                -: Keep
                abc: left: it was changed since, in the same lines
            "#]],
        );
    }

    #[test]
    fn a_file_that_was_deleted_comes_back() {
        check(
            &[("ab+", "-")],
            &["-", "ab+", "x"],
            expect![[r#"
                -: put ab 755
                ab+: Keep
                x: left: there is another file by that name now
            "#]],
        );
    }

    #[test]
    fn several_edits_are_taken_back_one_after_the_other() {
        check(
            &[("-", "ab"), ("ab", "abc"), ("abc", "abcd")],
            &["abcd", "abc", "ab", "-"],
            expect![[r#"
                abcd: Remove
                abc: Remove
                ab: left: it was changed since, in the same lines
                -: Keep
            "#]],
        );
        // Between two of ours someone else has added `Z`.
        check(
            &[("abcdef", "aXcdef"), ("aXcdefZ", "aXcdYfZ")],
            &["aXcdYfZ", "aXcdYf"],
            expect![[r#"
                aXcdYfZ: put abcdefZ 644, merged
                aXcdYf: put abcdef 644, merged
            "#]],
        );
    }

    #[test]
    fn a_mode_is_taken_back_unless_it_was_set_again() {
        check(
            &[("ab", "ab+")],
            &["ab+", "ab", "ab!"],
            expect![[r#"
                ab+: put ab 644
                ab: Keep
                ab!: Keep
            "#]],
        );
        check(&[("ab!", "ac!")], &["ac!"], expect!["ac!: put ab 444\n"]);
    }

    #[test]
    fn what_was_announced_and_not_done_is_no_ground_to_complain() {
        assert_eq!(decide(&[("-", "ab")], "x", 1, true), Plan::Keep);
        assert_eq!(decide(&[("-", "ab")], "ab", 1, true), Plan::Remove);
    }

    #[test]
    fn a_file_with_new_names_is_left_alone() {
        assert_eq!(decide(&[("a", "b")], "b", 2, false), Plan::Leave(Reason::Shared));
        assert_eq!(decide(&[("-", "b")], "b", 2, false), Plan::Leave(Reason::Shared));
    }

    #[test]
    fn a_content_that_is_lost_is_said_to_be() {
        let touch = touch("a", "b");
        let touched = [Touched { touch: &touch, failed: false }];
        let found = Found { bytes: b"b\n", mode: 0o644, links: 1 };
        assert_eq!(plan(&touched, Some(found), &|_| None), Plan::Leave(Reason::Lost));
    }

    #[test]
    fn what_both_did_is_done_once_and_what_touches_is_nobodys() {
        let merged = |base, ours, theirs| merge_lines(base, ours, theirs);
        let both = merged("a\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nB\nc\nD\n");
        assert_eq!(both.as_deref(), Some("a\nB\nc\nD\n"));
        assert_eq!(merged("a\nb\nc\n", "a\nB\nc\n", "a\nb\nC\n"), None);
        assert_eq!(merged("a\nb\n", "a\nx\nb\n", "a\ny\nb\n"), None);
    }

    #[test]
    fn what_is_no_text_is_not_merged() {
        assert_eq!(merge(b"a\n\0b\nc\n", b"A\n\0b\nc\n", b"a\n\0b\nC\n"), None);
    }

    proptest! {
        #[test]
        fn a_merge_with_nothing_is_the_other(base in "[ab\r\n]{0,12}", other in "[abc\r\n]{0,12}") {
            let (base, other) = (base.as_bytes(), other.as_bytes());
            prop_assert_eq!(merge(base, other, base), Some(other.to_owned()));
            prop_assert_eq!(merge(base, base, other), Some(other.to_owned()));
        }

        #[test]
        fn what_nobody_else_touched_comes_back(states in prop::collection::vec("[ab]{0,3}|-", 2..6)) {
            let steps: Vec<_> = states.windows(2).map(|it| (&*it[0], &*it[1])).collect();
            let (first, last) = (&states[0], &states[states.len() - 1]);
            let back = match decide(&steps, last, 1, false) {
                Plan::Keep => image(last),
                Plan::Remove => None,
                Plan::Put { bytes, mode, merged: false } => {
                    Some(Image { digest: Digest::of(&bytes), mode })
                }
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(back, image(first));
        }
    }
}
