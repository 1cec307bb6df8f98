//! What the files of a project hold, so that it can be told what a command has changed.
//!
//! A file is read again only when something about it says that it may have changed: times, size,
//! which file it is. A time that is too recent to tell two changes apart is not trusted. As long as
//! no directory has changed, nor what is ignored, the same files are there, and none is looked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use crate::workspace::history::MODE;
use crate::workspace::history::digest::{Digest, Image};
use crate::workspace::history::link::{self, Target};
use crate::workspace::history::record::{Changes, Name, Touch};
use crate::workspace::root::Root;
use crate::workspace::{ProjectPath, walk};

/// A project with more is not watched: to look at it would cost a command more than it is worth.
pub(super) const MOST_FILES: usize = 5_000;
pub(super) const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// A larger file is not kept.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Two changes that lie closer together may have the same time.
const TICK: Duration = Duration::from_millis(20);

#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    files: BTreeMap<ProjectPath, Seen>,
    folders: BTreeMap<ProjectPath, Listed>,
    links: BTreeMap<ProjectPath, Target>,
    /// When it began, by the clock of the file system.
    at: Duration,
}

#[derive(Clone, Debug)]
struct Seen {
    stamp: Stamp,
    /// If it is changed again, the stamp will be another one.
    settled: bool,
    /// `None` if it is too large to be kept, or cannot be read.
    image: Option<Image>,
}

/// A directory whose entries are known.
#[derive(Clone, Debug)]
struct Listed {
    stamp: Stamp,
    /// If an entry comes or goes, the stamp will be another one.
    settled: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    mode: u32,
    links: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What there is, before any file is looked into.
struct Listing {
    files: Vec<(ProjectPath, Stamp)>,
    folders: BTreeMap<ProjectPath, Listed>,
    links: BTreeMap<ProjectPath, Target>,
}

/// Why there is no survey.
#[derive(Debug)]
pub(super) enum Unseen {
    TooMuch,
    Failed(io::Error),
}

impl From<io::Error> for Unseen {
    fn from(err: io::Error) -> Self {
        Self::Failed(err)
    }
}

impl From<&Metadata> for Stamp {
    fn from(it: &Metadata) -> Self {
        Self {
            file: (it.dev(), it.ino()),
            size: it.len(),
            mode: it.mode() & MODE,
            links: it.nlink(),
            modified: (it.mtime(), it.mtime_nsec()),
            changed: (it.ctime(), it.ctime_nsec()),
        }
    }
}

impl Stamp {
    /// Whether it is old enough, at the time `now`, to show each change from now on.
    fn is_settled(&self, now: Duration) -> bool {
        self.changed() + TICK < now
    }

    fn changed(&self) -> Duration {
        let (seconds, nanoseconds) = self.changed;
        Duration::new(seconds.try_into().unwrap_or(0), nanoseconds.try_into().unwrap_or(0))
    }
}

impl Survey {
    /// Looks at all that git would show. What is not in `known`, or not as it is there, is given to
    /// `keep`. `now` is the time of the file system.
    pub(super) fn look(
        root: &Root,
        known: &Self,
        now: Duration,
        keep: &mut dyn FnMut(&[u8]) -> io::Result<Digest>,
    ) -> Result<Self, Unseen> {
        let Listing { files: shown, folders, links } = match known.listed_again(root) {
            Some(files) => {
                let (folders, links) = (known.folders.clone(), known.links.clone());
                Listing { files, folders, links }
            }
            None => list(root, now)?,
        };
        if MOST_BYTES < shown.iter().map(|(_, it)| it.size).filter(|it| *it <= LARGEST).sum() {
            return Err(Unseen::TooMuch);
        }
        let mut files = BTreeMap::new();
        for (path, stamp) in shown {
            let same = known.files.get(&path).filter(|it| it.settled && it.stamp == stamp);
            let seen = match same {
                Some(seen) => seen.clone(),
                None => {
                    let settled = stamp.is_settled(now);
                    Seen { image: read(root, &path, &stamp, keep)?, stamp, settled }
                }
            };
            files.insert(path, seen);
        }
        Ok(Self { files, folders, links, at: now })
    }

    /// The same files as they are now; `None` if others may have come or gone.
    fn listed_again(&self, root: &Root) -> Option<Vec<(ProjectPath, Stamp)>> {
        let now = |path: &ProjectPath| {
            let metadata = std::fs::symlink_metadata(root.path().join(path.as_path()));
            metadata.ok().map(|it| Stamp::from(&it))
        };
        let same =
            |path, listed: &Listed| listed.settled && now(path).as_ref() == Some(&listed.stamp);
        if self.folders.is_empty() || !self.folders.iter().all(|(path, it)| same(path, it)) {
            return None;
        }
        let file = |(path, seen): (&ProjectPath, &Seen)| {
            let stamp = now(path)?;
            let shows_more = ignores(path) && stamp != seen.stamp;
            (!shows_more).then(|| (path.clone(), stamp))
        };
        self.files.iter().map(file).collect()
    }

