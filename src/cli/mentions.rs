//! `@file` in a prompt: the file goes with it.

use std::ops::Range;

use serde_json::json;

use crate::agent::Desk;
use crate::cli::serving::Serving;
use crate::cli::task::Prompt;
use crate::conversation::{Call, Event, Front, Status};
use crate::ui::{Offer, visible, visible_line};
use crate::workspace::{Cancel, Kind, ProjectPath, Workspace};

/// As many files are offered.
const OFFERED: usize = 30;

/// A project with more is not looked through while somebody types.
const LOOKED_AT: usize = 50_000;

/// Nobody types more names into one prompt.
const MOST: usize = 100;

/// Where more is amiss, it is some text that was pasted.
const TOLD_AMISS: usize = 3;

/// What was named: a path, and which of its lines.
#[derive(Clone, Debug, PartialEq)]
struct Mention {
    path: String,
    lines: Option<(u32, u32)>,
}

/// What comes of a word that begins with `@`.
#[derive(Debug, PartialEq)]
enum Named {
    File(Mention),
    /// It was meant to be a file, by its looks, and none goes with the prompt: why.
    Amiss(String),
}

/// The prompt of a single task with the files that were named in it.
pub(super) async fn with_files<F: Front>(
    desk: &mut Desk<Serving, F>,
    workspace: &Workspace,
    prompt: Prompt,
    told: fn(&mut F, &str),
) -> String {
    let attached = attached(desk, workspace, &prompt.typed, told).await;
    [vec![prompt.text], attached].concat().join("\n\n")
}

/// What stands at the beginning of each file that goes with a prompt.
const ATTACHED: &str = "[Attached: ";

/// What a command was told that a person ran themselves.
pub(super) const RAN: &str = "[I ran this command:]\n$ ";

/// A prompt that was asked before.
#[derive(Debug, PartialEq)]
pub(super) struct Asked<'a> {
    pub(super) typed: &'a str,
    /// What was piped in, or ran, beside it.
    pub(super) told: &'a str,
    has_files: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn of(prompt: &'a str) -> Self {
        let begins = |mark: &str| prompt.find(&format!("\n\n{mark}"));
        let files = begins(ATTACHED);
        let end = files.unwrap_or(prompt.len());
        let typed = [begins(RAN), begins("<stdin>\n")].into_iter().flatten().fold(end, usize::min);
        let (typed, told) = prompt[..end].split_at(typed);
        Self { typed, told: told.trim_start(), has_files: files.is_some() }
    }

    /// To be asked once more: the files that were named are looked at anew.
    pub(super) fn again(&self) -> Prompt {
        let parts = [self.typed, self.told].into_iter().filter(|it| !it.is_empty());
        let text = parts.collect::<Vec<_>>().join("\n\n");
        Prompt::about(if self.has_files { self.typed } else { "" }, text)
    }
}

/// The files that a prompt names, as the model would see them; `told` tells the person of each.
pub(super) async fn attached<F: Front>(
    desk: &mut Desk<Serving, F>,
    workspace: &Workspace,
    typed: &str,
    told: fn(&mut F, &str),
) -> Vec<String> {
    let (mut attached, mut amiss) = (Vec::new(), 0);
    for named in mentions(typed, workspace) {
        let mention = match named {
            Named::File(mention) => mention,
            Named::Amiss(why) => {
                amiss += 1;
                if amiss <= TOLD_AMISS {
                    let why = format!("not attached: {}", visible_line(&why, 100));
                    desk.front().show(&Event::Warning(&why));
                }
                continue;
            }
        };
        let outcome = desk.call(&mention.look()).await;
        let gist = visible_line(&outcome.gist, 60);
        if outcome.status != Status::Done {
            let path = visible_line(&mention.path, 60);
            desk.front().show(&Event::Warning(&format!("not attached: {path}: {gist}")));
            continue;
        }
        let is_cut = outcome.text.lines().next_back().is_some_and(|it| it.starts_with("[cut: "));
        let gist = if is_cut { gist + ", the rest has no room" } else { gist };
        told(desk.front(), &format!("  attached {}: {gist}", visible_line(&mention.path, 60)));
        attached.push(format!("{ATTACHED}{}]\n{}", mention.path, outcome.text.trim_end()));
    }
    attached
}

