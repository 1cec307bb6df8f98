//! What the server leaves on the disk: who it is, its key, its log; and the lock by which there is one.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use crate::llama::{make_dir, random_key};

/// A directory for our eyes only.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
}

/// Held as long as the server lives; nobody else becomes one meanwhile.
#[derive(Debug)]
pub(crate) struct Hold {
    lock: File,
    path: PathBuf,
    notice: PathBuf,
}

/// Where a server can be found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notice {
    pub(crate) pid: u32,
    /// When its process began, as the kernel counts: a process that has got its id later began later.
    pub(crate) began: Option<u64>,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) version: String,
}

impl Place {
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    fn notice(&self) -> PathBuf {
        self.directory.join("server.json")
    }

    /// Opens the log to append to it.
    pub(crate) fn open_log(&self) -> anyhow::Result<File> {
        make_dir(&self.directory)?;
        let path = self.log();
        let opened = private().append(true).create(true).open(&path);
        opened.with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Becomes the one server; `None` if there is one. Whoever held it may just be ending, and so it is
    /// for the caller to ask again.
    pub(crate) fn hold(&self) -> anyhow::Result<Option<Hold>> {
        make_dir(&self.directory)?;
        let path = self.directory.join("lock");
        let cannot = || format!("cannot lock `{}`", path.display());
        let lock = private().write(true).create(true).open(&path).with_context(cannot)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(err)) => return Err(err).with_context(cannot),
        }
        let hold = Hold { lock, path, notice: self.notice() };
        Ok(hold.is_good().then_some(hold))
    }

    /// The server that runs, if one does: what a dead one left is no server, even where its id is that
    /// of another process now.
    pub(crate) fn running(&self) -> Option<Notice> {
        let text = std::fs::read_to_string(self.notice()).ok()?;
        let notice: Notice = serde_json::from_str(&text).ok()?;
        notice.is_alive().then_some(notice)
    }

    /// The key, made if there is none. It lasts: other programs are told it once.
    pub(crate) fn key(&self) -> anyhow::Result<String> {
        make_dir(&self.directory)?;
        let path = self.directory.join("key");
        let cannot = || format!("cannot keep the key in `{}`", path.display());
        match read_key(&path) {
            Err(err) if err.kind() == ErrorKind::NotFound => {
                let draft = self.draft_of_key().with_context(cannot)?;
                // Fails where another process has made one just now: then that is the key.
                let _ = std::fs::hard_link(&draft, &path);
                std::fs::remove_file(&draft).with_context(cannot)?;
            }
            // What is left of one that was not yet on the disk when the power went.
            Err(err) if err.kind() == ErrorKind::UnexpectedEof => {
                let empty = private().read(true).open(&path).with_context(cannot)?;
                empty.lock().with_context(cannot)?;
                // Whoever had the lock before has made another.
                if read_key(&path).is_err() {
                    let draft = self.draft_of_key().with_context(cannot)?;
                    std::fs::rename(&draft, &path).with_context(cannot)?;
                }
            }
            read => return read.with_context(cannot),
        }
        File::open(&self.directory).and_then(|it| it.sync_all()).with_context(cannot)?;
        read_key(&path).with_context(cannot)
    }

    /// A new key, on the disk before it has its name.
    fn draft_of_key(&self) -> anyhow::Result<PathBuf> {
        let draft = self.directory.join(format!("key-{}", std::process::id()));
        let mut file = private().write(true).create(true).truncate(true).open(&draft)?;
        file.write_all(format!("agent-{}", random_key()?).as_bytes())?;
        file.sync_all()?;
        Ok(draft)
    }
}

