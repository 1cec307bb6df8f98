//! What a source file defines and which names it uses: read word by word, not parsed.
//!
//! A grammar of its own for each language would be more exact and weigh more than this whole
//! program; for a map it is enough to know what stands in the body of what.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::tools::project_overview::language::{
    Grammar, Introduces, Language, Quirks, introduces, is_control,
};
use crate::tools::project_overview::lexer::{Lexeme, Lexer, Token};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    pub(super) name: String,
    /// From 1 on.
    pub(super) line: usize,
    /// The line itself, without what opens the body.
    pub(super) signature: String,
}

/// A name, by a hash that is the same in every run. Two names that share one would only blur the
/// ranking a little.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Name(u64);

impl Name {
    pub(super) fn of(name: &str) -> Self {
        Self(BuildHasherDefault::<DefaultHasher>::default().hash_one(name))
    }
}

#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) definitions: Vec<Definition>,
    /// How much each name is used, by name.
    pub(super) uses: Vec<(Name, u32)>,
    pub(super) lines: usize,
    /// It is made to be run: it has a `main`, or asks whether it is run.
    pub(super) is_program: bool,
}

/// Names shorter than this say nothing.
const SHORT: usize = 3;

/// What one use of a name counts, and one behind a dot.
pub(super) const DIRECT: u32 = 5;
const OF_VALUE: u32 = 1;

/// The most characters of a signature.
const SIGNATURE: usize = 120;

/// A file with a longer line was not written by hand.
const LONG: usize = 5000;

/// The most tokens between the beginning of a definition and its body that are looked at.
const HEAD: usize = 200;

impl Source {
    pub(super) fn read(text: &str, language: Language) -> Self {
        let lines = text.lines().count();
        if text.lines().any(|it| LONG < it.len()) {
            return Self { lines, ..Self::default() };
        }
        let mut reader = Reader {
            text,
            found: Self::default(),
            last: (0, 0),
            names: HashMap::new(),
            has_words: !matches!(language.grammar, Grammar::Shapes(Quirks::C | Quirks::Other)),
        };
        match language.grammar {
            Grammar::Words(quirks) => reader.braces(quirks, false),
            Grammar::Shapes(quirks) => reader.braces(quirks, true),
            Grammar::Indented => reader.indented(language.grammar),
            Grammar::Unread => {}
        }
        let mut found = reader.found;
        found.uses = reader.names.iter().map(|(name, n)| (Name::of(name), *n)).collect();
        found.uses.sort_unstable();
        found.lines = lines;
        found
    }
}

struct Reader<'a> {
    text: &'a str,
    found: Source,
    /// The last place whose line was asked for, and the line; places mostly grow.
    last: (usize, usize),
    names: HashMap<&'a str, u32>,
    /// Whether a word introduces values, not only types.
    has_words: bool,
}

/// What a pair of braces holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Body {
    Definitions,
    /// Of a typedef: the name follows.
    Named,
    Statements,
}

/// A line of the preprocessor that is being read.
#[derive(Clone, Copy, Debug)]
struct Directive {
    /// Where its last token is.
    last: usize,
    /// Whether the next word is defined by it; `None` before its own name.
    defines: Option<bool>,
}

impl<'a> Reader<'a> {
    /// Takes note of a name that may be one of the project's own. A word of small letters is most
    /// often a variable; it counts where it is called. What is called on a value may be anybody's.
    fn count(&mut self, word: &'a str, at: usize) {
        if word.len() < SHORT || word.as_bytes()[0].is_ascii_digit() {
            return;
        }
        let is_of_value = self.text[..at].ends_with('.');
        let is_called = self.text[at + word.len()..].starts_with(['(', '!']);
        let is_chosen = word.bytes().any(|it| it == b'_' || it.is_ascii_uppercase());
        let weight = match (is_chosen, is_of_value) {
            (true, false) => DIRECT,
            (true, true) => OF_VALUE,
            (false, false) if is_called => DIRECT,
            (false, _) => return,
        };
        *self.names.entry(word).or_default() += weight;
    }

