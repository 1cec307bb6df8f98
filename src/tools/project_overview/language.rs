//! Languages: which files are theirs, and what a reader of their text has to know.

use std::path::Path;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Language {
    pub(super) name: &'static str,
    pub(super) grammar: Grammar,
}

/// How definitions are told from the rest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Grammar {
    /// A word introduces them, what is in their braces belongs to them.
    Words(Quirks),
    /// So for types; what has parentheses and then braces is a function.
    Shapes(Quirks),
    /// A word at the beginning of a line, what is further in belongs to them.
    Indented,
    /// Data, text, or a language that is only counted.
    Unread,
}

/// In what the lexer must know one language of braces from another.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Quirks {
    Rust,
    Go,
    Script,
    Php,
    C,
    Other,
}

use Grammar::{Indented, Shapes, Unread, Words};

/// Endings without their dot.
const LANGUAGES: &[(&str, Grammar, &[&str])] = &[
    ("C", Shapes(Quirks::C), &["c", "h"]),
    ("C#", Shapes(Quirks::Other), &["cs"]),
    ("C++", Shapes(Quirks::C), &["cpp", "cc", "cxx", "hpp", "hh", "hxx", "ipp"]),
    ("Go", Words(Quirks::Go), &["go"]),
    ("Java", Shapes(Quirks::Other), &["java"]),
    ("JavaScript", Shapes(Quirks::Script), &["js", "jsx", "mjs", "cjs"]),
    ("Kotlin", Words(Quirks::Other), &["kt", "kts"]),
    ("PHP", Words(Quirks::Php), &["php"]),
    ("Python", Indented, &["py", "pyi"]),
    ("Ruby", Indented, &["rb"]),
    ("Rust", Words(Quirks::Rust), &["rs"]),
    ("Scala", Words(Quirks::Other), &["scala"]),
    ("Swift", Words(Quirks::Other), &["swift"]),
    ("TypeScript", Shapes(Quirks::Script), &["ts", "tsx", "mts", "cts"]),
    ("CSS", Unread, &["css", "scss", "less"]),
    ("HTML", Unread, &["html", "htm"]),
    ("JSON", Unread, &["json"]),
    ("Lua", Unread, &["lua"]),
    ("Markdown", Unread, &["md"]),
    ("SQL", Unread, &["sql"]),
    ("Shell", Unread, &["sh", "bash", "zsh"]),
    ("TOML", Unread, &["toml"]),
    ("Vue", Unread, &["vue"]),
    ("XML", Unread, &["xml"]),
    ("YAML", Unread, &["yaml", "yml"]),
    ("Zig", Unread, &["zig"]),
];

impl Language {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        let (name, grammar, _) = LANGUAGES.iter().find(|it| it.2.contains(&ending))?;
        Some(Self { name, grammar: *grammar })
    }

    pub(super) fn is_read(self) -> bool {
        self.grammar != Unread
    }
}

/// Words that introduce what has a body of statements.
const CALLABLE: &[&str] = &["fn", "func", "fun", "function", "def", "macro_rules"];

/// Words that introduce what has a body of definitions.
const SCOPE: &[&str] = &[
    "class",
    "enum",
    "extension",
    "extern",
    "impl",
    "interface",
    "mod",
    "module",
    "namespace",
    "object",
    "protocol",
    "record",
    "struct",
    "trait",
    "union",
];

/// Words that introduce what has none.
const VALUE: &[&str] = &["const", "static", "type", "typealias", "val", "var"];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Introduces {
    Callable,
    Scope,
    Value,
}

/// What kind of definition this word begins, if it is such a word.
pub(super) fn introduces(word: &str) -> Option<Introduces> {
    let is_in = |words: &[&str]| words.contains(&word);
    match word {
        _ if is_in(CALLABLE) => Some(Introduces::Callable),
        _ if is_in(SCOPE) => Some(Introduces::Scope),
        _ if is_in(VALUE) => Some(Introduces::Value),
        _ => None,
    }
}

/// Words that stand before parentheses and are no name.
pub(super) fn is_control(word: &str) -> bool {
    const CONTROL: &[&str] = &[
        "alignas",
        "await",
        "case",
        "catch",
        "decltype",
        "do",
        "else",
        "explicit",
        "for",
        "foreach",
        "if",
        "lock",
        "new",
        "noexcept",
        "operator",
        "requires",
        "return",
        "sizeof",
        "static_assert",
        "switch",
        "synchronized",
        "throw",
        "try",
        "typeof",
        "using",
        "while",
        "with",
    ];
    CONTROL.contains(&word) || word.starts_with("__")
}
