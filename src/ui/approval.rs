//! The question for leave: a call as it would run, whole and with nothing hidden in it, and the keys that
//! answer it.

mod amend;
mod shown;

use crate::conversation::{Call, Consent, Decision, FileChange, Stakes};
use crate::ui::approval::amend::{Amendable, Given, Text};
use crate::ui::approval::shown::{Depth, changes, hunk_heading, in_full};
use crate::ui::diff::numbered_diff;
use crate::ui::in_question::plain;
use crate::ui::palette::Paint;
use crate::ui::visible::visible_line;
use crate::ui::{Keyboard, Line, Screen};

pub(crate) use crate::ui::approval::amend::Amend;

/// What an answer means.
#[derive(Debug, PartialEq)]
enum Said {
    Consent(Consent),
    /// The person wants to change the call.
    Edit,
    /// They want to decide about each hunk.
    ByHunk,
    /// They want to see all of a long diff.
    Whole,
    /// Something is not to be had here; what to say.
    Not(&'static str),
    /// It is too short to be clear.
    Unclear(String),
}

impl Screen {
    /// Asks for leave. `None` when the person stops the turn instead.
    pub(super) async fn leave(&mut self, call: &Call, stakes: &Stakes) -> Option<Consent> {
        // A line break in the call is one; the reasons are our own words.
        self.exact(&asked(call, stakes));
        reasons(stakes).for_each(|it| self.note(&it));
        let Some(keyboard) = self.keyboard() else {
            self.note("  no: there is no terminal to ask at (see `--permission`)");
            return Some(Consent::Decided(Decision::Nobody));
        };
        if let Some(rule) = &stakes.always {
            self.exact(&format!("  always would save {}", plain(rule)));
        }
        loop {
            let Line::Entered(answer) = keyboard.question(&keys(stakes)).await else {
                return None;
            };
            match said(&answer, stakes) {
                Said::Consent(consent) => return Some(consent),
                Said::Unclear(word) => self.note(&unclear(&word, stakes)),
                Said::Not(why) => self.note(&format!("  {why}")),
                Said::Whole => self.exact(&changes(&stakes.changes, Depth::Whole)),
                Said::ByHunk => {
                    return self.by_hunk(&keyboard, &stakes.changes).await.map(Consent::Part);
                }
                Said::Edit => match self.amended(&keyboard, call).await? {
                    Given::Not(why) => self.note(&format!("  {}", visible_line(&why, 300))),
                    Given::Seen(args) => return Some(Consent::With(args)),
                    Given::Unseen(args) => return Some(Consent::Amended(args)),
                },
            }
        }
    }

    /// Which of the hunks the person wants.
    async fn by_hunk(&mut self, keyboard: &Keyboard, of: &[FileChange]) -> Option<Vec<bool>> {
        let all: usize = of.iter().map(|it| it.hunks.len()).sum();
        let mut taken = Vec::new();
        for (file, hunk) in of.iter().flat_map(|it| it.hunks.iter().map(move |hunk| (it, hunk))) {
            self.exact(&hunk_heading(taken.len() + 1, all, &file.path));
            let shown = plain(hunk);
            self.exact(&numbered_diff(&shown.lines().collect::<Vec<_>>()).join("\n"));
            let wants = loop {
                let prompt = "  y = make it, n = leave it, q = leave it and the rest: ";
                let Line::Entered(answer) = keyboard.question(prompt).await else { return None };
                match &*answer.trim().to_lowercase() {
                    "y" | "yes" => break true,
                    "n" | "no" => break false,
                    "q" => {
                        taken.resize(all, false);
                        return Some(taken);
                    }
                    "" => {}
                    other => self.note(&no_answer(other, "y, n or q")),
                }
            };
            taken.push(wants);
        }
        Some(taken)
    }

    /// The arguments as the person wants them: changed in the line, or in their editor where a line
    /// would not show all of them. `None` when they stop the turn instead.
    async fn amended(&mut self, keyboard: &Keyboard, call: &Call) -> Option<Given> {
        let amendable = Amendable::of(call);
        let mut given = Vec::new();
        let count = amendable.texts().len();
        for (at, text) in amendable.texts().iter().enumerate() {
            let prompt = match count {
                1 => "  change it, Enter runs it: ".to_owned(),
                _ => format!("  {} of {count}, change it, Enter goes on: ", at + 1),
            };
            if let Some(replaced) = amendable.replaced(text).filter(|_| 1 < count) {
                let replaced = visible_line(replaced, 100);
                self.note(&format!("  instead of: {replaced}"));
            }
            match self.amended_text(keyboard, &prompt, text).await? {
                Ok(text) => given.push(text),
                Err(why) => return Some(Given::Not(why)),
            }
        }
        let texts = amendable.texts();
        let is_same = texts.iter().zip(&given).all(|(text, given)| text.words == *given);
        if is_same && !texts.iter().all(Text::fits_a_line) {
            return Some(Given::Not("nothing of it was changed".to_owned()));
        }
        Some(amendable.with(&given))
    }

