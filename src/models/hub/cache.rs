//! The cache that all tools of the hub share: contents by their hash, and names that point to them.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

use crate::download::discard;

/// A name longer than this is refused by most file systems.
const LONGEST_NAME: usize = 255;

/// The folder of one repository.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(crate) fn of(cache: &Path, repo: &str) -> Self {
        Self { folder: cache.join(format!("models--{}", repo.replace('/', "--"))) }
    }

    /// Where a content lies.
    pub(crate) fn blob(&self, blob: &str) -> PathBuf {
        self.folder.join("blobs").join(blob)
    }

    /// Where a file of a commit lies. The path is the hub's, and may not lead elsewhere.
    pub(crate) fn file(&self, commit: &str, path: &str) -> anyhow::Result<PathBuf> {
        check_path(path)?;
        Ok(self.folder.join("snapshots").join(commit).join(path))
    }

    /// Gives a content its name. Where there are no links, the content itself goes there.
    pub(crate) fn link(&self, commit: &str, path: &str, blob: &str) -> anyhow::Result<PathBuf> {
        let (content, name) = (self.blob(blob), self.file(commit, path)?);
        let is_there = name.canonicalize().ok().zip(content.canonicalize().ok());
        if is_there.is_some_and(|(a, b)| a == b) {
            return Ok(name);
        }
        let folder = name.parent().expect("a file is in a folder");
        let cannot = || format!("cannot make `{}`", name.display());
        std::fs::create_dir_all(folder).with_context(cannot)?;
        // One step up for each folder between, and two out of `snapshots/COMMIT`.
        let steps = 2 + path.matches('/').count();
        let target = PathBuf::from("../".repeat(steps)).join("blobs").join(blob);
        let draft = draft_of(&name);
        match std::os::unix::fs::symlink(&target, &draft) {
            Ok(()) => std::fs::rename(&draft, &name).with_context(cannot)?,
            Err(err) if has_no_links(&err) => {
                std::fs::rename(&content, &name).with_context(cannot)?;
            }
            Err(err) => return Err(err).with_context(cannot),
        }
        Ok(name)
    }

    /// Puts down which commit a revision is at.
    pub(crate) fn point(&self, revision: &str, commit: &str) -> anyhow::Result<()> {
        let path = self.folder.join("refs").join(revision);
        let cannot = || format!("cannot write `{}`", path.display());
        if std::fs::read_to_string(&path).is_ok_and(|it| it == commit) {
            return Ok(());
        }
        std::fs::create_dir_all(path.parent().expect("it is in `refs`")).with_context(cannot)?;
        let draft = draft_of(&path);
        let written = File::create_new(&draft).and_then(|mut it| it.write_all(commit.as_bytes()));
        written.and_then(|()| std::fs::rename(&draft, &path)).with_context(cannot)
    }

    /// Removes what has come of files that are not whole. How many bytes that frees, and whether some
    /// are left because they are being fetched.
    pub(crate) fn clean(&self) -> anyhow::Result<Cleaned> {
        let mut cleaned = Cleaned::default();
        let Ok(blobs) = self.folder.join("blobs").read_dir() else { return Ok(cleaned) };
        for blob in blobs.flatten() {
            let path = blob.path();
            if path.extension().is_some_and(|it| it == "partial") {
                match discard(&path.with_extension(""))? {
                    Some(freed) => {
                        cleaned.files += 1;
                        cleaned.bytes += freed;
                    }
                    None => cleaned.busy += 1,
                }
            }
        }
        Ok(cleaned)
    }

    /// All repositories of a cache.
    pub(crate) fn all(cache: &Path) -> Vec<Self> {
        let Ok(folders) = cache.read_dir() else { return Vec::new() };
        let is_one = |it: &PathBuf| {
            it.file_name().is_some_and(|it| it.as_encoded_bytes().starts_with(b"models--"))
        };
        let folders = folders.flatten().map(|it| it.path()).filter(is_one);
        folders.map(|folder| Self { folder }).collect()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cleaned {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
    /// What another process is fetching.
    pub(crate) busy: usize,
}

/// A name that nobody else takes: two pulls that end together do not meet.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}-{:08x}.partial", std::process::id(), fastrand::u32(..)));
    PathBuf::from(name)
}

fn has_no_links(err: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(err.kind(), Kind::PermissionDenied | Kind::Unsupported)
}

/// Whether what the hub calls a content is a hash; its file has that name.
pub(crate) fn check_blob(blob: &str) -> anyhow::Result<()> {
    // Git's hash of a small file, or the sha256 of a large one.
    if !matches!(blob.len(), 40 | 64) || !blob.bytes().all(|it| it.is_ascii_hexdigit()) {
        bail!("the hub calls a content `{blob}`, which is no hash");
    }
    Ok(())
}

