//! That libgit2 meets plain files where it opens a repository.
//!
//! It opens what it finds by its name, and waits for ever where that is a pipe, which a command can
//! make. So we look first. Holds only as long as nobody else writes.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::workspace::error::plain;
use crate::workspace::git::settings::{self, Named};
use crate::workspace::plain_file;

/// How long those are at most that are read whole, in bytes; the index and a list of references
/// are long in large projects.
const LONGEST: u64 = 16 * 1024 * 1024;
const LONGEST_LIST: u64 = 512 * 1024 * 1024;
const LISTS: &[&str] = &["index", "packed-refs"];

/// No file that points somewhere is longer.
const LONGEST_PATH: u64 = 8 * 1024;

/// How deep repositories are followed that borrow objects, and settings that include others.
const DEPTH: usize = 8;

/// What of a repository is opened when it is; of what lies beside them only if it is asked for.
const OPENED: &[&str] = &["", "info", "objects/info", "objects/pack"];

/// Fails if what is found by looking from `start` upwards, below `ceiling`, cannot be opened without
/// risk, with a sentence that says so.
pub(super) fn must_be_safe_to_open(start: &Path, ceiling: Option<&Path>) -> Result<(), String> {
    for directory in start.ancestors().take_while(|it| Some(*it) != ceiling) {
        let git = directory.join(".git");
        let Ok(found) = git.metadata() else {
            // It may be a repository itself.
            if directory.join("HEAD").symlink_metadata().is_ok() {
                must_be_plain(directory)?;
            }
            continue;
        };
        if found.is_dir() {
            return repository(&git);
        }
        let Some(named) = pointed(&git, "gitdir: ")? else { return Ok(()) };
        return repository(&directory.join(named));
    }
    Ok(())
}

fn repository(directory: &Path) -> Result<(), String> {
    must_be_plain(directory)?;
    let Some(shared) = pointed(&directory.join("commondir"), "")? else { return Ok(()) };
    must_be_plain(&directory.join(shared))
}

fn must_be_plain(directory: &Path) -> Result<(), String> {
    for part in OPENED {
        must_hold_plain_files(&directory.join(part))?;
    }
    for config in ["config", "config.worktree"] {
        must_include_plain_files(&directory.join(config), DEPTH)?;
    }
    must_borrow_from_plain_files(&directory.join("objects"), DEPTH)
}

fn must_hold_plain_files(directory: &Path) -> Result<(), String> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(err) if is_missing(&err) => return Ok(()),
        Err(err) => {
            return Err(format!(
                "`{}` cannot be looked into: {}",
                directory.display(),
                plain(&err)
            ));
        }
    };
    for entry in entries.flatten() {
        // What a link leads to is what is opened.
        let Ok(found) = entry.path().metadata() else { continue };
        let is_list = LISTS.iter().any(|it| entry.file_name() == *it);
        let longest = if is_list { LONGEST_LIST } else { LONGEST };
        let is_read_whole = !directory.ends_with("pack");
        // A monitor of files listens beside them.
        if !found.is_file() && !found.is_dir() && !found.file_type().is_socket() {
            return Err(special(&entry.path()));
        }
        if found.is_file() && is_read_whole && longest < found.len() {
            return Err(format!("`{}` is too long for what it is", entry.path().display()));
        }
    }
    Ok(())
}

fn must_include_plain_files(config: &Path, depth: usize) -> Result<(), String> {
    if config.metadata().is_ok_and(|it| !it.is_file()) {
        return Err(special(config));
    }
    if depth == 0 {
        return Ok(());
    }
    for named in settings::named(config) {
        let Named::Settings(path) = named else { continue };
        let above = config.parent().unwrap_or(config);
        must_include_plain_files(&above.join(path), depth - 1)?;
    }
    Ok(())
}

fn must_borrow_from_plain_files(objects: &Path, depth: usize) -> Result<(), String> {
    let alternates = objects.join("info/alternates");
    let Ok(lent) = plain_file::read(&alternates, LONGEST) else { return Ok(()) };
    if depth == 0 {
        return Err(format!("`{}` leads too far", alternates.display()));
    }
    let text = String::from_utf8_lossy(&lent);
    for line in text.lines().filter(|it| !it.is_empty() && !it.starts_with('#')) {
        let other = objects.join(line);
        must_hold_plain_files(&other.join("info"))?;
        must_hold_plain_files(&other.join("pack"))?;
        must_borrow_from_plain_files(&other, depth - 1)?;
    }
    Ok(())
}

/// What a file says that holds one path; `None` if there is none.
fn pointed(file: &Path, prefix: &str) -> Result<Option<PathBuf>, String> {
    let read = file.canonicalize().and_then(|it| plain_file::read(&it, LONGEST_PATH));
    match read {
        Ok(text) => {
            let text = String::from_utf8_lossy(&text);
            let path = text.strip_prefix(prefix).map(|it| it.trim_end().into());
            Ok(path)
        }
        Err(err) if is_missing(&err) => Ok(None),
        Err(_) => Err(special(file)),
    }
}

fn is_missing(err: &io::Error) -> bool {
    matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn special(path: &Path) -> String {
    format!(
        "`{}` is no plain file, as git makes them: the repository is left alone",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, mknodat};

    use super::*;

    /// What is said of a repository in which a pipe, or something very long, stands at `path`.
    fn said(path: &str, make: impl FnOnce(&Path)) -> String {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        fs::write(dir.path().join(".git/config"), "[include]\n\tpath = ../theirs\n").unwrap();
        fs::write(dir.path().join(".git/objects/info/alternates"), "../../lent\n").unwrap();
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        make(&path);
        let said = must_be_safe_to_open(dir.path(), dir.path().parent()).err();
        said.unwrap_or_default().replace(dir.path().to_str().unwrap(), "ROOT")
    }

    #[test]
    fn a_pipe_where_a_file_is_opened_is_met_first() {
        let pipe = |it: &Path| mknodat(CWD, it, FileType::Fifo, 0o644.into(), 0).unwrap();
        for path in [
            ".git/HEAD",
            ".git/config",
            ".git/index",
            ".git/shallow",
            ".git/commondir",
            ".git/info/grafts",
            ".git/objects/pack/pack-a.idx",
            "theirs",
            "lent/pack/pack-a.idx",
        ] {
            let said = said(path, pipe);
            assert!(said.contains(path.rsplit('/').next().unwrap()), "{path}: {said:?}");
        }
        assert_eq!(said("file", pipe), "");
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let long = |it: &Path| fs::File::create(it).unwrap().set_len(LONGEST_LIST).unwrap();
        assert_eq!(said(".git/HEAD", long), "`ROOT/.git/HEAD` is too long for what it is");
        assert_eq!(said(".git/index", long), "");
    }
}
