//! `write_file`: a whole file, or more of one.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::after_edit::Touched;
use crate::tools::answer::{Answer, Changed, count};
use crate::tools::foresight::Foreseen;
use crate::tools::seen::Seen;
use crate::tools::{Budget, Failure};
use crate::workspace::{
    Change, Content, Encoding, FileError, ProjectPath, SourceFile, Workspace, placeholder,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    path: String,
    content: String,
    /// Add at the end.
    append: Option<bool>,
}

/// A file as it would be written.
struct Draft {
    path: ProjectPath,
    /// `None` if there is none.
    before: Option<SourceFile>,
    bytes: Vec<u8>,
    /// What the model is told of it.
    text: String,
    gist: String,
    is_more: bool,
    /// It holds just that already.
    is_so: bool,
}

/// What the call would make of the file, or why it would fail; nothing if one of the texts is none.
pub(super) fn foresee(
    workspace: &Workspace,
    seen: &Seen,
    budget: Budget,
    args: Args,
) -> Result<Vec<Foreseen>, Failure> {
    let Draft { path, before, bytes, .. } = draft(workspace, seen, budget, args)?;
    let fate = if before.is_none() { "created" } else { "" }.to_owned();
    let text = |bytes: &[u8]| match Content::of(bytes) {
        Content::Text(it) if it.encoding != Encoding::Unknown => Some(it.text.into_owned()),
        _ => None,
    };
    let before = before.map_or(Some(String::new()), |it| text(it.bytes()));
    let texts = before.zip(text(&bytes));
    let path = path.to_string();
    let foreseen = texts.map(|(before, after)| Foreseen { path, fate, before, after });
    Ok(foreseen.into_iter().collect())
}

pub(super) fn write(
    workspace: &Workspace,
    seen: &Seen,
    budget: Budget,
    args: Args,
) -> Result<Changed, Failure> {
    let Draft { path, before, bytes, text, gist, is_more, is_so } =
        draft(workspace, seen, budget, args)?;
    if let Some(before) = before.as_ref().filter(|_| is_so) {
        seen.note(before.real(), before.bytes());
        return Ok(Answer { text, gist }.into());
    }
    let old = before.as_ref().and_then(|it| it.text().ok()).map(|it| it.text.into_owned());
    let touched = vec![Touched { path: path.clone(), before: old }];
    let change = match before {
        None => Change::Create { path: path.clone(), bytes: bytes.clone() },
        Some(before) => Change::Replace { before, bytes: bytes.clone() },
    };
    workspace.apply(std::slice::from_ref(&change))?;
    let real = workspace.real(&path)?;
    match change {
        // More of a file that was not read says nothing about the rest of it.
        Change::Replace { before, .. } if is_more => {
            if seen.is_current(&before) {
                seen.carry(&before, &real, &bytes);
            }
        }
        _ => seen.note(&real, &bytes),
    }
    Ok(Changed { answer: Answer { text, gist }, touched })
}

fn draft(workspace: &Workspace, seen: &Seen, budget: Budget, args: Args) -> Result<Draft, Failure> {
    let path = workspace.path(&args.path)?;
    let lines = count(args.content.lines().count(), "line");
    let before = match workspace.read(&path) {
        Ok(before) => Some(before),
        Err(FileError::Missing(_)) => None,
        Err(err) => return Err(err.into()),
    };
    let old = before.as_ref().map(|it| String::from_utf8_lossy(it.bytes())).unwrap_or_default();
    let placeholder = placeholder(&old, &args.content).filter(|_| !is_prose(&args.path));
    if let Some(comment) = placeholder {
        let text = format!(
            "`{comment}` in `content` would be written as it is. Give the whole text, change \
             parts of the file with edit_file, or word the comment otherwise. `{path}` was not changed."
        );
        return Err(Failure::new(text, "not the whole text"));
    }
    drop(old);
    let mut is_so = false;
    let (bytes, text) = match &before {
        None => (args.content.into_bytes(), format!("created `{path}`: {lines}\n")),
        Some(before) if args.append == Some(true) => {
            let old = before.text()?;
            let had = count(old.text.lines().count(), "line");
            // What is added are lines; the last one that was there may lack its end.
            let is_open = !old.text.is_empty() && !old.text.ends_with(['\n', '\r']);
            let is_glued =
                is_open && !args.content.is_empty() && !args.content.starts_with(['\n', '\r']);
            let (end, told) = match is_glued {
                true => ("\n", "[the last line had no end: it was given one first]\n"),
                false => ("", ""),
            };
            let (more, kept) = as_in(before, &(end.to_owned() + &args.content))?;
            let bytes = [before.bytes(), &more].concat();
            let text =
                format!("added {lines} to the end of `{path}`, which had {had}\n{told}{kept}");
            (bytes, text)
        }
        Some(before) if before.bytes() == args.content.as_bytes() => {
            is_so = true;
            let text = format!("`{path}` already holds exactly this: nothing was changed\n");
            (args.content.into_bytes(), text)
        }
        Some(before) => {
            must_be_seen(seen, before, budget)?;
            let (bytes, kept) = match before.content() {
                Content::Text(text) => {
                    as_in(before, &(mark(&text.text, &args.content) + &args.content))?
                }
                Content::Binary(_) => (args.content.into_bytes(), String::new()),
            };
            let had = count(String::from_utf8_lossy(before.bytes()).lines().count(), "line");
            (bytes, format!("replaced `{path}`: {lines}, before {had}\n{kept}"))
        }
    };
    let is_more = args.append == Some(true);
    Ok(Draft { path, before, bytes, text, gist: lines, is_more, is_so })
}

