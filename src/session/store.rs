//! Where sessions are kept: one directory a project, one file a session.

use std::cmp::Reverse;
use std::fs::{self, File};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, anyhow, bail};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::conversation::{Entry, Transcript};
use crate::session::choose::{choose, exact, may_be_meant};
use crate::session::copy::{Becomes, copy};
use crate::session::journal::{InUse, create_whole, lock};
use crate::session::name::checked;
use crate::session::replay::{Replay, replay};
use crate::session::summary::KEPT;
use crate::session::{Damage, Held, Journal, Summary};

pub(crate) struct Store {
    pub(crate) root: PathBuf,
    /// Gives the time that is written beside each entry.
    pub(crate) clock: fn() -> SystemTime,
}

/// A session that goes on.
pub(crate) struct Opened {
    pub(crate) journal: Journal,
    pub(crate) transcript: Transcript,
    /// What has to be told with the next prompt, because the person went back.
    pub(crate) note: Option<String>,
    pub(crate) damage: Damage,
}

/// The session that another was made from, as it stood then.
pub(crate) struct Original {
    file: File,
    /// Bytes that were copied.
    length: u64,
}

impl Original {
    /// Whether nobody works on it, nor has since it was copied: what it had begun, nobody else does. As
    /// long as this is there, nobody else begins.
    pub(crate) fn is_left_alone(&self) -> bool {
        lock(&self.file).is_ok() && self.file.metadata().is_ok_and(|it| it.len() == self.length)
    }
}

/// A file that is named like a session.
#[derive(Clone)]
struct Found {
    id: String,
    path: PathBuf,
}

impl Store {
    /// A new session. There is no file before its first entry.
    pub(crate) fn create(&self, project: &Path, id: &str) -> anyhow::Result<Journal> {
        if !is_id(id) {
            bail!(
                "`{id}` cannot be the name of a session\n\
                 hint: a name has 1 to 64 of the characters a-z, 0-9 and -"
            );
        }
        let path = self.directory(project).join(format!("{id}.jsonl"));
        if path.exists() {
            bail!("there is already a session `{id}`");
        }
        Ok(Journal::new(path, id, project, self.clock))
    }

    /// Opens a session to go on with it.
    pub(crate) fn open(&self, Summary { id, path, .. }: &Summary) -> anyhow::Result<Opened> {
        self.open_file(path.clone(), id).map_err(|err| match err.is::<InUse>() {
            true => err.context(format!(
                "cannot open the session `{id}`\n\
                 hint: `agent -r {id} --fork` goes on from where it stands in a session of its own"
            )),
            false => err.context(format!("cannot open the session `{id}`")),
        })
    }

    fn open_file(&self, path: PathBuf, id: &str) -> anyhow::Result<Opened> {
        let (mut journal, replay) = Journal::open(path, id, self.clock)?;
        let mut transcript = Transcript::resumed(replay.entries, &replay.numbers, replay.prompts);
        if replay.is_suspect {
            let begun = possibly_begun(&transcript);
            journal.append(&begun.iter().collect::<Vec<_>>())?;
            begun.into_iter().for_each(|it| transcript.push(it));
        }
        Ok(Opened { journal, transcript, note: replay.note, damage: replay.damage })
    }

    /// Makes another session, with this new id, that goes on from where this one stands; it may be
    /// written to meanwhile, and stays as it is.
    pub(crate) fn fork(
        &self,
        of: &Summary,
        project: &Path,
        id: &str,
    ) -> anyhow::Result<(Opened, Original)> {
        let cannot = || format!("cannot go on in a copy of the session `{}`", of.id);
        let becomes = Becomes {
            id,
            project: &project.to_string_lossy(),
            keeps_name: false,
            forked: Some(&of.id),
        };
        let file = File::open(&of.path).with_context(cannot)?;
        let text = copy(io::BufReader::new(&file), &becomes).with_context(cannot)?;
        let length = (&file).stream_position().with_context(cannot)?;
        let opened = self.write_copy(project, id, &text).with_context(cannot)?;
        Ok((opened, Original { file, length }))
    }

