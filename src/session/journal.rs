//! The file of one session: entries are appended, never changed.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};

use crate::conversation::Entry;
use crate::session::line;
use crate::session::record::{FORMAT, Header, LINEAR, Record};
use crate::session::replay::{Replay, replay};

/// A session that is being written. Nobody else can write it as long as this lives.
///
/// There is no file before the first entry. When the file cannot be written the session goes on in
/// memory: the lines are kept, and written before the next ones.
pub(crate) struct Journal {
    path: PathBuf,
    header: Header,
    clock: fn() -> SystemTime,
    file: Option<File>,
    /// Whether the directories are known to have the file. Not even of one that was found: who made
    /// it may have been killed before the directories were synced.
    placed: Arc<AtomicBool>,
    /// The number of the next record.
    next: u64,
    /// The numbers of the records that hold the entries of the branch.
    places: Vec<u64>,
    /// Where the file is known to be whole.
    end: u64,
    /// Lines that are not in the file yet.
    pending: String,
}

/// Another program writes the session.
#[derive(Debug)]
pub(super) struct InUse;

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this session is in use by another agent")
    }
}

impl std::error::Error for InUse {}

/// A second hold on the file of a journal, to sync it on another thread.
pub(crate) struct Sync {
    file: File,
    path: PathBuf,
    placed: Arc<AtomicBool>,
}

impl Sync {
    /// Returns when all that was written before will survive the loss of power.
    pub(crate) fn run(&self) -> io::Result<()> {
        sync(&self.file, &self.path, &self.placed)
    }
}

impl Journal {
    /// A journal that will be in the file `path`.
    pub(crate) fn new(path: PathBuf, id: &str, project: &Path, clock: fn() -> SystemTime) -> Self {
        let header = header(id, project);
        let (placed, places, pending) = (Arc::default(), Vec::new(), String::new());
        Self { path, header, clock, file: None, placed, next: 0, places, end: 0, pending }
    }

