//! The engines that are installed, each in a folder of its own, and which of them is used.
//!
//! ```text
//! engine/lock             whoever changes something here holds it
//! engine/downloads/       archives on their way
//! engine/b11669-vulkan/   version.json, and what was unpacked
//! engine/current          a link to the one that is used
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail, ensure};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::llama::engine::asset::{Backend, build_of};
use crate::llama::private;

/// Where engines are kept.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    root: PathBuf,
}

/// One that is there, whole and tested.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Installed {
    pub(crate) folder: PathBuf,
    pub(crate) version: Version,
}

/// What `version.json` says.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Version {
    /// The number of the build, as in `b11669`.
    pub(crate) build: u32,
    pub(crate) backend: Backend,
    /// Where in the folder its llama-server is.
    pub(crate) program: PathBuf,
    /// What it was unpacked from.
    pub(crate) assets: Vec<Asset>,
    /// Seconds since 1970.
    pub(crate) installed_at: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Asset {
    pub(crate) name: String,
    pub(crate) url: String,
    /// The sha256 that was promised and held; none if none was promised.
    pub(crate) digest: Option<String>,
}

/// Nobody else changes the store as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Somebody works with an engine, which is not removed as long as this lives.
#[derive(Debug)]
pub(crate) struct Hold {
    _file: File,
}

/// Nobody works with an engine as long as this lives.
#[derive(Debug)]
pub(super) struct Alone {
    _file: File,
}

const CURRENT: &str = "current";
const VERSION: &str = "version.json";
const DRAFT: &str = ".new-";

impl Version {
    /// What a person calls it.
    pub(crate) fn name(&self) -> String {
        format!("b{}-{}", self.build, self.backend)
    }
}

impl Installed {
    pub(crate) fn program(&self) -> PathBuf {
        self.folder.join(&self.version.program)
    }

    /// `None` if it is gone. Waits for who is just about to remove it, or looks whether that can be.
    pub(crate) fn hold(&self) -> Option<Hold> {
        let path = self.folder.join(VERSION);
        loop {
            let file = File::open(&path).ok()?;
            file.lock_shared().ok()?;
            // Another of this name may have come instead.
            let (ours, there) = (file.metadata().ok()?, path.metadata().ok()?);
            if (ours.dev(), ours.ino()) == (there.dev(), there.ino()) {
                return Some(Hold { _file: file });
            }
        }
    }

    /// Nobody works with it, nor begins to as long as the answer lives; an error if somebody does.
    pub(super) fn alone(&self) -> anyhow::Result<Alone> {
        let name = self.version.name();
        let doing = || format!("cannot lock `{name}`");
        let file = File::open(self.folder.join(VERSION)).with_context(doing)?;
        match file.try_lock() {
            Ok(()) => Ok(Alone { _file: file }),
            Err(TryLockError::WouldBlock) => bail!(
                "`{name}` is in use by an agent or its server\nhint: end it first; `agent server stop` ends the server"
            ),
            Err(TryLockError::Error(err)) => Err(err).with_context(doing),
        }
    }

    /// What is in `folder`, if it is an engine of ours.
    fn read(folder: PathBuf) -> Option<Self> {
        let text = std::fs::read_to_string(folder.join(VERSION)).ok()?;
        let version: Version = serde_json::from_str(&text).ok()?;
        let is_within = version.program.components().all(|it| matches!(it, Component::Normal(_)));
        let it = Self { folder, version };
        (is_within && it.program().is_file()).then_some(it)
    }
}

impl Store {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn downloads(&self) -> PathBuf {
        self.root.join("downloads")
    }

    /// All that are there, the newest build first.
    pub(crate) fn list(&self) -> Vec<Installed> {
        let entries = std::fs::read_dir(&self.root).into_iter().flatten().flatten();
        let named = entries.filter(|it| {
            let name = it.file_name();
            name.to_str()
                .is_some_and(|it| build_of(it.split('-').next().unwrap_or_default()).is_some())
        });
        let mut found: Vec<_> = named.filter_map(|it| Installed::read(it.path())).collect();
        found.sort_by_key(|it| std::cmp::Reverse((it.version.build, it.version.installed_at)));
        found
    }

    /// The one that is used.
    pub(crate) fn current(&self) -> Option<Installed> {
        let target = std::fs::read_link(self.root.join(CURRENT)).ok()?;
        let mut parts = target.components();
        let (Some(Component::Normal(name)), None) = (parts.next(), parts.next()) else {
            return None;
        };
        Installed::read(self.root.join(name))
    }

