//! What of the project commands must not see or change, and what has come into being.
//!
//! The whole tree is walked once, ignored directories included; after that only directories that
//! have changed. So a look before and after each command costs little more than asking for their
//! times.

mod directory;
mod way;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use directory::Directory;
use way::way;

use crate::workspace::error::plain;
use crate::workspace::secret::{Secrets, folded};
use crate::workspace::{plain_file, repository};

/// Looks at the project again and again.
#[derive(Debug)]
pub(crate) struct Survey {
    root: PathBuf,
    secrets: Secrets,
    clock: fn() -> SystemTime,
    /// By their path below the root.
    directories: BTreeMap<PathBuf, Directory>,
    verdicts: BTreeMap<PathBuf, (Stamp, Option<Stamp>, bool)>,
    /// What the last look found, to tell what is new; `None` before the first.
    known: Option<BTreeSet<News>>,
    most: usize,
}

/// What was found. All paths are absolute.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct View {
    /// Files with secrets.
    pub(crate) hidden: Vec<PathBuf>,
    /// Directories that we cannot look into, so that nobody shall.
    pub(crate) closed: Vec<PathBuf>,
    /// What leads to what is hidden or frozen, and so must stay where it is.
    pub(crate) pinned: Vec<PathBuf>,
    /// What makes other programs run something.
    pub(crate) frozen: Vec<PathBuf>,
    /// The same where it is not there yet.
    pub(crate) absent: Vec<Absent>,
    /// What lies outside and belongs to the project: its repository, if it is a work tree of one.
    pub(crate) outside: Vec<PathBuf>,
    /// What was not there when we last looked.
    pub(crate) news: Vec<News>,
    pub(crate) obstacle: Option<Obstacle>,
}

/// Why nothing may run: not all was seen that has to be protected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Obstacle {
    TooLarge,
    /// What git obeys is there or behind it, and why it cannot be looked at.
    Closed(PathBuf, String),
    /// What was seen a moment ago is somewhere else, again and again.
    Moving,
}

/// What shall not come into being.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Absent {
    /// A directory, even where a file is meant: git does not look at one that is empty.
    Directory(PathBuf),
    /// A file that means nothing as long as it holds this.
    File(PathBuf, &'static str),
}

/// Something that the person should know of, wherever it came from.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum News {
    Repository(PathBuf),
    /// A directory that cannot be looked into.
    Closed(PathBuf),
    /// A file or directory that another program obeys.
    Obeyed(PathBuf),
    /// The settings or hooks of a repository, and a time by which a change is told.
    Changed(PathBuf, Stamp),
    /// A link and where it leads.
    LeadsOut(PathBuf, PathBuf),
}

/// Enough of a file's state to tell that it was changed, or opened and closed to others. Anybody can
/// set the time of a change of content, but not that of any change.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Stamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

/// Changes within this time may not show in the time of a directory.
const RACY: Duration = Duration::from_millis(50);

/// The most that is kept in mind: directories, and names in them that matter. Plain files are free.
const MOST: usize = 500_000;

/// What other programs obey when they come to a directory, and many people have.
const OBEYED: &[&str] = &[
    ".agent",
    ".claude",
    ".codex",
    ".cursor",
    ".envrc",
    ".gemini",
    ".idea",
    ".mcp.json",
    ".vscode",
];

/// The same of programs that fewer people have. It is frozen where it is and told where it appears,
/// but not kept from appearing: each name that is costs every command its time.
const OBEYED_BY_FEWER: &[&str] = &[
    ".clinerules",
    ".continue",
    ".junie",
    ".kiro",
    ".opencode",
    ".qwen",
    ".roo",
    ".windsurf",
    ".zed",
];

/// How often it is looked again when things move meanwhile.
const LOOKS: usize = 16;

/// Whether other programs obey what has this name, so that it is the person's to change.
/// What stands at the root of a project in place of nothing, as a command needs it for as long as it
/// runs: of a command that runs, or of one whose agent was killed.
pub(super) fn standing(root: &Path) -> Vec<Absent> {
    let git = root.join(".git");
    let file = |name: &str, text| Absent::File(git.join(name), text);
    let of_git = [
        file("commondir", ".\n"),
        file("config.worktree", ""),
        file("info/attributes", ""),
        file("objects/info/alternates", ""),
        Absent::Directory(git.join("modules")),
    ];
    let obeyed = OBEYED.iter().map(|it| Absent::Directory(root.join(it)));
    of_git.into_iter().chain(obeyed).filter(Absent::stands).collect()
}

pub(super) fn is_obeyed(name: &str) -> bool {
    let name = folded(name);
    OBEYED.iter().chain(OBEYED_BY_FEWER).any(|it| *it == name)
}

impl Survey {
    pub(crate) fn new(root: PathBuf, secrets: Secrets, clock: fn() -> SystemTime) -> Self {
        let (directories, verdicts) = Default::default();
        Self { root, secrets, clock, directories, verdicts, known: None, most: MOST }
    }

