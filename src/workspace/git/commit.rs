//! Committing certain paths, and leaving whatever else is staged as it is.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::{
    AttrCheckFlags, AttrValue, Branch, FileMode, Index, IndexEntry, IndexTime, Oid, Signature,
    Status, StatusOptions, message_prettify,
};
use rustix::fs::{AtFlags, FileType, readlinkat, statat};

use crate::workspace::git::repository::{Git, refused, spec};
use crate::workspace::git::status::short;
use crate::workspace::root::Root;
use crate::workspace::{FileError, ProjectPath};

/// What is to be committed.
pub(crate) struct Wanted<'a> {
    pub(crate) message: &'a str,
    /// Files and directories; none means each change of a file that git knows.
    pub(crate) paths: &'a [ProjectPath],
    /// A new branch for the commit.
    pub(crate) branch: Option<&'a str>,
}

/// What was committed, and what a person may have expected besides.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) id: String,
    pub(crate) branch: String,
    pub(crate) subject: String,
    /// `M src/lib.rs`.
    pub(crate) changes: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// What an index holds: each path, its content and its kind.
#[derive(Debug, PartialEq)]
pub(crate) struct Staged(Vec<(Vec<u8>, Oid, u32)>);

impl Staged {
    fn of(index: &Index) -> Self {
        Self(index.iter().map(|it| (it.path, it.id, it.mode)).collect())
    }
}

/// A change that goes into the commit.
struct Change {
    path: PathBuf,
    status: Status,
}

/// Hooks that git itself would run.
const HOOKS: &[&str] = &["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"];

