//! What compilers, linters and tests print, understood.
//!
//! Each format is a pure function from the lines of an output to what it found there. All of them
//! are asked about every output: what `make test` or `npm run lint` will print, nobody knows
//! beforehand. A format takes only what has exactly its form, and what one has taken, a later one
//! does not take again.

mod cmake;
mod dotnet;
mod eslint;
mod gcc;
mod go;
mod java;
mod jest;
mod mocha;
mod node;
mod output;
mod php;
mod place;
mod pyright;
mod pytest;
mod python;
mod resolve;
mod ruby;
mod ruff;
mod rust_tests;
mod rustc;
mod shell;
mod tsc;
mod vitest;

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

use crate::workspace::diagnostics::output::Output;
pub(crate) use crate::workspace::diagnostics::resolve::Resolve;

/// Something a program has to say about a place in a file.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Diagnostic {
    /// As it was printed, until it is resolved.
    pub(crate) file: String,
    /// From 1; 0 where only the file is known.
    pub(crate) line: u32,
    /// From 1; 0 where only the line is known.
    pub(crate) column: u32,
    pub(crate) severity: Severity,
    /// Empty if there is none.
    pub(crate) code: String,
    pub(crate) message: String,
}

/// The gravest first.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Severity {
    #[default]
    Error,
    Warning,
    Note,
}

/// A test that failed, and what it said.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct FailedTest {
    pub(crate) name: String,
    /// Where it failed; empty if that was not said.
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) message: String,
}

/// What an output holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Findings {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) tests: Vec<FailedTest>,
    /// How many tests failed and passed, where the output says so.
    pub(crate) tally: Option<Tally>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    pub(crate) failed: u32,
    pub(crate) passed: u32,
}

/// No message is longer, in lines and in characters of a line.
const MESSAGE: (usize, usize) = (8, 400);

type Lines = fn(&[&str]) -> Findings;
type Json = fn(&Value, &mut Findings);

/// Those that know most of an output come first: what they took is not taken again.
const FORMATS: &[Lines] = &[
    rust_tests::read,
    rustc::read,
    pytest::read,
    python::unittest,
    go::tests,
    jest::read,
    vitest::read,
    mocha::read,
    node::tap,
    node::spec,
    java::tests,
    ruby::rspec,
    ruby::minitest,
    php::phpunit,
    dotnet::tests,
    cmake::ctest,
    ruff::read,
    pyright::read,
    tsc::pretty,
    tsc::plain,
    eslint::stylish,
    shell::shellcheck,
    shell::bash,
    java::maven,
    ruby::rubocop,
    ruby::syntax,
    php::syntax,
    node::syntax,
    cmake::configure,
    gcc::read,
    gcc::linker,
    go::build,
    python::traceback,
];

const JSON: &[Json] = &[rustc::json, eslint::json, ruff::json, pyright::json, shell::json];

/// Everything in `text` that has a known form, in the order of the output; no place twice.
pub(crate) fn understand(text: &str) -> Findings {
    let output = Output::of(text);
    let lines = output.lines();
    let mut all = Findings::default();
    let mut go = go::Events::default();
    output.values(|value| {
        JSON.iter().for_each(|it| it(value, &mut all));
        go.take(value);
    });
    let go = go.findings();
    all.tests.extend(go.tests);
    all.tally = go.tally;
    let mut taken = Taken::default();
    all = taken.fresh(all);
    for format in FORMATS {
        let found = taken.fresh(format(&lines));
        all.diagnostics.extend(found.diagnostics);
        all.tests.extend(found.tests);
        all.tally = match (all.tally, found.tally) {
            (Some(all), Some(more)) => Some(Tally {
                failed: all.failed.saturating_add(more.failed),
                passed: all.passed.saturating_add(more.passed),
            }),
            (all, more) => all.or(more),
        };
    }
    for message in all.messages() {
        *message = shortened(message);
    }
    all
}

/// Places and tests that earlier formats have spoken for.
#[derive(Default)]
struct Taken {
    places: HashSet<(String, u32)>,
    tests: HashSet<String>,
}

impl Taken {
    fn fresh(&mut self, mut found: Findings) -> Findings {
        let mut seen = HashSet::new();
        found.diagnostics.retain(|it| {
            !self.places.contains(&(it.file.clone(), it.line)) && seen.insert(it.clone())
        });
        let mut seen = HashSet::new();
        found.tests.retain(|it| !self.tests.contains(&it.name) && seen.insert(it.clone()));
        let places = found.diagnostics.iter().map(|it| (it.file.clone(), it.line));
        let failed = found.tests.iter().map(|it| (it.file.clone(), it.line));
        self.places.extend(places.chain(failed));
        self.tests.extend(found.tests.iter().map(|it| it.name.clone()));
        found
    }
}

impl Findings {
    pub(crate) fn is_empty(&self) -> bool {
        self.diagnostics.is_empty() && self.tests.is_empty()
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|it| it.severity == severity).count()
    }

    /// How many tests failed, by what was said or by those that were named.
    pub(crate) fn failed(&self) -> usize {
        self.tests.len().max(self.tally.map_or(0, |it| it.failed as usize))
    }

    fn messages(&mut self) -> impl Iterator<Item = &mut String> {
        let diagnostics = self.diagnostics.iter_mut().map(|it| &mut it.message);
        diagnostics.chain(self.tests.iter_mut().map(|it| &mut it.message))
    }
}

/// Without blank lines and what all lines are indented by.
fn shortened(message: &str) -> String {
    let lines: Vec<_> = message.lines().filter(|it| !it.trim().is_empty()).collect();
    let indent = lines.iter().map(|it| it.len() - it.trim_start_matches(' ').len()).min();
    let cut = |it: &&str| -> String { it[indent.unwrap_or(0)..].chars().take(MESSAGE.1).collect() };
    let short: Vec<_> = lines.iter().take(MESSAGE.0).map(cut).collect();
    short.join("\n").trim_end().to_owned()
}

/// `error[E0308] mismatched types`, the head of a diagnostic without its place.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.file, self.line, self.column) {
            ("", ..) => {}
            (file, 0, _) => write!(f, "{file}: ")?,
            (file, line, 0) => write!(f, "{file}:{line}: ")?,
            (file, line, column) => write!(f, "{file}:{line}:{column}: ")?,
        }
        f.write_str(self.severity.name())?;
        if !self.code.is_empty() {
            write!(f, "[{}]", self.code)?;
        }
        write!(f, " {}", self.message.replace('\n', "\n  "))
    }
}

impl fmt::Display for FailedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FAILED {}", self.name)?;
        match (&*self.file, self.line) {
            ("", _) => {}
            (file, 0) => write!(f, " ({file})")?,
            (file, line) => write!(f, " ({file}:{line})")?,
        }
        if !self.message.is_empty() {
            write!(f, "\n  {}", self.message.replace('\n', "\n  "))?;
        }
        Ok(())
    }
}

impl Severity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    /// What programs call it; `None` for a word that means something else.
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "error" | "fatal" | "fatal error" | "internal compiler error" => Self::Error,
            "warning" | "warn" => Self::Warning,
            "note" | "info" | "information" | "style" | "help" => Self::Note,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
