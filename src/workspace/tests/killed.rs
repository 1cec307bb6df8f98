//! A process that does nothing but write, killed nine hundred times: each file is whole, old or new,
//! keeps its mode, and what was left beside it goes with the next write.
//!
//! The moments are chosen at random from a seed that each failure tells; `AGENT_TEST_SEED` sets it.
#![expect(clippy::disallowed_methods, reason = "the writer is this program, started by itself")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::workspace::{Change, ProjectPath, Workspace};

const KILLS: u64 = 900;
const LANES: u64 = 6;

/// Set where this program is to be the writer: the project it writes in.
const WRITE_IN: &str = "AGENT_TEST_WRITE_IN";

const NAME: &str = "workspace::tests::killed::a_file_is_whole_whenever_its_writer_is_killed";

#[test]
fn a_file_is_whole_whenever_its_writer_is_killed() {
    if let Some(project) = std::env::var_os(WRITE_IN) {
        write_for_ever(Path::new(&project));
    }
    let given = std::env::var("AGENT_TEST_SEED").ok();
    let seed: u64 = given.map_or(1, |it| it.parse().unwrap());
    let strays: u64 = std::thread::scope(|scope| {
        let lanes = (0..LANES).map(|lane| scope.spawn(move || kill_again_and_again(seed + lane)));
        lanes.collect::<Vec<_>>().into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert!(0 < strays, "no kill has struck while a file was written, seed {seed}");
}

/// How often a draft was left.
fn kill_again_and_again(seed: u64) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, whole(0)).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o751)).unwrap();
    let (mut random, mut strays) = (seed, 0);
    for kill in 0..KILLS / LANES {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (before, yields) = (mark(&file), (random >> 33) % (1 << ((random >> 60) % 10)));
        let mut writer = writer(dir.path());
        while mark(&file) == before {
            assert!(writer.try_wait().unwrap().is_none(), "the writer has ended by itself");
            std::thread::yield_now();
        }
        (0..yields).for_each(|_| std::thread::yield_now());
        writer.kill().unwrap();
        writer.wait().unwrap();

        let text = std::fs::read(&file).unwrap();
        assert!(text == whole(mark(&file)), "kill {kill}, seed {seed}: the file is torn");
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o751, "kill {kill}, seed {seed}");
        // Those of earlier kills went when this writer began.
        assert!(names(dir.path()) <= 2, "kill {kill}, seed {seed}: strays are left");
        strays += names(dir.path()) as u64 - 1;
    }
    let workspace = Workspace::open(dir.path(), None).unwrap();
    write(&workspace, &workspace.path("file").unwrap(), 1);
    assert_eq!(names(dir.path()), 1, "the next write sweeps");
    strays
}

fn writer(project: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", NAME, "--test-threads=1"]).env(WRITE_IN, project);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn write_for_ever(project: &Path) -> ! {
    let workspace = Workspace::open(project, None).unwrap();
    let path = workspace.path("file").unwrap();
    let mut n = mark(&project.join("file"));
    loop {
        n += 1;
        write(&workspace, &path, n);
    }
}

fn write(workspace: &Workspace, path: &ProjectPath, n: u64) {
    let before = workspace.read(path).unwrap();
    workspace.apply(&[Change::Replace { before, bytes: whole(n) }]).unwrap();
}

fn whole(n: u64) -> Vec<u8> {
    format!("{n}\n{}\n{n}\n", "x".repeat(20_000)).into_bytes()
}

fn mark(file: &Path) -> u64 {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().next().and_then(|it| it.parse().ok()).expect("the first line is a number")
}

fn names(project: &Path) -> usize {
    std::fs::read_dir(project).unwrap().count()
}
