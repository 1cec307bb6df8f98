//! What differs, as a unified diff.

use std::path::Path;

use git2::{
    Diff, DiffFindOptions, DiffFormat, DiffLineType, DiffOptions, ErrorCode, Oid, RevparseMode,
    Tree,
};

use crate::workspace::git::repository::{Git, Lines, refused, spec};
use crate::workspace::{FileError, ProjectPath};

/// A larger file is not compared line by line.
const LARGEST: i64 = 16 << 20;

/// What to compare.
pub(crate) enum Compared<'a> {
    /// The work tree with the index: what is not staged yet.
    WorkTree,
    /// The index with HEAD.
    Staged,
    /// The work tree with a revision, or the two ends of `A..B` or `A...B`.
    With(&'a str),
}

impl Git<'_> {
    pub(crate) fn diff(
        &self,
        compared: &Compared<'_>,
        path: &ProjectPath,
        each: &mut Lines<'_>,
    ) -> Result<(), FileError> {
        let (git, mut options) = (&self.repository, options(path));
        let options = Some(&mut options);
        let diff = match compared {
            Compared::WorkTree => git.diff_index_to_workdir(None, options)?,
            Compared::Staged => {
                git.diff_tree_to_index(self.head_tree()?.as_ref(), None, options)?
            }
            Compared::With(revision) => match self.ends(revision)? {
                (from, Some(to)) => git.diff_tree_to_tree(Some(&from), Some(&to), options)?,
                (from, None) => git.diff_tree_to_workdir_with_index(Some(&from), options)?,
            },
        };
        let shows_work_tree = matches!(compared, Compared::WorkTree)
            || matches!(compared, Compared::With(it) if !it.contains(".."));
        self.print(diff, path, shows_work_tree, each)
    }

    /// What a commit changed, beside its first parent.
    pub(super) fn changes(
        &self,
        commit: &git2::Commit<'_>,
        path: &ProjectPath,
        each: &mut Lines<'_>,
    ) -> Result<(), FileError> {
        let before = commit.parent(0).ok().map(|it| it.tree()).transpose()?;
        let (after, options) = (commit.tree()?, &mut options(path));
        let diff =
            self.repository.diff_tree_to_tree(before.as_ref(), Some(&after), Some(options))?;
        self.print(diff, path, false, each)
    }

    /// The tree of HEAD; none before the first commit.
    pub(super) fn head_tree(&self) -> Result<Option<Tree<'_>>, FileError> {
        match self.repository.head() {
            Ok(head) => Ok(Some(head.peel_to_tree()?)),
            Err(err) if err.code() == ErrorCode::UnbornBranch => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    /// From where, and where to, if that is said.
    fn ends(&self, revision: &str) -> Result<(Tree<'_>, Option<Tree<'_>>), FileError> {
        let parsed = self.repository.revparse(revision).map_err(|err| unknown(revision, &err))?;
        let tree = |it: Option<&git2::Object<'_>>| -> Result<Tree<'_>, FileError> {
            let id = it.map(git2::Object::id).ok_or_else(|| refused("a revision is missing"))?;
            self.tree_of(id)
        };
        if parsed.mode().contains(RevparseMode::MERGE_BASE) {
            let ids = (parsed.from().map(git2::Object::id), parsed.to().map(git2::Object::id));
            let (Some(from), Some(to)) = ids else { return Err(refused("a revision is missing")) };
            let base = self.repository.merge_base(from, to)?;
            return Ok((self.tree_of(base)?, Some(self.tree_of(to)?)));
        }
        let from = tree(parsed.from())?;
        let to = if parsed.mode().contains(RevparseMode::RANGE) {
            Some(tree(parsed.to())?)
        } else {
            None
        };
        Ok((from, to))
    }

    fn tree_of(&self, id: Oid) -> Result<Tree<'_>, FileError> {
        let object = self.repository.find_object(id, None)?;
        if let Ok(commit) = object.peel_to_commit() {
            return Ok(commit.tree()?);
        }
        let tree = object.peel_to_tree()?;
        if tree.is_empty() {
            return Ok(tree);
        }
        // It may be any directory, and then its paths are not those that the rules are about.
        Err(refused("only commits are compared here, no trees"))
    }

    /// Of a file that is not to be seen only that it differs.
    fn print(
        &self,
        mut diff: Diff<'_>,
        named: &ProjectPath,
        shows_work_tree: bool,
        each: &mut Lines<'_>,
    ) -> Result<(), FileError> {
        diff.find_similar(Some(DiffFindOptions::new().renames(true)))?;
        let is_hidden = |path: &Path| {
            self.guard.denies(named, path) || shows_work_tree && self.guard.hides(path)
        };
        let (mut wanted, mut hidden) = (true, true);
        let printed = diff.print(DiffFormat::Patch, |delta, _, line| {
            if line.origin_value() == DiffLineType::FileHeader {
                let paths = [delta.old_file().path(), delta.new_file().path()];
                hidden = paths.into_iter().flatten().any(is_hidden);
                if hidden {
                    let [old, new] = paths.map(|it| it.unwrap_or(Path::new("")).display());
                    wanted = wanted && each(&format!("diff --git a/{old} b/{new}"));
                    wanted = wanted && each("[hidden]");
                }
            }
            if hidden {
                return wanted;
            }
            let mark = matches!(line.origin(), '+' | '-' | ' ').then_some(line.origin());
            let text = String::from_utf8_lossy(line.content());
            // What stands here of a file may be several lines.
            for text in text.strip_suffix('\n').unwrap_or(&text).split('\n') {
                // The last line of a file that has no end brings an empty line with it.
                let is_mark_of_end = mark.is_none() && text.is_empty();
                wanted = wanted
                    && (is_mark_of_end
                        || each(&format!("{}{text}", mark.map(String::from).unwrap_or_default())));
            }
            wanted
        });
        match printed {
            Err(_) if !wanted => Ok(()),
            printed => Ok(printed?),
        }
    }
}

/// That there is no such revision; any other error is what it is.
pub(super) fn unknown(revision: &str, err: &git2::Error) -> FileError {
    match err.code() {
        ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::Ambiguous => {
            FileError::Refused(format!("git knows no revision `{revision}`"))
        }
        _ => FileError::Refused(format!("git: {}", err.message())),
    }
}

fn options(path: &ProjectPath) -> DiffOptions {
    let mut options = DiffOptions::new();
    options.max_size(LARGEST).disable_pathspec_match(true);
    if let Some(spec) = spec(path) {
        options.pathspec(spec);
    }
    options
}
