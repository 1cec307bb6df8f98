//! The files of one call on their way: read once, changed in memory, and written together or not
//! at all.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::tools::after_edit::Touched;
use crate::tools::answer::{Answer, Changed, count};
use crate::tools::diff::diff;
use crate::tools::edit_file::asked::{Step, What};
use crate::tools::edit_file::miss::{explain, explain_hunk};
use crate::tools::foresight::Foreseen;
use crate::tools::seen::Seen;
use crate::tools::{Budget, Failure, lookup};
use crate::workspace::{
    Action, Cancel, Change, Encoding, FileError, Hunk, Latitude, ProjectPath, SourceFile, Text,
    Workspace, apply_hunks, deletes, placeholder, replace_once,
};

pub(super) struct Draft<'a> {
    workspace: &'a Workspace,
    seen: &'a Seen,
    budget: Budget,
    cancel: &'a Cancel,
    files: Vec<File>,
}

struct File {
    path: ProjectPath,
    /// `None` if there was none.
    before: Option<SourceFile>,
    encoding: Encoding,
    /// `None` if there shall be none.
    after: Option<String>,
    to: Option<ProjectPath>,
    /// What the model should know about how it went.
    notes: Vec<String>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        seen: &'a Seen,
        budget: Budget,
        cancel: &'a Cancel,
    ) -> Self {
        Self { workspace, seen, budget, cancel, files: Vec::new() }
    }

    pub(super) fn take(&mut self, Step { path, name, what }: Step) -> Result<(), Failure> {
        match what {
            What::Replace { old, new } => {
                self.replace(&path, &name, &old, &new).map_err(|it| named(&name, it))
            }
            What::Patch(Action::Create(content)) => self.create(&path, content),
            What::Patch(Action::Delete(hunks)) => self.delete(&path, &hunks),
            What::Patch(Action::Update { hunks, to }) => self.update(&path, &hunks, to.as_deref()),
        }
    }

    /// With the sentence that nothing became of it.
    pub(super) fn left_alone(&self, mut failure: Failure) -> Failure {
        match &self.files[..] {
            [] => {}
            [file] => failure.text += &format!("\n`{}` was not changed.", file.path),
            _ => failure.text += "\nNo file was changed.",
        }
        failure
    }

    fn replace(&mut self, path: &str, name: &str, old: &str, new: &str) -> Result<(), Failure> {
        let budget = self.budget;
        let file = self.open(path)?;
        if old.is_empty() {
            let text = "`old` is empty. To add text, give as `old` the line it shall follow, and \
                        repeat that line in `new`; to write the whole file, use write_file.";
            return Err(Failure::new(text, "nothing to replace"));
        }
        if old == new {
            return Err(Failure::new("`old` and `new` are the same.", "no change"));
        }
        must_be_whole(old, new)?;
        let replaced =
            replace_once(file.text(), old, new).map_err(|it| explain(it, old, budget))?;
        file.must_be_writable(&replaced.text)?;
        file.after = Some(replaced.text);
        file.tell(name, &replaced.latitudes);
        Ok(())
    }

    fn update(&mut self, path: &str, hunks: &[Hunk], to: Option<&str>) -> Result<(), Failure> {
        let (budget, of) = (self.budget, hunks.len());
        let from = self.workspace.path(path)?;
        let is_other = |it: &&str| self.workspace.path(it).is_ok_and(|it| it != from);
        let to = to.filter(is_other).map(|it| self.vacant(it)).transpose()?;
        let file = self.open(path)?;
        for hunk in hunks {
            must_be_whole(&hunk.old_text(), &hunk.new_text())?;
        }
        let patched = apply_hunks(file.text(), hunks).map_err(|(n, miss)| {
            let name =
                if 1 < of { format!("hunk {} of {of}", n + 1) } else { "the hunk".to_owned() };
            named(&name, explain_hunk(miss, &hunks[n].old_text(), budget))
        })?;
        file.must_be_writable(&patched.text)?;
        file.after = Some(patched.text);
        file.tell("", &patched.latitudes);
        if to.is_some() {
            file.to = to;
        }
        Ok(())
    }

    fn create(&mut self, path: &str, content: String) -> Result<(), Failure> {
        must_be_whole("", &content)?;
        let path = self.vacant(path)?;
        self.files.push(File {
            path,
            before: None,
            encoding: Encoding::Utf8,
            after: Some(content),
            to: None,
            notes: Vec::new(),
        });
        Ok(())
    }

    fn delete(&mut self, path: &str, hunks: &[Hunk]) -> Result<(), Failure> {
        let seen = self.seen;
        let file = self.open(path)?;
        if let Some(before) = &file.before {
            must_be_seen(seen, path, before)?;
        }
        if !deletes(file.text(), hunks) {
            let text = format!(
                "`{path}` holds other lines than those the patch deletes. Read it again, or delete it \
                 with a command."
            );
            return Err(Failure::new(text, "no match"));
        }
        file.after = None;
        Ok(())
    }

    /// A path where nothing is.
    fn vacant(&self, given: &str) -> Result<ProjectPath, Failure> {
        let path = self.workspace.path(given)?;
        let is_ours = self.files.iter().any(|it| it.path == path || it.to.as_ref() == Some(&path));
        match self.workspace.read(&path) {
            Err(FileError::Missing(_)) if !is_ours => Ok(path),
            Err(FileError::Missing(_)) | Ok(_) => {
                let text = format!("`{path}` exists already. Change it by edits.");
                Err(Failure::new(text, "exists"))
            }
            Err(err) => Err(err.into()),
        }
    }

    /// The file as this call has left it so far.
    fn open(&mut self, given: &str) -> Result<&mut File, Failure> {
        let path = self.workspace.path(given)?;
        let real = self.workspace.real(&path).ok();
        // A link and what it leads to are one file.
        let is_same = |it: &File| match &it.to {
            Some(to) => to == &path,
            None => {
                it.path == path
                    || it.before.as_ref().is_some_and(|it| Some(it.real()) == real.as_ref())
            }
        };
        let known = self.files.iter().position(is_same);
        let at = match known {
            Some(at) => at,
            None => {
                let file = lookup::read(self.workspace, self.cancel, given)?;
                let Text { text, encoding } = file.text()?;
                let (after, notes) = (Some(text.into_owned()), Vec::new());
                let is_current = self.seen.must_be_current(&file, self.budget);
                self.files.push(File {
                    path,
                    before: Some(file),
                    encoding,
                    after,
                    to: None,
                    notes,
                });
                is_current?;
                self.files.len() - 1
            }
        };
        if self.files[at].after.is_none() {
            return Err(Failure::new(format!("the same call deletes `{given}`."), "deleted"));
        }
        Ok(&mut self.files[at])
    }

    /// What the model now knows of the files.
    fn note(workspace: &Workspace, seen: &Seen, change: &Change) {
        let (before, path, bytes) = match change {
            Change::Create { path, bytes } => (None, path, bytes),
            Change::Replace { before, bytes } => (Some(before), before.path(), bytes),
            Change::Move { before, path, bytes } => (Some(before), path, bytes),
            Change::Delete { before } => return seen.forget(before.real()),
        };
        match (workspace.real(path), before) {
            (Ok(real), Some(before)) => seen.carry(before, &real, bytes),
            (Ok(real), None) => seen.note(&real, bytes),
            (Err(_), Some(before)) => seen.forget(before.real()),
            (Err(_), None) => {}
        }
    }

    /// What would be made of the files.
    pub(super) fn foreseen(&self) -> Vec<Foreseen> {
        self.files.iter().map(File::foreseen).collect()
    }

    /// Makes all the changes, and shows them.
    pub(super) fn apply(self) -> Result<Changed, Failure> {
        let budget = self.budget.share(self.files.len());
        let reports: Vec<Report> = self.files.iter().map(|it| it.report(budget)).collect();
        let touched = self.files.iter().filter_map(File::touched).collect();
        let changes: Vec<Change> = self.files.into_iter().filter_map(File::change).collect();
        if changes.is_empty() {
            let text = "this would change nothing: the files are as they are wanted already.";
            return Err(Failure::new(text, "no change"));
        }
        self.workspace.apply(&changes).map_err(|err| {
            let mut failure = Failure::from(err);
            failure.text += "\nNo file was changed.";
            failure
        })?;
        for change in &changes {
            Self::note(self.workspace, self.seen, change);
        }
        Ok(Changed { answer: answer(&reports), touched })
    }
}

