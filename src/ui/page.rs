//! A whole text in Markdown, set for a terminal at once.

use crate::ui::markdown::Markdown;

/// How wide, and in which colours; decided once, from the terminal and the person's wishes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageStyle {
    pub(crate) width: usize,
    pub(crate) is_coloured: bool,
    pub(crate) is_light: bool,
}

pub(crate) fn page(text: &str, style: PageStyle) -> String {
    let mut markdown = Markdown::new(style.is_coloured, style.is_light);
    let mut set = markdown.feed(&joined(text), style.width);
    set += &markdown.pause();
    if markdown.is_mid_line() {
        set.push('\n');
    }
    set
}

/// Each paragraph on one line: how its author broke it means nothing on a screen of another width.
fn joined(text: &str) -> String {
    let (mut whole, mut is_code, mut is_open) = (String::new(), false, false);
    for line in text.lines() {
        let words = line.trim_start();
        let is_fence = words.starts_with("```");
        let goes_on = is_open && !is_code && !is_fence && !words.is_empty() && !begins(words);
        whole += if goes_on { " " } else { "\n" };
        whole += if goes_on { words } else { line };
        is_code ^= is_fence;
        is_open = !is_fence && !words.is_empty() && !words.starts_with(['#', '|']);
    }
    whole.trim_start_matches('\n').to_owned() + "\n"
}

/// Whether a line is more than words that go on.
fn begins(words: &str) -> bool {
    let number = words.trim_start_matches(|it: char| it.is_ascii_digit());
    let is_numbered = number.len() < words.len() && number.starts_with(". ");
    is_numbered || ["- ", "* ", "> ", "#", "|"].iter().any(|it| words.starts_with(it))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_page_is_set_to_its_last_line() {
        let style = PageStyle { width: 24, is_coloured: false, is_light: false };
        let text = "# Head\n\nWords\nthat need *two* lines.\n\n- one\n  and\n- two\n\n1. a\n\n```sh\nls\npwd\n```\n| a | b |\n|---|---|\n| 1 | 2 |\n";
        expect![[r#"
            # Head

            Words that need *two*
            lines.

            • one and
            • two

            1. a

            ```sh
            ls
            pwd
            ```
            a │ b
            ──┼──
            1 │ 2
        "#]]
        .assert_eq(&page(text, style));
    }
}
