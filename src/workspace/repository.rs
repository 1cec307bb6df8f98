//! The parts of a git repository that make git run something, or look for it elsewhere.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::workspace::survey::Absent;

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
const LONGEST: u64 = 8 * 1024;

/// What `git`, the `.git` of some directory of the project at `root`, is made of. It may lead
/// elsewhere only if it is the project's own.
pub(super) fn parts(git: &Path, root: &Path) -> Parts {
    let mut parts = Parts::default();
    let Ok(found) = git.symlink_metadata() else { return parts };
    if found.is_symlink() {
        parts.frozen.push(git.to_owned());
        let inside = git.canonicalize().ok().filter(|it| it.starts_with(root) && it != root);
        if let Some(inside) = inside.filter(|it| it.is_dir()) {
            let above = inside.ancestors().skip(1).take_while(|it| *it != root);
            parts.pinned.extend(above.map(Path::to_owned));
            parts.repository(&inside);
            parts.modules(&inside.join("modules"), DEPTH);
        }
    } else if found.is_dir() {
        parts.repository(git);
        parts.modules(&git.join("modules"), DEPTH);
    } else {
        parts.frozen.push(git.to_owned());
        let above = git.parent().unwrap_or(root);
        let named = pointed(git, "gitdir: ").and_then(|it| above.join(it).canonicalize().ok());
        if let Some(inside) = named.filter(|it| it.starts_with(root) && it != root) {
            parts.repository(&inside);
        } else if let Some(common) = (above == root).then(|| common_directory(git)).flatten() {
            parts.repository(&common);
            parts.modules(&common.join("modules"), DEPTH);
            parts.outside.push(common);
        }
    }
    let configs = parts.frozen.clone();
    let names = [OsStr::new("config"), OsStr::new("config.worktree")];
    for config in configs.iter().filter(|it| it.file_name().is_some_and(|it| names.contains(&it))) {
        parts.named_by(config, git.parent().unwrap_or(root), root, INCLUSIONS);
    }
    parts
}

impl Parts {
    /// What a file of settings takes hooks and further settings from, if that lies in the project.
    fn named_by(&mut self, config: &Path, work_tree: &Path, root: &Path, depth: usize) {
        let Ok(settings) = git2::Config::open(config) else { return };
        let Ok(mut entries) = settings.entries(None) else { return };
        let mut named = Vec::new();
        while let Some(Ok(entry)) = entries.next() {
            let (Ok(name), Ok(value)) = (entry.name(), entry.value()) else { continue };
            if name == "core.hookspath" {
                named.push((work_tree.join(value), false));
            } else if name.starts_with("include") && name.ends_with(".path") {
                named.push((config.parent().unwrap_or(root).join(value), true));
            }
        }
        for (path, is_file) in named {
            let Some((above, name)) = path.parent().zip(path.file_name()) else { continue };
            let Ok(above) = above.canonicalize() else { continue };
            let path = above.join(name);
            if !above.starts_with(root) || self.frozen.contains(&path) {
                continue;
            }
            let parents = above.ancestors().take_while(|it| *it != root);
            self.pinned.extend(parents.map(Path::to_owned));
            if !is_file {
                self.directory(path);
                continue;
            }
            self.file(path.clone(), "");
            if 0 < depth {
                self.named_by(&path, work_tree, root, depth - 1);
            }
        }
    }

    fn repository(&mut self, directory: &Path) {
        self.pinned.push(directory.to_owned());
        self.settings(directory);
        // Where it is, git takes settings and hooks from the directory that it names. One that
        // names its own is the same as none.
        self.file(directory.join("commondir"), ".\n");
        let worktrees = directory.join("worktrees");
        let Ok(entries) = worktrees.read_dir() else { return };
        self.pinned.push(worktrees);
        for entry in entries.flatten() {
            let worktree = entry.path();
            let names = ["commondir", "gitdir", "config.worktree"];
            let there = names.iter().map(|it| worktree.join(it)).filter(|it| it.exists());
            self.frozen.extend(there);
            self.pinned.push(worktree);
        }
    }

    fn settings(&mut self, directory: &Path) {
        self.file(directory.join("config"), "");
        self.directory(directory.join("hooks"));
        let info = directory.join("info");
        if info.is_dir() {
            self.file(info.join("attributes"), "");
            self.pinned.push(info);
        } else {
            self.directory(info);
        }
        // Git looks for it only if a setting says so, which some of its commands make.
        self.file(directory.join("config.worktree"), "");
        let objects = directory.join("objects/info");
        if objects.is_dir() {
            self.file(objects.join("alternates"), "");
            self.pinned.extend([directory.join("objects"), objects]);
        }
    }

    /// The repositories of submodules, wherever below.
    fn modules(&mut self, directory: &Path, depth: usize) {
        let Ok(entries) = directory.read_dir() else {
            // One that comes into being would be taken for that of a submodule of its name.
            return self.directory(directory.to_owned());
        };
        if depth == 0 {
            return;
        }
        self.pinned.push(directory.to_owned());
        for entry in entries.flatten().filter(|it| it.file_type().is_ok_and(|it| it.is_dir())) {
            let module = entry.path();
            if module.join("HEAD").exists() {
                self.repository(&module);
                self.modules(&module.join("modules"), depth - 1);
                self.modules.push(module);
            } else {
                self.modules(&module, depth - 1);
            }
        }
    }

    fn file(&mut self, path: PathBuf, nothing: &'static str) {
        self.held(path.clone(), Absent::File(path, nothing));
    }

    fn directory(&mut self, path: PathBuf) {
        self.held(path.clone(), Absent::Directory(path));
    }

    fn held(&mut self, path: PathBuf, absent: Absent) {
        match path.symlink_metadata() {
            Ok(_) if !absent.stands() => self.frozen.push(path),
            _ => self.absent.push(absent),
        }
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
            let config = std::fs::read_to_string(directory.join("config")).ok()?;
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
    let found = file.symlink_metadata().ok()?;
    if !found.is_file() || LONGEST < found.len() {
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    Some(PathBuf::from(text.strip_prefix(prefix)?.trim_end_matches(['\n', '\r'])))
}