    /// The one a person means: `b11669-vulkan`, or the start of a name that only one has.
    pub(crate) fn find(&self, name: &str) -> anyhow::Result<Installed> {
        let all = self.list();
        if let Some(it) = all.iter().find(|it| it.version.name() == name) {
            return Ok(it.clone());
        }
        let names = |of: &[&Installed]| {
            of.iter().map(|it| format!("`{}`", it.version.name())).collect::<Vec<_>>().join(", ")
        };
        let build = build_of(name);
        let meant = |it: &&Installed| match build {
            Some(build) => it.version.build == build,
            None => it.version.backend.name() == name,
        };
        let meant: Vec<_> = all.iter().filter(meant).collect();
        match (&meant[..], all.is_empty()) {
            ([it], _) => Ok((*it).clone()),
            ([], true) => bail!("no engine is installed\nhint: agent engine install"),
            ([], false) => bail!(
                "no engine `{name}` is installed\nhint: there is {}; `agent engine install --version {name}` may have it",
                names(&all.iter().collect::<Vec<_>>())
            ),
            (several, _) => bail!("`{name}` may mean {}", names(several)),
        }
    }

    /// Has this one be used from now on; at no moment there is none.
    pub(crate) fn turn_to(&self, _: &Lock, it: &Installed) -> anyhow::Result<()> {
        let doing = || format!("cannot turn to `{}`", it.version.name());
        let name = it.folder.file_name().with_context(doing)?;
        let draft = self.root.join(format!("{DRAFT}{CURRENT}"));
        let _ = std::fs::remove_file(&draft);
        std::os::unix::fs::symlink(name, &draft).with_context(doing)?;
        std::fs::rename(&draft, self.root.join(CURRENT)).with_context(doing)?;
        sync(&self.root);
        Ok(())
    }

    /// Has none of them be used.
    pub(crate) fn turn_away(&self, _: &Lock) -> anyhow::Result<()> {
        match std::fs::remove_file(self.root.join(CURRENT)) {
            Err(err) if err.kind() != ErrorKind::NotFound => {
                Err(err).context("cannot turn away from the engine")
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn remove(&self, lock: &Lock, it: &Installed) -> anyhow::Result<()> {
        let alone = it.alone()?;
        self.take_away(lock, it, &alone)
    }

    fn take_away(&self, lock: &Lock, it: &Installed, _: &Alone) -> anyhow::Result<()> {
        if self.current().is_some_and(|current| current.folder == it.folder) {
            self.turn_away(lock)?;
        }
        let name = it.version.name();
        // Under another name first: what is half removed is no engine.
        let away = self.root.join(format!("{DRAFT}gone-{name}"));
        let _ = std::fs::remove_dir_all(&away);
        std::fs::rename(&it.folder, &away)
            .and_then(|()| std::fs::remove_dir_all(&away))
            .with_context(|| format!("cannot remove `{name}`"))
    }

    /// Takes the lock. Tells the one who waits, by `None`, that somebody else has it.
    pub(crate) fn lock(&self) -> anyhow::Result<Option<Lock>> {
        private::make_dir(&self.root)?;
        let path = self.root.join("lock");
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32)
            .open(&path);
        let file = open.with_context(|| format!("cannot open `{}`", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(err)) => {
                Err(err).with_context(|| format!("cannot lock `{}`", path.display()))
            }
        }
    }

    /// A new folder beside the engines, without what others have left half done.
    pub(crate) fn draft(&self, _: &Lock) -> anyhow::Result<PathBuf> {
        self.restore();
        for entry in std::fs::read_dir(&self.root).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(DRAFT) {
                let _ = std::fs::remove_dir_all(entry.path());
                let _ = std::fs::remove_file(entry.path());
            }
        }
        let folder = self.root.join(format!("{DRAFT}engine"));
        private::make_dir(&folder)?;
        Ok(folder)
    }

    /// Where a system cannot exchange two folders, there is a moment without either: who was killed in it has left
    /// the old one.
    fn restore(&self) {
        if let Some(old) = Installed::read(self.old()) {
            let folder = self.root.join(old.version.name());
            if folder.symlink_metadata().is_err() {
                let _ = std::fs::rename(&old.folder, folder);
            }
        }
    }

    fn old(&self) -> PathBuf {
        self.root.join(format!("{DRAFT}old"))
    }

    /// Makes a draft an engine like others; one of the same name makes room, unless somebody works with it.
    pub(crate) fn keep(
        &self,
        _: &Lock,
        draft: &Path,
        version: Version,
    ) -> anyhow::Result<Installed> {
        let name = version.name();
        let doing = || format!("cannot keep the engine `{name}`");
        let text = serde_json::to_string_pretty(&version)? + "\n";
        std::fs::write(draft.join(VERSION), text).with_context(doing)?;
        sync_all(draft).with_context(doing)?;
        let folder = self.root.join(&name);
        let there = Installed::read(folder.clone());
        let _alone = there.map(|it| it.alone()).transpose()?;
        let old = self.old();
        if exchange(draft, &folder).is_ok() {
            let _ = std::fs::rename(draft, &old);
        } else {
            match std::fs::rename(&folder, &old) {
                Err(err) if err.kind() != ErrorKind::NotFound => {
                    return Err(err).with_context(doing);
                }
                _ => {}
            }
            std::fs::rename(draft, &folder).with_context(doing)?;
        }
        sync(&self.root);
        let _ = std::fs::remove_dir_all(&old);
        Installed::read(folder).with_context(doing)
    }

    /// Removes all but the one that is used and the newest beside it, to which one can go back, and those that
    /// somebody still works with.
    pub(crate) fn prune(&self, lock: &Lock) -> anyhow::Result<Vec<Installed>> {
        let current = self.current();
        let mut others = self.list();
        others.retain(|it| current.as_ref().is_none_or(|current| current.folder != it.folder));
        others.sort_by_key(|it| std::cmp::Reverse(it.version.installed_at));
        let mut gone = Vec::new();
        for it in others.into_iter().skip(1) {
            if let Ok(alone) = it.alone() {
                self.take_away(lock, &it, &alone)?;
                gone.push(it);
            }
        }
        Ok(gone)
    }
}

/// At no moment there is neither. Not every system or file system can.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(one: &Path, other: &Path) -> rustix::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_: &Path, _: &Path) -> rustix::io::Result<()> {
    Err(rustix::io::Errno::NOSYS)
}

