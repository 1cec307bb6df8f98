//! What was found, as the model reads it: the gravest first, each with the line it speaks of.

use std::collections::HashMap;

use crate::tools::answer::count;
use crate::workspace::Workspace;
use crate::workspace::diagnostics::{Diagnostic, Findings, Severity};

/// The most that is told one by one: errors and tests, then warnings.
const MOST: (usize, usize) = (20, 10);

/// So many come with their line.
const WITH_LINES: usize = 10;

/// No line of a file is shown longer.
const LONGEST: usize = 160;

/// The files that were asked for, by lines.
pub(super) struct Sources<'a> {
    workspace: &'a Workspace,
    files: HashMap<String, Option<String>>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(workspace: &'a Workspace) -> Self {
        Self { workspace, files: HashMap::new() }
    }

    /// A line of a file of the project, without the white space around it.
    pub(super) fn line(&mut self, file: &str, line: u32) -> Option<&str> {
        let workspace = self.workspace;
        let text = self.files.entry(file.to_owned()).or_insert_with(|| {
            let read = workspace.read(&workspace.path(file).ok()?).ok()?;
            Some(read.text().ok()?.shown().into_owned())
        });
        let line = usize::try_from(line).ok()?.checked_sub(1)?;
        text.as_ref()?.lines().nth(line).map(str::trim).filter(|it| !it.is_empty())
    }
}

/// `2 errors, 1 warning`, `1 failed, 3 passed`; empty if there is nothing to count.
pub(super) fn counts(found: &Findings) -> String {
    let mut counts = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let n = found.count(severity);
        if 0 < n {
            counts.push(count(n, severity.name()));
        }
    }
    if 0 < found.failed() {
        counts.push(format!("{} failed", found.failed()));
    }
    // Some name only the tests that failed: beside them, none that passed may mean not counted.
    if let Some(tally) = found.tally.filter(|it| 0 < it.passed || found.failed() == 0) {
        counts.push(format!("{} passed", tally.passed));
    }
    counts.join(", ")
}

/// Everything that fits, one a line.
pub(super) fn report(found: &Findings, sources: &mut Sources<'_>) -> String {
    let of = |severity| found.diagnostics.iter().filter(move |it| it.severity == severity);
    let mut text = String::new();
    for (n, error) in of(Severity::Error).take(MOST.0).enumerate() {
        let line = if n < WITH_LINES { sources.line(&error.file, error.line) } else { None };
        push(&mut text, error, line);
    }
    left_out(&mut text, found.count(Severity::Error), MOST.0, "error");
    for test in found.tests.iter().take(MOST.0) {
        text += &format!("{test}\n");
    }
    left_out(&mut text, found.tests.len(), MOST.0, "failed test");
    let is_grave = 0 < found.count(Severity::Error) || !found.tests.is_empty();
    let lesser =
        if is_grave { &[Severity::Warning][..] } else { &[Severity::Warning, Severity::Note] };
    for severity in lesser {
        of(*severity).take(MOST.1).for_each(|it| push(&mut text, it, None));
        left_out(&mut text, found.count(*severity), MOST.1, severity.name());
    }
    text
}

pub(super) fn push(text: &mut String, diagnostic: &Diagnostic, line: Option<&str>) {
    *text += &format!("{diagnostic}\n");
    if let Some(line) = line {
        let line: String = line.chars().take(LONGEST).collect();
        *text += &format!("    {line}\n");
    }
}

fn left_out(text: &mut String, all: usize, most: usize, what: &str) {
    if let Some(more) = all.checked_sub(most).filter(|it| 0 < *it) {
        *text += &format!("[and {} more: mend these first]\n", count(more, what));
    }
}
