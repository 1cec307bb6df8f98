//! What a server has read of a session, kept in a file from one server to the next.
//!
//! The server writes and reads the file; what is in it holds only for the same model, read by the
//! same program in the same way. So all of that is in its name.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::llama::{Options, private};

/// Where such files are, and how much of the disk they may take in all.
#[derive(Clone, Debug)]
pub(crate) struct Attic {
    pub(crate) directory: PathBuf,
    pub(crate) most: u64,
}

/// The file of one session.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) attic: Attic,
    name: String,
}

impl Attic {
    /// Whether anything of a server with these options is to be kept there, and can be.
    pub(crate) fn is_open_for(&self, options: &Options) -> bool {
        // With several conversations at a time, which one is this?
        let is_wanted = 0 < self.most && options.slots == 1;
        is_wanted && private::make_dir(&self.directory).is_ok()
    }

    /// The file for what `program` reads of a session with this model. `None` where nothing is to be
    /// kept, or where nothing can be.
    pub(crate) fn of(
        self,
        session: &str,
        (program, model): (&Path, &Path),
        options: &Options,
    ) -> Option<Kept> {
        if !self.is_open_for(options) {
            return None;
        }
        let fingerprint = fingerprint(program, model, options).ok()?;
        Some(Kept { name: format!("{session}.{fingerprint}"), attic: self })
    }