    fn define(&mut self, name: &str, at: usize) {
        if matches!(name, "constructor" | "self") {
            return;
        }
        let (from, line) = if self.last.0 <= at { self.last } else { (0, 0) };
        let line = line + self.text[from..at].bytes().filter(|it| *it == b'\n').count();
        self.last = (at, line);
        let start = self.text[..at].rfind('\n').map_or(0, |it| it + 1);
        let signature = self.text[start..].lines().next().unwrap_or_default().trim();
        let signature = signature.trim_end_matches(['{', ' ', ';']);
        let signature: String = signature.chars().take(SIGNATURE).collect();
        let definition = Definition { name: name.to_owned(), line: line + 1, signature };
        // A word and a shape may tell of the same.
        if self.found.definitions.last() != Some(&definition) {
            self.found.definitions.push(definition);
        }
    }

    fn braces(&mut self, quirks: Quirks, has_shapes: bool) {
        let mut bodies: Vec<Body> = Vec::new();
        // The braces around each parenthesis that is open. What is in a parenthesis is no definition.
        let mut parens: Vec<usize> = Vec::new();
        let mut head: Vec<Token<'a>> = Vec::new();
        let mut directive = None;
        let grammar = if has_shapes { Grammar::Shapes(quirks) } else { Grammar::Words(quirks) };
        for token in Lexer::new(self.text, grammar) {
            if let Lexeme::Word(word) = token.it {
                self.count(word, token.at);
            }
            if quirks == Quirks::C && self.is_directive(token, &mut directive) {
                continue;
            }
            let is_open = bodies.last() != Some(&Body::Statements) && parens.is_empty();
            // Where a statement may end with its line.
            if token.is_first && is_open && ends_statement(&head, quirks) {
                head.clear();
            }
            match token.it {
                Lexeme::Mark(b'(' | b'[') => {
                    parens.push(bodies.len());
                    if is_open && head.len() < HEAD {
                        head.push(token);
                    }
                }
                Lexeme::Mark(b')' | b']')
                    if parens.last().is_some_and(|it| *it == bodies.len()) =>
                {
                    parens.pop();
                }
                Lexeme::Mark(b'{') => {
                    let body = if is_open {
                        self.body(&head, quirks, has_shapes)
                    } else {
                        Body::Statements
                    };
                    bodies.push(body);
                    head.clear();
                }
                Lexeme::Mark(b'}') => {
                    let closed = bodies.pop();
                    // A parenthesis that was left open in the braces is over with them.
                    while parens.last().is_some_and(|it| bodies.len() < *it) {
                        parens.pop();
                    }
                    head.clear();
                    if closed == Some(Body::Named) {
                        head.push(Token { it: Lexeme::Word("typedef"), ..token });
                    }
                }
                Lexeme::Mark(b';') if is_open => {
                    self.typedef(&head);
                    head.clear();
                }
                _ if is_open && head.len() < HEAD => {
                    head.push(token);
                    self.introduced(&head, quirks, bodies.is_empty());
                }
                _ => {}
            }
        }
    }

    /// Whether the token is part of a line of the preprocessor, which may go on in the next.
    fn is_directive(&mut self, token: Token<'a>, directive: &mut Option<Directive>) -> bool {
        if token.is_first && token.it == Lexeme::Mark(b'#') {
            *directive = Some(Directive { last: token.at, defines: None });
            return true;
        }
        let Some(Directive { last, defines }) = *directive else { return false };
        let passed = &self.text[last..token.at];
        if passed.contains('\n') && !passed.contains("\\\n") {
            *directive = None;
            return false;
        }
        if let (Some(true), Lexeme::Word(name)) = (defines, token.it) {
            self.define(name, token.at);
        }
        let defines = defines.is_none() && token.it == Lexeme::Word("define");
        *directive = Some(Directive { last: token.at, defines: Some(defines) });
        true
    }

