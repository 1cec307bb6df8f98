//! The workspace on a real disk: it is found, nothing leads out of it, files stay whole.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;

mod killed;

/// A project beside a directory with secrets.
struct World {
    dir: TempDir,
    workspace: Workspace,
}

impl World {
    fn new(files: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in files.iter().chain(&["../outside/secret"]) {
            let path = dir.path().join("project").join(name);
            fs::create_dir_all(dir.path().join("project")).unwrap();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "old\n").unwrap();
        }
        let workspace = Workspace::open(&dir.path().join("project"), Some(dir.path())).unwrap();
        Self { dir, workspace }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.workspace.root().join(path)
    }

    fn create(&self, path: &ProjectPath, bytes: &[u8]) -> Result<(), FileError> {
        self.workspace.apply(&[Change::Create { path: path.clone(), bytes: bytes.to_vec() }])
    }

    fn replace(&self, before: SourceFile, bytes: &[u8]) -> Result<(), FileError> {
        self.workspace.apply(&[Change::Replace { before, bytes: bytes.to_vec() }])
    }

    /// Reads, then replaces or creates, and says how each went.
    fn try_all(&self, path: &str) -> String {
        let read = self.workspace.path(path).and_then(|it| self.workspace.read(&it));
        let write = self.workspace.path(path).and_then(|it| match self.workspace.read(&it) {
            Ok(before) => self.replace(before, b"new\n"),
            Err(FileError::Missing(_)) => self.create(&it, b"new\n"),
            Err(err) => Err(err),
        });
        let read = read.map(|it| String::from_utf8_lossy(it.bytes()).trim().to_owned());
        let told = |it: Result<String, FileError>| it.unwrap_or_else(|err| err.to_string());
        let text =
            format!("{path}\n  {}\n  {}\n", told(read), told(write.map(|()| "written".into())));
        text.replace(&*self.dir.path().canonicalize().unwrap().to_string_lossy(), "")
    }

    fn shown(&self, path: &str, depth: Option<usize>) -> String {
        let path = self.workspace.path(path).unwrap();
        let found = self.workspace.entries(&path, depth, &Cancel::default()).unwrap();
        found.iter().map(|it| format!("{} {:?}\n", it.path, it.kind)).collect()
    }

    #[track_caller]
    fn secret_is_safe(&self) {
        let names: Vec<_> = fs::read_dir(self.dir.path().join("outside")).unwrap().collect();
        assert_eq!(names.len(), 1, "something was written outside");
        assert_eq!(fs::read(self.dir.path().join("outside/secret")).unwrap(), b"old\n");
    }
}

#[track_caller]
fn check(world: &World, paths: &[&str], expected: Expect) {
    expected.assert_eq(&paths.iter().map(|it| world.try_all(it)).collect::<String>());
    world.secret_is_safe();
}

