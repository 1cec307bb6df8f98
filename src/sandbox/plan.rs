//! From what a command may touch to the steps that make it so: a flat list, computed before the
//! child exists, because between fork and exec nothing may allocate or ask.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fmt;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libc::sock_filter;

use crate::sandbox::filter::{self, Company};
use crate::sandbox::policy::{Confinement, Entry, FileId, Grant};

/// One thing to do on the way from the fork to the command. `enter` does them in their order.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Leaves the namespaces of the agent, keeping its user and group.
    Isolate,
    /// Goes on as the first process of a process namespace. Who was here waits for its end.
    BeFirst,
    /// Takes hold of what is at `place` now, before the root changes.
    Take {
        slot: usize,
        place: CString,
        id: Option<FileId>,
        attributes: u64,
    },
    /// Makes a read-only copy of the whole file system the root.
    Root,
    /// An empty file system in memory.
    Empty {
        at: CString,
        options: CString,
    },
    Directory {
        at: CString,
    },
    File {
        at: CString,
    },
    Link {
        at: CString,
        to: CString,
    },
    /// Puts what was taken where the command finds it.
    Put {
        slot: usize,
        at: CString,
    },
    /// Terminals of the command's own.
    Terminals,
    ReadOnly {
        at: CString,
    },
    /// What the system tells about processes: those of the command.
    Processes,
    Pin {
        at: CString,
    },
    Freeze {
        at: CString,
    },
    HideFile {
        at: CString,
        presence: Presence,
    },
    HideDirectory {
        at: CString,
        presence: Presence,
    },
    /// A loopback that works.
    Loopback,
    /// Listens at the port of the proxy, and hands that out.
    Listen {
        to: Arc<OwnedFd>,
    },
    Go {
        to: CString,
    },
    /// Gives up all that a root of a namespace could do.
    Renounce,
    /// Goes on as the command itself. Who was here waits for it, and takes all with it at the end.
    Begin,
    Limits,
    /// Rules about paths, which somebody else has made and holds open.
    Restrict {
        rules: RawFd,
    },
    Filter {
        program: Vec<sock_filter>,
    },
}

/// Whether something has to be there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Presence {
    Needed,
    Optional,
}

/// The steps, and how many things they take hold of at once.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) slots: usize,
}

const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
const NO_SET_ID: u64 = libc::MOUNT_ATTR_NOSUID;
const NO_DEVICES: u64 = libc::MOUNT_ATTR_NODEV;

/// What every command has for itself alone, and how.
const PRIVATE: &[(&str, &str)] = &[
    ("/run", "mode=755,size=16m"),
    ("/tmp", "mode=1777,size=4g"),
    ("/var/tmp", "mode=1777,size=4g"),
];

const DEVICES: &[&str] = &["full", "null", "random", "tty", "urandom", "zero"];

const DEVICE_LINKS: &[(&str, &str)] = &[
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/ptmx", "pts/ptmx"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
];

/// The steps for `confinement`, for a command that begins in `directory`. `exists` says what this
/// machine has; whoever answers a command that asks for a host is reached by `out`.
pub(super) fn plan(
    confinement: &Confinement,
    directory: &Path,
    out: Option<OwnedFd>,
    exists: &dyn Fn(&Path) -> bool,
) -> Plan {
    let mut draft = Draft::default();
    let mut layers = layers(confinement, exists);
    layers.sort_by_key(|it| it.path().components().count());

    draft.steps.extend([Step::Isolate, Step::BeFirst]);
    let devices: Vec<_> = DEVICES
        .iter()
        .map(|name| (name, draft.take(&Path::new("/dev").join(name), None, 0)))
        .collect();
    let taken: Vec<_> = layers.iter().map(|it| it.take(&mut draft)).collect();
    draft.steps.push(Step::Root);

    draft.empty(Path::new("/dev"), "mode=755,size=64k");
    for (name, slot) in devices {
        let at = text(&Path::new("/dev").join(name));
        draft.steps.extend([Step::File { at: at.clone() }, Step::Put { slot, at }]);
    }
    for (at, to) in DEVICE_LINKS {
        draft.steps.push(Step::Link { at: text(Path::new(at)), to: text(Path::new(to)) });
    }
    for directory in ["/dev/pts", "/dev/shm"] {
        draft.steps.push(Step::Directory { at: text(Path::new(directory)) });
    }
    draft.steps.push(Step::Terminals);
    draft.empty(Path::new("/dev/shm"), "mode=1777,size=1g");
    draft.steps.push(Step::ReadOnly { at: text(Path::new("/dev")) });
    draft.steps.push(Step::Processes);

    for (layer, slot) in layers.iter().zip(taken) {
        match (layer, slot) {
            (Layer::Grant(grant, _), Some(slot)) => draft.put(grant, slot),
            (Layer::Empty(path, options), _) => {
                draft.make_way(path);
                if draft.is_bare(path) {
                    draft.steps.push(Step::Directory { at: text(path) });
                }
                draft.empty(path, options);
            }
            (Layer::Grant(..), None) => {}
        }
    }
    let outer_first = |paths: &[PathBuf]| {
        let mut paths = paths.to_vec();
        paths.sort_by_key(|it| it.components().count());
        paths.into_iter().map(|it| text(&it))
    };
    draft.steps.extend(outer_first(&confinement.pinned).map(|at| Step::Pin { at }));
    draft.steps.extend(outer_first(&confinement.frozen).map(|at| Step::Freeze { at }));
    for absent in &confinement.absent {
        // Where none could be made, the command cannot make one either.
        if exists(absent.path()) {
            draft.steps.push(Step::Freeze { at: text(absent.path()) });
        }
    }
    let hidden = confinement.hidden.iter().map(|it| (it, Presence::Needed));
    let outside = confinement.hidden_outside.iter().map(|it| (it, Presence::Optional));
    draft.steps.extend(hidden.chain(outside).map(|(it, presence)| match it {
        Entry::File(path) => Step::HideFile { at: text(path), presence },
        Entry::Directory(path) => Step::HideDirectory { at: text(path), presence },
    }));
    let program = filter::program(Company::Alone);
    draft.steps.push(Step::Loopback);
    draft.steps.extend(out.map(|it| Step::Listen { to: it.into() }));
    draft.steps.extend([Step::Go { to: text(directory) }, Step::Renounce]);
    draft.steps.extend([Step::Begin, Step::Limits, Step::Filter { program }]);
    Plan { steps: draft.steps, slots: draft.slots }
}

