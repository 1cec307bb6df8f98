//! Words and marks of a source text, without its comments and strings.
//!
//! Every language has its own; here is only what keeps a brace in a string from being taken for a
//! brace. It never fails: what it does not know is a mark.

use crate::tools::project_overview::language::{Grammar, Quirks};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) it: Lexeme<'a>,
    pub(super) at: usize,
    /// Nothing but white space is before it in its line.
    pub(super) is_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lexeme<'a> {
    Word(&'a str),
    Mark(u8),
    /// A string or a character; what is in it is nobody's business.
    Quoted,
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    grammar: Grammar,
    is_first: bool,
    /// Whether a slash here would divide; it begins a pattern otherwise.
    divides: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, grammar: Grammar) -> Self {
        Self { text, at: 0, grammar, is_first: true, divides: false }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn is(&self, quirks: Quirks) -> bool {
        matches!(self.grammar, Grammar::Words(it) | Grammar::Shapes(it) if it == quirks)
    }

    /// To the first of these bytes that no backslash precedes, and past it. Where the quote must
    /// end with its line and does not, it ends there.
    fn skip_quoted(&mut self, end: u8, is_one_line: bool) {
        let mut escaped = false;
        for (n, it) in self.rest().iter().enumerate() {
            match it {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'\n' if is_one_line => {
                    self.at += n;
                    return;
                }
                it if *it == end => {
                    self.at += n + 1;
                    return;
                }
                _ => {}
            }
        }
        self.at = self.text.len();
    }

    fn skip_past(&mut self, end: &str) {
        self.at = memchr::memmem::find(self.rest(), end.as_bytes())
            .map_or(self.text.len(), |it| self.at + it + end.len());
    }

    fn skip_line(&mut self) {
        self.at = memchr::memchr(b'\n', self.rest()).map_or(self.text.len(), |it| self.at + it);
    }

    /// A comment that nests, as in Rust.
    fn skip_nested(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.text.len() {
            match self.rest() {
                [b'/', b'*', ..] => (depth, self.at) = (depth + 1, self.at + 2),
                [b'*', b'/', ..] => (depth, self.at) = (depth - 1, self.at + 2),
                _ => self.at += 1,
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Whether there was a comment, which is now behind.
    fn skip_comment(&mut self) -> bool {
        let has_hash = self.grammar == Grammar::Indented || self.is(Quirks::Php);
        match self.rest() {
            // An attribute of PHP.
            [b'#', b'[', ..] if self.is(Quirks::Php) => return false,
            [b'#', ..] if has_hash => self.skip_line(),
            _ if self.grammar == Grammar::Indented => return false,
            [b'/', b'/', ..] => self.skip_line(),
            [b'/', b'*', ..] if self.is(Quirks::Rust) => self.skip_nested(),
            [b'/', b'*', ..] => self.skip_past("*/"),
            _ => return false,
        }
        true
    }

    /// Whether there was something quoted, which is now behind.
    fn skip_string(&mut self) -> bool {
        let is_indented = self.grammar == Grammar::Indented;
        match self.rest() {
            [b'"', b'"', b'"', ..] if is_indented || self.is(Quirks::Other) => {
                self.at += 3;
                self.skip_past("\"\"\"");
            }
            [b'\'', b'\'', b'\'', ..] if is_indented => {
                self.at += 3;
                self.skip_past("'''");
            }
            [b'"', ..] => {
                self.at += 1;
                self.skip_quoted(b'"', !self.is(Quirks::Rust) && !self.is(Quirks::Php));
            }
            [b'\'', ..] if self.is(Quirks::Rust) => {
                self.at += 1;
                self.skip_character();
            }
            [b'\'', ..] => {
                self.at += 1;
                self.skip_quoted(b'\'', !self.is(Quirks::Php));
            }
            [b'`', ..] if self.is(Quirks::Go) => {
                self.at += 1;
                self.skip_past("`");
            }
            [b'`', ..] if self.is(Quirks::Script) => {
                self.at += 1;
                self.skip_template();
            }
            [b'/', ..] if self.is(Quirks::Script) && !self.divides => {
                self.at += 1;
                self.skip_pattern();
            }
            _ => return false,
        }
        true
    }

    /// A character of Rust, or a lifetime, which has no second quote.
    fn skip_character(&mut self) {
        let rest = &self.text[self.at..];
        let mut chars = rest.chars();
        match (chars.next(), chars.next()) {
            (Some('\\'), _) => self.skip_quoted(b'\'', true),
            (Some(it), Some('\'')) => self.at += it.len_utf8() + 1,
            _ => {}
        }
    }

    /// A template of JavaScript; in its `${}` there is code, with templates of its own.
    fn skip_template(&mut self) {
        let mut braces = Vec::new();
        while let Some(it) = self.rest().first() {
            let step = match (it, braces.last()) {
                (b'\\', _) => 2,
                (b'$', None | Some(b'`')) if self.rest().get(1) == Some(&b'{') => {
                    braces.push(b'{');
                    2
                }
                (b'`', None) => {
                    self.at += 1;
                    return;
                }
                (b'`', Some(b'`')) | (b'}', Some(b'{')) => {
                    braces.pop();
                    1
                }
                (b'`' | b'{', Some(b'{')) => {
                    braces.push(*it);
                    1
                }
                _ => 1,
            };
            self.at = (self.at + step).min(self.text.len());
        }
    }

    /// A regular expression, which ends in its line; a slash in a class does not end it.
    fn skip_pattern(&mut self) {
        let (mut escaped, mut is_in_class) = (false, false);
        for (n, it) in self.rest().iter().enumerate() {
            match it {
                b'\n' => return,
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'[' => is_in_class = true,
                b']' => is_in_class = false,
                b'/' if !is_in_class => {
                    self.at += n + 1;
                    return;
                }
                _ => {}
            }
        }
    }

    /// A string without escapes that begins with these letters, as `r#"` and `R"x(` do.
    fn skip_raw(&mut self, word: &str) -> bool {
        let is_rust = matches!(word, "r" | "br" | "cr") && self.is(Quirks::Rust);
        let is_c = matches!(word, "R" | "u8R" | "LR") && self.is(Quirks::C);
        if !is_rust && !is_c {
            return false;
        }
        // What stands before the quote and before the parenthesis is short.
        let hashes = self.rest().iter().take_while(|it| **it == b'#').count();
        let Some(inner) = self.text[self.at + hashes..].strip_prefix('"') else { return false };
        let end = if is_rust {
            format!("\"{}", "#".repeat(hashes))
        } else {
            let delimiter: String = inner.chars().take(16).take_while(|it| *it != '(').collect();
            format!("){delimiter}\"")
        };
        self.at += hashes + 1;
        self.skip_past(&end);
        true
    }

    fn word(&mut self) -> &'a str {
        let is_part = |it: &u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'$' | 0x80..);
        let length = self.rest().iter().take_while(|it| is_part(it)).count();
        let word = &self.text[self.at..self.at + length];
        self.at += length;
        word
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let first = *self.rest().first()?;
            if first == b'\n' {
                self.is_first = true;
            }
            if first.is_ascii_whitespace() {
                self.at += 1;
                continue;
            }
            if self.skip_comment() {
                continue;
            }
            let (at, is_first) = (self.at, std::mem::take(&mut self.is_first));
            let it = if self.skip_string() {
                self.divides = true;
                Lexeme::Quoted
            } else if first.is_ascii_alphanumeric() || matches!(first, b'_' | b'$' | 0x80..) {
                let word = self.word();
                // After these a value begins.
                self.divides = !matches!(word, "return" | "typeof" | "case" | "in" | "of");
                if self.skip_raw(word) { Lexeme::Quoted } else { Lexeme::Word(word) }
            } else {
                self.at += 1;
                self.divides = matches!(first, b')' | b']' | b'}');
                Lexeme::Mark(first)
            };
            return Some(Token { it, at, is_first });
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(grammar: Grammar, text: &str, expected: Expect) {
        let shown = Lexer::new(text, grammar).map(|it| match it.it {
            Lexeme::Word(word) => word.to_owned(),
            Lexeme::Mark(mark) => char::from(mark).to_string(),
            Lexeme::Quoted => "\"\"".to_owned(),
        });
        expected.assert_eq(&shown.collect::<Vec<_>>().join(" "));
    }

    #[test]
    fn what_is_quoted_is_left_out() {
        check(
            Grammar::Words(Quirks::Rust),
            r###"f("a \" {", '{', '\'', r#"{"#, 'a) /* { /* { */ */ g // {"###,
            expect![[r#"f ( "" , "" , "" , "" , "" a ) g"#]],
        );
        check(
            Grammar::Shapes(Quirks::Script),
            "x = `a ${ b({c: `{`}) } {`; y = /[/{]\\/{/g.test(z) / 2",
            expect![[r#"x = "" ; y = "" g . test ( z ) / 2"#]],
        );
        check(
            Grammar::Indented,
            "x = '''\ndef a\n''' # def b\ny = \"def c",
            expect![[r#"x = "" y = """#]],
        );
        check(Grammar::Shapes(Quirks::C), "R\"x({)\" )x\" a", expect![[r#""" a"#]]);
        check(Grammar::Words(Quirks::Go), "a := `{\n\\` + 'x'", expect![[r#"a : = "" + """#]]);
    }

    #[test]
    fn a_quote_that_is_not_closed_ends_with_its_line() {
        check(
            Grammar::Shapes(Quirks::C),
            "#error don't\nint x;",
            expect![[r#"# error don "" int x ;"#]],
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_to_its_end(text in "[a-z\"'`/*\\\\#\\n{}$(\u{e9}rR]{0,40}") {
            let grammars = [Quirks::Rust, Quirks::Go, Quirks::Script, Quirks::Php, Quirks::C, Quirks::Other];
            let grammars = grammars.into_iter().flat_map(|it| [Grammar::Words(it), Grammar::Shapes(it)]);
            for grammar in grammars.chain([Grammar::Indented]) {
                let mut last = None;
                for token in Lexer::new(&text, grammar) {
                    prop_assert!(last < Some(token.at));
                    last = Some(token.at);
                }
            }
        }
    }
}
