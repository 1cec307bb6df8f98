//! `agent review`: what is wrong with a change, or with files as they are.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::args::{Options, PromptName, Review, Severity};
use crate::cli::job::Job;
use crate::cli::mode::{answer, diff, looking, must_be_words};
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, WrongUsage, note, print, tell};
use crate::ui::{visible, visible_json};
use crate::workspace::{Compared, Workspace};

/// What the model found.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Found {
    findings: Vec<Finding>,
    #[serde(default)]
    summary: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Finding {
    file: String,
    line: usize,
    severity: Severity,
    why: String,
    fix: String,
}

pub(in crate::cli) fn review(
    around: &Surroundings,
    options: &Options,
    wanted: &Review,
) -> anyhow::Result<Exit> {
    must_be_words(options, "review", "`agent review --json` prints JSON")?;
    let job = looking(around, options)?;
    let workspace = Arc::clone(&job.workspace);
    let Some(About { words: about, is_cut }) = about(&job, wanted)? else {
        note(
            "nothing is changed; a range of commits can be reviewed, too: agent review main..HEAD",
        );
        if wanted.json {
            told(&Found::default(), 0, false)?;
        }
        return Ok(Exit::Done);
    };
    let (exit, value) = answer(job, (PromptName::Review, &about), form())?;
    let Some(value) = value else { return Ok(exit) };
    let found: Found = serde_json::from_value(value).context("the findings are in another form")?;
    let (found, left_out) = checked(found, &workspace);
    if wanted.json {
        told(&found, left_out, is_cut)?;
    } else {
        tell(&visible(&shown(&found)))?;
        if 0 < left_out {
            note(&format!("left out: {left_out} that named a place which is not there"));
        }
    }
    if is_cut {
        note(
            "the change is too long for one look: only its beginning was put before the model; \
             review it in parts, by files or ranges",
        );
    }
    let is_grave = |it: &Finding| wanted.fail_on.is_some_and(|least| least <= it.severity);
    Ok(if found.findings.iter().any(is_grave) { Exit::Found } else { Exit::Done })
}

/// What is to be reviewed.
struct About {
    words: String,
    /// There is more than the words hold.
    is_cut: bool,
}

/// For programs.
fn told(found: &Found, left_out: usize, is_cut: bool) -> anyhow::Result<()> {
    let Found { findings, summary } = found;
    let line = json!({
        "findings": findings, "summary": summary, "left_out": left_out, "is_cut": is_cut,
    });
    print(&format!("{}\n", visible_json(&line.to_string())))
}

/// What is to be reviewed, in words; `None` where there is nothing.
fn about(job: &Job<'_>, wanted: &Review) -> anyhow::Result<Option<About>> {
    let workspace = &job.workspace;
    let is_there = |it: &String| {
        let found = workspace.path(it).map(|it| workspace.root().join(it.as_path()));
        found.is_ok_and(|it| it.exists())
    };
    let (what, compared) = match &*wanted.what {
        [] if wanted.staged => ("the staged changes".to_owned(), Compared::Staged),
        [] => ("the changes that are not committed yet".to_owned(), Compared::With("HEAD")),
        _ if wanted.staged => bail!(WrongUsage(
            "`--staged` is a review of its own\nhint: leave out the rest, or `--staged`".to_owned()
        )),
        files if files.iter().all(is_there) => {
            let names: Vec<_> = files.iter().map(|it| format!("`{it}`")).collect();
            let words = format!("these files, as they are: {}", names.join(", "));
            return Ok(Some(About { words, is_cut: false }));
        }
        [path] if path.starts_with(['/', '.']) && !path.contains("..") => {
            bail!(WrongUsage(format!("there is no file `{path}` in this project")));
        }
        [range] => (format!("the changes of `{range}`"), Compared::With(range)),
        several => {
            let missing = several.iter().find(|it| !is_there(it)).map_or("", |it| it);
            bail!(WrongUsage(format!(
                "there is no file `{missing}`\nhint: name files, or one range as in `main..HEAD`"
            )));
        }
    };
    let diff = diff(job, &compared);
    let (diff, is_cut) = diff.map_err(|err| anyhow!("cannot review {what}: {err}"))?;
    let words = format!("{what}. This is the diff:\n\n{}", diff.trim_end());
    Ok(Some(About { words, is_cut }).filter(|_| !diff.is_empty()))
}

fn form() -> serde_json::Value {
    let text = json!({"type": "string"});
    let finding = json!({
        "type": "object", "additionalProperties": false,
        "required": ["file", "line", "severity", "why", "fix"],
        "properties": {
            "file": text, "line": {"type": "integer"},
            "severity": {"enum": ["high", "medium", "low"]}, "why": text, "fix": text,
        },
    });
    json!({
        "type": "object", "additionalProperties": false, "required": ["findings", "summary"],
        "properties": {"findings": {"type": "array", "items": finding}, "summary": text},
    })
}

/// Without what names a place that is not there, the gravest first; and how many those are.
fn checked(mut found: Found, workspace: &Workspace) -> (Found, usize) {
    let before = found.findings.len();
    found.findings.retain_mut(|it| {
        let Ok(path) = workspace.path(it.file.trim_start_matches("./")) else { return false };
        let Ok(file) = workspace.read(&path) else { return false };
        it.file = path.to_string();
        let lines = file.bytes().split(|it| *it == b'\n').count();
        (1..=lines).contains(&it.line)
    });
    found.findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| (&a.file, a.line).cmp(&(&b.file, b.line)))
    });
    let left_out = before - found.findings.len();
    (found, left_out)
}

fn shown(found: &Found) -> String {
    let mut text = String::new();
    for it in &found.findings {
        let _ = writeln!(text, "{}:{}  {}\n    {}", it.file, it.line, it.severity, it.why.trim());
        if !it.fix.trim().is_empty() {
            let _ = writeln!(text, "    fix: {}", it.fix.trim());
        }
    }
    if found.findings.is_empty() {
        text += "nothing was found\n";
    }
    if !found.summary.trim().is_empty() {
        let _ = writeln!(text, "{}", found.summary.trim());
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn findings_are_shown_gravest_first_and_only_where_there_is_something() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.rs"), "one\ntwo\n").unwrap();
        let workspace = Workspace::open(dir.path(), None).unwrap();
        let finding = |file: &str, line, severity| Finding {
            file: file.to_owned(),
            line,
            severity,
            why: "It is wrong.".to_owned(),
            fix: " ".to_owned(),
        };
        let findings = vec![
            finding("a.rs", 2, Severity::Low),
            finding("./a.rs", 1, Severity::High),
            finding("b.rs", 1, Severity::High),
            finding("a.rs", 9, Severity::High),
            finding("../x", 1, Severity::High),
        ];
        let summary = "I read a.rs.".to_owned();
        let (found, left_out) = checked(Found { findings, summary }, &workspace);
        assert_eq!(left_out, 3);
        expect![[r#"
            a.rs:1  high
                It is wrong.
            a.rs:2  low
                It is wrong.
            I read a.rs.
        "#]]
        .assert_eq(&shown(&found));
    }
}
