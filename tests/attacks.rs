//! The sandbox under attack, by the attacks that the program brings: as whoever runs the tests, and,
//! where that is root, as an ordinary user too.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::child::{Finished, copy_program};
use crate::support::home::Home;

/// A suite of its own, on a machine that may be busy.
const LONG: std::time::Duration = std::time::Duration::from_secs(120);

/// Not `/tmp`, of which a command has its own: here it would see the world outside if it could.
fn ground(name: &str) -> PathBuf {
    let ground = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&ground).expect("a folder can be made");
    ground
}

/// No attack comes through that shall not, no work is hindered, and each attack is one: without
/// confinement it succeeds.
#[track_caller]
fn check(run: &Finished) {
    let told: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|err| panic!("{err}: {}{}", run.stdout, run.stderr));
    assert_eq!(told["level"], "namespaces");
    let cases = told["cases"].as_array().expect("a list of cases");
    let bad: Vec<_> = cases
        .iter()
        .filter(|it| it["good"] != true)
        .map(|it| format!("{} {}: {}", it["id"], it["what"], it["verdict"]))
        .collect();
    assert_eq!(bad, [""; 0], "of {} cases", cases.len());
    let known: Vec<_> = cases.iter().filter(|it| !it["reason"].is_null()).collect();
    assert!(known.is_empty(), "{known:?}");
    assert!(70 < cases.len(), "{} cases", cases.len());
    assert_eq!(run.code, Some(0));
}

#[test]
fn no_attack_comes_through() {
    let ground = ground("attacks");
    let home = Home::new();
    let run = home.agent(&["selftest", "--json"]);
    check(&run.env("XDG_STATE_HOME", &ground.to_string_lossy()).within(LONG).run());
}

#[test]
fn no_attack_of_an_ordinary_user_comes_through() {
    const NOBODY: u32 = 65534;
    if !rustix::process::getuid().is_root() {
        eprintln!("NOT RUN: the other test has run as an ordinary user; none has run as root");
        return;
    }
    // A folder and a program that the user may use, wherever this checkout lies.
    let place = tempfile::Builder::new().prefix("agent-attacks").tempdir_in("/var/tmp").unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join("agent");
    copy_program(env!("CARGO_BIN_EXE_agent"), &program);
    let state = place.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::os::unix::fs::chown(&state, Some(NOBODY), Some(NOBODY)).unwrap();
    let home = Home::new();
    let run = home.program(&program, &["-C", &state.to_string_lossy(), "selftest", "--json"]);
    let run = run.env("HOME", &state.to_string_lossy());
    let run = ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"]
        .into_iter()
        .fold(run, |it, name| it.env(name, &state.to_string_lossy()));
    check(&run.owned_by(NOBODY).within(LONG).run());
}
