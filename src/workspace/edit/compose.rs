//! What takes the place of a hunk: the new lines, in the manner of the file.

use imara_diff::{Algorithm, Diff, InternedInput};

use crate::workspace::edit::fold::Endings;
use crate::workspace::edit::indent::Indent;

/// The replacement of `hunk`, in which each line is one of `old`. Lines that `old` and `new` share
/// stay byte for byte as they are in the hunk; others get the line ends that the hunk has, or else
/// `endings`. `None` if the new lines cannot be indented as the hunk is.
pub(super) fn compose(
    hunk: &str,
    (old, new): (&str, &str),
    endings: Endings,
    indent: Option<&Indent>,
) -> Option<String> {
    let contents =
        |text| -> Vec<&str> { endings.lines(text).map(|it| endings.split(it).0).collect() };
    let (old, new_contents) = (contents(old), contents(new));
    let kept: Vec<&str> = endings.lines(hunk).collect();
    let ending = usual_in(&kept, endings);
    let mut made = String::new();
    let mut counterparts = agreeing(&old, &new_contents).into_iter();
    for line in endings.lines(new) {
        let (content, given) = endings.split(line);
        let ending = ending.unwrap_or(given);
        let counterpart = counterparts.next().flatten().and_then(|it| kept.get(it));
        let end = match counterpart.map(|it| endings.split(it)) {
            Some((content, end)) => {
                made.push_str(content);
                if end.is_empty() { ending } else { end }
            }
            None => {
                match indent {
                    Some(indent) => made.push_str(&indent.apply(content)?),
                    None => made.push_str(content),
                }
                ending
            }
        };
        if !given.is_empty() {
            made.push_str(end);
        }
    }
    Some(made)
}

/// What the first line of the hunk ends with that has an end.
fn usual_in<'a>(lines: &[&'a str], endings: Endings) -> Option<&'a str> {
    let mut ends = lines.iter().map(|it| endings.split(it).1);
    ends.find(|it| !it.is_empty()).or(endings.usual)
}

/// For each new line the old one it is.
pub(super) fn agreeing(old: &[&str], new: &[&str]) -> Vec<Option<usize>> {
    let mut input = InternedInput::default();
    input.update_before(old.iter().copied());
    input.update_after(new.iter().copied());
    let diff = Diff::compute(Algorithm::Myers, &input);
    let kept = (0..old.len()).filter(|it| !diff.is_removed(*it as u32));
    let mut agreed = vec![None; new.len()];
    let same = agreed.iter_mut().enumerate().filter(|(it, _)| !diff.is_added(*it as u32));
    same.zip(kept).for_each(|((_, to), from)| *to = Some(from));
    agreed
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(hunk: &str, old: &str, new: &str, expected: Expect) {
        let made = compose(hunk, (old, new), Endings { usual: Some("\n"), lone: false }, None);
        expected.assert_eq(&format!("{made:?}"));
    }

    #[test]
    fn lines_that_stay_keep_their_bytes() {
        check(
            "a \r\n“b”\n",
            "a\n\"b\"\n",
            "a\nx\n\"b\"\n",
            expect![[r#"Some("a \r\nx\r\n“b”\n")"#]],
        );
    }

    #[test]
    fn only_what_has_a_line_end_gets_one() {
        check("a\r\nb", "a\nb", "b\nc", expect![[r#"Some("b\r\nc")"#]]);
        check("a\r\n", "a\n", "", expect![[r#"Some("")"#]]);
    }

    #[test]
    fn in_many_lines_the_start_and_the_end_are_kept() {
        let lines =
            |mark: &str| -> String { (0..3000).map(|it| format!("{it}{mark}\n")).collect() };
        let (hunk, old) = (lines(" "), lines(""));
        let new = old.replace("1500\n", "new\n");
        let made = compose(&hunk, (&old, &new), Endings::of(&hunk), None);
        assert_eq!(made.unwrap(), hunk.replace("1500 \n", "new\n"));
    }
}