impl Git<'_> {
    /// Builds a tree from HEAD and the paths, commits it, and marks these paths as committed in the
    /// user's index. All that is refused is refused before anything is changed.
    pub(in crate::workspace) fn commit(
        &self,
        root: &Root,
        wanted: &Wanted<'_>,
    ) -> Result<Committed, FileError> {
        let message = message_prettify(wanted.message, None)?;
        let Some(subject) = message.lines().next().map(str::to_owned) else {
            return Err(refused("`message` is empty"));
        };
        let branch = self.branch_for(wanted.branch)?;
        let author = self.author()?;
        let mut index = self.repository.index()?;
        if index.has_conflicts() {
            return Err(refused("the index has conflicts: resolve them first, with a command"));
        }
        let mut notes = Vec::new();
        let changes = self.changed(wanted.paths, &mut notes)?;

        let head = self.head_tree()?;
        let entries = self.in_index(root, &mut index, head.as_ref(), &changes)?;
        let tree = index.write_tree_to(&self.repository)?;
        if head.as_ref().is_some_and(|it| it.id() == tree) {
            return Err(refused("nothing to commit: all is as in HEAD"));
        }
        let tree = self.repository.find_tree(tree)?;
        let parent = self.repository.head().ok().and_then(|it| it.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        let id = if wanted.branch.is_some() {
            let id = self.repository.commit(None, &author, &author, &message, &tree, &parents)?;
            let name = format!("refs/heads/{branch}");
            self.repository.reference(&name, id, false, "branch: Created from HEAD")?;
            self.repository.set_head(&name)?;
            id
        } else {
            self.repository.commit(Some("HEAD"), &author, &author, &message, &tree, &parents)?
        };

        if let Err(err) = mark(&mut index, entries) {
            notes.push(format!(
                "the commit is made, but the index could not be updated ({}): these paths still \
                 look staged or changed",
                err.message()
            ));
        }
        notes.extend(self.not_done());
        let letter = |it: &Change| format!("{} {}", letter(it.status), it.path.display());
        let changes = changes.iter().map(letter).collect();
        Ok(Committed { id: short(id.to_string()), branch, subject, changes, notes })
    }

    /// What the index holds.
    pub(crate) fn staged(&self) -> Result<Staged, FileError> {
        Ok(Staged::of(&self.repository.index()?))
    }

    /// Commits the index as the person has made it, if it is still as it was `seen`.
    pub(in crate::workspace) fn commit_staged(
        &self,
        message: &str,
        seen: &Staged,
    ) -> Result<Committed, FileError> {
        let message = message_prettify(message, None)?;
        let Some(subject) = message.lines().next().map(str::to_owned) else {
            return Err(refused("the message is empty"));
        };
        let branch = self.branch_for(None)?;
        let author = self.author()?;
        let mut index = self.repository.index()?;
        if index.has_conflicts() {
            return Err(refused("the index has conflicts: resolve them first"));
        }
        if Staged::of(&index) != *seen {
            return Err(refused("what is staged has changed meanwhile: look at it again"));
        }
        let tree = self.repository.find_tree(index.write_tree_to(&self.repository)?)?;
        let head = self.head_tree()?;
        if head.as_ref().is_some_and(|it| it.id() == tree.id()) {
            return Err(refused("nothing is staged"));
        }
        let parent = self.repository.head().ok().and_then(|it| it.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        let id =
            self.repository.commit(Some("HEAD"), &author, &author, &message, &tree, &parents)?;
        let (id, changes, notes) = (short(id.to_string()), Vec::new(), self.not_done());
        Ok(Committed { id, branch, subject, changes, notes })
    }

    /// The name of the branch that gets the commit.
    fn branch_for(&self, new: Option<&str>) -> Result<String, FileError> {
        if let Some(what) = self.under_way() {
            let text = format!("{what} is under way: finish or abort it first, with a command");
            return Err(FileError::Refused(text));
        }
        let Some(new) = new else {
            return self.branch().ok_or_else(|| {
                refused("no branch is checked out, so the commit could get lost: give `new_branch`")
            });
        };
        if !Branch::name_is_valid(new)? {
            return Err(FileError::Refused(format!("`{new}` cannot be the name of a branch")));
        }
        if self.repository.find_reference(&format!("refs/heads/{new}")).is_ok() {
            let text = format!(
                "there is a branch `{new}` already: leave `new_branch` out, or take another name"
            );
            return Err(FileError::Refused(text));
        }
        Ok(new.to_owned())
    }

    fn author(&self) -> Result<Signature<'static>, FileError> {
        self.repository.signature().map_err(|err| {
            FileError::Refused(format!(
                "git does not know who commits ({}); the user can say it: git config --global \
                 user.name NAME, and user.email ADDRESS",
                err.message()
            ))
        })
    }

    /// What has changed since HEAD in these paths, or in all that git knows.
    fn changed(
        &self,
        paths: &[ProjectPath],
        notes: &mut Vec<String>,
    ) -> Result<Vec<Change>, FileError> {
        let mut changes = Vec::new();
        let mut seen = BTreeSet::new();
        for path in paths {
            let found = self.statuses(Some(path))?;
            if found.is_empty() {
                return Err(self.unchanged(path));
            }
            changes.extend(found.into_iter().filter(|it| seen.insert(it.path.clone())));
        }
        if paths.is_empty() {
            let is_new =
                |it: &Change| it.status.contains(Status::WT_NEW) && !it.status.is_index_new();
            let (new, known): (Vec<_>, Vec<_>) = self.statuses(None)?.into_iter().partition(is_new);
            if let [first, ..] = &new[..] {
                notes.push(format!(
                    "not in it: {} that git does not know, such as `{}`; name them in `paths`",
                    if new.len() == 1 {
                        "a file".to_owned()
                    } else {
                        format!("{} files", new.len())
                    },
                    first.path.display()
                ));
            }
            changes = known;
        }
        if changes.is_empty() {
            let more = notes.first().map(|it| format!("; {it}")).unwrap_or_default();
            return Err(FileError::Refused(format!("nothing to commit{more}")));
        }
        for change in &changes {
            self.can_be_committed(&change.path)?;
            self.guard.must_let_commit(&change.path, paths)?;
        }
        Ok(changes)
    }

    fn statuses(&self, path: Option<&ProjectPath>) -> Result<Vec<Change>, FileError> {
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).disable_pathspec_match(true);
        if let Some(spec) = path.and_then(spec) {
            options.pathspec(spec);
        }
        let statuses = self.repository.statuses(Some(&mut options))?;
        let change = |it: git2::StatusEntry<'_>| {
            let path = String::from_utf8(it.path_bytes().to_owned()).map_err(|_| {
                refused("a changed file has a name that is not UTF-8: commit it with a command")
            })?;
            Ok(Change { path: path.into(), status: it.status() })
        };
        statuses.iter().map(change).collect()
    }

    /// Why a path has nothing to be committed.
    fn unchanged(&self, path: &ProjectPath) -> FileError {
        let work_tree = self.repository.workdir().unwrap_or(Path::new(""));
        let is_there = work_tree.join(path.as_path()).symlink_metadata().is_ok();
        let is_known =
            self.repository.index().is_ok_and(|it| it.get_path(path.as_path(), 0).is_some());
        FileError::Refused(if !is_there && !is_known {
            format!("there is no `{path}`")
        } else if !is_known && self.repository.is_path_ignored(path.as_path()).unwrap_or(false) {
            format!("`{path}` is ignored by git")
        } else {
            format!("`{path}` has not changed since the last commit")
        })
    }

    fn can_be_committed(&self, path: &Path) -> Result<(), FileError> {
        let index = self.repository.index()?;
        let is_link = |it: IndexEntry| it.mode == u32::from(FileMode::Commit);
        let in_index = index.get_path(path, 0).is_some_and(is_link);
        let work_tree = self.repository.workdir().unwrap_or(Path::new(""));
        if in_index || work_tree.join(path).join(".git").exists() {
            let text = format!(
                "`{}` is a repository of its own: commit in it, and name it, with a command",
                path.display()
            );
            return Err(FileError::Refused(text));
        }
        let filter = self.repository.get_attr(path, "filter", AttrCheckFlags::default())?;
        if let AttrValue::String(filter) = AttrValue::from_string(filter) {
            // What is committed would not be what the filter makes of the file.
            return Err(FileError::Refused(format!(
                "`{}` goes through the filter `{filter}`, a program that is not run here: commit it \
                 with a command",
                path.display()
            )));
        }
        Ok(())
    }

    /// Makes the index HEAD with the changes, in memory only. Gives the entries of the changed paths;
    /// none for those that are gone.
    fn in_index(
        &self,
        root: &Root,
        index: &mut Index,
        head: Option<&git2::Tree<'_>>,
        changes: &[Change],
    ) -> Result<Vec<(PathBuf, Option<IndexEntry>)>, FileError> {
        match head {
            Some(tree) => index.read_tree(tree)?,
            None => index.clear()?,
        }
        let mut entries = Vec::new();
        for Change { path, status } in changes {
            let is_gone = status.contains(Status::WT_DELETED)
                || status.is_index_deleted() && !status.is_wt_new();
            let entry = if is_gone {
                index.remove_path(path)?;
                None
            } else {
                let before = index.get_path(path, 0).map(|it| it.mode);
                let entry = self.stored(root, path, before)?;
                index.add(&entry)?;
                Some(entry)
            };
            entries.push((path.clone(), entry));
        }
        Ok(entries)
    }

    /// Stores what is at a path. libgit2 would follow a link on the way to it, out of the project; so
    /// it is opened here, and only what git makes of line ends is left to libgit2.
    fn stored(
        &self,
        root: &Root,
        path: &Path,
        before: Option<u32>,
    ) -> Result<IndexEntry, FileError> {
        let path = ProjectPath::plain(path.to_owned());
        let unreadable = |err: &std::io::Error| FileError::io("read", &path, err);
        let (above, name) = path.split().ok_or_else(|| refused("a file is missing"))?;
        let (real, directory) = root.open_directory(&above)?;
        if real != above {
            return Err(FileError::Refused(format!("`{path}` lies behind a symbolic link")));
        }
        let stat = statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|it| unreadable(&it.into()))?;
        let (id, mode) = if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            let target = readlinkat(&directory, name, Vec::new());
            let target = target.map_err(|it| unreadable(&it.into()))?;
            (self.repository.blob(target.as_bytes())?, FileMode::Link)
        } else {
            let mut file = root.open_file_exactly(&path)?;
            let mut writer = self.repository.blob_writer(Some(path.as_path()))?;
            std::io::copy(&mut file, &mut writer).map_err(|it| unreadable(&it))?;
            let config = self.repository.config();
            let tells = config.and_then(|it| it.get_bool("core.filemode")).unwrap_or(true);
            let is_program = match before {
                Some(mode) if !tells => mode == u32::from(FileMode::BlobExecutable),
                _ => tells && stat.st_mode & 0o100 != 0,
            };
            let mode = if is_program { FileMode::BlobExecutable } else { FileMode::Blob };
            (writer.commit()?, mode)
        };
        Ok(IndexEntry {
            // What is not known of the file makes git look at it once more, and see that it is so.
            ctime: IndexTime::new(0, 0),
            mtime: IndexTime::new(0, 0),
            dev: 0,
            ino: 0,
            uid: 0,
            gid: 0,
            file_size: 0,
            flags: 0,
            flags_extended: 0,
            mode: mode.into(),
            id,
            path: path.as_path().as_os_str().as_bytes().to_vec(),
        })
    }

    /// What git itself would have done besides.
    pub(crate) fn not_done(&self) -> Vec<String> {
        let config = self.repository.config();
        let named = config.as_ref().ok().and_then(|it| it.get_path("core.hooksPath").ok());
        let usual = self.repository.commondir().join("hooks");
        let folder = match (named, self.repository.workdir()) {
            (Some(named), Some(work_tree)) => work_tree.join(named),
            (named, _) => named.unwrap_or(usual),
        };
        let hooks: Vec<_> =
            HOOKS.iter().filter(|it| is_program(&folder.join(it))).copied().collect();
        let mut notes = Vec::new();
        if !hooks.is_empty() {
            notes.push(format!("hooks were not run: {}", hooks.join(", ")));
        }
        if config.is_ok_and(|it| it.get_bool("commit.gpgsign").unwrap_or(false)) {
            notes.push("the commit is not signed".to_owned());
        }
        notes
    }
}

/// Takes the entries over into the index on disk, and leaves all others in it as they are.
fn mark(index: &mut Index, entries: Vec<(PathBuf, Option<IndexEntry>)>) -> Result<(), git2::Error> {
    index.read(true)?;
    for (path, entry) in entries {
        match entry {
            Some(entry) => index.add(&entry)?,
            None => index.remove_path(&path)?,
        }
    }
    index.write()
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

fn letter(status: Status) -> char {
    let new = Status::INDEX_NEW | Status::WT_NEW;
    if status.contains(Status::WT_DELETED) {
        'D'
    } else if status.intersects(new) {
        'A'
    } else if status.contains(Status::INDEX_DELETED) {
        'D'
    } else {
        'M'
    }
}
