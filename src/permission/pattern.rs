//! A command in a rule: words, `*` for any part of one, and a last `*` for any more.

use std::fmt;

use crate::permission::shell::{Form, Word};

#[derive(Clone, PartialEq)]
pub(super) struct Pattern {
    words: Vec<Part>,
    /// A `*` of its own stood at the end: more words may follow, or none.
    open: bool,
}

/// The pieces of a word between its `*`.
#[derive(Clone, Debug, PartialEq)]
struct Part(Vec<String>);

/// How to take a word that is not known before the command runs.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Doubt {
    /// It may be anything, so no pattern is sure to fit.
    Against,
    /// It may be just what the pattern says.
    For,
}

impl Pattern {
    /// Words are parted and quoted as in a shell.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut words = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.peek() {
            if c.is_ascii_whitespace() {
                chars.next();
                continue;
            }
            let mut pieces = vec![String::new()];
            while let Some(c) = chars.next_if(|it| !it.is_ascii_whitespace()) {
                let piece = pieces.last_mut().expect("there is always one");
                match c {
                    '*' => pieces.push(String::new()),
                    '\\' => piece.extend(chars.next()),
                    '\'' | '"' => loop {
                        match chars.next() {
                            None => return Err("a quote in it does not end"),
                            Some(it) if it == c => break,
                            Some('\\') if c == '"' => piece.extend(chars.next()),
                            Some(it) => piece.push(it),
                        }
                    },
                    _ => piece.push(c),
                }
            }
            words.push(Part(pieces));
        }
        let is_star = |it: &Part| it.0.len() == 2 && it.0.iter().all(String::is_empty);
        let open = words.last().is_some_and(is_star);
        if open {
            words.pop();
        }
        // The words of `* x` could be those of any program.
        if words.first().is_none_or(is_star) {
            return Err("it must say which program is meant; for all commands write `run_command`");
        }
        Ok(Self { words, open })
    }

    pub(super) fn fits(&self, words: &[Word], doubt: Doubt) -> bool {
        // An unknown word can become several, or none.
        let known = words.iter().take_while(|it| it.form == Form::Literal).count();
        if doubt == Doubt::For && known < words.len() && known <= self.words.len() {
            return self.words.iter().zip(&words[..known]).all(|(part, it)| part.fits(&it.text));
        }
        let enough = match self.open {
            true => self.words.len() <= words.len(),
            false => self.words.len() == words.len(),
        };
        let literal =
            |(part, word): (&Part, &Word)| word.form == Form::Literal && part.fits(&word.text);
        enough && self.words.iter().zip(words).all(literal)
    }
}

impl Part {
    fn fits(&self, text: &str) -> bool {
        let [first, rest @ ..] = &self.0[..] else { return false };
        let Some(mut text) = text.strip_prefix(&**first) else { return false };
        let Some((last, middle)) = rest.split_last() else { return text.is_empty() };
        for piece in middle {
            let Some(at) = text.find(&**piece) else { return false };
            text = &text[at + piece.len()..];
        }
        text.ends_with(&**last)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words.iter().map(|it| format!("[{}]", it.0.join("*")));
        let more = self.open.then(|| "…".to_owned());
        f.write_str(&words.chain(more).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::shell::parse;

    #[track_caller]
    fn check(pattern: &str, fitting: &[&str], others: &[&str]) {
        let pattern = Pattern::parse(pattern).unwrap();
        let fits = |command: &&str, doubt| {
            pattern.fits(&parse(command).unwrap().last().unwrap().words, doubt)
        };
        for command in fitting {
            assert!(fits(command, Doubt::Against), "{pattern:?} does not fit {command}");
        }
        for command in others {
            assert!(!fits(command, Doubt::Against), "{pattern:?} fits {command}");
        }
    }

    #[test]
    fn a_last_star_means_any_more_words() {
        check(
            "cargo test *",
            &["cargo test", "cargo test --lib x", "cargo  'test' $X *.rs"],
            &["cargo", "cargo testing", "./cargo test", "cargo build test", "$X test", "cargo $X"],
        );
        check("cargo test", &["cargo test"], &["cargo test x", "cargo"]);
    }

    #[test]
    fn a_star_in_a_word_stays_in_it() {
        check(
            "npm run test:*",
            &["npm run test:unit", "npm run test:"],
            &["npm run test", "npm run test:a b"],
        );
        check("a * c", &["a b c", "a '' c"], &["a c", "a b b c"]);
        check("a x*y*z", &["a xyz", "a x-y-z", "a xyyzz"], &["a xzy", "a xy"]);
    }

    #[test]
    fn quotes_and_backslashes_are_those_of_a_shell() {
        check(r#"a "b c" d\*"#, &["a 'b c' 'd*'"], &["a b c 'd*'", "a 'b c' dx"]);
    }

    #[test]
    fn a_pattern_names_a_program() {
        assert!(Pattern::parse("*").is_err());
        assert!(Pattern::parse("* x").is_err());
        assert!(Pattern::parse(" ").is_err());
    }

    #[test]
    fn in_doubt_an_unknown_word_is_what_is_forbidden() {
        let fits = |pattern: &str, command: &str| {
            let words = parse(command).unwrap().remove(0).words;
            Pattern::parse(pattern).unwrap().fits(&words, Doubt::For)
        };
        assert!(fits("git push *", "git $X"));
        assert!(fits("git push *", "git $X origin"));
        assert!(fits("git push *", "$X"));
        assert!(fits("git push origin", "git $X"));
        assert!(fits("git push", "git push $X"));
        assert!(fits("git push *", "git pu* x"));
        assert!(!fits("git push *", "cargo $X"));
        assert!(!fits("git push", "git pull $X"));
    }
}
