//! What an edit broke: the files that were touched are checked at once, and what is wrong with them
//! that was not before is added to the result of the edit.
//!
//! The edit itself is done and on disk by then. A check that takes too long, is stopped, or cannot
//! be run says nothing, or one line.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use crate::sandbox::Ended;
use crate::tools::answer::count;
use crate::tools::checks::{self, AfterEdit, Checks, Known, Sign};
use crate::tools::report::{Sources, push};
use crate::tools::shell::Shell;
use crate::workspace::checks::{Command, Purpose, Wanted, find, single};
use crate::workspace::diagnostics::{Diagnostic, Severity};
use crate::workspace::{Cancel, ProjectPath, Workspace};

/// A file that a call has changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Touched {
    pub(crate) path: ProjectPath,
    /// What it held; `None` if there was no such file, or nothing that is text.
    pub(crate) before: Option<String>,
}

/// How long the check of one file may take, and that of the project.
const FILE: Duration = Duration::from_secs(3);
const PROJECT: Duration = Duration::from_secs(10);

/// A check of the project that took longer is not made after each edit.
const QUICK: Duration = Duration::from_secs(5);

/// The most that is told.
const MOST: usize = 10;

/// So many files are looked at.
const FILES: usize = 10;

/// What an edit broke; empty if all is well.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Broken {
    /// For the model.
    pub(super) text: String,
    /// A few words for the person.
    pub(super) gist: String,
}

/// Checks the files that were touched.
pub(super) async fn check(
    workspace: &Workspace,
    (shell, checks): (&Shell, &Checks),
    touched: &[Touched],
    stop: impl Future<Output = ()>,
) -> Broken {
    let level = checks.rules.after_edit;
    if level == AfterEdit::Nothing || touched.is_empty() {
        return Broken::default();
    }
    let mut stop = std::pin::pin!(stop);
    let mut found = Vec::new();
    for file in touched.iter().take(FILES) {
        found.extend(of_file(workspace, shell, file, &mut stop).await);
    }
    if !found.is_empty() {
        // The project cannot be well with a file that cannot be read.
        let text = told(&found, "this edit broke the syntax", &mut Sources::new(workspace));
        return Broken { text, gist: "broke the syntax".to_owned() };
    }
    match level {
        AfterEdit::Nothing | AfterEdit::File => Broken::default(),
        AfterEdit::QuickProject | AfterEdit::Project => {
            of_project(workspace, (shell, checks), touched, &mut stop).await
        }
    }
}

/// Errors of syntax in one file that were not in it before.
async fn of_file(
    workspace: &Workspace,
    shell: &Shell,
    file: &Touched,
    stop: impl Future<Output = ()>,
) -> Vec<Diagnostic> {
    let path = file.path.as_path();
    if let Some(parse) = data(path) {
        let Ok(now) = workspace.read(&file.path) else { return Vec::new() };
        let Ok(text) = now.text() else { return Vec::new() };
        let Some(error) = parse(&text.text) else { return Vec::new() };
        let was_wrong = file.before.as_deref().is_some_and(|it| parse(it).is_some());
        let error = Diagnostic { file: file.path.to_string(), ..error };
        return if was_wrong { Vec::new() } else { vec![error] };
    }
    let Some(line) = single(path) else { return Vec::new() };
    let is_there = line.split(' ').next().is_some_and(|it| shell.finds(it));
    if !is_there {
        return Vec::new();
    }
    let mut stop = std::pin::pin!(stop);
    let now = command(line);
    let Ok(ran) = checks::run(workspace, shell, &now, FILE, &mut stop).await else {
        return Vec::new();
    };
    let mut found = ran.found.diagnostics;
    found.retain(|it| Path::new(&it.file) == path && it.severity == Severity::Error);
    if found.is_empty() || ran.ended == Ended::Stopped {
        return Vec::new();
    }
    // Only now is it worth asking how it was before.
    let before = match &file.before {
        Some(before) => signs_of(workspace, (shell, before), path, stop).await,
        None => HashSet::new(),
    };
    let mut sources = Sources::new(workspace);
    found.retain(|it| {
        let line = sources.line(&it.file, it.line).unwrap_or_default().to_owned();
        !before.contains(&(it.message.clone(), line))
    });
    found
}

