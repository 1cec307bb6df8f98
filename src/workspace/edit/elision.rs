//! Pieces with `...` for lines that stay: `old` and `new` leave out the same, and each part between
//! is found by itself.

use crate::workspace::edit::ladder::{Latitude, NoPlace, Place, Subject, Wanted, levels};

/// Marks that begin a comment, and may end it.
const COMMENTS: [&str; 8] = ["//", "#", "--", "/*", "<!--", ";", "%", "{/*"];
const ENDS: [&str; 3] = ["*/}", "*/", "-->"];

/// Whether a line only says that something is left out.
fn is_elision(line: &str) -> bool {
    let line = line.trim();
    let comment = COMMENTS.iter().find_map(|it| line.strip_prefix(it));
    let said = comment.unwrap_or(line);
    let said = ENDS.iter().find_map(|it| said.strip_suffix(it)).unwrap_or(said).trim();
    let rest = said.strip_prefix("...").or_else(|| said.strip_prefix('…'));
    let is_prose = |it: &str| it.chars().all(|it| it.is_alphanumeric() || " .,…'-".contains(it));
    rest.is_some_and(|it| it.is_empty() || (comment.is_some() && is_prose(it)))
}

/// The comment in `new` that stands for lines which are not there, and is not in `old` either: it
/// would be written as it is.
pub(crate) fn placeholder<'a>(old: &str, new: &'a str) -> Option<&'a str> {
    let telling =
        ["existing", "rest of", "remaining", "unchanged", "same as", "other ", "previous"];
    let tells = |it: &&str| {
        let lower = it.to_lowercase();
        is_elision(it) && telling.iter().any(|it| lower.contains(it))
    };
    new.lines().map(str::trim).filter(tells).find(|it| !old.contains(it))
}

/// The places of the parts between what is left out, in order; `None` if this is no such piece, or
/// not all parts are there, once each.
pub(super) fn places(subject: &Subject<'_>, wanted: Wanted<'_>) -> Option<Vec<Place>> {
    let (old, new) = (parts(wanted.old), parts(wanted.new));
    if old.len() < 2 || old.len() != new.len() {
        return None;
    }
    let mut places: Vec<Place> = Vec::new();
    for (old, new) in old.iter().zip(&new) {
        if old.trim().is_empty() && new.trim().is_empty() {
            continue;
        }
        let part = Wanted { old, new, is_lines: true };
        let one = |found: &[_]| (found.len() == 1).then_some(0);
        let place = match levels(subject, part, &one) {
            Ok(place) => place,
            Err(NoPlace::Nowhere | NoPlace::Several(_)) => return None,
        };
        if places.last().is_some_and(|it| place.range.start < it.range.end) {
            return None;
        }
        places.push(place);
    }
    let first = places.first_mut()?;
    first.latitudes.push(Latitude::Elided);
    Some(places)
}

fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in text.lines() {
        if is_elision(line) {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_leaves_out_is_known_by_its_dots() {
        let yes =
            ["...", "  …", "// ...", "# ... existing code ...", "/* ... */", "<!-- ... rest … -->"];
        let no =
            ["", "foo(...)", "...args", "// see below", "def f(): ...", "... and so on", "# .. x"];
        assert_eq!(yes.map(is_elision), [true; 6]);
        assert_eq!(no.map(is_elision), [false; 7]);
    }

    #[test]
    fn a_comment_in_place_of_code_is_noticed() {
        assert_eq!(
            placeholder("", "a\n  // ... existing code ...\n"),
            Some("// ... existing code ...")
        );
        assert_eq!(placeholder("# ... rest of it", "# ... rest of it"), None);
        assert_eq!(placeholder("", "x = [...]\n...\n// ... and so on\n"), None);
    }
}
