//! A session that is watched: what the model wants, and what is promised of it at each moment.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::disk::{Disk, Survivor};
use crate::support::random::Random;
use crate::support::response::{Response, call, say};
use crate::tracer::{Event, Trace};
use crate::tree::{Kind, Tree};

/// Where the random choices come from.
const SEED: u64 = 1;

/// What one call of the model wants. Contents are whole.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Path, old and new content, of files that change together.
    Edit(&'static [(&'static str, &'static str, &'static str)]),
    /// A file that does not exist.
    Write(&'static str, &'static str),
    Command(&'static str),
}

/// The project before anything is done, and what is done to it.
#[derive(Debug)]
pub struct Plan {
    pub files: &'static [(&'static str, &'static str)],
    /// Files that commands change. Nobody promises that they survive.
    pub by_commands: &'static [&'static str],
    pub steps: &'static [Step],
}

impl Step {
    fn answer(self) -> Response {
        match self {
            Self::Command(command) => call("run_command", json!({"command": command})),
            Self::Write(path, text) => call("write_file", json!({"path": path, "content": text})),
            Self::Edit(files) => {
                let edit = |(path, old, new): &(&str, &str, &str)| json!({"path": path, "old": old, "new": new});
                let edits: Vec<_> = files.iter().map(edit).collect();
                call("edit_file", json!({"path": files[0].0, "edits": edits}))
            }
        }
    }

    /// What it makes of a file, if it does.
    fn makes(self, path: &str) -> Option<&'static str> {
        match self {
            Self::Command(_) => None,
            Self::Write(it, text) => (it == path).then_some(text),
            Self::Edit(files) => files.iter().find(|it| it.0 == path).map(|it| it.2),
        }
    }
}

impl Plan {
    /// The answers of the model: a call for each step, and a last word.
    pub fn answers(&self) -> Vec<Response> {
        self.steps.iter().map(|it| it.answer()).chain([say("all is done")]).collect()
    }

    pub fn first(&self, path: &str) -> Option<&'static str> {
        self.files.iter().find(|it| it.0 == path).map(|it| it.1)
    }

    /// What a file may hold at a stage, if only edits change it.
    pub fn allowed(&self, path: &str, stage: Stage) -> Vec<Option<&'static str>> {
        let made = self.steps.iter().map(|it| it.makes(path)).enumerate();
        let mut all = vec![(0, self.first(path))];
        all.extend(made.filter_map(|(nth, text)| Some((nth + 1, Some(text?)))));
        match stage {
            Stage::Working(done) => {
                let newest = all.iter().rposition(|it| it.0 <= done).unwrap_or_default();
                all.drain(..newest);
            }
            Stage::Undoing => {}
            Stage::Undone => all.truncate(1),
        }
        all.into_iter().map(|it| it.1).collect()
    }

    /// The files that edits, and nothing else, change.
    pub fn edited(&self) -> Vec<&'static str> {
        let mut paths: Vec<_> = self.files.iter().map(|it| it.0).collect();
        for step in self.steps {
            match step {
                Step::Edit(files) => paths.extend(files.iter().map(|it| it.0)),
                Step::Write(path, _) => paths.push(path),
                Step::Command(_) => {}
            }
        }
        paths.retain(|it| !self.by_commands.contains(it));
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

/// What is promised at one moment.
#[derive(Clone, Debug, Default)]
pub struct Promise {
    /// What the journal holds at least.
    pub journal: Vec<u8>,
    pub stage: Stage,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Working(0)
    }
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// So many steps are done, and the model was told so.
    Working(usize),
    Undoing,
    Undone,
}

/// What may be found if the power is lost at one moment.
pub struct Moment {
    /// Which of the programs was at work.
    pub run: usize,
    pub after: String,
    pub promise: Promise,
    pub survivors: Vec<Survivor>,
    /// The journal as it was then.
    pub journal: Vec<u8>,
}

/// Shows all moments of programs that ran one after the other, beginning with what is certain.
pub fn replay(
    certain: Tree,
    promise: Promise,
    runs: Vec<(Stage, Trace)>,
    show: &mut dyn FnMut(Moment),
) {
    let (mut disk, mut promise, mut random) = (Disk::new(certain), promise, Random(SEED));
    for (run, (begins, trace)) in runs.into_iter().enumerate() {
        if begins == Stage::Undoing {
            promise.stage = begins;
        }
        for (event, after) in trace.events {
            let written = journal(disk.now()).unwrap_or_default().to_owned();
            match event {
                Event::Synced(inode, sync) => disk.sync(inode, sync),
                Event::Started => promise.must_keep(announced(&written)),
                Event::Changed(tree) => {
                    if disk.now().fingerprint("project") != tree.fingerprint("project") {
                        promise.must_keep(announced(&written));
                    }
                    disk.change(tree);
                }
                Event::Ended(Some(0)) => {
                    promise.must_keep(&written);
                    if begins == Stage::Undoing {
                        promise.stage = Stage::Undone;
                    }
                }
                Event::Ended(_) => {}
            }
            let journal = journal(disk.now()).unwrap_or_default().to_owned();
            if let Stage::Working(done) = &mut promise.stage {
                *done = entries(&journal).iter().filter(|it| it["status"] == "done").count();
            }
            let survivors = disk.survivors(&mut random);
            show(Moment { run, after, promise: promise.clone(), survivors, journal });
        }
    }
}

impl Promise {
    /// What was promised once is promised for ever.
    fn must_keep(&mut self, journal: &[u8]) {
        if self.journal.len() < journal.len() {
            self.journal = journal.to_owned();
        }
    }
}

/// The beginning of a journal up to the last call that was begun.
fn announced(journal: &[u8]) -> &[u8] {
    let lines: Vec<_> = journal.split_inclusive(|it| *it == b'\n').collect();
    let is_start = |it: &&[u8]| entries(it).iter().any(|it| it["kind"] == "started");
    let begun = lines.iter().rposition(is_start).map_or(0, |it| it + 1);
    &journal[..lines[..begun].iter().map(|it| it.len()).sum()]
}

/// The file of the only session.
pub fn journal_path(tree: &Tree) -> Option<PathBuf> {
    let sessions = Path::new("home/.local/state/agent/sessions");
    let depth = sessions.iter().count() + 2;
    let mut all = tree.0.iter().filter(|(path, it)| {
        path.starts_with(sessions)
            && path.iter().count() == depth
            && path.extension().is_some_and(|it| it == "jsonl")
            && matches!(it.kind, Kind::File(_))
    });
    all.next().map(|(path, _)| path.clone())
}

pub fn journal(tree: &Tree) -> Option<&[u8]> {
    tree.file(journal_path(tree)?)
}

/// The entries of the whole lines of a journal.
pub fn entries(journal: &[u8]) -> Vec<Value> {
    let lines = journal.split(|it| *it == b'\n').map(serde_json::from_slice::<Value>);
    lines.map_while(Result::ok).map(|mut it| it["entry"].take()).collect()
}
