//! The commands of a session that can be looked at again: those that run in the background, and
//! those whose output was too long to be said.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;

use crate::sandbox::{Background, Command, Ended, Left};
use crate::tools::output::{Mark, Output, Shelf, Spool};
use crate::tools::shell::Shell;
use crate::tools::{Aside, Budget, Failure};

/// So many run at once: more are a loop gone wrong.
const MOST: usize = 8;

/// How long a command that was just started, or given input, is waited for.
const MOMENT: Duration = Duration::from_millis(2000);

/// A command that has written and then writes nothing for so long waits for something.
const QUIET: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Commands {
    pub(super) shelf: Rc<Shelf>,
    /// Whoever waits for a command may wish that it goes on beside them.
    pub(super) aside: Aside,
    known: RefCell<Vec<Rc<Known>>>,
}

/// A command with an id.
#[derive(Debug)]
pub(super) struct Known {
    id: String,
    script: String,
    output: Rc<RefCell<Output>>,
    /// How far the model has read.
    seen: Cell<Mark>,
    state: State,
}

#[derive(Debug)]
enum State {
    Background {
        command: Background,
        /// Changes when something was written.
        written: watch::Receiver<()>,
    },
    /// It ran while the model waited, and was told how it ended.
    Over,
}

/// What a look at a command found.
pub(super) enum Look {
    Running,
    Ended(Ended),
    /// It ended long ago, and how was told then.
    Over,
}

impl Commands {
    pub(super) fn new(shelf: Shelf) -> Self {
        Self { shelf: Rc::new(shelf), aside: Aside::default(), known: RefCell::default() }
    }

    /// Starts a command that goes on until it ends, is stopped, or this program ends.
    pub(super) async fn start(
        &self,
        shell: &Shell,
        command: &Command,
        script: &str,
        budget: Budget,
    ) -> Result<Rc<Known>, Failure> {
        let running = self.running();
        if MOST <= running.len() {
            let text = format!(
                "{MOST} commands run in the background already: {}. Stop one with command_output",
                running.join(", ")
            );
            return Err(Failure::new(text, "too many commands"));
        }
        let not_started = |err: io::Error| {
            Failure::new(format!("the command could not be started: {err}"), "not started")
        };
        let output = Output::spooled(&self.shelf, budget).map_err(|err| {
            let text = format!("not started: its output cannot be kept: {err}");
            Failure::new(text, "not started")
        })?;
        let id = output.id().unwrap_or_default().to_owned();
        let output = Rc::new(RefCell::new(output));
        let (tell, written) = watch::channel(());
        let start = async |it: &Command| {
            let (theirs, tell) = (Rc::clone(&output), tell.clone());
            Background::start(it, move |it| {
                theirs.borrow_mut().push(it);
                tell.send_replace(());
            })
        };
        let command = shell.run(command, start).await?.map_err(not_started)?;
        Ok(self.knows(id, script, output, State::Background { command, written }))
    }

