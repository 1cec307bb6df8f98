//! What a session changed, so that it can be shown and taken back.
//!
//! Before a file is changed by a tool, what it holds is kept and the change is announced; so at
//! every moment, also after a kill, each file is either as the history says it was or as it says it
//! becomes, or somebody else changed it. [`plan`] tells the three apart.

mod acts;
mod digest;
mod ledger;
mod link;
mod pack;
mod plan;
mod record;
mod reverse;
mod survey;
mod watch;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::Context;

use crate::workspace::change::{Unmade, must_be_allowed};
use crate::workspace::error::plain;
use crate::workspace::history::ledger::Ledger;
use crate::workspace::history::record::{By, Changes, Name, Record, Touch};
use crate::workspace::history::watch::Watched;
use crate::workspace::root::Root;
use crate::workspace::{Change, FileError, ProjectPath, SourceFile, write};

pub(crate) use digest::{Digest, Image};
pub(crate) use record::Way;
pub(crate) use reverse::{Fate, Reversal, Reversed};
pub(crate) use watch::Watch;

/// Permission bits, and those that go with them.
const MODE: u32 = 0o7777;

/// The history of one session. There is nothing on disk before the first change.
#[derive(Debug)]
pub(crate) struct History {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The turn under way; changes are taken back a turn at a time.
    turn: u64,
    /// Open since the first change of this process.
    ledger: Option<Ledger>,
    watched: Watched,
    /// What a process that was killed has left in the project was cleared away.
    swept: bool,
}

/// Whether a history may grow, and is closed to others meanwhile.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Access {
    Look,
    Change,
}

/// A file that the session changed, then and now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    pub(crate) path: ProjectPath,
    pub(crate) before: Option<Vec<u8>>,
    pub(crate) now: Option<Vec<u8>>,
}

/// A turn whose changes stand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Changed {
    pub(crate) turn: u64,
    pub(crate) files: Vec<ProjectPath>,
    /// It was taken back, and these files were left alone.
    pub(crate) is_rest: bool,
}

impl History {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, state: Mutex::default() }
    }

    pub(crate) fn begin_turn(&self, turn: u64) {
        self.state().turn = turn;
    }

    /// Keeps what `changes` will replace, announces them, and then lets them be made.
    pub(super) fn record(
        &self,
        root: &Root,
        changes: &[Change],
        make: impl FnOnce() -> Result<(), Unmade>,
    ) -> Result<(), FileError> {
        // What was announced is taken for ours when it is found, whoever made it.
        changes.iter().try_for_each(|it| must_be_allowed(root, it))?;
        let mut state = self.state();
        let (step, announced) =
            state.announce(&self.folder, root, changes).map_err(|err| refused(changes, &err))?;
        let made = make();
        match &made {
            Ok(()) => state.watched.expect(&announced.files),
            Err(Unmade { is_taken_back, .. }) => {
                if *is_taken_back {
                    // They are sorted, so those within others come last.
                    announced
                        .folders
                        .iter()
                        .rev()
                        .for_each(|it| drop(root.remove_directory(&it.0)));
                }
                if let Some(ledger) = &mut state.ledger {
                    // If this is lost, the files are found to be as they were.
                    let _ = ledger.add(Record::Void { step, is_taken_back: *is_taken_back });
                }
            }
        }
        Ok(made?)
    }

    /// The turns whose changes stand, newest first.
    pub(crate) fn changed(&self) -> anyhow::Result<Vec<Changed>> {
        self.look(|ledger| {
            let acts = ledger.acts().newest(Way::Undo).filter(|it| !it.has_failed());
            acts.map(|it| Changed { turn: it.turn, files: it.paths(), is_rest: it.is_rest })
                .collect()
        })
        .context("cannot read the history of this session")
    }

    /// Whether there are turns that a reversal would try.
    pub(crate) fn has(&self, way: Way) -> anyhow::Result<bool> {
        self.look(|it| it.acts().newest(way).next().is_some())
            .context("cannot read the history of this session")
    }

    /// Whether what came last was new work, which ends what can be done again.
    pub(crate) fn ends_in_work(&self) -> anyhow::Result<bool> {
        self.look(|it| it.acts().ends_in_work()).context("cannot read the history of this session")
    }

    /// When something came last; `None` if nothing ever did.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        Ledger::modified(&self.folder)
    }

    /// What the session changed in all, as far as it is still so.
    pub(super) fn differences(&self, root: &Root) -> anyhow::Result<Vec<Difference>> {
        self.look(|ledger| {
            let difference = |(path, first): (&ProjectPath, Option<&Image>)| {
                let now = match SourceFile::read_exactly(root, path) {
                    Ok(now) => Some(now),
                    Err(FileError::Missing(_) | FileError::Directory(_)) => None,
                    // It is there, though what it holds cannot be shown.
                    Err(_) => return None,
                };
                if now.as_ref().map(|it| Digest::of(it.bytes())) == first.map(|it| it.digest) {
                    return None;
                }
                let before = match first {
                    // What is lost cannot be compared.
                    Some(image) => Some(ledger.content(&image.digest)?),
                    None => None,
                };
                let now = now.map(|it| it.bytes().to_owned());
                Some(Difference { path: path.clone(), before, now })
            };
            ledger.acts().first().filter_map(difference).collect()
        })
        .context("cannot read the history of this session")
    }

    /// Files that were changed `way` since the model was last told.
    pub(crate) fn untold(&self, way: Way) -> Vec<ProjectPath> {
        let untold = self.look(|it| it.acts().untold(way).cloned().collect());
        // A history that cannot be read now says so where somebody asks for it.
        untold.unwrap_or_default()
    }

    pub(crate) fn told(&self) {
        if let Ok(ledger) = self.state().ledger(&self.folder) {
            // If this is lost, the model is told twice.
            let _ = ledger.add(Record::Told);
        }
    }

    /// Looks at the history without keeping others from it; at an empty one if there is none.
    fn look<T: Default>(&self, read: impl FnOnce(&Ledger) -> T) -> io::Result<T> {
        match &self.state().ledger {
            Some(ledger) => Ok(read(ledger)),
            None if !Ledger::exists(&self.folder) => Ok(T::default()),
            None => Ok(read(&Ledger::open(&self.folder, Access::Look)?)),
        }
    }

    /// What panicked elsewhere has left nothing half done here that the records do not tell.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn announce(
        &mut self,
        folder: &Path,
        root: &Root,
        changes: &[Change],
    ) -> io::Result<(u64, Changes)> {
        let turn = self.turn;
        let ledger = self.swept(folder, root)?;
        let changes = touches(root, changes, ledger)?;
        let (step, announced) = (ledger.acts().next_step(), changes.clone());
        ledger.announce(Record::Step { step, turn, by: By::Edit, changes })?;
        Ok((step, announced))
    }

    /// The ledger, after what was left where the last process may have died is cleared away. That
    /// process is gone: the ledger is open for one at a time.
    fn swept(&mut self, folder: &Path, root: &Root) -> io::Result<&mut Ledger> {
        let swept = std::mem::replace(&mut self.swept, true);
        let ledger = self.ledger(folder)?;
        if !swept {
            for path in ledger.acts().newest_files() {
                write::sweep(root, path);
            }
        }
        Ok(ledger)
    }

    fn ledger(&mut self, folder: &Path) -> io::Result<&mut Ledger> {
        match &mut self.ledger {
            Some(ledger) => Ok(ledger),
            none => Ok(none.insert(Ledger::open(folder, Access::Change)?)),
        }
    }
}

