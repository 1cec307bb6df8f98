//! What is typed while the agent works: a draft, and the lines that wait for their time. No terminal
//! is in here.

use std::collections::VecDeque;

use crate::ui::keyboard::decode::Key;
use crate::ui::keyboard::keys::Typed;
use crate::ui::visible::{typed, visible, visible_line};

/// What a person wants of the work that is under way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    /// It shall stop, and what was done stays.
    Stop,
    /// The command that runs shall go on beside it.
    Background,
    /// Enough was thought.
    AnswerNow,
    /// These words shall be said to the model as soon as it can hear them.
    Say(Vec<String>),
    /// The whole program shall stand still for a while.
    Suspend,
}

/// What becomes of the lines that are entered while it works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Words {
    /// They are asked, or obeyed, when it is done.
    pub(crate) follow: bool,
    /// The model can be told them at its next step.
    pub(crate) at_steps: bool,
}

/// What typing comes to. Only the end of the draft can be edited: the next prompt has a whole editor.
pub(super) struct Typing {
    draft: String,
    /// What was pasted into the draft.
    pub(super) typed: Typed,
    queue: VecDeque<String>,
    /// What was typed before the work was cut short.
    kept: Option<Vec<String>>,
    /// What the person is told until the next key.
    remark: String,
    pub(super) words: Words,
}

impl Default for Typing {
    fn default() -> Self {
        Self {
            draft: String::new(),
            typed: Typed::default(),
            queue: VecDeque::new(),
            kept: None,
            remark: String::new(),
            words: Words { follow: true, at_steps: true },
        }
    }
}

/// How much of a line that waits is shown.
const GIST: usize = 40;

impl Typing {
    pub(super) fn press(&mut self, key: Key) -> Option<Wish> {
        self.remark.clear();
        match key {
            Key::Escape => return Some(Wish::Stop),
            Key::Ctrl('B') => return Some(Wish::Background),
            Key::Ctrl('N') => return Some(Wish::AnswerNow),
            Key::Ctrl('Z') => return Some(Wish::Suspend),
            Key::Letter(it) => match typed(&self.draft, it) {
                Some(stand_in) => self.draft += &stand_in,
                None => self.draft.push(it),
            },
            Key::AltEnter => self.draft.push('\n'),
            Key::Pasted(text) => self.draft += &self.typed.pasted(&text),
            Key::Backspace => self.erase_letter(),
            Key::EraseWord => self.erase_word(),
            Key::Ctrl('U') => self.draft.clear(),
            Key::Enter => return self.enter(),
            Key::Ctrl(_) | Key::Answer(_) | Key::Attributes | Key::Focus(_) => {}
        }
        None
    }

    /// What the person is to know now.
    pub(super) fn remark(&mut self, text: &str) {
        text.clone_into(&mut self.remark);
    }

