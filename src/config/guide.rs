//! The guide to the configuration, made from the keys there are. Only the test that holds the file equal
//! makes it; the program shows the file.

use crate::config::key::{Key, Keys, Kind};

const HEAD: &str = "\
# Configuration

What you always want stands in `~/.config/agent/config.toml`:

```toml
model = \"qwen3.5-9b\"

[llama]
context = 32768
```

```console
$ agent config show       # what is in force, and where each value came from
$ agent config example    # a file with all there is, each setting explained
$ agent config schema     # for editors
$ agent config path       # where the files are looked for
```

What is on the command line comes first, then the environment, then the project's file, then yours. Each
setting is also a variable of the environment: `server.url` is `AGENT_SERVER_URL`; a list is written as in
the file. `--config FILE` takes another file instead of yours.

A project may bring `.agent/config.toml`. It can make the agent more careful (a narrower permission, more
rules, lower limits) and choose sampling, and nothing else.

This page is made from the settings of the program.
";

fn guide() -> String {
    let keys = Keys::all();
    let mut text = format!("{HEAD}\n## First\n\n");
    for key in keys.keys.iter().filter(|it| it.split().0.is_none()) {
        put(&mut text, key);
    }
    for table in &keys.tables {
        text += &format!("\n## `[{}]`\n\n{}\n\n", table.name, one_line(&table.doc));
        for key in keys.keys.iter().filter(|it| it.split().0 == Some(&table.name)) {
            put(&mut text, key);
        }
    }
    text + TAIL
}

/// What is told of how it looks, behind the settings for it.
const TAIL: &str = "
## Colours of your own

`ui.theme = \"sea\"`, or `/theme sea` in a conversation, takes `themes/sea.toml` beside your configuration file:

```text
base = \"light\"            # what code stands out from
good = \"#2a7a4f\"          # a call that went well
bad = \"bold red\"
quiet = \"#808890\"
attention = \"yellow\"
heading = \"bold blue\"
code = \"#5a3fa0\"
added = \"green\"
removed = \"bright-red\"
prompt = \"bold #2a7a4f\"
```

Each is a colour (`black`, `red`, `green`, `yellow`, `blue`, `magenta`, `cyan`, `white`, each also with `bright-` in front,
or `#rrggbb`), and `bold`, `dim`, `italic`, `underline`. There are `warning`, `error`, `hint`, `strong` and `place` besides.
What you leave out looks as it always does.

## When you look elsewhere

Your terminal calls you by a notification where it has any, else by its bell. Whether you look at another window, it tells
while the agent works; in tmux that needs `focus-events`. While you are in a conversation the window is called by the
project, with `…` in front while the agent works, and then as before.
";

fn put(text: &mut String, key: &Key) {
    let default = key.default.as_ref().map_or("unset".to_owned(), |it| format!("`{it}`"));
    *text += &format!("- `{}`: {}, {default}. {}\n", key.name, kind(key), one_line(&key.doc));
    if let Kind::Choice(choices) = &key.kind {
        for choice in choices.iter().filter(|it| !it.doc.is_empty()) {
            *text += &format!("  - `{}`: {}\n", choice.name, one_line(&choice.doc));
        }
    }
}

fn kind(key: &Key) -> String {
    let name = match &key.kind {
        Kind::Text => "text",
        Kind::Whole => "whole number",
        Kind::Number => "number",
        Kind::Switch => "`true` or `false`",
        Kind::List => "list of texts",
        Kind::Choice(choices) => {
            let names = choices.iter().map(|it| format!("`{}`", it.name));
            return names.collect::<Vec<_>>().join(" or ");
        }
    };
    match (key.least, key.most) {
        (Some(least), Some(most)) => format!("{name} from {least} to {most}"),
        (Some(least), None) if 0.0 < least => format!("{name} from {least}"),
        _ => name.to_owned(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_guide_has_every_key() {
    expect_test::expect_file!["../../docs/guide/configuration.md"].assert_eq(&guide());
}
