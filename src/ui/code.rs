//! Fenced code in a stream of Markdown, highlighted line by line as it comes.
//!
//! Text outside of fences passes through at once; a line inside a fence waits for its end.

use std::sync::LazyLock;

use syntect::easy::HighlightLines;
use syntect::highlighting::{Theme, ThemeSet};
use syntect::parsing::SyntaxSet;
use syntect::util::as_24_bit_terminal_escaped;

/// Read when the first fence opens: most runs never need it.
static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);
static THEME: LazyLock<Theme> = LazyLock::new(|| {
    let mut themes = ThemeSet::load_defaults().themes;
    themes.remove("base16-ocean.dark").expect("syntect brings this theme")
});

/// A line longer than this is printed plain: highlighting it would take seconds.
const LONGEST: usize = 2000;

#[derive(Default)]
pub(super) struct Code {
    /// The line that has begun, as far as it has not been printed.
    line: String,
    /// Something of the current line is on the screen already.
    line_begun: bool,
    fence: Option<Fence>,
}

struct Fence {
    mark: String,
    highlight: Option<HighlightLines<'static>>,
}

impl Code {
    /// What to print for one more piece of text, which must be safe to print.
    pub(super) fn feed(&mut self, text: &str) -> String {
        let mut shown = String::new();
        for part in text.split_inclusive('\n') {
            self.line += part;
            if part.ends_with('\n') {
                shown += &self.end_line();
            } else if self.fence.is_none() && !self.may_be_fence() {
                shown += &std::mem::take(&mut self.line);
                self.line_begun = true;
            }
        }
        shown
    }

    /// What is still held back, at the end of the text.
    pub(super) fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.line);
        *self = Self::default();
        rest
    }

    /// A line that has begun like a fence is held back until it is known.
    fn may_be_fence(&self) -> bool {
        let start = self.line.trim_start_matches(' ');
        !self.line_begun && (start.is_empty() || start.starts_with('`') || start.starts_with('~'))
    }

    fn end_line(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        let whole = !std::mem::take(&mut self.line_begun);
        let mark = fence_mark(&line).filter(|_| whole);
        match (&mut self.fence, mark) {
            (None, Some((mark, language))) => {
                let syntax = SYNTAXES.find_syntax_by_token(language);
                let highlight = syntax.map(|it| HighlightLines::new(it, &THEME));
                self.fence = Some(Fence { mark: mark.to_owned(), highlight });
                line
            }
            (Some(fence), Some((mark, ""))) if mark.starts_with(&*fence.mark) => {
                self.fence = None;
                line
            }
            (Some(Fence { highlight: Some(highlight), .. }), _) if line.len() <= LONGEST => {
                match highlight.highlight_line(&line, &SYNTAXES) {
                    Ok(regions) => {
                        let text = as_24_bit_terminal_escaped(&regions, false);
                        format!("{}\x1b[0m\n", text.trim_end_matches('\n'))
                    }
                    Err(_) => line,
                }
            }
            _ => line,
        }
    }
}

/// The mark and the language of a line that opens or closes a fence.
fn fence_mark(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let letter = line.chars().next().filter(|it| matches!(it, '`' | '~'))?;
    let end = line.find(|it| it != letter).unwrap_or(line.len());
    let (mark, info) = line.split_at(end);
    let language = info.split_whitespace().next().unwrap_or_default();
    (mark.len() >= 3 && !info.contains('`')).then_some((mark, language))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is printed, without colours, however the text is split.
    fn plain(text: &str) -> String {
        let mut shown = None;
        for at in (0..=text.len()).filter(|it| text.is_char_boundary(*it)) {
            let mut code = Code::default();
            let mut now = code.feed(&text[..at]);
            now += &code.feed(&text[at..]);
            now += &code.finish();
            assert_eq!(shown.get_or_insert_with(|| now.clone()), &now, "split at byte {at}");
        }
        let shown = shown.unwrap_or_default();
        let mut plain = String::new();
        for (n, part) in shown.split('\x1b').enumerate() {
            plain += if n == 0 { part } else { part.split_once('m').unwrap().1 };
        }
        plain
    }

    #[test]
    fn highlighting_changes_no_letter() {
        let text = "Look:\n\n```rust\nfn main() {\n    let x = \"`\";\n}\n```\nand `so` on\n~~~\nplain\n~~~\nend";
        assert_eq!(plain(text), text);
    }

    #[test]
    fn code_in_a_fence_is_coloured_and_prose_is_not() {
        let mut code = Code::default();
        assert!(!code.feed("prose `x`\n```rust\n").contains('\x1b'));
        assert!(code.feed("let x = 1;\n").contains('\x1b'));
        assert!(!code.feed("```\nlet x = 1;\n").contains('\x1b'));
    }

    #[test]
    fn prose_is_not_held_back() {
        assert_eq!(Code::default().feed("half a li"), "half a li");
    }
}
