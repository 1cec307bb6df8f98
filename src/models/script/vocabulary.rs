//! The tokens of a scripted model, and which follows which.
//!
//! A token has one successor, so it stands for a piece of text *and* all that comes after it.
//! Servers want the texts of tokens to differ, hence a piece that must lead elsewhere has to be
//! cut in another place.

use std::collections::HashMap;

use crate::models::script::Step;

pub(super) type Token = u32;

#[derive(Debug)]
pub(super) struct Vocabulary {
    /// As they stand in the file: a letter for each byte.
    texts: Vec<String>,
    kinds: Vec<Kind>,
    next: Vec<Token>,
    known: HashMap<String, Token>,
}

/// What a token is, by the number that stands for it in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Text = 1,
    Control = 3,
    /// Found in a prompt before all else. Of these only the marks around a thought are said.
    Word = 4,
}

pub(super) const PAD: Token = 257;
/// Ends a reply, and follows every token that has no other successor.
pub(super) const END: Token = 258;

impl Vocabulary {
    /// Tokens that say `steps`, most of them `chunk` characters long, which must be two or more. In
    /// a prompt each of `words` is one.
    pub(super) fn new(steps: &[Step], words: &[String], chunk: usize) -> Self {
        let mut vocabulary = Self::bare();
        // What a step says and no more is a token of the script's own: it leads to the end.
        let is_said = |word: &String| {
            let whole = |it: &&Step| [it.text(), it.spoken(), it.thought()].contains(word);
            steps.iter().any(|it| whole(&it) || it.reasoning == *word)
        };
        for word in words {
            if !vocabulary.known.contains_key(word) && !is_said(word) {
                vocabulary.add(word.clone(), Kind::Word, END);
            }
        }
        let starts: Vec<_> = (0..steps.len())
            .map(|it| vocabulary.add(format!("<|step_{it}|>"), Kind::Control, END))
            .collect();
        // The shorter text goes first: a text that is nowhere else can always be one token, and
        // what is cut from a shorter text is never the whole of a longer one.
        let mut order: Vec<_> = starts.into_iter().zip(steps).collect();
        order.sort_by_cached_key(|(_, step)| (step.repeat, step.text().len()));
        for (start, step) in order {
            let first = match step.repeat {
                false if step.marked => vocabulary.lay_marked(step, chunk),
                false => vocabulary.lay(&step.text(), END, chunk),
                true => Some(vocabulary.lay_endless(&step.thought(), step.lead(), chunk)),
            };
            vocabulary.next[start as usize] = first.expect("the shorter texts were laid before");
        }
        vocabulary
    }

