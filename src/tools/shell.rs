//! The shell that commands are given to.

use std::path::{Path, PathBuf};

use crate::sandbox::{Command, Environment};

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
#[derive(Clone, Debug)]
pub(super) struct Shell {
    program: PathBuf,
    environment: Environment,
}

impl Shell {
    /// Bash where it is at home: models write for it.
    pub(super) fn new(environment: Environment) -> Self {
        let bash = Path::new("/bin/bash");
        let program = if bash.exists() { bash } else { Path::new("/bin/sh") }.to_owned();
        let alone = ALONE.iter();
        let environment = alone.fold(environment, |all, (name, value)| all.with(name, *value));
        Self { program, environment }
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

    /// What runs `script` in `directory`.
    pub(super) fn command(&self, script: &str, directory: &Path) -> Command {
        Command::new(&self.program, directory, &self.environment).args(["-c", script])
    }
}