impl File {
    fn text(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }

    fn old_text(&self) -> Text<'_> {
        let text = self.before.as_ref().and_then(|it| it.text().ok());
        text.unwrap_or(Text { text: "".into(), encoding: self.encoding })
    }

    /// Fails if the file has no way to hold the text.
    fn must_be_writable(&self, text: &str) -> Result<(), Failure> {
        if self.encoding != Encoding::Unknown {
            return Ok(());
        }
        let mut known: BTreeSet<char> = self.text().chars().filter(|it| !it.is_ascii()).collect();
        // This is how the model was shown bytes that are no text; nobody knows whether it means one.
        known.remove(&char::REPLACEMENT_CHARACTER);
        let new = changed(self.text(), text);
        match new.chars().find(|it| !it.is_ascii() && !known.contains(it)) {
            None => Ok(()),
            Some(strange) => Err(Failure::new(
                format!(
                    "the file is not UTF-8, so `{strange}` cannot be written to it without breaking it. \
                     Leave out of `old` and `new` the lines that are not ASCII."
                ),
                "not UTF-8",
            )),
        }
    }

    fn tell(&mut self, name: &str, latitudes: &[Latitude]) {
        if latitudes.is_empty() {
            return;
        }
        let mut told: Vec<String> = latitudes.iter().map(Latitude::to_string).collect();
        told.dedup();
        let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
        self.notes.push(format!("[{name}matched {}]\n", told.join(", ")));
    }

    /// What a check of the file wants to know; nothing is left to check of one that goes.
    fn touched(&self) -> Option<Touched> {
        self.after.as_ref()?;
        let path = self.to.as_ref().unwrap_or(&self.path).clone();
        let before = self.before.as_ref().and_then(|it| it.text().ok());
        Some(Touched { path, before: before.map(|it| it.text.into_owned()) })
    }

    fn change(self) -> Option<Change> {
        let bytes = self.after.map(|it| self.encoding.encode(&it));
        match (self.before, bytes, self.to) {
            (None, Some(bytes), to) => {
                Some(Change::Create { path: to.unwrap_or(self.path), bytes })
            }
            (Some(before), Some(bytes), Some(path)) => Some(Change::Move { before, path, bytes }),
            (Some(before), Some(bytes), None) => {
                (before.bytes() != bytes).then_some(Change::Replace { before, bytes })
            }
            (Some(before), None, _) => Some(Change::Delete { before }),
            (None, None, _) => None,
        }
    }

    fn foreseen(&self) -> Foreseen {
        let before = self.old_text();
        let fate = match (&self.before, &self.after, &self.to) {
            (None, _, _) => "created".to_owned(),
            (_, None, _) => "deleted".to_owned(),
            (_, _, Some(to)) => format!("moved to {to}"),
            // Where letters are bytes of unknown meaning, an edit of a part may not find them.
            (_, _, None) if self.encoding == Encoding::Unknown => "changed".to_owned(),
            (_, _, None) => String::new(),
        };
        let (path, after) = (self.path.to_string(), self.text().to_owned());
        Foreseen { path, fate, before: before.text.into_owned(), after }
    }

    fn report(&self, budget: Budget) -> Report {
        let (before, after) = (self.old_text(), self.text());
        let after = Text { text: after.into(), encoding: self.encoding };
        let diff = diff(&before.shown(), &after.shown(), budget);
        let path = &self.path;
        let fate = match (&self.before, &self.after, &self.to) {
            (None, _, _) => Some(format!("created `{path}`: {}", count(diff.added, "line"))),
            (_, None, _) => Some(format!("deleted `{path}`")),
            (_, _, Some(to)) => Some(format!("moved `{path}` to `{to}`")),
            (_, _, None) => None,
        };
        let mut text = String::new();
        if self.before.is_some() && self.after.is_some() {
            text += &diff.text;
            if diff.is_cut {
                text += "[cut: the edits were made; to see the rest, read the file]\n";
            }
        }
        text.extend(self.notes.iter().map(String::as_str));
        let path = path.to_string();
        Report { path, fate, text, added: diff.added, removed: diff.removed }
    }
}

