//! The rule that "always" would save: never wider than what the person was shown.

use crate::conversation::Effect;
use crate::permission::command::inner_script;
use crate::permission::shell::{Simple, parse};
use crate::permission::{Act, Rule};

/// Programs whose subcommand says what is done, so that further arguments change only on what.
const BUILDERS: &[(&str, &[&str])] = &[
    ("cargo", &["bench", "build", "check", "clippy", "doc", "fmt", "nextest", "test", "tree"]),
    ("go", &["build", "fmt", "test", "vet"]),
    ("mvn", &["compile", "test", "verify"]),
    ("npm", &["test"]),
    ("pnpm", &["test"]),
    ("yarn", &["test"]),
];

/// Programs that only test or check, whatever their arguments.
const CHECKERS: &[&str] = &["eslint", "mypy", "pytest", "ruff", "tsc"];

/// A rule that a person reads in one look.
const LONGEST: usize = 200;

/// As text, ready to be shown and saved.
pub(super) fn rule(act: &Act<'_>, paths: &[String]) -> Option<String> {
    let which = match act.effect {
        Effect::Writes => {
            let [path] = paths else { return None };
            // A pattern without a slash would mean such a name anywhere.
            let anchor = if path.contains('/') { "" } else { "/" };
            format!("{anchor}{}", escaped(path))
        }
        Effect::Executes => command(act.args?.get("command")?.as_str()?)?,
        Effect::Reaches => format!("domain:{}", act.asked?.host),
        Effect::Reads | Effect::Asks => return None,
    };
    let rule = format!("{}({which})", act.tool);
    if LONGEST < rule.len() || rule.chars().any(char::is_control) {
        return None;
    }
    // What would not come back as it was is not offered.
    Rule::parse(&rule).ok().map(|it| it.to_string())
}

fn escaped(path: &str) -> String {
    let special = |it: char| "*?[]{}!\\".contains(it);
    path.chars().flat_map(|it| special(it).then_some('\\').into_iter().chain([it])).collect()
}

/// Of one plain program alone: its words, and where it is known to be harmless, any more.
fn command(text: &str) -> Option<String> {
    let parts = parse(text).ok()?;
    let [Simple { assignments, words, redirects }] = &parts[..] else { return None };
    // A script in a script is more than one look takes in.
    let is_plain = assignments.is_empty() && redirects.is_empty() && inner_script(words).is_none();
    if !is_plain || text.trim().contains('\n') {
        return None;
    }
    let words: Vec<&str> = words.iter().map(|it| it.literal()).collect::<Option<_>>()?;
    let start = match &words[..] {
        [program, sub, ..]
            if BUILDERS.iter().any(|(it, subs)| it == program && subs.contains(sub)) =>
        {
            2
        }
        [program, ..] if CHECKERS.contains(program) => 1,
        _ => {
            return words
                .iter()
                .map(|it| quoted(it))
                .collect::<Option<Vec<_>>>()
                .map(|it| it.join(" "));
        }
    };
    Some(format!("{} *", words[..start].join(" ")))
}

/// A word as it is written in a rule; `None` for one that a person could misread there.
fn quoted(word: &str) -> Option<String> {
    let plain = |it: char| it.is_ascii_alphanumeric() || "_-./:=,@%+".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        return Some(word.to_owned());
    }
    let shown = |it: char| it.is_ascii_graphic() || it == ' ';
    (!word.contains(['\'', '\\', '(', ')']) && word.chars().all(shown)).then(|| format!("'{word}'"))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn suggested(command: &str) -> Option<String> {
        let args = json!({"command": command});
        let act = Act {
            tool: "run_command",
            effect: Effect::Executes,
            args: Some(&args),
            more_paths: Some(&[]),
            asked: None,
        };
        rule(&act, &[])
    }

    #[track_caller]
    fn check(command: &str, expected: Expect) {
        expected.assert_eq(&suggested(command).unwrap_or_default());
    }

    #[test]
    fn a_build_tool_may_get_other_arguments() {
        check("cargo test --lib x", expect!["run_command(cargo test *)"]);
        check("pytest -q", expect!["run_command(pytest *)"]);
    }

    #[test]
    fn any_other_program_is_allowed_word_for_word() {
        check("git push origin main", expect!["run_command(git push origin main)"]);
        check("make test", expect!["run_command(make test)"]);
        check("cargo run", expect!["run_command(cargo run)"]);
        check("python -c 'print(1)'", expect![""]);
        check("echo 'a  b' '*'", expect!["run_command(echo 'a  b' '*')"]);
    }

    #[test]
    fn what_is_more_than_one_program_has_no_always() {
        for it in [
            "a; b",
            "a | b",
            "a > b",
            "X=1 a",
            "a $B",
            "a $(b)",
            "a *",
            "a 'x\ny'",
            "cd x && a",
            "a\u{200b}",
        ] {
            check(it, expect![""]);
        }
    }

    #[test]
    fn an_edit_is_allowed_for_its_file() {
        let of = |path: &str| {
            let act = Act {
                tool: "edit_file",
                effect: Effect::Writes,
                args: None,
                more_paths: Some(&[]),
                asked: None,
            };
            rule(&act, &[path.to_owned()]).unwrap_or_default()
        };
        assert_eq!(of("src/a.rs"), "edit_file(src/a.rs)");
        assert_eq!(of("a\nb"), "");
        assert_eq!(of("a[1]*.rs"), r"edit_file(/a\[1\]\*.rs)");
    }

    proptest! {
        /// What is saved means the command it was made from.
        #[test]
        fn a_suggested_rule_allows_what_was_shown(command in "[a-c*'\\\\ .=-]{1,12}") {
            use crate::permission::pattern::Doubt;
            use crate::permission::rule::Which;
            if let Some(rule) = suggested(&command) {
                let Which::Command(pattern) = Rule::parse(&rule).unwrap().which else { unreachable!() };
                prop_assert!(pattern.fits(&parse(&command).unwrap()[0].words, Doubt::Against));
            }
        }
    }
}
