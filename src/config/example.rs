//! The complete example of a settings file.

use crate::config::key::{Key, Keys, Kind};

const HEAD: &str = "\
# Settings of agent. Copy what you want to change to ~/.config/agent/config.toml. A project may
# have a file of its own, .agent/config.toml, which can only narrow what you allow.
#
# Each setting is also an environment variable: server.url is AGENT_SERVER_URL. What is on the
# command line comes first, then the environment, then the project's file, then yours.
";

/// Columns of a comment.
const WIDTH: usize = 98;

/// Each setting with its documentation, commented out.
pub(crate) fn example() -> String {
    let keys = Keys::all();
    let mut text = HEAD.to_owned();
    for key in keys.keys.iter().filter(|it| it.split().0.is_none()) {
        put(&mut text, key);
    }
    for table in &keys.tables {
        text += "\n\n";
        comment(&mut text, "# ", &table.doc);
        text += &format!("[{}]\n", table.name);
        for key in keys.keys.iter().filter(|it| it.split().0 == Some(&table.name)) {
            put(&mut text, key);
        }
    }
    text
}

fn put(text: &mut String, key: &Key) {
    *text += "\n";
    comment(text, "# ", &key.doc);
    if let Kind::Choice(choices) = &key.kind {
        for choice in choices {
            comment(text, "#   ", &format!("{}: {}", choice.name, choice.doc));
        }
    }
    let unset = if key.default.is_none() { "  # unset by default" } else { "" };
    *text += &format!("#{} = {}{unset}\n", key.split().1, sample(key));
}

/// The default, or something like what could be set.
fn sample(key: &Key) -> toml::Value {
    let known = key.default.as_ref().or(key.example.as_ref());
    known.cloned().unwrap_or_else(|| match &key.kind {
        Kind::Text => "".into(),
        Kind::Whole => (key.least.unwrap_or_default().max(0.0) as i64).into(),
        Kind::Number => key.least.unwrap_or_default().max(0.0).into(),
        Kind::Switch => false.into(),
        Kind::List => toml::Value::Array(Vec::new()),
        Kind::Choice(choices) => choices.first().map_or("", |it| &it.name).into(),
    })
}

/// Puts `words` in lines that begin with `mark` and are not too long.
fn comment(text: &mut String, mark: &str, words: &str) {
    let mut line = mark.trim_end().to_owned();
    let mut separator = &mark[line.len()..];
    for word in words.split_whitespace() {
        if WIDTH < line.chars().count() + 1 + word.chars().count() {
            *text += &line;
            *text += "\n";
            line = mark.trim_end().to_owned();
            separator = &mark[line.len()..];
        }
        line += separator;
        line += word;
        separator = " ";
    }
    *text += &line;
    *text += "\n";
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;
    use crate::config::document::read;

    #[test]
    fn the_example_file_is_complete() {
        expect_file!["../../config.toml.example"].assert_eq(&example());
    }

    #[test]
    fn each_line_of_the_example_can_be_used() {
        let keys = Keys::all();
        let used: String = example()
            .lines()
            .map(|it| match it.strip_prefix('#') {
                Some(line) if !line.is_empty() && !line.starts_with(' ') => format!("{line}\n"),
                _ => format!("{it}\n"),
            })
            .collect();
        let set = read(&used, &keys).unwrap();
        let all: Vec<_> = keys.keys.iter().map(|it| &it.name).collect();
        assert_eq!(set.iter().map(|it| &it.key).collect::<Vec<_>>(), all);
    }
}
