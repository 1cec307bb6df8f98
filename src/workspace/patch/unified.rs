//! Unified diffs, from git or by hand: line numbers and counts may be wrong, or not there.

use crate::workspace::patch::begin_patch::marked;
use crate::workspace::patch::{Action, FilePatch, Hunk, Mark};

/// A file as its headers tell of it.
#[derive(Debug, Default)]
struct Section {
    /// `None` for `/dev/null`.
    old: Option<String>,
    new: Option<String>,
    has_names: bool,
    is_rename: bool,
    is_new: bool,
    is_deleted: bool,
    hunks: Vec<Numbered>,
}

/// A hunk with the numbers of its header, if it has some.
#[derive(Debug)]
struct Numbered {
    hunk: Hunk,
    numbers: Option<Numbers>,
}

/// First line and count, old and new.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    old: (usize, usize),
    new: (usize, usize),
}

pub(super) fn parse(lines: &[&str]) -> Result<Vec<FilePatch>, String> {
    let mut sections: Vec<Section> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].strip_suffix('\r').unwrap_or(lines[at]);
        at += 1;
        if line.starts_with("diff --git ") {
            sections.push(Section::default());
        } else if is_header(&lines[at - 1..]) {
            let names = [name(&line[4..]), name(lines[at].get(4..).unwrap_or_default())];
            at += 1;
            let known = sections.last_mut().filter(|it| !it.has_names && it.hunks.is_empty());
            let section = match known {
                Some(section) => section,
                None => {
                    sections.push(Section::default());
                    sections.last_mut().expect("it was just added")
                }
            };
            [section.old, section.new] = without_prefixes(names);
            section.has_names = true;
        } else if let Some(rest) = line.strip_prefix("@@") {
            if sections.is_empty() {
                // Only hunks: the path may be told elsewhere.
                sections.push(Section { old: Some(String::new()), ..Section::default() });
            }
            let numbers = numbers(rest);
            let (hunk, taken) = hunk(&lines[at..], at + 1, numbers)?;
            at += taken;
            let section = sections.last_mut().expect("one was added above");
            section.hunks.push(Numbered { hunk, numbers });
        } else if let Some(section) = sections.last_mut() {
            extended(section, line)?;
        }
    }
    let files = sections.into_iter().filter_map(|it| it.finish().transpose());
    files.collect()
}

/// What git writes between `diff --git` and `---`.
fn extended(section: &mut Section, line: &str) -> Result<(), String> {
    if let Some(path) = line.strip_prefix("rename from ") {
        (section.old, section.is_rename) = (name(path), true);
    } else if let Some(path) = line.strip_prefix("rename to ") {
        section.new = name(path);
    } else if line.starts_with("new file mode ") {
        section.is_new = true;
    } else if line.starts_with("deleted file mode ") {
        section.is_deleted = true;
    } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
        return Err("the patch changes a binary file, which cannot be done here".to_owned());
    } else if line.starts_with("copy from ") {
        return Err("the patch copies a file; write the copy with write_file".to_owned());
    }
    Ok(())
}

/// `--- ` and, in the next line, `+++ `.
fn is_header(lines: &[&str]) -> bool {
    lines[0].starts_with("--- ") && lines.get(1).is_some_and(|it| it.starts_with("+++ "))
}

/// A path as a header has it, without the time that may follow; `None` where there is no file.
fn name(given: &str) -> Option<String> {
    let given = given.split('\t').next().unwrap_or_default().trim();
    let path = match given.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        Some(quoted) => unquoted(quoted),
        None => given.to_owned(),
    };
    (path != "/dev/null").then_some(path)
}

/// As git quotes: `\303\251` for the bytes of what is not ASCII.
fn unquoted(quoted: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), quoted.bytes().peekable());
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some(escaped) = rest.next() else { break };
        match escaped {
            b'n' => bytes.push(b'\n'),
            b't' => bytes.push(b'\t'),
            b'0'..=b'7' => {
                let mut value = u32::from(escaped - b'0');
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|it| (b'0'..=b'7').contains(it)) else { break };
                    value = value * 8 + u32::from(digit - b'0');
                }
                bytes.push(value as u8);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Without `a/` and `b/`, where both names have them.
fn without_prefixes(names: [Option<String>; 2]) -> [Option<String>; 2] {
    let [old, new] = &names;
    let has = |name: &Option<String>, prefix| name.as_ref().is_none_or(|it| it.starts_with(prefix));
    if !(has(old, "a/") && has(new, "b/")) {
        return names;
    }
    names.map(|it| it.map(|it| it[2..].to_owned()))
}

/// ` -1,2 +3,4 @@`.
fn numbers(rest: &str) -> Option<Numbers> {
    let mut words = rest.split_whitespace();
    let mut range = |mark| {
        let word = words.next()?.strip_prefix(mark)?;
        let (first, count) = word.split_once(',').unwrap_or((word, "1"));
        Some((first.parse().ok()?, count.parse().ok()?))
    };
    Some(Numbers { old: range('-')?, new: range('+')? })
}

