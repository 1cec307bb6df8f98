//! What a look at a project finds, and what the next one finds new.

use expect_test::{Expect, expect};

use super::*;
use std::fs::File;

fn now() -> SystemTime {
    // Long after whatever the tests write, so that no directory is too fresh to be believed.
    SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40)
}

struct Project {
    dir: tempfile::TempDir,
    survey: Survey,
}

impl Project {
    /// With these files, directories (which end in a slash) and links (`link -> target`).
    fn new(entries: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let survey = Survey::new(root, Secrets::default(), now);
        let project = Self { dir, survey };
        project.add(entries);
        project
    }

    fn add(&self, entries: &[&str]) {
        for entry in entries {
            let (name, target) = match entry.split_once(" -> ") {
                Some((name, target)) => (name, Some(target)),
                None => (*entry, None),
            };
            let path = self.dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match target {
                Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
                None if name.ends_with('/') => std::fs::create_dir_all(path).unwrap(),
                None => std::fs::write(path, "").unwrap(),
            }
        }
    }

    fn shown(&mut self) -> String {
        let view = self.survey.look();
        let root = self.dir.path().canonicalize().unwrap();
        let mut text = String::new();
        let below = |it: &PathBuf| it.strip_prefix(&root).unwrap_or(it).display().to_string();
        for (label, paths) in [
            ("hidden", &view.hidden),
            ("closed", &view.closed),
            ("pinned", &view.pinned),
            ("frozen", &view.frozen),
            ("outside", &view.outside),
        ] {
            for path in paths {
                text += &format!("{label} {}\n", below(path));
            }
        }
        for absent in &view.absent {
            match absent {
                // Of the root, and the same in each.
                Absent::Directory(path) if is_obeyed(&below(path)) => {}
                Absent::Directory(path) => text += &format!("absent {}/\n", below(path)),
                Absent::File(path, it) => text += &format!("absent {} {it:?}\n", below(path)),
            }
        }
        view.news.iter().for_each(|it| text += &format!("news: {it}\n"));
        text.replace(root.to_str().unwrap(), "ROOT")
    }
}

#[track_caller]
fn check(entries: &[&str], expected: Expect) {
    expected.assert_eq(&Project::new(entries).shown());
}

#[test]
fn an_ordinary_project_has_nothing_to_hide() {
    check(
        &["src/main.rs", "README.md", "target/debug/x", "lib -> src", "sh -> /bin/sh"],
        expect![[""]],
    );
}

