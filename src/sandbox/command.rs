//! What is to be run, where, and with what it may see.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::sandbox::confined::Upkeep;
use crate::sandbox::{Grant, Policy, confined};

/// A program to run. Plain data: nothing starts before it is run or started as a server.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) dir: PathBuf,
    pub(crate) environment: Environment,
    pub(crate) policy: Policy,
}

/// Whose terminal a child has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Session {
    /// None: it has a session and a process group of its own.
    Own,
    /// That of the agent.
    Inherited,
    /// None, and nobody's end is its own: it lives on when we are gone.
    Apart,
}

/// The environment of a child: a choice from ours, and what is set on top.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Environment(Vec<(OsString, OsString)>);

/// What programs need to find their way. A list of what is allowed: a list of what is forbidden
/// lets the secret through that nobody thought of.
const ALLOWED: &[&str] = &[
    "CARGO_HOME",
    "COLORTERM",
    "GOCACHE",
    "GOMODCACHE",
    "GOPATH",
    "GOROOT",
    "HOME",
    "JAVA_HOME",
    "LANG",
    "LANGUAGE",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "NVM_DIR",
    "PATH",
    "PYENV_ROOT",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SHELL",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

impl Environment {
    /// The part of `ours` that a child may see.
    pub(crate) fn allowed(ours: &[(OsString, OsString)]) -> Self {
        let passes = |name: &OsString| {
            let name = name.to_string_lossy();
            ALLOWED.contains(&&*name) || name.starts_with("LC_")
        };
        Self(ours.iter().filter(|(name, _)| passes(name)).cloned().collect())
    }

    /// The same with those of `ours` that are named.
    pub(crate) fn with_named(self, ours: &[(OsString, OsString)], names: &[String]) -> Self {
        let named = ours.iter().filter_map(|(name, value)| Some((name.to_str()?, value)));
        let named = named.filter(|(name, _)| names.iter().any(|it| it == name));
        named.fold(self, |all, (name, value)| all.with(name, value))
    }

    /// The same with `name` set to `value`.
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.0.retain(|(it, _)| it != name);
        self.0.push((name.into(), value.into()));
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&OsString> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value)
    }
}

impl Command {
    pub(crate) fn new(program: &Path, dir: &Path, environment: &Environment) -> Self {
        Self {
            program: program.to_owned(),
            args: Vec::new(),
            dir: dir.to_owned(),
            environment: environment.clone(),
            policy: Policy::default(),
        }
    }

    pub(crate) fn args<I: IntoIterator<Item = A>, A: Into<OsString>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The same under `policy`.
    pub(crate) fn under(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The same, but it finds these in their places.
    pub(crate) fn covering(mut self, covered: Vec<Grant>) -> Self {
        self.policy = self.policy.covering(covered);
        self
    }

    /// Starts the child, to be killed by the kernel when the thread that starts it ends. That
    /// thread must live as long as the agent.
    pub(super) fn spawn(
        &self,
        session: Session,
        [stdin, stdout, stderr]: [Stdio; 3],
    ) -> io::Result<(tokio::process::Child, Upkeep)> {
        let prepare = |wrapper| self.prepared(wrapper, session, [stdin, stdout, stderr]);
        match &self.policy {
            Policy::Unconfined => Ok((prepare(None).spawn()?, Upkeep::default())),
            Policy::Confined(confinement) => confined::spawn(confinement, &self.dir, prepare),
        }
    }

    /// All but what confines it. A wrapper is a program with arguments that take ours.
    fn prepared(
        &self,
        wrapper: Option<(&'static Path, Vec<OsString>)>,
        session: Session,
        [stdin, stdout, stderr]: [Stdio; 3],
    ) -> tokio::process::Command {
        let (program, before) = match wrapper {
            Some((wrapper, mut before)) => {
                before.push(self.program.clone().into());
                (wrapper, before)
            }
            None => (&*self.program, Vec::new()),
        };
        #[expect(clippy::disallowed_methods, reason = "this is the one place that starts programs")]
        let mut command = tokio::process::Command::new(program);
        command.args(before).args(&self.args).current_dir(&self.dir).env_clear();
        command.envs(self.environment.0.iter().map(|(name, value)| (name, value)));
        command.stdin(stdin).stdout(stdout).stderr(stderr).kill_on_drop(session != Session::Apart);
        let parent = rustix::process::getpid();
        // SAFETY: between fork and exec only async-signal-safe calls are made: `setsid`, `prctl`
        // and `getppid`, and none of them allocates.
        #[expect(unsafe_code, reason = "`pre_exec` is the only way to act between fork and exec")]
        unsafe {
            command.pre_exec(move || {
                if session != Session::Inherited {
                    rustix::process::setsid()?;
                }
                if session == Session::Apart { Ok(()) } else { die_with(parent) }
            });
        }
        command
    }
}

/// Asks the kernel to kill this process when its parent's thread ends; fails if that has happened.
#[cfg(target_os = "linux")]
fn die_with(parent: rustix::process::Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    if rustix::process::getppid() == Some(parent) {
        return Ok(());
    }
    Err(io::ErrorKind::BrokenPipe.into())
}

#[cfg(not(target_os = "linux"))]
fn die_with(_: rustix::process::Pid) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_sees_only_what_is_on_the_list() {
        let ours =
            ["PATH=/bin", "LC_ALL=C", "OPENAI_API_KEY=secret", "DATABASE_URL=x", "LD_PRELOAD=y"];
        let ours = ours.iter().filter_map(|it| it.split_once('='));
        let ours: Vec<_> = ours.map(|(name, value)| (name.into(), value.into())).collect();
        let names = Environment::allowed(&ours).0.into_iter().map(|(name, _)| name);
        assert_eq!(names.collect::<Vec<_>>(), ["PATH", "LC_ALL"]);
        let more = Environment::default().with_named(&ours, &["DATABASE_URL".to_owned()]);
        assert_eq!(more, Environment::default().with("DATABASE_URL", "x"));
    }
}