impl Step {
    /// The place of what was seen in the project, and has to be there still.
    pub(super) fn expects(&self) -> Option<&CString> {
        match self {
            Self::Pin { at } | Self::Freeze { at } => Some(at),
            Self::HideFile { at, presence } | Self::HideDirectory { at, presence } => {
                (*presence == Presence::Needed).then_some(at)
            }
            _ => None,
        }
    }
}

/// The steps where there are no namespaces: `rules` hold as far as they go.
pub(super) fn reduced(rules: RawFd) -> Plan {
    let program = filter::program(Company::AmongOthers);
    Plan { steps: vec![Step::Limits, Step::Restrict { rules }, Step::Filter { program }], slots: 0 }
}

/// Something that is laid over the root.
enum Layer<'a> {
    Empty(&'a Path, &'a str),
    /// With what it is mounted with.
    Grant(&'a Grant, u64),
}

impl Layer<'_> {
    fn path(&self) -> &Path {
        match self {
            Self::Empty(path, _) => path,
            Self::Grant(grant, _) => &grant.path,
        }
    }

    fn take(&self, draft: &mut Draft) -> Option<usize> {
        match self {
            Self::Empty(..) => None,
            Self::Grant(grant, attributes) => {
                Some(draft.take(&grant.place, Some(grant.id), *attributes))
            }
        }
    }
}

/// In the order in which they win over each other where they have the same path.
fn layers<'a>(confinement: &'a Confinement, exists: &dyn Fn(&Path) -> bool) -> Vec<Layer<'a>> {
    let mut layers = Vec::new();
    let private = PRIVATE.iter().map(|(path, options)| (Path::new(*path), *options));
    let emptied = confinement.emptied.iter().map(|it| (it.as_path(), "mode=755,size=4g"));
    let mut seen = BTreeSet::new();
    for (path, options) in private.chain(emptied) {
        // One that lies in another is gone with it, and its grants make their own way.
        if seen.insert(path) && exists(path) {
            layers.push(Layer::Empty(path, options));
        }
    }
    let project = &confinement.project;
    let is_needed = |path: &Path| {
        let around = layers.iter().map(Layer::path).filter(|it| path.starts_with(it));
        let nearest = around.max_by_key(|it| it.components().count());
        // The rest of the root can be read anyway, and the project is written to.
        nearest.is_some_and(|it| !(path.starts_with(&project.path) && project.path.starts_with(it)))
    };
    let readable = confinement.readable.iter().filter(|it| is_needed(&it.path));
    let readable: Vec<_> =
        readable.map(|it| Layer::Grant(it, READ_ONLY | NO_SET_ID | NO_DEVICES)).collect();
    let writable = confinement.writable.iter().chain([project]);
    layers.extend(readable);
    layers.extend(writable.map(|it| Layer::Grant(it, NO_SET_ID | NO_DEVICES)));
    let covered = confinement.covered.iter();
    layers.extend(covered.map(|it| Layer::Grant(it, READ_ONLY | NO_SET_ID | NO_DEVICES)));
    layers
}

#[derive(Default)]
struct Draft {
    steps: Vec<Step>,
    slots: usize,
    /// What was laid over the root so far, and whether it was empty.
    laid: Vec<(PathBuf, bool)>,
    made: BTreeSet<PathBuf>,
}

impl Draft {
    fn take(&mut self, place: &Path, id: Option<FileId>, attributes: u64) -> usize {
        let slot = self.slots;
        self.slots += 1;
        self.steps.push(Step::Take { slot, place: text(place), id, attributes });
        slot
    }

    fn empty(&mut self, at: &Path, options: &str) {
        let options = CString::new(options).expect("the options are ours");
        self.steps.push(Step::Empty { at: text(at), options });
        self.laid.push((at.to_owned(), true));
    }