    /// Takes note if the last of the head is a name that the word before it introduces.
    fn introduced(&mut self, head: &[Token<'a>], quirks: Quirks, is_top: bool) {
        let [
            ..,
            Token { it: Lexeme::Word(word), at: from, .. },
            Token { it: Lexeme::Word(name), at, is_first: false },
        ] = head
        else {
            // The name of a macro stands behind a mark, that of a method of Go behind its receiver.
            match head {
                [
                    ..,
                    Token { it: Lexeme::Word("macro_rules"), .. },
                    Token { it: Lexeme::Mark(b'!'), .. },
                    Token { it: Lexeme::Word(name), at, .. },
                ]
                | [
                    Token { it: Lexeme::Word("func"), .. },
                    Token { it: Lexeme::Mark(b'('), .. },
                    Token { it: Lexeme::Word(name), at, .. },
                ]
                | [
                    ..,
                    Token { it: Lexeme::Word("function"), .. },
                    Token { it: Lexeme::Mark(b'*' | b'&'), .. },
                    Token { it: Lexeme::Word(name), at, .. },
                ] => {
                    self.define(name, *at);
                }
                _ => {}
            }
            return;
        };
        let before = head.len().checked_sub(3).map(|it| head[it].it);
        // A parameter, a pointer, a lifetime.
        let is_part_of_type = match before {
            Some(Lexeme::Mark(it)) => b".<,:=-*&".contains(&it),
            Some(Lexeme::Quoted) => self.text[..*from].ends_with('\''),
            _ => false,
        };
        let first = head.first().map(|it| it.it);
        let imports = matches!(first, Some(Lexeme::Word("import" | "use" | "using")));
        if is_part_of_type || imports {
            return;
        }
        let is_definition = match introduces(word) {
            // In these languages the body tells.
            _ if quirks == Quirks::C => false,
            // What a trait leaves open bears the same name everywhere.
            Some(Introduces::Value) if quirks == Quirks::Rust && *word == "type" => is_top,
            // Files and directories tell of these.
            Some(Introduces::Scope) if matches!(*word, "mod" | "namespace") => false,
            Some(Introduces::Scope) => {
                !matches!(*word, "impl" | "extern") && introduces(name).is_none()
            }
            Some(Introduces::Callable) => true,
            Some(Introduces::Value) => self.has_words && !is_declaring(name),
            None => false,
        };
        if is_definition {
            if *name == "main" {
                self.found.is_program = true;
            }
            self.define(name, *at);
        }
    }

    /// What the braces hold that follow this head; where they are the body of a function that only
    /// its shape gives away, or of a structure, takes note of it.
    fn body(&mut self, head: &[Token<'a>], quirks: Quirks, has_shapes: bool) -> Body {
        let words = || {
            head.iter().filter_map(|it| match it.it {
                Lexeme::Word(word) => Some(word),
                _ => None,
            })
        };
        let kinds = || words().filter_map(introduces);
        let assigns = head.iter().any(|it| it.it == Lexeme::Mark(b'='));
        let is_annotation =
            |it: usize| it.checked_sub(2).is_some_and(|it| head[it].it == Lexeme::Mark(b'@'));
        let paren =
            (0..head.len()).find(|it| head[*it].it == Lexeme::Mark(b'(') && !is_annotation(*it));
        let is_callable = !has_shapes || quirks == Quirks::Script;
        if is_callable && kinds().any(|it| it == Introduces::Callable) {
            return Body::Statements;
        }
        if quirks == Quirks::C {
            return self.body_of_c(head, assigns, paren);
        }
        // Nobody looks on a map for the tests of a module, nor for what every type implements.
        if quirks == Quirks::Rust {
            let words: Vec<_> = words().collect();
            let is_of_trait = words.contains(&"impl") && words.contains(&"for");
            if is_of_trait || words.ends_with(&["mod", "tests"]) {
                return Body::Statements;
            }
        }
        if kinds().any(|it| it == Introduces::Scope) {
            return Body::Definitions;
        }
        if let (true, false, Some(Lexeme::Word(name))) =
            (has_shapes, assigns, paren.and_then(|it| head.get(it.checked_sub(1)?)).map(|it| it.it))
        {
            let at = head[paren.unwrap_or_default() - 1].at;
            if !is_control(name) && 1 < words().count() + usize::from(quirks == Quirks::Script) {
                self.found.is_program |= matches!(name, "main" | "Main");
                self.define(name, at);
            }
        }
        // The groups of Go, the companions of Kotlin.
        let is_group = matches!(words().next_back(), Some("type" | "companion")) && paren.is_none();
        if is_group { Body::Definitions } else { Body::Statements }
    }

    fn body_of_c(&mut self, head: &[Token<'a>], assigns: bool, paren: Option<usize>) -> Body {
        let word_at = |it: usize| match head.get(it)?.it {
            Lexeme::Word(word) => Some(word),
            _ => None,
        };
        let scope = (0..head.len()).rev().find(|it| {
            word_at(*it).and_then(introduces) == Some(Introduces::Scope)
                && it.checked_sub(1).is_none_or(|it| head[it].it != Lexeme::Mark(b'<'))
        });
        let begins_typedef = word_at(0) == Some("typedef");
        match (scope, paren) {
            (Some(scope), None) if !assigns => {
                let names = (scope + 1..head.len()).take_while(|it| word_at(*it).is_some());
                let name = names.filter(|it| word_at(*it) != Some("final")).last();
                if let Some(at) = name
                    && !matches!(word_at(scope), Some("extern" | "namespace"))
                {
                    self.define(word_at(at).unwrap_or_default(), head[at].at);
                }
                if begins_typedef { Body::Named } else { Body::Definitions }
            }
            (_, Some(paren)) if !assigns && 1 < paren => {
                if let Some(name) = word_at(paren - 1).filter(|it| !is_control(it)) {
                    self.found.is_program |= name == "main";
                    self.define(name, head[paren - 1].at);
                }
                Body::Statements
            }
            _ => Body::Statements,
        }
    }

    /// `typedef … name;`
    fn typedef(&mut self, head: &[Token<'a>]) {
        if let [
            Token { it: Lexeme::Word("typedef"), .. },
            ..,
            Token { it: Lexeme::Word(name), at, .. },
        ] = head
        {
            self.define(name, *at);
        }
    }

    fn indented(&mut self, grammar: Grammar) {
        // How far in the definitions around this line are, and whether a name in them can be seen
        // from outside.
        let mut around: Vec<(usize, Body)> = Vec::new();
        let mut before: Option<Token<'a>> = None;
        for token in Lexer::new(self.text, grammar) {
            let Lexeme::Word(word) = token.it else {
                before = Some(token);
                continue;
            };
            self.count(word, token.at);
            self.found.is_program |= word == "__name__"
                && matches!(before, Some(Token { it: Lexeme::Word("if"), is_first: true, .. }));
            if let Some(Token { it: Lexeme::Word(kind), at, is_first }) = before
                && matches!(kind, "def" | "class" | "module")
                && (is_first || self.text[..at].trim_end().ends_with("async"))
            {
                let start = self.text[..at].rfind('\n').map_or(0, |it| it + 1);
                let line = &self.text[start..];
                let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
                around.retain(|(it, _)| *it < indent);
                if around.iter().all(|(_, body)| *body == Body::Definitions) {
                    // A method of a class itself, in Ruby.
                    let own = self.text[token.at..].strip_prefix("self.").unwrap_or_default();
                    let own = own.split(|it: char| !it.is_alphanumeric() && it != '_').next();
                    let name = own.filter(|it| !it.is_empty()).unwrap_or(word);
                    self.define(name, token.at);
                }
                let body = if kind == "def" { Body::Statements } else { Body::Definitions };
                around.push((indent, body));
            }
            before = Some(token);
        }
    }
}

/// Whether what is begun is a whole statement when the next word stands in the next line.
fn ends_statement(head: &[Token<'_>], quirks: Quirks) -> bool {
    const WHOLE: &[&str] = &["const", "import", "let", "package", "type", "val", "var"];
    let goes_on = head.last().is_some_and(|it| {
        matches!(it.it, Lexeme::Mark(b'=' | b'>' | b',' | b'|' | b'&' | b'+' | b'?' | b':'))
    });
    let first = head.first().map(|it| it.it);
    match quirks {
        Quirks::Go => true,
        Quirks::Script | Quirks::Other => {
            let is_whole = matches!(first, Some(Lexeme::Word(word)) if WHOLE.contains(&word));
            !goes_on && (is_whole || head.iter().any(|it| it.it == Lexeme::Mark(b'=')))
        }
        Quirks::Rust | Quirks::Php | Quirks::C => false,
    }
}

/// Words that may follow `const` and `static` and do not name what is declared.
fn is_declaring(name: &str) -> bool {
    introduces(name).is_some() || matches!(name, "mut" | "unsafe" | "async" | "void" | "final")
}

#[cfg(test)]
mod tests;