    /// Reads the journal in the file `path` and goes on where it ends. Its torn tail, if it has
    /// one, is moved to the end of `<id>.torn`.
    pub(crate) fn open(
        path: PathBuf,
        id: &str,
        clock: fn() -> SystemTime,
    ) -> anyhow::Result<(Self, Replay)> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
            .open(&path)?;
        if !file.metadata()?.is_file() {
            bail!("it is not a file");
        }
        lock(&file)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        let replay = replay(BufReader::new(&file))?;
        if let Some(Header { format, agent, .. }) = &replay.header
            && FORMAT < *format
        {
            bail!("it was written by version {agent}, which is newer than this one");
        }
        let mut end = replay.end;
        if 0 < replay.damage.torn {
            set_aside(&file, end, &path.with_extension("torn"))
                .context("cannot put its torn end aside")?;
            file.set_len(end)?;
        }
        if !replay.ended {
            file.write_all_at(b"\n", end)?;
            end += 1;
        }
        let found = replay.header.as_ref();
        let format = found.map_or(LINEAR, |it| it.format);
        let project = found.map_or("", |it| &it.project);
        let header = Header { format, ..header(id, Path::new(project)) };
        let (placed, pending) = (Arc::default(), String::new());
        let (file, next, places) = (Some(file), replay.next, replay.places.clone());
        Ok((Self { path, header, clock, file, placed, next, places, end, pending }, replay))
    }

    pub(super) fn into_path(self) -> PathBuf {
        self.path
    }

    pub(crate) fn id(&self) -> &str {
        &self.header.session
    }

    /// Whether any of it has been written.
    pub(crate) fn is_on_disk(&self) -> bool {
        0 < self.end
    }

    #[cfg(test)]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `entries` in one go. They may still be lost with the power; see [`Self::sync`].
    pub(crate) fn append(&mut self, entries: &[&Entry]) -> anyhow::Result<()> {
        for entry in entries {
            self.put(None, &Record::from(*entry));
            self.places.push(self.next - 1);
        }
        self.write()
    }

    /// Writes what was said beside the conversation, for this call of it.
    pub(crate) fn append_beside(&mut self, call: &str, entries: &[Entry]) -> anyhow::Result<()> {
        for entry in entries {
            let entry = Box::new(Record::from(entry));
            self.put(None, &Record::Beside { call: call.to_owned(), entry });
        }
        self.write()
    }

    /// Writes that the conversation goes on from its first `length` entries, and what the model has
    /// to be told of it with the next prompt.
    pub(crate) fn rewind(&mut self, length: usize, note: Option<&str>) -> anyhow::Result<()> {
        self.places.truncate(length);
        if self.header.format < FORMAT {
            self.header.format = FORMAT;
            if 0 < self.next {
                self.put(None, &Record::Header(self.header.clone()));
            }
        }
        // The header, where nothing else is left.
        let parent = self.places.last().copied().unwrap_or_default();
        self.put(Some(parent), &Record::Rewound { note: note.map(str::to_owned) });
        self.write()
    }

    /// Writes what the person calls the session from now on; nothing, if it is empty.
    pub(crate) fn name(&mut self, name: &str) -> anyhow::Result<()> {
        self.put(None, &Record::Named { name: name.to_owned() });
        self.write()
    }

    /// Returns when all that was appended will survive the loss of power.
    pub(crate) fn sync(&mut self) -> anyhow::Result<()> {
        self.write()?;
        match &self.file {
            None => Ok(()),
            Some(file) => {
                sync(file, &self.path, &self.placed).with_context(|| cannot_write(&self.path))
            }
        }
    }

    /// What syncs all that was appended so far; `None` if there is no file yet, or no second hold on
    /// it to be had.
    pub(crate) fn syncing(&self) -> Option<Sync> {
        let file = self.file.as_ref()?.try_clone().ok()?;
        Some(Sync { file, path: self.path.clone(), placed: Arc::clone(&self.placed) })
    }

    fn put(&mut self, parent: Option<u64>, record: &Record) {
        let now = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = now.as_millis().try_into().unwrap_or(u64::MAX);
        if self.next == 0 {
            self.pending += &line::encode(0, at, None, &Record::Header(self.header.clone()));
            self.next = 1;
        }
        self.pending += &line::encode(self.next, at, parent, record);
        self.next += 1;
    }

    fn write(&mut self) -> anyhow::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.write_pending().with_context(|| cannot_write(&self.path))
    }

    fn write_pending(&mut self) -> anyhow::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => {
                let file = create(&self.path)?;
                lock(&file)?;
                self.file.insert(file)
            }
        };
        if let Err(err) = file.write_all_at(self.pending.as_bytes(), self.end) {
            // If this fails too, the same lines will be written over what is there now.
            let _ = file.set_len(self.end);
            return Err(err.into());
        }
        self.end += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

fn header(id: &str, project: &Path) -> Header {
    Header {
        format: LINEAR,
        agent: env!("CARGO_PKG_VERSION").to_owned(),
        session: id.to_owned(),
        project: project.to_string_lossy().into_owned(),
        forked: None,
    }
}

fn cannot_write(path: &Path) -> String {
    format!(
        "cannot write the session to `{}`; until that works it is kept in memory",
        path.display()
    )
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Makes a journal of this text, certain to survive the loss of power.
pub(super) fn create_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut file = create(path)?;
    let written = file.write_all(text.as_bytes());
    written.and_then(|()| sync(&file, path, &AtomicBool::new(false))).inspect_err(|_| {
        // Half a session would be found and believed.
        let _ = std::fs::remove_file(path);
    })
}

/// Syncs the file. It is only there for certain when its directory, and the directory of that, and so
/// on, know it; once they do, its data is enough.
fn sync(file: &File, path: &Path, placed: &AtomicBool) -> io::Result<()> {
    if placed.load(Ordering::Relaxed) {
        return file.sync_data();
    }
    file.sync_all()?;
    let mut above = path.ancestors().skip(1);
    above.by_ref().take(2).try_for_each(|it| File::open(it)?.sync_all())?;
    // In a new home these may be as new. Where we may not look, nobody made anything for us.
    above.map_while(|it| File::open(it).ok()).for_each(|it| drop(it.sync_all()));
    placed.store(true, Ordering::Relaxed);
    Ok(())
}

/// Fails if someone else has the file. A program that is just ending, or a child that is just
/// starting, may hold it for a moment longer, so it is tried for a fifth of a second.
pub(crate) fn lock(file: &File) -> anyhow::Result<()> {
    for _ in 0..20 {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            // Some network file systems have no locks; better no lock than no session.
            Err(TryLockError::Error(err)) if err.kind() == io::ErrorKind::Unsupported => {
                return Ok(());
            }
            Err(TryLockError::Error(err)) => return Err(err).context("cannot lock it"),
        }
    }
    Err(InUse.into())
}