/// Who replaces a file must know what is lost.
fn must_be_seen(seen: &Seen, before: &SourceFile, budget: Budget) -> Result<(), Failure> {
    if before.bytes().is_empty() {
        return Ok(());
    }
    seen.must_be_current(before, budget)?;
    let path = before.path();
    let unseen = seen.unseen(before);
    if unseen.is_empty() {
        return Ok(());
    }
    let size = match before.content() {
        Content::Text(text) => count(text.text.lines().count(), "line"),
        Content::Binary(kind) => {
            let text = format!(
                "`{path}` exists and is {kind}, which nobody can read here, so it was not replaced. \
                 If it shall go, delete it with a command first."
            );
            return Err(Failure::new(text, "not read"));
        }
    };
    let call = serde_json::json!({"path": path.to_string(), "edits": [{"old": "…", "new": "…"}]});
    if seen.has(before) {
        let text = format!(
            "`{path}` ({size}) was not replaced, for not all of it was read in this session: read \
             {unseen} first, or change parts with edit_file, for example {call}."
        );
        return Err(Failure::new(text, "not all read"));
    }
    let text = format!(
        "`{path}` exists ({size}) and was not read in this session, so it was not replaced. To change \
         parts of it, call edit_file with {call}. To replace all of it, read it first."
    );
    Err(Failure::new(text, "not read"))
}

/// The text as bytes in the manner of a file: its encoding, byte order mark and line ends; and what
/// of that has to be told.
fn as_in(file: &SourceFile, text: &str) -> Result<(Vec<u8>, String), Failure> {
    let old = file.text()?;
    let mut kept = Vec::new();
    let mut new = Cow::Borrowed(text);
    let crlf = old.text.matches("\r\n").count();
    if 0 < crlf && crlf == old.text.matches('\n').count() && !new.contains('\r') {
        new = new.replace('\n', "\r\n").into();
        kept.push("CRLF line ends");
    }
    match old.encoding {
        Encoding::Utf8 => {}
        Encoding::Utf16 { .. } => kept.push("UTF-16"),
        Encoding::Unknown if new.is_ascii() => {}
        Encoding::Unknown => {
            let path = file.path();
            let text = format!(
                "`{path}` is not UTF-8, so only ASCII can be written to it without breaking it; it was \
                 not changed"
            );
            return Err(Failure::new(text, "not UTF-8"));
        }
    }
    let told = match kept.is_empty() {
        true => String::new(),
        false => format!("[kept: {}]\n", kept.join(", ")),
    };
    Ok((old.encoding.encode(&new), told))
}

/// The byte order mark that the old text has and the new one lacks.
fn mark(old: &str, new: &str) -> String {
    let has = |it: &str| it.starts_with('\u{feff}');
    if has(old) && !has(new) { "\u{feff}".to_owned() } else { String::new() }
}

/// Where a comment with dots is an example.
fn is_prose(path: &str) -> bool {
    [".md", ".txt", ".rst", ".adoc", ".html"].iter().any(|it| path.to_lowercase().ends_with(it))
}
