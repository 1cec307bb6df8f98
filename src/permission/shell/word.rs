//! Words: quotes, expansions, and where a word ends.

use crate::permission::shell::grammar::Parser;
use crate::permission::shell::{Form, Unclear, Word};

/// What ends a word.
pub(super) const META: &[char] = &[' ', '\t', '\n', ';', '&', '|', '<', '>', '(', ')'];

/// A word as far as it has been read.
#[derive(Default)]
struct Draft {
    text: String,
    unknown: bool,
    glob: bool,
    opened_bracket: bool,
}

pub(super) struct Lexed {
    pub(super) word: Word,
    /// As it stands in the command, quotes and all.
    pub(super) source: String,
}

impl Parser<'_> {
    /// The word that begins here; `None` where none does, as at a comment.
    pub(super) fn word(&mut self) -> Result<Option<Lexed>, Unclear> {
        if self.peek() == Some('#') {
            // A comment, at the start of a word and nowhere else.
            return Ok(None);
        }
        let start = self.at;
        let mut draft = Draft::default();
        while let Some(c) = self.peek() {
            match c {
                '<' | '>' if self.rest().starts_with(&format!("{c}(")) => {
                    self.skip(2);
                    self.nested()?;
                    draft.unknown = true;
                }
                _ if META.contains(&c) => break,
                '\\' => {
                    self.skip(1);
                    match self.next() {
                        Some('\n') | None => return Err(Unclear("goes on after a line break")),
                        Some(c) => draft.text.push(c),
                    }
                }
                '\'' => {
                    self.skip(1);
                    let Some(end) = self.rest().find('\'') else {
                        return Err(Unclear("has a quote that does not end"));
                    };
                    let text = self.rest()[..end].to_owned();
                    self.stays_in_line(&text)?;
                    self.skip(end + 1);
                    draft.text += &text;
                }
                '"' => {
                    self.skip(1);
                    self.double_quoted(&mut draft)?;
                }
                '$' => self.dollar(&mut draft, false)?,
                '`' => self.backtick(&mut draft)?,
                '~' if draft.text.is_empty() || draft.text.ends_with(['=', ':']) => {
                    self.skip(1);
                    draft.unknown = true;
                    draft.text.push('~');
                }
                // `{}` alone is what `find -exec` and `xargs` replace.
                '{' if self.at == start && self.rest().starts_with("{}") => {
                    self.skip(2);
                    draft.text += "{}";
                    if self.peek().is_some_and(|it| !META.contains(&it)) {
                        return Err(Unclear("uses braces in a word"));
                    }
                }
                '{' if self.at == start && self.is_last_of_word() => {
                    self.skip(1);
                    draft.text.push('{');
                }
                '{' => return Err(Unclear("uses braces in a word")),
                _ => {
                    self.skip(c.len_utf8());
                    match c {
                        '*' | '?' => draft.glob = true,
                        '[' => draft.opened_bracket = true,
                        ']' => draft.glob |= draft.opened_bracket,
                        _ => {}
                    }
                    draft.text.push(c);
                }
            }
        }
        if self.at == start {
            return Ok(None);
        }
        let source = self.text[start..self.at].to_owned();
        let form = match (draft.unknown, draft.glob) {
            (true, _) => Form::Unknown,
            (false, true) => Form::Glob,
            (false, false) => Form::Literal,
        };
        let text = if form == Form::Unknown { source.clone() } else { draft.text };
        Ok(Some(Lexed { word: Word { text, form }, source }))
    }

    fn is_last_of_word(&self) -> bool {
        self.rest().chars().nth(1).is_none_or(|it| META.contains(&it))
    }

    fn double_quoted(&mut self, draft: &mut Draft) -> Result<(), Unclear> {
        loop {
            match self.peek() {
                None => return Err(Unclear("has a quote that does not end")),
                Some('"') => {
                    self.skip(1);
                    return Ok(());
                }
                Some('\\') => {
                    self.skip(1);
                    match self.next() {
                        Some('\n') | None => return Err(Unclear("goes on after a line break")),
                        Some(c @ ('$' | '"' | '`' | '\\')) => draft.text.push(c),
                        Some(c) => draft.text.extend(['\\', c]),
                    }
                }
                Some('$') => self.dollar(draft, true)?,
                Some('`') => self.backtick(draft)?,
                Some(c) => {
                    if c == '\n' {
                        self.stays_in_line("\n")?;
                    }
                    self.skip(c.len_utf8());
                    draft.text.push(c);
                }
            }
        }
    }

    /// What begins with `$`.
    fn dollar(&mut self, draft: &mut Draft, in_quotes: bool) -> Result<(), Unclear> {
        self.skip(1);
        let rest = self.rest();
        let name_end = |it: &str| {
            it.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(it.len())
        };
        match rest.chars().next() {
            Some('(') if rest.starts_with("((") => return Err(Unclear("computes a number")),
            Some('(') => {
                self.skip(1);
                self.nested()?;
            }
            Some('{') => {
                let name = &rest[1..1 + name_end(&rest[1..])];
                let whole = rest[1 + name.len()..].starts_with('}');
                if !whole || name.is_empty() || name == "IFS" {
                    return Err(Unclear("expands a variable in an unusual way"));
                }
                self.skip(name.len() + 2);
            }
            Some('[') => return Err(Unclear("computes a number")),
            Some('\'' | '"') if !in_quotes => {
                return Err(Unclear("quotes in an unusual way"));
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = &rest[..name_end(rest)];
                if name == "IFS" {
                    return Err(Unclear("expands a variable in an unusual way"));
                }
                self.skip(name.len());
            }
            Some(c) if c.is_ascii_digit() || "?#$@*!-".contains(c) => self.skip(1),
            // In some locales a letter of ours is a letter of a name.
            Some(c) if !c.is_ascii() => {}
            _ => {
                draft.text.push('$');
                return Ok(());
            }
        }
        draft.unknown = true;
        Ok(())
    }

    /// An old way to write `$(…)`.
    fn backtick(&mut self, draft: &mut Draft) -> Result<(), Unclear> {
        self.skip(1);
        let Some(end) = self.rest().find('`') else {
            return Err(Unclear("has a quote that does not end"));
        };
        let inner = &self.rest()[..end];
        // Quotes mean something else in here, and so does a backslash.
        if inner.contains(['\\', '"', '\'']) {
            return Err(Unclear("has quotes in backticks"));
        }
        self.stays_in_line(inner)?;
        let inner = inner.to_owned();
        self.skip(end + 1);
        draft.unknown = true;
        self.apart(&inner)
    }

    /// The body of a here-document, in which variables and commands are replaced.
    pub(super) fn body(&mut self, text: &str) -> Result<(), Unclear> {
        let mut inner = self.inside(text)?;
        let mut draft = Draft::default();
        while let Some(c) = inner.peek() {
            match c {
                '\\' => {
                    inner.skip(1);
                    if inner.next() == Some('\n') {
                        return Err(Unclear("goes on after a line break"));
                    }
                }
                '$' => inner.dollar(&mut draft, true)?,
                '`' => inner.backtick(&mut draft)?,
                c => inner.skip(c.len_utf8()),
            }
        }
        let commands = inner.commands;
        self.commands.extend(commands);
        self.is_not_too_much()
    }
}
