//! Calls written as text, by a model whose server did not see them for what they are.
//!
//! Only what a reply itself says, only at its end, only in the notations in which models are taught
//! to call, and only where each name is that of a tool. What is quoted, in a fence or behind a mark,
//! is no call. How the arguments are to be read is for `tools` to say.

mod json;
mod markup;
mod veil;

use crate::conversation::{Call, End, Reply};
use crate::llm::spoken::markup::Markup;

pub(crate) use veil::Veil;

/// More places where a call might begin are not looked at: a text of that many is about calls.
const MOST_PLACES: usize = 32;

/// Finds the calls of a reply that has none and moves their text from `text` to `spoken`.
pub(crate) fn hear(reply: &mut Reply, is_tool: &dyn Fn(&str) -> bool) {
    if !reply.calls.is_empty() || reply.end == End::Cancelled {
        return;
    }
    if let Some((at, calls)) = find(&reply.text, is_tool) {
        reply.spoken = reply.text.split_off(at);
        reply.calls = calls;
        let numbered = reply.calls.iter_mut().enumerate();
        numbered.for_each(|(n, it)| it.id = format!("call_{n}"));
    }
}

/// Where the calls begin, and what they are.
fn find(text: &str, is_tool: &dyn Fn(&str) -> bool) -> Option<(usize, Vec<Call>)> {
    let all_known =
        |calls: &Vec<Call>| !calls.is_empty() && calls.iter().all(|it| is_tool(&it.tool));
    // To tell what is quoted the text before it is read, each time.
    let places = markup::places(text).take(MOST_PLACES).filter(|at| !is_quoted(text, *at));
    let mut marked = places.filter_map(|at| Some((at, Markup::new(&text[at..]).calls()?)));
    let found = marked.find(|(_, calls)| all_known(calls));
    found.or_else(|| plain(text).filter(|(_, calls)| all_known(calls)))
}

/// A call without marks of its own: all that the reply says, or a fence at its end.
fn plain(text: &str) -> Option<(usize, Vec<Call>)> {
    let start = text.len() - text.trim_start().len();
    if text[start..].starts_with(['{', '[']) {
        return Some((start, json::calls(text.trim())?));
    }
    let at = fence_starts(text).next()?;
    let (info, body) = text[at..].trim_end().strip_prefix("```")?.split_once('\n')?;
    let body = body.strip_suffix("```").filter(|it| !it.contains("\n```"))?.trim();
    let calls = match info.trim() {
        "" | "json" | "tool_call" | "tool_calls" => json::calls(body)?,
        "tool_code" => body.lines().map(markup::python_call).collect::<Option<_>>()?,
        _ => return None,
    };
    Some((at, calls))
}

/// Where lines begin a fence, or end one.
fn fence_starts(text: &str) -> impl Iterator<Item = usize> {
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    starts.filter(|at| text[*at..].starts_with("```") || text[*at..].starts_with("~~~"))
}

/// Whether what stands at `at` is shown rather than said.
fn is_quoted(text: &str, at: usize) -> bool {
    let line_start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    let before = &text[line_start..at];
    let is_fenced = fence_starts(&text[..line_start]).count() % 2 == 1;
    let in_code = before.matches('`').count() % 2 == 1;
    let is_shown = before.starts_with(['>', '\t']) || before.starts_with("    ");
    is_fenced || in_code || is_shown
}

#[cfg(test)]
mod tests;