/// What became of one file.
struct Report {
    path: String,
    /// More than that its text was changed.
    fate: Option<String>,
    text: String,
    added: usize,
    removed: usize,
}

fn answer(reports: &[Report]) -> Answer {
    let added: usize = reports.iter().map(|it| it.added).sum();
    let removed: usize = reports.iter().map(|it| it.removed).sum();
    let gist = format!("+{added} -{removed}");
    if let [report] = reports {
        let fate = report.fate.as_ref().map(|it| format!("{it}\n")).unwrap_or_default();
        return Answer { text: fate + &report.text, gist };
    }
    let mut text = String::new();
    for report in reports {
        let heading = report.fate.as_ref().unwrap_or(&report.path);
        let _ = write!(text, "== {heading} ==\n{}", report.text);
    }
    Answer { text, gist: format!("{gist} in {}", count(reports.len(), "file")) }
}

/// Who deletes a file must know what is lost.
fn must_be_seen(seen: &Seen, path: &str, file: &SourceFile) -> Result<(), Failure> {
    let unseen = seen.unseen(file);
    if unseen.is_empty() {
        return Ok(());
    }
    let text = match seen.has(file) {
        true => format!(
            "not all of `{path}` was read in this session. Read {unseen} before you delete it."
        ),
        false => format!("`{path}` was not read in this session. Read it before you delete it."),
    };
    Err(Failure::new(text, "not read"))
}

fn must_be_whole(old: &str, new: &str) -> Result<(), Failure> {
    if new.contains('\0') {
        return Err(Failure::new("the new text holds a NUL character.", "not text"));
    }
    match placeholder(old, new) {
        None => Ok(()),
        Some(comment) => {
            let text = format!(
                "`{comment}` would be written as it is. Give the whole text instead, or word the comment otherwise."
            );
            Err(Failure::new(text, "not the whole text"))
        }
    }
}

/// What stands in the new text between all that is as it was.
fn changed<'a>(old: &str, new: &'a str) -> &'a str {
    let same = |(a, b): &(char, char)| a == b;
    let length = |it: (char, char)| it.1.len_utf8();
    let head: usize = old.chars().zip(new.chars()).take_while(same).map(length).sum();
    let rests = (old[head..].chars().rev(), new[head..].chars().rev());
    let tail: usize = rests.0.zip(rests.1).take_while(same).map(length).sum();
    &new[head..new.len() - tail]
}

fn named(name: &str, mut failure: Failure) -> Failure {
    if !name.is_empty() {
        failure.text = format!("{name}: {}", failure.text);
    }
    failure
}
