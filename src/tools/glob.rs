//! Patterns for file names, as models write them.

use globset::{GlobBuilder, GlobSet};
use ignore::types::TypesBuilder;

use crate::tools::Failure;

const META: [char; 4] = ['*', '?', '[', '{'];

/// `*.rs` means such files anywhere, `src/*.rs` those in `src`; without any wildcard, `main` means
/// names that hold it, and `a/b` paths that end so or go through it.
pub(super) fn parse(pattern: &str) -> Result<GlobSet, Failure> {
    let plain = pattern.trim_start_matches("./").trim_start_matches('/');
    let anywhere = match (plain.contains(META), plain.contains('/')) {
        (true, true) => plain.to_owned(),
        (true, false) => format!("**/{plain}"),
        (false, true) => format!("**/{plain}{{,/**}}"),
        (false, false) => format!("**/*{plain}*"),
    };
    any_of([anywhere.as_str()]).map_err(|err| {
        Failure::new(format!("`{pattern}` is not a glob pattern: {}", err.kind()), "no pattern")
    })
}

/// The files of a language, by any of the names that ripgrep has for it: `rust`, `py`. What is
/// none of those names is taken as an extension.
pub(super) fn language(name: &str) -> Result<GlobSet, Failure> {
    let name = name.trim_start_matches(['*', '.']).to_lowercase();
    let known = TypesBuilder::new().add_defaults().definitions();
    let files = match known.iter().find(|it| it.name() == name) {
        Some(known) => any_of(known.globs().iter().map(|it| format!("**/{it}"))),
        None => any_of([format!("**/*.{}", globset::escape(&name))]),
    };
    files.map_err(|err| Failure::new(format!("`{name}` is not a type: {err}"), "no type"))
}

/// One set even for one pattern: a set looks extensions and whole names up, where a lone glob
/// always runs its expression.
fn any_of<T: AsRef<str>>(patterns: impl IntoIterator<Item = T>) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSet::builder();
    for pattern in patterns {
        let mut glob = GlobBuilder::new(pattern.as_ref());
        set.add(glob.literal_separator(true).empty_alternates(true).build()?);
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: Expect) {
        let paths = ["main.rs", "src/main.rs", "src/a/b.rs", "src/a/main.py"];
        let matched = match parse(pattern) {
            Ok(glob) => {
                paths.into_iter().filter(|it| glob.is_match(it)).collect::<Vec<_>>().join(" ")
            }
            Err(err) => err.text,
        };
        expected.assert_eq(&matched);
    }

    #[test]
    fn a_pattern_without_a_directory_matches_in_all() {
        check("*.rs", expect!["main.rs src/main.rs src/a/b.rs"]);
        check("**/*.rs", expect!["main.rs src/main.rs src/a/b.rs"]);
    }

    #[test]
    fn a_pattern_with_a_directory_begins_at_the_root() {
        check("src/*.rs", expect!["src/main.rs"]);
        check("./src/**/*.{rs,py}", expect!["src/main.rs src/a/b.rs src/a/main.py"]);
    }

    #[test]
    fn words_match_a_part_of_the_name() {
        check("main", expect!["main.rs src/main.rs src/a/main.py"]);
        check("a/b.rs", expect!["src/a/b.rs"]);
        check("src/a", expect!["src/a/b.rs src/a/main.py"]);
    }

    #[test]
    fn a_language_has_many_names_and_endings() {
        let of = |name: &str| {
            let set = language(name).unwrap();
            ["a.rs", "b/c.py", "d.pyi", "Makefile", "x/Makefile", "e.foo"]
                .into_iter()
                .filter(|it| set.is_match(it))
                .collect::<Vec<_>>()
        };
        assert_eq!(of("rust"), ["a.rs"]);
        assert_eq!(of("rs"), ["a.rs"]);
        assert_eq!(of("py"), ["b/c.py", "d.pyi"]);
        assert_eq!(of("Python"), ["b/c.py", "d.pyi"]);
        assert_eq!(of("make"), ["Makefile", "x/Makefile"]);
        assert_eq!(of("*.foo"), ["e.foo"]);
        assert!(of("[").is_empty());
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        check("[a", expect!["`[a` is not a glob pattern: unclosed character class; missing ']'"]);
    }
}
