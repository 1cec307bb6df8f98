//! Commands: lists, pipes, compounds, redirections.
//!
//! The structure itself is of no interest, only what stands where a command may begin. So a keyword
//! is passed over, and what follows it is again the place of a command.

use crate::permission::shell::word::{Lexed, META};
use crate::permission::shell::{Assignment, Redirect, Simple, Unclear, Word};

/// No command that a person could judge is longer, in bytes.
const LONGEST: usize = 32 * 1024;

/// Or has more parts.
const MOST: usize = 200;

/// Or goes deeper.
const DEEPEST: usize = 16;

/// What is followed by a command.
const OPENING: &[&str] = &["if", "then", "elif", "else", "while", "until", "do", "{", "!"];

/// What ends a compound; redirections may follow.
const CLOSING: &[&str] = &["fi", "done", "}"];

/// What opens something else.
const STRANGE: &[&str] = &["case", "esac", "select", "function", "coproc", "[[", "]]", "in"];

/// Every simple command that `text` may run.
pub(in crate::permission) fn parse(text: &str) -> Result<Vec<Simple>, Unclear> {
    if LONGEST < text.len() {
        return Err(Unclear("is very long"));
    }
    if text.chars().any(is_treacherous) {
        return Err(Unclear("holds characters that cannot be seen"));
    }
    let mut parser = Parser { text, at: 0, depth: 0, commands: Vec::new(), awaited: Vec::new() };
    parser.list(false)?;
    Ok(parser.commands)
}

/// What looks like nothing or like a blank, and is neither to a shell, or only to some.
fn is_treacherous(c: char) -> bool {
    match c {
        ' ' | '\t' | '\n' => false,
        _ if c.is_control() || c.is_whitespace() => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{115f}' | '\u{1160}' | '\u{3164}' => {
            true
        }
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    depth: usize,
    pub(super) commands: Vec<Simple>,
    /// Here-documents whose body begins after this line.
    awaited: Vec<Awaited>,
}

