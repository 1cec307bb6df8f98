//! A test on trial: does it run, and does it fail when the code is broken?
//!
//! The code is broken for the test alone: the command finds another file in the place of the real one,
//! which nobody else sees and which is gone with it. So whatever happens, the project stays as it is.

use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::sandbox::{Ended, Grant};
use crate::tools::checks::{self, Ran};
use crate::tools::shell::Shell;
use crate::tools::{Limits, Toolbox};
use crate::workspace::checks::{Command, Purpose, Wanted, find};
use crate::workspace::diagnostics::Severity;
use crate::workspace::{Cancel, Change, FileError, ProjectPath, Workspace};

/// A test, and how the code is broken so that it must fail.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Claim {
    pub(crate) test: String,
    /// Where the test is.
    pub(crate) file: String,
    /// What is broken, and how: `old` is in it once.
    pub(crate) code: String,
    pub(crate) old: String,
    pub(crate) new: String,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trial {
    Held,
    /// Why the test is not worth its place yet, for the model.
    Failed(String),
    /// The person stopped it.
    Stopped,
}

/// How a run went for one of the tests in it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Passed,
    Failed,
    NotRun,
    NotBuilt,
    TimedOut,
    Stopped,
    Unclear,
}

/// Lines of an output that the model is shown.
const SHOWN: usize = 20;

impl Toolbox {
    /// Why nothing can be broken for a test alone here.
    pub(crate) fn cannot_break(&self) -> Option<String> {
        self.shell.can_cover().err()
    }

    /// Whether the test still stands in its file.
    pub(crate) fn stands(&self, claim: &Claim) -> bool {
        let source = self.workspace.path(&claim.file).and_then(|it| self.workspace.read(&it));
        let test = short(&claim.test).as_bytes();
        source.is_ok_and(|it| memchr::memmem::find(it.bytes(), test).is_some())
    }

    /// Makes a file what it was before the session, which can be undone like any change.
    pub(crate) fn put_back(&self, file: &str) -> Result<(), FileError> {
        let path = self.workspace.real(&self.workspace.path(file)?)?;
        let changed = self.workspace.differences().unwrap_or_default();
        let Some(changed) = changed.into_iter().find(|it| it.path == path) else { return Ok(()) };
        let before = self.workspace.read(&path)?;
        self.workspace.apply(&[match changed.before {
            Some(bytes) => Change::Replace { before, bytes },
            None => Change::Delete { before },
        }])
    }

    /// Whether the test runs and passes.
    pub(crate) async fn runs(&self, claim: &Claim, stop: impl Future<Output = ()>) -> Trial {
        let bench = Bench { workspace: &self.workspace, shell: &self.shell, limits: self.limits };
        bench.runs(claim, stop).await.unwrap_or_else(Trial::Failed)
    }

    /// Whether the test fails when the code is broken as it is claimed.
    pub(crate) async fn can_fail(&self, claim: &Claim, stop: impl Future<Output = ()>) -> Trial {
        let bench = Bench { workspace: &self.workspace, shell: &self.shell, limits: self.limits };
        bench.can_fail(claim, stop).await.unwrap_or_else(Trial::Failed)
    }
}

/// Where tests are tried.
struct Bench<'a> {
    workspace: &'a Workspace,
    shell: &'a Shell,
    limits: Limits,
}

