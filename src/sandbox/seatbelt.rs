//! Where the system is macOS: what a command may touch, in the language of Seatbelt.
//!
//! The last rule that fits wins, so what is general stands first. Rules know files by their paths:
//! whoever could move a directory above a closed file could give it a path that no rule knows, so
//! none above one can be moved. There are no private directories; what is emptied elsewhere cannot be
//! read here, and temporary directories are shared.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::sandbox::policy::{Absent, Confinement, Entry, Network};

/// The program that puts a profile into force. The system's own, by its full path.
#[cfg(target_os = "macos")]
pub(super) const PROGRAM: &str = "/usr/bin/sandbox-exec";

/// What every program needs: itself, its kin, what the system says of itself, terminals.
const GROUND: &str = r#"(version 1)
(deny default)
(allow process-exec process-fork)
(allow signal process-info* (target same-sandbox))
(allow sysctl-read)
(allow ipc-posix-sem ipc-posix-shm*)
(allow pseudo-tty)
(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow file-read*)
(allow file-ioctl file-write* (regex #"^/dev/ttys[0-9]+$") (literal "/dev/ptmx") (literal "/dev/tty"))
(allow file-write-data (literal "/dev/null") (literal "/dev/zero"))
"#;

/// By their real paths: what people call `/tmp` is a link there.
const SHARED: &[&str] = &["/private/tmp", "/private/var/folders", "/private/var/tmp"];

/// The profile for `confinement`.
pub(super) fn profile(confinement: &Confinement) -> io::Result<String> {
    let Confinement {
        project,
        writable,
        emptied,
        readable,
        hidden,
        hidden_outside,
        pinned,
        frozen,
        absent,
        ..
    } = confinement;
    let mut profile = GROUND.to_owned();
    let mut add = |rule: &str, kind: &str, path: &Path| -> io::Result<()> {
        profile += &format!("({rule} ({kind} {}))\n", quoted(path)?);
        Ok(())
    };
    for path in emptied {
        add("deny file-read* file-write*", "subpath", path)?;
    }
    let granted = readable.iter().chain(writable).chain([project]);
    for path in granted.clone().flat_map(|it| above(&it.place)).collect::<BTreeSet<_>>() {
        // The way there, but not what else lies along it.
        if emptied.iter().any(|it| path.starts_with(it)) {
            add("allow file-read-metadata", "literal", path)?;
        }
    }
    for grant in granted {
        add("allow file-read*", kind(grant.is_directory), &grant.place)?;
    }
    for path in SHARED {
        add("allow file-write*", "subpath", Path::new(path))?;
    }
    for grant in writable.iter().chain([project]) {
        add("allow file-write*", kind(grant.is_directory), &grant.place)?;
    }
    for path in frozen.iter().map(|it| &**it).chain(absent.iter().map(Absent::path)) {
        add("deny file-write*", "subpath", path)?;
    }
    let hidden = || hidden.iter().chain(hidden_outside);
    for entry in hidden() {
        let kind = kind(matches!(entry, Entry::Directory(_)));
        add("deny file-read-data file-write*", kind, entry.path())?;
    }
    let closed = frozen.iter().map(|it| &**it).chain(absent.iter().map(Absent::path));
    let closed = closed.chain(hidden().map(Entry::path)).flat_map(above);
    let fixed: BTreeSet<_> = closed
        .filter(|it| it.starts_with(&project.place))
        .chain(pinned.iter().map(|it| &**it))
        .chain([&*project.place])
        .collect();
    for path in fixed {
        add("deny file-write-unlink", "literal", path)?;
    }
    match confinement.network {
        // Nothing here hands a socket out.
        Network::None | Network::Hosts(_) => profile += "(deny network*)\n",
    }
    Ok(profile)
}

fn kind(is_directory: bool) -> &'static str {
    if is_directory { "subpath" } else { "literal" }
}

/// The directories that `path` lies in, nearest first.
fn above(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(1)
}

/// A path as a text of the profile. One that could be read in two ways is refused.
fn quoted(path: &Path) -> io::Result<String> {
    let text = path.to_str().filter(|it| !it.chars().any(char::is_control));
    let text = text.ok_or_else(|| {
        let why = format!("cannot write a rule for `{}`", path.display());
        io::Error::new(io::ErrorKind::InvalidInput, why)
    })?;
    Ok(format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::sandbox::policy::{FileId, Grant};
    use crate::sandbox::{Confinement, Level};

    fn grant(path: &str) -> Grant {
        let id = FileId { device: 0, inode: 0 };
        Grant { path: path.into(), place: path.into(), id, is_directory: true }
    }

    /// What is there beside what every program needs.
    #[track_caller]
    fn check(confinement: &Confinement, expected: Expect) {
        let profile = profile(confinement).unwrap();
        expected.assert_eq(profile.strip_prefix(GROUND).unwrap());
    }

    #[test]
    fn a_home_is_closed_but_for_what_is_granted() {
        let mut confinement = Confinement::bare(Level::Reduced, grant("/Users/me/p"));
        confinement.emptied = vec!["/Users".into()];
        confinement.readable = vec![grant("/Users/me/.cargo")];
        check(
            &confinement,
            expect![[r#"
            (deny file-read* file-write* (subpath "/Users"))
            (allow file-read-metadata (literal "/Users"))
            (allow file-read-metadata (literal "/Users/me"))
            (allow file-read* (subpath "/Users/me/.cargo"))
            (allow file-read* (subpath "/Users/me/p"))
            (allow file-write* (subpath "/private/tmp"))
            (allow file-write* (subpath "/private/var/folders"))
            (allow file-write* (subpath "/private/var/tmp"))
            (allow file-write* (subpath "/Users/me/p"))
            (deny file-write-unlink (literal "/Users/me/p"))
            (deny network*)
        "#]],
        );
    }

    #[test]
    fn what_is_closed_can_be_moved_neither_itself_nor_with_what_it_lies_in() {
        let mut confinement = Confinement::bare(Level::Reduced, grant("/p"));
        confinement.pinned = vec!["/p/.git".into()];
        confinement.frozen = vec!["/p/.git/config".into()];
        confinement.absent = vec![Absent::Directory("/p/.vscode".into())];
        confinement.hidden = vec![Entry::File("/p/a/b/.env".into())];
        check(
            &confinement,
            expect![[r#"
            (allow file-read* (subpath "/p"))
            (allow file-write* (subpath "/private/tmp"))
            (allow file-write* (subpath "/private/var/folders"))
            (allow file-write* (subpath "/private/var/tmp"))
            (allow file-write* (subpath "/p"))
            (deny file-write* (subpath "/p/.git/config"))
            (deny file-write* (subpath "/p/.vscode"))
            (deny file-read-data file-write* (literal "/p/a/b/.env"))
            (deny file-write-unlink (literal "/p"))
            (deny file-write-unlink (literal "/p/.git"))
            (deny file-write-unlink (literal "/p/a"))
            (deny file-write-unlink (literal "/p/a/b"))
            (deny network*)
        "#]],
        );
    }

    #[test]
    fn a_path_cannot_end_its_text() {
        assert_eq!(quoted(Path::new(r#"/a"b\c"#)).unwrap(), r#""/a\"b\\c""#);
        assert!(quoted(Path::new("/a\nb")).is_err());
    }

    proptest! {
        #[test]
        fn a_path_is_one_text(path in "[ -~]{0,20}") {
            let text = quoted(Path::new(&path)).unwrap();
            let inner = text.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            let mut plain = String::new();
            let mut chars = inner.chars();
            while let Some(it) = chars.next() {
                prop_assert_ne!(it, '"');
                plain.push(if it == '\\' { chars.next().unwrap() } else { it });
            }
            prop_assert_eq!(plain, path);
        }
    }
}
