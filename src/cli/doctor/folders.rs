//! The folders we write to: whether we may, whether others may, and whether there is room.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::cli::doctor::Finding;
use crate::cli::models::pull;
use crate::cli::surroundings::Surroundings;
use crate::ui::bytes;

/// With less, neither an engine nor the smallest model fits.
const ROOM: u64 = 2_000_000_000;

/// Who may look into it.
#[derive(Clone, Copy, PartialEq)]
enum For {
    UsAlone,
    Anybody,
}

pub(super) fn folders(around: &Surroundings) -> Vec<Finding> {
    let base = around.runtime_dir().parent().map(Path::to_owned);
    let places = [
        ("configuration folder", around.config_dir(), For::Anybody),
        ("sessions folder", around.state_dir().ok(), For::UsAlone),
        ("engines folder", around.data_dir().ok(), For::Anybody),
        ("models folder", pull::place(around).ok().map(|it| it.cache), For::Anybody),
        ("sockets folder", base, For::UsAlone),
    ];
    let place = |(name, path, whose): (&'static str, Option<PathBuf>, For)| match path {
        Some(path) => folder(name, &path, whose),
        None => Finding::fail(name, "there is no place for it", "set HOME"),
    };
    places.into_iter().map(place).collect()
}

fn folder(name: &'static str, path: &Path, whose: For) -> Finding {
    let shown = path.display();
    // What is not there yet will be made in the nearest folder that is.
    let there = path.ancestors().find(|it| it.exists()).unwrap_or(Path::new("/"));
    if !there.is_dir() {
        let hint = format!("move `{}` out of the way", there.display());
        return Finding::fail(name, format!("`{}` is no folder", there.display()), hint);
    }
    if rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_err() {
        let hint = format!("see to it that you may write to `{}`", there.display());
        return Finding::fail(name, format!("{shown} cannot be written to"), hint);
    }
    if there == path
        && let Ok(metadata) = path.metadata()
    {
        let mode = metadata.mode() & 0o777;
        let hint = format!("chmod go-w '{shown}'");
        if mode & 0o022 != 0 {
            return Finding::fail(
                name,
                format!("{shown} can be changed by others ({mode:o})"),
                hint,
            );
        }
        if whose == For::UsAlone && mode & 0o077 != 0 {
            let hint = format!("chmod 700 '{shown}'");
            return Finding::warn(name, format!("{shown} can be read by others ({mode:o})"), hint);
        }
    }
    let free = rustix::fs::statvfs(there).map(|it| it.f_bavail.saturating_mul(it.f_frsize));
    match free {
        Ok(free) if free < ROOM => Finding::warn(
            name,
            format!("{shown} has only {} of room", bytes(free)),
            "make room, or set its place elsewhere",
        ),
        Ok(free) => Finding::ok(name, format!("{shown}, {} free", bytes(free))),
        Err(_) => Finding::ok(name, shown.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(mode: u32, whose: For, expected: Expect) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("folder");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let it = folder("folder", &path, whose);
        let free = it.text.split(", ").next().unwrap();
        let told = format!("{} {free} {}", it.verdict.word(), it.hint.unwrap_or_default());
        expected.assert_eq(told.replace(path.to_str().unwrap(), "~").trim());
    }

    #[test]
    fn what_others_may_change_or_read_is_told() {
        check(0o700, For::UsAlone, expect!["ok ~"]);
        check(0o755, For::Anybody, expect!["ok ~"]);
        check(0o755, For::UsAlone, expect!["warn ~ can be read by others (755) chmod 700 '~'"]);
        check(0o777, For::Anybody, expect!["fail ~ can be changed by others (777) chmod go-w '~'"]);
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_is_told() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("file"), "").unwrap();
        let it = folder("folder", &temp.path().join("file/agent"), For::UsAlone);
        assert_eq!(it.verdict.word(), "fail");
        assert!(it.text.ends_with("file` is no folder"), "{}", it.text);
    }
}