#[test]
fn secrets_are_hidden_wherever_they_are() {
    check(
        &[".env", "a/b/.env.local", "a/.env.example", "target/.env", "node_modules/x/.env"],
        expect![[r#"
            hidden .env
            hidden a/b/.env.local
            hidden node_modules/x/.env
            hidden target/.env
            pinned a
            pinned a/b
            pinned node_modules
            pinned node_modules/x
            pinned target
        "#]],
    );
}

#[test]
fn what_a_rule_hides_stays_where_the_rule_finds_it() {
    let mut project = Project::new(&["vault/a/b"]);
    project.survey.secrets = Secrets::new(&[], ["vault/**"].into_iter()).unwrap();
    expect![[r#"
        hidden vault/a/b
        pinned vault
        pinned vault/a
    "#]]
    .assert_eq(&project.shown());
}

#[test]
fn the_whole_way_to_what_a_link_leads_to_is_pinned() {
    check(
        &["a/.env -> ../by/real", "by -> in/turn", "in/turn/real", ".envrc -> by/x", "in/turn/x"],
        expect![[r#"
            hidden in/turn/real
            pinned a
            pinned a/.env
            pinned by
            pinned in
            pinned in/turn
            frozen .envrc
            frozen in/turn/x
        "#]],
    );
}

#[test]
fn a_repository_is_pinned_and_what_runs_is_frozen() {
    check(
        &[".git/config", ".git/hooks/", ".git/HEAD", ".git/objects/info/"],
        expect![[r#"
            pinned .git
            pinned .git/objects
            pinned .git/objects/info
            frozen .git/config
            frozen .git/hooks
            absent .git/info/
            absent .git/config.worktree ""
            absent .git/objects/info/alternates ""
            absent .git/commondir ".\n"
            absent .git/modules/
        "#]],
    );
}

#[test]
fn repositories_in_repositories_are_found() {
    check(
        &[
            "a/b/.git/config",
            ".git/config",
            ".git/hooks/x",
            ".git/info/x",
            ".git/modules/lib/sub/HEAD",
            ".git/modules/lib/sub/config",
            ".git/worktrees/w/gitdir",
            ".git/worktrees/w/commondir",
        ],
        expect![[r#"
            pinned .git
            pinned .git/info
            pinned .git/modules
            pinned .git/modules/lib
            pinned .git/modules/lib/sub
            pinned .git/worktrees
            pinned .git/worktrees/w
            pinned a
            pinned a/b
            pinned a/b/.git
            frozen .git/config
            frozen .git/hooks
            frozen .git/modules/lib/sub/config
            frozen .git/worktrees/w/commondir
            frozen .git/worktrees/w/gitdir
            frozen a/b/.git/config
            absent .git/info/attributes ""
            absent .git/config.worktree ""
            absent .git/commondir ".\n"
            absent .git/modules/lib/sub/hooks/
            absent .git/modules/lib/sub/info/
            absent .git/modules/lib/sub/config.worktree ""
            absent .git/modules/lib/sub/commondir ".\n"
            absent .git/modules/lib/sub/modules/
            absent a/b/.git/hooks/
            absent a/b/.git/info/
            absent a/b/.git/config.worktree ""
            absent a/b/.git/commondir ".\n"
            absent a/b/.git/modules/
        "#]],
    );
}

#[test]
fn what_other_programs_obey_is_frozen_in_any_case() {
    check(
        &[".VSCode/tasks.json", "sub/.envrc", ".Git/config"],
        expect![[r#"
            pinned .Git
            pinned sub
            frozen .Git/config
            frozen .VSCode
            frozen sub/.envrc
            absent .Git/hooks/
            absent .Git/info/
            absent .Git/config.worktree ""
            absent .Git/commondir ".\n"
            absent .Git/modules/
        "#]],
    );
}

#[test]
fn a_directory_that_cannot_be_named_to_its_end_is_closed() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let mut project = Project::new(&["a/b/.env"]);
    let name = "d".repeat(250);
    let mut here = rustix::fs::open(project.dir.path(), OFlags::RDONLY, Mode::empty()).unwrap();
    for _ in 0..20 {
        mkdirat(&here, &name, 0o755.into()).unwrap();
        here = openat(&here, &name, OFlags::RDONLY, Mode::empty()).unwrap();
    }
    rustix::fs::renameat(CWD, project.dir.path().join("a/b"), &here, "b").unwrap();
    let view = project.survey.look();
    assert_eq!((view.obstacle, view.hidden.len(), view.closed.len()), (None, 0, 1));
    let root = project.dir.path().canonicalize().unwrap();
    let depth = view.closed[0].strip_prefix(root).unwrap().iter().count();
    assert!((10..16).contains(&depth), "{depth}");
}

#[test]
fn a_time_that_was_set_back_hides_no_change() {
    let mut project = Project::new(&["a/b"]);
    let times = || {
        let found = project.dir.path().join("a").metadata().unwrap();
        std::fs::FileTimes::new().set_modified(found.modified().unwrap())
    };
    let before = times();
    project.shown();
    project.add(&["a/.envrc"]);
    File::open(project.dir.path().join("a")).unwrap().set_times(before).unwrap();
    expect![[r#"
        pinned a
        frozen a/.envrc
        news: `a/.envrc` has appeared; other programs obey it, so look at it before you use them
    "#]]
    .assert_eq(&project.shown());
}

#[test]
fn what_is_planned_for_a_rebase_is_news() {
    let mut project = Project::new(&[".git/config"]);
    project.shown();
    project.add(&[".git/rebase-merge/git-rebase-todo"]);
    let shown = project.shown();
    expect!["news: `.git/rebase-merge/git-rebase-todo` has appeared; other programs obey it, so look at it before you use them"]
        .assert_eq(shown.lines().last().unwrap());
}

#[test]
fn where_the_project_itself_holds_the_hooks_each_is_frozen() {
    let mut project = Project::new(&[".git/hooks/", "pre-commit"]);
    let config = project.dir.path().join(".git/config");
    std::fs::write(config, "[core]\n\thooksPath = .\n").unwrap();
    let shown = project.shown();
    let lines = shown.lines().filter(|it| it.contains("pre-commit") || it.contains("pre-push"));
    expect![[r#"
        frozen pre-commit
        absent pre-push ""
    "#]]
    .assert_eq(&lines.map(|it| format!("{it}\n")).collect::<String>());
}

#[test]
fn settings_of_rarer_programs_are_frozen_and_told_but_may_appear() {
    let mut project = Project::new(&[".zed/tasks.json"]);
    let root = project.dir.path().canonicalize().unwrap();
    let view = project.survey.look();
    let is_held = |it: &str| view.absent.contains(&Absent::Directory(root.join(it)));
    assert_eq!((is_held(".vscode"), is_held(".roo")), (true, false));
    project.add(&[".roo/mcp.json"]);
    expect![[r#"
        frozen .roo
        frozen .zed
        news: `.roo` has appeared; other programs obey it, so look at it before you use them
    "#]]
    .assert_eq(&project.shown());
}

#[test]
fn secrets_among_the_settings_of_other_programs_are_hidden_too() {
    let mut project = Project::new(&[".vscode/.env"]);
    std::fs::write(project.dir.path().join(".envrc"), "export API_TOKEN=x\n").unwrap();
    expect![[r#"
        hidden .envrc
        hidden .vscode/.env
        pinned .vscode
        frozen .envrc
        frozen .vscode
    "#]]
    .assert_eq(&project.shown());
}

#[test]
fn what_appears_is_told_once() {
    let mut project =
        Project::new(&["src/a", ".git/config", ".git/hooks/", ".git/info/", ".git/commondir"]);
    project.shown();
    project.add(&[
        "src/evil/.git/config",
        "src/.envrc",
        "out -> ../elsewhere",
        "in -> src/a",
        "bare/HEAD",
        "bare/objects/",
        "bare/refs/",
        ".git/hooks/post-checkout",
    ]);
    let news = |text: String| {
        let lines = text.lines().filter(|it| it.starts_with("news")).map(|it| format!("{it}\n"));
        lines.collect::<String>()
    };
    let first = news(project.shown());
    let outside = project.dir.path().canonicalize().unwrap().parent().unwrap().join("elsewhere");
    expect![[r#"
        news: a git repository has appeared in `bare`; git obeys its settings and hooks there
        news: a git repository has appeared in `src/evil`; git obeys its settings and hooks there
        news: `src/.envrc` has appeared; other programs obey it, so look at it before you use them
        news: `.git/hooks` has changed; other programs obey it, so look at it before you use them
        news: `out` is a new link that leads out of the project, to `OUT`
    "#]]
    .assert_eq(&first.replace(outside.to_str().unwrap(), "OUT"));
    assert_eq!(news(project.shown()), "");
}

#[test]
fn a_second_look_finds_what_has_changed_deep_down() {
    let mut project = Project::new(&["a/b/c/d", "e/f"]);
    project.shown();
    project.add(&["a/b/c/.env"]);
    assert_eq!(project.survey.look().hidden.len(), 1);
    std::fs::remove_file(project.dir.path().join("a/b/c/.env")).unwrap();
    assert_eq!(project.shown(), "");
}

#[test]
fn content_that_git_holds_is_no_secret() {
    let mut project = Project::new(&[".env"]);
    let repository = git2::Repository::init(project.dir.path()).unwrap();
    let mut index = repository.index().unwrap();
    let hidden = |project: &mut Project| project.survey.look().hidden.len();
    assert_eq!(hidden(&mut project), 1);
    index.add_path(Path::new(".env")).unwrap();
    index.write().unwrap();
    assert_eq!(hidden(&mut project), 0);
    std::fs::write(project.dir.path().join(".env"), "TOKEN=x").unwrap();
    assert_eq!(hidden(&mut project), 1);
}

#[test]
fn a_linked_work_tree_brings_its_repository_if_that_knows_of_it() {
    let mut project = Project::new(&["x"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().canonicalize().unwrap();
    let admin = elsewhere.join(".git/worktrees/w");
    std::fs::create_dir_all(&admin).unwrap();
    std::fs::write(elsewhere.join(".git/config"), "").unwrap();
    std::fs::write(admin.join("commondir"), "../..\n").unwrap();
    let root = project.dir.path().canonicalize().unwrap();
    std::fs::write(root.join(".git"), format!("gitdir: {}\n", admin.display())).unwrap();
    assert!(project.survey.look().outside.is_empty());
    std::fs::write(admin.join("gitdir"), format!("{}\n", root.join(".git").display())).unwrap();
    let view = project.survey.look();
    assert_eq!(view.outside, [elsewhere.join(".git")]);
    assert!(view.frozen.contains(&elsewhere.join(".git/config")));
}

#[test]
fn a_repository_planted_among_those_of_submodules_is_news() {
    let mut project = Project::new(&[".git/config", ".git/modules/known/HEAD"]);
    project.shown();
    project.add(&[".git/modules/planted/HEAD", ".git/modules/planted/config"]);
    let shown = project.shown();
    let news: Vec<_> = shown.lines().filter(|it| it.starts_with("news")).collect();
    expect!["news: a git repository has appeared in `.git/modules/planted`; git obeys its settings and hooks there"].assert_eq(&news.join("\n"));
}

#[test]
fn plain_files_do_not_count_and_what_is_too_large_is_said_to_be() {
    let files: Vec<_> = (0..50).map(|it| format!("f{it}")).collect();
    let mut entries: Vec<_> = files.iter().map(String::as_str).collect();
    entries.extend([".env", ".git/config", "a/"]);
    let mut project = Project::new(&entries);
    project.survey.most = 5;
    assert_eq!(project.survey.look().obstacle, None);
    project.add(&["b/", "c/", "d/", "e/", "g/.env"]);
    let view = project.survey.look();
    assert_eq!(view.obstacle, Some(Obstacle::TooLarge));
    let root = project.dir.path().canonicalize().unwrap();
    assert_eq!(view.hidden, [root.join(".env")]);
    assert!(view.frozen.contains(&root.join(".git/config")));
}

#[test]
fn only_what_has_time_and_content_of_a_placeholder_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let stamp = |name: &str, seconds: u64, nanos: u32| {
        let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        File::open(dir.path().join(name)).unwrap().set_modified(time).unwrap();
    };
    let (file, folder) = (dir.path().join("file"), dir.path().join("folder"));
    let stand = || {
        let (file, folder) = (file.clone(), folder.clone());
        (Absent::File(file, "").stands(), Absent::Directory(folder).stands())
    };
    std::fs::write(&file, "").unwrap();
    std::fs::create_dir(&folder).unwrap();
    let both = |seconds, nanos| ["file", "folder"].map(|it| stamp(it, seconds, nanos));
    both(0, 0);
    assert_eq!(stand(), (false, false));
    both(1, 618_033_900);
    assert_eq!(stand(), (true, true));
    std::fs::write(&file, "mine").unwrap();
    std::fs::write(folder.join("mine"), "").unwrap();
    both(1, 618_033_900);
    assert_eq!(stand(), (false, false));
}

#[test]
fn what_a_link_leads_to_is_hidden_and_frozen_as_the_link_is() {
    check(
        &[
            "env.real",
            ".env -> env.real",
            ".envrc -> conf/e1",
            "conf/e1",
            "real.git/config",
            "real.git/hooks -> ../hk",
            "hk/",
            ".git -> real.git",
        ],
        expect![[r#"
            hidden env.real
            pinned .env
            pinned conf
            pinned real.git
            frozen .envrc
            frozen .git
            frozen conf/e1
            frozen hk
            frozen real.git/config
            frozen real.git/hooks
            absent real.git/info/
            absent real.git/config.worktree ""
            absent real.git/commondir ".\n"
            absent real.git/modules/
        "#]],
    );
}

#[test]
fn a_bare_repository_may_have_the_rest_elsewhere() {
    let mut project = Project::new(&["a/HEAD", "b/HEAD", "b/objects/"]);
    project.shown();
    project.add(&["a/commondir"]);
    expect![[r#"
        news: a git repository has appeared in `a`; git obeys its settings and hooks there
    "#]]
    .assert_eq(&project.shown());
}

#[test]
fn what_settings_of_git_name_is_frozen_too() {
    let mut project = Project::new(&[".git/hooks/", ".husky/x", "a/gitconfig.inc"]);
    let write = |name: &str, text: &str| {
        std::fs::write(project.dir.path().join(name), text).unwrap();
    };
    write(".git/config", "[core]\n\thooksPath = .husky\n[include]\n\tpath = ../a/gitconfig.inc\n");
    write("a/gitconfig.inc", "[include]\n\tpath = more.inc\n");
    let shown = project.shown();
    let lines = shown.lines().filter(|it| !it.contains(".git/"));
    expect![[r#"
        pinned .git
        pinned a
        frozen .husky
        frozen a/gitconfig.inc
        absent a/more.inc ""
    "#]]
    .assert_eq(&lines.map(|it| format!("{it}\n")).collect::<String>());
}