/// The lines of a hunk, and how many that are. Where the counts of the header fit, they say where
/// it ends: a line that was deleted may look like a header.
fn hunk(lines: &[&str], first: usize, numbers: Option<Numbers>) -> Result<(Hunk, usize), String> {
    let counted = numbers.and_then(|it| counted(lines, it));
    let taken = counted.unwrap_or_else(|| {
        let ends = |at: &usize| {
            let line = lines[*at];
            line.starts_with("@@") || line.starts_with("diff --git ") || is_header(&lines[*at..])
        };
        (0..lines.len()).find(ends).unwrap_or(lines.len())
    });
    let mut hunk = Hunk { line: counted.and(numbers).map(|it| it.old.0), ..Hunk::default() };
    for (at, line) in lines[..taken].iter().enumerate() {
        if line.starts_with('\\') {
            match hunk.lines.last().map(|(mark, _)| *mark) {
                Some(Mark::Old) => hunk.open.0 = true,
                Some(Mark::New) => hunk.open.1 = true,
                _ => hunk.open = (true, true),
            }
            continue;
        }
        if line.trim_end() == "```" && lines[at + 1..taken].iter().all(|it| it.trim().is_empty()) {
            break;
        }
        hunk.lines.push(marked(line).ok_or_else(|| {
            format!(
                "line {} of the patch must begin with a space, `+` or `-`: `{line}`",
                first + at
            )
        })?);
    }
    // What follows the last line break is no line.
    let blank = (Mark::Both, String::new());
    while counted.is_none() && 1 < hunk.lines.len() && hunk.lines.last() == Some(&blank) {
        hunk.lines.pop();
    }
    Ok((hunk, taken))
}

/// How many lines the header promises, if they are there and nothing is left over.
fn counted(lines: &[&str], numbers: Numbers) -> Option<usize> {
    let (mut old, mut new) = (numbers.old.1, numbers.new.1);
    let mut taken = 0;
    while 0 < old || 0 < new {
        match marked(lines.get(taken)?) {
            Some((mark, _)) => {
                old = old.checked_sub(usize::from(mark != Mark::New))?;
                new = new.checked_sub(usize::from(mark != Mark::Old))?;
            }
            None if lines[taken].starts_with('\\') => {}
            None => return None,
        }
        taken += 1;
    }
    if lines.get(taken).is_some_and(|it| it.starts_with('\\')) {
        taken += 1;
    }
    let goes_on =
        |it: &&str| it.starts_with([' ', '+']) || (it.starts_with('-') && !it.starts_with("-- "));
    let is_left =
        lines.get(taken).filter(|it| goes_on(it)).is_some() && !is_header(&lines[taken..]);
    (!is_left).then_some(taken)
}

impl Section {
    fn finish(mut self) -> Result<Option<FilePatch>, String> {
        self.trust_numbers();
        let hunks: Vec<Hunk> = self.hunks.into_iter().map(|it| it.hunk).collect();
        let has_old = hunks.iter().flat_map(|it| &it.lines).any(|(mark, _)| *mark != Mark::New);
        Ok(match (self.old, self.new) {
            (Some(path), None) if self.has_names || self.is_deleted => {
                Some(FilePatch { path, action: Action::Delete(hunks) })
            }
            (None, Some(path)) if has_old => {
                return Err(format!("the patch creates `{path}`, but has lines of an old file"));
            }
            (None, Some(path)) => {
                let mut content: String = hunks.iter().map(Hunk::new_text).collect();
                if hunks.last().is_some_and(|it| it.open.1) {
                    content.pop();
                }
                Some(FilePatch { path, action: Action::Create(content) })
            }
            (Some(path), new) if self.is_rename || !hunks.is_empty() => {
                let to = new.filter(|it| *it != path);
                Some(FilePatch { path, action: Action::Update { hunks, to } })
            }
            // A file that is created or deleted empty, or one of which only the mode changes.
            _ if self.is_new || self.is_deleted => {
                return Err("the patch names no file by `---` and `+++`".to_owned());
            }
            _ => None,
        })
    }

    /// Numbers are believed only where all of them agree with the lines and with each other.
    fn trust_numbers(&mut self) {
        let mut shift = 0_isize;
        let mut agree = true;
        for Numbered { hunk, numbers } in &self.hunks {
            let Some(Numbers { old, new }) = numbers.filter(|_| hunk.line.is_some()) else {
                agree = false;
                break;
            };
            let is_shifted = new.0.wrapping_sub(old.0).cast_signed() == shift;
            agree &= is_shifted || old.1 == 0 || new.1 == 0;
            shift = shift.wrapping_add(new.1.wrapping_sub(old.1).cast_signed());
        }
        if !agree {
            self.hunks.iter_mut().for_each(|it| it.hunk.line = None);
        }
    }
}