/// Messages, with the lines they speak of, about what a file held before.
async fn signs_of(
    workspace: &Workspace,
    (shell, before): (&Shell, &str),
    path: &Path,
    stop: impl Future<Output = ()>,
) -> HashSet<(String, String)> {
    let Some(name) = path.file_name() else { return HashSet::new() };
    let Ok(dir) = tempfile::tempdir() else { return HashSet::new() };
    let copy = dir.path().join(name);
    let line = single(&copy).filter(|_| std::fs::write(&copy, before).is_ok());
    let Some(line) = line else { return HashSet::new() };
    let ran = checks::run(workspace, shell, &command(line), FILE, stop).await;
    let found = ran.map(|it| it.found.diagnostics).unwrap_or_default();
    let lines: Vec<_> = before.lines().collect();
    let sign = |it: Diagnostic| {
        let line = usize::try_from(it.line).ok().and_then(|it| it.checked_sub(1));
        let line = line.and_then(|it| lines.get(it)).copied().unwrap_or_default();
        (it.message, line.trim().to_owned())
    };
    found.into_iter().map(sign).collect()
}

fn command(line: String) -> Command {
    let (dir, program) = (ProjectPath::default(), String::new());
    Command { dir, line, program, is_installed: true, is_quick: true }
}

/// Parses a file of data; what is wrong with it.
type Parse = fn(&str) -> Option<Diagnostic>;

/// What is read without a program.
fn data(path: &Path) -> Option<Parse> {
    let name = path.file_name()?.to_str()?;
    match path.extension()?.to_str()? {
        "json" if !may_hold_comments(path, name) => Some(json),
        "toml" => Some(toml),
        _ => None,
    }
}

/// Whether the programs that read this JSON allow more in it than JSON does.
fn may_hold_comments(path: &Path, name: &str) -> bool {
    const STARTS: &[&str] =
        &["tsconfig", "jsconfig", "tslint", ".eslintrc", "devcontainer", ".devcontainer"];
    STARTS.iter().any(|it| name.starts_with(it)) || path.iter().any(|it| it == ".vscode")
}

fn json(text: &str) -> Option<Diagnostic> {
    let text = text.trim_start_matches('\u{feff}');
    let err = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let number = |it: usize| u32::try_from(it).unwrap_or(0);
    let (line, column) = (number(err.line()), number(err.column()));
    let message = err.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    Some(Diagnostic { line, column, message, ..Diagnostic::default() })
}

fn toml(text: &str) -> Option<Diagnostic> {
    let err = text.parse::<toml::Table>().err()?;
    let before = &text[..err.span().map_or(0, |it| it.start).min(text.len())];
    let line = u32::try_from(before.matches('\n').count()).unwrap_or(0).saturating_add(1);
    Some(Diagnostic { line, message: err.message().to_owned(), ..Diagnostic::default() })
}

