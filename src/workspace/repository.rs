//! The parts of a git repository that make git run something, or look for it elsewhere.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::workspace::error::plain;
use crate::workspace::git::settings::{self, Named};
use crate::workspace::plain_file;
use crate::workspace::survey::{Absent, Obstacle};

/// What of one repository is protected.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parts {
    pub(super) pinned: Vec<PathBuf>,
    pub(super) frozen: Vec<PathBuf>,
    pub(super) absent: Vec<Absent>,
    /// The repositories of submodules.
    pub(super) modules: Vec<PathBuf>,
    /// A repository that lies elsewhere, of which this is a work tree.
    pub(super) outside: Vec<PathBuf>,
}

/// How deep names of submodules are looked for: they may hold slashes.
const DEPTH: usize = 6;

/// How deep files of settings are followed that include each other.
const INCLUSIONS: usize = 8;

/// No file that points somewhere is longer.
const LONGEST: u64 = 64 * 1024;

/// What git runs when it has a file of this name among its hooks.
const HOOKS: &[&str] = &[
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "prepare-commit-msg",
    "reference-transaction",
    "sendemail-validate",
];

/// What `git`, the `.git` of some directory of the project at `root`, is made of. It may lead
/// elsewhere only if it is the project's own. Fails if something of it cannot be looked at: it may
/// be there, and be opened by the next command.
pub(super) fn parts(git: &Path, root: &Path) -> Result<Parts, Obstacle> {
    let mut parts = Parts::default();
    let Some(found) = state(git.symlink_metadata(), git)? else { return Ok(parts) };
    if found.is_symlink() {
        parts.frozen.push(git.to_owned());
        let inside = git.canonicalize().ok().filter(|it| it.starts_with(root) && it != root);
        if let Some(inside) = inside.filter(|it| it.is_dir()) {
            let above = inside.ancestors().skip(1).take_while(|it| *it != root);
            parts.pinned.extend(above.map(Path::to_owned));
            parts.repository(&inside)?;
            parts.modules(&inside.join("modules"), DEPTH)?;
        }
    } else if found.is_dir() {
        parts.repository(git)?;
        parts.modules(&git.join("modules"), DEPTH)?;
    } else {
        parts.frozen.push(git.to_owned());
        let above = git.parent().unwrap_or(root);
        let named = match plain_file::open(git) {
            Err(err) if err.kind() == io::ErrorKind::PermissionDenied => {
                return Err(closed(git, &err));
            }
            _ => pointed(git, "gitdir: ").and_then(|it| above.join(it).canonicalize().ok()),
        };
        if let Some(inside) = named.filter(|it| it.starts_with(root) && it != root) {
            parts.repository(&inside)?;
        } else if let Some(common) = (above == root).then(|| common_directory(git)).flatten() {
            parts.repository(&common)?;
            parts.modules(&common.join("modules"), DEPTH)?;
            parts.outside.push(common);
        }
    }
    let configs = parts.frozen.clone();
    let names = [OsStr::new("config"), OsStr::new("config.worktree")];
    for config in configs.iter().filter(|it| it.file_name().is_some_and(|it| names.contains(&it))) {
        parts.named_by(config, git.parent().unwrap_or(root), root, INCLUSIONS)?;
    }
    Ok(parts)
}

/// What is there, if anything is.
fn state(looked: io::Result<Metadata>, path: &Path) -> Result<Option<Metadata>, Obstacle> {
    match looked {
        Ok(found) => Ok(Some(found)),
        Err(err) if is_nothing(&err) => Ok(None),
        Err(err) => Err(closed(path, &err)),
    }
}