struct Awaited {
    end: String,
    /// Variables and commands in it are replaced.
    replaced: bool,
    /// Tabs in front of its lines do not count.
    indented: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.skip(c.len_utf8());
        Some(c)
    }

    /// Fails if a line break in `text` could be where a here-document begins.
    pub(super) fn stays_in_line(&self, text: &str) -> Result<(), Unclear> {
        if !self.awaited.is_empty() && text.contains('\n') {
            return Err(Unclear("has a line break before a here-document"));
        }
        Ok(())
    }

    /// Commands up to the `)` that ends a substitution or a subshell, which has been opened.
    pub(super) fn nested(&mut self) -> Result<(), Unclear> {
        if !self.awaited.is_empty() {
            return Err(Unclear("has a command before a here-document"));
        }
        self.deeper()?;
        self.list(true)?;
        self.depth -= 1;
        Ok(())
    }

    /// Commands of a text that is cut out of this one.
    pub(super) fn apart(&mut self, text: &str) -> Result<(), Unclear> {
        let mut inner = self.inside(text)?;
        inner.list(false)?;
        let commands = inner.commands;
        self.commands.extend(commands);
        self.is_not_too_much()
    }

    pub(super) fn inside<'b>(&self, text: &'b str) -> Result<Parser<'b>, Unclear> {
        if DEEPEST <= self.depth {
            return Err(Unclear("is deeply nested"));
        }
        let depth = self.depth + 1;
        Ok(Parser { text, at: 0, depth, commands: Vec::new(), awaited: Vec::new() })
    }

    fn deeper(&mut self) -> Result<(), Unclear> {
        self.depth += 1;
        if DEEPEST < self.depth { Err(Unclear("is deeply nested")) } else { Ok(()) }
    }

    pub(super) fn is_not_too_much(&self) -> Result<(), Unclear> {
        if MOST < self.commands.len() { Err(Unclear("has very many parts")) } else { Ok(()) }
    }

    /// Commands with what separates them, up to the end, or in parentheses up to the closing one.
    fn list(&mut self, in_parentheses: bool) -> Result<(), Unclear> {
        loop {
            self.blanks();
            match self.peek() {
                None if in_parentheses => return Err(Unclear("has a parenthesis that stays open")),
                None if self.awaited.is_empty() => return Ok(()),
                None => return Err(Unclear("has a here-document without a body")),
                Some('\n') => {
                    self.skip(1);
                    self.here_documents()?;
                }
                Some('#') if in_parentheses => return Err(Unclear("has a comment in parentheses")),
                Some('#') => {
                    let end = self.rest().find('\n').unwrap_or(self.rest().len());
                    self.skip(end);
                }
                Some(')') if in_parentheses && self.awaited.is_empty() => {
                    self.skip(1);
                    return Ok(());
                }
                Some(')') => return Err(Unclear("closes a parenthesis that is not open")),
                Some('(') => {
                    self.skip(1);
                    if self.peek() == Some('(') {
                        return Err(Unclear("computes a number"));
                    }
                    self.nested()?;
                    self.after_compound()?;
                }
                Some(';' | '|') => self.skip(1),
                Some('&') if !self.rest().starts_with("&>") => self.skip(1),
                Some(_) => self.command()?,
            }
        }
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.skip(rest.len() - rest.trim_start_matches([' ', '\t']).len());
    }

    /// What stands where a command may begin: keywords, or a simple command.
    fn command(&mut self) -> Result<(), Unclear> {
        let rest = self.rest();
        let keyword = &rest[..rest.find(META).unwrap_or(rest.len())];
        match keyword {
            it if OPENING.contains(&it) => {
                self.skip(it.len());
                return Ok(());
            }
            it if CLOSING.contains(&it) => {
                self.skip(it.len());
                return self.after_compound();
            }
            it if STRANGE.contains(&it) => return Err(Unclear("uses an unusual construct")),
            "time" => {
                self.skip(4);
                return self.time_head();
            }
            "for" => {
                self.skip(3);
                return self.for_head();
            }
            _ => {}
        }
        self.simple()
    }

    /// The keyword, not the program: it may have one option, and a command follows.
    fn time_head(&mut self) -> Result<(), Unclear> {
        self.blanks();
        let rest = self.rest();
        match &rest[..rest.find(META).unwrap_or(rest.len())] {
            "-p" => self.skip(2),
            it if it.starts_with(['-', '\\', '\'', '"']) => {
                return Err(Unclear("uses an unusual construct"));
            }
            _ => {}
        }
        Ok(())
    }

    /// `for NAME in WORDS`, up to what separates it from `do`.
    fn for_head(&mut self) -> Result<(), Unclear> {
        self.blanks();
        let name = self.word()?.and_then(|it| it.word.literal().map(str::to_owned));
        // Another variable could be one that tells programs what to do.
        if !name.is_some_and(|it| it.chars().all(|it| it.is_ascii_lowercase())) {
            return Err(Unclear("sets a variable"));
        }
        self.blanks();
        if self.word()?.is_none_or(|it| it.source != "in") {
            return Err(Unclear("uses an unusual construct"));
        }
        loop {
            self.blanks();
            if self.word()?.is_none() {
                break;
            }
        }
        match self.peek() {
            Some(';' | '\n') => Ok(()),
            _ => Err(Unclear("uses an unusual construct")),
        }
    }

    /// Behind a compound come redirections and then the end of the command.
    fn after_compound(&mut self) -> Result<(), Unclear> {
        let mut command = Simple::default();
        loop {
            self.blanks();
            if self.redirect(&mut command)? {
                continue;
            }
            match self.peek() {
                None | Some('\n' | ';' | '|' | '&' | ')' | '#') => break,
                Some(_) => return Err(Unclear("uses an unusual construct")),
            }
        }
        if !command.redirects.is_empty() {
            self.commands.push(command);
        }
        self.is_not_too_much()
    }

    fn simple(&mut self) -> Result<(), Unclear> {
        let mut command = Simple::default();
        loop {
            self.blanks();
            if self.redirect(&mut command)? {
                continue;
            }
            let Some(lexed) = self.word()? else { break };
            match assignment(&lexed).filter(|_| command.words.is_empty()) {
                Some(assignment) => command.assignments.push(assignment),
                None => command.words.push(lexed.word),
            }
        }
        if self.peek() == Some('(') {
            return Err(Unclear("defines a function or an array"));
        }
        self.commands.push(command);
        self.is_not_too_much()
    }

    /// Reads one redirection, if one stands here.
    fn redirect(&mut self, command: &mut Simple) -> Result<bool, Unclear> {
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let operators =
            ["&>>", "&>", "<<<", "<<-", "<<", "<>", "<&", "<(", "<", ">>", ">|", ">&", ">(", ">"];
        let found = operators.iter().find(|it| rest[digits..].starts_with(**it));
        let Some(&operator) = found.filter(|it| digits == 0 || !it.starts_with('&')) else {
            return Ok(false);
        };
        if operator.ends_with('(') {
            // The word of a process substitution.
            return Ok(false);
        }
        if 3 < digits {
            return Err(Unclear("redirects in an unusual way"));
        }
        self.skip(digits + operator.len());
        self.blanks();
        let Some(Lexed { word, source, .. }) = self.word()? else {
            return Err(Unclear("has a redirection without a target"));
        };
        let is_descriptor = source == "-" || source.chars().all(|it| it.is_ascii_digit());
        match operator {
            "<<" | "<<-" => self.await_document(&source, operator == "<<-")?,
            "<<<" => {}
            "<&" | ">&" if is_descriptor => {}
            "<&" | "<>" => return Err(Unclear("redirects in an unusual way")),
            "<" => command.redirects.push(Redirect::From(word)),
            _ => command.redirects.push(Redirect::To(word)),
        }
        Ok(true)
    }

    fn await_document(&mut self, word: &str, indented: bool) -> Result<(), Unclear> {
        let plain = |it: &str| {
            !it.is_empty() && it.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
        };
        let quotes = [('\'', '\''), ('"', '"')];
        let quoted = quotes.iter().find_map(|(open, close)| {
            word.strip_prefix(*open)?.strip_suffix(*close).filter(|it| plain(it))
        });
        let (end, replaced) = match quoted {
            Some(end) => (end, false),
            None if plain(word) => (word, true),
            None => return Err(Unclear("ends a here-document in an unusual way")),
        };
        self.awaited.push(Awaited { end: end.to_owned(), replaced, indented });
        Ok(())
    }

    /// Reads the bodies that begin here, at the start of a line.
    fn here_documents(&mut self) -> Result<(), Unclear> {
        for Awaited { end, replaced, indented } in std::mem::take(&mut self.awaited) {
            let start = self.at;
            let mut body_end = None;
            while body_end.is_none() && !self.rest().is_empty() {
                let line = self.rest().split('\n').next().unwrap_or_default();
                let plain = if indented { line.trim_start_matches('\t') } else { line };
                if plain == end {
                    body_end = Some(self.at);
                }
                let with_break = (line.len() + 1).min(self.rest().len());
                self.skip(with_break);
            }
            let Some(body_end) = body_end else {
                return Err(Unclear("has a here-document that does not end"));
            };
            if replaced {
                self.body(&self.text[start..body_end])?;
            }
        }
        Ok(())
    }
}

/// `NAME=value`, where the name is not quoted.
fn assignment(lexed: &Lexed) -> Option<Assignment> {
    let (name, _) = lexed.source.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let mut chars = name.chars();
    let first = chars.next()?;
    let is_name = (first.is_ascii_alphabetic() || first == '_')
        && chars.all(|it| it.is_ascii_alphanumeric() || it == '_');
    let (_, text) = lexed.word.text.split_once('=').filter(|_| is_name)?;
    Some(Assignment {
        name: name.to_owned(),
        value: Word { text: text.to_owned(), form: lexed.word.form },
    })
}
