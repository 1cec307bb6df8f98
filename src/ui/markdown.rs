//! An answer in Markdown as it comes, in pieces of any size, set for a terminal.
//!
//! Nothing that is out is ever drawn again: what a piece means is either known, or it is held back until
//! it is. A word waits for its end, a mark for its other half, a table for its last row. However the text
//! is cut into pieces, the same is printed.

mod block;
mod code;
mod flow;
mod ink;
mod inline;
mod table;

use syntect::highlighting::Theme;

use crate::ui::markdown::block::{Behind, Container, Kind, Opening, inside_code, opening};
use crate::ui::markdown::code::{Fence, LONGEST, theme};
use crate::ui::markdown::flow::{Flow, Lead, dimmed};
use crate::ui::markdown::ink::Ink;
use crate::ui::markdown::inline::Inline;
use crate::ui::markdown::table::Table;
use crate::ui::visible::Pieces;

/// No heading, no row of a table is longer; a line that is, is text.
const LONGEST_HELD: usize = 4000;

/// No rule is longer, however wide the screen is.
const RULE: usize = 60;

pub(super) struct Markdown {
    is_coloured: bool,
    is_light: bool,
    /// What is not yet known to be seen.
    seen: Pieces,
    /// The line that has begun, as long as it is not known what it is.
    line: String,
    known: Known,
    containers: Vec<Container>,
    leaf: Leaf,
    inline: Inline,
    flow: Flow,
    /// Blank lines came since the last block.
    is_apart: bool,
    has_begun: bool,
}

/// What the line is that has begun.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    No,
    Text,
    /// Code that is too long to be coloured.
    Code,
}

enum Leaf {
    None,
    Paragraph,
    Fence(Fence),
    /// It is a table if the next line says so.
    Head(String),
    Table(Table),
}

impl Markdown {
    pub(super) fn new(is_coloured: bool, is_light: bool) -> Self {
        Self {
            is_coloured,
            is_light,
            seen: Pieces::default(),
            line: String::new(),
            known: Known::No,
            containers: Vec::new(),
            leaf: Leaf::None,
            inline: Inline::new(is_coloured, Ink::NONE),
            flow: Flow::new(80),
            is_apart: false,
            has_begun: false,
        }
    }

    /// What to print for one more piece of text, which may be anything, in lines of this width.
    pub(super) fn feed(&mut self, text: &str, width: usize) -> String {
        self.flow.width = width;
        let seen = self.seen.next(text);
        self.pieces(&seen);
        self.flow.take()
    }

