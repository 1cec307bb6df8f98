//! Which session is worked on: a new one, one that goes on, or a copy that goes on in another way.

use anyhow::bail;

use crate::agent::abandoned;
use crate::cli::job::{Job, store};
use crate::cli::serving::lend;
use crate::cli::session_id::session_id;
use crate::cli::surroundings::now;
use crate::conversation::{Entry, Stop, Transcript};
use crate::session::{Journal, Opened, Store, Summary};

/// Which session to work on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Which {
    New,
    Old(Sought),
    /// A copy of it, which may have a name.
    Fork(Sought, Option<String>),
    /// One that leaves nothing behind.
    Unsaved,
}

/// A session that is there already.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sought {
    /// Of this project.
    Newest,
    /// Its name or id, or the start of one.
    Named(String),
}

/// A session as it was found, or a new one.
pub(super) struct Begun {
    pub(super) id: String,
    pub(super) journal: Option<Journal>,
    pub(super) transcript: Transcript,
    /// What the model of a new session is told first.
    pub(super) system: Option<String>,
    /// What it is told with the next prompt.
    pub(super) note: Option<String>,
}

impl Job<'_> {
    /// Opens the session, which fails before anything is started.
    pub(super) fn begin(&mut self) -> anyhow::Result<Begun> {
        let store = store(self.around);
        let opened = match self.session.clone() {
            Which::Old(sought) => {
                let store = store?;
                let found = self.find(&store, &sought)?;
                store.open(&found)?
            }
            Which::Fork(sought, name) => {
                let store = store?;
                let found = self.find(&store, &sought)?;
                let id = session_id(now());
                let (mut opened, original) = store.fork(&found, self.workspace.root(), &id)?;
                if is_mid_turn(&opened.transcript) && !original.is_left_alone() {
                    settle(&mut opened)?;
                    self.warnings.push(STAYS_THERE.to_owned());
                }
                lend(self.around, &found.id, opened.journal.id());
                if let Some(name) = name {
                    opened.journal.name(&name)?;
                }
                opened
            }
            Which::New => {
                let id = session_id(now());
                let journal = match store {
                    Ok(store) => Some(store.create(self.workspace.root(), &id)?),
                    Err(err) => {
                        self.warnings.push(format!("this session will not be kept: {err:#}"));
                        None
                    }
                };
                return self.anew(id, journal);
            }
            Which::Unsaved => return self.anew(session_id(now()), None),
        };
        if !opened.damage.is_none() {
            self.warnings.push(format!("this session is damaged: {}", opened.damage));
        }
        let id = opened.journal.id().to_owned();
        let (transcript, note) = (opened.transcript, opened.note);
        let has_system = transcript.entries().iter().any(|it| matches!(it, Entry::Opened { .. }));
        let system = if has_system { None } else { Some(self.first_words()?.0) };
        Ok(Begun { id, journal: Some(opened.journal), transcript, system, note })
    }

    fn anew(&self, id: String, journal: Option<Journal>) -> anyhow::Result<Begun> {
        let system = Some(self.first_words()?.0);
        Ok(Begun { id, journal, transcript: Transcript::default(), system, note: None })
    }

    /// The session, if it is one of this project.
    fn find(&self, store: &Store, sought: &Sought) -> anyhow::Result<Summary> {
        let project = self.workspace.root();
        let found = match sought {
            Sought::Newest => store.newest(project)?,
            Sought::Named(words) => store.nearest(words, project)?,
        };
        if !found.belongs_to(project) {
            let other = found.project.unwrap_or_default();
            let id = found.id;
            bail!("session `{id}` belongs to another project\nhint: cd {}", other.display());
        }
        Ok(found)
    }
}

/// Why a copy does not go on with a turn.
const STAYS_THERE: &str =
    "the turn that was under way stays with the other session; in this copy it has ended";

/// Whether there is something to go on with.
fn is_mid_turn(transcript: &Transcript) -> bool {
    let is_stopped = matches!(transcript.last_that_counts(), Some(Entry::Stopped(_)));
    transcript.pending().next().is_some() || (transcript.owes_reply() && !is_stopped)
}

/// Ends the turn under way in a session that was copied: what its calls do is done by the other one,
/// or was decided by somebody else.
pub(super) fn settle(copied: &mut Opened) -> anyhow::Result<()> {
    let mut rest = abandoned(&copied.transcript);
    if !rest.is_empty() {
        // Else it would seem to be stopped in a moment.
        rest.push(Entry::Stopped(Stop::Cancelled));
    }
    copied.journal.append(&rest.iter().collect::<Vec<_>>())?;
    rest.into_iter().for_each(|it| copied.transcript.push(it));
    Ok(())
}
