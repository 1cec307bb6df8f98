//! What of a hub is meant: `org/repo`, `org/repo:QUANT`, an address as a browser shows it.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;

/// Something at a hub.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Remote {
    /// As in `org/repo`.
    pub(crate) repo: String,
    pub(crate) revision: String,
    pub(crate) which: Which,
}

/// Which of the models in a repository.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Which {
    Best,
    /// As in `Q4_K_M`, in any case.
    Quant(String),
    /// A path in the repository; of a split model, any part.
    File(String),
}

impl FromStr for Remote {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let path = without_host(text.trim());
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let (path, quant) = match path.rsplit_once(':') {
            Some((path, quant)) if !quant.contains('/') => (path, Some(quant)),
            _ => (path, None),
        };
        let parts: Vec<&str> = path.split('/').collect();
        let (repo, rest) = match &parts[..] {
            [owner, name, rest @ ..] => (format!("{owner}/{name}"), rest),
            _ => bail!("{}", not_one(text)),
        };
        if !parts[..2].iter().all(|it| is_name(it)) || quant == Some("") {
            bail!("{}", not_one(text));
        }
        let (revision, file) = match rest {
            ["tree" | "resolve" | "blob", revision, file @ ..] => (*revision, file),
            file => ("main", file),
        };
        // A folder of the browser's view is a quant more often than not.
        let which = match (quant, file) {
            (Some(quant), []) => Which::Quant(quant.to_owned()),
            (None, []) => Which::Best,
            (None, [folder]) if !folder.to_lowercase().ends_with(".gguf") => {
                Which::Quant((*folder).to_owned())
            }
            (None, file) => Which::File(file.join("/")),
            (Some(_), _) => bail!("{}", not_one(text)),
        };
        if !is_name(revision) {
            bail!("{}", not_one(text));
        }
        Ok(Self { repo, revision: revision.to_owned(), which })
    }
}

fn not_one(text: &str) -> String {
    format!(
        "`{text}` is not a model of a hub\n\
         hint: it looks like `unsloth/Qwen3.5-9B-MTP-GGUF` or `unsloth/Qwen3.5-9B-MTP-GGUF:Q4_K_M`"
    )
}

fn without_host(text: &str) -> &str {
    let path = text.strip_prefix("hf://").unwrap_or(text);
    let path = ["https://", "http://"].iter().find_map(|it| path.strip_prefix(it)).unwrap_or(path);
    let path = path.strip_prefix("www.").unwrap_or(path);
    let hosts = ["huggingface.co/", "hf.co/"];
    // What lies at another host is no model of this hub: it stays an address, which names none.
    let is_address = text.contains("://") && !text.starts_with("hf://");
    let found = hosts.iter().find_map(|it| path.strip_prefix(it));
    found.unwrap_or(if is_address { text } else { path })
}

/// Whether it is the whole name of a repository, as in `org/repo`: a folder is called by it.
pub(super) fn is_repo(text: &str) -> bool {
    text.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

fn is_name(text: &str) -> bool {
    let is_fit = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
    let is_dots = text.contains("..") || text.starts_with(['.', '-']) || text.contains("--");
    !text.is_empty() && text.len() <= 96 && text.chars().all(is_fit) && !is_dots
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::Best => f.write_str(&self.repo),
            Which::Quant(quant) => write!(f, "{}:{quant}", self.repo),
            Which::File(file) => write!(f, "{}/{file}", self.repo),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let told = text.parse::<Remote>().map(|it| {
            let revision = if it.revision == "main" { "" } else { &it.revision };
            format!("{it} {revision}").trim_end().to_owned()
        });
        expected.assert_eq(&told.unwrap_or_else(|err| err.to_string()));
    }

    #[test]
    fn a_repository_is_named_in_many_ways() {
        for text in [
            "org/repo",
            "hf.co/org/repo",
            "https://huggingface.co/org/repo",
            "hf://org/repo",
            "https://huggingface.co/org/repo/tree/main",
            "https://hf.co/org/repo/?show_file_info=x",
        ] {
            check(text, expect!["org/repo"]);
        }
    }

    #[test]
    fn a_quant_or_a_file_may_be_named() {
        check("org/repo:Q4_K_M", expect!["org/repo:Q4_K_M"]);
        check("hf.co/org/repo:q8_0", expect!["org/repo:q8_0"]);
        check("org/repo/a-Q4_K_M.gguf", expect!["org/repo/a-Q4_K_M.gguf"]);
        check(
            "https://huggingface.co/org/repo/resolve/v2/BF16/a-00001-of-00002.gguf?download=true",
            expect!["org/repo/BF16/a-00001-of-00002.gguf v2"],
        );
        check("https://huggingface.co/org/repo/tree/main/BF16", expect!["org/repo:BF16"]);
    }

    #[test]
    fn what_is_not_a_repository_is_refused() {
        for text in [
            "",
            "repo",
            "org/",
            "/org/repo",
            "../x/y",
            "org/..",
            "org/repo:",
            "a b/c",
            "org/re\nx",
            "~/model.gguf",
            "./x/y.gguf",
            "-o/x",
            "org/a--b",
        ] {
            assert!(text.parse::<Remote>().is_err(), "{text}");
        }
        check(
            "repo",
            expect![[r#"
                `repo` is not a model of a hub
                hint: it looks like `unsloth/Qwen3.5-9B-MTP-GGUF` or `unsloth/Qwen3.5-9B-MTP-GGUF:Q4_K_M`"#]],
        );
    }
}
