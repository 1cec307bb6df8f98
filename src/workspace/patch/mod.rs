//! Patches as models write them: unified diffs, and what stands between `*** Begin Patch` and
//! `*** End Patch`. Read here as what shall become of each file; the edit ladder finds the places.

mod apply;
mod begin_patch;
mod unified;

pub(crate) use apply::{HunkMiss, apply_hunks, deletes};

/// What shall become of one file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FilePatch {
    /// As written; empty if the patch does not say.
    pub(crate) path: String,
    pub(crate) action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Create(String),
    /// With all its lines, where the patch tells them.
    Delete(Vec<Hunk>),
    Update {
        hunks: Vec<Hunk>,
        /// Its new name.
        to: Option<String>,
    },
}

/// Lines of a file and what they become.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Hunk {
    pub(crate) lines: Vec<(Mark, String)>,
    /// Lines that stand somewhere before it, from the outermost on.
    pub(crate) anchors: Vec<String>,
    /// The number of its first line in the old file; `None` unless all numbers of the patch agree
    /// with each other and with the lines.
    pub(crate) line: Option<usize>,
    pub(crate) is_at_end: bool,
    /// Whether the last line of the old file, and of the new one, has no end.
    pub(crate) open: (bool, bool),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mark {
    Both,
    Old,
    New,
}

impl Hunk {
    /// Whether it has no line but such as stand between hunks.
    fn is_empty(&self) -> bool {
        self.lines.iter().all(|(mark, line)| *mark == Mark::Both && line.is_empty())
    }

    fn without(&self, not: Mark) -> String {
        let lines = self.lines.iter().filter(|(mark, _)| *mark != not);
        lines.flat_map(|(_, line)| [line, "\n"]).collect()
    }

    pub(crate) fn old_text(&self) -> String {
        self.without(Mark::New)
    }

    pub(crate) fn new_text(&self) -> String {
        self.without(Mark::Old)
    }
}

const BEGIN: &str = "*** Begin Patch";

/// Whether a text is meant as a patch and not as what it says.
pub(crate) fn is_patch(text: &str) -> bool {
    let mut lines = text.trim_start().lines();
    let first = lines.next().unwrap_or_default();
    let unified =
        first.starts_with("--- ") && lines.next().is_some_and(|it| it.starts_with("+++ "));
    unified || first.starts_with("diff --git ") || first.starts_with(BEGIN)
}

/// Understands a patch, or says what about it is not to be understood.
pub(crate) fn parse(patch: &str) -> Result<Vec<FilePatch>, String> {
    let lines: Vec<&str> = patch.split('\n').collect();
    let begin = lines.iter().position(|it| it.trim() == BEGIN);
    let files = match begin {
        Some(begin) => begin_patch::parse(&lines[begin + 1..], begin + 2)?,
        None => unified::parse(&lines)?,
    };
    if files.is_empty() {
        return Err("the patch holds no change of a file: it needs `--- a/path` and `+++ b/path` \
                    before its `@@`"
            .to_owned());
    }
    let is_empty = |it: &FilePatch| match &it.action {
        Action::Update { hunks, to } => {
            hunks.iter().any(Hunk::is_empty) || (hunks.is_empty() && to.is_none())
        }
        Action::Create(_) | Action::Delete(_) => false,
    };
    if files.iter().any(is_empty) {
        return Err("the hunk has no lines".to_owned());
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