    /// Whether a line waits.
    pub(super) fn waits(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The first of the lines that wait.
    pub(super) fn next(&mut self) -> Option<String> {
        self.queue.pop_front()
    }

    /// These come before all that waits, or was to.
    pub(super) fn put_back(&mut self, words: Vec<String>) {
        match &mut self.kept {
            Some(kept) => drop(kept.splice(0..0, words)),
            None => words.into_iter().rev().for_each(|it| self.queue.push_front(it)),
        }
    }

    /// The draft, to be edited elsewhere, and what was pasted into it.
    pub(super) fn take_draft(&mut self) -> (String, Typed) {
        (std::mem::take(&mut self.draft), std::mem::take(&mut self.typed))
    }

    /// The work was cut short: what was typed for it does not follow by itself. What is entered from
    /// now on does.
    pub(super) fn cut(&mut self) {
        if self.kept.is_none() {
            let draft = std::mem::take(&mut self.draft);
            let draft = self.typed.whole(&visible(&draft));
            let all = self.queue.drain(..).chain((!draft.is_empty()).then_some(draft));
            self.kept = Some(all.collect());
        }
    }

    /// What does not follow by itself.
    pub(super) fn take_kept(&mut self) -> Vec<String> {
        self.kept.take().unwrap_or_default()
    }

    /// All that waits, and the draft.
    pub(super) fn take_all(&mut self) -> Vec<String> {
        let mut all = self.take_kept();
        all.extend(self.queue.drain(..));
        let draft = self.typed.whole(&std::mem::take(&mut self.draft));
        all.extend((!draft.trim().is_empty()).then_some(draft));
        all
    }

    /// What stands beneath the words, on one line.
    pub(super) fn line(&self) -> String {
        if !self.draft.is_empty() {
            return format!("› {}", visible(&self.draft).replace('\n', "↵").replace('\t', " "));
        }
        if !self.remark.is_empty() {
            return self.remark.clone();
        }
        let Some(last) = self.queue.back() else { return String::new() };
        let gist = gist(last);
        let more = match self.queue.len() {
            1 => String::new(),
            n => format!(" ({n} wait)"),
        };
        let waits = if self.words.follow { "queued" } else { "not said yet" };
        let how = match self.words {
            Words { at_steps: true, .. } if self.sayable() == self.queue.len() => {
                "; Enter again says it at the next step"
            }
            Words { at_steps: true, .. } if 0 < self.sayable() => {
                "; Enter again says what stands before the command"
            }
            Words { follow: true, .. } => "",
            Words { follow: false, .. } => "; nobody hears it here",
        };
        format!("{waits}: {gist}{more}{how}")
    }

    /// How many lines can be said at a step: a command is obeyed in its turn, and so is all that was
    /// typed behind it.
    fn sayable(&self) -> usize {
        self.queue.iter().take_while(|it| !is_command(it)).count()
    }

    fn enter(&mut self) -> Option<Wish> {
        if !self.draft.trim().is_empty() {
            let draft = std::mem::take(&mut self.draft);
            self.queue.push_back(self.typed.whole(&visible(&draft)));
            return None;
        }
        let sayable = self.sayable();
        if sayable == 0 || !self.words.at_steps {
            return None;
        }
        let words: Vec<_> = self.queue.drain(..sayable).collect();
        self.remark = format!("it is told at the next step: {}", gist(&words.join(" ")));
        Some(Wish::Say(words))
    }

    /// What stands for something that was pasted goes as a whole.
    fn erase_letter(&mut self) {
        match self.typed.chip_at_end(&self.draft) {
            Some(length) => self.draft.truncate(self.draft.len() - length),
            None => drop(self.draft.pop()),
        }
    }

    fn erase_word(&mut self) {
        let kept = self.draft.trim_end();
        if let Some(length) = self.typed.chip_at_end(kept) {
            return self.draft.truncate(kept.len() - length);
        }
        let at = kept.char_indices().rev().find(|(_, it)| it.is_whitespace());
        let at = at.map_or(0, |(at, it)| at + it.len_utf8());
        self.draft.truncate(at);
    }
}

/// Whether the line is for the program, and not for the model.
fn is_command(line: &str) -> bool {
    line.trim_start().starts_with(['/', '!'])
}

fn gist(text: &str) -> String {
    visible_line(text, GIST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ui::keyboard::decode::Decoder;

    /// Types the bytes; what stands beneath the words then, and what was wanted.
    fn typed(bytes: &[u8]) -> (Typing, Vec<Wish>) {
        let mut typing = Typing::default();
        let keys = Decoder::default().feed(bytes);
        let wishes = keys.into_iter().filter_map(|it| typing.press(it)).collect();
        (typing, wishes)
    }

    #[track_caller]
    fn check(bytes: &str, line: &str) {
        let (typing, wishes) = typed(bytes.as_bytes());
        assert_eq!((typing.line().as_str(), wishes), (line, vec![]));
    }

    #[test]
    fn a_draft_is_edited_at_its_end() {
        check("fix it", "› fix it");
        check("fix ité\x7f\x7f", "› fix i");
        check("fix the test \x17now", "› fix the now");
        check("fix\x15done", "› done");
        check("one\x1b\rtwo", "› one↵two");
        check("x\x7f\x7f\x17\x15", "");
    }

    #[test]
    fn what_is_pasted_stands_as_a_chip_and_goes_as_one() {
        let paste = format!("see \x1b[200~{}\x1b[201~", "line\r".repeat(12));
        check(&paste, "› see [pasted 12 lines]");
        check(&format!("{paste}\x7f"), "› see ");
        check(&format!("{paste} \x17"), "› see ");
        let (mut typing, _) = typed(format!("{paste}\r").as_bytes());
        assert_eq!(typing.next().unwrap(), format!("see {}", "line\n".repeat(12)));
    }

    #[test]
    fn enter_queues_and_again_says_it() {
        check("also this\r", "queued: also this; Enter again says it at the next step");
        check("one\rtwo\r", "queued: two (2 wait); Enter again says it at the next step");
        check("\r\r  \r", "›   ");
        let (typing, wishes) = typed(b"one\rtwo\r\r");
        assert_eq!(wishes, [Wish::Say(vec!["one".to_owned(), "two".to_owned()])]);
        assert_eq!(typing.line(), "it is told at the next step: one two");
        assert!(typing.queue.is_empty());
    }

    #[test]
    fn a_command_waits_for_its_turn_and_so_does_what_is_behind_it() {
        check("/test\r\r", "queued: /test");
        check("!ls\rgo\r\r", "queued: go (2 wait)");
        check(
            "one\r/test\rtwo\r",
            "queued: two (3 wait); Enter again says what stands before the command",
        );
        let (mut typing, wishes) = typed(b"one\r/test\rtwo\r\r");
        assert_eq!(wishes, [Wish::Say(vec!["one".to_owned()])]);
        typing.cut();
        assert_eq!(typing.take_kept(), ["/test", "two"]);
    }

    #[test]
    fn nothing_that_was_typed_is_lost() {
        let (mut typing, _) = typed(b"one\rtwo\rthr");
        typing.cut();
        typing.put_back(vec!["zero".to_owned()]);
        assert_eq!(typing.line(), "");
        // What is typed behind that is meant as it is.
        Decoder::default().feed(b"next\rfo").into_iter().for_each(|it| drop(typing.press(it)));
        typing.cut();
        assert_eq!(typing.next().as_deref(), Some("next"));
        assert_eq!(typing.take_kept(), ["zero", "one", "two", "thr"]);
        assert_eq!(typing.take_draft().0, "fo");
        typing.put_back(vec!["again".to_owned()]);
        assert_eq!(typing.next().as_deref(), Some("again"));
        assert_eq!(typing.line(), "");
    }

    #[test]
    fn keys_mean_what_they_mean() {
        let (_, wishes) = typed(b"\x02\x0e\x1a\x1b\x1b");
        assert_eq!(wishes, [Wish::Background, Wish::AnswerNow, Wish::Suspend, Wish::Stop]);
    }

    #[test]
    fn what_waits_is_told_by_what_becomes_of_it() {
        let line = |follow, at_steps, bytes: &[u8]| {
            let mut typing = Typing { words: Words { follow, at_steps }, ..Typing::default() };
            let keys = Decoder::default().feed(bytes);
            let wishes = keys.into_iter().filter_map(|it| typing.press(it)).count();
            format!("{} {wishes} {}", typing.line(), typing.take_all().join("|"))
        };
        // A chat has no steps.
        assert_eq!(line(true, false, b"one\rtwo\r\r"), "queued: two (2 wait) 0 one|two");
        // A single task ends, and nothing follows.
        let said = "not said yet: one; Enter again says it at the next step 0 one";
        assert_eq!(line(false, true, b"one\r"), said);
        assert_eq!(line(false, true, b"one\r\rls"), "› ls 1 ls");
        let unheard = "not said yet: /diff; nobody hears it here 0 /diff";
        assert_eq!(line(false, true, b"/diff\r\r"), unheard);
        assert_eq!(line(false, false, b"a\r\r"), "not said yet: a; nobody hears it here 0 a");
    }

    proptest! {
        #[test]
        fn nothing_that_was_typed_acts_on_the_terminal(bytes in any::<Vec<u8>>()) {
            let (typing, _) = typed(&bytes);
            let line = typing.line();
            prop_assert!(!line.contains(char::is_control), "{:?}", line);
            prop_assert_eq!(visible(&line), &*line);
        }
    }
}