    /// Takes in what we have changed ourselves.
    pub(super) fn expect(&mut self, touch: &Touch) {
        let path = touch.path.0.clone();
        match touch.after {
            None => drop(self.files.remove(&path)),
            Some(image) => {
                let seen = Seen { stamp: Stamp::default(), settled: false, image: Some(image) };
                self.files.insert(path, seen);
            }
        }
    }

    /// What has changed since, and files that have but of which nothing was kept.
    pub(super) fn changes(&self, now: &Self) -> (Changes, Vec<ProjectPath>) {
        let (mut changes, mut unkept) = (Changes::default(), Vec::new());
        let all: BTreeSet<_> = self.files.keys().chain(now.files.keys()).collect();
        let mut made = Vec::new();
        for path in all {
            let (before, after) = (self.files.get(path), now.files.get(path));
            let is_kept = |it: Option<&Seen>| it.is_none_or(|it| it.image.is_some());
            if !is_kept(before) || !is_kept(after) {
                if before.map(|it| &it.stamp) != after.map(|it| &it.stamp) {
                    unkept.push(path.clone());
                }
                continue;
            }
            let image = |it: Option<&Seen>| it.and_then(|it| it.image);
            let links = after.map_or(1, |it| it.stamp.links.max(1));
            let touch = Touch {
                path: Name(path.clone()),
                before: image(before),
                after: image(after),
                links,
            };
            match (touch.before, touch.after) {
                (before, after) if is_same(before, after) => {}
                (None, _) => made.push((touch, after)),
                _ => changes.files.push(touch),
            }
        }
        // A file that is shown now and was not may have been there all the while, ignored.
        let shows_more = changes.files.iter().any(|it| ignores(&it.path.0));
        for (touch, after) in made {
            let is_new = after.is_some_and(|it| self.at <= it.stamp.changed() + TICK);
            match is_new && !shows_more {
                true => changes.files.push(touch),
                false => unkept.push(touch.path.0),
            }
        }
        changes.files.sort_by(|a, b| a.path.cmp(&b.path));
        // One that is shown now and was not may have been there all the while, too.
        changes.links = link::differences(&self.links, &now.links);
        if shows_more {
            changes.links.retain(|it| it.before.is_some());
        }
        let is_new = |it: &&ProjectPath| !self.folders.contains_key(*it);
        changes.folders = now.folders.keys().filter(is_new).cloned().map(Name).collect();
        (changes, unkept)
    }
}

/// What git would show.
fn list(root: &Root, now: Duration) -> Result<Listing, Unseen> {
    let shown = walk::files(root, MOST_FILES).ok_or(Unseen::TooMuch)?;
    let listed = |(path, it): &(ProjectPath, Metadata)| {
        let stamp = Stamp::from(it);
        (path.clone(), Listed { settled: stamp.is_settled(now), stamp })
    };
    let folders = shown.folders.iter().map(listed).collect();
    let files = shown.files.into_iter().map(|(path, it)| (path, Stamp::from(&it))).collect();
    let link = |path: ProjectPath| root.read_link(&path).map(|it| (path, Target(it)));
    let links = shown.links.into_iter().filter_map(link).collect();
    Ok(Listing { files, folders, links })
}

/// Whether a file says what else is shown.
fn ignores(path: &ProjectPath) -> bool {
    let name = path.as_path().file_name().unwrap_or_default();
    name == ".gitignore" || name == ".ignore"
}

/// A mode that is not known is no difference.
fn is_same(before: Option<Image>, after: Option<Image>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => {
            let modes = before.mode.zip(after.mode);
            before.digest == after.digest && modes.is_none_or(|(before, after)| before == after)
        }
        (before, after) => before == after,
    }
}

fn read(
    root: &Root,
    path: &ProjectPath,
    stamp: &Stamp,
    keep: &mut dyn FnMut(&[u8]) -> io::Result<Digest>,
) -> io::Result<Option<Image>> {
    if LARGEST < stamp.size {
        return Ok(None);
    }
    let Ok(file) = root.open_file_exactly(path) else { return Ok(None) };
    let mut bytes = Vec::with_capacity(stamp.size as usize);
    if file.take(LARGEST + 1).read_to_end(&mut bytes).is_err() || LARGEST < bytes.len() as u64 {
        return Ok(None);
    }
    Ok(Some(Image { digest: keep(&bytes)?, mode: Some(stamp.mode) }))
}
