//! A session as one HTML page that needs nothing else: no script, no network, no other file.
//!
//! All words in it are somebody's: the person's, a model's, a file's. Each goes through [`escaped`] or
//! [`prose::html`] and nothing else writes into the page. Should one slip through all the same, the
//! page's own policy lets no script run and nothing be loaded.

mod code;
mod prose;

use crate::conversation::{
    Call, Condensed, Decision, Entry, Outcome, Reply, Status, StepStatus, Usage,
};
use crate::session::Held;
use crate::session::date::utc;
use crate::session::markdown::{changed_to, one_line, why};

const STYLE: &str = include_str!("page/style.css");

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// What is at most this long is shown at once, not folded away.
const SHORT: usize = 40;

/// So much of a call is told before it is opened.
const GIST_WIDTH: usize = 100;

/// The page. What acts on a reader without being seen, such as marks that turn the direction of text,
/// is still in it.
pub(crate) fn page(held: &Held) -> String {
    let title = escaped(one_line(&held.title));
    let mut body = Body::default();
    held.dated().for_each(|(at, it)| body.take(at, it));
    body.end_turn();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1 dir=\"auto\">{title}</h1>\n{facts}</header>\n{contents}<main>\n{main}</main>\n\
         </body>\n</html>\n",
        facts = facts(held),
        contents = contents(&body.prompts),
        main = body.html,
    )
}

/// Text, as HTML shows it.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + text.len() / 16);
    for c in text.chars() {
        match c {
            '&' => shown += "&amp;",
            '<' => shown += "&lt;",
            '>' => shown += "&gt;",
            '"' => shown += "&quot;",
            '\'' => shown += "&#39;",
            _ => shown.push(c),
        }
    }
    shown
}

/// Where it was held, with which model, and what it cost.
fn facts(held: &Held) -> String {
    let (requests, usage) = held.usage();
    let mut facts = Vec::new();
    // The rest of the path is nobody's business.
    let project = held.project.as_ref().and_then(|it| it.file_name());
    facts.extend(project.map(|it| ("Project", it.to_string_lossy().into_owned())));
    let models = held.models().join(", ");
    facts.extend(Some(("Model", models)).filter(|(_, it)| !it.is_empty()));
    facts.extend(held.times.first().map(|it| ("Began", utc(*it))));
    if 0 < requests {
        facts.push(("Requests", counted(requests)));
        let Usage { cached, read, written, .. } = usage;
        let [cached, read, written] = [cached, read, written].map(|it| counted(it as usize));
        facts.push(("Tokens", format!("{read} read, {cached} from the cache, {written} written")));
        let seconds = (usage.read_ms + usage.written_ms) / 1000.0;
        facts.extend((0.05 < seconds).then(|| ("Time of the model", format!("{seconds:.1} s"))));
    }
    if !held.damage.is_none() {
        facts.push(("Damage", held.damage.to_string()));
    }
    let line = |(name, value): (&str, String)| {
        format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escaped(&value))
    };
    format!("<dl>\n{}</dl>\n", facts.into_iter().map(line).collect::<String>())
}

/// A number with a thin space every three digits.
fn counted(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n != 0 && (digits.len() - n).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

fn contents(prompts: &[String]) -> String {
    if prompts.len() < 2 {
        return String::new();
    }
    let line = |(n, it): (usize, &String)| {
        format!("<li><a href=\"#prompt-{n}\" dir=\"auto\">{}</a></li>\n", escaped(it))
    };
    let lines: String = (1..).zip(prompts).map(line).collect();
    format!("<nav aria-label=\"Prompts\">\n<ol>\n{lines}</ol>\n</nav>\n")
}

#[derive(Default)]
struct Body<'a> {
    html: String,
    /// The beginning of each.
    prompts: Vec<String>,
    calls: Vec<&'a Call>,
    is_in_turn: bool,
    /// The next reply has a form; what came of it follows.
    is_form: bool,
}

impl<'a> Body<'a> {
    fn take(&mut self, at: u64, entry: &'a Entry) {
        match entry {
            Entry::Prompt(words) => self.prompt(at, words),
            Entry::Wanted { .. } => self.is_form = true,
            Entry::Reply(_) if std::mem::take(&mut self.is_form) => {}
            Entry::Reply(reply) => self.reply(reply),
            Entry::Planned(plan) => {
                let text = format!("<pre>{}</pre>\n", escaped(&plan.in_words()));
                self.html += &folded("note", "Plan", &text, true);
            }
            Entry::Marked(mark)
                if !matches!(mark.status, StepStatus::Doing | StepStatus::Checking) =>
            {
                let gist = if mark.gist.is_empty() { "" } else { &format!(": {}", mark.gist) };
                self.html +=
                    &remark(&format!("Step {} {}{gist}", mark.step + 1, mark.status.name()));
            }
            Entry::Result { call, outcome } => {
                let made = self.calls.iter().find(|it| it.id == *call).copied();
                self.html += &exchange(made, outcome);
            }
            Entry::Decided { decision: Decision::Denied(words), .. } if !words.is_empty() => {
                self.html += &remark(&format!("You said no: {}", words.trim()));
            }
            Entry::Decided { decision: Decision::Changed(changed), .. } => {
                let (what, to) = changed_to(changed);
                self.html += &remark(what);
                self.html += &block(&escaped(to.trim_end()));
            }
            Entry::Stopped(stop) => self.html += &remark(why(*stop)),
            Entry::Condensed(Condensed { summary, .. }) if !summary.is_empty() => {
                let text = prose::html(summary);
                self.html += &folded("room", "Summed up to make room", &text, false);
            }
            Entry::Note(text) => match entry.meanwhile() {
                Some(words) => self.html += &remark(&format!("You, meanwhile: {}", words.trim())),
                None => {
                    let text = format!("<pre>{}</pre>\n", escaped(text));
                    self.html += &folded("note", "Told to the model", &text, false);
                }
            },
            Entry::Marked(_)
            | Entry::Planning
            | Entry::Opened { .. }
            | Entry::Decided { .. }
            | Entry::Started { .. }
            | Entry::Full { .. }
            | Entry::Pruned(_)
            | Entry::Condensed(_) => {}
        }
    }

