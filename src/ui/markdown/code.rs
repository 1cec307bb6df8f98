//! Code in a fence, coloured line by line as it comes.

use std::sync::LazyLock;

use syntect::easy::HighlightLines;
use syntect::highlighting::{Theme, ThemeSet};
use syntect::parsing::SyntaxSet;
use syntect::util::as_24_bit_terminal_escaped;

use crate::ui::markdown::ink::PLAIN;

/// Read when the first fence opens: most runs never need it.
static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);
static DARK: LazyLock<Theme> = LazyLock::new(|| named("base16-ocean.dark"));
static LIGHT: LazyLock<Theme> = LazyLock::new(|| named("InspiredGitHub"));

fn named(name: &str) -> Theme {
    ThemeSet::load_defaults().themes.remove(name).expect("syntect brings this theme")
}

/// The colours that stand out from such a background.
pub(super) fn theme(is_light: bool) -> &'static Theme {
    if is_light { &LIGHT } else { &DARK }
}

/// A line longer than this is printed plain: highlighting it would take seconds.
pub(super) const LONGEST: usize = 2000;

/// The fence that is open.
pub(super) struct Fence {
    letter: char,
    length: usize,
    /// Blanks in front of its mark, which are not of the code.
    pub(super) indent: usize,
    highlight: Option<HighlightLines<'static>>,
}

impl Fence {
    /// The fence that this line opens, if it does.
    pub(super) fn open(line: &str, indent: usize, theme: Option<&'static Theme>) -> Option<Self> {
        let letter = line.chars().next().filter(|it| matches!(it, '`' | '~'))?;
        let length = line.len() - line.trim_start_matches(letter).len();
        let info = &line[length..];
        if length < 3 || (letter == '`' && info.contains('`')) {
            return None;
        }
        let language = info.split_whitespace().next();
        let highlight = theme.zip(language).and_then(|(theme, language)| {
            let syntax = SYNTAXES.find_syntax_by_token(language)?;
            Some(HighlightLines::new(syntax, theme))
        });
        Some(Self { letter, length, indent, highlight })
    }

    pub(super) fn is_closed_by(&self, line: &str) -> bool {
        let line = line.trim();
        self.length <= line.len() && line.chars().all(|it| it == self.letter)
    }

    /// The line in colours; without its end.
    pub(super) fn line(&mut self, line: &str) -> String {
        let text = line.strip_suffix('\n').unwrap_or(line);
        let Some(highlight) = self.highlight.as_mut().filter(|_| text.len() <= LONGEST) else {
            return text.to_owned();
        };
        match highlight.highlight_line(&format!("{text}\n"), &SYNTAXES) {
            Ok(regions) => {
                let shown = as_24_bit_terminal_escaped(&regions, false);
                format!("{}{PLAIN}", shown.replace('\n', ""))
            }
            Err(_) => text.to_owned(),
        }
    }
}
