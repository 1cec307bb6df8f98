//! Patterns for file names, as models write them.

use globset::{GlobBuilder, GlobMatcher};

use crate::tools::Failure;

const META: [char; 4] = ['*', '?', '[', '{'];

/// `*.rs` means such files anywhere, `src/*.rs` those in `src`; without any wildcard, `main` means
/// names that hold it, and `a/b` paths that end so or go through it.
pub(super) fn parse(pattern: &str) -> Result<GlobMatcher, Failure> {
    let plain = pattern.trim_start_matches("./").trim_start_matches('/');
    let anywhere = match (plain.contains(META), plain.contains('/')) {
        (true, true) => plain.to_owned(),
        (true, false) => format!("**/{plain}"),
        (false, true) => format!("**/{plain}{{,/**}}"),
        (false, false) => format!("**/*{plain}*"),
    };
    let glob = GlobBuilder::new(&anywhere).literal_separator(true).empty_alternates(true).build();
    glob.map(|it| it.compile_matcher()).map_err(|err| {
        Failure::new(format!("`{pattern}` is not a glob pattern: {}", err.kind()), "no pattern")
    })
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
    fn what_is_no_pattern_is_refused() {
        check("[a", expect!["`[a` is not a glob pattern: unclosed character class; missing ']'"]);
    }
}