    fn put(&mut self, grant: &Grant, slot: usize) {
        let at = &grant.path;
        self.make_way(at);
        if self.is_bare(at) {
            let at = text(at);
            self.steps.push(match grant.is_directory {
                true => Step::Directory { at },
                false => Step::File { at },
            });
        }
        self.steps.push(Step::Put { slot, at: text(at) });
        self.laid.push((at.clone(), false));
    }

    /// Makes the directories above `path` where an empty file system has replaced them.
    fn make_way(&mut self, path: &Path) {
        let above: Vec<_> = path.ancestors().skip(1).collect();
        for directory in above.into_iter().rev() {
            if self.is_bare(directory) && self.made.insert(directory.to_owned()) {
                self.steps.push(Step::Directory { at: text(directory) });
            }
        }
    }

    /// Whether nothing is at `path` but what we make there.
    fn is_bare(&self, path: &Path) -> bool {
        let around = self.laid.iter().filter(|(it, _)| path.starts_with(it));
        let nearest = around.max_by_key(|(it, _)| it.components().count());
        nearest.is_some_and(|(it, empty)| *empty && it != path)
    }
}

/// Paths come from the system, which knows none with a NUL in it.
fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

/// What was being done, to go before a reason: "mounting a private `/tmp`: permission denied".
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (doing, path) = match self {
            Self::Isolate => ("making namespaces", None),
            Self::BeFirst => ("starting its first process", None),
            Self::Take { place, id: Some(_), .. } => ("taking hold of", Some(place)),
            Self::Take { place, id: None, .. } => ("taking the device", Some(place)),
            Self::Root => ("changing the root", None),
            Self::Empty { at, .. } => ("mounting a private", Some(at)),
            Self::Directory { at } => ("making the directory", Some(at)),
            Self::File { at } => ("making the file", Some(at)),
            Self::Link { at, .. } => ("making the link", Some(at)),
            Self::Put { at, .. } => ("mounting", Some(at)),
            Self::Terminals => ("mounting terminals of its own", None),
            Self::ReadOnly { at } => ("closing", Some(at)),
            Self::Processes => ("mounting `/proc`", None),
            Self::Pin { at } => ("pinning", Some(at)),
            Self::Freeze { at } => ("freezing", Some(at)),
            Self::HideFile { at, .. } | Self::HideDirectory { at, .. } => ("hiding", Some(at)),
            Self::Loopback => ("starting the loopback", None),
            Self::Listen { .. } => ("listening for the proxy", None),
            Self::Go { to } => ("going to", Some(to)),
            Self::Renounce => ("dropping privileges", None),
            Self::Begin => ("starting the process", None),
            Self::Limits => ("setting limits", None),
            Self::Restrict { .. } => ("restricting paths", None),
            Self::Filter { .. } => ("filtering system calls", None),
        };
        f.write_str(doing)?;
        path.map_or(Ok(()), |it| write!(f, " `{}`", it.to_string_lossy()))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::sandbox::Level;

    fn grant(path: &str) -> Grant {
        let id = FileId { device: 0, inode: 0 };
        Grant { path: path.into(), place: path.into(), id, is_directory: true }
    }

    /// What is done after the root has changed and the devices are in place.
    #[track_caller]
    fn check(confinement: &Confinement, expected: Expect) {
        let plan = plan(confinement, Path::new("/tmp/p"), None, &|_| true);
        let steps = plan.steps.iter().skip_while(|it| !matches!(it, Step::Processes));
        expected.assert_eq(&steps.map(|it| format!("{it}\n")).collect::<String>());
    }

    #[test]
    fn what_lies_deeper_is_laid_later_and_gets_its_directories() {
        let mut confinement = Confinement::bare(Level::Namespaces, grant("/tmp/a/p"));
        confinement.emptied = vec!["/home/me".into(), "/home".into()];
        confinement.readable =
            vec![grant("/home/me/.cargo"), grant("/usr/share"), grant("/tmp/a/p/bin")];
        confinement.frozen = vec!["/tmp/a/p/.git/config".into()];
        confinement.pinned = vec!["/tmp/a/p/.git/info".into(), "/tmp/a/p/.git".into()];
        confinement.hidden = vec![Entry::File("/tmp/a/p/.env".into())];
        check(
            &confinement,
            expect![[r#"
                mounting `/proc`
                mounting a private `/run`
                mounting a private `/tmp`
                mounting a private `/home`
                mounting a private `/var/tmp`
                making the directory `/home/me`
                mounting a private `/home/me`
                making the directory `/home/me/.cargo`
                mounting `/home/me/.cargo`
                making the directory `/tmp/a`
                making the directory `/tmp/a/p`
                mounting `/tmp/a/p`
                pinning `/tmp/a/p/.git`
                pinning `/tmp/a/p/.git/info`
                freezing `/tmp/a/p/.git/config`
                hiding `/tmp/a/p/.env`
                starting the loopback
                going to `/tmp/p`
                dropping privileges
                starting the process
                setting limits
                filtering system calls
            "#]],
        );
    }
}