fn touches(root: &Root, changes: &[Change], ledger: &mut Ledger) -> io::Result<Changes> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for change in changes {
        let touched = match change {
            Change::Create { path, bytes } => {
                // One that leads out is refused when it is made.
                let Ok(real) = root.follow(path) else { continue };
                folders.extend(root.missing_above(&real).into_iter().map(Name));
                let after = Image { digest: ledger.keep(bytes)?, mode: None };
                Touch { path: Name(real), before: None, after: Some(after), links: 1 }
            }
            Change::Replace { before, bytes } => {
                let was = image(before, ledger)?;
                let after = Image { digest: ledger.keep(bytes)?, mode: was.mode };
                touch(before, was, Some(after))
            }
            Change::Delete { before } => touch(before, image(before, ledger)?, None),
            Change::Move { before, path, bytes } => {
                let was = image(before, ledger)?;
                let Ok(real) = root.follow(path) else { continue };
                folders.extend(root.missing_above(&real).into_iter().map(Name));
                let after = Image { digest: ledger.keep(bytes)?, mode: was.mode };
                files.push(touch(before, was, None));
                Touch { path: Name(real), before: None, after: Some(after), links: 1 }
            }
        };
        files.push(touched);
    }
    folders.sort();
    folders.dedup();
    Ok(Changes { files, folders, links: Vec::new() })
}

fn image(file: &SourceFile, ledger: &mut Ledger) -> io::Result<Image> {
    Ok(Image { digest: ledger.keep(file.bytes())?, mode: Some(file.mode()) })
}

fn touch(before: &SourceFile, was: Image, after: Option<Image>) -> Touch {
    let path = Name(before.real.clone());
    Touch { path, before: Some(was), after, links: before.links() }
}

/// Why an edit is not made, for the model.
fn refused(changes: &[Change], err: &io::Error) -> FileError {
    let path = match changes.first() {
        Some(Change::Create { path, .. }) => path,
        Some(
            Change::Replace { before, .. }
            | Change::Delete { before }
            | Change::Move { before, .. },
        ) => before.path(),
        None => &ProjectPath::default(),
    };
    let reason = match err.kind() {
        io::ErrorKind::WouldBlock => "another agent works in this session".to_owned(),
        _ => plain(err),
    };
    FileError::Refused(format!(
        "`{path}` was not changed: its old content cannot be kept ({reason}), and what cannot be \
         undone is not done. Tell the user."
    ))
}

#[cfg(test)]
mod tests;
