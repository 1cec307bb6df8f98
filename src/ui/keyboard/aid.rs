//! What the line editor offers while a person types: how the word may go on, and what belongs behind it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::ui::palette::{Paint, Role};

/// How the end of a line may go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offer {
    /// Where in the line it begins, in bytes.
    pub(crate) from: usize,
    /// What may stand there instead.
    pub(crate) words: Vec<String>,
}

/// Whoever knows what may be typed.
pub(crate) trait Suggest: Send {
    fn offer(&self, line: &str) -> Offer;
    /// What is shown behind the line, and not part of it.
    fn hint(&self, line: &str) -> Option<String>;
    /// The parts of the line that are more than words, in their order.
    fn meant(&self, line: &str) -> Vec<Range<usize>>;
}

/// Somebody else at each prompt, if there is anybody.
#[derive(Clone, Default)]
pub(super) struct Aid {
    suggest: Arc<Mutex<Option<Box<dyn Suggest>>>>,
    /// The line as it stands, before and behind the cursor: the editor loses it when it fails.
    line: Arc<Mutex<(String, String)>>,
}

impl Aid {
    pub(super) fn replace(&self, suggest: Option<Box<dyn Suggest>>) {
        *self.suggest.lock().unwrap_or_else(PoisonError::into_inner) = suggest;
    }

    /// What stood in the line, once.
    pub(super) fn take_line(&self) -> (String, String) {
        std::mem::take(&mut *self.line.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn stands(&self, line: &str, at: usize) {
        let (before, behind) = line.split_at(at.min(line.len()));
        let stands = (before.to_owned(), behind.to_owned());
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = stands;
    }

    fn asked<T>(&self, ask: impl FnOnce(&dyn Suggest) -> T) -> Option<T> {
        let suggest = self.suggest.lock().unwrap_or_else(PoisonError::into_inner);
        suggest.as_deref().map(ask)
    }
}

impl Completer for Aid {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let offer = self.asked(|it| it.offer(&line[..at])).unwrap_or_default();
        let pair = |it: String| Pair { display: it.trim_end().to_owned(), replacement: it };
        Ok((offer.from, offer.words.into_iter().map(pair).collect()))
    }
}

impl Hinter for Aid {
    type Hint = String;

    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<String> {
        self.stands(line, at);
        self.asked(|it| it.hint(line)).flatten().filter(|_| at == line.len())
    }
}

impl Highlighter for Aid {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        // What a question says is to be read; a mark is to be found again.
        let is_mark = prompt.trim().chars().count() == 1;
        if is_mark { prompt.as_role(Role::Prompt).into() } else { prompt.into() }
    }

    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        let meant = self.asked(|it| it.meant(line)).unwrap_or_default();
        match meant.is_empty() {
            true => line.into(),
            false => painted(line, &meant).into(),
        }
    }

    /// What a line means may change with each key.
    fn highlight_char(&self, line: &str, _: usize, _: CmdKind) -> bool {
        line.starts_with(['/', '!']) || line.contains('@')
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        hint.quiet().into()
    }
}

fn painted(line: &str, meant: &[Range<usize>]) -> String {
    let (mut text, mut from) = (String::new(), 0);
    for part in meant {
        text += &line[from..part.start];
        text += &line[part.clone()].as_role(Role::Code);
        from = part.end;
    }
    text + &line[from..]
}

impl Validator for Aid {}

impl Helper for Aid {}