    /// Takes in the file of a session from elsewhere. It keeps its id unless a session has that, and
    /// then has `id`; and its name unless one of this project has that.
    pub(crate) fn import(&self, file: &Path, project: &Path, id: &str) -> anyhow::Result<Opened> {
        let cannot = || format!("cannot import `{}`", file.display());
        if !fs::metadata(file).with_context(cannot)?.is_file() {
            return Err(anyhow!("it is not a file")).with_context(cannot);
        }
        let bytes = fs::read(file).with_context(cannot)?;
        let replay = replay(&*bytes).with_context(cannot)?;
        let theirs = replay.header.map(|it| it.session).filter(|it| is_id(it));
        let taken = self.files(None)?;
        let theirs = theirs.filter(|theirs| taken.iter().all(|it| it.id != *theirs));
        let id = theirs.as_deref().unwrap_or(id);
        let name = replay.name.unwrap_or_default();
        let keeps_name = checked(&name, id, &self.list(Some(project))?).is_ok_and(|it| it == name);
        let becomes = Becomes { id, project: &project.to_string_lossy(), keeps_name, forked: None };
        let text = copy(&*bytes, &becomes).with_context(cannot)?;
        let opened = self.write_copy(project, id, &text).with_context(cannot)?;
        // The copy is whole; what it was made from was not.
        Ok(Opened { damage: replay.damage, ..opened })
    }

    fn write_copy(&self, project: &Path, id: &str, text: &str) -> anyhow::Result<Opened> {
        let path = self.create(project, id)?.into_path();
        create_whole(&path, text)?;
        self.open_file(path, id)
    }

    /// Gives a session that nobody writes to a name. It is not newer for that: nothing was said.
    pub(crate) fn rename(&self, of: &Summary, name: &str) -> anyhow::Result<()> {
        let cannot = || format!("cannot rename the session `{}`", of.id);
        let mut opened = self.open_file(of.path.clone(), &of.id).with_context(cannot)?;
        opened.journal.name(name).and_then(|()| opened.journal.sync()).with_context(cannot)?;
        let file = File::options().append(true).open(&of.path).with_context(cannot)?;
        file.set_modified(of.modified).with_context(cannot)
    }

    /// The name that `words` become, if the session with this id may have it.
    pub(crate) fn name(&self, words: &str, id: &str, project: &Path) -> anyhow::Result<String> {
        checked(words, id, &self.list(Some(project))?)
    }

    /// The session that is meant by these words, as it stands; it may be written to meanwhile. Its
    /// entries, and what was lost of them.
    pub(crate) fn read(&self, of: &Summary) -> anyhow::Result<Replay> {
        let cannot = || format!("cannot read the session `{}`", of.id);
        let file = File::open(&of.path).with_context(cannot)?;
        replay(io::BufReader::new(file)).with_context(cannot)
    }

    /// A session as it stands, for whoever reads all of it.
    pub(crate) fn held(&self, of: &Summary) -> anyhow::Result<Held> {
        let Replay { header, entries, times, damage, .. } = self.read(of)?;
        let title = of.name.clone().unwrap_or_else(|| of.title.clone());
        let (id, project) = (of.id.clone(), of.project.clone());
        let agent = header.map(|it| it.agent).unwrap_or_default();
        Ok(Held { id, title, project, agent, entries, times, damage })
    }

    /// The session of this project that was written to last.
    pub(crate) fn newest(&self, project: &Path) -> anyhow::Result<Summary> {
        let newest = dated(self.files(Some(project))?).into_iter().next();
        let (found, modified) = newest.with_context(|| {
            format!(
                "there are no sessions yet for `{}`\n\
                 hint: the first prompt starts one",
                project.display()
            )
        })?;
        Summary::read(&found.id, &found.path, modified)
            .with_context(|| format!("cannot read the session `{}`", found.id))
    }

