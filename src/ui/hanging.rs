//! Lists of words and what they mean, broken between words, with what goes on below where it began.

use unicode_width::UnicodeWidthStr;

/// The lines, none wider than `width` where words allow it.
pub(crate) fn hanging(text: &str, width: usize) -> String {
    let lines = text.lines().map(|line| broken(line, width));
    lines.collect::<Vec<_>>().join("\n")
}

fn broken(line: &str, width: usize) -> String {
    if line.width() <= width {
        return line.to_owned();
    }
    // Where there is no room beside the word, what it means goes on a little to the right.
    let column = column(line);
    let indent = if column * 2 <= width { column } else { column.min(4) };
    let (mut whole, mut at) = (String::new(), 0);
    for word in line.split_inclusive(' ') {
        let ends = at + word.trim_end().width();
        if width < ends && indent < at {
            whole.truncate(whole.trim_end().len());
            whole.push('\n');
            whole += &" ".repeat(indent);
            at = indent;
        }
        whole += word;
        at += word.width();
    }
    whole
}

/// Where the meaning begins: behind the gap, or else where the line does.
fn column(line: &str) -> usize {
    let start = line.len() - line.trim_start().len();
    let gap = line[start..].find("  ").map(|it| start + it);
    let behind = gap.map(|it| line.len() - line[it..].trim_start().len());
    line[..behind.unwrap_or(start)].width()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, width: usize, expected: Expect) {
        let lines = hanging(text, width);
        expected.assert_eq(&lines.lines().map(|it| format!("|{it}\n")).collect::<String>());
    }

    #[test]
    fn what_a_word_means_goes_on_below_where_it_began() {
        check(
            "  /diff      what this session changed\nA sentence that is too long for it.\nshort",
            28,
            expect![[r#"
                |  /diff      what this
                |             session changed
                |A sentence that is too long
                |for it.
                |short
            "#]],
        );
    }

    #[test]
    fn where_there_is_no_room_beside_it_goes_on_further_left() {
        check(
            "  /a-long-command   words of it",
            20,
            expect![[r#"
                |  /a-long-command
                |    words of it
            "#]],
        );
        check(
            "unbreakable-word-of-many-letters",
            8,
            expect![[r#"
                |unbreakable-word-of-many-letters
            "#]],
        );
    }
}
