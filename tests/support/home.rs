//! A home of its own for each test: a temporary folder and a cleared environment, so that nothing of
//! the machine shows in a result and nothing of a test shows on the machine.

#![expect(clippy::disallowed_methods, reason = "the tests stand where `cli` and `sandbox` stand")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use expect_test::Expect;
use tempfile::TempDir;

use crate::support::child::{Finished, Running};
use crate::support::fault_server::FaultServer;
use crate::support::terminal::Terminal;
use crate::support::watched::PATIENCE;

/// `home/` for the user, `project/` to work on, `run/` for sockets.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
}

impl Home {
    pub fn new() -> Self {
        // Short, since the path of a socket beneath it may have no more than 104 bytes.
        let dir = tempfile::Builder::new().prefix("ag").rand_bytes(5).tempdir();
        Self::within(dir.expect("a temporary folder can be made"))
    }

    /// The same in memory, where there is a place for that: a sync costs nothing there.
    pub fn in_memory() -> Self {
        let dir = tempfile::Builder::new().prefix("ag").rand_bytes(5).tempdir_in("/dev/shm");
        dir.map_or_else(|_| Self::new(), Self::within)
    }

    fn within(dir: TempDir) -> Self {
        let home = Self { dir };
        for name in ["home", "project", "run"] {
            std::fs::create_dir(home.path(name)).expect("a new folder can be filled");
        }
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(home.path("run"), private).expect("the folder is ours");
        home
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    /// Writes a file, and the folders it is in.
    #[track_caller]
    pub fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.path(path);
        let parent = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(parent).expect("a folder can be made");
        std::fs::write(&path, text).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
        self
    }

    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        let path = self.path(path);
        std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
    }

    pub fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// Runs git in the project, as an author of the same name and time each run.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let mut run = self.program(Path::new("git"), args);
        for who in ["AUTHOR", "COMMITTER"] {
            run = run.env(&format!("GIT_{who}_NAME"), "A Tester");
            run = run.env(&format!("GIT_{who}_EMAIL"), "tester@example.org");
            run = run.env(&format!("GIT_{who}_DATE"), "2026-01-02T03:04:05Z");
        }
        let finished = run.run();
        finished.assert_code(0);
        finished.stdout
    }

    /// The binary under test, ready to be run in the project.
    pub fn agent(&self, args: &[&str]) -> Run {
        self.program(Path::new(env!("CARGO_BIN_EXE_agent")), args)
    }

    /// Any other program in the same surroundings.
    pub fn program(&self, program: &Path, args: &[&str]) -> Run {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.path("project")).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let places = [
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "home/.config"),
            ("XDG_DATA_HOME", "home/.local/share"),
            ("XDG_STATE_HOME", "home/.local/state"),
            ("XDG_CACHE_HOME", "home/.cache"),
            ("XDG_RUNTIME_DIR", "run"),
        ];
        command.envs(places.map(|(name, place)| (name, self.path(place))));
        command.env("GIT_CEILING_DIRECTORIES", self.root());
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command.env("LANG", "C.UTF-8");
        Run {
            command,
            root: self.root(),
            input: Input::Nothing,
            limit: PATIENCE,
            expected: Expected { code: 0, stdout: None, stderr: None },
        }
    }

    /// Without the symbolic links that some systems keep in the path of temporary folders: programs
    /// print the real one.
    fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().expect("the folder exists as long as the home")
    }
}

/// A program about to run.
#[derive(Debug)]
#[must_use]
pub struct Run {
    command: Command,
    root: PathBuf,
    input: Input,
    limit: Duration,
    expected: Expected,
}

#[derive(Debug)]
enum Input {
    Nothing,
    Bytes(Vec<u8>),
    /// A pipe the test writes to.
    Open,
}

/// What `Run::check` compares with; what is not set prints nothing.
#[derive(Debug)]
struct Expected {
    code: i32,
    stdout: Option<Expect>,
    stderr: Option<Expect>,
}

impl Run {
    /// All the program can read.
    pub fn stdin(mut self, bytes: &[u8]) -> Self {
        self.input = Input::Bytes(bytes.to_owned());
        self
    }

    /// Lets the test write to the program while it runs.
    pub fn open_stdin(mut self) -> Self {
        self.input = Input::Open;
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The model server it is to ask.
    pub fn server(self, server: &FaultServer) -> Self {
        self.env("AGENT_SERVER_URL", &server.url())
    }

    /// Runs in a folder beneath the home, instead of in `project`.
    pub fn in_dir(mut self, relative: &str) -> Self {
        self.command.current_dir(self.root.join(relative));
        self
    }

    /// As another user, which only root may ask for. What was private to us is closed to it.
    pub fn owned_by(mut self, id: u32) -> Self {
        use std::os::unix::process::CommandExt;
        self.command.uid(id).gid(id).current_dir("/");
        self
    }

    /// All the time it has, from start to end.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub fn expect_code(mut self, code: i32) -> Self {
        self.expected.code = code;
        self
    }

    pub fn expect_stdout(mut self, expected: Expect) -> Self {
        self.expected.stdout = Some(expected);
        self
    }

    pub fn expect_stderr(mut self, expected: Expect) -> Self {
        self.expected.stderr = Some(expected);
        self
    }

    /// Runs it and compares: code 0 and nothing printed, unless something else is expected.
    #[track_caller]
    pub fn check(mut self) -> Finished {
        let nothing = Expected { code: 0, stdout: None, stderr: None };
        let expected = std::mem::replace(&mut self.expected, nothing);
        let finished = self.run();
        finished.assert_code(expected.code);
        for (name, expected, printed) in [
            ("stdout", expected.stdout, &finished.stdout),
            ("stderr", expected.stderr, &finished.stderr),
        ] {
            match expected {
                Some(expected) => expected.assert_eq(printed),
                None => assert_eq!(printed, "", "{name} should be silent"),
            }
        }
        finished
    }

    #[track_caller]
    pub fn run(self) -> Finished {
        self.start().finish()
    }

    pub fn start(mut self) -> Running {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        match self.input {
            Input::Nothing => self.command.stdin(Stdio::null()),
            Input::Open => self.command.stdin(Stdio::piped()),
            Input::Bytes(bytes) => self.command.stdin(holding(&bytes)),
        };
        Running::start(self.command, self.root, self.limit)
    }

    /// For those who start it in a way of their own.
    pub fn command(self) -> Command {
        self.command
    }

    /// Runs it in a terminal of this size.
    pub fn terminal(self, rows: u16, columns: u16) -> Terminal {
        Terminal::start(self.command, self.root, self.limit, (rows, columns))
    }
}

/// A pipe that holds these bytes and then ends. A thread of its own fills it: a pipe is small.
fn holding(bytes: &[u8]) -> Stdio {
    let (reader, mut writer) = std::io::pipe().expect("a pipe can be made");
    let bytes = bytes.to_owned();
    std::thread::spawn(move || {
        let _ = writer.write_all(&bytes); // Whoever stops reading has read enough.
    });
    reader.into()
}
