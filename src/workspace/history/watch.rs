//! What commands change, recorded by looking at the project before and after each.

use std::sync::Arc;

use crate::workspace::Workspace;
use crate::workspace::error::plain;
use crate::workspace::history::History;
use crate::workspace::history::record::{By, Record, Touch};
use crate::workspace::history::survey::{MOST_BYTES, MOST_FILES, Survey, Unseen};
use crate::workspace::root::Root;

/// What is known of the project between two looks.
#[derive(Debug, Default)]
pub(super) struct Watched {
    known: Survey,
    /// How many commands run that are watched.
    running: usize,
    /// There is too much to look at, or no place to keep it; the person was told.
    given_up: bool,
}

impl Watched {
    /// Takes in what we have changed ourselves, so that it is not taken for a command's doing.
    pub(super) fn expect(&mut self, touches: &[Touch]) {
        touches.iter().for_each(|it| self.known.expect(it));
    }
}

/// A command that is watched from [`Watch::before`] it starts until [`Watch::after`] it ended.
///
/// What anybody changes meanwhile counts as the command's doing: nobody can tell it apart.
#[derive(Debug)]
pub(crate) struct Watch {
    /// `None` where nothing is watched.
    workspace: Option<Arc<Workspace>>,
    notice: Option<String>,
}

impl Watch {
    /// Looks at the project, which may take a moment the first time.
    pub(crate) fn before(workspace: &Arc<Workspace>) -> Self {
        let Some(history) = workspace.history() else {
            return Self { workspace: None, notice: None };
        };
        match history.begin_watch(&workspace.root) {
            Ok(true) => Self { workspace: Some(Arc::clone(workspace)), notice: None },
            Ok(false) => Self { workspace: None, notice: None },
            Err(notice) => Self { workspace: None, notice: Some(notice) },
        }
    }

    /// Records what has changed; what the person should know of it.
    pub(crate) fn after(mut self) -> Option<String> {
        let workspace = self.workspace.take();
        let notice = workspace.and_then(|it| it.history()?.end_watch(&it.root).err());
        notice.or_else(|| self.notice.take())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(history) = self.workspace.as_ref().and_then(|it| it.history()) {
            let mut state = history.state();
            state.watched.running = state.watched.running.saturating_sub(1);
        }
    }
}

impl History {
    /// Whether the command is watched; an error is for the person, and said once.
    fn begin_watch(&self, root: &Root) -> Result<bool, String> {
        if self.state().watched.given_up {
            return Ok(false);
        }
        // What changed while nothing ran was somebody else.
        let is_ours = 0 < self.state().watched.running;
        self.look_again(root, is_ours)?;
        self.state().watched.running += 1;
        Ok(true)
    }

    fn end_watch(&self, root: &Root) -> Result<(), String> {
        let looked = self.look_again(root, true);
        let mut state = self.state();
        state.watched.running = state.watched.running.saturating_sub(1);
        looked
    }

    fn look_again(&self, root: &Root, record: bool) -> Result<(), String> {
        let mut state = self.state();
        let state = &mut *state;
        if state.watched.given_up {
            return Ok(());
        }
        let ledger = match state.ledger(&self.folder) {
            Ok(_) => state.ledger.as_mut().expect("it was opened just now"),
            Err(err) => return Err(state.watched.give_up(Unseen::Failed(err))),
        };
        let known = &state.watched.known;
        let looked = ledger
            .clock()
            .map_err(Unseen::Failed)
            .and_then(|now| Survey::look(root, known, now, &mut |it| ledger.keep_seen(it)));
        let seen = match looked {
            Ok(seen) => seen,
            Err(err) => return Err(state.watched.give_up(err)),
        };
        let (changes, unkept) = known.changes(&seen);
        state.watched.known = seen;
        if !record {
            return Ok(());
        }
        if changes.paths().next().is_some() || !changes.folders.is_empty() {
            let (step, turn) = (ledger.acts().next_step(), state.turn);
            let record = Record::Step { step, turn, by: By::Command, changes };
            if let Err(err) = ledger.add(record) {
                return Err(state.watched.give_up(Unseen::Failed(err)));
            }
        }
        match unkept.as_slice() {
            [] => Ok(()),
            [one] => Err(format!("what the command did to `{one}` cannot be undone")),
            [first, rest @ ..] => Err(format!(
                "what the command did to `{first}` and {} more cannot be undone",
                rest.len()
            )),
        }
    }
}

impl Watched {
    fn give_up(&mut self, why: Unseen) -> String {
        self.given_up = true;
        self.known = Survey::default();
        match why {
            Unseen::TooMuch => format!(
                "what commands change here cannot be undone: the project has more than {MOST_FILES} \
                 files or {} MiB; edits can be undone as ever",
                MOST_BYTES / 1024 / 1024
            ),
            Unseen::Failed(err) => {
                format!("what commands change cannot be undone: {}", plain(&err))
            }
        }
    }
}
