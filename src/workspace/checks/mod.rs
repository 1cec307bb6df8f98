//! What a project is, by the files in it, and how it wants to be checked.
//!
//! What is known of kinds of projects stands in `table.toml`; here it is compared with what is on
//! the disk. Nothing here runs anything.

mod table;

use std::path::Path;

use crate::workspace::checks::table::{Condition, Kind, Step, TABLE};
use crate::workspace::{Cancel, FileError, Kind as FileKind, ProjectPath, Workspace};

pub(crate) use crate::workspace::checks::table::Purpose;

/// A directory that is a project by itself, and all that it is.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) dir: ProjectPath,
    kinds: Vec<&'static Kind>,
    /// It has only files that such projects are made of, and no marker.
    is_weak: bool,
}

/// A command of a project.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command {
    /// Where it runs.
    pub(crate) dir: ProjectPath,
    /// For a shell.
    pub(crate) line: String,
    /// What has to be installed for it.
    pub(crate) program: String,
    pub(crate) is_installed: bool,
    /// Whether it is worth running after each edit.
    pub(crate) is_quick: bool,
}

/// What a command shall be limited to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// A file or a directory.
    pub(crate) path: Option<&'a ProjectPath>,
    /// Names of tests.
    pub(crate) filter: Option<&'a str>,
}

/// So many levels below are projects looked for where there is none around, and so many taken.
const BELOW: (usize, usize) = (2, 8);

/// The project that a path lies in; where it lies in none, those right below it.
pub(crate) fn find(
    workspace: &Workspace,
    path: &ProjectPath,
    cancel: &Cancel,
) -> Result<Vec<Project>, FileError> {
    let ancestors = path.as_path().ancestors().map(|it| ProjectPath::plain(it.to_owned()));
    let mut around = ancestors.filter_map(|it| project(workspace, it));
    if let Some(nearest) = around.next() {
        // A folder of sources is part of what has a marker of the same kind further up.
        let whole = around.find(|it| {
            let is_part = |kind| it.kinds.iter().any(|it| std::ptr::eq(*it, kind));
            nearest.is_weak && !it.is_weak && nearest.kinds.iter().all(|it| is_part(*it))
        });
        return Ok(vec![whole.unwrap_or(nearest)]);
    }
    let mut projects: Vec<Project> = Vec::new();
    let below = workspace.entries(path, Some(BELOW.0), cancel)?;
    for found in below.into_iter().filter(|it| it.kind == FileKind::Directory) {
        let is_part = projects.iter().any(|it| found.path.as_path().starts_with(it.dir.as_path()));
        if !is_part && projects.len() < BELOW.1 {
            projects.extend(project(workspace, found.path));
        }
    }
    Ok(projects)
}

fn project(workspace: &Workspace, dir: ProjectPath) -> Option<Project> {
    let names = names(&workspace.directory(&dir).ok()?);
    let has =
        |markers: &[String]| markers.iter().any(|marker| names.iter().any(|it| fits(it, marker)));
    let mut kinds: Vec<_> = TABLE.kind.iter().filter(|it| has(&it.markers)).collect();
    let is_weak = kinds.is_empty();
    if kinds.iter().all(|it| it.fallback) {
        kinds.extend(TABLE.kind.iter().filter(|it| has(&it.weak)));
    }
    (!kinds.is_empty()).then_some(Project { dir, kinds, is_weak })
}

/// What lies in a directory; of one with very many files, some.
fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().take(20_000);
    entries.filter_map(|it| it.file_name().into_string().ok()).collect()
}

fn fits(name: &str, marker: &str) -> bool {
    match marker.strip_prefix('*') {
        Some(ending) => name.ends_with(ending),
        None => name == marker,
    }
}

impl Project {
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|it| it.name.as_str()).collect()
    }

    /// What to run for a purpose, in the order of the table.
    pub(crate) fn commands(
        &self,
        workspace: &Workspace,
        purpose: Purpose,
        wanted: Wanted<'_>,
        programs: &dyn Fn(&str) -> bool,
    ) -> Vec<Command> {
        let place = Place { workspace, dir: &self.dir, programs };
        let (fallback, own): (Vec<_>, Vec<_>) = self.kinds.iter().partition(|it| it.fallback);
        let of = |kinds: Vec<&&'static Kind>| -> Vec<Command> {
            kinds.into_iter().flat_map(|it| place.commands(it, purpose, wanted)).collect()
        };
        let commands = of(own);
        if commands.is_empty() { of(fallback) } else { commands }
    }
}

/// The kinds of projects that are known.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    TABLE.kind.iter().map(|it| it.name.as_str())
}

/// How a single file can be read for errors of syntax without running anything of the project.
pub(crate) fn single(path: &Path) -> Option<String> {
    let ending = path.extension()?.to_str()?;
    let single = TABLE.file.iter().find(|it| it.ends.iter().any(|it| it == ending))?;
    Some(single.run.replace("{path}", &quoted(&path.to_string_lossy())))
}

/// Where conditions are looked at.
struct Place<'a> {
    workspace: &'a Workspace,
    dir: &'a ProjectPath,
    programs: &'a dyn Fn(&str) -> bool,
}