/// Whether a name from the hub can be a name here, and only beneath where it belongs.
pub(crate) fn check_path(path: &str) -> anyhow::Result<()> {
    let parts: Vec<_> = Path::new(path).components().collect();
    let is_plain = parts.iter().all(|it| matches!(it, Component::Normal(_)));
    let is_spelt_out = parts.len() == path.split('/').count();
    let is_clean = !path.chars().any(|it| it.is_control() || it == '\\' || it == ':');
    if path.is_empty() || !is_plain || !is_spelt_out || !is_clean {
        bail!("the hub names a file `{path}`, which is not a name that is used here");
    }
    if path.split('/').any(|it| LONGEST_NAME < it.len()) {
        bail!("the hub names a file with more than {LONGEST_NAME} bytes, which is too long");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let long = "x".repeat(300);
        for path in [
            "",
            "../x",
            "a/../../x",
            "/etc/passwd",
            "a//b",
            "./a",
            "a/.",
            "a\0",
            "a\nb",
            "a\\b",
            "C:x",
            &long,
            "a/",
        ] {
            assert!(check_path(path).is_err(), "{path:?}");
        }
        for path in ["a.gguf", "BF16/a.gguf", "con", "a..b", "ä ö.gguf"] {
            assert!(check_path(path).is_ok(), "{path:?}");
        }
    }

    #[test]
    fn a_content_is_called_by_its_hash() {
        for blob in ["", "x", "../../../etc", "z".repeat(64).as_str(), "a/b"] {
            assert!(check_blob(blob).is_err(), "{blob:?}");
        }
        for length in [40, 64] {
            assert!(check_blob(&"0a".repeat(length / 2)).is_ok());
        }
    }

    #[test]
    fn pulls_that_end_together_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::of(dir.path(), "org/repo");
        std::fs::create_dir_all(cache.blob("x").parent().unwrap()).unwrap();
        std::fs::write(cache.blob("x"), "content").unwrap();
        let (barrier, all) = (Barrier::new(4), AtomicBool::new(true));
        std::thread::scope(|it| {
            for _ in 0..4 {
                it.spawn(|| {
                    for round in 0..200 {
                        let path = format!("{round}.gguf");
                        barrier.wait();
                        let linked = cache.link(COMMIT, &path, "x").is_ok();
                        let pointed = cache.point(&path, COMMIT).is_ok();
                        all.fetch_and(linked && pointed, Ordering::Relaxed);
                    }
                });
            }
        });
        let links = cache.file(COMMIT, "x").unwrap().parent().unwrap().read_dir().unwrap();
        assert!(all.into_inner());
        assert_eq!(links.count(), 200, "no draft is left");
    }

    #[test]
    fn a_name_is_a_link_that_survives_a_move_of_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::of(&dir.path().join("a"), "org/repo");
        std::fs::create_dir_all(cache.blob("x").parent().unwrap()).unwrap();
        std::fs::write(cache.blob("x"), "content").unwrap();
        for path in ["m.gguf", "deep/er/m.gguf"] {
            let name = cache.link(COMMIT, path, "x").unwrap();
            assert_eq!(std::fs::read_to_string(&name).unwrap(), "content");
            assert_eq!(cache.link(COMMIT, path, "x").unwrap(), name);
        }
        cache.point("main", COMMIT).unwrap();
        std::fs::rename(dir.path().join("a"), dir.path().join("b")).unwrap();
        let moved = dir.path().join("b/models--org--repo");
        let name = moved.join("snapshots").join(COMMIT).join("deep/er/m.gguf");
        assert_eq!(std::fs::read_to_string(name).unwrap(), "content");
        assert_eq!(std::fs::read_to_string(moved.join("refs/main")).unwrap(), COMMIT);
    }

    #[test]
    fn what_is_not_whole_can_be_cleared_away() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::of(dir.path(), "org/repo");
        std::fs::create_dir_all(cache.blob("x").parent().unwrap()).unwrap();
        for name in ["x", "y.partial", "y.partial.journal", "z.incomplete"] {
            std::fs::write(cache.blob(name), "").unwrap();
        }
        let cleaned = cache.clean().unwrap();
        assert_eq!((cleaned.files, cleaned.busy), (1, 0));
        let left = cache.blob("x").parent().unwrap().read_dir().unwrap().count();
        assert_eq!(left, 2, "what others have begun is theirs");
        assert_eq!(Cache::all(dir.path()), [cache]);
    }
}
