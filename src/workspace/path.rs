//! A path in the project, as text: where it would be beneath the root. What it leads to on the
//! disk is the business of `root`.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::workspace::FileError;

/// Relative to the root, without `.`, `..` and empty parts; empty for the root itself.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct ProjectPath(PathBuf);

impl ProjectPath {
    /// Understands what a model writes. `..` is taken as text: `src/../x` is `x`.
    pub(crate) fn parse(given: &str, root: &Path) -> Result<Self, FileError> {
        let refused = |reason: &str| Err(FileError::Refused(format!("`{given}` {reason}")));
        if given.contains('\0') {
            let shown = given.replace('\0', "\\0");
            return Err(FileError::Refused(format!(
                "`{shown}` is not a path: it holds a NUL byte"
            )));
        }
        if given.contains("://") {
            return refused("is a URL; give a path relative to the project, without a scheme");
        }
        if given.starts_with('~') {
            return refused(
                "starts with `~`, which is not expanded; give a path relative to the project",
            );
        }
        let outside =
            || FileError::Refused(format!("`{given}` is outside the project `{}`", root.display()));
        let path = normal(Path::new(given)).ok_or_else(outside)?;
        if !path.is_absolute() {
            return Ok(Self(path));
        }
        path.strip_prefix(root).map(|it| Self(it.to_owned())).map_err(|_| outside())
    }

    /// A path that is known to be plain, such as one that a walk has met.
    pub(crate) fn plain(path: PathBuf) -> Self {
        debug_assert!(path.components().all(|it| matches!(it, Component::Normal(_))));
        Self(path)
    }

    pub(crate) fn as_path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0.as_os_str().is_empty()
    }

    /// How many levels below the root.
    pub(crate) fn depth(&self) -> usize {
        self.0.components().count()
    }

    /// The directory above and the name in it; the root has neither.
    pub(super) fn split(&self) -> Option<(Self, &OsStr)> {
        Some((Self(self.0.parent()?.to_owned()), self.0.file_name()?))
    }
}

/// The path without `.` and `..`; `None` if it would climb above where it starts.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                normal.push(component);
            }
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
        }
    }
    Some(normal)
}

impl Ord for ProjectPath {
    fn cmp(&self, other: &Self) -> Ordering {
        in_order(&self.0, &other.0)
    }
}

impl PartialOrd for ProjectPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of plain paths name by name, so that a directory stands before what is in it, and
/// that before what follows the directory. It is the order of [`Path`], many times as fast:
/// thousands of paths are sorted for one answer.
pub(crate) fn in_order(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.as_os_str().as_bytes(), b.as_os_str().as_bytes());
    // The end of a name comes before whatever it may go on with.
    let rank = |it: u8| if it == b'/' { 0 } else { it };
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((a, b)) => rank(*a).cmp(&rank(*b)),
        None => a.len().cmp(&b.len()),
    }
}

/// The root is `.`, as in a shell.
impl fmt::Display for ProjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() { f.write_str(".") } else { self.0.display().fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(given: &[&str], expected: Expect) {
        let parse = |it: &&str| match ProjectPath::parse(it, Path::new("/proj")) {
            Ok(path) => format!("{path}\n"),
            Err(err) => format!("refused: {err}\n"),
        };
        expected.assert_eq(&given.iter().map(parse).collect::<String>());
    }

    /// H04.
    #[test]
    fn odd_ways_to_write_a_path_inside_are_understood() {
        check(
            &[
                "src/a.rs",
                "./src//a.rs/",
                "src/../src/./a.rs",
                "/proj/src/a.rs",
                "/proj//x/../a",
                "",
                ".",
                "/proj",
                "./~x",
                "a%20b",
                " a",
            ],
            expect![[r#"
                src/a.rs
                src/a.rs
                src/a.rs
                src/a.rs
                a
                .
                .
                .
                ~x
                a%20b
                 a
            "#]],
        );
    }

    /// H04.
    #[test]
    fn a_path_outside_is_refused_with_a_reason() {
        check(
            &[
                "../x",
                "a/../../x",
                "/etc/passwd",
                "/proj-evil/x",
                "/proj/../etc",
                "~",
                "~/x",
                "~user/x",
                "file:///proj/a",
                "a\0b",
            ],
            expect![[r#"
                refused: `../x` is outside the project `/proj`
                refused: `a/../../x` is outside the project `/proj`
                refused: `/etc/passwd` is outside the project `/proj`
                refused: `/proj-evil/x` is outside the project `/proj`
                refused: `/proj/../etc` is outside the project `/proj`
                refused: `~` starts with `~`, which is not expanded; give a path relative to the project
                refused: `~/x` starts with `~`, which is not expanded; give a path relative to the project
                refused: `~user/x` starts with `~`, which is not expanded; give a path relative to the project
                refused: `file:///proj/a` is a URL; give a path relative to the project, without a scheme
                refused: `a\0b` is not a path: it holds a NUL byte
            "#]],
        );
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_names(a in "[a-c./~]{0,8}", b in "[a-c./~]{0,8}") {
            let is_name = |it: &&str| !["", ".", ".."].contains(it);
            let plain = |it: &str| it.split('/').filter(is_name).collect::<PathBuf>();
            let (a, b) = (plain(&a), plain(&b));
            prop_assert_eq!(in_order(&a, &b), a.cmp(&b));
        }

        #[test]
        fn what_is_understood_is_beneath_the_root(given in "[a./~\\\\ ]{0,12}") {
            if let Ok(path) = ProjectPath::parse(&given, Path::new("/proj")) {
                prop_assert!(path.0.components().all(|it| matches!(it, Component::Normal(_))));
            }
        }
    }
}
