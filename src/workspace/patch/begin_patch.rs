//! The format between `*** Begin Patch` and `*** End Patch`.

use crate::workspace::patch::{Action, FilePatch, Hunk, Mark};

/// `first` is the number of the first line in the whole, for complaints.
pub(super) fn parse(lines: &[&str], first: usize) -> Result<Vec<FilePatch>, String> {
    let mut files: Vec<FilePatch> = Vec::new();
    // Blank lines that lost their mark, unless they only stand behind the file.
    let mut blank = 0;
    for (at, line) in lines.iter().enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let wrong = |what: &str| format!("line {} of the patch {what}: `{line}`", first + at);
        if line.trim_end() == "*** End Patch" {
            break;
        }
        if let Some((path, action)) = header(line) {
            blank = 0;
            files.push(FilePatch { path: path.trim().to_owned(), action });
            continue;
        }
        let Some(file) = files.last_mut() else {
            if line.trim().is_empty() {
                continue;
            }
            return Err(wrong("stands before any `*** Update File: path`"));
        };
        match &mut file.action {
            Action::Create(content) => match line.strip_prefix('+') {
                Some(line) => {
                    *content += &"\n".repeat(std::mem::take(&mut blank));
                    *content += &format!("{line}\n");
                }
                None if line.trim().is_empty() => blank += 1,
                None => return Err(wrong("adds to a new file, so it must begin with `+`")),
            },
            Action::Delete(_) if line.trim().is_empty() => {}
            Action::Delete(_) => return Err(wrong("stands under a file that is deleted")),
            Action::Update { hunks, to } => match line.strip_prefix("*** Move to:") {
                Some(path) => *to = Some(path.trim().to_owned()),
                None => update(hunks, line)
                    .map_err(|()| wrong("must begin with a space, `+`, `-` or `@@`"))?,
            },
        }
    }
    files.iter_mut().for_each(finish);
    Ok(files)
}

fn header(line: &str) -> Option<(&str, Action)> {
    let update = || Action::Update { hunks: Vec::new(), to: None };
    let add = line.strip_prefix("*** Add File:").map(|it| (it, Action::Create(String::new())));
    add.or_else(|| Some((line.strip_prefix("*** Delete File:")?, Action::Delete(Vec::new()))))
        .or_else(|| Some((line.strip_prefix("*** Update File:")?, update())))
}

fn update(hunks: &mut Vec<Hunk>, line: &str) -> Result<(), ()> {
    if let Some(anchor) = line.strip_prefix("@@") {
        let anchor = anchor.trim().trim_end_matches("@@").trim_end();
        // An anchor right after another is within it.
        if !hunks.last().is_some_and(|it| it.lines.is_empty()) {
            hunks.push(Hunk::default());
        }
        let hunk = hunks.last_mut().ok_or(())?;
        // Line numbers have no place in this format; models write them all the same.
        let is_numbers = anchor.starts_with('-') && anchor.contains('+');
        if !anchor.is_empty() && !is_numbers {
            hunk.anchors.push(anchor.to_owned());
        }
        return Ok(());
    }
    if line.trim_end() == "*** End of File" {
        hunks.last_mut().ok_or(())?.is_at_end = true;
        return Ok(());
    }
    if hunks.last().is_none_or(|it| it.is_at_end) {
        hunks.push(Hunk::default());
    }
    let hunk = hunks.last_mut().ok_or(())?;
    hunk.lines.push(marked(line).ok_or(())?);
    Ok(())
}

/// A line with its mark. An empty one is a blank line that lost its space.
pub(super) fn marked(line: &str) -> Option<(Mark, String)> {
    let mut rest = line.chars();
    let mark = match rest.next() {
        None | Some(' ') => Mark::Both,
        Some('+') => Mark::New,
        Some('-') => Mark::Old,
        Some(_) => return None,
    };
    Some((mark, rest.as_str().to_owned()))
}

/// Blank lines between hunks belong to neither.
fn finish(file: &mut FilePatch) {
    if let Action::Update { hunks, .. } = &mut file.action {
        for hunk in hunks.iter_mut() {
            if hunk.lines.last() == Some(&(Mark::Both, String::new())) && 1 < hunk.lines.len() {
                hunk.lines.pop();
            }
        }
        hunks.retain(|it| !it.lines.is_empty());
    }
}
