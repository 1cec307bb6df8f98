//! `check`: what the project has for finding its own faults, run and read.

use std::pin::pin;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::conversation::{Outcome, Status};
use crate::sandbox::Ended;
use crate::tools::checks::{self, Checks, Known, Ran, Sign};
use crate::tools::report::{Sources, counts, report};
use crate::tools::shell::Shell;
use crate::tools::{Budget, Failure, Limits};
use crate::workspace::checks::{Command, Project, Purpose, Wanted, find, kinds};
use crate::workspace::diagnostics::Severity;
use crate::workspace::{Cancel, ProjectPath, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    #[schemars(extend("enum" = ["check", "lint", "test", "format"]))]
    kind: Option<String>,
    path: Option<String>,
    /// Names of tests.
    filter: Option<String>,
}

/// Lines of an output that nobody understands.
const RAW: usize = 60;

/// What there is to run.
struct Plan {
    purpose: Purpose,
    commands: Vec<Command>,
    /// What else could be asked for.
    others: Vec<&'static str>,
    /// What of the call plays no part.
    note: Option<&'static str>,
}

pub(super) async fn run(
    workspace: &Workspace,
    (shell, checks): (&Shell, &Checks),
    limits: Limits,
    args: Args,
    stop: impl Future<Output = ()>,
) -> Result<Outcome, Failure> {
    let plan = plan(workspace, (shell, checks), &args)?;
    let (missing, present): (Vec<_>, Vec<_>) =
        plan.commands.iter().partition(|it| !it.is_installed);
    let mut text = String::new();
    for command in &missing {
        let Command { program, line, .. } = command;
        text += &format!("[`{program}` is not installed, so `{line}` was left out]\n");
    }
    if present.is_empty() {
        return Err(Failure::new(text, "not installed"));
    }
    let share = limits.result.share(present.len());
    let (began, mut stop) = (Instant::now(), pin!(stop));
    let (mut status, mut gists) = (Status::Done, Vec::new());
    for command in present {
        let left = limits.command.saturating_sub(began.elapsed()).max(Duration::from_secs(1));
        let ran = checks::run(workspace, shell, command, left, &mut stop).await.map_err(|err| {
            Failure::new(format!("`{}` could not be started: {err}", command.line), "not started")
        })?;
        let mut sources = Sources::new(workspace);
        if plan.purpose == Purpose::Check && args.path.is_none() {
            let signs = ran.found.diagnostics.iter().map(|it| Sign::of(it, &mut sources));
            let known = Known { signs: signs.collect(), took: ran.took };
            checks.know(command, known);
        }
        text += &told(command, &plan, &ran, (&mut sources, share));
        let is_well = ran.ended == Ended::Exited(0);
        if ran.ended == Ended::Stopped {
            return Ok(Outcome::new(Status::Cancelled, text, "stopped"));
        }
        let problems = (ran.found.count(Severity::Error) + ran.found.failed()).max(1);
        let problems = if is_well { 0 } else { problems };
        if checks.attempted(plan.purpose, &command.dir, problems) {
            text += &format!(
                "[{} checks in a row failed and there are no fewer problems: if you do not know \
                 exactly what to change, stop and tell the user what fails and what you tried]\n",
                checks.rules.attempts
            );
        }
        if !is_well {
            status = Status::Failed;
        }
        gists.push(gist(&ran));
    }
    if let Some(note) = plan.note {
        text += &format!("[{note}]\n");
    }
    // Who asked for a kind knows that there are others.
    if args.kind.is_none() && !plan.others.is_empty() {
        text += &format!(
            "[kinds there are besides {}: {}]\n",
            plan.purpose.name(),
            plan.others.join(", ")
        );
    }
    let gist = format!("{}, {:.1} s", gists.join("; "), began.elapsed().as_secs_f64());
    Ok(Outcome::new(status, text, gist))
}

/// The shell commands that a call would run, for who has to allow it.
pub(super) fn preview(workspace: &Workspace, it: (&Shell, &Checks), args: &Args) -> Vec<String> {
    let commands = plan(workspace, it, args).map(|it| it.commands).unwrap_or_default();
    let line = |it: Command| match it.dir.is_root() {
        true => it.line,
        false => format!("cd {} && {}", it.dir, it.line),
    };
    commands.into_iter().filter(|it| it.is_installed).map(line).collect()
}

