//! What was done before: commits, who wrote a line, branches.

use std::path::PathBuf;

use git2::{Commit, ObjectType, Oid, Sort};

use crate::workspace::git::date::day;
use crate::workspace::git::diff::unknown;
use crate::workspace::git::repository::{Git, Lines, refused};
use crate::workspace::git::status::short;
use crate::workspace::{Cancel, FileError, ProjectPath};

impl Git<'_> {
    /// One line a commit, the newest first; with a path, those that changed it.
    pub(crate) fn log(
        &self,
        path: &ProjectPath,
        revision: Option<&str>,
        cancel: &Cancel,
        each: &mut Lines<'_>,
    ) -> Result<(), FileError> {
        let mut walk = self.repository.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
        match revision {
            Some(range) if range.contains("..") => {
                walk.push_range(range).map_err(|err| unknown(range, &err))?;
            }
            Some(revision) => walk.push(self.commit_at(revision)?.id())?,
            None if self.repository.head().is_err() => {
                return Err(refused("there is no commit yet"));
            }
            None => walk.push_head()?,
        }
        for id in walk {
            if cancel.is_cancelled() {
                break;
            }
            let commit = self.repository.find_commit(id?)?;
            if (path.is_root() || touches(&commit, path)) && !each(&line(&commit)) {
                break;
            }
        }
        Ok(())
    }

    /// A commit with its message and what it changed; or what else the revision means.
    pub(crate) fn show(
        &self,
        path: &ProjectPath,
        revision: &str,
        each: &mut Lines<'_>,
    ) -> Result<(), FileError> {
        let object = self.repository.revparse_single(revision);
        let object = object.map_err(|err| unknown(revision, &err))?;
        match object.kind() {
            Some(ObjectType::Blob) => {
                let inside = self.path_in(revision).ok_or_else(|| {
                    refused("a file is named by a commit and its path: REVISION:PATH")
                })?;
                if self.guard.denies(path, &inside) {
                    let inside = inside.display();
                    return Err(FileError::Refused(format!(
                        "`{inside}` must not be read without the user's leave: their rules say so"
                    )));
                }
                let blob = object.peel_to_blob()?;
                if blob.is_binary() {
                    each("[a binary file]");
                    return Ok(());
                }
                let text = String::from_utf8_lossy(blob.content());
                let _ = text.lines().all(each);
            }
            Some(ObjectType::Tree) => {
                for entry in &object.peel_to_tree()? {
                    let mark = if entry.kind() == Some(ObjectType::Tree) { "/" } else { "" };
                    if !each(&format!("{}{mark}", String::from_utf8_lossy(entry.name_bytes()))) {
                        break;
                    }
                }
            }
            _ => {
                let commit = object.peel_to_commit()?;
                if header(&commit).iter().all(|it| each(it)) {
                    self.changes(&commit, path, each)?;
                }
            }
        }
        Ok(())
    }

    /// Each line of a file as it is now, with the commit that wrote it.
    pub(crate) fn blame(
        &self,
        path: &ProjectPath,
        text: &str,
        each: &mut Lines<'_>,
    ) -> Result<(), FileError> {
        let committed =
            self.repository.blame_file(path.as_path(), None).map_err(|err| match err.code() {
                git2::ErrorCode::NotFound => {
                    FileError::Refused(format!("`{path}` is in no commit yet"))
                }
                _ => err.into(),
            })?;
        let blame = committed.blame_buffer(text.as_bytes())?;
        for (at, line) in text.lines().enumerate() {
            let hunk = blame.get_line(at + 1);
            let who = hunk.and_then(|it| self.repository.find_commit(it.final_commit_id()).ok());
            let who = who.map_or_else(|| "not committed".to_owned(), |it| author_line(&it));
            if !each(&format!("{who} {}) {line}", at + 1)) {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn branches(&self, each: &mut Lines<'_>) -> Result<(), FileError> {
        let mut lines = Vec::new();
        for branch in self.repository.branches(None)? {
            let (branch, _) = branch?;
            let name = String::from_utf8_lossy(branch.name_bytes()?).into_owned();
            let mark = if branch.is_head() { "*" } else { " " };
            let upstream = self.upstream(&name);
            // `origin/HEAD` names another branch.
            let Ok(commit) = branch.get().peel_to_commit() else { continue };
            let id = short(commit.id().to_string());
            lines.push(format!("{mark} {name}{upstream} {id} {}", subject(&commit)));
        }
        if lines.is_empty() {
            lines.extend(self.branch().map(|it| format!("* {it} (no commits yet)")));
        }
        let _ = lines.iter().all(|it| each(it));
        Ok(())
    }

    /// The path in `REVISION:PATH`; none if it does not start at the root of a commit, where the
    /// rules start.
    fn path_in(&self, revision: &str) -> Option<PathBuf> {
        let (commit, path) = revision.split_once(':')?;
        self.commit_at(commit).ok()?;
        Some(path.into())
    }

    fn commit_at(&self, revision: &str) -> Result<Commit<'_>, FileError> {
        let found = self.repository.revparse_single(revision).and_then(|it| it.peel_to_commit());
        found.map_err(|err| unknown(revision, &err))
    }
}

fn line(commit: &Commit<'_>) -> String {
    format!("{}: {}", author_line(commit), subject(commit))
}

/// `1a2b3c4d 2026-01-02 A Tester`.
fn author_line(commit: &Commit<'_>) -> String {
    let author = commit.author();
    let name = String::from_utf8_lossy(author.name_bytes()).into_owned();
    format!("{} {} {name}", short(commit.id().to_string()), day(author.when()))
}

pub(super) fn subject(commit: &Commit<'_>) -> String {
    let subject = commit.summary_bytes().unwrap_or_default();
    String::from_utf8_lossy(subject).into_owned()
}

fn header(commit: &Commit<'_>) -> Vec<String> {
    let author = commit.author();
    let (name, email) = (author.name_bytes(), author.email_bytes());
    let mut lines = vec![format!("commit {}", commit.id())];
    if 1 < commit.parent_count() {
        let parents: Vec<_> = commit.parent_ids().map(|it| short(it.to_string())).collect();
        lines.push(format!("Merge: {}", parents.join(" ")));
    }
    lines.push(format!(
        "Author: {} <{}>",
        String::from_utf8_lossy(name),
        String::from_utf8_lossy(email)
    ));
    lines.push(format!("Date:   {}", day(author.when())));
    lines.push(String::new());
    let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
    lines.extend(message.trim_end().lines().map(|it| format!("    {it}").trim_end().to_owned()));
    lines.push(String::new());
    lines
}

/// Whether the path is other than in each of the commit's parents.
fn touches(commit: &Commit<'_>, path: &ProjectPath) -> bool {
    let at = |it: &Commit<'_>| -> Option<Oid> {
        Some(it.tree().ok()?.get_path(path.as_path()).ok()?.id())
    };
    let now = at(commit);
    match commit.parent_count() {
        0 => now.is_some(),
        _ => commit.parents().all(|it| at(&it) != now),
    }
}
