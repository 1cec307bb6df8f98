//! What the process was started with: the one place that reads environment, directory and clock.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, anyhow};

use crate::sandbox::{Absent, Environment, sweep};
use crate::workspace::{self, Workspace};

/// Taken once at start; everything below is handed what it needs of it.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) directory: PathBuf,
    pub(super) home: Option<PathBuf>,
}

impl Surroundings {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that looks around")]
    pub(super) fn look(directory: Option<&Path>) -> anyhow::Result<Self> {
        let here = std::env::current_dir().context("cannot tell the working directory");
        let directory = match directory {
            Some(directory) => directory
                .canonicalize()
                .with_context(|| format!("cannot work in `{}`", directory.display()))?,
            None => here?,
        };
        let variables: Vec<_> = std::env::vars_os().collect();
        let home = find(&variables, "HOME").map(PathBuf::from).filter(|it| it.is_absolute());
        Ok(Self { variables, directory, home })
    }

    /// The project that the directory lies in.
    pub(super) fn workspace(&self) -> anyhow::Result<Workspace> {
        let workspace = Workspace::open(&self.directory, self.home.as_deref())
            .with_context(|| format!("cannot work in `{}`", self.directory.display()))?;
        let left = workspace.standing().into_iter().map(|it| match it {
            workspace::Absent::Directory(path) => Absent::Directory(path),
            workspace::Absent::File(path, text) => Absent::File(path, text),
        });
        // A killed agent could not, and git's own readers stumble over it.
        sweep(&left.collect::<Vec<_>>());
        Ok(workspace)
    }

    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        find(&self.variables, name)
    }

    /// All of it, for programs of the person's own.
    pub(super) fn environment(&self) -> Environment {
        let named = self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value)));
        named.fold(Environment::default(), |them, (name, value)| them.with(name, value))
    }

    /// Where a program is, if there is one of that name that can be run.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        let runs = |it: &PathBuf| rustix::fs::access(it, rustix::fs::Access::EXEC_OK).is_ok();
        let paths = std::env::split_paths(self.variable("PATH")?).map(|it| it.join(name));
        paths.filter(|it| it.is_absolute() && it.is_file()).find(runs)
    }

    /// `agent` beneath the directory an XDG variable names, or its usual place in HOME.
    fn place(&self, variable: &str, usual: &str) -> Option<PathBuf> {
        let named = self.variable(variable).map(PathBuf::from).filter(|it| it.is_absolute());
        let base = named.or_else(|| self.home.as_ref().map(|it| it.join(usual)))?;
        Some(base.join("agent"))
    }

    pub(super) fn config_dir(&self) -> Option<PathBuf> {
        self.place("XDG_CONFIG_HOME", ".config")
    }

    /// Engines.
    pub(super) fn data_dir(&self) -> anyhow::Result<PathBuf> {
        let place = self.place("XDG_DATA_HOME", ".local/share");
        place.ok_or_else(|| anyhow!("neither HOME nor XDG_DATA_HOME is set"))
    }

    /// Sessions, history and logs.
    pub(super) fn state_dir(&self) -> anyhow::Result<PathBuf> {
        let place = self.place("XDG_STATE_HOME", ".local/state");
        place.ok_or_else(|| anyhow!("neither HOME nor XDG_STATE_HOME is set"))
    }

    /// A directory of this process alone, for sockets; made by whoever uses it.
    pub(super) fn runtime_dir(&self) -> PathBuf {
        let named = self.variable("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|it| it.is_dir());
        let uid = rustix::process::getuid().as_raw();
        let base = match named {
            Some(base) => base.join("agent"),
            None => self.temp_dir().join(format!("agent-{uid}")),
        };
        base.join(std::process::id().to_string())
    }

    /// Whether the terminal says that its background is light, as some do: `foreground;background`.
    pub(super) fn is_light(&self) -> bool {
        let colours = self.variable("COLORFGBG").and_then(OsStr::to_str);
        matches!(colours.and_then(|it| it.rsplit(';').next()), Some("7" | "15"))
    }

    /// Whether the terminal can do no more than print.
    pub(super) fn is_dumb(&self) -> bool {
        self.variable("TERM").is_none_or(|it| it == "dumb")
    }

    /// Whether nothing says that the terminal shows no more than its own few letters, as a locale with
    /// another charset than UTF-8 does.
    pub(super) fn shows_marks(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|it| self.variable(it));
        let charset = locale.and_then(OsStr::to_str).and_then(|it| it.split_once('.'));
        charset.is_none_or(|(_, it)| {
            let name = it.split('@').next().unwrap_or(it);
            name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8")
        })
    }

    pub(super) fn temp_dir(&self) -> PathBuf {
        let named = self.variable("TMPDIR").map(PathBuf::from).filter(|it| it.is_absolute());
        named.unwrap_or_else(|| PathBuf::from("/tmp"))
    }
}

fn find<'a>(variables: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    let found = variables.iter().find(|(it, _)| it == name)?;
    Some(&found.1).filter(|it| !it.is_empty()).map(OsString::as_os_str)
}

/// Whether nothing in the environment speaks against colours; asked before anything else is read,
/// because what goes wrong then is printed too.
#[expect(clippy::disallowed_methods, reason = "this is the one place that looks around")]
pub(super) fn may_colour() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|it| !it.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_some_and(|it| it != "dumb")
}

/// Whether the person looks for what led to a panic.
#[expect(clippy::disallowed_methods, reason = "this is the one place that looks around")]
pub(super) fn wants_backtrace() -> bool {
    std::env::var_os("RUST_BACKTRACE").is_some_and(|it| it != "0")
}

/// The clock of the world.
#[expect(clippy::disallowed_methods, reason = "this is the one place that looks at the clock")]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(variables: &[(&str, &str)]) -> Surroundings {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        Surroundings { variables: variables.collect(), directory: PathBuf::new(), home: None }
    }

    #[test]
    fn marks_are_shown_unless_the_locale_names_another_charset() {
        let shows = |variables: &[(&str, &str)]| around(variables).shows_marks();
        assert!(shows(&[]) && shows(&[("LANG", "C")]) && shows(&[("LC_ALL", "POSIX")]));
        assert!(shows(&[("LANG", "de_DE.utf8")]) && shows(&[("LC_CTYPE", "C.UTF-8")]));
        assert!(!shows(&[("LANG", "de_DE.ISO-8859-15@euro")]));
        assert!(!shows(&[("LC_CTYPE", "ru_RU.KOI8-R"), ("LANG", "de_DE.UTF-8")]));
        assert!(shows(&[("LC_ALL", "C.UTF-8"), ("LANG", "de_DE.ISO-8859-1")]));
    }

    #[test]
    fn a_light_background_is_known_by_its_number() {
        let is_light = |colours| around(&[("COLORFGBG", colours)]).is_light();
        assert!(is_light("0;15") && is_light("0;default;7"));
        assert!(!is_light("15;0") && !is_light("x") && !is_light(""));
    }
}
