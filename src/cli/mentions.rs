//! `@file` in a prompt: the file goes with it.

use serde_json::json;

use crate::conversation::Call;
use crate::ui::Offer;
use crate::workspace::{Cancel, Kind, ProjectPath, Workspace};

/// As many files are offered.
const OFFERED: usize = 30;

/// A project with more is not looked through while somebody types.
const LOOKED_AT: usize = 50_000;

/// What was named: a path, and which of its lines.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mention {
    pub(super) path: String,
    lines: Option<(u32, u32)>,
}

/// What the words name that there is in the project.
pub(super) fn mentions(words: &str, workspace: &Workspace) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    for word in words.split_whitespace() {
        let Some(named) = word.strip_prefix('@') else { continue };
        // A sentence goes on behind it.
        let trimmed = named.trim_end_matches(['.', ',', ';', ':', ')', '?', '!', '"', '\'']);
        let there = [named, trimmed].into_iter().map(mention).find(|it| is_there(it, workspace));
        found.extend(there.filter(|it| !found.contains(it)));
    }
    found
}

fn mention(named: &str) -> Mention {
    let lines = |it: &str| {
        let (first, last) = it.split_once('-').unwrap_or((it, it));
        let number = |it: &str| it.trim_start_matches('L').parse().ok();
        Some((number(first)?, number(last)?))
    };
    match named.rsplit_once('#').and_then(|(path, it)| Some((path, lines(it)?))) {
        Some((path, lines)) => Mention { path: path.to_owned(), lines: Some(lines) },
        None => Mention { path: named.to_owned(), lines: None },
    }
}

fn is_there(mention: &Mention, workspace: &Workspace) -> bool {
    let path = workspace.path(&mention.path).ok();
    path.is_some_and(|it| {
        !mention.path.is_empty() && (workspace.is_file(&it) || workspace.directory(&it).is_ok())
    })
}

impl Mention {
    /// The look that the model itself would take at it.
    pub(super) fn look(&self) -> Call {
        let mut args = json!({"paths": [self.path]});
        if let Some((first, last)) = self.lines {
            args["start_line"] = first.into();
            args["end_line"] = last.into();
        }
        let (id, tool) = ("attached".to_owned(), "read_file".to_owned());
        Call { id, tool, args: args.to_string() }
    }
}

/// The paths that the end of a line may name.
pub(super) fn offer(line: &str, workspace: &Workspace) -> Offer {
    let from = line.rfind(char::is_whitespace).map_or(0, |it| it + 1);
    let Some(begun) = line[from..].strip_prefix('@') else { return Offer::default() };
    let everything = workspace.path("").map(|it| workspace.entries(&it, None, &Cancel::default()));
    let Ok(Ok(entries)) = everything else { return Offer::default() };
    let shown = |path: &ProjectPath, kind: Kind| match kind {
        Kind::Directory => Some(format!("{path}/")),
        Kind::File => Some(path.to_string()),
        Kind::Link | Kind::Other => None,
    };
    let named = entries.iter().take(LOOKED_AT).filter_map(|it| shown(&it.path, it.kind));
    // What cannot be typed back as it is shown is not offered.
    let named =
        named.filter(|it| crate::ui::visible(it) == *it && !it.contains(char::is_whitespace));
    let mut ranked: Vec<_> = named.filter_map(|it| Some((rank(begun, &it)?, it))).collect();
    ranked.sort();
    ranked.truncate(OFFERED);
    let mut words: Vec<String> = ranked.into_iter().map(|(_, it)| format!("@{it}")).collect();
    if let [only] = &mut words[..]
        && !only.ends_with('/')
    {
        only.push(' ');
    }
    Offer { from, words }
}

/// How well a path fits what was begun, the less the better: as its beginning, the beginning of its
/// name, a part of it, or letters in the same order. `None` if it does not.
fn rank(begun: &str, path: &str) -> Option<(u8, usize)> {
    let (begun, lower) = (begun.to_lowercase(), path.to_lowercase());
    let name = lower.trim_end_matches('/').rsplit('/').next().unwrap_or(&lower);
    let kind = if lower.starts_with(&begun) {
        0
    } else if name.starts_with(&begun) {
        1
    } else if lower.contains(&begun) {
        2
    } else {
        let mut letters = lower.chars();
        begun.chars().all(|it| letters.any(|other| it == other)).then_some(3)?
    };
    // Below what was begun first what is near.
    Some((kind, lower.matches('/').count() * 1000 + lower.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_behind_a_path() {
        assert_eq!(mention("a#b.rs"), Mention { path: "a#b.rs".to_owned(), lines: None });
        let some = |first, last| Mention { path: "a.rs".to_owned(), lines: Some((first, last)) };
        assert_eq!(mention("a.rs#10-40"), some(10, 40));
        assert_eq!(mention("a.rs#L7"), some(7, 7));
    }

    #[test]
    fn a_beginning_fits_better_than_a_part() {
        let mut paths = ["src/cli/talk.rs", "talk/", "tests/support/talk.rs", "a/tall/k", "b.rs"];
        paths.sort_by_key(|it| rank("talk", it).unwrap_or((9, 0)));
        assert_eq!(
            paths,
            ["talk/", "src/cli/talk.rs", "tests/support/talk.rs", "a/tall/k", "b.rs"]
        );
        assert_eq!(rank("talk", "b.rs"), None);
    }
}