    /// What is there now, and what is new since the last time.
    pub(crate) fn look(&mut self) -> View {
        let mut view = View::default();
        for _ in 0..LOOKS {
            view = View::default();
            self.walk(&mut view);
            self.hide(&mut view);
            if view.obstacle != Some(Obstacle::Moving) {
                break;
            }
        }
        let mut seen: BTreeSet<_> =
            view.closed.iter().map(|it| News::Closed(self.below(it))).collect();
        for (path, directory) in &self.directories {
            let here = self.root.join(path);
            for name in
                directory.obeyed.iter().filter(|it| !Absent::Directory(here.join(it)).stands())
            {
                view.frozen.push(here.join(name));
                seen.insert(News::Obeyed(path.join(name)));
            }
            for (name, target) in &directory.links_out {
                seen.insert(News::LeadsOut(path.join(name), target.clone()));
            }
            if directory.is_bare_repository() {
                seen.insert(News::Repository(path.clone()));
            }
            if let Some(git) = &directory.git {
                let git = here.join(git);
                seen.insert(News::Repository(path.clone()));
                let parts = match repository::parts(&git, &self.root) {
                    Ok(parts) => parts,
                    Err(obstacle) => {
                        view.obstacle = Some(obstacle);
                        continue;
                    }
                };
                seen.extend(parts.modules.iter().map(|it| News::Repository(self.below(it))));
                // What stands there is run when the person goes on with it.
                let todo = git.join("rebase-merge/git-rebase-todo");
                if todo.symlink_metadata().is_ok() {
                    seen.insert(News::Obeyed(self.below(&todo)));
                }
                view.pinned.extend(parts.pinned);
                view.frozen.extend(parts.frozen);
                view.absent.extend(parts.absent);
                view.outside.extend(parts.outside);
            }
            if !directory.obeyed.is_empty() || directory.git.is_some() {
                let above = path.ancestors().filter(|it| !it.as_os_str().is_empty());
                view.pinned.extend(above.map(|it| self.root.join(it)));
            }
        }
        let at_root = self.directories.get(Path::new(""));
        for name in OBEYED {
            let there = at_root.is_some_and(|it| {
                it.obeyed.iter().any(|there| folded(&there.to_string_lossy()) == *name)
            });
            let absent = Absent::Directory(self.root.join(name));
            if !there || absent.stands() {
                view.absent.push(absent);
            }
        }
        self.freeze_targets(&mut view);
        for paths in [&mut view.hidden, &mut view.pinned, &mut view.frozen, &mut view.outside] {
            paths.sort();
            paths.dedup();
        }
        for path in &view.frozen {
            if let Ok(found) = path.symlink_metadata() {
                seen.insert(News::Changed(self.below(path), Stamp::of(&found)));
            }
        }
        if let Some(known) = self.known.replace(seen) {
            let seen = self.known.iter().flatten();
            let new = seen.filter(|it| !known.contains(it));
            view.news.extend(new.filter(|it| is_news(it, &known)).cloned());
        }
        view
    }

    /// What is frozen by its name may be a link: what it leads to is as much obeyed.
    fn freeze_targets(&self, view: &mut View) {
        let is_link = |it: &&PathBuf| it.symlink_metadata().is_ok_and(|it| it.is_symlink());
        let links: Vec<_> = view.frozen.iter().filter(is_link).cloned().collect();
        for link in links {
            let Ok(target) = link.canonicalize() else { continue };
            let is_inside = target.starts_with(&self.root) && target != self.root;
            // A repository that `.git` leads to is frozen in parts already.
            if !is_inside || view.pinned.contains(&target) {
                continue;
            }
            view.pinned.extend(way(&self.root, &link).into_iter().filter(|it| *it != link));
            view.frozen.push(target);
        }
    }

    fn below(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }

    /// Brings `directories` up to date, those near the root first.
    fn walk(&mut self, view: &mut View) {
        let now = (self.clock)();
        let mut before = std::mem::take(&mut self.directories);
        let mut left = self.most;
        let mut waiting = VecDeque::from([PathBuf::new()]);
        while let Some(path) = waiting.pop_front() {
            let directory = match self.directory(&path, before.remove(&path), now) {
                Ok(directory) => directory,
                // It has been named a moment ago.
                Err(err) if err.kind() == io::ErrorKind::NotFound => {
                    view.obstacle = Some(Obstacle::Moving);
                    continue;
                }
                Err(err) if path.as_os_str().is_empty() => {
                    view.obstacle = Some(Obstacle::Closed(self.root.clone(), plain(&err)));
                    return;
                }
                Err(_) => {
                    view.closed.push(self.root.join(path));
                    continue;
                }
            };
            // Those that wait are kept too.
            left = left.saturating_sub(directory.weight());
            waiting.extend(directory.directories.iter().map(|it| path.join(it)));
            self.directories.insert(path, directory);
            if left == 0 {
                view.obstacle = Some(Obstacle::TooLarge);
                return;
            }
        }
    }

