//! The git tools on repositories of every kind: what is read, what is committed, what is refused.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use git2::{Repository, RepositoryInitOptions, Signature, Time};

use super::*;
use crate::workspace::{Access, Leave, ProjectPath, Warden};

/// A project with a repository that has one commit: `a` and `b`.
fn repository() -> (World, Repository) {
    let world = World::new(&[("a", "1\n2\n3\n"), ("b", "b\n")], Limits::default());
    let repository = init(&world);
    commit_all(&repository, "first\n\nwhy");
    (world, repository)
}

fn init(world: &World) -> Repository {
    let mut options = RepositoryInitOptions::new();
    options.initial_head("main").no_reinit(true);
    let repository = Repository::init_opts(project(world), &options).unwrap();
    let mut config = repository.config().unwrap();
    let settings = [
        ("user.name", "A Tester"),
        ("user.email", "tester@example.org"),
        ("core.autocrlf", "false"),
    ];
    settings.iter().for_each(|(name, value)| config.set_str(name, value).unwrap());
    config.set_bool("commit.gpgsign", false).unwrap();
    repository
}

fn project(world: &World) -> std::path::PathBuf {
    world.dir.path().join("project")
}

/// Stages and commits everything, as somebody at some time.
fn commit_all(repository: &Repository, message: &str) {
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who =
        Signature::new("A Tester", "tester@example.org", &Time::new(1_767_323_045, 0)).unwrap();
    let parent = repository.head().ok().and_then(|it| it.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents).unwrap();
}