    /// The session that is meant by these words: its name, its id or the beginning of one; of this
    /// project, or of any.
    pub(crate) fn find(&self, words: &str, project: Option<&Path>) -> anyhow::Result<Summary> {
        choose(words, &self.list(project)?).cloned()
    }

    /// The sessions of this project, or of all, newest first. What cannot be read is not listed.
    pub(crate) fn list(&self, project: Option<&Path>) -> anyhow::Result<Vec<Summary>> {
        let all = dated(self.files(project)?);
        let read = |(it, modified): (Found, _)| Summary::read(&it.id, &it.path, modified).ok();
        Ok(all.into_iter().filter_map(read).collect())
    }

    /// Where what belongs to a session but not into its journal is kept. Nothing makes it before
    /// there is something to keep.
    pub(crate) fn folder(&self, project: &Path, id: &str) -> PathBuf {
        self.directory(project).join(id)
    }

    /// The same, but one of another project only if none of this one can be meant.
    pub(crate) fn nearest(&self, words: &str, project: &Path) -> anyhow::Result<Summary> {
        let here = self.list(Some(project))?;
        match choose(words, &here) {
            Err(_) if !here.iter().any(|it| may_be_meant(words, it)) => self.find(words, None),
            chosen => chosen.cloned(),
        }
    }

    /// The session with exactly this name or id, to be deleted.
    pub(crate) fn exactly(&self, words: &str, project: Option<&Path>) -> anyhow::Result<Summary> {
        exact(words, &self.list(project)?).cloned()
    }

