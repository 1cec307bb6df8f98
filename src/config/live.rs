//! Settings while a conversation goes on: one of them shown, one of them changed.

use anyhow::{anyhow, bail};
use serde::Deserialize;

use crate::config::key::{Keys, Kind};
use crate::config::show::show;
use crate::config::{Origin, Setting, Settings, value};

/// The settings whose key is this, or begins with it: `ui` means all of its table.
pub(crate) fn show_some(values: &[Setting], key: &str) -> anyhow::Result<String> {
    let is_meant = |it: &&Setting| {
        it.key == key || it.key.strip_prefix(key).is_some_and(|it| it.starts_with('.'))
    };
    let some: Vec<Setting> = values.iter().filter(is_meant).cloned().collect();
    if some.is_empty() {
        bail!("{}\nhint: `/config` lists all there are", Keys::all().unknown(key));
    }
    Ok(show(&some))
}

/// What a key can be set to, where these are few.
pub(crate) fn values_of(key: &str) -> Vec<String> {
    match Keys::all().get(key).map(|it| &it.kind) {
        Some(Kind::Choice(choices)) => choices.iter().map(|it| it.name.clone()).collect(),
        Some(Kind::Switch) => vec!["true".to_owned(), "false".to_owned()],
        _ => Vec::new(),
    }
}

/// What a text means for a key, as it would stand in the configuration file.
pub(crate) fn meant(key: &str, text: &str) -> anyhow::Result<(toml::Value, String)> {
    let keys = Keys::all();
    let Some(known) = keys.get(key) else {
        bail!("{}\nhint: `/config` lists all there are", keys.unknown(key));
    };
    let value = known.parse(text).map_err(|err| anyhow!("{err}"))?;
    let shown = if known.secret { "…".to_owned() } else { value.to_string() };
    Ok((value, format!("{key} = {shown}")))
}

/// Sets a key for this conversation; all settings as they are then.
pub(crate) fn set(
    values: &mut [Setting],
    key: &str,
    value: toml::Value,
) -> anyhow::Result<Settings> {
    if let Some(setting) = values.iter_mut().find(|it| it.key == key) {
        setting.value = Some(value);
        setting.origin = Origin::Here;
    }
    let set = values.iter().filter_map(|it| Some((it.key.as_str(), it.value.clone()?)));
    Settings::deserialize(value::document(set)).map_err(|err| anyhow!("{err}"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::config::{Sources, UserFile, load};

    fn values() -> Vec<Setting> {
        let sources = Sources {
            user: UserFile::None,
            project: None,
            environment: Vec::new(),
            flags: Vec::new(),
            directory: "/".into(),
            home: None,
        };
        load(sources).unwrap().values
    }

    #[test]
    fn one_key_is_changed_and_says_where() {
        let mut values = values();
        let (value, line) = meant("ui.theme", "light").unwrap();
        assert_eq!(line, "ui.theme = \"light\"");
        assert_eq!(set(&mut values, "ui.theme", value).unwrap().ui.theme, "light");
        expect![[r#"
            ui.color         "auto"   default
            ui.theme         "light"  this conversation
            ui.plain         false    default
            ui.marks         "auto"   default
            ui.notify        "auto"   default
            ui.notify_after  10       default
            ui.title         true     default
            ui.keys          "emacs"  default
        "#]]
        .assert_eq(&show_some(&values, "ui").unwrap());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |key: &str, text: &str| meant(key, text).unwrap_err().to_string();
        expect![[r#"`ui.color` must be `auto`, `always` or `never`, not `"pink"`"#]]
            .assert_eq(&refused("ui.color", "pink"));
        expect![[r#"
            unknown key `ui.teme`; did you mean `ui.theme`?
            hint: `/config` lists all there are"#]]
        .assert_eq(&refused("ui.teme", "dark"));
        assert_eq!(meant("server.api_key", "hunter2").unwrap().1, "server.api_key = …");
        assert!(show_some(&values(), "u").is_err());
    }
}