    async fn amended_text(
        &mut self,
        keyboard: &Keyboard,
        prompt: &str,
        text: &Text,
    ) -> Option<Result<String, String>> {
        let (mut words, mut in_line) = (text.words.clone(), text.fits_a_line());
        loop {
            if !in_line {
                let edited = self.edit(&text.file_name, &words).await;
                return Some(edited.map(|it| text.left(&it).to_owned()));
            }
            match keyboard.amend(prompt, words).await {
                Line::Entered(words) => return Some(Ok(words)),
                Line::Edit(begun) => (words, in_line) = (begun, false),
                // The change is given up, and not the turn.
                Line::Interrupted => return Some(Err("it is as it was".to_owned())),
                Line::End | Line::Failed(_) => return None,
            }
        }
    }
}

fn asked(call: &Call, stakes: &Stakes) -> String {
    let of = if stakes.is_changed { "as you changed it, " } else { "" };
    format!("{of}{} {}", "allow?".strong(), in_full(call, stakes))
}

/// Why it is asked, and what would confine it.
fn reasons(stakes: &Stakes) -> impl Iterator<Item = String> {
    let told = [&stakes.why, &stakes.confined].into_iter().filter(|it| !it.is_empty());
    told.map(|it| format!("  {}", visible_line(it, 200)).quiet())
}

/// The keys that there are, and what each means.
fn keys_of(stakes: &Stakes) -> Vec<(&'static str, &'static str)> {
    let all = [
        ("y", "yes", true),
        ("a", "always", stakes.always.is_some()),
        ("e", "edit", !stakes.is_fixed),
        ("h", "by hunk", stakes.has_parts()),
        ("d", "all of it", shown::is_long(&stakes.changes)),
        ("n", "no", true),
    ];
    all.into_iter().filter(|it| it.2).map(|(key, means, _)| (key, means)).collect()
}

fn keys(stakes: &Stakes) -> String {
    let keys: String =
        keys_of(stakes).iter().map(|(key, means)| format!("{key} = {means}, ")).collect();
    format!("  {keys}or say what to do instead: ")
}

/// What is said to an answer that is none.
fn unclear(word: &str, stakes: &Stakes) -> String {
    let keys: Vec<_> = keys_of(stakes).iter().map(|it| it.0).collect();
    no_answer(word, &format!("{}, or more words for the model", keys.join(", ")))
}

fn no_answer(word: &str, known: &str) -> String {
    format!("  `{}` is no answer here: {known}", visible_line(word, 40))
}

/// Only a clear yes is a yes. What is too short to tell the model what to do instead is no answer, and
/// a command for this program is none either.
fn said(answer: &str, stakes: &Stakes) -> Said {
    let words = answer.trim();
    match &*words.to_lowercase() {
        "y" | "yes" => Said::Consent(Consent::Decided(Decision::Allowed)),
        "n" | "no" | "" => Said::Consent(Consent::Decided(Decision::Denied(String::new()))),
        "a" | "always" => match &stakes.always {
            Some(rule) => Said::Consent(Consent::Decided(Decision::Always(rule.clone()))),
            None => Said::Not("there is no rule that would cover just this; y or n"),
        },
        "e" | "edit" if stakes.is_fixed => Said::Not("this cannot be changed; y or n"),
        "e" | "edit" => Said::Edit,
        "h" if stakes.has_parts() => Said::ByHunk,
        "h" => Said::Not("there are no hunks to choose from; y or n"),
        "d" if !stakes.changes.is_empty() => Said::Whole,
        short if short.chars().count() <= 3 => Said::Unclear(words.to_owned()),
        _ if is_command(words) => {
            Said::Not("commands wait until this is decided: y or n, or words for the model")
        }
        _ => Said::Consent(Consent::Decided(Decision::Denied(words.to_owned()))),
    }
}

/// Whether it is in the form of a command of ours; a path has more strokes.
fn is_command(words: &str) -> bool {
    let word = words.split_whitespace().next().and_then(|it| it.strip_prefix('/'));
    if words.starts_with('!') {
        return true;
    }
    let is_letter = |it: char| it.is_alphabetic() || matches!(it, '-' | '_' | ':' | '?');
    word.is_some_and(|it| !it.is_empty() && it.chars().all(is_letter))
}

#[cfg(test)]
mod tests;
