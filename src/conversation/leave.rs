//! Leave for a call: what the person is shown of it, and what they may say.

use crate::conversation::{Call, Decision};

/// What a person should know, besides the call itself, before they allow it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stakes {
    /// Why it is asked, where that is not plain.
    pub(crate) why: String,
    /// The rule that "always" would save; without one there is no "always".
    pub(crate) always: Option<String>,
    /// What holds it while it runs, in a few words; nothing where it runs no program.
    pub(crate) confined: String,
    /// What it would make of files, if that is known.
    pub(crate) changes: Vec<FileChange>,
    /// It is this call or none: the person cannot change it.
    pub(crate) is_fixed: bool,
    /// The person has changed it, and it is asked about once more.
    pub(crate) is_changed: bool,
}

/// What a call would make of one file, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileChange {
    pub(crate) path: String,
    /// More than that its text is changed: that it is created, deleted, or moved.
    pub(crate) fate: String,
    /// Each as lines of a unified diff, with its head.
    pub(crate) hunks: Vec<String>,
    pub(crate) added: usize,
    pub(crate) removed: usize,
}

/// What a person says to a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Consent {
    Decided(Decision),
    /// Yes, but with these arguments in place of its own.
    With(String),
    /// The same, but first they want to know what it would do then.
    Amended(String),
    /// Yes to these of its hunks, in the order in which they were shown, and no to the others.
    Part(Vec<bool>),
}

/// A call as the person wants it, which is the one that runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Changed {
    /// It has the id of the call in whose place it stands.
    pub(crate) call: Call,
    /// What the person took out of it, as lines of a diff; empty where they wrote it themselves.
    pub(crate) left_out: String,
}

impl Stakes {
    /// Whether a part of the changes can be allowed: every file is there before and after, and there
    /// is more than one hunk. What is the person's own is as they want it.
    pub(crate) fn has_parts(&self) -> bool {
        let hunks: usize = self.changes.iter().map(|it| it.hunks.len()).sum();
        let is_open = !self.is_fixed && !self.is_changed;
        1 < hunks && is_open && self.changes.iter().all(|it| it.fate.is_empty())
    }
}

impl Changed {
    /// What the model is told of it, before what came of it.
    pub(crate) fn in_words(&self) -> String {
        if !self.left_out.is_empty() {
            return format!(
                "[The user allowed a part of this. Not made, because they did not want it:\n{}\n]\n",
                self.left_out.trim_end()
            );
        }
        let Call { tool, args, .. } = &self.call;
        format!("[The user changed this call before they allowed it, to: {tool} {args}]\n")
    }
}