/// What the words name, each file once.
fn mentions(words: &str, workspace: &Workspace) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    for written in written(words) {
        found.extend(named(&written, workspace).filter(|it| !found.contains(it)));
        if MOST <= found.len() {
            break;
        }
    }
    found
}

/// What stands behind an `@`.
#[derive(Debug, PartialEq)]
struct Written {
    /// Without its quotes and backslashes.
    text: String,
    /// Between quotes: nothing behind it belongs to the sentence.
    quoted: bool,
    /// From the `@` on.
    place: Range<usize>,
}

/// What stands behind each `@` that begins a word: up to a blank that no backslash stands before,
/// or between quotes, with the lines behind them.
fn written(words: &str) -> Vec<Written> {
    let mut found = Vec::new();
    let mut rest = words;
    let mut begins = true;
    while let Some(next) = rest.chars().next() {
        let behind = &rest[next.len_utf8()..];
        (rest, begins) = match (next, begins) {
            ('@', true) => {
                let (text, quoted, rest) = one(behind);
                if !text.is_empty() {
                    let place = words.len() - behind.len() - 1..words.len() - rest.len();
                    found.push(Written { text, quoted, place });
                }
                (rest, false)
            }
            _ => (behind, next.is_whitespace() || next == '('),
        };
    }
    found
}

/// What is written there, whether between quotes, and what stands behind it.
fn one(text: &str) -> (String, bool, &str) {
    let closed = text.strip_prefix('"').and_then(|it| it.split_once('"'));
    if let Some((path, behind)) = closed.filter(|(path, _)| !path.contains('\n')) {
        let lines = behind.strip_prefix('#').map_or("", |it| {
            let end = it.find(|it: char| !(it.is_ascii_digit() || matches!(it, '-' | 'L')));
            &behind[..end.map_or(behind.len(), |it| it + 1)]
        });
        let lines = lines.trim_end_matches('-');
        return (format!("{path}{lines}"), true, &behind[lines.len()..]);
    }
    let mut written = String::new();
    let mut chars = text.char_indices().peekable();
    let mut end = text.len();
    while let Some((at, it)) = chars.next() {
        match it {
            '\\' if chars.peek().is_some_and(|(_, it)| *it == ' ') => {
                written.push(' ');
                chars.next();
            }
            it if it.is_whitespace() => {
                end = at;
                break;
            }
            it => written.push(it),
        }
    }
    (written, false, &text[end..])
}

/// Where the words name a file that is there.
pub(super) fn named_in(words: &str, workspace: &Workspace) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for it in written(words) {
        if let Some(Named::File(_)) = named(&it, workspace) {
            places.push(it.place);
        }
    }
    places
}

fn named(written: &Written, workspace: &Workspace) -> Option<Named> {
    let whole = written.text.as_str();
    // A sentence goes on behind it.
    let trimmed = match written.quoted {
        true => whole,
        false => whole.trim_end_matches(['.', ',', ';', ':', ')', '?', '!', '"', '\'']),
    };
    for text in [whole, trimmed] {
        if is_there(text, workspace) {
            return Some(Named::File(Mention { path: text.to_owned(), lines: None }));
        }
        let Some((path, behind)) = text.rsplit_once('#') else { continue };
        let path = path.to_owned();
        match lines(behind) {
            _ if !is_there(&path, workspace) => {}
            Some(lines) => return Some(Named::File(Mention { path, lines: Some(lines) })),
            None if text == trimmed => {
                let why = "lines are named like `#10` or `#10-40`";
                return Some(Named::Amiss(format!("{text}: {why}")));
            }
            None => {}
        }
    }
    if whole.starts_with('"') {
        return Some(Named::Amiss(format!("{whole}: the quotes do not end")));
    }
    let path = trimmed.rsplit_once('#').filter(|(_, it)| lines(it).is_some());
    let path = path.map_or(trimmed, |(path, _)| path);
    let why = match workspace.path(path) {
        Err(_) if begins_like_a_path(path) => format!("{path}: it lies outside of the project"),
        Ok(it) if workspace.root().join(it.as_path()).symlink_metadata().is_ok() => {
            format!("{path}: it is no file of the project")
        }
        _ if written.quoted || looks_like_a_file(path) || begins_like_a_path(path) => {
            format!("{path}: there is no such file in the project")
        }
        _ => return None,
    };
    Some(Named::Amiss(why))
}

