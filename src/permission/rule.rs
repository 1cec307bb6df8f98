//! A rule: a tool, and which of its calls are meant.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::permission::pattern::Pattern;
use crate::permission::subject::Asked;

/// `TOOL` or `TOOL(which)`; kept as it was written, and understood.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(with = "String")]
pub(crate) struct Rule {
    text: String,
    pub(super) tool: String,
    pub(super) which: Which,
}

/// Which calls of the tool are meant.
#[derive(Clone, Debug)]
pub(super) enum Which {
    All,
    /// Those that run a command like this.
    Command(Pattern),
    /// Those that touch such a file; and so do other tools that do the same to files.
    Path(Box<Glob>),
    /// Those that speak to this host.
    Host(HostPattern),
}

/// A host, or what lies below it, and maybe one port.
#[derive(Clone, Debug)]
pub(super) struct HostPattern {
    /// In lower case; `*.` and a domain for those below it.
    name: String,
    port: Option<u16>,
}

/// A path pattern as it is written, and blind to case, for file systems that are.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    exact: GlobMatcher,
    folded: GlobMatcher,
}

const FORMS: &str = "a rule is `tool`, `run_command(cargo test *)`, `edit_file(src/**)` or \
                     `fetch_url(domain:example.org)`";

impl Rule {
    /// Understands `text`, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` is not a rule: {why}; {FORMS}");
        let trimmed = text.trim();
        let (tool, which) = match trimmed.split_once('(') {
            None => (trimmed, None),
            Some((tool, rest)) => {
                let which = rest
                    .strip_suffix(')')
                    .ok_or_else(|| wrong("its `(` is not closed at the end"))?;
                (tool, Some(which.trim()))
            }
        };
        if tool.is_empty() {
            return Err(wrong("it names no tool"));
        }
        let is_name =
            |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "_-.:".contains(it);
        if !tool.chars().all(is_name) {
            return Err(wrong("the name of a tool is in lower case, as in `run_command`"));
        }
        let which = match which {
            None => Which::All,
            Some("") => return Err(wrong("there is nothing in its parentheses")),
            Some(host) if host.starts_with("domain:") => {
                Which::Host(HostPattern::parse(&host["domain:".len()..]).map_err(wrong)?)
            }
            Some(command) if tool == "run_command" => {
                Which::Command(Pattern::parse(command).map_err(wrong)?)
            }
            Some(path) => Which::Path(Box::new(Glob::parse(path).map_err(|it| wrong(&it))?)),
        };
        Ok(Self { text: trimmed.to_owned(), tool: tool.to_owned(), which })
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The name of the tool it is for.
    pub(crate) fn tool(&self) -> &str {
        &self.tool
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let from = text.rfind(']').unwrap_or(0);
        let (name, port) = match text[from..].find(':') {
            None => (text, None),
            Some(at) => (&text[..from + at], Some(&text[from + at + 1..])),
        };
        let plain = |it: char| it.is_alphanumeric() || "-_.:[]".contains(it);
        let host = name.strip_prefix("*.").unwrap_or(name);
        if host.is_empty() || !host.chars().all(plain) {
            return Err("`domain:` wants the name of a host, as in `domain:example.org`");
        }
        let port = port.map(str::parse).transpose();
        let port = port.map_err(|_| "what follows the name of the host is no port")?;
        Ok(Self { name: name.trim_end_matches('.').to_lowercase(), port })
    }

    pub(super) fn means(&self, asked: Asked<'_>) -> bool {
        let by_name = match self.name.strip_prefix("*.") {
            Some(domain) => {
                let above = asked.host.strip_suffix(domain);
                above.is_some_and(|it| it.len() > 1 && it.ends_with('.'))
            }
            None => self.name == asked.host,
        };
        by_name && self.port.is_none_or(|it| it == asked.port)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |it| write!(f, ":{it}"))
    }
}

impl Glob {
    /// Relative to the project; without a slash, a name anywhere in it. What names a directory
    /// means all that is in it.
    fn parse(text: &str) -> Result<Self, String> {
        let plain = text.trim_start_matches("./");
        let anchored = plain.trim_start_matches('/').trim_end_matches('/');
        if anchored.is_empty() {
            return Err("it names no file; for all files leave the parentheses out".to_owned());
        }
        if anchored.split('/').any(|it| it == "..") {
            return Err("`..` has no place in a pattern".to_owned());
        }
        let anywhere = if plain.contains('/') { "" } else { "**/" };
        let whole = format!("{anywhere}{anchored}{{,/**}}");
        let glob = |folded: bool| {
            let mut builder = GlobBuilder::new(&whole);
            let builder = builder.literal_separator(true).empty_alternates(true);
            let glob = builder.backslash_escape(true).case_insensitive(folded).build();
            glob.map(|it| it.compile_matcher()).map_err(|err| err.kind().to_string())
        };
        Ok(Self { exact: glob(false)?, folded: glob(true)? })
    }