    /// What is held back, for something else is to be printed. The text may go on, where it was.
    pub(super) fn pause(&mut self) -> String {
        let seen = self.seen.rest();
        self.pieces(&seen);
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.whole_line(&line);
            // What comes of it is no new line.
            let is_code = matches!(self.leaf, Leaf::Fence(_));
            self.known = if is_code { Known::Code } else { Known::Text };
        }
        match self.leaf {
            Leaf::Paragraph => self.inline.finish(&mut self.flow),
            Leaf::Head(_) | Leaf::Table(_) => self.end_leaf(),
            Leaf::None | Leaf::Fence(_) => {}
        }
        self.flow.end_word();
        self.flow.take()
    }

    pub(super) fn is_mid_line(&self) -> bool {
        self.flow.is_mid_line()
    }

    /// What was printed was ended by somebody else.
    pub(super) fn line_ended(&mut self) {
        self.flow.line_ended();
    }

    fn pieces(&mut self, text: &str) {
        for piece in text.split_inclusive('\n') {
            match self.known {
                Known::Text => self.inline.feed(piece, &mut self.flow),
                Known::Code => self.flow.verbatim_piece(piece),
                Known::No => self.begin(piece),
            }
            if piece.ends_with('\n') {
                if self.known == Known::Code {
                    self.flow.line_ended();
                }
                self.known = Known::No;
            }
        }
    }

    /// Takes more of a line that is not yet known for what it is.
    fn begin(&mut self, piece: &str) {
        self.line += piece;
        if piece.ends_with('\n') {
            let line = std::mem::take(&mut self.line);
            return self.whole_line(&line);
        }
        if let Leaf::Fence(_) = self.leaf {
            if LONGEST < self.line.len() {
                self.known = Known::Code;
                let line = std::mem::take(&mut self.line);
                self.flow.verbatim_piece(&line);
            }
            return;
        }
        // What is asked again for each piece has to be short.
        let is_long = LONGEST_HELD < self.line.len();
        let found = opening(&self.line, false, &self.behind());
        let found = found.or_else(|| is_long.then(|| self.as_text()));
        if let Some(found) = found {
            let line = std::mem::take(&mut self.line);
            self.known = Known::Text;
            self.open(&found, &line);
        }
    }

    /// From now on code stands out from a background like this.
    pub(super) fn stand_out_from(&mut self, is_light: bool) {
        self.is_light = is_light;
    }

    /// What code is coloured by, if it is.
    fn theme(&self) -> Option<&'static Theme> {
        self.is_coloured.then(|| theme(self.is_light))
    }

    fn behind(&self) -> Behind<'_> {
        let is_paragraph = matches!(self.leaf, Leaf::Paragraph);
        Behind { containers: &self.containers, is_paragraph }
    }

    fn as_text(&self) -> Opening {
        let matched = self.containers.len();
        Opening { matched, new: Vec::new(), kind: Kind::Text, indent: 0, at: 0 }
    }

    fn whole_line(&mut self, line: &str) {
        if matches!(self.leaf, Leaf::Fence(_)) {
            match inside_code(line, &self.containers) {
                Some(at) => return self.code_line(line, at),
                None => self.end_leaf(),
            }
        }
        let found = opening(line, true, &self.behind());
        let found = found.unwrap_or_else(|| self.as_text());
        self.open(&found, line);
    }

    fn open(&mut self, opening: &Opening, line: &str) {
        let text = &line[opening.at..];
        let is_lazy = opening.new.is_empty() && opening.kind == Kind::Text;
        match (&mut self.leaf, opening.kind) {
            (Leaf::Paragraph, Kind::Text) if is_lazy => {
                return self.inline.feed(text, &mut self.flow);
            }
            (Leaf::Head(head), Kind::Row) => {
                if let Some(table) = Table::begin(head, text) {
                    self.leaf = Leaf::Table(table);
                    return;
                }
            }
            (Leaf::Table(table), Kind::Row) if opening.matched == self.containers.len() => {
                return table.row(text, &mut self.flow, self.is_coloured);
            }
            _ => {}
        }
        self.end_leaf();
        if opening.kind == Kind::Blank && opening.new.is_empty() {
            let is_open = |it: &Container| *it != Container::Quote;
            let quoted = self.containers.iter().skip(opening.matched);
            let kept = opening.matched + quoted.take_while(|it| is_open(it)).count();
            self.containers.truncate(kept);
            self.is_apart = true;
            return;
        }
        self.separate(opening);
        match opening.kind {
            Kind::Blank => {}
            Kind::Text => {
                self.leaf = Leaf::Paragraph;
                self.inline.feed(text, &mut self.flow);
            }
            Kind::Heading(level) => self.heading(level, text),
            Kind::Rule => {
                let line = "─".repeat(self.flow.room().min(RULE));
                self.flow.verbatim(&dimmed(&line, self.is_coloured));
            }
            Kind::Fence => {
                let mark = text.trim_end_matches('\n');
                self.flow.verbatim(&dimmed(mark, self.is_coloured));
                let fence = Fence::open(mark, opening.indent, self.theme());
                self.leaf = fence.map_or(Leaf::None, Leaf::Fence);
            }
            Kind::Row => self.leaf = Leaf::Head(text.to_owned()),
            Kind::Indented => self.flow.verbatim(text.trim_end_matches('\n')),
        }
    }

    /// What is between two blocks, and in front of the new one.
    fn separate(&mut self, opening: &Opening) {
        let apart = std::mem::take(&mut self.is_apart) && self.has_begun;
        self.has_begun = true;
        self.containers.truncate(opening.matched);
        let (_, common) = leads(&self.containers, 0, self.is_coloured);
        if apart {
            self.flow.lead(common.clone(), common);
            self.flow.break_line();
        }
        let old = self.containers.len();
        self.containers.extend(opening.new.iter().cloned());
        let (first, rest) = leads(&self.containers, old, self.is_coloured);
        self.flow.lead(first, rest);
    }

    fn heading(&mut self, level: usize, text: &str) {
        if !self.is_coloured {
            return self.inline.set(text, &mut self.flow);
        }
        let text = text[level..].trim().trim_end_matches('#').trim_end();
        let ink = match level {
            1 => Ink::BOLD.with(Ink::HEADING).with(Ink::UNDERLINED),
            2 => Ink::BOLD.with(Ink::HEADING),
            _ => Ink::BOLD,
        };
        Inline::new(true, ink).set(text, &mut self.flow);
        self.flow.end_line();
    }

    fn code_line(&mut self, line: &str, at: usize) {
        let Leaf::Fence(fence) = &mut self.leaf else { return };
        let text = &line[at..];
        if fence.is_closed_by(text) {
            self.flow.verbatim(&dimmed(text.trim(), self.is_coloured));
            self.leaf = Leaf::None;
            return;
        }
        let indent = text.len() - text.trim_start_matches(' ').len();
        let shown = fence.line(&text[indent.min(fence.indent)..]);
        self.flow.verbatim(&shown);
    }

    fn end_leaf(&mut self) {
        match std::mem::replace(&mut self.leaf, Leaf::None) {
            Leaf::None | Leaf::Fence(_) => {}
            Leaf::Paragraph => self.inline.finish(&mut self.flow),
            Leaf::Head(line) => self.inline.set(&line, &mut self.flow),
            Leaf::Table(mut table) => table.show(&mut self.flow, self.is_coloured),
        }
    }
}

/// What is in front of the first line of what is in all of these, of which those from `new` on begin
/// with it, and of the lines after it.
fn leads(containers: &[Container], new: usize, is_coloured: bool) -> (Lead, Lead) {
    let (mut first, mut rest) = (Lead::default(), Lead::default());
    for (at, container) in containers.iter().enumerate() {
        let (begins, goes_on) = container.leads();
        let shown = |lead: &Lead| match container {
            Container::Quote => dimmed(&lead.text, is_coloured),
            Container::Item { .. } => lead.text.clone(),
        };
        let here = if at < new { &goes_on } else { &begins };
        first.text += &shown(here);
        rest.text += &shown(&goes_on);
        first.columns += here.columns;
        rest.columns += goes_on.columns;
    }
    (first, rest)
}

#[cfg(test)]
mod tests;