fn plan(
    workspace: &Workspace,
    (shell, checks): (&Shell, &Checks),
    args: &Args,
) -> Result<Plan, Failure> {
    let purpose = args.kind.as_deref().map(purpose).transpose()?;
    let path = args.path.as_deref().map(|it| workspace.path(it)).transpose()?;
    let root = ProjectPath::default();
    let projects = find(workspace, path.as_ref().unwrap_or(&root), &Cancel::default())?;
    let own = |purpose: Purpose| {
        let mut own = checks.rules.commands.iter();
        own.find(|(it, _)| *it == purpose).map(|(_, line)| line.clone())
    };
    let wanted = Wanted { path: path.as_ref(), filter: args.filter.as_deref() };
    let commands = |purpose: Purpose| -> Vec<Command> {
        if let Some(line) = own(purpose) {
            let (dir, program) = (root.clone(), String::new());
            return vec![Command { dir, line, program, is_installed: true, is_quick: true }];
        }
        let of = |it: &Project| it.commands(workspace, purpose, wanted, &|it| shell.finds(it));
        projects.iter().flat_map(of).collect()
    };
    let has = |it: &Purpose| !commands(*it).is_empty();
    let usual = || [Purpose::Check, Purpose::Lint, Purpose::Test].into_iter().find(has);
    let Some(purpose) = purpose.or_else(usual) else { return Err(nothing(&projects)) };
    let others = Purpose::ALL.into_iter().filter(|it| *it != purpose).filter(has);
    let others: Vec<_> = others.map(Purpose::name).collect();
    let chosen = commands(purpose);
    if chosen.is_empty() {
        return Err(nothing_for(purpose, &projects, &others));
    }
    let is_limited = path.as_ref().is_some_and(|it| !it.is_root()) || args.filter.is_some();
    let note = (own(purpose).is_some() && is_limited)
        .then_some("the command is the user's own: `path` and `filter` play no part");
    Ok(Plan { purpose, commands: chosen, others, note })
}

fn purpose(name: &str) -> Result<Purpose, Failure> {
    let found = Purpose::ALL.into_iter().find(|it| it.name() == name);
    let wrong = || {
        Failure::new(format!("`kind` is check, lint, test or format, not `{name}`"), "no such kind")
    };
    found.ok_or_else(wrong)
}

fn nothing(projects: &[Project]) -> Failure {
    if !projects.is_empty() {
        return nothing_for(Purpose::Check, projects, &[]);
    }
    let kinds: Vec<_> = kinds().collect();
    let text = format!(
        "there is nothing to run here: no project of a known kind ({}) was found. Give `path` of a \
         part of the project, or run a command",
        kinds.join(", ")
    );
    Failure::new(text, "nothing to run")
}

fn nothing_for(purpose: Purpose, projects: &[Project], others: &[&str]) -> Failure {
    let kinds = |it: &Project| format!("`{}` ({})", it.dir, it.kinds().join(", "));
    let found: Vec<_> = projects.iter().map(kinds).collect();
    let place = if found.is_empty() { "the project".to_owned() } else { found.join(", ") };
    let others = match others {
        [] => String::new(),
        others => format!(". There is: {}", others.join(", ")),
    };
    let text = format!("nothing is set up to {} {place}{others}", purpose.name());
    Failure::new(text, "nothing to run")
}

/// The command, what was found, and how it ended.
fn told(
    command: &Command,
    plan: &Plan,
    ran: &Ran,
    (sources, budget): (&mut Sources<'_>, Budget),
) -> String {
    let place =
        if command.dir.is_root() { String::new() } else { format!("cd {} && ", command.dir) };
    let mut text = format!("$ {place}{}\n", command.line);
    let counts = counts(&ran.found);
    if !counts.is_empty() {
        text += &format!("{counts}\n");
    }
    let (report, taken) = budget.take(report(&ran.found, sources).lines().map(str::to_owned));
    text += &report;
    if taken < report.lines().count() {
        text += "[cut: mend these first, or limit it by `path`]\n";
    }
    let is_well = ran.ended == Ended::Exited(0);
    let is_grave = 0 < ran.found.count(Severity::Error) || !ran.found.tests.is_empty();
    let is_lint = plan.purpose == Purpose::Lint && !ran.found.is_empty();
    let is_explained = is_well || is_grave || is_lint;
    if !is_explained || plan.purpose == Purpose::Format {
        text += &end_of(&ran.output, budget.share(2));
    }
    text += &match ran.ended {
        Ended::Exited(code) => format!("[exit {code}]\n"),
        Ended::Signalled(signal) => format!("[killed by signal {signal}]\n"),
        Ended::TimedOut => format!(
            "[stopped after {} s: limit it by `path` or `filter`, or run the command with more time]\n",
            ran.took.as_secs()
        ),
        Ended::Stopped => "[stopped by the person]\n".to_owned(),
    };
    text
}

/// The last lines of an output, as many as fit.
fn end_of(output: &str, budget: Budget) -> String {
    let lines: Vec<_> = output.lines().collect();
    let last = lines[lines.len().saturating_sub(RAW)..].iter().rev().map(|it| (*it).to_owned());
    let (text, taken) = budget.take(last);
    let mut kept: Vec<_> = text.lines().collect();
    kept.reverse();
    let cut = if taken < lines.len() { "[… the end of the output …]\n" } else { "" };
    let end = if kept.is_empty() { "" } else { "\n" };
    format!("{cut}{}{end}", kept.join("\n"))
}

fn gist(ran: &Ran) -> String {
    let counts = counts(&ran.found);
    match ran.ended {
        Ended::TimedOut => "timed out".to_owned(),
        Ended::Exited(code) if counts.is_empty() => format!("exit {code}"),
        Ended::Signalled(signal) if counts.is_empty() => format!("killed by signal {signal}"),
        _ => counts,
    }
}