    /// Removes a session, and what lies beside its file.
    pub(crate) fn delete(&self, Summary { id, path, .. }: &Summary) -> anyhow::Result<()> {
        let cannot = || format!("cannot delete the session `{id}`");
        let file = File::open(path).with_context(cannot)?;
        lock(&file).with_context(cannot)?;
        fs::remove_file(path).with_context(cannot)?;
        let beside = ["torn", KEPT].map(|it| fs::remove_file(path.with_extension(it)));
        for removed in beside.into_iter().chain([fs::remove_dir_all(path.with_extension(""))]) {
            match removed {
                Err(err) if err.kind() != io::ErrorKind::NotFound => {
                    return Err(err).with_context(cannot);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The directory's name says whose it is, its end makes it the project's alone.
    fn directory(&self, project: &Path) -> PathBuf {
        let name = project.file_name().unwrap_or_default().to_string_lossy();
        let slug: String = name
            .chars()
            .take(32)
            .map(|it| if it.is_ascii_alphanumeric() { it } else { '-' })
            .collect();
        let hash = Sha256::digest(project.as_os_str().as_encoded_bytes());
        let [a, b, c, d, ..] = hash.0;
        let slug = slug.to_ascii_lowercase();
        self.root.join(format!("{slug}-{a:02x}{b:02x}{c:02x}{d:02x}"))
    }

    fn files(&self, project: Option<&Path>) -> anyhow::Result<Vec<Found>> {
        let (directory, depth) = match project {
            Some(project) => (self.directory(project), 1),
            None => (self.root.clone(), 2),
        };
        let mut found = Vec::new();
        for entry in WalkDir::new(&directory).min_depth(depth).max_depth(depth) {
            let path = match entry {
                Ok(entry) => entry.into_path(),
                // The directory of a project that cannot be read must not hide the others.
                Err(err) if err.depth() > 0 || is_missing(&err) => continue,
                Err(err) => {
                    return Err(err)
                        .with_context(|| format!("cannot list `{}`", directory.display()));
                }
            };
            let id = path.file_name().and_then(|it| it.to_str()?.strip_suffix(".jsonl"));
            if let Some(id) = id.filter(|it| is_id(it)) {
                found.push(Found { id: id.to_owned(), path });
            }
        }
        Ok(found)
    }
}

/// Takes each call without an answer for one that was begun, so that none is run a second time.
fn possibly_begun(transcript: &Transcript) -> Vec<Entry> {
    let open = transcript.pending().filter(|(_, state)| !state.started);
    open.map(|(call, _)| Entry::Started { call: call.id.clone() }).collect()
}

fn is_missing(err: &walkdir::Error) -> bool {
    err.io_error().is_some_and(|it| it.kind() == io::ErrorKind::NotFound)
}

/// Newest first; those that are gone meanwhile, or are no files, are left out.
fn dated(found: Vec<Found>) -> Vec<(Found, SystemTime)> {
    let date = |it: Found| {
        let metadata = fs::symlink_metadata(&it.path).ok().filter(|it| it.is_file())?;
        Some((it, metadata.modified().ok()?))
    };
    let mut dated: Vec<_> = found.into_iter().filter_map(date).collect();
    dated.sort_by(|(a, at), (b, bt)| (Reverse(at), &a.id).cmp(&(Reverse(bt), &b.id)));
    dated
}

fn is_id(id: &str) -> bool {
    let allowed = |it: u8| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=64).contains(&id.len()) && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::time::{Duration, UNIX_EPOCH};

    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::{Call, Reply};

    fn project(name: &str) -> PathBuf {
        Path::new("/home/me").join(name)
    }

    fn write(store: &Store, project: &Path, id: &str, prompts: &[&str]) -> PathBuf {
        let mut journal = store.create(project, id).unwrap();
        let prompts: Vec<_> = prompts.iter().map(|it| Entry::Prompt((*it).to_owned())).collect();
        journal.append(&prompts.iter().collect::<Vec<_>>()).unwrap();
        journal.path().to_owned()
    }

    fn set_modified(path: &Path, secs: u64) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(secs)).unwrap();
    }

    /// Sessions of two projects; `abc2` is the newest.
    fn store() -> (tempfile::TempDir, Store) {
        let root = tempfile::tempdir().unwrap();
        let store = Store { root: root.path().join("sessions"), clock: || UNIX_EPOCH };
        let [one, two] = [project("One & Two"), project("other")];
        set_modified(&write(&store, &one, "abc1", &["Fix the build\nplease", "thanks"]), 1);
        set_modified(&write(&store, &one, "abc2", &["Look around"]), 9);
        set_modified(&write(&store, &one, "abc2x", &["Explain"]), 5);
        set_modified(&write(&store, &two, "xyz", &["Test"]), 7);
        (root, store)
    }

    #[track_caller]
    fn check(says: impl FnOnce(&Store) -> anyhow::Result<String>, expected: Expect) {
        let (_root, store) = store();
        expected.assert_eq(&match says(&store) {
            Ok(text) => text,
            Err(err) => format!("error: {err:#}"),
        });
    }

    fn listed(all: &[Summary]) -> String {
        all.iter()
            .map(|it| {
                let Summary { id, name: _, project, title, modified, prompts, path } = it;
                let project = project.as_ref().map(|it| it.display());
                let secs = modified.duration_since(UNIX_EPOCH).unwrap().as_secs();
                let path = path.parent().unwrap().file_name().unwrap().display();
                format!("{id}: {project:?}, {title:?}, {secs}, {prompts:?}, {path}\n")
            })
            .collect()
    }

    #[test]
    fn a_list_is_newest_first() {
        check(
            |it| Ok(listed(&it.list(None)?)),
            expect![[r#"
                abc2: Some("/home/me/One & Two"), "Look around", 9, 1, one---two-5f88c5c1
                xyz: Some("/home/me/other"), "Test", 7, 1, other-b0a8cb51
                abc2x: Some("/home/me/One & Two"), "Explain", 5, 1, one---two-5f88c5c1
                abc1: Some("/home/me/One & Two"), "Fix the build", 1, 2, one---two-5f88c5c1
            "#]],
        );
        check(
            |it| Ok(listed(&it.list(Some(&project("other")))?)),
            expect![[r#"
                xyz: Some("/home/me/other"), "Test", 7, 1, other-b0a8cb51
            "#]],
        );
        check(|it| Ok(listed(&it.list(Some(&project("third")))?)), expect![]);
    }

    #[test]
    fn the_newest_session_of_a_project_is_found() {
        check(|it| Ok(it.newest(&project("other"))?.id), expect!["xyz"]);
        check(
            |it| Ok(it.newest(&project("third"))?.id),
            expect![[r#"
            error: there are no sessions yet for `/home/me/third`
            hint: the first prompt starts one"#]],
        );
    }

    fn opened(store: &Store, words: &str, project: Option<&Path>) -> anyhow::Result<Opened> {
        store.open(&store.find(words, project)?)
    }

    fn open(store: &Store, id: &str) -> anyhow::Result<String> {
        let opened = opened(store, id, None)?;
        let count = opened.transcript.entries().len();
        let held_in = store.find(id, None)?.project.unwrap();
        Ok(format!("{} with {count} entries, {}", opened.journal.id(), held_in.display()))
    }

    #[test]
    fn a_session_is_opened_by_its_id_or_the_beginning_of_it() {
        check(|it| open(it, "abc1"), expect!["abc1 with 2 entries, /home/me/One & Two"]);
        check(|it| open(it, "abc2"), expect!["abc2 with 1 entries, /home/me/One & Two"]);
        check(|it| open(it, "x"), expect!["xyz with 1 entries, /home/me/other"]);
    }

    #[test]
    fn the_folder_of_a_session_is_no_session_and_goes_with_it() {
        check(
            |store| {
                let project = project("other");
                let folder = store.folder(&project, "xyz").join("history");
                fs::create_dir_all(&folder)?;
                fs::create_dir_all(store.folder(&project, "folder.jsonl"))?;
                fs::write(folder.join("records.jsonl"), "{}\n")?;
                assert_eq!(store.newest(&project)?.id, "xyz");
                assert_eq!(store.find("xy", Some(&project))?.id, "xyz");
                let before = listed(&store.list(Some(&project))?);
                store.delete(&store.exactly("xyz", None)?)?;
                assert!(!folder.exists());
                Ok(before)
            },
            expect![[r#"
                xyz: Some("/home/me/other"), "Test", 7, 1, other-b0a8cb51
            "#]],
        );
    }

    #[test]
    fn a_session_is_not_guessed() {
        check(
            |it| open(it, "abc"),
            expect!["error: more than one session begins with `abc`: `abc1`, `abc2`, `abc2x`"],
        );
        check(
            |it| open(it, "abd1"),
            expect!["error: there is no session `abd1`; did you mean `abc1`?"],
        );
        check(|it| open(it, "hello-world"), expect!["error: there is no session `hello-world`"]);
        check(|it| open(it, ""), expect!["error: there is no session ``"]);
        check(|it| open(it, "../abc1"), expect!["error: there is no session `../abc1`"]);
        check(
            |it| Ok(opened(it, "xyz", Some(&project("third")))?.journal.id().into()),
            expect!["error: there is no session `xyz`: there are no sessions yet"],
        );
    }

    #[test]
    fn a_name_makes_no_session_newer() {
        let (_root, store) = store();
        let project = project("One & Two");
        store.rename(&store.find("abc1", Some(&project)).unwrap(), "first").unwrap();
        assert_eq!(store.newest(&project).unwrap().id, "abc2");
        assert_eq!(store.find("fir", Some(&project)).unwrap().id, "abc1");
    }

    #[test]
    fn one_of_this_project_is_meant_before_any_other() {
        let (_root, store) = store();
        let nearest = |words: &str, of: &str| {
            store.nearest(words, &project(of)).map_or_else(|it| it.to_string(), |it| it.id)
        };
        assert_eq!(nearest("x", "other"), "xyz");
        assert_eq!(nearest("x", "One & Two"), "xyz");
        expect!["more than one session begins with `abc`: `abc1`, `abc2`, `abc2x`"]
            .assert_eq(&nearest("abc", "One & Two"));
    }

    #[test]
    fn an_import_takes_neither_an_id_nor_a_name_from_another() {
        let (root, store) = store();
        let (one, two) = (project("One & Two"), project("other"));
        store.rename(&store.find("abc1", Some(&one)).unwrap(), "mine").unwrap();
        let file = root.path().join("file");
        fs::copy(store.find("abc1", None).unwrap().path, &file).unwrap();
        let import = |project: &Path, id: &str| {
            let opened = store.import(&file, project, id).unwrap();
            let found = store.find(opened.journal.id(), Some(project)).unwrap();
            format!("{} {:?} in {}", found.id, found.name, found.project.unwrap().display())
        };
        expect!["new1 None in /home/me/One & Two"].assert_eq(&import(&one, "new1"));
        expect![[r#"new2 Some("mine") in /home/me/other"#]].assert_eq(&import(&two, "new2"));
        expect!["new3 None in /home/me/other"].assert_eq(&import(&two, "new3"));
        store.delete(&store.exactly("abc1", None).unwrap()).unwrap();
        let import =
            |project: &Path| store.import(&file, project, "new4").unwrap().journal.id().to_owned();
        assert_eq!(import(&two), "abc1");
    }

    #[test]
    fn a_new_session_needs_a_new_and_harmless_name() {
        check(
            |it| Ok(it.create(&project("other"), "../x")?.id().into()),
            expect![[r#"
            error: `../x` cannot be the name of a session
            hint: a name has 1 to 64 of the characters a-z, 0-9 and -"#]],
        );
        check(
            |it| Ok(it.create(&project("other"), "xyz")?.id().into()),
            expect!["error: there is already a session `xyz`"],
        );
    }

    #[test]
    fn a_session_that_is_open_is_not_deleted() {
        let (_root, store) = store();
        let opened = opened(&store, "xyz", None).unwrap();
        let summary = store.exactly("xyz", None).unwrap();
        let err = store.delete(&summary).unwrap_err();
        expect!["cannot delete the session `xyz`: this session is in use by another agent"]
            .assert_eq(&format!("{err:#}"));
        drop(opened);
        store.delete(&summary).unwrap();
        expect!["there is no session `xyz`"]
            .assert_eq(&store.exactly("xyz", None).unwrap_err().to_string());
    }

    #[test]
    fn one_damaged_session_does_not_spoil_the_list() {
        let (_root, store) = store();
        let path = store.newest(&project("other")).unwrap().path;
        fs::write(&path, b"\xff\xfe{\"seq\":0").unwrap();
        set_modified(&path, 100);
        assert_eq!(store.list(None).unwrap()[0].title, "");
        let opened = opened(&store, "xyz", None).unwrap();
        expect!["the last 10 bytes were no whole record and were put aside in a `.torn` file"]
            .assert_eq(&opened.damage.to_string());
    }

    #[test]
    fn a_call_is_taken_for_begun_if_the_record_that_tells_may_be_lost() {
        let (_root, store) = store();
        let mut journal = store.create(&project("other"), "calls").unwrap();
        let call = Call { id: "7".to_owned(), ..Call::default() };
        let reply = Entry::Reply(Reply { calls: vec![call], ..Reply::default() });
        let started = Entry::Started { call: "7".to_owned() };
        journal.append(&[&Entry::Prompt("go".to_owned()), &reply, &started]).unwrap();
        let path = journal.path().to_owned();
        drop(journal);
        let whole = fs::read_to_string(&path).unwrap();
        let last = whole.trim_end().rfind('\n').unwrap() + 1;
        let entries = || opened(&store, "calls", None).unwrap().transcript.entries().to_vec();

        // A write that was cut short was never waited for.
        fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        assert!(!entries().contains(&started));
        fs::write(&path, whole[..last].to_owned() + &whole[last..].replace("started", "stirred"))
            .unwrap();
        assert!(entries().contains(&started));
        // It is known from now on.
        assert!(entries().contains(&started));
    }

    #[test]
    fn a_project_whose_path_is_no_text_is_known_again() {
        let (_root, store) = store();
        let odd = Path::new(OsStr::from_bytes(b"/home/me/\xff"));
        write(&store, odd, "odd", &["Look"]);
        let found = store.find("odd", None).unwrap();
        assert!(found.belongs_to(odd) && !found.belongs_to(&project("other")));
    }
}
