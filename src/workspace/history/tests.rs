//! The history on a real disk: everything comes back, and nothing of anybody else is lost.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::Arc;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::workspace::Workspace;

mod left_alone;
mod links;
mod refused;

const UNDO: Reversal = Reversal { way: Way::Undo, rehearse: false };
const REDO: Reversal = Reversal { way: Way::Redo, rehearse: false };

/// A project, and beside it the folder of a session.
struct World {
    dir: TempDir,
    workspace: Arc<Workspace>,
}

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("project")).unwrap();
        fs::write(dir.path().join("secret"), "secret\n").unwrap();
        let world = Self { workspace: open(&dir), dir };
        files.iter().for_each(|(path, text)| world.write(path, text));
        world
    }

    /// The same project with a program that starts again.
    fn again(self) -> Self {
        let Self { dir, workspace } = self;
        drop(workspace);
        Self { workspace: open(&dir), dir }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.workspace.root().join(path)
    }

    /// What somebody else does.
    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn turn(&self, turn: u64) -> &Self {
        self.workspace.history().unwrap().begin_turn(turn);
        self
    }

    /// What a tool does: `None` deletes.
    fn edit(&self, path: &str, text: Option<&str>) -> Result<(), FileError> {
        self.workspace.apply(&[self.change(path, text)])
    }

    fn change(&self, path: &str, text: Option<&str>) -> Change {
        let path = self.workspace.path(path).unwrap();
        match (self.workspace.read(&path), text) {
            (Ok(before), Some(text)) => Change::Replace { before, bytes: text.into() },
            (Ok(before), None) => Change::Delete { before },
            (Err(_), text) => Change::Create { path, bytes: text.unwrap_or_default().into() },
        }
    }

    /// What a command does.
    fn command(&self, does: impl FnOnce()) -> String {
        let watch = Watch::before(&self.workspace);
        does();
        watch.after().unwrap_or_default()
    }

    fn reverse(&self, wanted: Reversal) -> String {
        match self.workspace.reverse(wanted) {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(it)) => {
                let fate = |(path, fate): &(ProjectPath, Fate)| match fate {
                    Fate::Restored { added, removed, merged: false } => {
                        format!("{path} +{added} -{removed}\n")
                    }
                    Fate::Restored { added, removed, merged: true } => {
                        format!("{path} +{added} -{removed}, merged\n")
                    }
                    Fate::Removed { removed } => format!("{path} removed, -{removed}\n"),
                    Fate::Linked(target) => format!("{path} leads to {target}\n"),
                    Fate::Unlinked => format!("{path} unlinked\n"),
                    Fate::Left(reason) => format!("{path} left: {reason}\n"),
                };
                let files: String = it.files.iter().map(fate).collect();
                let passed =
                    |(turn, files): &(u64, Vec<_>)| format!("passed {} of {turn}\n", files.len());
                let passed: String = it.passed.iter().map(passed).collect();
                let stuck = if it.is_stuck { "stuck in " } else { "" };
                format!("{stuck}turn {}\n{files}{passed}{} more", it.turn, it.more)
            }
            Err(err) => format!("error: {err:#}"),
        }
    }

    fn reverse_all(&self, wanted: Reversal) {
        while self.workspace.reverse(wanted).unwrap().is_some_and(|it| !it.is_stuck) {}
    }

    /// All that is in the project: text and mode of files, directories by their name.
    fn all(&self) -> BTreeMap<PathBuf, (String, u32)> {
        let entries = walkdir::WalkDir::new(self.workspace.root()).min_depth(1);
        let entry = |it: walkdir::DirEntry| {
            let text = fs::read_to_string(it.path()).unwrap_or_default();
            (it.path().to_owned(), (text, it.metadata().unwrap().mode()))
        };
        entries.into_iter().flatten().map(entry).collect()
    }
}

fn open(dir: &TempDir) -> Arc<Workspace> {
    let workspace = Workspace::open(&dir.path().join("project"), Some(dir.path())).unwrap();
    workspace.keep_history(&dir.path().join("state/p/session"));
    Arc::new(workspace)
}