    /// The directory at `path`, which was `known` at the last look.
    fn directory(
        &self,
        path: &Path,
        known: Option<Directory>,
        now: SystemTime,
    ) -> io::Result<Directory> {
        let found = self.root.join(path).symlink_metadata()?;
        if !found.is_dir() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let stamp = Stamp::of(&found);
        match known {
            Some(it) if it.stamp == Some(stamp) => Ok(it),
            _ => {
                let age = now.duration_since(stamp.time());
                let stamp = age.is_ok_and(|it| RACY < it).then_some(stamp);
                Ok(Directory { stamp, ..Directory::read(&self.root, path, &self.secrets)? })
            }
        }
    }

    /// Hides the suspects that are secret, and pins the way to them. What a file holds is looked
    /// at again when it has changed, or git's index has.
    fn hide(&mut self, view: &mut View) {
        let index = self.root.join(".git/index").symlink_metadata().ok().map(|it| Stamp::of(&it));
        let mut before = std::mem::take(&mut self.verdicts);
        for (path, directory) in &self.directories {
            for name in &directory.suspects {
                let path = path.join(name);
                let named = self.root.join(&path);
                // What a link of such a name leads to is what its user takes for the secret.
                let (whole, found) = match found(&named) {
                    Some(it) => it,
                    // A link may lead nowhere.
                    None if named.is_symlink() => continue,
                    None => {
                        view.obstacle.get_or_insert(Obstacle::Moving);
                        continue;
                    }
                };
                if !whole.starts_with(&self.root) || !found.is_file() {
                    continue;
                }
                let stamp = Stamp::of(&found);
                let secret = match before.remove(&path) {
                    Some((file, git, secret)) if (file, git) == (stamp, index) => secret,
                    _ => match plain_file::open(&whole) {
                        Ok(file) => self.secrets.hold(&self.root, &path, &file),
                        Err(_) => true,
                    },
                };
                if secret {
                    view.pinned.extend(way(&self.root, &named));
                    view.hidden.push(whole);
                }
                self.verdicts.insert(path, (stamp, index, secret));
            }
        }
    }
}

/// Where a path really leads, and what is there.
fn found(path: &Path) -> Option<(PathBuf, Metadata)> {
    let whole = path.canonicalize().ok()?;
    let found = whole.symlink_metadata().ok()?;
    Some((whole, found))
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            inode: found.ino(),
            length: if found.is_dir() { 0 } else { found.len() },
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    fn time(&self) -> SystemTime {
        let (seconds, nanos) = self.changed;
        let since = Duration::new(seconds.try_into().unwrap_or(0), nanos.try_into().unwrap_or(0));
        SystemTime::UNIX_EPOCH + since
    }
}

/// The time of a placeholder, which no archive and no build gives a file.
const PLACEHOLDER: (i64, i64) = (1, 618_033_900);

impl Absent {
    /// Whether what is there stands for nothing: it was put there for a command, and has both the
    /// time and the content that only such a thing has.
    pub(super) fn stands(&self) -> bool {
        let (Self::Directory(path) | Self::File(path, _)) = self;
        let Ok(found) = path.symlink_metadata() else { return false };
        if (found.mtime(), found.mtime_nsec()) != PLACEHOLDER {
            return false;
        }
        match self {
            Self::Directory(_) => {
                found.is_dir() && path.read_dir().is_ok_and(|mut it| it.next().is_none())
            }
            Self::File(_, text) => {
                let is_as_long = found.is_file() && found.len() == text.len() as u64;
                is_as_long
                    && plain_file::read(path, found.len()).is_ok_and(|it| it == text.as_bytes())
            }
        }
    }
}

/// A change is news of what was there before; what has appeared is told by another name.
fn is_news(news: &News, known: &BTreeSet<News>) -> bool {
    let News::Changed(path, _) = news else { return true };
    known.iter().any(|it| matches!(it, News::Changed(before, _) if before == path))
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(
                f,
                "the project has more than {MOST} directories, too many to look through for \
                 secrets and for what other programs obey; work in a directory below"
            ),
            Self::Closed(path, reason) => write!(
                f,
                "`{}` cannot be looked at ({reason}), so what git obeys there cannot be protected; \
                 only the user can open it again",
                path.display()
            ),
            Self::Moving => write!(
                f,
                "directories of the project are moved or removed faster than they can be looked \
                 through for secrets; stop what does that, and try again"
            ),
        }
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(path) if path.as_os_str().is_empty() => {
                write!(f, "a git repository has appeared in the project's root")
            }
            Self::Repository(path) => write!(
                f,
                "a git repository has appeared in `{}`; git obeys its settings and hooks there",
                path.display()
            ),
            Self::Closed(path) => write!(
                f,
                "`{}` cannot be looked into any more, so commands find nothing there",
                path.display()
            ),
            Self::Obeyed(path) => write!(
                f,
                "`{}` has appeared; other programs obey it, so look at it before you use them",
                path.display()
            ),
            Self::Changed(path, _) => write!(
                f,
                "`{}` has changed; other programs obey it, so look at it before you use them",
                path.display()
            ),
            Self::LeadsOut(path, target) => write!(
                f,
                "`{}` is a new link that leads out of the project, to `{}`",
                path.display(),
                target.display()
            ),
        }
    }
}

#[cfg(test)]
mod tests;
