//! A scripted model on a real llama-server, and what a session leaves: its journal, its processes.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::support::home::{Home, Run};
use crate::support::llama::llama_server;
use crate::support::watched::PATIENCE;

/// A home in which a llama-server can be had.
pub struct Play {
    pub home: Home,
    pub server: &'static Path,
}

impl Play {
    /// `None` where the person who runs the tests does without.
    pub fn new() -> Option<Self> {
        let server = llama_server()?;
        let play = Self { home: Home::new(), server };
        play.configure("");
        Some(play)
    }

    /// With so little to compute, more threads would only wait for each other.
    pub fn configure(&self, llama: &str) {
        let text = format!("[llama]\nthreads = 1\n{llama}\n");
        self.home.file("home/.config/agent/config.toml", &text);
    }

    /// Writes a model that plays `script` and returns its path.
    #[track_caller]
    pub fn model(&self, name: &str, script: &Value) -> String {
        self.home.file(&format!("{name}.json"), &script.to_string());
        let path = |ending| self.home.path(&format!("{name}.{ending}")).display().to_string();
        let (from, to) = (path("json"), path("gguf"));
        self.home.agent(&["models", "script", &from, &to, "--chunk", "12"]).check();
        to
    }

    /// The same; what the program and the script say has words of one token, as for a usual model.
    #[track_caller]
    pub fn model_with_words(&self, name: &str, script: &Value) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = |folder: &str| std::fs::read_dir(root.join(folder)).into_iter().flatten();
        let texts = files("prompts").chain(files("tools")).flatten();
        let read = |it: std::fs::DirEntry| std::fs::read_to_string(it.path()).expect("it is text");
        // As templates write JSON.
        let marks = "\": \" \": {\" \", \" }, \" \": [\" \"], \" ";
        let words = texts.map(read).chain([script.to_string(), marks.to_owned()]);
        self.home.file(&format!("{name}.txt"), &words.collect::<Vec<_>>().join("\n"));
        self.home.file(&format!("{name}.json"), &script.to_string());
        let path = |ending| self.home.path(&format!("{name}.{ending}")).display().to_string();
        let (from, to, words) = (path("json"), path("gguf"), path("txt"));
        let args = ["models", "script", &from, &to, "--chunk", "12", "--words", &words];
        self.home.agent(&args).check();
        to
    }

    pub fn agent(&self, args: &[&str]) -> Run {
        let server = self.server.to_str().expect("the path is text");
        self.home.agent(args).env("LLAMA_SERVER", server)
    }

    /// The one model server of this home, as soon as there is one.
    #[track_caller]
    pub fn server_process(&self) -> Pid {
        let mut found = Vec::new();
        until("a model server", || {
            found = servers(&self.home);
            !found.is_empty()
        });
        found[0]
    }
}

/// Waits until `come` is true. Nothing tells us of other people's processes, so it asks.
#[track_caller]
pub fn until(what: &str, come: impl FnMut() -> bool) {
    // Whoever it is about needs the processor more.
    ask_until(what, come, || std::thread::park_timeout(Duration::from_millis(2)));
}

/// The same for who has to strike at the very moment.
#[track_caller]
pub fn until_at_once(what: &str, come: impl FnMut() -> bool) {
    ask_until(what, come, std::thread::yield_now);
}

#[track_caller]
fn ask_until(what: &str, mut come: impl FnMut() -> bool, pause: impl Fn()) {
    let deadline = Instant::now() + PATIENCE;
    while !come() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        pause();
    }
}

/// The journals of the sessions of a home, oldest first.
pub fn journals(home: &Home) -> Vec<std::path::PathBuf> {
    let sessions = home.path("home/.local/state/agent/sessions");
    let folders = std::fs::read_dir(sessions).into_iter().flatten().flatten();
    let files = folders.flat_map(|it| std::fs::read_dir(it.path()).into_iter().flatten().flatten());
    let journals = files.map(|it| it.path());
    let mut journals: Vec<_> =
        journals.filter(|it| it.extension().is_some_and(|it| it == "jsonl")).collect();
    journals.sort();
    journals
}

/// The entries of the only session of a home.
#[track_caller]
pub fn entries(home: &Home) -> Vec<Value> {
    let journals = journals(home);
    let [journal] = journals.as_slice() else { panic!("not one session: {journals:?}") };
    let text = std::fs::read_to_string(journal).expect("a journal is text");
    let lines = text.lines().map(|it| serde_json::from_str::<Value>(it).expect("a line is JSON"));
    lines.map(|mut it| it["entry"].take()).collect()
}

/// What runs on behalf of a home: whoever was told that it is at home there.
#[cfg(target_os = "linux")]
pub fn processes(home: &Home) -> Vec<(Pid, String)> {
    let root = home.path("home").canonicalize().expect("the folder exists");
    let sign = format!("HOME={}\0", root.display());
    let all = std::fs::read_dir("/proc").expect("Linux has it").flatten();
    let ours = all.filter_map(|it| {
        let pid = Pid::from_raw(it.file_name().to_str()?.parse().ok()?)?;
        // What has ended and was not waited for has neither.
        let environment = std::fs::read(it.path().join("environ")).ok()?;
        let command = std::fs::read(it.path().join("cmdline")).ok()?;
        let ours = environment.windows(sign.len()).any(|it| it == sign.as_bytes());
        ours.then(|| (pid, String::from_utf8_lossy(&command).replace('\0', " ")))
    });
    ours.collect()
}

/// The process that a command of this home knows by `inner`: it has process ids of its own.
#[track_caller]
pub fn outside(home: &Home, inner: &str) -> Pid {
    let knows = |pid: &Pid| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()));
        let status = status.unwrap_or_default();
        let ids = status.lines().find_map(|it| it.strip_prefix("NSpid:")).unwrap_or_default();
        let ids: Vec<_> = ids.split_whitespace().collect();
        1 < ids.len() && ids.last() == Some(&inner)
    };
    let found = processes(home).into_iter().map(|(pid, _)| pid).find(knows);
    found.unwrap_or_else(|| panic!("no process is {inner} to its command"))
}

/// The model servers among them.
pub fn servers(home: &Home) -> Vec<Pid> {
    let all = processes(home).into_iter();
    all.filter(|(_, command)| command.contains("--host")).map(|(pid, _)| pid).collect()
}

/// A process that is gone already takes no harm.
pub fn kill(pid: Pid) {
    let _ = rustix::process::kill_process(pid, Signal::KILL);
}