/// The llama-server in a folder that was unpacked, as a path from there.
pub(super) fn program_in(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .max_depth(4)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|it| it.file_name() == "llama-server" && it.file_type().is_file())
        .filter_map(|it| it.path().strip_prefix(folder).ok().map(Path::to_owned))
        .collect();
    found.sort_by_key(|it| it.components().count());
    ensure!(!found.is_empty(), "there is no `llama-server` in it");
    Ok(found.remove(0))
}

/// On disk before its name is: what a power cut leaves is an engine or nothing.
fn sync_all(folder: &Path) -> std::io::Result<()> {
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.map_err(std::io::Error::other)?;
        if !entry.file_type().is_symlink() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    Ok(())
}

/// A name that is not synced is written anew by the next install.
fn sync(folder: &Path) {
    let _ = File::open(folder).and_then(|it| it.sync_all());
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    struct Place {
        _temp: tempfile::TempDir,
        store: Store,
        lock: Lock,
    }

    impl Place {
        fn new() -> Self {
            let temp = tempfile::tempdir().unwrap();
            let store = Store::new(temp.path().join("engine"));
            let lock = store.lock().unwrap().unwrap();
            Self { _temp: temp, store, lock }
        }

        fn add(&self, build: u32, backend: Backend) -> Installed {
            let it = self.keep(build, backend).unwrap();
            self.store.turn_to(&self.lock, &it).unwrap();
            it
        }

        fn keep(&self, build: u32, backend: Backend) -> anyhow::Result<Installed> {
            let draft = self.store.draft(&self.lock).unwrap();
            std::fs::create_dir(draft.join("llama")).unwrap();
            std::fs::write(draft.join("llama/llama-server"), "").unwrap();
            let version = Version {
                build,
                backend,
                program: program_in(&draft).unwrap(),
                assets: Vec::new(),
                installed_at: build.into(),
            };
            self.store.keep(&self.lock, &draft, version)
        }

        #[track_caller]
        fn check(&self, expected: Expect) {
            let current = self.store.current();
            let lines = self.store.list().into_iter().map(|it| {
                let mark = if Some(&it) == current.as_ref() { "* " } else { "" };
                format!("{mark}{}\n", it.version.name())
            });
            expected.assert_eq(&lines.collect::<String>());
        }

        #[track_caller]
        fn check_find(&self, name: &str, expected: Expect) {
            let found = self.store.find(name);
            expected.assert_eq(&found.map_or_else(|err| err.to_string(), |it| it.version.name()));
        }
    }

    #[test]
    fn the_one_that_is_used_and_the_one_before_are_kept() {
        let place = Place::new();
        for build in [1, 2, 3] {
            place.add(build, Backend::Cpu);
        }
        let gone = place.store.prune(&place.lock).unwrap();
        assert_eq!(gone.len(), 1);
        place.check(expect![[r#"
            * b3-cpu
            b2-cpu
        "#]]);
        let two = place.store.find("b2").unwrap();
        place.store.turn_to(&place.lock, &two).unwrap();
        assert_eq!(place.store.prune(&place.lock).unwrap(), []);
        place.check(expect![[r#"
            b3-cpu
            * b2-cpu
        "#]]);
    }

    #[test]
    fn one_of_the_same_name_makes_room() {
        let place = Place::new();
        place.add(1, Backend::Cpu);
        place.add(1, Backend::Cpu);
        place.check(expect![[r#"
            * b1-cpu
        "#]]);
        assert_eq!(std::fs::read_dir(place.store.root()).unwrap().count(), 3);
    }

    #[test]
    fn one_of_the_same_name_does_not_go_while_somebody_works_with_it() {
        let place = Place::new();
        let it = place.add(1, Backend::Cpu);
        let before = std::fs::metadata(it.program()).unwrap().ino();
        let held = it.hold().unwrap();
        let err = place.keep(1, Backend::Cpu).unwrap_err();
        assert!(err.to_string().starts_with("`b1-cpu` is in use"), "{err}");
        assert_eq!(std::fs::metadata(it.program()).unwrap().ino(), before);
        drop(held);
        place.add(1, Backend::Cpu);
        assert_ne!(std::fs::metadata(it.program()).unwrap().ino(), before);
        assert!(it.hold().is_some(), "the other one");
    }

    #[test]
    fn who_was_killed_between_the_old_one_and_the_new_one_still_has_the_old_one() {
        let place = Place::new();
        let it = place.add(1, Backend::Cpu);
        std::fs::rename(&it.folder, place.store.old()).unwrap();
        place.check(expect![""]);
        place.store.draft(&place.lock).unwrap();
        place.check(expect![[r#"
            * b1-cpu
        "#]]);
    }

    #[test]
    fn who_begins_to_work_with_one_waits_for_who_looks_at_it() {
        let place = Place::new();
        let it = place.add(1, Backend::Cpu);
        std::thread::scope(|scope| {
            let alone = it.alone().unwrap();
            let hold = scope.spawn(|| it.hold().is_some());
            place.store.take_away(&place.lock, &it, &alone).unwrap();
            drop(alone);
            assert!(!hold.join().unwrap(), "it is gone");
        });
        let it = place.add(2, Backend::Cpu);
        let is_done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                    drop(it.alone());
                }
            });
            let held = (0..2000).all(|_| it.hold().is_some());
            is_done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(held, "it stays");
        });
    }

    #[test]
    fn what_is_removed_is_not_used() {
        let place = Place::new();
        place.add(1, Backend::Cpu);
        let it = place.add(2, Backend::Vulkan);
        place.store.remove(&place.lock, &it).unwrap();
        place.check(expect![[r#"
            b1-cpu
        "#]]);
    }

    #[test]
    fn what_somebody_works_with_is_not_removed() {
        let place = Place::new();
        let it = place.add(1, Backend::Cpu);
        let (one, another) = (it.hold().unwrap(), it.hold().unwrap());
        place.add(2, Backend::Cpu);
        place.add(3, Backend::Cpu);
        drop(one);
        assert_eq!(place.store.prune(&place.lock).unwrap(), []);
        let err = place.store.remove(&place.lock, &it).unwrap_err();
        assert!(err.to_string().starts_with("`b1-cpu` is in use"), "{err}");
        drop(another);
        assert_eq!(place.store.prune(&place.lock).unwrap().len(), 1);
        assert!(it.hold().is_none());
    }

    #[test]
    fn a_part_of_a_name_is_enough_if_only_one_has_it() {
        let place = Place::new();
        place.check_find(
            "b1",
            expect![[r#"
            no engine is installed
            hint: agent engine install"#]],
        );
        place.add(1, Backend::Cpu);
        place.add(1, Backend::Vulkan);
        place.add(2, Backend::Cpu);
        place.check_find("b2", expect!["b2-cpu"]);
        place.check_find("vulkan", expect!["b1-vulkan"]);
        place.check_find("b1-cpu", expect!["b1-cpu"]);
        place.check_find("b1", expect!["`b1` may mean `b1-cpu`, `b1-vulkan`"]);
        place.check_find("b3", expect![[r#"
            no engine `b3` is installed
            hint: there is `b2-cpu`, `b1-cpu`, `b1-vulkan`; `agent engine install --version b3` may have it"#]]);
    }

    #[test]
    fn there_is_one_lock() {
        let place = Place::new();
        assert!(place.store.lock().unwrap().is_none());
    }

    #[test]
    fn what_was_tampered_with_is_no_engine() {
        let place = Place::new();
        let it = place.add(1, Backend::Cpu);
        let text = std::fs::read_to_string(it.folder.join(VERSION)).unwrap();
        for program in ["/bin/sh", "../lock"] {
            let evil = text.replace("llama/llama-server", program);
            std::fs::write(it.folder.join(VERSION), evil).unwrap();
            place.check(expect![""]);
        }
        std::fs::remove_file(place.store.root().join(CURRENT)).unwrap();
        std::os::unix::fs::symlink("../../etc", place.store.root().join(CURRENT)).unwrap();
        assert_eq!(place.store.current(), None);
    }
}