    /// Whether the path is surely meant.
    pub(super) fn covers(&self, path: &str) -> bool {
        self.exact.is_match(path)
    }

    /// Whether the path may be meant, where a file has its name in any case.
    pub(super) fn touches(&self, path: &str) -> bool {
        self.folded.is_match(path) || self.folded.is_match(path.to_lowercase())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(rule: &str, expected: Expect) {
        expected.assert_eq(&match Rule::parse(rule) {
            Ok(Rule { tool, which, .. }) => match which {
                Which::All => format!("{tool}: all"),
                Which::Command(pattern) => format!("{tool}: command {pattern:?}"),
                Which::Path(_) => format!("{tool}: path"),
                Which::Host(host) => format!("{tool}: host {host}"),
            },
            Err(err) => err.split("; a rule is").next().unwrap_or_default().to_owned(),
        });
    }

    #[test]
    fn a_rule_has_one_of_four_forms() {
        check("edit_file", expect!["edit_file: all"]);
        check("run_command(cargo test *)", expect![[r#"run_command: command [cargo] [test] …"#]]);
        check(" edit_file( src/** ) ", expect!["edit_file: path"]);
        check("fetch_url(domain:Example.org.)", expect!["fetch_url: host example.org"]);
        check("fetch_url(domain:*.example.org)", expect!["fetch_url: host *.example.org"]);
        check("fetch_url(domain:example.org:8443)", expect!["fetch_url: host example.org:8443"]);
        check("fetch_url(domain:[::1]:80)", expect!["fetch_url: host [::1]:80"]);
        check("fetch_url(domain:[::1])", expect!["fetch_url: host [::1]"]);
        check(
            "fetch_url(domain:example.org:x)",
            expect![
                "`fetch_url(domain:example.org:x)` is not a rule: what follows the name of the host is no port"
            ],
        );
    }

    #[test]
    fn what_is_no_rule_is_refused_with_the_reason() {
        check("", expect!["`` is not a rule: it names no tool"]);
        check(
            "Bash(ls)",
            expect![
                "`Bash(ls)` is not a rule: the name of a tool is in lower case, as in `run_command`"
            ],
        );
        check(
            "run_command(ls",
            expect!["`run_command(ls` is not a rule: its `(` is not closed at the end"],
        );
        check(
            "edit_file()",
            expect!["`edit_file()` is not a rule: there is nothing in its parentheses"],
        );
        check(
            "edit_file(../x)",
            expect!["`edit_file(../x)` is not a rule: `..` has no place in a pattern"],
        );
        check(
            "edit_file([a)",
            expect!["`edit_file([a)` is not a rule: unclosed character class; missing ']'"],
        );
        check(
            "fetch_url(domain:)",
            expect![
                "`fetch_url(domain:)` is not a rule: `domain:` wants the name of a host, as in `domain:example.org`"
            ],
        );
        check(
            "run_command(a 'b)",
            expect!["`run_command(a 'b)` is not a rule: a quote in it does not end"],
        );
    }

    #[track_caller]
    fn check_paths(pattern: &str, expected: Expect) {
        let rule = Rule::parse(&format!("edit_file({pattern})")).unwrap();
        let Which::Path(glob) = rule.which else { panic!("a path") };
        let paths = ["a.rs", "src/a.rs", "src/b/a.rs", "SRC/A.rs", "srcs/a.rs", "x/src/a.py"];
        let verdict = |it: &&str| match (glob.covers(it), glob.touches(it)) {
            (true, true) => format!("{it}\n"),
            (false, true) => format!("{it} by another case\n"),
            _ => String::new(),
        };
        expected.assert_eq(&paths.iter().map(verdict).collect::<String>());
    }

    #[test]
    fn a_path_means_what_lies_beneath_it_too() {
        check_paths(
            "src/**",
            expect![[r#"
            src/a.rs
            src/b/a.rs
            SRC/A.rs by another case
        "#]],
        );
        check_paths(
            "/src/",
            expect![[r#"
            src/a.rs
            src/b/a.rs
            SRC/A.rs by another case
        "#]],
        );
        check_paths(
            "./src/*.rs",
            expect![[r#"
            src/a.rs
            SRC/A.rs by another case
        "#]],
        );
    }

    #[test]
    fn a_name_is_meant_in_every_directory() {
        check_paths(
            "*.py",
            expect![[r#"
            x/src/a.py
        "#]],
        );
        check_paths(
            "src",
            expect![[r#"
            src/a.rs
            src/b/a.rs
            SRC/A.rs by another case
            x/src/a.py
        "#]],
        );
    }
}