impl Place<'_> {
    fn commands(&self, kind: &Kind, purpose: Purpose, wanted: Wanted<'_>) -> Vec<Command> {
        let mut commands = Vec::new();
        for step in kind.steps(purpose) {
            let is_due = !step.otherwise || commands.is_empty();
            if is_due && (step.when.is_empty() || step.when.iter().any(|it| self.holds(kind, it))) {
                commands.push(self.command(kind, step, wanted));
            }
        }
        commands
    }

    fn holds(&self, kind: &Kind, condition: &Condition) -> bool {
        let Condition { file, text, program, script, target } = condition;
        let file_is_so = file.as_ref().is_none_or(|file| match text {
            Some(text) => self.text(file).is_some_and(|it| it.contains(text)),
            None => self.exists(file),
        });
        let is_found = |it: &String| self.program(kind, it).1;
        file_is_so
            && program.as_ref().is_none_or(is_found)
            && script.as_ref().is_none_or(|it| self.has_script(it))
            && target.as_ref().is_none_or(|it| self.has_target(kind, it))
    }

    fn command(&self, kind: &Kind, step: &Step, wanted: Wanted<'_>) -> Command {
        let npm = self.package_manager();
        let line = step.run.replace("{npm}", npm);
        let (program, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let (found, is_installed) = self.program(kind, program);
        let mut line = format!("{found} {rest}").trim_end().to_owned();
        let limit = self.limit(step, wanted.path).or_else(|| step.all.clone());
        match limit {
            Some(limit) if line.contains("{path}") => line = line.replace("{path}", &limit),
            Some(limit) => {
                // What was limited is not everything.
                line = line.strip_suffix(" .").map_or(line.clone(), str::to_owned);
                line = format!("{line} {limit}");
            }
            None => {}
        }
        if let (Some(form), Some(filter)) = (&step.filter, wanted.filter) {
            let dashes = if npm == "npm" { "-- " } else { "" };
            let filter = form.replace("{--}", dashes).replace("{filter}", &quoted(filter));
            line = format!("{line} {filter}");
        }
        Command {
            dir: self.dir.clone(),
            program: program.to_owned(),
            line,
            is_installed,
            is_quick: step.quick,
        }
    }

    /// The part of the command that limits it to a path in the project.
    fn limit(&self, step: &Step, path: Option<&ProjectPath>) -> Option<String> {
        let below = path?.as_path().strip_prefix(self.dir.as_path()).ok()?;
        if below.as_os_str().is_empty() {
            return None;
        }
        let is_file = self.workspace.directory(path?).is_err();
        let (form, below) = match (&step.path, &step.folder) {
            (Some(form), _) => (form, below),
            (None, Some(form)) if is_file => (form, below.parent()?),
            (None, form) => (form.as_ref()?, below),
        };
        // In front of a path that looks like an option.
        let text = below.to_string_lossy();
        let text = if text.starts_with('-') { format!("./{text}") } else { text.into_owned() };
        Some(form.replace("{path}", &quoted(&text)))
    }

    /// What to call a program by, and whether there is one: the project's own comes first.
    fn program(&self, kind: &Kind, name: &str) -> (String, bool) {
        if let Some(wrapper) = kind.wrapper.as_ref().filter(|it| self.exists(it)) {
            return (format!("./{wrapper}"), true);
        }
        // A part of a larger project finds what is installed at its top.
        for (up, dir) in self.dir.as_path().ancestors().enumerate() {
            for bin in &kind.bins {
                let file = dir.join(bin).join(name);
                if self.workspace.root().join(&file).exists() {
                    return (format!("{}{bin}/{name}", "../".repeat(up)), true);
                }
            }
        }
        (name.to_owned(), (self.programs)(name))
    }

    fn at(&self, file: &str) -> ProjectPath {
        ProjectPath::plain(self.dir.as_path().join(file))
    }

    fn exists(&self, file: &str) -> bool {
        if file.starts_with('*') {
            let dir = self.workspace.root().join(self.dir.as_path());
            return names(&dir).iter().any(|it| fits(it, file));
        }
        self.workspace.root().join(self.at(file).as_path()).exists()
    }

    fn text(&self, file: &str) -> Option<String> {
        let file = self.workspace.read(&self.at(file)).ok()?;
        Some(String::from_utf8_lossy(file.bytes()).into_owned())
    }

    fn has_script(&self, name: &str) -> bool {
        let package = self.text("package.json").unwrap_or_default();
        let package: serde_json::Value = serde_json::from_str(&package).unwrap_or_default();
        let script = package["scripts"][name].as_str();
        // What `npm init` writes.
        script.is_some_and(|it| !it.is_empty() && !it.contains("no test specified"))
    }

    fn has_target(&self, kind: &Kind, name: &str) -> bool {
        let text = kind.markers.iter().find_map(|it| self.text(it)).unwrap_or_default();
        text.lines().any(|line| {
            // `test: build`, `test *args:`, `test lint: all`, but not `test := 1`.
            let Some((targets, rest)) = line.split_once(':') else { return false };
            let is_recipe = !line.starts_with([' ', '\t', '#', '.']) && !rest.starts_with('=');
            let targets = targets.trim_start_matches('@');
            is_recipe && targets.split_whitespace().any(|it| it == name)
        })
    }

    fn package_manager(&self) -> &'static str {
        let locks = [
            ("pnpm-lock.yaml", "pnpm"),
            ("yarn.lock", "yarn"),
            ("bun.lock", "bun"),
            ("bun.lockb", "bun"),
            ("package-lock.json", "npm"),
        ];
        let root = self.workspace.root();
        let mut above = self.dir.as_path().ancestors();
        let found = above.find_map(|dir| {
            locks.iter().find(|(lock, _)| root.join(dir).join(lock).exists()).map(|it| it.1)
        });
        found.unwrap_or("npm")
    }
}

/// One word for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "_-./:=@%+,".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
