//! What the model says and thinks, as it comes.

use std::time::Duration;

use crate::ui::Keyboard;
use crate::ui::markdown::Markdown;
use crate::ui::palette::Paint;
use crate::ui::screen::Screen;
use crate::ui::status::{seconds, writing};

/// How a person sees the model think.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Thinking {
    /// Its words.
    Open,
    /// How long it takes.
    Folded,
}

/// Who thinks for so long may be told that it is enough.
const LONG_THOUGHT: Duration = Duration::from_secs(2);

impl Screen {
    pub(super) fn say(&mut self, text: &str) {
        self.end_thinking();
        self.status.clear();
        self.pay();
        self.spoke = true;
        let width = self.width();
        if let Some(markdown) = &mut self.markdown {
            let shown = markdown.feed(text, width);
            self.mid_line = markdown.is_mid_line();
            if !shown.is_empty() {
                self.streams.say(&shown);
            }
            return;
        }
        let text = self.seen.next(text);
        self.say_as_it_is(&text);
    }

    pub(super) fn say_as_it_is(&mut self, text: &str) {
        if !text.is_empty() {
            self.mid_line = !text.ends_with('\n');
            self.streams.say(text);
        }
    }

    pub(super) fn think(&mut self, text: &str) {
        if self.style.verbose {
            self.status.clear();
            self.thinking = Some(Thinking::Open);
            let text = self.seen.next(text);
            self.streams.tell(&text.quiet());
            return;
        }
        if self.thinking.replace(Thinking::Folded).is_none() {
            self.pieces = 0;
            self.status.begin("thinking");
        }
        self.write_on("thinking");
    }

    /// One more piece of something that is not shown.
    pub(super) fn write_on(&mut self, what: &str) {
        self.pieces += 1;
        let took = self.status.elapsed();
        let mut text = writing(what, self.pieces, took);
        let is_heeded = self.keyboard.as_ref().is_some_and(Keyboard::is_watched);
        if self.thinking.is_some() && self.can_hurry && LONG_THOUGHT < took && is_heeded {
            text += " · Ctrl-N answers now";
        }
        self.status.show(&text);
    }

    pub(super) fn end_thinking(&mut self) {
        let took = self.status.elapsed();
        match self.thinking.take() {
            None => {}
            Some(Thinking::Open) => {
                let rest = self.seen.rest().quiet();
                self.streams.tell(&(rest + "\n"));
            }
            Some(Thinking::Folded) => {
                self.status.clear();
                // What took no time is not worth a line.
                if 0 < took.as_secs() {
                    let line = format!("  thought for {}", seconds(took));
                    self.streams.tell(&format!("{}\n", line.quiet()));
                }
            }
        }
    }

    /// Brings both streams to the start of a line.
    pub(super) fn end_words(&mut self) {
        self.end_thinking();
        self.status.clear();
        if let Some(markdown) = &mut self.markdown {
            let rest = markdown.pause();
            self.mid_line = markdown.is_mid_line();
            markdown.line_ended();
            self.streams.say(&rest);
        }
        let rest = self.seen.rest();
        self.say_as_it_is(&rest);
        if !std::mem::take(&mut self.mid_line) {
            return;
        }
        if self.style.apart {
            // Whoever shows the words is not asked whether they have; the notes end the line.
            self.owed = true;
            self.streams.tell("\n");
        } else {
            self.streams.say("\n");
        }
    }

    /// What is said next is another text.
    pub(super) fn end_answer(&mut self) {
        self.end_words();
        if let Some(markdown) = &mut self.markdown {
            *markdown = Markdown::new(self.style.colour_words, self.style.light);
        }
    }

    /// Writes the end of a line that was put off.
    pub(super) fn pay(&mut self) {
        if std::mem::take(&mut self.owed) {
            self.streams.say("\n");
        }
    }
}