/// What the project's own check finds wrong that it did not before.
async fn of_project(
    workspace: &Workspace,
    (shell, checks): (&Shell, &Checks),
    touched: &[Touched],
    stop: impl Future<Output = ()>,
) -> Broken {
    let Some(command) = quick(workspace, (shell, checks), touched) else {
        return Broken::default();
    };
    let known = checks.known(&command);
    let was_slow = known.as_ref().is_some_and(|it| QUICK < it.took);
    if was_slow && checks.rules.after_edit != AfterEdit::Project {
        return Broken::default();
    }
    let Ok(ran) = checks::run(workspace, shell, &command, PROJECT, stop).await else {
        return Broken::default();
    };
    if ran.ended == Ended::TimedOut {
        let signs = known.map(|it| it.signs).unwrap_or_default();
        checks.know(&command, Known { signs, took: ran.took });
        let line = &command.line;
        let text = format!("[`{line}` takes long and was stopped: check when you are done]\n");
        return Broken { text, gist: String::new() };
    }
    if ran.ended == Ended::Stopped {
        return Broken::default();
    }
    let mut sources = Sources::new(workspace);
    let signs: Vec<_> = ran.found.diagnostics.iter().map(|it| Sign::of(it, &mut sources)).collect();
    let is_new = |sign: &Sign| known.as_ref().is_none_or(|it| !it.signs.contains(sign));
    let is_touched =
        |it: &Diagnostic| touched.iter().any(|file| file.path.as_path() == Path::new(&it.file));
    let fresh = ran.found.diagnostics.iter().zip(&signs);
    let fresh: Vec<_> = fresh.filter(|(_, sign)| is_new(sign)).map(|(it, _)| it.clone()).collect();
    let (here, elsewhere): (Vec<_>, Vec<_>) = fresh.into_iter().partition(is_touched);
    let here: Vec<_> = here.into_iter().filter(|it| it.severity != Severity::Note).collect();
    let since = if known.is_some() { "new since this edit" } else { "in what was edited" };
    let mut text = match here.is_empty() {
        true => String::new(),
        false => told(&here, &format!("{since}, by `{}`", command.line), &mut sources),
    };
    let is_error = |it: &&Diagnostic| it.severity == Severity::Error;
    let mut files: Vec<_> = elsewhere.iter().filter(is_error).map(|it| it.file.as_str()).collect();
    files.dedup();
    if known.is_some() && !files.is_empty() {
        files.truncate(5);
        text += &format!("[there are new errors in other files too: {}]\n", files.join(", "));
    }
    let gist = match here.iter().filter(is_error).count() {
        0 => String::new(),
        n if known.is_some() => count(n, "new error"),
        n => count(n, "error"),
    };
    let signs = signs.into_iter().collect();
    checks.know(&command, Known { signs, took: ran.took });
    Broken { text, gist }
}

/// The check of the project that the touched files lie in, if it is one for after each edit.
fn quick(
    workspace: &Workspace,
    (shell, checks): (&Shell, &Checks),
    touched: &[Touched],
) -> Option<Command> {
    let own = checks.rules.commands.iter().find(|(it, _)| *it == Purpose::Check);
    if let Some((_, line)) = own {
        return Some(command(line.clone()));
    }
    let path = &touched.first()?.path;
    let nearest = find(workspace, path, &Cancel::default()).ok()?.into_iter().next()?;
    let is_inside = path.as_path().starts_with(nearest.dir.as_path());
    let finds = |it: &str| shell.finds(it);
    let commands = nearest.commands(workspace, Purpose::Check, Wanted::default(), &finds);
    commands.into_iter().find(|it| is_inside && it.is_quick && it.is_installed)
}

/// The gravest first, with their lines.
fn told(found: &[Diagnostic], heading: &str, sources: &mut Sources<'_>) -> String {
    let mut found: Vec<_> = found.iter().collect();
    found.sort_by_key(|it| it.severity);
    let mut text = format!("[{heading}:]\n");
    for diagnostic in found.iter().take(MOST) {
        let line = sources.line(&diagnostic.file, diagnostic.line).map(str::to_owned);
        push(&mut text, diagnostic, line.as_deref());
    }
    if let Some(more) = found.len().checked_sub(MOST).filter(|it| 0 < *it) {
        text += &format!("[and {more} more]\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_may_hold_comments_is_not_checked() {
        let is_checked = |it: &str| data(Path::new(it)).is_some();
        for path in ["package.json", "a/b.json", "Cargo.toml"] {
            assert!(is_checked(path), "{path}");
        }
        for path in [
            "tsconfig.json",
            "web/tsconfig.build.json",
            "jsconfig.json",
            ".eslintrc.json",
            ".devcontainer/devcontainer.json",
            ".devcontainer.json",
            ".vscode/settings.json",
            "web/.vscode/launch.json",
            "a.rs",
        ] {
            assert!(!is_checked(path), "{path}");
        }
    }
}