    /// Removes what was kept of a session.
    pub(crate) fn forget(&self, session: &str) {
        for (path, _) in self.files() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.split('.').next() == Some(session) {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// What was kept of a session is kept of its copy, too, which begins with the same words.
    pub(crate) fn lend(&self, session: &str, copy: &str) {
        for (path, _) in self.files() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if let Some((owner, rest)) = name.split_once('.')
                && owner == session
                && !rest.ends_with(".part")
            {
                // Files are replaced, never written to, so two names of one are as good as two files.
                let _ = fs::hard_link(&path, self.directory.join(format!("{copy}.{rest}")));
            }
        }
    }

    /// Removes the oldest until the rest may stay.
    fn clear(&self) {
        let mut files = self.files();
        files.sort_by_key(|(_, it)| {
            std::cmp::Reverse(it.modified().unwrap_or(SystemTime::UNIX_EPOCH))
        });
        let (mut total, mut seen) = (0, HashSet::new());
        for (path, file) in files {
            // A copy of a session has the same file by another name.
            if seen.insert((file.dev(), file.ino())) {
                total += file.len();
            }
            if self.most < total {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn files(&self) -> Vec<(PathBuf, fs::Metadata)> {
        let all = self.directory.read_dir().into_iter().flatten().flatten();
        let files = all.filter_map(|it| Some((it.path(), it.metadata().ok()?)));
        files.filter(|(_, it)| it.is_file()).collect()
    }
}

impl Kept {
    /// What the server calls it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_there(&self) -> bool {
        self.path().is_file()
    }

    /// What the server calls it until all of it is written.
    pub(crate) fn draft(&self) -> String {
        format!("{}.{}.part", self.name, std::process::id())
    }

    /// How much of the draft is written.
    pub(crate) fn written(&self) -> u64 {
        self.draft_path().metadata().map_or(0, |it| it.len())
    }

    /// The draft is whole: it takes the place of what was kept before, and older ones make room.
    pub(crate) fn finish(&self) -> io::Result<()> {
        fs::set_permissions(self.draft_path(), fs::Permissions::from_mode(0o600))?;
        fs::rename(self.draft_path(), self.path())?;
        self.attic.clear();
        Ok(())
    }

    /// Nothing comes of the draft.
    pub(crate) fn give_up(&self) {
        let _ = fs::remove_file(self.draft_path());
    }

    /// It turned out to be of no use.
    pub(crate) fn discard(&self) {
        let _ = fs::remove_file(self.path());
    }

    fn path(&self) -> PathBuf {
        self.attic.directory.join(&self.name)
    }

    fn draft_path(&self) -> PathBuf {
        self.attic.directory.join(self.draft())
    }
}

/// Differs wherever what was read might differ.
fn fingerprint(program: &Path, model: &Path, options: &Options) -> io::Result<String> {
    let mut hash = Sha256::new();
    for path in [program, model] {
        let path = path.canonicalize()?;
        let found = path.metadata()?;
        let (length, inode) = (found.len(), found.ino());
        let modified = (found.mtime(), found.mtime_nsec());
        hash.update(format!("{path:?} {length} {inode} {modified:?}\n"));
    }
    // What is not about reading does not matter, and the rest may.
    let (port, program, keep_gigabytes, keep_seconds) = Default::default();
    let how = Options { port, program, keep_gigabytes, keep_seconds, ..options.clone() };
    hash.update(format!("{how:?}"));
    let hash = hash.finalize();
    Ok(hash.iter().take(8).map(|it| format!("{it:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Place {
        dir: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("program"), "program").unwrap();
            fs::write(dir.path().join("model"), "model").unwrap();
            Self { dir }
        }

        fn kept(&self, session: &str, options: &str) -> Option<Kept> {
            let options: Options = toml::from_str(options).unwrap();
            let (program, model) = (self.dir.path().join("program"), self.dir.path().join("model"));
            self.attic().of(session, (&program, &model), &options)
        }

        fn attic(&self) -> Attic {
            Attic { directory: self.dir.path().join("attic"), most: 25 }
        }

        /// Has a server keep so many bytes, so many seconds after the first of all times.
        fn keep(&self, session: &str, bytes: usize, time: u64) {
            let kept = self.kept(session, "").unwrap();
            fs::write(kept.draft_path(), vec![0; bytes]).unwrap();
            let file = fs::File::options().write(true).open(kept.draft_path()).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(time)).unwrap();
            kept.finish().unwrap();
        }

        fn sessions(&self) -> Vec<String> {
            let name = |(path, _): (PathBuf, _)| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                name.split('.').next().unwrap().to_owned()
            };
            let mut names: Vec<_> = self.attic().files().into_iter().map(name).collect();
            names.sort();
            names
        }
    }

    #[test]
    fn what_is_read_in_another_way_is_kept_by_another_name() {
        let place = Place::new();
        let name = |options| place.kept("a", options).unwrap().name;
        let first = name("");
        assert_eq!(first, name("port = 80"));
        assert_ne!(first, name("cache_type = 'q8_0'"));
        assert_ne!(first, name("args = ['--lora', 'x']"));
        fs::write(place.dir.path().join("model"), "another model").unwrap();
        assert_ne!(first, name(""));
    }

    #[test]
    fn nothing_is_kept_of_one_conversation_among_several() {
        let place = Place::new();
        assert!(place.kept("a", "slots = 2").is_none());
        assert!(place.kept("a", "slots = 1").is_some());
    }

    #[test]
    fn the_oldest_makes_room() {
        let place = Place::new();
        place.keep("a", 10, 1);
        place.keep("b", 10, 2);
        assert_eq!(place.sessions(), ["a", "b"]);
        place.keep("c", 10, 3);
        assert_eq!(place.sessions(), ["b", "c"]);
        place.keep("d", 26, 4);
        assert_eq!(place.sessions(), [""; 0]);
    }

    #[test]
    fn it_is_for_our_eyes_only_and_goes_with_its_session() {
        let place = Place::new();
        place.keep("a", 1, 1);
        place.keep("ab", 1, 2);
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        let kept = place.kept("a", "").unwrap();
        assert_eq!((mode(&kept.path()), mode(&kept.attic.directory)), (0o600, 0o700));
        place.attic().forget("a");
        assert_eq!(place.sessions(), ["ab"]);
    }

    #[test]
    fn a_copy_has_what_was_kept_of_the_session() {
        let place = Place::new();
        place.keep("a", 5, 1);
        place.attic().lend("a", "copy");
        assert!(place.kept("copy", "").unwrap().is_there());
        place.attic().forget("a");
        assert_eq!(place.sessions(), ["copy"]);
    }

    #[test]
    fn a_draft_is_not_what_was_kept() {
        let place = Place::new();
        let kept = place.kept("a", "").unwrap();
        fs::write(kept.draft_path(), "half").unwrap();
        assert_eq!((kept.is_there(), kept.written()), (false, 4));
        kept.give_up();
        assert_eq!(kept.written(), 0);
    }
}
