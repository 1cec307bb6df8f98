//! What a file of git's settings takes from elsewhere: hooks, and further settings.
//!
//! Read by ourselves. libgit2 opens at once whatever a file includes, and waits for ever where that
//! is a pipe.

use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

use crate::workspace::plain_file;

/// A value that names a path, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::workspace) enum Named {
    Hooks(String),
    /// Whatever the condition is under which it is included.
    Settings(String),
}

/// No such file is longer.
const LONGEST: u64 = 1024 * 1024;

/// What the file at `path` names; a link may lead to it. What cannot be read names nothing: no git
/// reads it either.
pub(in crate::workspace) fn named(path: &Path) -> Vec<Named> {
    let read = path.canonicalize().and_then(|it| plain_file::read(&it, LONGEST));
    parse(&String::from_utf8_lossy(&read.unwrap_or_default()))
}

/// The editor that the file at `path` names: one of the person's own, for it is run.
pub(crate) fn editor_in(path: &Path) -> Option<String> {
    let read = plain_file::read(&path.canonicalize().ok()?, LONGEST).ok()?;
    let all = settings(&String::from_utf8_lossy(&read));
    let editors = all.into_iter().filter(|it| (&*it.section, &*it.key) == ("core", "editor"));
    editors.map(|it| it.value).rfind(|it| !it.is_empty())
}

fn parse(text: &str) -> Vec<Named> {
    let named = settings(text).into_iter().filter_map(|it| match (&*it.section, &*it.key) {
        ("core", "hookspath") => Some(Named::Hooks(it.value)),
        ("include" | "includeif", "path") => Some(Named::Settings(it.value)),
        _ => None,
    });
    named.collect()
}

/// One line of a file of settings.
struct Setting {
    section: String,
    key: String,
    value: String,
}

fn settings(text: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut rest = text.trim_start_matches('\u{feff}').chars().peekable();
    let mut section = String::new();
    while let Some(&first) = rest.peek() {
        match first {
            '[' => section = heading(&mut rest),
            '#' | ';' => skip_line(&mut rest),
            it if it.is_whitespace() => drop(rest.next()),
            _ => {
                let key = key(&mut rest);
                let value = value(&mut rest);
                settings.push(Setting { section: section.clone(), key, value });
            }
        }
    }
    settings
}

/// The name of a section in small letters. One of `core` with a part of its own is another.
fn heading(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut name = String::new();
    let (mut quoted, mut has_part) = (false, false);
    rest.next();
    while let Some(&it) = rest.peek() {
        match it {
            '\n' => break,
            '\\' if quoted => drop(rest.next()),
            '"' => (quoted, has_part) = (!quoted, true),
            ']' if !quoted => {
                rest.next();
                break;
            }
            _ if !quoted => name.push(it.to_ascii_lowercase()),
            _ => {}
        }
        rest.next();
    }
    let name = name.trim();
    let first = name.split('.').next().unwrap_or_default();
    let is_core = first == "core" && (has_part || first != name);
    if is_core { String::new() } else { first.to_owned() }
}

fn key(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut key = String::new();
    while let Some(it) = rest.next_if(|it| !matches!(it, '=' | '\n' | '#' | ';')) {
        key.push(it.to_ascii_lowercase());
    }
    key.trim().to_owned()
}

/// What stands behind an equals sign, if there is one, without quotes and comments.
fn value(rest: &mut Peekable<Chars<'_>>) -> String {
    if rest.next_if_eq(&'=').is_none() {
        return String::new();
    }
    let mut value = String::new();
    // As long as it was when the last character came that is not a space outside of quotes.
    let mut length = 0;
    let mut quoted = false;
    while let Some(it) = rest.next() {
        match it {
            '\n' => break,
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => {
                skip_line(rest);
                break;
            }
            '\\' => {
                rest.next_if_eq(&'\r');
                match rest.next() {
                    Some('\n') => {}
                    Some('n') => value.push('\n'),
                    Some('t') => value.push('\t'),
                    it => value.extend(it),
                }
                length = value.len();
            }
            it if it.is_whitespace() && !quoted => {
                if !value.is_empty() {
                    value.push(it);
                }
            }
            it => {
                value.push(it);
                length = value.len();
            }
        }
    }
    value.truncate(length);
    value
}

fn skip_line(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|it| *it != '\n').is_some() {}
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let lines = parse(text).into_iter().map(|it| format!("{it:?}\n"));
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn hooks_and_inclusions_are_found_however_they_are_written() {
        check(
            "[Core] hooksPath = .husky ; theirs\n\tHOOKSPATH=\"a;b \" \n hookspath = a\\\n  b \\\"c\n",
            expect![[r#"
                Hooks(".husky")
                Hooks("a;b ")
                Hooks("a  b \"c")
            "#]],
        );
        check(
            "[include]path=a\r\n[includeIf \"gitdir:x]\\\"\"]\n\tpath = b c # d\n[include]\npath\n",
            expect![[r#"
                Settings("a")
                Settings("b c")
                Settings("")
            "#]],
        );
    }

    #[test]
    fn what_is_of_another_section_or_a_comment_is_not_taken() {
        check(
            "hooksPath = a\n[core \"x\"]\nhooksPath = b\n[core]\n# hooksPath = c\n[user]\npath = d\n",
            expect![""],
        );
    }

    #[test]
    fn the_last_editor_counts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let named = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            editor_in(file.path())
        };
        let text =
            "[core]\neditor = vim\n[user]\neditor = no\n[core]\n\tEditor = \"code --wait\"\n";
        assert_eq!(named(text).as_deref(), Some("code --wait"));
        assert_eq!(named("[core]\neditor =\n"), None);
        assert_eq!(editor_in(Path::new("/nowhere/at/all")), None);
    }

    /// What libgit2 takes for the way to hooks in a file that it can read.
    fn theirs(text: &str) -> Option<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        git2::Config::open(file.path()).ok()?.get_string("core.hookspath").ok()
    }

    proptest! {
        /// Without backslashes, which libgit2 does not read as git does.
        #[test]
        fn what_libgit2_takes_for_hooks_is_among_what_is_found(
            text in "(\\[core\\]|\\[Core\\] |\\[a\\]|)\n?[ \t]?(hooksPath|a)[ ]?=([ab ;#\t]|\"[ab ;#]{0,3}\"){0,9}\n(hooksPath = (\"[a-c /.]{0,5}\"|[a-c /.]{0,5})\n)?",
        ) {
            if let Some(theirs) = theirs(&text) {
                let is_same = |it: &Named| matches!(it, Named::Hooks(it) if it.trim() == theirs.trim());
                let ours = parse(&text);
                prop_assert!(ours.iter().any(is_same), "{ours:?} {theirs:?}");
            }
        }
    }
}