    fn end_turn(&mut self) {
        if std::mem::take(&mut self.is_in_turn) {
            self.html += "</section>\n";
        }
    }

    fn prompt(&mut self, at: u64, words: &str) {
        self.end_turn();
        self.is_in_turn = true;
        self.prompts.push(shortened(words.trim(), GIST_WIDTH));
        let n = self.prompts.len();
        self.html += &format!(
            "<section id=\"prompt-{n}\">\n<div class=\"prompt\">\n<h2>You <a href=\"#prompt-{n}\"><time>{}</time></a></h2>\n<p dir=\"auto\">{}</p>\n</div>\n",
            utc(at),
            escaped(words.trim_end())
        );
    }

    fn reply(&mut self, reply: &'a Reply) {
        if !reply.reasoning.trim().is_empty() {
            let text = format!("<pre>{}</pre>\n", escaped(reply.reasoning.trim()));
            self.html += &folded("thought", "Thought", &text, false);
        }
        if !reply.text.trim().is_empty() {
            self.html += &format!(
                "<div class=\"reply\" dir=\"auto\">\n{}</div>\n",
                prose::html(&reply.text)
            );
        }
        self.calls = reply.calls.iter().collect();
    }
}

fn remark(words: &str) -> String {
    format!("<p class=\"remark\" dir=\"auto\">{}</p>\n", escaped(words))
}

/// `summary` and `body` are HTML.
fn folded(class: &str, summary: &str, body: &str, is_open: bool) -> String {
    let open = if is_open { " open" } else { "" };
    format!("<details class=\"{class}\"{open}><summary>{summary}</summary>\n{body}</details>\n")
}

/// A call and what came of it.
fn exchange(call: Option<&Call>, outcome: &Outcome) -> String {
    let tool = call.map_or("a call", |it| one_line(&it.tool));
    let arguments = call.and_then(|it| serde_json::from_str(&it.args).ok());
    let is_done = outcome.status == Status::Done;
    let mut summary = format!("<b>{}</b>", escaped(tool));
    if let Some(subject) = arguments.as_ref().and_then(subject) {
        summary += &format!(" <code>{}</code>", escaped(&subject));
    }
    if !outcome.gist.is_empty() {
        summary += &format!(" <span>{}</span>", escaped(&shortened(&outcome.gist, GIST_WIDTH)));
    }
    let is_diff = code::is_diff(&outcome.text);
    let asked = match (&arguments, call) {
        (Some(serde_json::Value::Object(fields)), _) => arguments_of(fields, is_diff),
        (_, Some(call)) if !call.args.trim().is_empty() => block(&escaped(&call.args)),
        _ => String::new(),
    };
    let text = outcome.text.trim_end();
    let answer = if is_diff { code::diff(text) } else { escaped(text) };
    let answer = if answer.is_empty() { String::new() } else { block(&answer) };
    let notices = outcome.notices.iter().map(|it| remark(it)).collect::<String>();
    let is_short = text.lines().count() <= SHORT;
    let class = if is_done { "call" } else { "call failed" };
    folded(class, &summary, &(asked + &answer), is_diff && is_short) + &notices
}

fn block(html: &str) -> String {
    format!("<pre>{html}</pre>\n")
}

/// What a call is about, where it is about one thing.
fn subject(arguments: &serde_json::Value) -> Option<String> {
    let named = ["command", "path", "pattern", "query", "url", "paths", "name"];
    let value = named.iter().find_map(|it| arguments.get(it))?;
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => {
            let items: Vec<_> = items.iter().filter_map(|it| it.as_str()).collect();
            items.join(" ")
        }
        _ => return None,
    };
    Some(shortened(&text, GIST_WIDTH)).filter(|it| !it.is_empty())
}

/// Arguments that the diff of the result shows better.
const IN_DIFF: &[&str] = &["edits", "patch", "content"];

/// Text of several lines as it stands, everything else as JSON.
fn arguments_of(fields: &serde_json::Map<String, serde_json::Value>, is_diff: bool) -> String {
    let path = fields.get("path").and_then(|it| it.as_str()).unwrap_or_default();
    let language = path.rsplit('.').next().unwrap_or_default();
    let mut html = String::new();
    let is_told = |name: &str| is_diff && IN_DIFF.contains(&name);
    for (name, value) in fields.iter().filter(|(name, _)| !is_told(name)) {
        let value = match value.as_str() {
            Some(text) if code::is_diff(text) => block(&code::diff(text)),
            Some(text) if text.contains('\n') => block(&code::highlighted(text, language)),
            Some(text) => format!(" <code>{}</code>", escaped(text)),
            None => format!(" <code>{}</code>", escaped(&value.to_string())),
        };
        html += &format!("<div class=\"argument\"><i>{}</i>{value}</div>\n", escaped(name));
    }
    html
}

/// The first line that says something, cut to a width.
fn shortened(text: &str, width: usize) -> String {
    let line = text.lines().map(str::trim).find(|it| !it.is_empty()).unwrap_or_default();
    match line.char_indices().nth(width) {
        None => line.to_owned(),
        Some(_) => line.chars().take(width - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests;
