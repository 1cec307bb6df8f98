//! Taking back what a turn did, or doing it again.

use std::io;

use anyhow::{Context, anyhow};

use crate::workspace::history::acts::Act;
use crate::workspace::history::ledger::Ledger;
use crate::workspace::history::link::{Relink, Target};
use crate::workspace::history::plan::{Found, Plan, Reason, plan};
use crate::workspace::history::record::{Changes, Name, Record, Touch, Way};
use crate::workspace::history::{Access, History, Image};
use crate::workspace::root::Root;
use crate::workspace::write::Placed;
use crate::workspace::{Content, FileError, LineDiff, ProjectPath, SourceFile, write};

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reversal {
    pub(crate) way: Way,
    /// Only say what would be done.
    pub(crate) rehearse: bool,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reversed {
    pub(crate) turn: u64,
    /// The files for which there was something to do.
    pub(crate) files: Vec<(ProjectPath, Fate)>,
    /// All of it was left alone before, is so again, and there is nothing else. It changes nothing.
    pub(crate) is_stuck: bool,
    /// Turns that come first and of which these files are left alone as before.
    pub(crate) passed: Vec<(u64, Vec<ProjectPath>)>,
    /// How many more turns can be taken back, or done again.
    pub(crate) more: usize,
    /// Lines of the history that could not be read.
    pub(crate) damaged: usize,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    Restored {
        added: usize,
        removed: usize,
        merged: bool,
    },
    Removed {
        removed: usize,
    },
    /// It is a link again, and leads there.
    Linked(String),
    Unlinked,
    Left(String),
}

/// A link that is not as it was.
struct LinkTask {
    path: ProjectPath,
    now: Option<Target>,
    target: Option<Target>,
}

/// A file that something will be done to.
struct Task {
    path: ProjectPath,
    now: Option<SourceFile>,
    plan: Plan,
}

impl History {
    /// `None` if there is nothing to take back, or to do again.
    pub(in crate::workspace) fn reverse(
        &self,
        root: &Root,
        wanted: Reversal,
    ) -> anyhow::Result<Option<Reversed>> {
        let mut state = self.state();
        let cannot = |err: io::Error| match err.kind() {
            io::ErrorKind::WouldBlock => anyhow!(
                "this session is in use by another agent\nhint: type `/undo` or `/redo` there"
            ),
            _ => anyhow::Error::new(err).context("cannot read the history of this session"),
        };
        if state.ledger.is_none() && !Ledger::exists(&self.folder) {
            return Ok(None);
        }
        if wanted.rehearse && state.ledger.is_none() {
            let mut ledger = Ledger::open(&self.folder, Access::Look).map_err(cannot)?;
            return reverse(root, &mut ledger, &mut Vec::new(), wanted);
        }
        let mut made = Vec::new();
        let reversed =
            reverse(root, state.swept(&self.folder, root).map_err(cannot)?, &mut made, wanted);
        state.watched.expect(&made);
        reversed
    }
}

/// `made` takes what is changed on the disk.
fn reverse(
    root: &Root,
    ledger: &mut Ledger,
    made: &mut Vec<Touch>,
    wanted: Reversal,
) -> anyhow::Result<Option<Reversed>> {
    let mut passed: Vec<(Act, Drawn)> = Vec::new();
    let mut found = None;
    for act in ledger.acts().newest(wanted.way) {
        let drawn = draw(root, ledger, act);
        // A turn whose edits all failed has changed nothing that would have to be taken back.
        if act.has_failed() && drawn.is_nothing() {
            continue;
        }
        // Or one contested file would bar the way to all that came earlier.
        if act.is_rest && drawn.left_alone.len() == act.paths().len() {
            passed.push((act.clone(), drawn));
            continue;
        }
        found = Some((act.clone(), drawn));
        break;
    }
    let is_stuck = found.is_none();
    let (act, drawn) = match found {
        Some(found) => found,
        None if passed.is_empty() => return Ok(None),
        None => passed.remove(0),
    };
    let Drawn { tasks, links, left_alone: mut files } = drawn;
    let passed = passed.iter().map(|(it, _)| (it.turn, it.paths())).collect();
    if is_stuck {
        let (turn, damaged) = (act.turn, ledger.damaged());
        return Ok(Some(Reversed { turn, files, is_stuck, passed, more: 0, damaged }));
    }
    let mut left: Vec<_> = files.iter().map(|(path, _)| Name(path.clone())).collect();
    if !wanted.rehearse {
        let announced = announced(root, &tasks, &links, ledger).and_then(|changes| {
            made.extend(changes.files.iter().cloned());
            ledger.announce(Record::Reversal { way: wanted.way, turn: act.turn, changes })
        });
        announced.context("cannot keep what would be replaced, so nothing was changed")?;
    }
    // A link makes room for a file, and a file for a link.
    let (gone, made_again): (Vec<_>, Vec<_>) =
        links.into_iter().partition(|it| it.target.is_none());
    let relink = |it: LinkTask, left: &mut Vec<Name>| {
        let target = |it: &Option<Target>| it.as_ref().map(|it| it.0.clone());
        let (now, target) = (target(&it.now), target(&it.target));
        let fate = match &target {
            Some(target) => Fate::Linked(target.display().to_string()),
            None => Fate::Unlinked,
        };
        if wanted.rehearse {
            return (it.path, fate);
        }
        let done = write::relink(root, &it.path, now.as_deref(), target.as_deref());
        match done.and_then(Placed::settle) {
            Ok(()) => (it.path, fate),
            Err(err) => {
                left.push(Name(it.path.clone()));
                (it.path, Fate::Left(err.to_string()))
            }
        }
    };
    files.extend(gone.into_iter().map(|it| relink(it, &mut left)));
    for task in tasks {
        let done = if wanted.rehearse { Ok(()) } else { carry_out(root, &task) };
        let fate = match done {
            Ok(()) => fate(&task),
            Err(err) => {
                made.retain(|it| it.path.0 != task.path);
                left.push(Name(task.path.clone()));
                Fate::Left(err.to_string())
            }
        };
        files.push((task.path, fate));
    }
    files.extend(made_again.into_iter().map(|it| relink(it, &mut left)));
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    if !wanted.rehearse {
        for folder in act.folders() {
            // One that somebody put something into stays.
            let _ = root.remove_directory(folder);
        }
        ledger.announce(Record::Settled { left }).context("cannot write down what was done")?;
    }
    let is_whole = |it: &Act| !it.is_rest && !it.has_failed();
    let more = ledger.acts().newest(wanted.way).filter(|it| is_whole(it)).count();
    let more = more - usize::from(wanted.rehearse && is_whole(&act));
    let (turn, damaged) = (act.turn, ledger.damaged());
    Ok(Some(Reversed { turn, files, is_stuck, passed, more, damaged }))
}

/// What is to be done to take an act back.
struct Drawn {
    tasks: Vec<Task>,
    links: Vec<LinkTask>,
    left_alone: Vec<(ProjectPath, Fate)>,
}

impl Drawn {
    fn is_nothing(&self) -> bool {
        self.tasks.is_empty() && self.links.is_empty() && self.left_alone.is_empty()
    }
}

fn draw(root: &Root, ledger: &Ledger, act: &Act) -> Drawn {
    let mut drawn = Drawn { tasks: Vec::new(), links: Vec::new(), left_alone: Vec::new() };
    for (path, (before, after)) in act.links() {
        let now = root.read_link(path).map(Target);
        if now.as_ref() == before {
            continue;
        }
        // What was a file before it was a link is looked at as a file, too.
        let is_free = now.is_some()
            || act.files().contains_key(path)
            || root.path().join(path.as_path()).symlink_metadata().is_err();
        if now.as_ref() == after && is_free {
            let target = before.cloned();
            drawn.links.push(LinkTask { path: path.clone(), now, target });
        } else {
            let reason = if now.is_some() { Reason::Relinked } else { Reason::Occupied };
            let reason = if now.is_none() && is_free { Reason::Deleted } else { reason };
            drawn.left_alone.push((path.clone(), Fate::Left(reason.words().to_owned())));
        }
    }
    for (path, touched) in act.files() {
        if drawn.left_alone.iter().any(|(it, _)| it == path) {
            continue;
        }
        let makes_room = |it: &LinkTask| it.path == *path && it.target.is_none();
        let there = match drawn.links.iter().any(makes_room) {
            true => Ok(None),
            false => there(root, path),
        };
        let (now, plan) = match there {
            Ok(now) => {
                let found = now.as_ref().map(|it| Found {
                    bytes: it.bytes(),
                    mode: it.mode(),
                    links: it.links(),
                });
                let plan = plan(&touched, found, &|it| ledger.content(it));
                (now, plan)
            }
            Err(reason) => (None, Plan::Leave(reason)),
        };
        match plan {
            Plan::Keep => {}
            Plan::Leave(reason) => {
                drawn.left_alone.push((path.clone(), Fate::Left(reason.words().to_owned())));
            }
            plan => drawn.tasks.push(Task { path: path.clone(), now, plan }),
        }
    }
    let Drawn { links, left_alone, .. } = &mut drawn;
    links.retain(|link| !left_alone.iter().any(|(it, _)| *it == link.path));
    drawn
}

/// What is at `path`, if no link leads there and it is a file or nothing.
fn there(root: &Root, path: &ProjectPath) -> Result<Option<SourceFile>, Reason> {
    if !root.follow(path).is_ok_and(|it| it == *path) {
        return Err(Reason::Linked);
    }
    match SourceFile::read_exactly(root, path) {
        Ok(file) => Ok(Some(file)),
        Err(FileError::Missing(_)) => Ok(None),
        Err(FileError::Directory(_)) => Err(Reason::NoFile),
        Err(FileError::Refused(_) | FileError::TooLarge(..)) => Err(Reason::Unreadable),
    }
}

/// Keeps what the tasks will replace.
fn announced(
    root: &Root,
    tasks: &[Task],
    links: &[LinkTask],
    ledger: &mut Ledger,
) -> io::Result<Changes> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for Task { path, now, plan } in tasks {
        let before = match now {
            Some(file) => {
                Some(Image { digest: ledger.keep(file.bytes())?, mode: Some(file.mode()) })
            }
            None => {
                folders.extend(root.missing_above(path).into_iter().map(Name));
                None
            }
        };
        let after = match plan {
            Plan::Put { bytes, mode, .. } => {
                Some(Image { digest: ledger.keep(bytes)?, mode: *mode })
            }
            _ => None,
        };
        let links = now.as_ref().map_or(1, SourceFile::links);
        files.push(Touch { path: Name(path.clone()), before, after, links });
    }
    folders.sort();
    folders.dedup();
    let relink = |it: &LinkTask| Relink {
        path: Name(it.path.clone()),
        before: it.now.clone(),
        after: it.target.clone(),
    };
    Ok(Changes { files, folders, links: links.iter().map(relink).collect() })
}

fn carry_out(root: &Root, task: &Task) -> Result<(), FileError> {
    match (&task.plan, &task.now) {
        (Plan::Put { bytes, mode, .. }, Some(now)) => write::put_back(root, now, bytes, *mode)?,
        (Plan::Put { bytes, mode, .. }, None) => {
            write::create_again(root, &task.path, bytes, *mode)?
        }
        (Plan::Remove, Some(now)) => write::delete(root, now)?,
        _ => return Ok(()),
    }
    .settle()
}

fn fate(task: &Task) -> Fate {
    let now = task.now.as_ref().map_or(&b""[..], |it| it.bytes());
    match &task.plan {
        Plan::Put { bytes, merged, .. } => {
            let (added, removed) = counted(now, bytes);
            Fate::Restored { added, removed, merged: *merged }
        }
        _ => Fate::Removed { removed: counted(now, b"").1 },
    }
}

/// How many lines come and go; none where there are no lines.
fn counted(before: &[u8], after: &[u8]) -> (usize, usize) {
    let (Content::Text(before), Content::Text(after)) = (Content::of(before), Content::of(after))
    else {
        return (0, 0);
    };
    let diff = LineDiff::of(&before.text, &after.text);
    (diff.added(), diff.removed())
}