#[track_caller]
fn check(said: String, expected: Expect) {
    expected.assert_eq(&said);
}

#[test]
fn a_turn_is_taken_back_and_done_again_to_the_byte() {
    let world = World::new(&[("a.sh", "one\r\ntwo"), ("b/c", "gone\n")]);
    fs::set_permissions(world.at("a.sh"), fs::Permissions::from_mode(0o751)).unwrap();
    fs::set_permissions(world.at("b/c"), fs::Permissions::from_mode(0o604)).unwrap();
    let before = world.all();
    world.turn(1).edit("a.sh", Some("1\r\ntwo")).unwrap();
    world.edit("new/deep/d", Some("made\n")).unwrap();
    world.edit("a.sh", Some("1\r\n2")).unwrap();
    world.edit("b/c", None).unwrap();
    let after = world.all();

    let world = world.again();
    check(
        world.reverse(UNDO),
        expect![[r#"
            turn 1
            a.sh +2 -2
            b/c +1 -0
            new/deep/d removed, -1
            0 more"#]],
    );
    assert_eq!(world.all(), before);
    check(world.reverse(UNDO), expect!["nothing"]);

    let world = world.again();
    check(
        world.reverse(REDO),
        expect![[r#"
            turn 1
            a.sh +2 -2
            b/c removed, -1
            new/deep/d +1 -0
            0 more"#]],
    );
    assert_eq!(world.all(), after);
    check(world.reverse(REDO), expect!["nothing"]);
    world.reverse(UNDO);
    assert_eq!(world.all(), before);
}

#[test]
fn turns_are_taken_back_newest_first() {
    let world = World::new(&[("a", "1\n")]);
    world.turn(1).edit("a", Some("2\n")).unwrap();
    world.turn(4).edit("a", Some("3\n")).unwrap();
    world.write("a", "3\nmine\n");
    // What is theirs lies beside ours.
    check(
        world.reverse(UNDO),
        expect![[r#"
            turn 4
            a left: it was changed since, in the same lines
            1 more"#]],
    );
    world.write("a", "2\n");
    check(
        world.reverse(UNDO),
        expect![[r#"
            turn 4
            1 more"#]],
    );
}

#[test]
fn a_rehearsal_changes_nothing() {
    let world = World::new(&[("a", "1\n")]);
    world.turn(1).edit("a", Some("2\n")).unwrap();
    let said = world.reverse(Reversal { rehearse: true, ..UNDO });
    assert_eq!(fs::read_to_string(world.at("a")).unwrap(), "2\n");
    assert_eq!(said, world.reverse(UNDO));
}

#[test]
fn a_file_with_two_names_keeps_both() {
    let world = World::new(&[("a", "1\n")]);
    fs::hard_link(world.at("a"), world.at("b")).unwrap();
    world.turn(1).edit("a", Some("2\n")).unwrap();
    assert_eq!(fs::read_to_string(world.at("b")).unwrap(), "2\n");
    world.reverse(UNDO);
    assert_eq!(fs::read_to_string(world.at("b")).unwrap(), "1\n");
    assert_eq!(fs::metadata(world.at("a")).unwrap().nlink(), 2);
}

#[test]
fn an_edit_that_cannot_be_undone_is_not_made() {
    let world = World::new(&[("a", "1\n")]);
    // Where the history should be is a file, which stops also those whom no mode stops.
    fs::write(world.dir.path().join("state"), "").unwrap();
    let err = world.edit("a", Some("2\n")).unwrap_err();
    check(
        err.to_string(),
        expect![
            "`a` was not changed: its old content cannot be kept (not a directory), and what cannot be undone is not done. Tell the user."
        ],
    );
    assert!(world.edit("b", Some("2\n")).is_err());
    assert_eq!(world.all().len(), 1);
    assert_eq!(fs::read_to_string(world.at("a")).unwrap(), "1\n");
    check(world.command(|| ()), expect!["what commands change cannot be undone: not a directory"]);
    check(world.command(|| ()), expect![""]);
}

#[test]
fn an_edit_on_a_full_disk_is_not_made() {
    let world = World::new(&[("a", "1\n")]);
    let folder = world.dir.path().join("state/p/session/history");
    fs::create_dir_all(&folder).unwrap();
    if !std::path::Path::new("/dev/full").exists() {
        return; // Not every system has this device.
    }
    // The pack is opened without following links, so it is swapped in the open ledger.
    world.edit("b", Some("b\n")).unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    world.workspace.history().unwrap().state().ledger.as_mut().unwrap().fill_disk(full);
    let err = world.edit("a", Some("2\n")).unwrap_err();
    check(
        err.to_string(),
        expect![
            "`a` was not changed: its old content cannot be kept (no space left on device), and what cannot be undone is not done. Tell the user."
        ],
    );
    assert_eq!(fs::read_to_string(world.at("a")).unwrap(), "1\n");
}

#[test]
fn who_holds_the_history_keeps_others_from_changing_it_and_not_from_looking() {
    let world = World::new(&[("a", "1\n")]);
    world.turn(1).edit("a", Some("2\n")).unwrap();
    let other = World { workspace: open(&world.dir), dir: tempfile::tempdir().unwrap() };
    check(
        other.reverse(UNDO),
        expect![[r#"
            error: this session is in use by another agent
            hint: type `/undo` or `/redo` there"#]],
    );
    let changed = other.workspace.history().unwrap().changed().unwrap();
    assert_eq!(changed, world.workspace.history().unwrap().changed().unwrap());
    let err = other.edit("a", Some("3\n")).unwrap_err();
    check(
        err.to_string(),
        expect![
            "`a` was not changed: its old content cannot be kept (another agent works in this session), and what cannot be undone is not done. Tell the user."
        ],
    );
}

#[test]
fn an_edit_that_failed_is_not_taken_back() {
    let world = World::new(&[("a", "1\n"), ("b", "1\n")]);
    let changes = [world.change("a", Some("2\n")), world.change("b", Some("2\n"))];
    world.write("b", "mine\n");
    world.turn(1).edit("c", Some("c\n")).unwrap();
    assert!(world.turn(2).workspace.apply(&changes).is_err());
    let changed = world.workspace.history().unwrap().changed().unwrap();
    assert_eq!(changed.len(), 1);
    check(
        world.again().reverse(UNDO),
        expect![[r#"
            turn 1
            c removed, -1
            0 more"#]],
    );
}

#[test]
fn only_the_person_can_look_into_the_history() {
    let world = World::new(&[("a", "1\n")]);
    world.edit("a", Some("2\n")).unwrap();
    let folder = world.dir.path().join("state/p/session/history");
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    for file in fs::read_dir(&folder).unwrap().flatten() {
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{}", file.path().display());
    }
}

#[test]
fn what_a_command_changes_is_taken_back() {
    let world =
        World::new(&[("a", "1\n"), ("b/c", "1\n"), ("x.sh", "run\n"), (".gitignore", "out\n")]);
    let before = world.all();
    let said = world.turn(1).command(|| {
        world.write("a", "2\n");
        world.write("made/here/d", "4\n");
        world.write("out/e", "5\n");
        fs::remove_dir_all(world.at("b")).unwrap();
        fs::set_permissions(world.at("x.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    });
    check(said, expect![""]);
    check(
        world.reverse(UNDO),
        expect![[r#"
            turn 1
            a +1 -1
            b/c +1 -0
            made/here/d removed, -1
            x.sh +0 -0
            0 more"#]],
    );
    fs::remove_dir_all(world.at("out")).unwrap();
    assert_eq!(world.all(), before);
}

#[test]
fn what_is_only_named_as_build_output_is_taken_back() {
    let world = World::new(&[
        ("Cargo.toml", ""),
        ("src/target/mod.rs", "1\n"),
        ("node_modules/a", "1\n"),
        ("target/debug/x", "1\n"),
    ]);
    world.turn(1).command(|| {
        for it in ["src/target", "node_modules", "target"] {
            fs::remove_dir_all(world.at(it)).unwrap();
        }
    });
    check(
        world.reverse(UNDO),
        expect![[r#"
            turn 1
            node_modules/a +1 -0
            src/target/mod.rs +1 -0
            0 more"#]],
    );
}

#[test]
fn what_changes_between_commands_is_somebody_elses() {
    let world = World::new(&[("a", "1\n")]);
    world.turn(1).command(|| ());
    world.write("a", "mine\n");
    world.edit("b", Some("ours\n")).unwrap();
    world.command(|| world.write("c", "its\n"));
    check(
        world.reverse(UNDO),
        expect![[r#"
            turn 1
            b removed, -1
            c removed, -1
            0 more"#]],
    );
}

#[test]
fn an_edit_beside_a_running_command_is_not_the_commands() {
    let world = World::new(&[("a", "1\n")]);
    let watch = Watch::before(&world.workspace);
    world.turn(1).edit("a", Some("2\n")).unwrap();
    world.turn(2);
    assert_eq!(watch.after(), None);
    let changed = world.workspace.history().unwrap().changed().unwrap();
    assert_eq!(changed.iter().map(|it| it.turn).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_file_that_was_only_hidden_is_not_removed() {
    let world = World::new(&[(".gitignore", "old\n"), ("old", "precious\n")]);
    let said = world.turn(1).command(|| world.write(".gitignore", ""));
    check(said, expect!["what the command did to `old` cannot be undone"]);
    world.reverse(UNDO);
    assert_eq!(fs::read_to_string(world.at("old")).unwrap(), "precious\n");
    assert_eq!(fs::read_to_string(world.at(".gitignore")).unwrap(), "old\n");
}

#[test]
fn what_is_too_much_to_keep_is_said_to_be() {
    let world = World::new(&[("a", "1\n")]);
    let large = fs::File::create(world.at("large")).unwrap();
    large.set_len(5 * 1024 * 1024).unwrap();
    check(world.command(|| ()), expect![""]);
    let said = world.command(|| large.set_len(6 * 1024 * 1024).unwrap());
    check(said, expect!["what the command did to `large` cannot be undone"]);
    for n in 0..17 {
        fs::File::create(world.at(&format!("{n}"))).unwrap().set_len(4 * 1024 * 1024).unwrap();
    }
    check(
        world.command(|| ()),
        expect![
            "what commands change here cannot be undone: the project has more than 5000 files or 64 MiB; edits can be undone as ever"
        ],
    );
    check(world.command(|| ()), expect![""]);
}

#[test]
fn the_difference_is_to_what_was_there_first() {
    let world = World::new(&[("a", "1\n"), ("b", "1\n")]);
    world.turn(1).edit("a", Some("2\n")).unwrap();
    world.turn(2).edit("a", Some("3\n")).unwrap();
    world.edit("b", Some("2\n")).unwrap();
    world.edit("b", Some("1\n")).unwrap();
    world.edit("c", Some("new\n")).unwrap();
    let shown = |world: &World| {
        let text =
            |it: &Option<Vec<u8>>| it.as_ref().map(|it| String::from_utf8_lossy(it).into_owned());
        let line =
            |it: &Difference| format!("{} {:?} {:?}\n", it.path, text(&it.before), text(&it.now));
        world.workspace.differences().unwrap().iter().map(line).collect::<String>()
    };
    check(
        shown(&world),
        expect![[r#"
            a Some("1\n") Some("3\n")
            c None Some("new\n")
        "#]],
    );
    world.reverse(UNDO);
    check(
        shown(&world),
        expect![[r#"
        a Some("1\n") Some("2\n")
    "#]],
    );
}

#[test]
fn what_a_killed_process_left_is_cleared_away() {
    let world = World::new(&[]);
    world.turn(1).edit("new/a", Some("1\n")).unwrap();
    let world = world.again();
    // As one that was killed between announcing the file and having it; process numbers are smaller.
    fs::rename(world.at("new/a"), world.at("new/.agent-2147483647-0.tmp")).unwrap();
    world.reverse(UNDO);
    assert!(!world.at("new").exists());
}

#[test]
fn a_history_that_was_cut_at_any_byte_undoes_what_it_knows() {
    let world = World::new(&[("a", "1\n"), ("b", "1\n")]);
    world.turn(1).edit("a", Some("2\n")).unwrap();
    world.turn(2).edit("b", Some("2\n")).unwrap();
    let records = world.dir.path().join("state/p/session/history/records.jsonl");
    let whole = fs::read(&records).unwrap();
    // The first edit, the second.
    let first = whole.iter().position(|it| *it == b'\n').unwrap() + 1;
    let mut world = world;
    let edges = [first, whole.len()].into_iter().flat_map(|it| it - 2..=it + 1);
    for cut in (0..whole.len()).step_by(61).chain(edges.filter(|it| *it <= whole.len())) {
        fs::write(&records, &whole[..cut]).unwrap();
        world = world.again();
        world.write("a", "2\n");
        world.write("b", "2\n");
        world.reverse_all(UNDO);
        let [a, b] = ["a", "b"].map(|it| fs::read_to_string(world.at(it)).unwrap());
        let expected = |is_known| if is_known { "1\n" } else { "2\n" };
        assert_eq!(a, expected(first <= cut), "cut at {cut}");
        assert_eq!(b, expected(whole.len() <= cut), "cut at {cut}");
    }
}

/// One thing that happens to one of a few small files.
#[derive(Clone, Debug)]
enum Event {
    Ours(u8, Option<String>),
    Command(u8, Option<String>),
    /// Somebody else writes a line at the beginning or the end of a file.
    Theirs(u8, bool),
    NextTurn,
}

fn event() -> impl Strategy<Value = Event> {
    let text = || prop::option::weighted(0.8, "([abc]\n){0,6}");
    prop_oneof![
        4 => (0..4u8, text()).prop_map(|(file, text)| Event::Ours(file, text)),
        2 => (0..4u8, text()).prop_map(|(file, text)| Event::Command(file, text)),
        2 => (0..4u8, any::<bool>()).prop_map(|(file, first)| Event::Theirs(file, first)),
        1 => Just(Event::NextTurn),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn what_is_ours_goes_and_what_is_theirs_stays(events in prop::collection::vec(event(), 1..10)) {
        let world = World::new(&[("f0", "a\nb\nc\n"), ("f1", "a\n"), ("d/f2", "x\n")]);
        let path = |file: &u8| if *file == 2 { "d/f2".to_owned() } else { format!("f{file}") };
        let start = world.all();
        let mut theirs = BTreeMap::new();
        for (n, event) in events.iter().enumerate() {
            match event {
                Event::NextTurn => drop(world.turn(n as u64)),
                Event::Ours(file, None) if !world.at(&path(file)).exists() => {}
                Event::Ours(file, text) => world.edit(&path(file), text.as_deref()).unwrap(),
                Event::Command(file, text) => {
                    let said = world.command(|| match text {
                        Some(text) => world.write(&path(file), text),
                        None => drop(fs::remove_file(world.at(&path(file)))),
                    });
                    prop_assert_eq!(said, "");
                }
                Event::Theirs(file, first) => {
                    let held = fs::read_to_string(world.at(&path(file))).unwrap_or_default();
                    let mine = format!("mine {n}\n");
                    let text = if *first { mine.clone() + &held } else { held + &mine };
                    world.write(&path(file), &text);
                    theirs.insert(mine, *file);
                }
            }
        }
        let end = world.all();
        world.reverse_all(UNDO);
        let undone = world.all();
        for file in (0..4u8).filter(|it| theirs.values().all(|their| their != it)) {
            let at = world.at(&path(&file));
            prop_assert_eq!(undone.get(&at), start.get(&at), "{} is as it was", path(&file));
        }
        if theirs.is_empty() {
            world.reverse_all(REDO);
            prop_assert_eq!(world.all(), end);
            return Ok(());
        }
        // A line of theirs is there unless one of our edits took it, and could not be undone.
        for (line, file) in theirs {
            let at = world.at(&path(&file));
            let holds = |all: &BTreeMap<PathBuf, (String, u32)>| {
                all.get(&at).is_some_and(|(text, _)| text.contains(&line))
            };
            prop_assert!(holds(&undone) || !holds(&end), "{line} is in {}", path(&file));
        }
    }
}