fn begins_like_a_path(path: &str) -> bool {
    let behind = ["/", "~/", "./", "../"].iter().find_map(|it| path.strip_prefix(it));
    behind.is_some_and(|it| it.starts_with(|it: char| it.is_alphanumeric() || it == '.'))
}

fn lines(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |it: &str| it.trim_start_matches('L').parse::<u32>().ok();
    let (first, last) = (number(first)?, number(last)?);
    (1 <= first && first <= last).then_some((first, last))
}

fn is_there(path: &str, workspace: &Workspace) -> bool {
    let parsed = workspace.path(path).ok().filter(|_| !path.is_empty());
    parsed.is_some_and(|it| workspace.is_file(&it) || workspace.directory(&it).is_ok())
}

/// Endings of files that people name without a folder. `@api.model` is no file.
const KINDS: &[&str] = &[
    "c", "cc", "cfg", "cpp", "cs", "css", "csv", "env", "ex", "go", "h", "hpp", "hs", "html",
    "ini", "java", "js", "json", "jsx", "kt", "lock", "log", "lua", "md", "php", "pl", "py", "rb",
    "rs", "scala", "sh", "sql", "svelte", "svg", "swift", "toml", "ts", "tsx", "txt", "vue", "xml",
    "yaml", "yml", "zig",
];

/// Names of people, of packages and of what stands before a function are no files.
fn looks_like_a_file(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let kind = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|it| it.1);
    let has_kind = kind.is_some_and(|it| {
        KINDS.contains(&it)
            || !folder.is_empty()
                && (1..=5).contains(&it.len())
                && it.chars().all(|it| it.is_ascii_alphanumeric())
    });
    let plain = path.chars().all(|it| it.is_alphanumeric() || "/._-+ ".contains(it));
    plain && has_kind
}