fn write(world: &World, path: &str, text: &str) {
    let path = project(world).join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// What each call says; ids and days of commits are different each time they are made.
fn said(world: &World, calls: &[(&str, Value)]) -> String {
    let id = regex::Regex::new(r"\b[0-9a-f]{8}\b|\b[0-9a-f]{40}\b").unwrap();
    let day = regex::Regex::new(r"\b20\d\d-\d\d-\d\d\b").unwrap();
    let shown: String =
        calls.iter().map(|(tool, args)| world.shown(tool, &args.to_string())).collect();
    day.replace_all(&id.replace_all(&shown, "[ID]"), "[DAY]").into_owned()
}

#[track_caller]
fn says(world: &World, calls: &[(&str, Value)], expected: Expect) {
    expected.assert_eq(&said(world, calls));
}

#[test]
fn what_is_changed_is_told_in_the_short_form() {
    let (world, repository) = repository();
    says(
        &world,
        &[("git", json!({"action": "status"}))],
        expect![[r#"
        Done (1 line)
        ## main
        [nothing is changed]
    "#]],
    );
    write(&world, "a", "1\n2\nthree\n");
    write(&world, "new/x", "");
    write(&world, "c", "c\n");
    fs::remove_file(project(&world).join("b")).unwrap();
    let mut index = repository.index().unwrap();
    index.add_path(Path::new("c")).unwrap();
    index.write().unwrap();
    says(
        &world,
        &[
            ("git", json!({"action": "status"})),
            ("git", json!({"action": "status", "path": "new"})),
            ("git", json!({"action": "diff"})),
            ("git", json!({"action": "diff", "revision": "--staged"})),
            ("git", json!({"action": "diff", "revision": "HEAD", "path": "c"})),
        ],
        expect![[r#"
            Done (5 lines)
            ## main
             M a
             D b
            A  c
            ?? new/
            Done (2 lines)
            ## main
            ?? new/
            Done (16 lines)
            diff --git a/a b/a
            index 01e79c3..6b1f642 100644
            --- a/a
            +++ b/a
            @@ -1,3 +1,3 @@
             1
             2
            -3
            +three
            diff --git a/b b/b
            deleted file mode 100644
            index 6178079..0000000
            --- a/b
            +++ /dev/null
            @@ -1 +0,0 @@
            -b
            Done (7 lines)
            diff --git a/c b/c
            new file mode 100644
            index 0000000..f2ad6c7
            --- /dev/null
            +++ b/c
            @@ -0,0 +1 @@
            +c
            Done (7 lines)
            diff --git a/c b/c
            new file mode 100644
            index 0000000..f2ad6c7
            --- /dev/null
            +++ b/c
            @@ -0,0 +1 @@
            +c
        "#]],
    );
}

#[test]
fn what_was_done_before_is_told() {
    let (world, repository) = repository();
    write(&world, "a", "1\n2\nthree\n");
    commit_all(&repository, "second");
    write(&world, "a", "0\n1\n2\nthree\n");
    says(
        &world,
        &[
            ("git", json!({"action": "log"})),
            ("git", json!({"action": "log", "path": "b"})),
            ("git", json!({"action": "log", "revision": "HEAD~1..HEAD"})),
            ("git", json!({"action": "show"})),
            ("git", json!({"action": "show", "revision": "HEAD~1:b"})),
            ("git", json!({"action": "show", "revision": "HEAD:"})),
            ("git", json!({"action": "diff", "revision": "HEAD~1..HEAD"})),
            ("git", json!({"action": "blame", "path": "a"})),
            ("git", json!({"action": "branches"})),
        ],
        expect![[r#"
            Done (2 lines)
            [ID] [DAY] A Tester: second
            [ID] [DAY] A Tester: first
            Done (1 line)
            [ID] [DAY] A Tester: first
            Done (1 line)
            [ID] [DAY] A Tester: second
            Done (15 lines)
            commit [ID]
            Author: A Tester <tester@example.org>
            Date:   [DAY]

                second

            diff --git a/a b/a
            index 01e79c3..6b1f642 100644
            --- a/a
            +++ b/a
            @@ -1,3 +1,3 @@
             1
             2
            -3
            +three
            Done (1 line)
            b
            Done (2 lines)
            a
            b
            Done (9 lines)
            diff --git a/a b/a
            index 01e79c3..6b1f642 100644
            --- a/a
            +++ b/a
            @@ -1,3 +1,3 @@
             1
             2
            -3
            +three
            Done (4 lines)
            not committed 1) 0
            [ID] [DAY] A Tester 2) 1
            [ID] [DAY] A Tester 3) 2
            [ID] [DAY] A Tester 4) three
            Done (1 line)
            * main [ID] second
        "#]],
    );
}

#[test]
fn what_cannot_be_told_is_explained() {
    let (world, _) = repository();
    write(&world, "new", "");
    says(
        &world,
        &[
            ("git", json!({"action": "show", "revision": "nowhere"})),
            ("git", json!({"action": "log", "revision": "a..nowhere"})),
            ("git", json!({"action": "blame", "path": "new"})),
            ("git", json!({"action": "blame"})),
            ("git", json!({"action": "push"})),
            ("git", json!({"action": "log", "start_line": 9})),
            ("git", json!({"action": "diff", "path": "../outside"})),
        ],
        expect![[r#"
            Failed (refused)
            git knows no revision `nowhere`
            Failed (refused)
            git knows no revision `a..nowhere`
            Failed (refused)
            `new` is in no commit yet
            Failed (no file)
            `blame` wants the `path` of a file
            Malformed (not understood)
            `action` must be one of status, diff, log, show, blame, branches, not `push`. Nothing was done. `git` takes {action: string, path?: string, revision?: string, start_line?: integer}
            Failed (no such lines)
            the answer has only 1 line
            Failed (refused)
            `../outside` is outside the project `/project`
        "#]],
    );
    check(
        &[],
        "git",
        json!({"action": "status"}),
        expect![[r#"
        Failed (refused)
        the project is not a git repository
    "#]],
    );
}

#[test]
fn what_is_long_goes_on_with_the_next_line() {
    let limits = Limits { result: Budget(50), ..Limits::default() };
    let world = World::new(&[("a", "")], limits);
    let repository = init(&world);
    commit_all(&repository, "first");
    let many: String = (1..100).map(|it| format!("{it}\n")).collect();
    write(&world, "a", &many);
    says(
        &world,
        &[
            ("git", json!({"action": "diff"})),
            ("git", json!({"action": "diff", "start_line": 100})),
        ],
        expect![[r#"
            Done (2 lines)
            diff --git a/a b/a
            index e69de29..4422a54 100644
            [cut after line 2; go on with start_line 3, or name a path]
            Done (5 lines)
            +95
            +96
            +97
            +98
            +99
        "#]],
    );
}

#[test]
fn a_commit_holds_the_named_paths_and_leaves_what_else_is_staged() {
    let (world, repository) = repository();
    write(&world, "a", "changed\n");
    write(&world, "b", "staged\n");
    write(&world, "new", "n\n");
    write(&world, "also/new", "n\n");
    let mut index = repository.index().unwrap();
    index.add_path(Path::new("b")).unwrap();
    index.write().unwrap();
    write(&world, "b", "staged, and changed since\n");
    says(
        &world,
        &[
            (
                "git_commit",
                json!({"message": "change a\n\n\n\nand more  \n", "paths": ["a", "also"]}),
            ),
            ("git", json!({"action": "status"})),
            ("git", json!({"action": "diff", "revision": "--staged"})),
            ("git", json!({"action": "diff"})),
            ("git", json!({"action": "show"})),
        ],
        expect![[r#"
            Done (2 files on main)
            [main [ID]] change a
            M a
            A also/new
            Done (3 lines)
            ## main
            MM b
            ?? new
            Done (7 lines)
            diff --git a/b b/b
            index 6178079..19d9cc8 100644
            --- a/b
            +++ b/b
            @@ -1 +1 @@
            -b
            +staged
            Done (7 lines)
            diff --git a/b b/b
            index 19d9cc8..4d06ee7 100644
            --- a/b
            +++ b/b
            @@ -1 +1 @@
            -staged
            +staged, and changed since
            Done (24 lines)
            commit [ID]
            Author: A Tester <tester@example.org>
            Date:   [DAY]

                change a

                and more

            diff --git a/a b/a
            index 01e79c3..5ea2ed4 100644
            --- a/a
            +++ b/a
            @@ -1,3 +1 @@
            -1
            -2
            -3
            +changed
            diff --git a/also/new b/also/new
            new file mode 100644
            index 0000000..8ba3a16
            --- /dev/null
            +++ b/also/new
            @@ -0,0 +1 @@
            +n
        "#]],
    );
}

#[test]
fn a_commit_without_paths_holds_all_that_git_knows() {
    let (world, repository) = repository();
    write(&world, "a", "changed\n");
    write(&world, "new", "n\n");
    fs::remove_file(project(&world).join("b")).unwrap();
    let hook = repository.path().join("hooks/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\ntouch ran\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    says(
        &world,
        &[
            ("git_commit", json!({"message": "all", "new_branch": "topic/x"})),
            ("git", json!({"action": "status"})),
            ("git", json!({"action": "branches"})),
            ("git_commit", json!({"message": "again"})),
        ],
        expect![[r#"
            Done (2 files on topic/x)
            [topic/x [ID]] all
            M a
            D b
            [not in it: a file that git does not know, such as `new`; name them in `paths`]
            [hooks were not run: pre-commit]
            Done (2 lines)
            ## topic/x
            ?? new
            Done (2 lines)
              main [ID] first
            * topic/x [ID] all
            Failed (refused)
            nothing to commit; not in it: a file that git does not know, such as `new`; name them in `paths`
        "#]],
    );
    assert!(!project(&world).join("ran").exists());
}

#[test]
fn the_first_commit_makes_its_branch() {
    let world = World::new(&[("a", "1\n")], Limits::default());
    init(&world);
    says(
        &world,
        &[
            ("git", json!({"action": "status"})),
            ("git", json!({"action": "log"})),
            ("git", json!({"action": "branches"})),
            ("git_commit", json!({"message": "first", "paths": ["."]})),
            ("git", json!({"action": "status"})),
        ],
        expect![[r#"
            Done (2 lines)
            ## main (no commits yet)
            ?? a
            Failed (refused)
            there is no commit yet
            Done (1 line)
            * main (no commits yet)
            Done (1 file on main)
            [main [ID]] first
            A a
            Done (1 line)
            ## main
            [nothing is changed]
        "#]],
    );
}

#[test]
fn what_cannot_be_committed_is_refused_and_nothing_changes() {
    let (world, repository) = repository();
    write(&world, ".gitignore", "ignored\n");
    write(&world, ".gitattributes", "*.bin filter=lfs\n");
    commit_all(&repository, "attributes");
    write(&world, "ignored", "");
    write(&world, "x.bin", "");
    write(&world, "a", "changed\n");
    Repository::init(project(&world).join("inner")).unwrap();
    write(&world, "inner/x", "");
    let head = || repository.head().unwrap().target();
    let (before, index) = (head(), fs::read(repository.path().join("index")).unwrap());
    let commit = |paths: Value| ("git_commit", json!({"message": "x", "paths": paths}));
    says(
        &world,
        &[
            commit(json!(["b"])),
            commit(json!(["nothing"])),
            commit(json!(["ignored"])),
            commit(json!(["x.bin"])),
            commit(json!(["inner"])),
            commit(json!(["../outside/secret"])),
            ("git_commit", json!({"message": " \n"})),
            ("git_commit", json!({"message": "x", "new_branch": "main"})),
            ("git_commit", json!({"message": "x", "new_branch": "a..b"})),
        ],
        expect![[r#"
            Failed (refused)
            `b` has not changed since the last commit
            Failed (refused)
            there is no `nothing`
            Failed (refused)
            `ignored` is ignored by git
            Failed (refused)
            `x.bin` goes through the filter `lfs`, a program that is not run here: commit it with a command
            Failed (refused)
            `inner/` is a repository of its own: commit in it, and name it, with a command
            Failed (refused)
            `../outside/secret` is outside the project `/project`
            Failed (refused)
            `message` is empty
            Failed (refused)
            there is a branch `main` already: leave `new_branch` out, or take another name
            Failed (refused)
            `a..b` cannot be the name of a branch
        "#]],
    );
    repository.set_head_detached(before.unwrap()).unwrap();
    says(
        &world,
        &[commit(json!(["a"])), ("git", json!({"action": "status"}))],
        expect![[r#"
            Failed (refused)
            no branch is checked out, so the commit could get lost: give `new_branch`
            Done (4 lines)
            ## no branch: HEAD is [ID]
             M a
            ?? inner/
            ?? x.bin
        "#]],
    );
    fs::write(repository.path().join("MERGE_HEAD"), format!("{}\n", before.unwrap())).unwrap();
    says(
        &world,
        &[commit(json!(["a"]))],
        expect![[r#"
        Failed (refused)
        a merge is under way: finish or abort it first, with a command
    "#]],
    );
    fs::remove_file(repository.path().join("MERGE_HEAD")).unwrap();
    repository.set_head("refs/heads/main").unwrap();
    repository.config().unwrap().set_str("user.email", "").unwrap();
    says(
        &world,
        &[commit(json!(["a"]))],
        expect![[r#"
        Failed (refused)
        git does not know who commits (failed to parse signature - Signature cannot have an empty name or email); the user can say it: git config --global user.name NAME, and user.email ADDRESS
    "#]],
    );
    assert_eq!((head(), fs::read(repository.path().join("index")).unwrap()), (before, index));
}

/// H34: nothing that a repository names as a program is run.
#[test]
fn nothing_of_a_repository_is_run() {
    let (world, repository) = repository();
    let ran = project(&world).join("../ran");
    let script = project(&world).join("run.sh");
    fs::write(&script, format!("#!/bin/sh\necho $0 $@ >> {}\ncat\n", ran.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let hooks = project(&world).join("hooks");
    fs::create_dir(&hooks).unwrap();
    for hook in
        ["pre-commit", "commit-msg", "post-commit", "post-index-change", "reference-transaction"]
    {
        fs::copy(&script, hooks.join(hook)).unwrap();
    }
    let run = script.to_string_lossy().into_owned();
    let mut config = repository.config().unwrap();
    for name in [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "filter.x.clean",
        "filter.x.smudge",
        "filter.x.process",
        "diff.x.command",
        "diff.x.textconv",
        "diff.external",
        "gpg.program",
        "core.askPass",
        "credential.helper",
        "interactive.diffFilter",
    ] {
        config.set_str(name, &run).unwrap();
    }
    config.set_str("core.hooksPath", "hooks").unwrap();
    config.set_bool("commit.gpgsign", true).unwrap();
    write(&world, ".gitattributes", "b filter=x diff=x\n");
    write(&world, "a", "changed\n");
    write(&world, "b", "changed\n");
    let actions = ["status", "diff", "log", "show", "branches"];
    for action in actions {
        assert_eq!(world.call("git", &json!({"action": action}).to_string()).status, Status::Done);
    }
    let blame = json!({"action": "blame", "path": "b"}).to_string();
    assert_eq!(world.call("git", &blame).status, Status::Done);
    let commit = json!({"message": "x", "paths": ["a", ".gitattributes"]});
    says(
        &world,
        &[("git_commit", commit)],
        expect![[r#"
        Done (2 files on main)
        [main [ID]] x
        M a
        A .gitattributes
        [hooks were not run: pre-commit, commit-msg, post-commit]
        [the commit is not signed]
    "#]],
    );
    assert!(!ran.exists(), "{}", fs::read_to_string(&ran).unwrap_or_default());
}

#[test]
fn a_repository_that_is_not_the_projects_own_is_not_read() {
    let world = World::new(&[], Limits::default());
    let outside = world.dir.path().join("outside/.git");
    let other = Repository::init(world.dir.path().join("outside")).unwrap();
    let git = project(&world).join(".git");
    let status = [("git", json!({"action": "status"}))];

    fs::write(&git, format!("gitdir: {}\n", outside.display())).unwrap();
    let mut found = said(&world, &status);
    fs::remove_file(&git).unwrap();
    symlink(&outside, &git).unwrap();
    found += &said(&world, &status);
    fs::remove_file(&git).unwrap();
    let own = Repository::init(project(&world)).unwrap();
    fs::write(own.path().join("commondir"), outside.display().to_string()).unwrap();
    found += &said(&world, &status);
    fs::remove_file(own.path().join("commondir")).unwrap();
    let work_tree = other.workdir().unwrap().to_string_lossy().into_owned();
    own.config().unwrap().set_str("core.worktree", &work_tree).unwrap();
    found += &said(&world, &status);
    expect![[r#"
        Failed (refused)
        `.git` leads to a repository that does not know this project: it is not read
        Failed (refused)
        `.git` leads to a repository that does not know this project: it is not read
        Failed (refused)
        `.git` leads to a repository that does not know this project: it is not read
        Failed (refused)
        the git repository here has its work tree elsewhere: it is not read
    "#]]
    .assert_eq(&found);
}

#[test]
fn a_linked_work_tree_is_read_and_committed_in() {
    let (world, repository) = repository();
    let path = world.dir.path().join("linked");
    repository.worktree("linked", &path, None).unwrap();
    fs::write(path.join("a"), "changed\n").unwrap();
    let workspace = Workspace::open(&path, Some(world.dir.path())).unwrap();
    let mut linked = world;
    linked.toolbox.workspace = workspace.into();
    says(
        &linked,
        &[
            ("git", json!({"action": "status"})),
            ("git_commit", json!({"message": "in the linked one"})),
            ("git", json!({"action": "branches"})),
        ],
        expect![[r#"
            Done (2 lines)
            ## linked
             M a
            Done (1 file on linked)
            [linked [ID]] in the linked one
            M a
            Done (2 lines)
            * linked [ID] in the linked one
              main [ID] first
        "#]],
    );
}

#[test]
fn no_link_leads_the_git_tools_out_of_the_project() {
    let world = World::new(&[("a", "1\n"), ("d/secret", "mine\n")], Limits::default());
    let repository = init(&world);
    commit_all(&repository, "first");
    fs::remove_file(project(&world).join("a")).unwrap();
    symlink("../outside/secret", project(&world).join("a")).unwrap();
    fs::remove_dir_all(project(&world).join("d")).unwrap();
    symlink("../outside", project(&world).join("d")).unwrap();
    let calls = [
        ("git", json!({"action": "diff"})),
        ("git", json!({"action": "diff", "path": "d/secret"})),
        ("git", json!({"action": "blame", "path": "d/secret"})),
        ("git", json!({"action": "blame", "path": "a"})),
        ("git_commit", json!({"message": "x", "paths": ["d/secret"]})),
        ("git_commit", json!({"message": "x", "paths": ["a"]})),
        ("git_commit", json!({"message": "x"})),
        ("git", json!({"action": "show", "revision": "HEAD:a"})),
        ("git", json!({"action": "show", "revision": "HEAD~1"})),
    ];
    let said = said(&world, &calls);
    assert!(!said.contains("S3CRET"), "{said}");
    // What is committed of a link is where it leads.
    assert!(said.contains("../outside/secret\nDone"), "{said}");
    world.secret_is_safe();
}

#[test]
fn a_file_is_committed_as_git_would_store_it() {
    let (world, repository) = repository();
    write(&world, ".gitattributes", "*.txt text eol=crlf\n");
    write(&world, "x.txt", "one\r\ntwo\r\n");
    write(&world, "run.sh", "true\n");
    let run = project(&world).join("run.sh");
    fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("a", project(&world).join("link")).unwrap();
    says(
        &world,
        &[
            ("git_commit", json!({"message": "x", "paths": ["."]})),
            ("git", json!({"action": "status"})),
        ],
        expect![[r#"
            Done (4 files on main)
            [main [ID]] x
            A .gitattributes
            A link
            A run.sh
            A x.txt
            Done (1 line)
            ## main
            [nothing is changed]
        "#]],
    );
    let tree = repository.head().unwrap().peel_to_tree().unwrap();
    let stored = |name: &str| {
        let entry = tree.get_name(name).unwrap();
        let blob = repository.find_blob(entry.id()).unwrap();
        (entry.filemode(), String::from_utf8(blob.content().to_vec()).unwrap())
    };
    assert_eq!(stored("x.txt"), (0o100_644, "one\ntwo\n".to_owned()));
    assert_eq!(stored("run.sh"), (0o100_755, "true\n".to_owned()));
    assert_eq!(stored("link"), (0o120_000, "a".to_owned()));
}

/// What a confined command could plant, so that what is not confined follows it.
#[test]
fn a_link_in_the_git_directory_is_never_followed() {
    let plant: &[(&str, &str)] = &[
        ("HEAD", "outside/secret"),
        ("index", "outside/secret"),
        ("logs", "outside"),
        ("logs/HEAD", "outside/secret"),
        ("logs/refs/heads/main", "outside/secret"),
        ("packed-refs", "outside/secret"),
        ("refs/heads/main", "outside/secret"),
        ("refs/heads/topic", "outside"),
        ("objects/pack", "outside"),
        ("COMMIT_EDITMSG", "outside/secret"),
    ];
    for (name, target) in plant {
        let (world, _) = repository();
        write(&world, "a", "changed\n");
        let link = project(&world).join(".git").join(name);
        if link.is_dir() {
            fs::remove_dir_all(&link).unwrap();
        } else {
            let _ = fs::remove_file(&link);
        }
        symlink(world.dir.path().join(target), &link).unwrap();
        let outside = || {
            let mut names: Vec<_> = fs::read_dir(world.dir.path().join("outside"))
                .unwrap()
                .map(|it| it.unwrap().path())
                .collect();
            names.sort();
            names.into_iter().map(|it| (fs::read(&it).unwrap(), it)).collect::<Vec<_>>()
        };
        let before = outside();
        let calls = [
            ("git_commit", json!({"message": "x"})),
            ("git_commit", json!({"message": "x", "new_branch": "topic/y"})),
            ("git", json!({"action": "log"})),
        ];
        let said = said(&world, &calls);
        assert!(!said.contains("Done"), "{name}: {said}");
        assert_eq!(outside(), before, "{name}");
    }
}

#[test]
fn the_objects_of_another_repository_are_not_borrowed() {
    let (world, _) = repository();
    let alternates = project(&world).join(".git/objects/info/alternates");
    fs::create_dir_all(alternates.parent().unwrap()).unwrap();
    fs::write(&alternates, "# none\n\n").unwrap();
    assert!(said(&world, &[("git", json!({"action": "log"}))]).starts_with("Done"));
    fs::write(&alternates, "/elsewhere/.git/objects\n").unwrap();
    let refused = said(&world, &[("git", json!({"action": "log"}))]);
    assert!(refused.contains("borrows objects of another one"), "{refused}");
}

#[test]
fn nothing_is_committed_while_a_command_could_change_the_repository() {
    let (world, _) = repository();
    write(&world, "a", "changed\n");
    let running = ("run_command", json!({"command": "echo on; exec sleep 60", "background": true}));
    let said = said(&world, &[running, ("git_commit", json!({"message": "x"}))]);
    assert!(said.contains("c1 (echo on; exec sleep 60) could change the repository"), "{said}");
}

#[test]
fn what_is_deleted_in_the_index_alone_is_deleted_and_new() {
    let (world, repository) = repository();
    let mut index = repository.index().unwrap();
    index.remove_path(Path::new("a")).unwrap();
    index.write().unwrap();
    says(
        &world,
        &[("git", json!({"action": "status"}))],
        expect![[r#"
            Done (3 lines)
            ## main
            D  a
            ?? a
        "#]],
    );
}

/// Keeps what is in `denied` from being read.
#[derive(Debug)]
struct Strict;

impl Warden for Strict {
    fn leave(&self, _: Access, path: &ProjectPath) -> Leave {
        if path.as_path().starts_with("denied") { Leave::Never } else { Leave::Free }
    }
}

#[test]
fn what_rules_and_secrets_keep_is_neither_shown_nor_committed() {
    let (world, repository) = repository();
    write(&world, ".env", "KEY=old\n");
    write(&world, "denied/key", "D3NIED 1\n");
    commit_all(&repository, "second");
    let tree = repository.head().unwrap().peel_to_tree().unwrap();
    let (folder, blob) = (
        tree.get_name("denied").unwrap().id(),
        tree.get_path(Path::new("denied/key")).unwrap().id(),
    );
    write(&world, "a", "changed\n");
    write(&world, ".env", "KEY=H1DDEN\n");
    write(&world, "denied/key", "D3NIED 2\n");
    let show = |it: String| ("git", json!({"action": "show", "revision": it}));
    let calls = [
        ("git", json!({"action": "diff"})),
        ("git", json!({"action": "diff", "revision": "HEAD~1"})),
        ("git", json!({"action": "diff", "revision": "HEAD~1..HEAD"})),
        show("HEAD".to_owned()),
        show("HEAD:denied/key".to_owned()),
        show(format!("{folder}:key")),
        show(blob.to_string()),
        ("git", json!({"action": "diff", "revision": format!("{folder}")})),
        ("git", json!({"action": "blame", "path": "denied/key"})),
        ("git_commit", json!({"message": "x"})),
        ("git_commit", json!({"message": "x", "paths": [".env"]})),
        ("git_commit", json!({"message": "x", "paths": ["denied"]})),
    ];
    world.toolbox.workspace.heed(std::sync::Arc::new(Strict));
    let said_before = said(&world, &calls);
    assert!(!said_before.contains("D3NIED"), "{said_before}");
    assert!(!said_before.contains("H1DDEN"), "{said_before}");
    assert!(said_before.contains("+changed"), "what is not hidden is shown: {said_before}");
    says(
        &world,
        &[
            ("git", json!({"action": "diff", "path": ".env"})),
            ("git", json!({"action": "show", "revision": "HEAD:denied/key"})),
            ("git", json!({"action": "show", "revision": format!("{folder}:key")})),
            ("git_commit", json!({"message": "x", "paths": [".env"]})),
            ("git_commit", json!({"message": "x", "paths": ["denied"]})),
            ("git_commit", json!({"message": "x", "paths": ["a"]})),
        ],
        expect![[r#"
            Done (2 lines)
            diff --git a/.env b/.env
            [hidden]
            Failed (refused)
            `denied/key` must not be read without the user's leave: their rules say so
            Failed (refused)
            a file is named by a commit and its path: REVISION:PATH
            Failed (refused)
            `.env` holds secrets, so it is not committed: name other `paths`; the user can commit it
            Failed (refused)
            `denied/key` is not to be read, by the user's rules, so it is not committed: name other `paths`; the user can commit it
            Done (1 file on main)
            [main [ID]] x
            M a
        "#]],
    );
}