/// Nor is there anything at the end of a link that leads to itself.
fn is_nothing(err: &io::Error) -> bool {
    let kinds = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    kinds.contains(&err.kind()) || err.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

fn closed(path: &Path, err: &io::Error) -> Obstacle {
    Obstacle::Closed(path.to_owned(), plain(err))
}

fn is_directory(path: &Path) -> Result<bool, Obstacle> {
    Ok(state(path.metadata(), path)?.is_some_and(|it| it.is_dir()))
}

/// What is in a directory; `None` if there is none.
fn entries(path: &Path) -> Result<Option<Vec<PathBuf>>, Obstacle> {
    let listed = path.read_dir().and_then(|it| it.map(|it| Ok(it?.path())).collect());
    match listed {
        Ok(listed) => Ok(Some(listed)),
        Err(err) if is_nothing(&err) => Ok(None),
        Err(err) => Err(closed(path, &err)),
    }
}

impl Parts {
    /// What a file of settings takes hooks and further settings from, if that lies in the project.
    fn named_by(
        &mut self,
        config: &Path,
        work_tree: &Path,
        root: &Path,
        depth: usize,
    ) -> Result<(), Obstacle> {
        for named in settings::named(config) {
            let path = match &named {
                Named::Hooks(path) => work_tree.join(path),
                Named::Settings(path) => config.parent().unwrap_or(root).join(path),
            };
            if path.canonicalize().is_ok_and(|it| it == root) {
                // The project itself can be frozen in parts only.
                for hook in HOOKS {
                    self.file(root.join(hook), "")?;
                }
                continue;
            }
            let Some((above, name)) = path.parent().zip(path.file_name()) else { continue };
            let Ok(above) = above.canonicalize() else { continue };
            let path = above.join(name);
            if !above.starts_with(root) || self.frozen.contains(&path) {
                continue;
            }
            let parents = above.ancestors().take_while(|it| *it != root);
            self.pinned.extend(parents.map(Path::to_owned));
            if matches!(named, Named::Hooks(_)) {
                self.directory(path)?;
                continue;
            }
            self.file(path.clone(), "")?;
            if 0 < depth {
                self.named_by(&path, work_tree, root, depth - 1)?;
            }
        }
        Ok(())
    }

    fn repository(&mut self, directory: &Path) -> Result<(), Obstacle> {
        self.pinned.push(directory.to_owned());
        self.settings(directory)?;
        // Where it is, git takes settings and hooks from the directory that it names. One that
        // names its own is the same as none.
        self.file(directory.join("commondir"), ".\n")?;
        let worktrees = directory.join("worktrees");
        let Some(entries) = entries(&worktrees)? else { return Ok(()) };
        self.pinned.push(worktrees);
        for worktree in entries {
            for name in ["commondir", "gitdir", "config.worktree"] {
                let path = worktree.join(name);
                if state(path.metadata(), &path)?.is_some() {
                    self.frozen.push(path);
                }
            }
            self.pinned.push(worktree);
        }
        Ok(())
    }

    fn settings(&mut self, directory: &Path) -> Result<(), Obstacle> {
        self.file(directory.join("config"), "")?;
        self.directory(directory.join("hooks"))?;
        let info = directory.join("info");
        if is_directory(&info)? {
            self.file(info.join("attributes"), "")?;
            self.pinned.push(info);
        } else {
            self.directory(info)?;
        }
        // Git looks for it only if a setting says so, which some of its commands make.
        self.file(directory.join("config.worktree"), "")?;
        let objects = directory.join("objects/info");
        if is_directory(&objects)? {
            self.file(objects.join("alternates"), "")?;
            self.pinned.extend([directory.join("objects"), objects]);
        }
        Ok(())
    }

    /// The repositories of submodules, wherever below.
    fn modules(&mut self, directory: &Path, depth: usize) -> Result<(), Obstacle> {
        let Some(entries) = entries(directory)? else {
            // One that comes into being would be taken for that of a submodule of its name.
            return self.directory(directory.to_owned());
        };
        if depth == 0 {
            return Ok(());
        }
        self.pinned.push(directory.to_owned());
        for module in entries {
            if !state(module.symlink_metadata(), &module)?.is_some_and(|it| it.is_dir()) {
                continue;
            }
            let head = module.join("HEAD");
            if state(head.metadata(), &head)?.is_some() {
                self.repository(&module)?;
                self.modules(&module.join("modules"), depth - 1)?;
                self.modules.push(module);
            } else {
                self.modules(&module, depth - 1)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, nothing: &'static str) -> Result<(), Obstacle> {
        self.held(path.clone(), Absent::File(path, nothing))
    }

    fn directory(&mut self, path: PathBuf) -> Result<(), Obstacle> {
        self.held(path.clone(), Absent::Directory(path))
    }

    fn held(&mut self, path: PathBuf, absent: Absent) -> Result<(), Obstacle> {
        match state(path.symlink_metadata(), &path)? {
            Some(_) if !absent.stands() => self.frozen.push(path),
            _ => self.absent.push(absent),
        }
        Ok(())
    }
}

/// The repository of a linked work tree whose `.git` is a file, if the repository knows of it too:
/// the file comes with the project, and may name any repository on this machine.
fn common_directory(git: &Path) -> Option<PathBuf> {
    let above = git.parent()?;
    let named = pointed(git, "gitdir: ")?;
    let directory = above.join(named).canonicalize().ok()?;
    let known = match pointed(&directory.join("gitdir"), "") {
        // A work tree.
        Some(back) => directory.join(back).canonicalize().ok()? == git.canonicalize().ok()?,
        // A submodule: its repository says where its files are.
        None => {
            let config = plain_file::read(&directory.join("config"), LONGEST).ok()?;
            let config = String::from_utf8_lossy(&config).into_owned();
            let lines = config.lines().map(str::trim);
            let back = lines.filter_map(|it| it.strip_prefix("worktree = ")).next_back()?;
            directory.join(back).canonicalize().ok()? == above.canonicalize().ok()?
        }
    };
    if !known {
        return None;
    }
    match pointed(&directory.join("commondir"), "") {
        Some(common) => directory.join(common).canonicalize().ok(),
        None => Some(directory),
    }
}

/// What a file says that holds one path.
fn pointed(file: &Path, prefix: &str) -> Option<PathBuf> {
    let text = String::from_utf8(plain_file::read(file, LONGEST).ok()?).ok()?;
    Some(PathBuf::from(text.strip_prefix(prefix)?.trim_end_matches(['\n', '\r'])))
}
