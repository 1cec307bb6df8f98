//! Differences as a patch that git applies.

use std::os::unix::ffi::OsStrExt;

use crate::workspace::{Content, Difference, LineDiff, ProjectPath};

pub(super) fn unified(differences: &[Difference]) -> String {
    let mut text = String::new();
    for Difference { path, before, now } in differences {
        let name = |side: &str, it: &Option<Vec<u8>>| match it {
            Some(_) => named(side, path),
            None => "/dev/null".to_owned(),
        };
        let (from, to) = (name("a/", before), name("b/", now));
        let bytes = |it: &Option<Vec<u8>>| it.clone().unwrap_or_default();
        let (before, now) = (bytes(before), bytes(now));
        match (Content::of(&before), Content::of(&now)) {
            (Content::Text(before), Content::Text(now)) => {
                let (from, to) = (ended(from), ended(to));
                // An empty file has no lines that could differ.
                let hunks = LineDiff::of(&before.text, &now.text).unified(3);
                text += &format!("--- {from}\n+++ {to}\n{hunks}");
            }
            _ => text += &format!("Binary files {from} and {to} differ\n"),
        }
    }
    text
}

/// Quoted as git quotes it, where a byte of it could be taken for something else.
fn named(side: &str, path: &ProjectPath) -> String {
    let bytes = [side.as_bytes(), path.as_path().as_os_str().as_bytes()].concat();
    let text: String = bytes.iter().map(|it| escaped(*it)).collect();
    if text.len() == bytes.len() { text } else { format!("\"{text}\"") }
}

fn escaped(byte: u8) -> String {
    let letter = match byte {
        0x07 => 'a',
        0x08 => 'b',
        b'\t' => 't',
        b'\n' => 'n',
        0x0b => 'v',
        0x0c => 'f',
        b'\r' => 'r',
        b'"' | b'\\' => char::from(byte),
        b' '..=b'~' => return char::from(byte).to_string(),
        _ => return format!("\\{byte:03o}"),
    };
    format!("\\{letter}")
}

/// Who reads a patch takes what follows a space for a time, but not beyond a tab.
fn ended(name: String) -> String {
    if name.contains(' ') { name + "\t" } else { name }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::PathBuf;

    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(path: &[u8], now: &[u8], expected: Expect) {
        let path = ProjectPath::plain(PathBuf::from(OsStr::from_bytes(path)));
        let difference = Difference { path, before: None, now: Some(now.to_owned()) };
        expected.assert_eq(&unified(&[difference]).replace("\t", "<tab>"));
    }

    #[test]
    fn a_name_is_quoted_as_git_quotes_it() {
        check(
            b"a b.txt",
            b"1\n",
            expect![[r#"
            --- /dev/null
            +++ b/a b.txt<tab>
            @@ -0,0 +1 @@
            +1
        "#]],
        );
        check(
            b"a\nb\t\x07\x1b\x7f.txt",
            b"1\n",
            expect![[r#"
            --- /dev/null
            +++ "b/a\nb\t\a\033\177.txt"
            @@ -0,0 +1 @@
            +1
        "#]],
        );
        check(
            b"\"a\\b\"",
            b"",
            expect![[r#"
            --- /dev/null
            +++ "b/\"a\\b\""
        "#]],
        );
        check(
            "caf\u{e9} 1".as_bytes(),
            b"\0",
            expect![[r#"
            Binary files /dev/null and "b/caf\303\251 1" differ
        "#]],
        );
        check(
            b"\xff 1",
            b"1\n",
            expect![[r#"
            --- /dev/null
            +++ "b/\377 1"<tab>
            @@ -0,0 +1 @@
            +1
        "#]],
        );
    }
}