impl Bench<'_> {
    async fn runs(&self, claim: &Claim, stop: impl Future<Output = ()>) -> Result<Trial, String> {
        let ran = self.run(claim, None, stop).await?;
        Ok(match seen(&ran, &claim.test) {
            Seen::Passed => Trial::Held,
            Seen::Stopped => Trial::Stopped,
            Seen::NotRun => Trial::Failed("it was not run: no test has this name".to_owned()),
            Seen::TimedOut => Trial::Failed("it does not come to an end".to_owned()),
            Seen::Failed | Seen::NotBuilt | Seen::Unclear => {
                Trial::Failed(format!("it does not pass:\n{}", end_of(&ran.output)))
            }
        })
    }

    async fn can_fail(
        &self,
        claim: &Claim,
        stop: impl Future<Output = ()>,
    ) -> Result<Trial, String> {
        let (path, broken) = self.broken(claim)?;
        let place = self.workspace.root().join(path.as_path());
        let cannot = |err: std::io::Error| format!("`{path}` cannot be broken: {err}");
        let metadata = place.metadata().map_err(cannot)?;
        let mut copy = tempfile::NamedTempFile::new().map_err(cannot)?;
        copy.write_all(&broken).map_err(cannot)?;
        copy.as_file().set_permissions(metadata.permissions()).map_err(cannot)?;
        let cover = Grant::cover(&place, copy.path()).map_err(cannot)?;
        let ran = self.run(claim, Some(cover), stop).await;
        // What was built of the broken file is older than the file then, and is built again.
        self.workspace.touch(&path).map_err(|err| err.to_string())?;
        let ran = ran?;
        let Claim { code, old, new, .. } = claim;
        let way = format!("with `{}` in place of `{}` in `{code}`", new.trim(), old.trim());
        Ok(match seen(&ran, &claim.test) {
            Seen::Failed | Seen::TimedOut => Trial::Held,
            Seen::Stopped => Trial::Stopped,
            Seen::Passed => Trial::Failed(format!("it passes all the same {way}")),
            Seen::NotRun => Trial::Failed(format!("it is not run {way}")),
            Seen::NotBuilt => Trial::Failed(format!(
                "{way} nothing builds, which shows nothing; break what it does, not its form:\n{}",
                end_of(&ran.output)
            )),
            Seen::Unclear => Trial::Failed(format!(
                "{way} it is not plain that it is this test that fails:\n{}",
                end_of(&ran.output)
            )),
        })
    }

    /// The file that is to be broken, and what it holds then.
    fn broken(&self, claim: &Claim) -> Result<(ProjectPath, Vec<u8>), String> {
        let Claim { code, old, new, .. } = claim;
        let path = self.workspace.path(code).map_err(|err| err.to_string())?;
        let source = self.workspace.read(&path).map_err(|err| err.to_string())?;
        let path = source.real().clone();
        let changed = self.workspace.differences().unwrap_or_default();
        let changed = changed.iter().find(|it| it.path == path);
        if changed.is_some_and(|it| it.before.is_none()) {
            return Err(format!(
                "`{code}` is new: what must be broken is code that was there before"
            ));
        }
        let was_there = changed.and_then(|it| it.before.as_deref()).unwrap_or(source.bytes());
        let is_old = memchr::memmem::find(was_there, old.as_bytes()).is_some();
        let times = memchr::memmem::find_iter(source.bytes(), old.as_bytes()).count();
        match times {
            _ if old.trim().is_empty() => Err("`old` is empty".to_owned()),
            _ if old == new => Err("`old` and `new` are the same".to_owned()),
            0 => Err(format!("`old` does not stand in `{code}`")),
            1 if !is_old => {
                Err(format!("`old` is new in `{code}`: break code that was there before"))
            }
            1 => {
                let at = memchr::memmem::find(source.bytes(), old.as_bytes()).unwrap_or_default();
                let (before, behind) = source.bytes().split_at(at);
                Ok((path, [before, new.as_bytes(), &behind[old.len()..]].concat()))
            }
            times => Err(format!("`old` stands in `{code}` {times} times: give more of its lines")),
        }
    }

    async fn run(
        &self,
        claim: &Claim,
        cover: Option<Grant>,
        stop: impl Future<Output = ()>,
    ) -> Result<Ran, String> {
        let command = self.command(claim)?;
        let (cover, time) = (cover.into_iter().collect(), self.limits.command);
        let ran = checks::run_covered(self.workspace, self.shell, (&command, cover), time, stop);
        ran.await.map_err(|err| format!("`{}` could not be started: {err}", command.line))
    }

    /// What runs this test, and as few others as can be.
    fn command(&self, claim: &Claim) -> Result<Command, String> {
        let path = self.workspace.path(&claim.file).map_err(|err| err.to_string())?;
        if !self.workspace.is_file(&path) {
            return Err(format!("there is no file `{}`", claim.file));
        }
        let projects = find(self.workspace, &path, &Cancel::default());
        let projects = projects.map_err(|err| err.to_string())?;
        let wanted = Wanted { path: Some(&path), filter: Some(short(&claim.test)) };
        let programs = |it: &str| self.shell.finds(it);
        let mut commands = projects
            .iter()
            .flat_map(|it| it.commands(self.workspace, Purpose::Test, wanted, &programs));
        let none = || format!("nothing is known to run the tests of `{}`", claim.file);
        commands.find(|it| it.is_installed).ok_or_else(none)
    }
}

/// A test by the name that stands in the code: the last part of `tests::adds` or `test_a.py::test_adds`.
fn short(test: &str) -> &str {
    let last = test.rsplit("::").next().unwrap_or(test).trim();
    last.strip_suffix("()").unwrap_or(last)
}

fn seen(ran: &Ran, test: &str) -> Seen {
    let test = short(test);
    let found = &ran.found;
    match ran.ended {
        Ended::Stopped => Seen::Stopped,
        Ended::TimedOut => Seen::TimedOut,
        Ended::Exited(0) if found.tally.is_some_and(|it| it.passed == 0) => Seen::NotRun,
        Ended::Exited(0) => Seen::Passed,
        _ if found.tests.iter().any(|it| it.name.contains(test)) => Seen::Failed,
        _ if found.failed() == 0 && 0 < found.count(Severity::Error) => Seen::NotBuilt,
        _ if ran.output.contains(test) => Seen::Failed,
        _ => Seen::Unclear,
    }
}

fn end_of(output: &str) -> String {
    let lines: Vec<_> = output.trim_end().lines().collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}

#[cfg(test)]
mod tests;
