//! A piece that was given without the indentation of its first line: what its further lines mean.
//!
//! `old` may begin within a line, so it is found although the white space before it was left out.
//! What comes in its place then begins where the place does, but each further line at the margin,
//! as if it were said how deep it shall be. Either the lines are indented as the place is, or they
//! stand as they shall stand, or nobody knows.

use crate::workspace::edit::compose::agreeing;
use crate::workspace::edit::indent::{Indent, white};
use crate::workspace::edit::ladder::{Latitude, Place, Subject};
use crate::workspace::edit::{Nearest, line_at};

/// What the lines after the first mean.
#[derive(Debug, PartialEq)]
enum Reading {
    AsTheyStand,
    /// They are counted from the first, which is where the place is.
    FromTheFirst,
    Unclear,
}

/// Words that go on with a block where indentation says what is in it.
const CONTINUING: &[&str] = &["elif", "else", "except", "finally"];

/// What a line ends with after which a deeper one is no surprise.
const OPENING: &[&str] = &[":", "{", "(", "[", ",", "\\", "=", "=>", "->", " do", " then", "else"];

/// The same where the next line must be deeper.
const DEMANDING: &[char] = &[':', '{', '(', '['];

/// The place with its further lines as they are meant; the line it is on if that is not certain.
pub(super) fn settle(subject: &Subject<'_>, place: Place) -> Result<Place, Nearest> {
    let (text, endings) = (subject.text, subject.endings);
    let contents =
        |text| -> Vec<&str> { endings.lines(text).map(|it| endings.split(it).0).collect() };
    let is_open = |it: &&str| endings.split(it).1.is_empty();
    let before = endings.lines(&text[..place.range.start]).next_back().filter(is_open);
    let before = before.unwrap_or_default();
    match reading(before, &contents(&text[place.range.clone()]), &contents(&place.new)) {
        Reading::AsTheyStand => Ok(place),
        Reading::FromTheFirst => {
            let mut new = String::new();
            for (nth, line) in endings.lines(&place.new).enumerate() {
                if 0 < nth && !line.trim().is_empty() {
                    new.push_str(before);
                }
                new.push_str(line);
            }
            let mut latitudes = place.latitudes;
            latitudes.push(Latitude::Margin(Indent::Deeper(before.to_owned())));
            Ok(Place { new, latitudes, ..place })
        }
        Reading::Unclear => {
            let start = place.range.start - before.len();
            let line = endings.lines(&text[start..]).next().unwrap_or_default();
            let lines = vec![endings.split(line).0.to_owned()];
            Err(Nearest { line: line_at(text, start), lines })
        }
    }
}

/// `old` and `new` as lines without their ends; `before` is what stands before `old` in its line.
fn reading(before: &str, old: &[&str], new: &[&str]) -> Reading {
    let is_indentation = !before.is_empty() && before.chars().all(|it| it == ' ' || it == '\t');
    let ([old_first, old_further @ ..], [first, further @ ..]) = (old, new) else {
        return Reading::AsTheyStand;
    };
    let is_one = |further: &[&str]| further.iter().all(|it| it.trim().is_empty());
    let is_cut = is_indentation && white(old_first).is_empty() && !old_first.is_empty();
    if !is_cut || (is_one(old_further) && is_one(further)) {
        return Reading::AsTheyStand;
    }
    // It has the indentation that `old` has not.
    if !white(first).is_empty() {
        return Reading::Unclear;
    }
    if is_one(old_further) {
        of_one_line(before, first, further)
    } else {
        of_several_lines(before, old, new)
    }
}

/// Further lines of `old` show that those of `new` are meant as they stand. One that would leave
/// the block is believed only behind one that has left it in `old` already.
fn of_several_lines(before: &str, old: &[&str], new: &[&str]) -> Reading {
    let counterparts = agreeing(old, new);
    let mut outside =
        new.iter().zip(counterparts).skip(1).filter(|(line, _)| is_shallow(before, line));
    match outside.next() {
        None | Some((_, Some(1..))) => Reading::AsTheyStand,
        Some(_) => Reading::Unclear,
    }
}

fn of_one_line(before: &str, first: &str, further: &[&str]) -> Reading {
    let shown = || further.iter().filter(|it| !it.trim().is_empty());
    if !shown().any(|it| is_shallow(before, it)) {
        let next = shown().next().copied().unwrap_or_default();
        let is_within = white(next) == before && !next.trim_start().starts_with(['}', ')', ']']);
        let is_too_shallow = first.trim_end().ends_with(DEMANDING) && is_within;
        return if is_too_shallow { Reading::FromTheFirst } else { Reading::AsTheyStand };
    }
    let is_mixed = shown().any(|it| white(it).contains(|it| !before.contains(it)));
    if is_mixed || holds_text(first, further) {
        return Reading::Unclear;
    }
    let (mut previous, mut is_apart) = (first, false);
    for line in further {
        if line.trim().is_empty() {
            is_apart = true;
            continue;
        }
        let (above, depth) = (white(previous).len(), white(line).len());
        let is_sudden =
            above < depth && !OPENING.iter().any(|it| previous.trim_end().ends_with(it));
        // It goes on with a block that `new` has not begun.
        let is_ended = depth < above || previous.trim_start().starts_with('}');
        let is_outer = !is_ended && is_continuing(before, line);
        if is_sudden || is_outer || (is_apart && depth <= above && is_shallow(before, line)) {
            return Reading::Unclear;
        }
        (previous, is_apart) = (line, false);
    }
    Reading::FromTheFirst
}