    pub(super) fn len(&self) -> u32 {
        self.texts.len() as u32
    }

    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }

    pub(super) fn types(&self) -> Vec<i32> {
        self.kinds.iter().map(|it| *it as i32).collect()
    }

    pub(super) fn next(&self, token: Token) -> Token {
        self.next[token as usize]
    }

    /// Single bytes, of which prompts are made, and what the template needs.
    fn bare() -> Self {
        let (texts, kinds, next, known) = Default::default();
        let mut vocabulary = Self { texts, kinds, next, known };
        for byte in 0..=u8::MAX {
            vocabulary.add(letter(byte).to_string(), Kind::Text, END);
        }
        vocabulary.add(merge().replace(' ', ""), Kind::Text, END);
        let controls = ["<|endoftext|>", "<|im_end|>", "<|im_start|>"];
        for control in controls {
            vocabulary.add(control.to_owned(), Kind::Control, END);
        }
        vocabulary
    }

    fn add(&mut self, text: String, kind: Kind, next: Token) -> Token {
        let token = self.len();
        self.known.insert(text.clone(), token);
        self.texts.push(text);
        self.kinds.push(kind);
        self.next.push(next);
        token
    }

    /// Adds tokens that say `text` and lead to `end`; returns the first. `None` if there is no way
    /// to cut the text that does not lead another one astray.
    fn lay(&mut self, text: &str, end: Token, chunk: usize) -> Option<Token> {
        // From the end to the beginning: where a piece begins, and its token.
        let mut cuts = vec![(text.len(), end)];
        while let Some(&(cut, token)) = cuts.last()
            && 0 < cut
        {
            let piece = places(&text[..cut], chunk)
                .find_map(|it| Some((it, self.lead_to(token, &text[it..cut])?)));
            match piece {
                Some(piece) => cuts.push(piece),
                // Every piece that ends here leads elsewhere: the beginning swallows what follows.
                None => {
                    let longer = cuts.iter().rev().skip(1);
                    return longer.copied().find_map(|it| self.lead_to(it.1, &text[..it.0]));
                }
            }
        }
        cuts.pop().map(|(_, token)| token)
    }

    /// Adds tokens that say the step, with tokens for the marks around what it thinks.
    fn lay_marked(&mut self, step: &Step, chunk: usize) -> Option<Token> {
        let behind = self.lay(&step.spoken(), END, chunk)?;
        let close = self.add("</think>".to_owned(), Kind::Word, behind);
        let thought = self.lay(&step.reasoning, close, chunk)?;
        Some(self.add("<think>".to_owned(), Kind::Word, thought))
    }

    /// Adds tokens that say `lead`, then `text` without end; returns the first.
    fn lay_endless(&mut self, lead: &str, text: &str, chunk: usize) -> Token {
        let mut unit = text.to_owned();
        let token = loop {
            let itself = self.len();
            match self.known.get(&encode(&unit)) {
                Some(&known) if self.next(known) == known => break known,
                Some(_) => unit += text,
                None => break self.add(encode(&unit), Kind::Text, itself),
            }
        };
        let mut lead = lead.to_owned();
        loop {
            match self.lay(&lead, token, chunk) {
                Some(first) => return first,
                None => lead += text,
            }
        }
    }

    /// The token that says `piece` and is followed by `next`; `None` if the piece leads elsewhere.
    fn lead_to(&mut self, next: Token, piece: &str) -> Option<Token> {
        let piece = encode(piece);
        let Some(&known) = self.known.get(&piece) else {
            return Some(self.add(piece, Kind::Text, next));
        };
        let fits = self.kinds[known as usize] == Kind::Text && self.next(known) == next;
        fits.then_some(known)
    }
}

/// Where the last piece of `text` may begin, the best place first. What is too short for two
/// pieces is one.
fn places(text: &str, chunk: usize) -> impl Iterator<Item = usize> {
    let from_end = || text.char_indices().rev().map(|(at, _)| at);
    let skipped = match from_end().nth(2 * chunk - 1) {
        Some(_) => chunk - 1,
        None => text.chars().count().saturating_sub(1),
    };
    from_end().skip(skipped)
}

fn encode(text: &str) -> String {
    text.bytes().map(letter).collect()
}