fn read_key(path: &Path) -> io::Result<String> {
    let mut file = private().read(true).open(path)?;
    if file.metadata()?.mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    let mut key = String::new();
    file.read_to_string(&mut key)?;
    let key = key.trim_matches(|it: char| it.is_whitespace() || it == '\0');
    match key {
        "" => Err(ErrorKind::UnexpectedEof.into()),
        key if key.bytes().all(|it| it.is_ascii_graphic()) => Ok(key.to_owned()),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(OFlags::NOFOLLOW.bits() as i32);
    options
}

impl Hold {
    /// Whether it still means something: who removes the directory may want another server.
    pub(super) fn is_good(&self) -> bool {
        let (ours, there) = (self.lock.metadata(), self.path.symlink_metadata());
        ours.is_ok_and(|ours| {
            there.is_ok_and(|there| (ours.dev(), ours.ino()) == (there.dev(), there.ino()))
        })
    }

    /// Tells everybody where we are.
    pub(super) fn announce(&self, notice: &Notice) -> anyhow::Result<()> {
        let draft = self.notice.with_extension("draft");
        let cannot = || format!("cannot write `{}`", self.notice.display());
        let mut file =
            private().write(true).create(true).truncate(true).open(&draft).with_context(cannot)?;
        serde_json::to_writer(&file, notice).with_context(cannot)?;
        file.write_all(b"\n").with_context(cannot)?;
        std::fs::rename(&draft, &self.notice).with_context(cannot)
    }
}

impl Hold {
    /// From now on nobody is told where we are, while we still are it. Who gets the address after us is not
    /// to be told our key.
    pub(super) fn withdraw(&self) {
        // Without the process it means nothing anyway.
        if self.is_good() {
            let _ = std::fs::remove_file(&self.notice);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl Notice {
    pub(crate) fn of_this_process(address: std::net::SocketAddr) -> Self {
        let pid = std::process::id();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { pid, began: began(pid), address, version }
    }

    /// Whether its process lives, and is the same.
    pub(crate) fn is_alive(&self) -> bool {
        match began(self.pid) {
            Some(began) => self.began == Some(began),
            // Where the kernel does not tell, the id has to do.
            None if cfg!(target_os = "linux") => false,
            None => self.process().is_some_and(|it| rustix::process::test_kill_process(it).is_ok()),
        }
    }

    /// Ends its process, for one that does not listen.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        ensure!(self.is_alive(), "the server has ended");
        let Some(process) = self.process() else { bail!("{} is no process", self.pid) };
        rustix::process::kill_process(process, signal).context("cannot end the server")
    }

    fn process(&self) -> Option<Pid> {
        i32::try_from(self.pid).ok().and_then(Pid::from_raw)
    }
}

/// Field 22 of a line whose second field may have anything in it, blanks and brackets too.
#[cfg(target_os = "linux")]
fn began(pid: u32) -> Option<u64> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // What has ended and was not waited for is still there by its id.
    let is_dead = matches!(fields.next()?, "Z" | "X");
    fields.nth(18)?.parse().ok().filter(|_| !is_dead)
}

#[cfg(not(target_os = "linux"))]
fn began(_: u32) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Place) {
        let temp = tempfile::tempdir().unwrap();
        let place = Place { directory: temp.path().join("server") };
        (temp, place)
    }

    fn here() -> Notice {
        Notice::of_this_process(([127, 0, 0, 1], 1).into())
    }

    #[test]
    fn there_is_one_server() {
        let (_temp, place) = place();
        let hold = place.hold().unwrap().expect("nobody holds it");
        assert!(place.hold().unwrap().is_none());
        hold.announce(&here()).unwrap();
        assert_eq!(place.running(), Some(here()));
        drop(hold);
        assert_eq!(place.running(), None);
    }

    /// S14: another process may have the id of a server that was killed.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_killed_server_left_is_no_server() {
        let (_temp, place) = place();
        let hold = place.hold().unwrap().unwrap();
        for stale in [
            Notice { began: here().began.map(|it| it - 1), ..here() },
            Notice { pid: u32::MAX, ..here() },
            Notice { began: None, ..here() },
        ] {
            hold.announce(&stale).unwrap();
            assert_eq!(place.running(), None);
            stale.signal(Signal::KILL).unwrap_err();
        }
        std::fs::write(place.notice(), "{").unwrap();
        assert_eq!(place.running(), None);
    }

    #[test]
    fn who_lost_its_directory_knows_it() {
        let (_temp, place) = place();
        let hold = place.hold().unwrap().unwrap();
        std::fs::remove_dir_all(&place.directory).unwrap();
        assert!(!hold.is_good());
        let other = place.hold().unwrap().expect("it is free");
        other.announce(&here()).unwrap();
        drop(hold);
        assert_eq!(place.running(), Some(here()), "the notice of the other stays");
    }

    #[test]
    fn the_key_is_made_once_and_is_for_nobody_else() {
        let (_temp, place) = place();
        let key = place.key().unwrap();
        assert!(key.starts_with("agent-") && key.len() == 38, "{key}");
        let path = place.directory.join("key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(place.key().unwrap(), key);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        let names = place.directory.read_dir().unwrap().count();
        assert_eq!(names, 1, "no draft is left");
    }

    /// A power cut may leave the name of a file without what was in it.
    #[test]
    fn an_empty_key_opens_nothing_and_is_made_anew() {
        let (_temp, place) = place();
        for empty in ["", " \n", "\0\0\0"] {
            let path = place.directory.join("key");
            make_dir(&place.directory).unwrap();
            std::fs::write(&path, empty).unwrap();
            let keys: Vec<_> = std::thread::scope(|it| {
                let all: Vec<_> = (0..4).map(|_| it.spawn(|| place.key().unwrap())).collect();
                all.into_iter().map(|it| it.join().unwrap()).collect()
            });
            assert!(
                keys[0].starts_with("agent-") && keys.iter().all(|it| *it == keys[0]),
                "{keys:?}"
            );
        }
        std::fs::write(place.directory.join("key"), "a b").unwrap();
        place.key().unwrap_err();
    }
}
