//! Where the hub is, where its files are kept and who we are to it: read from values in the order that
//! all tools of the hub have agreed on.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use crate::download::Token;
use crate::models::variables;

const USUAL: &str = "https://huggingface.co";

#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Without a slash at its end.
    pub(crate) endpoint: String,
    pub(crate) token: Option<Credential>,
    /// Nothing may be asked.
    pub(crate) is_offline: bool,
    /// The folder that has a folder for each repository.
    pub(crate) cache: PathBuf,
}

/// A token, and what a person would change to have another.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    pub(crate) token: Token,
    pub(crate) from: String,
}

impl Place {
    /// `variable` gives those of the environment.
    pub(crate) fn of(
        variable: &dyn Fn(&str) -> Option<OsString>,
        home: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let text = |name: &str| {
            let text = variable(name)?.into_string().ok()?.trim().to_owned();
            Some(text).filter(|it| !it.is_empty())
        };
        let path = |name: &str| variables::path(&variable(name)?, home);
        let hub_home = variables::hub_home(&path, home);
        let cache = path("LLAMA_CACHE").or_else(|| variables::hub_cache(&path, home));
        let cache = cache.ok_or_else(|| {
            anyhow!(
                "neither HOME nor HF_HOME is set\nhint: HF_HUB_CACHE says where models are kept"
            )
        })?;
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| USUAL.to_owned());
        let is_on = |it: String| ["1", "on", "yes", "true"].contains(&it.to_lowercase().as_str());
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: token(&text, path("HF_TOKEN_PATH"), hub_home.as_deref())?,
            is_offline: text("HF_HUB_OFFLINE").is_some_and(is_on),
            cache,
        })
    }
}

fn token(
    text: &dyn Fn(&str) -> Option<String>,
    named: Option<PathBuf>,
    hub_home: Option<&Path>,
) -> anyhow::Result<Option<Credential>> {
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
        if let Some(it) = text(name) {
            let token =
                Token::new(&it).ok_or_else(|| anyhow!("what `{name}` holds is no token"))?;
            return Ok(Some(Credential { token, from: name.to_owned() }));
        }
    }
    let is_named = named.is_some();
    let Some(path) = named.or_else(|| hub_home.map(|it| it.join("token"))) else { return Ok(None) };
    let from = path.display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Token::new(&text).map(|token| Credential { token, from })),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound && !is_named => Ok(None),
        Err(err) => Err(err).with_context(|| format!("cannot read the token in `{from}`")),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// `variables` as in `A=1 B=2`; `~` is a home with a token in it.
    #[track_caller]
    fn check(variables: &str, expected: Expect) {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".cache/huggingface")).unwrap();
        std::fs::write(home.path().join(".cache/huggingface/token"), "hf_file\n").unwrap();
        let home_text = home.path().to_str().unwrap();
        let pairs: Vec<_> = variables.split(' ').filter_map(|it| it.split_once('=')).collect();
        let variable = |name: &str| {
            pairs.iter().find(|it| it.0 == name).map(|it| it.1.replace('~', home_text).into())
        };
        let told = match Place::of(&variable, Some(home.path())) {
            Ok(it) => format!(
                "{} {} {}{}",
                it.endpoint,
                it.cache.display(),
                it.token.map_or("nobody".to_owned(), |it| it.from),
                if it.is_offline { " offline" } else { "" }
            ),
            Err(err) => format!("{err:#}"),
        };
        expected.assert_eq(&told.replace(home_text, "~"));
    }

    #[test]
    fn the_usual_places() {
        check(
            "",
            expect!["https://huggingface.co ~/.cache/huggingface/hub ~/.cache/huggingface/token"],
        );
    }

    #[test]
    fn the_more_special_variable_wins() {
        check("HF_HOME=~/h", expect!["https://huggingface.co ~/h/hub nobody"]);
        check("XDG_CACHE_HOME=~/c", expect!["https://huggingface.co ~/c/huggingface/hub nobody"]);
        check("HF_HOME=~/h HF_HUB_CACHE=~/x", expect!["https://huggingface.co ~/x nobody"]);
        check(
            "LLAMA_CACHE=~/l HF_HUB_CACHE=~/x",
            expect!["https://huggingface.co ~/l ~/.cache/huggingface/token"],
        );
    }

    #[test]
    fn a_token_of_the_environment_goes_before_a_file() {
        check(
            "HUGGING_FACE_HUB_TOKEN=hf_b",
            expect!["https://huggingface.co ~/.cache/huggingface/hub HUGGING_FACE_HUB_TOKEN"],
        );
        check(
            "HF_TOKEN=hf_a HUGGING_FACE_HUB_TOKEN=hf_b",
            expect!["https://huggingface.co ~/.cache/huggingface/hub HF_TOKEN"],
        );
        check(
            "HF_TOKEN_PATH=~/none",
            expect!["cannot read the token in `~/none`: No such file or directory (os error 2)"],
        );
        check("HF_TOKEN=\u{1}", expect!["what `HF_TOKEN` holds is no token"]);
    }

    #[test]
    fn mirrors_and_offline() {
        check(
            "HF_ENDPOINT=http://mirror:8080/ HF_HUB_OFFLINE=1",
            expect![
                "http://mirror:8080 ~/.cache/huggingface/hub ~/.cache/huggingface/token offline"
            ],
        );
    }
}