    /// Resolves when a command that is waited for from now on shall go on beside whoever waits.
    pub(super) fn set_aside(&self) -> impl Future<Output = ()> + use<> {
        let wished = (self.running().len() < MOST).then(|| self.aside.wished());
        async move {
            match wished {
                Some(wished) => wished.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Takes in a command that was waited for so far, and goes on.
    pub(super) fn adopt(
        &self,
        script: &str,
        output: Rc<RefCell<Output>>,
        left: Box<Left>,
    ) -> Result<Rc<Known>, Failure> {
        if let Some(err) = output.borrow_mut().put_down() {
            // Dropped, the command is no more.
            let text = format!("stopped: it cannot go on, for its output cannot be kept: {err}");
            return Err(Failure::new(text, "stopped"));
        }
        let id = output.borrow().id().unwrap_or_default().to_owned();
        let (tell, written) = watch::channel(());
        let theirs = Rc::clone(&output);
        let command = Background::adopt(left, move |it| {
            theirs.borrow_mut().push(it);
            tell.send_replace(());
        });
        Ok(self.knows(id, script, output, State::Background { command, written }))
    }

    fn knows(
        &self,
        id: String,
        script: &str,
        output: Rc<RefCell<Output>>,
        state: State,
    ) -> Rc<Known> {
        let (script, seen) = (script.to_owned(), Cell::default());
        let known = Rc::new(Known { id, script, output, seen, state });
        self.known.borrow_mut().push(Rc::clone(&known));
        known
    }

    /// Remembers the output of a command that has ended, if it was too long to be said. The same
    /// output of the same command is the same, id and all.
    pub(super) fn keep(&self, script: &str, output: Rc<RefCell<Output>>) -> Rc<RefCell<Output>> {
        let Some(id) = output.borrow().id().map(str::to_owned) else { return output };
        let digest = output.borrow().spool().map(Spool::digest);
        let mut known = self.known.borrow_mut();
        let is_same = |it: &&Rc<Known>| {
            let is_over = matches!(it.state, State::Over);
            is_over
                && it.script == script
                && it.output.borrow().spool().map(Spool::digest) == digest
        };
        if let Some(same) = known.iter().find(is_same) {
            if let Some(spool) = output.borrow_mut().take_spool() {
                self.shelf.discard(spool);
            }
            return Rc::clone(&same.output);
        }
        known.push(Rc::new(Known {
            id,
            script: script.to_owned(),
            output: Rc::clone(&output),
            seen: Cell::default(),
            state: State::Over,
        }));
        output
    }

    pub(super) fn find(&self, id: &str) -> Option<Rc<Known>> {
        self.known.borrow().iter().find(|it| it.id == id).cloned()
    }

    /// `c1 (npm start)` for each that runs.
    pub(super) fn running(&self) -> Vec<String> {
        let known = self.known.borrow();
        let running = known.iter().filter(|it| matches!(it.look(), Look::Running));
        running
            .map(|it| format!("{} ({})", it.id, it.script.lines().next().unwrap_or_default()))
            .collect()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.known.borrow().iter().map(|it| it.id.clone()).collect()
    }
}

impl Known {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn look(&self) -> Look {
        match &self.state {
            State::Over => Look::Over,
            State::Background { command, .. } => command.ended().map_or(Look::Running, Look::Ended),
        }
    }

    pub(super) fn background(&self) -> Option<&Background> {
        match &self.state {
            State::Background { command, .. } => Some(command),
            State::Over => None,
        }
    }

    /// What was written since the last look.
    pub(super) fn news(&self, budget: Budget) -> String {
        if let Look::Ended(_) = self.look() {
            self.output.borrow_mut().finish();
        }
        let (text, mark) = self.output.borrow().since(self.seen.get(), budget);
        self.seen.set(mark);
        text
    }

    /// As many lines as fit from `first` on, how many that are, and how many there are.
    pub(super) fn page(&self, first: u64, budget: Budget) -> io::Result<(String, u64, u64)> {
        match self.output.borrow().spool() {
            None => Ok((String::new(), 0, 0)),
            Some(spool) => {
                let (text, taken) = spool.page(first, budget)?;
                Ok((text, taken, spool.all_lines()))
            }
        }
    }

    /// Gives it input, which it may read or not. What is returned waits until it ends, or has
    /// answered and has nothing more to say for now.
    pub(super) fn write(&self, input: Vec<u8>) -> impl Future<Output = ()> {
        let answered = match &self.state {
            State::Over => None,
            State::Background { command, written } => {
                let mut written = written.clone();
                // What it said before is no answer.
                written.mark_unchanged();
                command.write(input);
                Some(settled(command, written))
            }
        };
        async move {
            if let Some(answered) = answered {
                answered.await;
            }
        }
    }

    /// Waits until it ends, or has said something and has nothing more to say for now.
    pub(super) async fn settle(&self) {
        if let State::Background { command, written } = &self.state {
            settled(command, written.clone()).await;
        }
    }
}

async fn settled(command: &Background, mut written: watch::Receiver<()>) {
    let moment = tokio::time::sleep(MOMENT);
    let quiet = async {
        if written.changed().await.is_err() {
            return std::future::pending().await;
        }
        while let Ok(Ok(())) = tokio::time::timeout(QUIET, written.changed()).await {}
    };
    tokio::select! {
        biased;
        _ = command.end() => {}
        () = moment => {}
        () = quiet => {}
    }
}
