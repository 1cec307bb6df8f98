//! What the server has read of a session is kept for the next server, on a real llama-server.

#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;

use crate::support::child::Finished;
use crate::support::play::{Play, entries};

/// A session of one prompt and its answer, which is kept.
struct Session {
    play: Play,
    model: String,
}

impl Session {
    fn new(llama: &str) -> Option<Self> {
        let play = Play::new()?;
        play.configure(llama);
        let script = json!([{"content": "One."}, {"content": "Two."}, {"content": "Three."}]);
        let model = play.model("model", &script);
        let session = Self { play, model };
        session.agent(&["begin"]);
        Some(session)
    }

    #[track_caller]
    fn agent(&self, args: &[&str]) -> Finished {
        let finished = self.play.agent(&[&["-m", &self.model], args].concat()).run();
        finished.assert_code(0);
        finished
    }

    /// Goes on with another server. The tokens of the request that it had in its cache, and those it
    /// had to read.
    #[track_caller]
    fn go_on(&self, answer: &str) -> (u64, u64) {
        assert_eq!(self.agent(&["-c", "and then?"]).stdout, format!("{answer}\n"));
        let entries = entries(&self.play.home);
        let usage = &entries.iter().rfind(|it| it["kind"] == "reply").expect("it spoke")["usage"];
        let count = |name: &str| usage[name].as_u64().expect("the server counts");
        (count("cached"), count("read"))
    }

    fn files(&self) -> Vec<PathBuf> {
        let directory = self.play.home.path("home/.local/state/agent/read");
        let files = directory.read_dir().into_iter().flatten();
        files.map(|it| it.expect("it can be listed").path()).collect()
    }

    /// The one file that is kept.
    #[track_caller]
    fn file(&self) -> PathBuf {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

/// Kept, however quickly it would be read again.
const ALWAYS: &str = "keep_seconds = 0";

#[test]
fn the_next_server_reads_only_what_is_new() {
    let Some(session) = Session::new(ALWAYS) else { return };
    let mode = session.file().metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for answer in ["Two.", "Three."] {
        let (cached, read) = session.go_on(answer);
        assert!(read < 100 && 1000 < cached, "{cached} cached, {read} read");
    }
    session.file();
}

#[test]
fn a_copy_of_the_session_reads_only_what_is_new() {
    let Some(session) = Session::new(ALWAYS) else { return };
    let args = ["-c", "--fork", "--output-format", "json", "and then?"];
    let finished = session.agent(&args);
    let result: serde_json::Value = serde_json::from_str(&finished.stdout).expect("it is JSON");
    let count = |name: &str| result["usage"][name].as_u64().expect("the server counts");
    let (cached, read) = (count("cache_read_input_tokens"), count("input_tokens"));
    assert!(read < 100 && 1000 < cached, "{cached} cached, {read} read");
    assert_eq!(session.files().len(), 2);
}

#[test]
fn what_cannot_be_used_is_read_again() {
    let Some(session) = Session::new(ALWAYS) else { return };
    let file = session.file();
    let bytes = fs::read(&file).expect("it can be read");
    fs::write(&file, &bytes[..bytes.len() / 2]).expect("it can be written");
    let (cached, read) = session.go_on("Two.");
    assert!(cached == 0 && 1000 < read, "{cached} cached, {read} read");
    let (cached, read) = session.go_on("Three.");
    assert!(read < 100 && 1000 < cached, "{cached} cached, {read} read");
}

#[test]
fn what_another_model_has_read_is_not_taken_for_its_own() {
    let Some(session) = Session::new(ALWAYS) else { return };
    // The same to the byte, but who knows that?
    let copy = format!("{}.copy", session.model);
    fs::copy(&session.model, &copy).expect("it can be copied");
    fs::rename(&copy, &session.model).expect("it can be moved");
    let (cached, read) = session.go_on("Two.");
    assert!(cached == 0 && 1000 < read, "{cached} cached, {read} read");
}

#[test]
fn it_goes_with_its_session() {
    let Some(session) = Session::new(ALWAYS) else { return };
    let name = session.file();
    let name = name.file_name().and_then(|it| it.to_str()).expect("it has a name");
    let id = name.split('.').next().expect("it begins with the id");
    session.play.home.agent(&["sessions", "delete", id]).check();
    assert_eq!(session.files().len(), 0);
}

#[test]
fn what_is_read_again_quickly_is_not_kept_and_neither_is_what_is_not_wanted() {
    for llama in ["keep_seconds = 1000", "keep_seconds = 0\nkeep_gigabytes = 0"] {
        let Some(session) = Session::new(llama) else { return };
        assert_eq!(session.files().len(), 0, "{llama}");
        let (cached, read) = session.go_on("Two.");
        assert!(cached == 0 && 1000 < read, "{cached} cached, {read} read");
    }
}
