//! What came of a call, as a person sees it: one line, and the part of it that they want to see.

use std::borrow::Cow;

use crate::conversation::{Call, Outcome, Status, Stop};
use crate::ui::call_line::call_line;
use crate::ui::diff::{LONGEST, numbered_diff, summary};
use crate::ui::palette::Paint;
use crate::ui::visible::{visible, visible_line};

/// At most so many lines of a diff or of a failed command are shown.
pub(super) const EXCERPT: usize = 12;

/// At most so many of a command that succeeded.
const GLIMPSE: usize = 4;

/// At most so much of what an edit broke.
const FOUND: usize = 3;

pub(super) fn result_line(call: Option<&Call>, outcome: &Outcome, width: usize) -> String {
    let gist = visible_line(&outcome.gist, 60);
    // The mark, the gaps and the gist have to fit on the line too.
    let room = width.saturating_sub(gist.chars().count() + 5);
    let what = call.map_or_else(|| "call".to_owned(), |it| call_line(it, room));
    match outcome.status {
        Status::Done => format!("{} {what}  {}", "●".good(), gist.quiet()),
        _ => format!("{} {what}  {}", "●".bad(), gist.bad()),
    }
}

/// An outcome without what only the model is told before it.
pub(super) fn without<'a>(told: Option<&str>, outcome: &'a Outcome) -> Cow<'a, Outcome> {
    match told.and_then(|it| outcome.text.strip_prefix(it)) {
        Some(text) => Cow::Owned(Outcome { text: text.to_owned(), ..outcome.clone() }),
        None => Cow::Borrowed(outcome),
    }
}

/// The part of a result that a person wants to see: a diff and what it broke, or the end of an
/// output.
pub(super) fn excerpt(call: Option<&Call>, outcome: &Outcome) -> String {
    let writes = call.is_some_and(|it| matches!(&*it.tool, "edit_file" | "write_file"));
    let text = visible(&outcome.text);
    let lines: Vec<&str> = text.lines().collect();
    if writes && outcome.status == Status::Done {
        let (diff, found) = lines.split_at(after_diff(&lines));
        let mut shown = diff_excerpt(diff);
        shown.extend(found_excerpt(found));
        return shown.join("\n");
    }
    let runs = call.is_some_and(|it| it.tool == "run_command");
    let most = match outcome.status {
        Status::Failed | Status::Malformed => EXCERPT,
        Status::Done if runs => GLIMPSE,
        _ => return String::new(),
    };
    end_of(&lines, most)
}

/// The last lines of an output.
pub(super) fn end_of(lines: &[&str], most: usize) -> String {
    // How it ended stands in the line above.
    let ends = lines.last().is_some_and(|it| it.starts_with("[exit "));
    let lines = &lines[..lines.len() - usize::from(ends)];
    let from = lines.len().saturating_sub(most);
    let before = Some(more_lines(from)).filter(|_| 0 < from);
    let shown = lines[from..].iter().map(|it| format!("    {it}"));
    let shown = before.into_iter().chain(shown).map(|it| it.trim_end().quiet());
    shown.collect::<Vec<_>>().join("\n")
}

/// Where what an edit broke begins, behind its diff: no line of a diff looks like its heading.
fn after_diff(lines: &[&str]) -> usize {
    let is_heading = |it: &&str| it.starts_with('[') && it.ends_with(":]");
    lines.iter().position(is_heading).unwrap_or(lines.len())
}

fn diff_excerpt(lines: &[&str]) -> Vec<String> {
    // Of several files each has a heading.
    let is_diff = |it: &&&str| it.starts_with(['+', '-', ' ', '@', '=']);
    let begins = |it: &&str| it.starts_with("@@") || it.starts_with("== ");
    let from = lines.iter().position(begins).unwrap_or(lines.len());
    let diff: Vec<&str> = lines[from..].iter().filter(is_diff).copied().collect();
    if LONGEST < diff.len() {
        return summed_up(&diff);
    }
    let mut shown = numbered_diff(&diff);
    if EXCERPT < shown.len() {
        let more = shown.len() - EXCERPT;
        shown.truncate(EXCERPT);
        shown.push(more_lines(more).quiet());
    }
    shown
}

/// A line for each of several files, and where to see it all. Of a single one the line above says as
/// much.
fn summed_up(diff: &[&str]) -> Vec<String> {
    let mut files: Vec<(&str, usize, usize)> = Vec::new();
    for line in diff {
        match (line.as_bytes(), files.last_mut()) {
            ([b'=', ..], _) => files.push((line.trim_matches(['=', ' ']), 0, 0)),
            ([b'+', ..], Some(file)) => file.1 += 1,
            ([b'-', ..], Some(file)) => file.2 += 1,
            _ => {}
        }
    }
    // What only came into being, or went, says so itself and has no lines here.
    let line = |(name, added, removed): &(&str, usize, usize)| match (added, removed) {
        (0, 0) => format!("    {name}"),
        (added, removed) => format!("    {}", summary(name, *added, *removed)),
    };
    let told = format!("    {} lines of a diff; `/diff` (or `agent diff`) shows them", diff.len());
    files.iter().map(line).chain([told.quiet()]).collect()
}

/// What was found, without the lines of the file that it speaks of.
fn found_excerpt(lines: &[&str]) -> Vec<String> {
    let is_note = |it: &&&str| it.starts_with('[') && it.ends_with(']');
    let is_found = |it: &&&str| !is_note(it) && !it.starts_with("    ");
    let left_out =
        |it: &&str| it.strip_prefix("[and ")?.strip_suffix(" more]")?.parse::<usize>().ok();
    let found: Vec<&&str> = lines.iter().filter(is_found).collect();
    let left_out: usize = lines.iter().filter_map(left_out).sum();
    let mut shown: Vec<String> =
        found.iter().take(FOUND).map(|it| format!("    {it}").bad()).collect();
    let more = found.len().saturating_sub(FOUND) + left_out;
    if 0 < more {
        shown.push(format!("    … {more} more").quiet());
    }
    shown
}

fn more_lines(n: usize) -> String {
    format!("    … {n} more line{}", if n == 1 { "" } else { "s" })
}

/// Why a turn ended that did not come to its end.
pub(super) fn stop_line(stop: Stop) -> &'static str {
    match stop {
        Stop::Cancelled => "stopped",
        Stop::TurnLimit => "stopped: the turn limit is reached (see `max_turns`)",
        Stop::EmptyReplies => "stopped: the model said nothing, three times in a row",
        Stop::MalformedCalls => {
            "stopped: three replies in a row held no call that could be understood"
        }
        Stop::RepeatedCalls => {
            "stopped: the model made the same calls over and over, with the same results"
        }
        Stop::TimeLimit => "stopped: the time for one turn is over (see `--max-time`)",
        Stop::CallLimit => {
            "stopped: as many calls were made as one turn may make (see `--max-tool-calls`)"
        }
        Stop::OtherForm => {
            "stopped: no answer satisfied the schema, three times in a row (see `--json-schema`)"
        }
        Stop::CutOff => {
            "stopped: the reply was cut off at the end of the window or at `max_tokens`"
        }
        Stop::NoPlan => "stopped: the model was asked for a plan three times, and gave none",
    }
}