/// Appends what follows `end` to the file `aside`.
fn set_aside(mut file: &File, end: u64, aside: &Path) -> io::Result<()> {
    file.seek(SeekFrom::Start(end))?;
    let mut aside = OpenOptions::new().append(true).create(true).mode(0o600).open(aside)?;
    io::copy(&mut file, &mut aside)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn clock() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1)
    }

    fn prompt(text: &str) -> Entry {
        Entry::Prompt(text.to_owned())
    }

    fn new(dir: &Path) -> Journal {
        Journal::new(dir.join("p").join("s.jsonl"), "s", Path::new("/home/me/p"), clock)
    }

    fn open(path: &Path) -> anyhow::Result<(Journal, Replay)> {
        Journal::open(path.to_owned(), "s", clock)
    }

    #[test]
    fn an_empty_session_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = new(dir.path());
        journal.append(&[]).unwrap();
        journal.sync().unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_appended_is_a_line_each_after_a_header() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = new(dir.path());
        journal.append(&[&prompt("one"), &prompt("two")]).unwrap();
        journal.append(&[&prompt("three")]).unwrap();
        let text = std::fs::read_to_string(journal.path()).unwrap();
        expect![[r#"
            {"seq":0,"at":1000,"crc":"32c97610","entry":{"kind":"header","format":1,"agent":"0.1.0","session":"s","project":"/home/me/p"}}
            {"seq":1,"at":1000,"crc":"9869ff03","entry":{"kind":"prompt","text":"one"}}
            {"seq":2,"at":1000,"crc":"f5befb33","entry":{"kind":"prompt","text":"two"}}
            {"seq":3,"at":1000,"crc":"265498dc","entry":{"kind":"prompt","text":"three"}}
        "#]].assert_eq(&text);
    }

    #[test]
    fn to_go_back_is_written_like_all_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = new(dir.path());
        journal.append(&[&prompt("one"), &prompt("two")]).unwrap();
        journal.rewind(1, Some("look")).unwrap();
        journal.append(&[&prompt("three")]).unwrap();
        journal.name("x").unwrap();
        let path = journal.path().to_owned();
        drop(journal);
        let (mut journal, replay) = open(&path).unwrap();
        assert_eq!(replay.entries, [prompt("one"), prompt("three")]);
        journal.rewind(1, None).unwrap();
        journal.rewind(0, None).unwrap();
        journal.append(&[&prompt("four")]).unwrap();
        expect![[r#"
            {"seq":0,"at":1000,"crc":"32c97610","entry":{"kind":"header","format":1,"agent":"0.1.0","session":"s","project":"/home/me/p"}}
            {"seq":1,"at":1000,"crc":"9869ff03","entry":{"kind":"prompt","text":"one"}}
            {"seq":2,"at":1000,"crc":"f5befb33","entry":{"kind":"prompt","text":"two"}}
            {"seq":3,"at":1000,"crc":"ac827b0b","entry":{"kind":"header","format":2,"agent":"0.1.0","session":"s","project":"/home/me/p"}}
            {"seq":4,"at":1000,"parent":1,"crc":"d23b027a","entry":{"kind":"rewound","note":"look"}}
            {"seq":5,"at":1000,"crc":"5a13a76b","entry":{"kind":"prompt","text":"three"}}
            {"seq":6,"at":1000,"crc":"be9d4837","entry":{"kind":"named","name":"x"}}
            {"seq":7,"at":1000,"parent":1,"crc":"babb6fd8","entry":{"kind":"rewound"}}
            {"seq":8,"at":1000,"parent":0,"crc":"cf8bc492","entry":{"kind":"rewound"}}
            {"seq":9,"at":1000,"crc":"c9af6013","entry":{"kind":"prompt","text":"four"}}
        "#]].assert_eq(&std::fs::read_to_string(&path).unwrap());
        drop(journal);
        let (_, replay) = open(&path).unwrap();
        assert_eq!(replay.entries, [prompt("four")]);
        assert_eq!((replay.numbers, replay.prompts), (vec![4], 4));
        assert!(replay.damage.is_none(), "{}", replay.damage);
    }

    #[test]
    fn only_its_owner_can_read_a_session() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = new(dir.path());
        journal.append(&[&prompt("one")]).unwrap();
        let mode = |it: &Path| it.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(journal.path()), 0o600);
        assert_eq!(mode(journal.path().parent().unwrap()), 0o700);

        let path = journal.path().to_owned();
        drop(journal);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let _journal = open(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_session_has_one_writer() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = new(dir.path());
        journal.append(&[&prompt("one")]).unwrap();
        let path = journal.path().to_owned();
        let err = open(&path).err().unwrap();
        expect!["this session is in use by another agent"].assert_eq(&err.to_string());
        drop(journal);
        assert!(open(&path).is_ok());
    }

    #[test]
    fn a_session_never_takes_the_place_of_another() {
        let dir = tempfile::tempdir().unwrap();
        new(dir.path()).append(&[&prompt("one")]).unwrap();
        assert!(new(dir.path()).append(&[&prompt("two")]).is_err());
    }

    #[test]
    fn an_append_after_a_cut_at_any_byte_survives() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = new(dir.path());
        let entries = [prompt("one"), Entry::Started { call: "é".into() }, prompt("two")];
        entries.iter().for_each(|it| journal.append(&[it]).unwrap());
        let path = journal.path().to_owned();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        let (last, mut torn) = (prompt("after"), Vec::new());
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut journal, before) = open(&path).unwrap();
            assert!(entries.starts_with(&before.entries), "cut at byte {cut}");
            torn.extend_from_slice(&whole[before.end as usize..cut]);
            journal.append(&[&last]).unwrap();
            drop(journal);

            let (_, after) = open(&path).unwrap();
            assert!(after.damage.is_none(), "cut at byte {cut}: {}", after.damage);
            let expected = before.entries.iter().chain([&last]);
            assert!(after.entries.iter().eq(expected), "cut at byte {cut}");
        }
        assert_eq!(std::fs::read(path.with_extension("torn")).unwrap(), torn);
    }

    #[test]
    fn what_cannot_be_written_is_written_later() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = new(dir.path());
        journal.append(&[&prompt("one")]).unwrap();
        let path = journal.path().to_owned();
        let writable = journal.file.replace(File::open(&path).unwrap());
        let err = journal.append(&[&prompt("two")]).unwrap_err();
        let err = format!("{err:#}").replace(&dir.path().display().to_string(), "DIR");
        expect!["cannot write the session to `DIR/p/s.jsonl`; until that works it is kept in memory: Bad file descriptor (os error 9)"].assert_eq(&err);
        assert!(journal.sync().is_err(), "it is not on disk");

        journal.file = writable;
        journal.append(&[&prompt("three")]).unwrap();
        drop(journal);
        let (_, replay) = open(&path).unwrap();
        assert_eq!(replay.entries, [prompt("one"), prompt("two"), prompt("three")]);
    }

    #[test]
    fn a_full_disk_leaves_no_torn_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = new(dir.path());
        journal.append(&[&prompt("one")]).unwrap();
        let before = std::fs::read(journal.path()).unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full");
        let file = match full {
            Ok(full) => journal.file.replace(full),
            Err(_) => return, // Not every system has this device.
        };
        assert!(journal.append(&[&prompt("two")]).is_err());
        journal.file = file;
        assert_eq!(std::fs::read(journal.path()).unwrap(), before);
        journal.sync().unwrap();
        drop(journal);
        let (_, replay) = open(&dir.path().join("p/s.jsonl")).unwrap();
        assert_eq!(replay.entries, [prompt("one"), prompt("two")]);
    }

    #[test]
    fn the_form_of_a_newer_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.jsonl");
        let header =
            Header { format: FORMAT + 1, agent: "9.0.0".into(), ..header("s", Path::new("/p")) };
        std::fs::write(&path, line::encode(0, 1, None, &Record::Header(header))).unwrap();
        let err = open(&path).err().unwrap();
        expect!["it was written by version 9.0.0, which is newer than this one"]
            .assert_eq(&err.to_string());
    }

    /// H12.
    #[test]
    fn a_link_is_not_a_session() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.jsonl");
        std::fs::write(dir.path().join("real"), "").unwrap();
        std::os::unix::fs::symlink(dir.path().join("real"), &path).unwrap();
        assert!(open(&path).is_err());
    }
}
