//! The shell that commands are given to.

use std::io;
use std::path::{Path, PathBuf};

use crate::sandbox::{Command, Environment, Policy};
use crate::tools::{Enclosure, Failure, Unconfinable};

/// What tells a program that nobody watches and nobody answers.
const ALONE: &[(&str, &str)] = &[
    ("CI", "1"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("NO_COLOR", "1"),
    ("PAGER", "cat"),
    // Python tells a stale cache by second and size, and edits come faster than that.
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("TERM", "dumb"),
];

/// The shell that commands are given to, and what they see.
#[derive(Debug)]
pub(super) struct Shell {
    program: PathBuf,
    environment: Environment,
    /// `None` where commands have the rights of the person.
    enclosure: Option<Enclosure>,
}

impl Shell {
    /// Bash where it is at home: models write for it.
    pub(super) fn new(environment: Environment, enclosure: Option<Enclosure>) -> Self {
        let bash = Path::new("/bin/bash");
        let program = if bash.exists() { bash } else { Path::new("/bin/sh") }.to_owned();
        let alone = ALONE.iter();
        let environment = alone.fold(environment, |all, (name, value)| all.with(name, *value));
        Self { program, environment, enclosure }
    }

    /// What the person should know of how commands are confined, if it is not the usual.
    pub(super) fn confinement(&self, find_out: bool) -> Option<String> {
        match &self.enclosure {
            None => Some("commands are not confined".to_owned()),
            Some(enclosure) if find_out => match enclosure.level() {
                Ok(level) => enclosure.shortcoming(level),
                Err(_) => Some("no commands: nothing here can confine them".to_owned()),
            },
            Some(_) => None,
        }
    }

    /// What holds a command, in a few words.
    pub(super) fn hold(&self) -> String {
        match &self.enclosure {
            None => "not confined: it has your rights".to_owned(),
            Some(enclosure) => enclosure.in_short(),
        }
    }

    /// Whether a file of the project can be another for a command alone; why not, otherwise.
    pub(super) fn can_cover(&self) -> Result<(), String> {
        match &self.enclosure {
            None => Err("commands are not confined".to_owned()),
            Some(enclosure) => match enclosure.level() {
                Ok(level) if level.can_cover() => Ok(()),
                Ok(level) => Err(format!("what confines commands here ({level}) cannot do it")),
                Err(why) => Err(why.to_owned()),
            },
        }
    }

    /// What runs `script` in `directory`, confined to what the project is now.
    pub(super) fn command(&self, script: &str, directory: &Path) -> Result<Command, Failure> {
        let policy = match &self.enclosure {
            None => Policy::Unconfined,
            Some(enclosure) => enclosure.policy(&self.environment).map_err(unconfinable)?,
        };
        let command = Command::new(&self.program, directory, &self.environment);
        Ok(command.args(["-c", script]).under(policy))
    }

    /// What `run` comes to, which runs a command of ours: again, if the project was moved while it
    /// was being confined.
    pub(super) async fn run<T>(
        &self,
        command: &Command,
        mut run: impl AsyncFnMut(&Command) -> io::Result<T>,
    ) -> Result<io::Result<T>, Failure> {
        match &self.enclosure {
            None => Ok(run(command).await),
            Some(enclosure) => {
                enclosure.run(command, &self.environment, run).await.map_err(unconfinable)
            }
        }
    }

    /// What the person should know of what a command left, to be asked when it has ended.
    pub(super) fn aftermath(&self) -> Vec<String> {
        self.enclosure.as_ref().map(Enclosure::aftermath).unwrap_or_default()
    }

    /// The hosts that commands asked for in vain since this was last asked.
    pub(super) fn turned_away(&self) -> Vec<String> {
        self.enclosure.as_ref().map(Enclosure::turned_away).unwrap_or_default()
    }

    /// Whether a program of this name is in the `PATH` that commands see.
    pub(super) fn finds(&self, program: &str) -> bool {
        use std::os::unix::fs::PermissionsExt;
        let is_program = |file: &Path| {
            let metadata = std::fs::metadata(file);
            metadata.is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
        };
        let places = self.environment.get("PATH").map(std::env::split_paths);
        places.into_iter().flatten().any(|it| is_program(&it.join(program)))
    }
}

fn unconfinable(why: Unconfinable) -> Failure {
    let text = match why {
        Unconfinable::Machine(reason) => format!(
            "the command was not run: commands cannot be confined on this machine: {reason}. Do \
             without commands, and tell the user that `--permission full` runs them unconfined"
        ),
        Unconfinable::Project(reason) => {
            format!("the command was not run, as the project is now: {reason}")
        }
    };
    Failure::new(text, "not confined")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_project_is_like_is_no_reason_to_give_confinement_up() {
        let said = |it: fn(String) -> Unconfinable| unconfinable(it("why".to_owned())).text;
        assert!(said(Unconfinable::Machine).contains("--permission full"));
        let project = said(Unconfinable::Project);
        assert_eq!(project, "the command was not run, as the project is now: why");
    }
}
