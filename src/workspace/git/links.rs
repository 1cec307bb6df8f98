//! That nothing in a repository leads out of it.
//!
//! libgit2 follows links: it reads, replaces and appends to what they lead to. What a confined
//! command can write into a repository it can also make a link, and this process is not confined.
//! So a repository is left alone that has a link where git makes none.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use git2::Repository;

use crate::workspace::{FileError, plain_file};

/// What is looked into at any depth; of all else only what lies beside them is read or written.
const DEEP: &[&str] = &["logs", "objects", "refs"];

/// The names of other repositories are not longer.
const LONGEST: u64 = 1024 * 1024;

/// Never opened here, and often a link.
const UNREAD: &str = "hooks";

/// Holds only as long as nobody else writes.
pub(super) fn must_not_lead_out(repository: &Repository) -> Result<(), FileError> {
    let (own, shared) = (repository.path(), repository.commondir());
    must_be_plain(own)?;
    if own != shared {
        must_be_plain(shared)?;
    }
    must_stand_alone(shared)
}

fn must_be_plain(top: &Path) -> Result<(), FileError> {
    let unreadable = |at: &Path, err: &io::Error| {
        FileError::Refused(format!("`{}` cannot be looked into: {err}", at.display()))
    };
    let mut directories = vec![top.to_owned()];
    while let Some(directory) = directories.pop() {
        let is_top = directory == top;
        for entry in fs::read_dir(&directory).map_err(|it| unreadable(&directory, &it))? {
            let entry = entry.map_err(|it| unreadable(&directory, &it))?;
            let (path, name) = (entry.path(), entry.file_name());
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                // A lock file may be gone by now.
                Err(err) if err.kind() == io::ErrorKind::NotFound => continue,
                Err(err) => return Err(unreadable(&path, &err)),
            };
            if kind.is_dir() {
                if !is_top || DEEP.iter().any(|it| name == *it) {
                    directories.push(path);
                }
                continue;
            }
            // A monitor of files listens beside them.
            let is_harmless = is_top && (name == UNREAD || kind.is_socket());
            if !kind.is_file() && !is_harmless {
                let shown = path.strip_prefix(top).unwrap_or(&path).display();
                return Err(FileError::Refused(format!(
                    "`{shown}` in the git directory is a link or a special file, which git does \
                     not make: the repository is left alone"
                )));
            }
        }
    }
    Ok(())
}

/// Objects of another repository are not for whoever works on this project, and a command can name
/// any.
fn must_stand_alone(shared: &Path) -> Result<(), FileError> {
    let others = match plain_file::read(&shared.join("objects/info/alternates"), LONGEST) {
        Ok(others) => others,
        Err(err)
            if matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(());
        }
        Err(err) => return Err(FileError::Refused(format!("`alternates` cannot be read: {err}"))),
    };
    let names_any = others.split(|it| *it == b'\n').any(|it| !matches!(it, [] | [b'#', ..]));
    if !names_any {
        return Ok(());
    }
    Err(FileError::Refused(
        "the repository borrows objects of another one (`objects/info/alternates`): it is not read \
         here; use a command, or the user copies the objects with `git repack -ad` and removes that \
         file"
            .to_owned(),
    ))
}