/// The letter that stands for a byte: itself where it can be seen, otherwise one from beyond.
fn letter(byte: u8) -> char {
    let code = u32::from(byte);
    let code = match byte {
        0..=32 => 256 + code,
        127..=160 => 256 + 33 + code - 127,
        173 => 256 + 33 + 34,
        _ => code,
    };
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// A pair of letters that occurs in no text.
pub(super) fn merge() -> String {
    format!("{0} {0}", letter(0))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    /// What step `index` says, a string for each token; at most `limit` tokens.
    fn play(vocabulary: &Vocabulary, index: usize, limit: usize) -> Vec<String> {
        let bytes: HashMap<char, u8> = (0..=u8::MAX).map(|it| (letter(it), it)).collect();
        let start = vocabulary.known[&format!("<|step_{index}|>")];
        let follow = |it: &Token| Some(vocabulary.next(*it));
        let tokens = std::iter::successors(Some(vocabulary.next(start)), follow);
        let said = tokens.take_while(|it| *it != END).take(limit).map(|it| {
            assert_eq!(vocabulary.kinds[it as usize], Kind::Text);
            let text = vocabulary.texts[it as usize].chars().map(|it| bytes[&it]).collect();
            String::from_utf8(text).unwrap()
        });
        said.collect()
    }

    fn raw(text: &str) -> Step {
        Step { raw: Some(text.to_owned()), ..Step::default() }
    }

    #[track_caller]
    fn check(steps: &[Step], expected: Expect) {
        let vocabulary = Vocabulary::new(steps, &[], 4);
        let lines = (0..steps.len()).map(|it| play(&vocabulary, it, 8).join("|"));
        expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_text_is_cut_from_its_end() {
        check(
            &[raw("one two three"), raw("x"), raw("")],
            expect![[r#"
            one t|wo t|hree
            x
        "#]],
        );
    }

    #[test]
    fn a_step_may_say_nothing_but_a_word_of_prompts() {
        let thinks = |reasoning: &str, content: &str| Step {
            reasoning: reasoning.to_owned(),
            content: content.to_owned(),
            marked: true,
            ..Step::default()
        };
        let words = ["ok", "hm", "fine"].map(str::to_owned);
        let steps = [raw("ok"), thinks("hm", "fine")];
        let vocabulary = Vocabulary::new(&steps, &words, 4);
        assert_eq!(play(&vocabulary, 0, 8), ["ok"]);
    }

    #[test]
    fn characters_stay_whole() {
        check(&[raw("héllo wörld ✓ 日本語")], expect!["héllo| wör|ld ✓| 日本語"]);
    }

    #[test]
    fn a_piece_that_leads_elsewhere_is_cut_in_another_place() {
        check(
            &[raw("read file 1"), raw("read file 2"), raw("read file 3")],
            expect![[r#"
            read fi|le 1
            read file 2
            read file 3"#]],
        );
    }

    #[test]
    fn a_beginning_that_is_always_the_same_swallows_what_follows() {
        let steps: Vec<_> = (10..30).map(|it| raw(&format!("abc {it}"))).collect();
        check(
            &steps,
            expect![[r#"
            abc 10
            abc 11
            abc 12
            abc 13
            abc 14
            abc 15
            abc 16
            abc 17
            abc 18
            abc 19
            abc 20
            abc 21
            abc 22
            abc 23
            abc 24
            abc 25
            abc 26
            abc 27
            abc 28
            abc 29"#]],
        );
    }

    #[test]
    fn a_repeated_text_never_ends() {
        let step = |content: &str| Step {
            reasoning: "hm".to_owned(),
            content: content.to_owned(),
            repeat: true,
            ..Step::default()
        };
        check(
            &[step("tick "), raw("tick "), step("x")],
            expect![[r#"
                <thi|nk>h|m</t|hink>|tick tick |tick tick |tick tick |tick tick 
                tick 
                <thin|k>hm|</th|ink>|xx|xx|xx|xx"#]],
        );
    }

    #[test]
    fn what_looks_like_a_control_token_is_said_as_text() {
        check(
            &[raw("<|im_end|>"), raw("a<|step_0|>")],
            expect![[r#"
            <|im_e|nd|>
            a<|step|_0|>"#]],
        );
    }

    #[test]
    fn no_text_is_in_the_vocabulary_twice() {
        let steps: Vec<_> = (0..200).map(|it| raw(&"ab".repeat(it))).collect();
        let vocabulary = Vocabulary::new(&steps, &[], 6);
        assert_eq!(vocabulary.known.len(), vocabulary.texts.len());
    }

    proptest! {
        #[test]
        fn every_step_is_said_exactly(
            texts in prop::collection::vec("[ab<é]{0,12}", 1..40),
            chunk in 2usize..6,
        ) {
            let steps: Vec<_> = texts.iter().map(|it| raw(it)).collect();
            let vocabulary = Vocabulary::new(&steps, &[], chunk);
            for (index, text) in texts.iter().enumerate() {
                prop_assert_eq!(&play(&vocabulary, index, usize::MAX).concat(), text);
            }
        }
    }
}