/// H10, H11.
#[test]
fn a_link_that_leads_out_is_neither_read_nor_written() {
    let world = World::new(&["a"]);
    symlink("../outside/secret", world.at("file")).unwrap();
    symlink("../outside", world.at("dir")).unwrap();
    symlink("../outside/absent", world.at("dangling")).unwrap();
    symlink(world.dir.path().join("outside/secret"), world.at("absolute")).unwrap();
    symlink("/proc/self/cwd", world.at("magic")).unwrap();
    check(
        &world,
        &["file", "dir/secret", "dir/new", "dangling", "absolute", "magic/a"],
        expect![[r#"
            file
              `file` leads out of the project: `file` is a symbolic link to `../outside/secret`
              `file` leads out of the project: `file` is a symbolic link to `../outside/secret`
            dir/secret
              `dir/secret` leads out of the project: `dir` is a symbolic link to `../outside`
              `dir/secret` leads out of the project: `dir` is a symbolic link to `../outside`
            dir/new
              `dir/new` leads out of the project: `dir` is a symbolic link to `../outside`
              `dir/new` leads out of the project: `dir` is a symbolic link to `../outside`
            dangling
              `dangling` leads out of the project: `dangling` is a symbolic link to `../outside/absent`
              `dangling` leads out of the project: `dangling` is a symbolic link to `../outside/absent`
            absolute
              `absolute` leads out of the project: `absolute` is a symbolic link to `/outside/secret`
              `absolute` leads out of the project: `absolute` is a symbolic link to `/outside/secret`
            magic/a
              `magic/a` leads out of the project: `magic` is a symbolic link to `/proc/self/cwd`
              `magic/a` leads out of the project: `magic` is a symbolic link to `/proc/self/cwd`
        "#]],
    );
}

#[test]
fn a_link_that_stays_inside_is_followed_and_kept() {
    let world = World::new(&["src/a", "b"]);
    symlink("src/../b", world.at("to_b")).unwrap();
    symlink(world.at("src"), world.at("lib")).unwrap();
    symlink("lib/c", world.at("to_new")).unwrap();
    symlink("loop", world.at("loop")).unwrap();
    check(
        &world,
        &["to_b", "lib/a", "to_new", "loop"],
        expect![[r#"
            to_b
              old
              written
            lib/a
              old
              written
            to_new
              there is no `to_new`
              written
            loop
              `loop` leads through too many links
              `loop` leads through too many links
        "#]],
    );
    assert!(world.at("to_b").is_symlink() && world.at("to_new").is_symlink());
    assert_eq!(fs::read_to_string(world.at("b")).unwrap(), "new\n");
    assert_eq!(fs::read_to_string(world.at("src/c")).unwrap(), "new\n");
}

/// H13.
#[test]
fn what_is_not_a_file_is_refused_without_waiting() {
    let world = World::new(&["dir/a"]);
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mkfifoat(rustix::fs::CWD, world.at("pipe"), mode).unwrap();
    let _socket = UnixListener::bind(world.at("socket")).unwrap();
    let huge = fs::File::create(world.at("huge")).unwrap();
    huge.set_len(20 << 30).unwrap();
    check(
        &world,
        &["pipe", "socket", "dir", "dir/a/b", "huge", &"x".repeat(300)],
        expect![[r#"
            pipe
              `pipe` is a named pipe, not a file
              `pipe` is a named pipe, not a file
            socket
              `socket` is a socket, not a file
              `socket` is a socket, not a file
            dir
              `dir` is a directory, not a file
              `dir` is a directory, not a file
            dir/a/b
              cannot open `dir/a/b`: part of the path is a file, not a directory
              cannot open `dir/a/b`: part of the path is a file, not a directory
            huge
              `huge` is too large for that (20480 MiB; the limit is 32 MiB): read ranges of it, or use a command
              `huge` is too large for that (20480 MiB; the limit is 32 MiB): read ranges of it, or use a command
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              cannot open `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`: file name too long
              cannot open `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`: file name too long
        "#]],
    );
}

#[cfg(target_os = "linux")]
/// H10.
#[test]
fn a_directory_that_becomes_a_link_while_it_is_used_leads_nowhere() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    let world = World::new(&["dir/secret"]);
    fs::write(world.at("dir/secret"), "ours\n").unwrap();
    let (dir, link) = (world.at("dir"), world.at("link"));
    symlink("../outside", &link).unwrap();
    let done = Cancel::default();
    let (mut reads, mut writes, mut leaked) = (0, 0, false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.is_cancelled() {
                renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let known = world.workspace.path("dir/secret").unwrap();
        while reads < 300 || writes < 3 {
            let Ok(read) = world.workspace.read(&known) else {
                std::thread::yield_now();
                continue;
            };
            leaked = read.bytes() == b"old\n";
            if leaked {
                break;
            }
            reads += 1;
            if reads % 20 == 0 {
                let written = world.replace(read, format!("ours {reads}\n").as_bytes());
                writes += u32::from(written.is_ok());
                let new = world.workspace.path(&format!("dir/new{reads}")).unwrap();
                let _ = world.create(&new, b"x");
            }
        }
        done.cancel();
    });
    world.secret_is_safe();
    assert!(!leaked, "the secret was read");
}

/// H15.
#[test]
fn an_edit_keeps_what_else_makes_the_file() {
    let world = World::new(&["run.sh"]);
    fs::set_permissions(world.at("run.sh"), fs::Permissions::from_mode(0o754)).unwrap();
    let attribute = |it: &mut [u8]| rustix::fs::getxattr(world.at("run.sh"), "user.note", it);
    // Some file systems have no attributes.
    let flags = rustix::fs::XattrFlags::empty();
    let is_set = rustix::fs::setxattr(world.at("run.sh"), "user.note", b"x", flags).is_ok();
    world.try_all("run.sh");
    assert_eq!(attribute(&mut [0; 8]).is_ok(), is_set);
    assert_eq!(fs::metadata(world.at("run.sh")).unwrap().mode() & 0o7777, 0o754);
    assert_eq!(world.shown("", None), "run.sh File\n", "a draft is left");
}

#[test]
fn the_other_names_of_a_file_stay_in_step() {
    let world = World::new(&["a"]);
    fs::hard_link(world.at("a"), world.at("b")).unwrap();
    world.try_all("a");
    assert_eq!(fs::read_to_string(world.at("b")).unwrap(), "new\n");
}

/// H16.
#[test]
fn a_file_that_someone_else_changed_is_left_alone() {
    let world = World::new(&["a"]);
    let before = world.workspace.read(&world.workspace.path("a").unwrap()).unwrap();
    fs::write(world.at("a"), "theirs\n").unwrap();
    let err = world.replace(before, b"ours\n").unwrap_err();
    expect!["`a` was changed by someone else just now, so it was left alone; read it again"]
        .assert_eq(&err.to_string());
    assert_eq!(fs::read_to_string(world.at("a")).unwrap(), "theirs\n");
    assert_eq!(world.shown("", None), "a File\n", "a draft is left");
}

#[test]
fn creating_never_replaces() {
    let world = World::new(&["a"]);
    let err = world.create(&world.workspace.path("a").unwrap(), b"x").unwrap_err();
    expect!["cannot write `a`: file exists"].assert_eq(&err.to_string());
}

/// H08.
#[test]
fn a_file_that_is_read_only_and_the_files_of_git_are_not_written() {
    let world = World::new(&["locked", ".git/config"]);
    fs::set_permissions(world.at("locked"), fs::Permissions::from_mode(0o444)).unwrap();
    symlink(".git", world.at("innocent")).unwrap();
    check(
        &world,
        &["locked", ".git/config", ".GIT/hooks/x", "innocent/hooks/x"],
        expect![[r#"
            locked
              old
              `locked` is read-only
            .git/config
              old
              `.git/config` belongs to git; use a git command
            .GIT/hooks/x
              there is no `.GIT/hooks/x`
              `.GIT/hooks/x` belongs to git; use a git command
            innocent/hooks/x
              there is no `innocent/hooks/x`
              `.git/hooks/x` belongs to git; use a git command
        "#]],
    );
}

#[track_caller]
fn check_walk(files: &[&str], ignore: &str, path: &str, depth: Option<usize>, expected: Expect) {
    let world = World::new(files);
    fs::write(world.at(".gitignore"), ignore).unwrap();
    // Rules above the root are not ours.
    fs::write(world.dir.path().join(".gitignore"), "*").unwrap();
    symlink("../outside", world.at("link")).unwrap();
    expected.assert_eq(&world.shown(path, depth));
}

#[test]
fn a_walk_shows_what_git_would_and_hidden_files() {
    check_walk(
        &["src/a.rs", "src.rs", ".env", "out/x", ".git/config"],
        "out/\n",
        "",
        None,
        expect![[r#"
            .env File
            .gitignore File
            link Link
            src Directory
            src/a.rs File
            src.rs File
        "#]],
    );
}

#[test]
fn what_a_build_makes_is_known_by_what_is_in_it_or_beside_it() {
    check_walk(
        &[
            "Cargo.toml",
            "target/x",
            "src/target/mod.rs",
            "other/target/CACHEDIR.TAG",
            "web/package.json",
            "web/node_modules/x",
            "web/src/node_modules/x",
            "bin/target",
        ],
        "",
        "",
        None,
        expect![[r#"
            .gitignore File
            Cargo.toml File
            bin Directory
            bin/target File
            link Link
            other Directory
            src Directory
            src/target Directory
            src/target/mod.rs File
            web Directory
            web/package.json File
            web/src Directory
            web/src/node_modules Directory
            web/src/node_modules/x File
        "#]],
    );
}

#[test]
fn what_git_tracks_is_no_build_output() {
    let world = World::new(&["Cargo.toml", "target/a", "b/package.json", "b/node_modules/x"]);
    let repository = git2::Repository::init(world.workspace.root()).unwrap();
    let mut index = repository.index().unwrap();
    index.add_path(Path::new("target/a")).unwrap();
    index.write().unwrap();
    expect![[r#"
        Cargo.toml File
        b Directory
        b/package.json File
        target Directory
        target/a File
    "#]]
    .assert_eq(&world.shown("", None));
}

#[test]
fn a_walk_from_below_keeps_the_rules_from_above() {
    check_walk(
        &["a/b/x.log", "a/b/c/y", "a/z"],
        "*.log\n",
        "a/b",
        None,
        expect![[r#"
        a/b/c Directory
        a/b/c/y File
    "#]],
    );
    check_walk(
        &["a/b/c/y", "a/z"],
        "",
        "a",
        Some(1),
        expect![[r#"
        a/b Directory
        a/z File
    "#]],
    );
}

#[test]
fn what_is_ignored_is_walked_when_it_is_asked_for() {
    check_walk(
        &["target/debug/x", "a"],
        "target\n",
        "target/debug",
        None,
        expect![[r#"
        target/debug/x File
    "#]],
    );
}

#[test]
fn a_file_is_found_under_itself() {
    check_walk(
        &["a/b"],
        "b\n",
        "a/b",
        None,
        expect![[r#"
        a/b File
    "#]],
    );
}

#[test]
fn the_project_is_the_work_tree_but_never_the_home_around_it() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    let scratch = home.join("scratch");
    let inner = home.join("project/src");
    fs::create_dir_all(&scratch).unwrap();
    fs::create_dir_all(&inner).unwrap();
    git2::Repository::init(&home).unwrap();
    git2::Repository::init(home.join("project")).unwrap().set_head("refs/heads/topic/x").unwrap();

    let opened = Workspace::open(&inner, Some(&home)).unwrap();
    assert_eq!(opened.root(), home.join("project"));
    assert_eq!(opened.branch().as_deref(), Some("topic/x"));
    let opened = Workspace::open(&scratch, Some(&home)).unwrap();
    assert_eq!((opened.root(), opened.branch()), (&*scratch, None));
}

#[test]
fn a_repository_cannot_widen_the_project() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("project");
    let repository = git2::Repository::init(&root).unwrap();
    repository.config().unwrap().set_str("core.worktree", "/").unwrap();
    assert_eq!(Workspace::open(&root, None).unwrap().root(), root);
}

#[test]
fn changes_to_several_files_are_made_together_or_not_at_all() {
    let world = World::new(&["a", "b", "c"]);
    let path = |it: &str| world.workspace.path(it).unwrap();
    let read = |it: &str| world.workspace.read(&path(it)).unwrap();
    let shown = || {
        let names = ["a", "b", "c", "d"].into_iter();
        let texts = names.map(|it| fs::read_to_string(world.at(it)).unwrap_or("-".into()));
        texts.map(|it| it.trim().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let stale = read("c");
    fs::write(world.at("c"), "theirs\n").unwrap();
    let changes = |last: SourceFile| {
        let new = b"new\n".to_vec();
        [
            Change::Replace { before: read("a"), bytes: new.clone() },
            Change::Create { path: path("d"), bytes: new.clone() },
            Change::Delete { before: read("b") },
            Change::Replace { before: last, bytes: new },
        ]
    };
    let err = world.workspace.apply(&changes(stale)).unwrap_err();
    expect!["`c` was changed by someone else just now, so it was left alone; read it again"]
        .assert_eq(&err.to_string());
    assert_eq!(shown(), "old old theirs -");
    world.workspace.apply(&changes(read("c"))).unwrap();
    assert_eq!(shown(), "new - new new");
}

/// Keeps `hidden` from being read, `fixed` from being changed, and asks about what is in `asked`.
#[derive(Debug)]
struct Strict;

impl Warden for Strict {
    fn leave(&self, access: Access, path: &ProjectPath) -> Leave {
        match (access, path.to_string().split('/').next()) {
            (_, Some("hidden")) | (Access::Write, Some("fixed")) => Leave::Never,
            (_, Some("asked")) => Leave::Ask,
            _ => Leave::Free,
        }
    }
}

/// H10, R02.
#[test]
fn a_file_is_under_the_rule_of_where_it_really_is() {
    let world = World::new(&["hidden/a", "fixed/a", "asked/a", "free"]);
    for (target, link) in
        [("hidden/a", "to_hidden"), ("fixed/a", "to_fixed"), ("asked", "to_asked")]
    {
        symlink(target, world.at(link)).unwrap();
    }
    world.workspace.heed(std::sync::Arc::new(Strict));
    let paths = [
        "hidden/a",
        "to_hidden",
        "fixed/a",
        "to_fixed",
        "asked/a",
        "to_asked/a",
        "to_asked/new",
        "free",
    ];
    expect![[r#"
        hidden/a
          `hidden/a` must not be read: the user's rules say so
          `hidden/a` must not be read: the user's rules say so
        to_hidden
          `to_hidden` leads to `hidden/a`, which must not be read: the user's rules say so
          `to_hidden` leads to `hidden/a`, which must not be read: the user's rules say so
        fixed/a
          old
          `fixed/a` must not be changed: the user's rules say so
        to_fixed
          old
          `to_fixed` leads to `fixed/a`, which must not be changed: the user's rules say so
        asked/a
          old
          written
        to_asked/a
          `to_asked/a` leads to `asked/a`, for which the user wants to be asked: name that path
          `to_asked/a` leads to `asked/a`, for which the user wants to be asked: name that path
        to_asked/new
          there is no `to_asked/new`
          `to_asked/new` leads to `asked/new`, for which the user wants to be asked: name that path
        free
          old
          written
    "#]]
    .assert_eq(&paths.map(|it| world.try_all(it)).concat());
    let found = |path: &str| world.workspace.opener().open(Path::new(path)).is_ok();
    assert_eq!(["hidden/a", "asked/a", "fixed/a", "free"].map(found), [false, false, true, true]);
}

#[test]
fn drafts_of_dead_processes_are_swept_by_the_next_write_beside_them() {
    let ours = std::process::id();
    // Process numbers are smaller than this.
    let dead = i32::MAX;
    let drafts = [
        format!(".agent-{dead}-0.tmp"),
        format!(".agent-{ours}-7.tmp"),
        ".agent-1-0.tmp".to_owned(),
        format!(".agent-{dead}-x.tmp"),
        format!("agent-{dead}-0.tmp"),
    ];
    let names: Vec<&str> = drafts.iter().map(String::as_str).chain(["a", "b"]).collect();
    let world = World::new(&names);
    let held = format!(".agent-{dead}-1.tmp");
    let draft = fs::File::create(world.at(&held)).unwrap();
    draft.lock().unwrap();
    world.try_all("a");
    let mut left: Vec<_> = fs::read_dir(world.workspace.root()).unwrap().flatten().collect();
    left.sort_by_key(fs::DirEntry::file_name);
    let left: Vec<_> = left.iter().map(|it| it.file_name().into_string().unwrap()).collect();
    let lives = [".agent-1-0.tmp", &held, &drafts[3], "a", &drafts[4], "b"];
    assert_eq!(left, lives);
}

#[test]
fn what_is_moved_keeps_its_mode_and_is_moved_back() {
    let world = World::new(&["run.sh", "last"]);
    fs::set_permissions(world.at("run.sh"), fs::Permissions::from_mode(0o751)).unwrap();
    let read = |it: &str| world.workspace.read(&world.workspace.path(it).unwrap()).unwrap();
    let moved = || Change::Move {
        before: read("run.sh"),
        path: world.workspace.path("bin/go.sh").unwrap(),
        bytes: b"new\n".to_vec(),
    };
    let mode = |it: &str| fs::metadata(world.at(it)).unwrap().mode() & 0o7777;
    let stale = read("last");
    fs::write(world.at("last"), "theirs\n").unwrap();
    let changes = [moved(), Change::Delete { before: stale }];
    world.workspace.apply(&changes).unwrap_err();
    assert_eq!((fs::read(world.at("run.sh")).unwrap(), mode("run.sh")), (b"old\n".to_vec(), 0o751));
    assert!(!world.at("bin/go.sh").exists());
    world.workspace.apply(&[moved()]).unwrap();
    assert_eq!(
        (fs::read(world.at("bin/go.sh")).unwrap(), mode("bin/go.sh")),
        (b"new\n".to_vec(), 0o751)
    );
    assert!(!world.at("run.sh").exists());
}
