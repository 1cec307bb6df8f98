//! What the model has seen of the project in this session: the lines of files that it was shown,
//! and what it wrote. A file is known by where it really is. After a resume nothing is seen.

mod shown;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::tools::diff::diff;
use crate::tools::seen::shown::Lines;
use crate::tools::{Budget, Failure};
use crate::workspace::{Content, ProjectPath, SourceFile};

#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Sights>);

#[derive(Debug, Default)]
pub(super) struct Sights {
    files: HashMap<ProjectPath, Sight>,
    /// How many bytes all of them hold together.
    held: usize,
}

/// One file as it was.
#[derive(Debug)]
struct Sight {
    hash: [u8; 32],
    /// `None` where it was too much to be held.
    bytes: Option<Vec<u8>>,
    shown: Lines,
}

/// The most bytes that are held of one file, and of all.
const FILE: usize = 256 * 1024;
const ALL: usize = 16 * 1024 * 1024;

impl Seen {
    /// This is what the file at `real` holds, and the model knows all of it.
    pub(super) fn note(&self, real: &ProjectPath, bytes: &[u8]) {
        self.sights().note(real, bytes, Lines::all(lines(bytes)));
    }

    /// These lines of the file were shown, counted from 0, besides those that were before.
    pub(super) fn note_lines(&self, file: &SourceFile, shown: Range<usize>) {
        let mut sights = self.sights();
        let mut all = sights.shown(file.real(), file.bytes());
        all.add(shown);
        sights.note(file.real(), file.bytes(), all);
    }

    /// What was `before` now is `after`, at `real`, and the model knows what it changed.
    pub(super) fn carry(&self, before: &SourceFile, real: &ProjectPath, after: &[u8]) {
        let mut sights = self.sights();
        let shown = sights.shown(before.real(), before.bytes());
        if before.real() != real {
            sights.forget(before.real());
        }
        sights.note(real, after, carried(&shown, before.bytes(), after));
    }

    pub(super) fn forget(&self, real: &ProjectPath) {
        self.sights().forget(real);
    }

    /// The same, to look what would be: nothing that is noted there counts here.
    pub(super) fn apart(&self) -> Self {
        let sights = self.sights();
        let copy = |it: &Sight| Sight { hash: it.hash, bytes: None, shown: it.shown.clone() };
        let files = sights.files.iter().map(|(path, it)| (path.clone(), copy(it))).collect();
        Self(Mutex::new(Sights { files, held: 0 }))
    }

    pub(super) fn forget_all(&self) {
        *self.sights() = Sights::default();
    }

    /// Nothing is seen from now on. What was until now.
    pub(super) fn begin_anew(&self) -> Sights {
        std::mem::take(&mut *self.sights())
    }

    pub(super) fn go_on(&self, sights: Sights) {
        *self.sights() = sights;
    }

    pub(super) fn has(&self, file: &SourceFile) -> bool {
        self.sights().files.contains_key(file.real())
    }

    /// The lines of the file as it is that were not shown.
    pub(super) fn unseen(&self, file: &SourceFile) -> Lines {
        self.sights().shown(file.real(), file.bytes()).others(lines(file.bytes()))
    }

    /// Whether the file was seen as it is, or some of it.
    pub(super) fn is_current(&self, file: &SourceFile) -> bool {
        let sights = self.sights();
        sights.files.get(file.real()).is_some_and(|it| it.hash == hash(file.bytes()))
    }

    /// Fails if the file is not what was seen last, with what has changed, which then was seen. A
    /// file that was never seen is no failure.
    pub(super) fn must_be_current(&self, file: &SourceFile, budget: Budget) -> Result<(), Failure> {
        let (before, mut shown) = match self.sights().files.get(file.real()) {
            Some(sight) if sight.hash != hash(file.bytes()) => {
                (sight.bytes.clone(), sight.shown.clone())
            }
            _ => return Ok(()),
        };
        let path = file.path();
        let texts = before.as_deref().map(|it| (Content::of(it), file.content()));
        let text = match texts {
            Some((Content::Text(before), Content::Text(after))) => {
                let diff = diff(&before.shown(), &after.shown(), budget.share(2));
                shown = match diff.is_cut {
                    true => Lines::default(),
                    false => shown.carried(&before.text, &after.text),
                };
                let rest = if diff.is_cut { "[cut: read the file to see the rest]\n" } else { "" };
                format!(
                    "`{path}` has changed since it was read or written here:\n{}{rest}It was left as \
                     it is. Make your change with this in mind.",
                    diff.text
                )
            }
            _ => {
                shown = Lines::default();
                format!(
                    "`{path}` has changed since it was read or written here. It was left as it is; \
                     read it again."
                )
            }
        };
        self.sights().note(file.real(), file.bytes(), shown);
        Err(Failure::new(text, "changed meanwhile"))
    }

    fn sights(&self) -> MutexGuard<'_, Sights> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sights {
    fn note(&mut self, real: &ProjectPath, bytes: &[u8], shown: Lines) {
        self.forget(real);
        let is_held = bytes.len() <= FILE && self.held + bytes.len() <= ALL;
        let held = is_held.then(|| bytes.to_vec());
        self.held += held.as_ref().map_or(0, Vec::len);
        self.files.insert(real.clone(), Sight { hash: hash(bytes), bytes: held, shown });
    }

    /// Which lines were shown, if the file still holds this.
    fn shown(&self, real: &ProjectPath, bytes: &[u8]) -> Lines {
        let sight = self.files.get(real).filter(|it| it.hash == hash(bytes));
        sight.map(|it| it.shown.clone()).unwrap_or_default()
    }

    fn forget(&mut self, real: &ProjectPath) {
        let gone = self.files.remove(real).and_then(|it| it.bytes);
        self.held -= gone.map_or(0, |it| it.len());
    }
}

/// How many lines there are to be shown. What is no text counts as one that never is.
fn lines(bytes: &[u8]) -> usize {
    match Content::of(bytes) {
        Content::Text(text) => text.text.lines().count(),
        Content::Binary(_) => 1,
    }
}

fn carried(shown: &Lines, before: &[u8], after: &[u8]) -> Lines {
    match (Content::of(before), Content::of(after)) {
        (Content::Text(before), Content::Text(after)) => shown.carried(&before.text, &after.text),
        _ => Lines::default(),
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn what_is_held_has_a_limit_and_changes_are_noticed_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(dir.path(), None).unwrap();
        let seen = Seen::default();
        let read = |name: &str| workspace.read(&workspace.path(name).unwrap()).unwrap();
        let check = |name: &str, size: usize, is_told: bool| {
            std::fs::write(dir.path().join(name), "x\n".repeat(size / 2)).unwrap();
            seen.note(read(name).real(), read(name).bytes());
            assert_eq!(seen.must_be_current(&read(name), Budget(400)), Ok(()));
            std::fs::write(dir.path().join(name), "new\n").unwrap();
            let failure = seen.must_be_current(&read(name), Budget(400)).unwrap_err();
            assert_eq!(failure.text.contains("+new\n"), is_told, "{}", failure.text);
            assert_eq!(seen.must_be_current(&read(name), Budget(400)), Ok(()));
        };
        check("small", 10, true);
        check("large", FILE + 2, false);
        let bytes = vec![b'x'; FILE];
        for n in 0..100 {
            seen.note(read("small").real(), &bytes);
            seen.note(&workspace.path(&format!("other{n}")).unwrap(), &bytes);
        }
        assert!(seen.sights().held <= ALL);
        check("last", FILE, false);
        seen.forget(read("small").real());
        assert!(!seen.has(&read("small")));
    }
}
