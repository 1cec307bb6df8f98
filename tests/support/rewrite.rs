//! What differs from run to run, replaced by what stays: paths, durations, ids.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// `0.8 s`, `12 ms`, `3 min 5 s`.
static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(\d+ min )?\d+(\.\d+)? ?(ms|s)\b"));

/// Ids of sessions: a date and time with a few letters behind, or a UUID.
static ID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"\b\d{8}[T-]?\d{6}(-[0-9a-z]{2,12})?\b",
        r"|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
    ))
});

/// `text` as every machine would print it. The innermost folder comes first.
pub fn rewritten(text: &str, root: &Path) -> String {
    let places = [
        ("[PROJECT]", root.join("project")),
        ("[HOME]", root.join("home")),
        ("[TEMP]", root.into()),
    ];
    let mut text = text.to_owned();
    for (name, place) in places {
        text = text.replace(place.to_str().expect("a temporary folder is UTF-8"), name);
    }
    let text = ID.replace_all(&text, "[ID]");
    TIME.replace_all(&text, "[TIME]").into_owned()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}