/// Whether it would stand out of the block that the place is in.
fn is_shallow(before: &str, line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with(before)
}

/// `else:`, and behind tabs what would be a target of a makefile among its recipes.
fn is_continuing(before: &str, line: &str) -> bool {
    let is_name = |it: char| it.is_alphanumeric() || "_-./%".contains(it);
    let rest = line.trim_start().trim_start_matches(is_name);
    let word = &line.trim_start()[..line.trim_start().len() - rest.len()];
    let is_target = before.contains('\t') && !word.is_empty() && rest.trim_end() == ":";
    CONTINUING.contains(&word) || is_target
}

/// Whether a text goes over several lines, of which white space is a part: its own indentation is
/// not that of the code.
fn holds_text(first: &str, further: &[&str]) -> bool {
    let is_left_open = |line: &str| {
        ["\"\"\"", "'''", "`"].iter().any(|it| !line.matches(it).count().is_multiple_of(2))
    };
    let is_document = |line: &str| {
        let mark = line.split_once("<<").map_or("", |it| it.1);
        let mark = mark.trim_start_matches(['-', '~', '\'', '"', ' ', '\\']);
        let end = mark.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(mark.len());
        0 < end && further.iter().any(|it| it.trim() == &mark[..end])
    };
    let mut lines = std::iter::once(&first).chain(further);
    lines.any(|it| is_left_open(it) || is_document(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, old: &str, new: &str, expected: Reading) {
        let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
        assert_eq!(reading(before, &old, &new), expected);
    }

    #[test]
    fn lines_at_the_margin_are_counted_from_the_first() {
        for new in [
            "a = 1\nb = 2",
            "if x:\n    a = 1\nb = 2",
            "if x:\n    a = 1\nelse:\n    b = 2",
            "if x:\n\n    a = 1",
            "if (x) {\n  a = 1;\n}",
            "if x then\n  a\nend",
            "f(a,\n  b)",
            "- a\n- b",
            "#if X\na = 1\n#endif",
        ] {
            check("        ", "a = 1", new, Reading::FromTheFirst);
        }
        check("\t", "cc a.c", "cc a.c\ncc b.c", Reading::FromTheFirst);
    }

    #[test]
    fn a_block_that_would_not_be_deeper_than_what_opens_it_is_counted_from_the_first() {
        check("    ", "a = 1", "if x:\n    a = 1", Reading::FromTheFirst);
        check("    ", "a = 1", "if x:\n        a = 1", Reading::AsTheyStand);
        check("    ", "a = [b]", "a = [\n    ]", Reading::AsTheyStand);
    }

    #[test]
    fn lines_as_deep_as_the_place_stand_as_they_are_given() {
        check("    ", "a = 1", "a = 1\n\n    b = 2\n      c", Reading::AsTheyStand);
        check("    ", "a = 1", "b = 2\n\n", Reading::AsTheyStand);
        check("    ", "a = 1", "b = 2", Reading::AsTheyStand);
        check("    ", "a = 1", "", Reading::AsTheyStand);
    }

    #[test]
    fn what_does_not_begin_behind_indentation_is_left_alone() {
        for before in ["", "x; ", "\u{a0}"] {
            check(before, "a = 1", "a = 1\nb = 2", Reading::AsTheyStand);
        }
        check("  ", "  a = 1", "  a = 1\nb = 2", Reading::AsTheyStand);
    }

    #[test]
    fn lines_that_may_leave_the_block_are_unclear() {
        // What follows may belong to the file, not to the block.
        check("    ", "return 1", "return 1\n\ndef g():\n    return 2", Reading::Unclear);
        check("\t", "cc a.c", "cc a.c\n\nclean:\n\trm a", Reading::Unclear);
        check("\t", "cc a.c", "cc a.c\nclean:\n\trm a", Reading::Unclear);
        // The block that this goes on with is begun before the place.
        check("    ", "a = 1", "a = 1\nelse:\n    a = 2", Reading::Unclear);
        check("        ", "a = 1", "a = 1\n    else:\n        a = 2", Reading::Unclear);
        check("        ", "f()", "f()\n    case 2:\n        g()", Reading::Unclear);
    }

    #[test]
    fn lines_that_are_indented_in_two_ways_are_unclear() {
        check("    ", "a = 1", "a = 1\n    b = 2\nc = 3", Reading::Unclear);
        check("    ", "a = 1", "    a = 1\n    b = 2", Reading::Unclear);
        check("\t", "a = 1", "if x:\n    a = 1\nb = 2", Reading::Unclear);
    }

    #[test]
    fn the_margin_of_a_text_in_the_code_is_unclear() {
        check("  ", "cat a", "cat <<EOF\na\nEOF", Reading::Unclear);
        check("  ", "cat a", "cat <<-'EOF'\na\nEOF", Reading::Unclear);
        check("  ", "a = 1", "a = '''\nb\n'''", Reading::Unclear);
        check("  ", "a = 1", "a = `\nb`", Reading::Unclear);
        check("  ", "a = 1", "\"\"\"A.\"\"\"\na = 1 << b", Reading::FromTheFirst);
    }

    #[test]
    fn further_lines_of_old_show_how_those_of_new_are_meant() {
        check("    ", "if x:\n        a", "if y:\n        a\n        b", Reading::AsTheyStand);
        check("    ", "return 1\n}", "a()\n    return 1\n}\n\nfn b() {", Reading::AsTheyStand);
        check("    ", "return 1\n}", "a()\nreturn 1\n}", Reading::Unclear);
        check("    ", "a\n    b", "    b", Reading::Unclear);
    }
}
