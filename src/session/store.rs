//! Where sessions are kept: one directory a project, one file a session.

use std::cmp::Reverse;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, anyhow, bail};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::conversation::{Entry, Transcript};
use crate::session::journal::lock;
use crate::session::replay::replay;
use crate::session::{Damage, Held, Journal, Summary};

pub(crate) struct Store {
    pub(crate) root: PathBuf,
    /// Gives the time that is written beside each entry.
    pub(crate) clock: fn() -> SystemTime,
}

/// A session that goes on.
pub(crate) struct Opened {
    pub(crate) journal: Journal,
    pub(crate) entries: Vec<Entry>,
    /// Where the session was held; `None` if the journal does not say.
    pub(crate) project: Option<PathBuf>,
    pub(crate) damage: Damage,
}

impl Opened {
    /// Whether the session was held in this project, or may have been. A journal is text, and holds
    /// a path that is none as well as it can.
    pub(crate) fn belongs_to(&self, project: &Path) -> bool {
        let known = self.project.as_ref();
        known.is_none_or(|it| it.to_string_lossy() == project.to_string_lossy())
    }
}

/// A file that is named like a session.
#[derive(Clone)]
struct Found {
    id: String,
    path: PathBuf,
}

/// As many ids as an error names.
const NAMED: usize = 8;

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

    /// Opens the session with this id, or the only one whose id begins so; of this project, or of
    /// any.
    pub(crate) fn open(&self, id: &str, project: Option<&Path>) -> anyhow::Result<Opened> {
        let Found { id, path } = choose(id, self.find(project)?)?;
        let cannot = || format!("cannot open the session `{id}`");
        let (mut journal, replay) = Journal::open(path, &id, self.clock).with_context(cannot)?;
        let mut entries = replay.entries;
        if replay.is_suspect {
            let begun = possibly_begun(&entries);
            journal.append(&begun.iter().collect::<Vec<_>>()).with_context(cannot)?;
            entries.extend(begun);
        }
        let held_in = replay.header.map(|it| it.project).filter(|it| !it.is_empty());
        let held_in = held_in.map(PathBuf::from);
        let mut opened = Opened { journal, entries, project: held_in, damage: replay.damage };
        if let Some(project) = project.filter(|it| opened.belongs_to(it)) {
            opened.project = Some(project.to_owned());
        }
        Ok(opened)
    }

    /// The session with this id, or the only one whose id begins so, as it stands; it may be written
    /// to meanwhile.
    pub(crate) fn read(&self, id: &str) -> anyhow::Result<Held> {
        let Found { id, path } = choose(id, self.find(None)?)?;
        let cannot = || format!("cannot read the session `{id}`");
        let file = File::open(&path).with_context(cannot)?;
        let modified = file.metadata().and_then(|it| it.modified()).with_context(cannot)?;
        let replay = replay(io::BufReader::new(file)).with_context(cannot)?;
        let summary = Summary::read(&id, &path, modified).with_context(cannot)?;
        let agent = replay.header.map(|it| it.agent).unwrap_or_default();
        let Summary { id, title, project, .. } = summary;
        let (entries, times, damage) = (replay.entries, replay.times, replay.damage);
        Ok(Held { id, title, project, agent, entries, times, damage })
    }

    /// The session of this project that was written to last.
    pub(crate) fn newest(&self, project: &Path) -> anyhow::Result<Summary> {
        let newest = dated(self.find(Some(project))?).into_iter().next();
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

    /// The session of this project with this id, or the only one whose id begins so.
    pub(crate) fn named(&self, id: &str, project: &Path) -> anyhow::Result<Summary> {
        let found = choose(id, self.find(Some(project))?)?;
        let cannot = || format!("cannot read the session `{}`", found.id);
        let modified = fs::metadata(&found.path).and_then(|it| it.modified());
        let modified = modified.with_context(cannot)?;
        Summary::read(&found.id, &found.path, modified).with_context(cannot)
    }

    /// The sessions of this project, or of all, newest first. What cannot be read is not listed.
    pub(crate) fn list(&self, project: Option<&Path>) -> anyhow::Result<Vec<Summary>> {
        let all = dated(self.find(project)?);
        let read = |(it, modified): (Found, _)| Summary::read(&it.id, &it.path, modified).ok();
        Ok(all.into_iter().filter_map(read).collect())
    }

    /// Where what belongs to a session but not into its journal is kept. Nothing makes it before
    /// there is something to keep.
    pub(crate) fn folder(&self, project: &Path, id: &str) -> PathBuf {
        self.directory(project).join(id)
    }

    /// Removes the session with exactly this id, and what was put aside from it.
    pub(crate) fn delete(&self, id: &str) -> anyhow::Result<()> {
        let all = self.find(None)?;
        let Some(Found { path, .. }) = all.iter().find(|it| it.id == id) else {
            bail!("there is no session `{id}`\nhint: a session is deleted by its whole id");
        };
        let cannot = || format!("cannot delete the session `{id}`");
        let file = File::open(path).with_context(cannot)?;
        lock(&file).with_context(cannot)?;
        fs::remove_file(path).with_context(cannot)?;
        let aside = fs::remove_file(path.with_extension("torn"));
        for removed in [aside, fs::remove_dir_all(path.with_extension(""))] {
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

    fn find(&self, project: Option<&Path>) -> anyhow::Result<Vec<Found>> {
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
fn possibly_begun(entries: &[Entry]) -> Vec<Entry> {
    let transcript: Transcript = entries.iter().cloned().collect();
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

/// The one that is meant by `id`, an id or the beginning of one.
fn choose(id: &str, all: Vec<Found>) -> anyhow::Result<Found> {
    if let Some(exact) = all.iter().find(|it| it.id == id) {
        return Ok(exact.clone());
    }
    let mut matching: Vec<_> =
        all.iter().filter(|it| !id.is_empty() && it.id.starts_with(id)).collect();
    match matching.as_slice() {
        [] => Err(no_such(id, &all)),
        [one] => Ok((*one).clone()),
        _ => {
            matching.sort_by(|a, b| a.id.cmp(&b.id));
            let mut names: Vec<_> =
                matching.iter().take(NAMED).map(|it| format!("`{}`", it.id)).collect();
            if NAMED < matching.len() {
                names.push(format!("{} more", matching.len() - NAMED));
            }
            bail!("more than one session begins with `{id}`: {}", names.join(", "))
        }
    }
}

fn no_such(id: &str, all: &[Found]) -> anyhow::Error {
    let likeness = |it: &&Found| {
        // An abbreviated id is compared with as much of each.
        let beginning = it.id.get(..id.len()).unwrap_or(&it.id);
        strsim::osa_distance(id, beginning)
    };
    let nearest = all.iter().min_by_key(likeness).filter(|it| likeness(it) < id.len().min(3));
    match (all, nearest) {
        ([], _) => anyhow!("there is no session `{id}`: there are no sessions yet"),
        (_, Some(Found { id: nearest, .. })) => {
            anyhow!("there is no session `{id}`; did you mean `{nearest}`?")
        }
        (_, None) => anyhow!("there is no session `{id}`"),
    }
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
                let Summary { id, project, title, modified, prompts, path } = it;
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
            abc2: Some("/home/me/One & Two"), "Look around", 9, Some(1), one---two-5f88c5c1
            xyz: Some("/home/me/other"), "Test", 7, Some(1), other-b0a8cb51
            abc2x: Some("/home/me/One & Two"), "Explain", 5, Some(1), one---two-5f88c5c1
            abc1: Some("/home/me/One & Two"), "Fix the build", 1, Some(2), one---two-5f88c5c1
        "#]],
        );
        check(
            |it| Ok(listed(&it.list(Some(&project("other")))?)),
            expect![[r#"
            xyz: Some("/home/me/other"), "Test", 7, Some(1), other-b0a8cb51
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

    fn open(store: &Store, id: &str) -> anyhow::Result<String> {
        let opened = store.open(id, None)?;
        let count = opened.entries.len();
        Ok(format!(
            "{} with {count} entries, {}",
            opened.journal.id(),
            opened.project.unwrap().display()
        ))
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
                assert_eq!(store.named("xy", &project)?.id, "xyz");
                let before = listed(&store.list(Some(&project))?);
                store.delete("xyz")?;
                assert!(!folder.exists());
                Ok(before)
            },
            expect![[r#"
                xyz: Some("/home/me/other"), "Test", 7, Some(1), other-b0a8cb51
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
            |it| Ok(it.open("xyz", Some(&project("third")))?.journal.id().into()),
            expect!["error: there is no session `xyz`: there are no sessions yet"],
        );
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
        let opened = store.open("xyz", None).unwrap();
        let err = store.delete("xyz").unwrap_err();
        expect!["cannot delete the session `xyz`: this session is in use by another agent"]
            .assert_eq(&format!("{err:#}"));
        drop(opened);
        store.delete("xyz").unwrap();
        expect![[r#"
            there is no session `xyz`
            hint: a session is deleted by its whole id"#]]
        .assert_eq(&store.delete("xyz").unwrap_err().to_string());
    }

    #[test]
    fn one_damaged_session_does_not_spoil_the_list() {
        let (_root, store) = store();
        let path = store.newest(&project("other")).unwrap().path;
        fs::write(&path, b"\xff\xfe{\"seq\":0").unwrap();
        set_modified(&path, 100);
        assert_eq!(store.list(None).unwrap()[0].title, "");
        let opened = store.open("xyz", None).unwrap();
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
        let entries = || store.open("calls", None).unwrap().entries;

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
        assert_eq!(store.open("odd", Some(odd)).unwrap().project.as_deref(), Some(odd));
        let opened = store.open("odd", None).unwrap();
        assert!(opened.belongs_to(odd) && !opened.belongs_to(&project("other")));
    }

    #[test]
    fn a_long_session_is_listed_by_its_beginning() {
        let (_root, store) = store();
        write(&store, &project("long"), "long", &["first", &"x".repeat(20_000), "third"]);
        let summary = store.newest(&project("long")).unwrap();
        assert_eq!((&*summary.title, summary.prompts), ("first", None));
    }
}