impl Mention {
    /// The look that the model itself would take at it.
    fn look(&self) -> Call {
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
    let Some((from, begun)) = begun(line) else { return Offer::default() };
    let everything = workspace.path("").map(|it| workspace.entries(&it, None, &Cancel::default()));
    let Ok(Ok(entries)) = everything else { return Offer::default() };
    let shown = |path: &ProjectPath, kind: Kind| match kind {
        Kind::Directory => Some(format!("{path}/")),
        Kind::File => Some(path.to_string()),
        Kind::Link | Kind::Other => None,
    };
    let named = entries.iter().take(LOOKED_AT).filter_map(|it| shown(&it.path, it.kind));
    // What cannot be typed back as it is shown is not offered.
    let named = named.filter(|it| visible(it) == *it && !it.contains('"'));
    let mut ranked: Vec<_> = named.filter_map(|it| Some((rank(&begun, &it)?, it))).collect();
    ranked.sort();
    ranked.truncate(OFFERED);
    let mut words: Vec<String> = ranked.into_iter().map(|(_, it)| as_typed(&it)).collect();
    if let [only] = &mut words[..]
        && !only.ends_with(['/', ' '])
    {
        only.push(' ');
    }
    Offer { from, words }
}

/// Where the end of a line begins to name a path, and what of it is there.
fn begun(line: &str) -> Option<(usize, String)> {
    let open = line.rfind("@\"").filter(|at| {
        let inner = &line[at + 2..];
        !inner.contains('"') && line[..*at].chars().next_back().is_none_or(char::is_whitespace)
    });
    if let Some(at) = open {
        return Some((at, line[at + 2..].to_owned()));
    }
    let blank =
        line.char_indices().rfind(|(at, it)| it.is_whitespace() && !line[..*at].ends_with('\\'));
    let from = blank.map_or(0, |(at, it)| at + it.len_utf8());
    Some((from, line[from..].strip_prefix('@')?.replace("\\ ", " ")))
}

/// How a path is named in a prompt. The quotes of a folder stay open: what is in it may follow.
fn as_typed(path: &str) -> String {
    match (path.contains(char::is_whitespace), path.ends_with('/')) {
        (false, _) => format!("@{path}"),
        (true, true) => format!("@\"{path}"),
        (true, false) => format!("@\"{path}\""),
    }
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
    use expect_test::{Expect, expect};

    use super::*;

    /// What a prompt names in a project with a few files.
    fn check(words: &str, expected: Expect) {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a.rs", "a#b.rs", "my notes.md", "sub/two words/c.txt", "Makefile"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x\n").unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("out")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("pipe"), 0o600.into()).unwrap();
        let workspace = Workspace::open(dir.path(), None).unwrap();
        let said = mentions(words, &workspace).into_iter().map(|it| match it {
            Named::File(Mention { path, lines: None }) => format!("{path}\n"),
            Named::File(Mention { path, lines: Some((first, last)) }) => {
                format!("{path}, {first} to {last}\n")
            }
            Named::Amiss(why) => format!("! {why}\n"),
        });
        expected.assert_eq(&said.collect::<String>());
    }

    #[test]
    fn lines_are_named_behind_a_path() {
        let words = "@a#b.rs and @a.rs#10-40, @a.rs#L7.";
        check(
            words,
            expect![[r#"
            a#b.rs
            a.rs, 10 to 40
            a.rs, 7 to 7
        "#]],
        );
        let words = "@a.rs#x @a.rs#0 @a.rs#9-3!";
        check(
            words,
            expect![[r#"
            ! a.rs#x: lines are named like `#10` or `#10-40`
            ! a.rs#0: lines are named like `#10` or `#10-40`
            ! a.rs#9-3: lines are named like `#10` or `#10-40`
        "#]],
        );
    }

    #[test]
    fn blanks_stand_between_quotes_or_behind_a_backslash() {
        let words = r##"(@"my notes.md"#2-3) @my\ notes.md, @"sub/two words". @"my notes.md"#1- "##;
        check(
            words,
            expect![[r#"
            my notes.md, 2 to 3
            my notes.md
            sub/two words
            my notes.md, 1 to 1
        "#]],
        );
    }

    #[test]
    fn what_looks_like_a_file_and_is_none_is_told_of() {
        let words = "@b.rs, @src/b.rs#3 @\"no such\" @Makefile?";
        check(
            words,
            expect![[r#"
            ! b.rs: there is no such file in the project
            ! src/b.rs: there is no such file in the project
            ! no such: there is no such file in the project
            Makefile
        "#]],
        );
        let words = "@/etc/passwd @../up.rs @./none @\"my no @pipe @out @/ @../";
        check(
            words,
            expect![[r#"
                ! /etc/passwd: it lies outside of the project
                ! ../up.rs: it lies outside of the project
                ! ./none: there is no such file in the project
                ! "my: the quotes do not end
                ! pipe: it is no file of the project
                ! out: it is no file of the project
            "#]],
        );
        check(
            "@Override @api.model @app.route('/x') @types/node me@a.rs @ @@ @someone",
            expect![[""]],
        );
    }

    #[test]
    fn what_is_asked_again_names_what_was_typed() {
        let check = |asked: &str, text: &str, typed: &str| {
            assert_eq!(Asked::of(asked).again(), Prompt::about(typed, text.to_owned()));
        };
        check("a review of +// @a.rs", "a review of +// @a.rs", "");
        check("see @a.rs\n\n[Attached: a.rs]\n1\tsee @b.rs", "see @a.rs", "see @a.rs");
        let ran = "see @a.rs\n\n[I ran this command:]\n$ cat b\n@c.rs";
        check(&format!("{ran}\n\n[Attached: a.rs]\nx"), ran, "see @a.rs");
        let piped = "see @a.rs\n\n<stdin>\n@c.rs\n</stdin>";
        check(&format!("{piped}\n\n[Attached: a.rs]\nx"), piped, "see @a.rs");
        assert_eq!(Asked::of(piped).told, "<stdin>\n@c.rs\n</stdin>");
    }

    #[test]
    fn the_place_of_a_name_is_known() {
        let places = |words: &str| -> Vec<String> {
            written(words).into_iter().map(|it| words[it.place].to_owned()).collect()
        };
        assert_eq!(
            places("see (@a.rs#3 @\"b c\"#1, é@x @d\\ e"),
            ["@a.rs#3", "@\"b c\"#1", "@d\\ e"]
        );
    }

    #[test]
    fn what_is_begun_is_found_with_its_blanks() {
        let some = |from, it: &str| Some((from, it.to_owned()));
        assert_eq!(begun("see @sr"), some(4, "sr"));
        assert_eq!(begun("see @\"my no"), some(4, "my no"));
        assert_eq!(begun("see @my\\ no"), some(4, "my no"));
        assert_eq!(begun("@\"my notes.md\" and"), None);
        assert_eq!(begun("é\u{3000}@b"), some(5, "b"));
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
