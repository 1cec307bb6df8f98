//! From what a person calls a model to the one that is meant: one way for every place where a model is
//! named.

use std::collections::BTreeSet;

use crate::models::catalog::Catalog;
use crate::models::name::{FileName, Quant, squeezed};
use crate::models::store::Found;

/// A name, taken apart: `org/repo:Q4_K_M`, an address of the hub, a part of a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    pub(crate) words: String,
    pub(crate) quant: Option<Quant>,
}

/// What a name leads to among the models that are here.
#[derive(Debug)]
pub(crate) enum Match<'a> {
    /// The forms of one model, one for each quant that is here and was not ruled out.
    One(Vec<&'a Found>),
    /// Names of models of which each could be meant.
    Several(Vec<String>),
    /// None, and what looks like it.
    None(Vec<String>),
}

impl Reference {
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        let is_address = ["https://", "http://", "hf://", "hf.co/", "huggingface.co/", "ollama://"];
        let mut rest = text;
        while let Some(short) = is_address.iter().find_map(|it| rest.strip_prefix(it)) {
            rest = short;
        }
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let rest = if rest.is_empty() { text } else { rest.trim_end_matches('/') };
        // `org/repo/blob/main/FILE.gguf`, as a browser shows it.
        let parts: Vec<_> = rest.split('/').collect();
        if let [owner, repo, kind, _, file @ ..] = &parts[..]
            && ["blob", "resolve", "tree", "raw"].contains(kind)
        {
            let quant = FileName::of(&file.join("/")).and_then(|it| it.quant);
            return Self { words: format!("{owner}/{repo}"), quant };
        }
        match rest.rsplit_once(':').map(|(words, tag)| (words, Quant::parse(tag))) {
            Some((words, Some(quant))) => Self { words: words.to_owned(), quant: Some(quant) },
            _ => Self { words: rest.to_owned(), quant: None },
        }
    }

    /// Finds it among `all`: by its whole name, by its name without the owner, by a part of it. What
    /// is only alike is offered and never taken: a name of another size is alike, too.
    pub(crate) fn find<'a>(&self, all: &'a [Found], catalog: &Catalog) -> Match<'a> {
        let usable = || all.iter().filter(|it| it.is_usable());
        let families: BTreeSet<_> = usable().map(|it| it.family.as_str()).collect();
        let recommended = catalog.repo(&self.words).filter(|it| families.contains(it));
        let words = recommended.unwrap_or(&self.words).to_lowercase();
        let ways: [fn(&str, &str) -> bool; 5] = [
            |family, words| family == words,
            |family, words| without_ending(family) == without_ending(words),
            |family, words| !words.contains('/') && short(family) == short(words),
            |family, words| without_tag(family) == words,
            |family, words| squeezed(family).contains(&squeezed(words)),
        ];
        let mut several = Vec::new();
        for way in ways.iter().filter(|_| !words.is_empty()) {
            let fits = |it: &&&str| way(&it.to_lowercase(), &words);
            let found: Vec<_> = families.iter().filter(fits).copied().collect();
            let forms = |family: &str| {
                let asked = |it: &&Found| match (&self.quant, &it.quant) {
                    (Some(asked), Some(quant)) => quant.answers(asked),
                    (asked, _) => asked.is_none(),
                };
                usable().filter(|it| it.family == family).filter(asked).collect::<Vec<_>>()
            };
            let with_forms: Vec<_> =
                found.into_iter().map(|it| (it, forms(it))).filter(|it| !it.1.is_empty()).collect();
            match &with_forms[..] {
                [] => {}
                [(_, forms)] => return Match::One(forms.clone()),
                many => {
                    several = many.iter().map(|it| it.0.to_owned()).collect();
                    break;
                }
            }
        }
        if !several.is_empty() {
            return Match::Several(several);
        }
        Match::None(alike(&words, usable().map(Found::name).collect()))
    }
}

/// `qwen3.5-4b` of `unsloth/qwen3.5-4b-gguf`.
fn short(name: &str) -> &str {
    without_ending(name.rsplit('/').next().unwrap_or(name))
}

fn without_ending(name: &str) -> &str {
    name.strip_suffix("-gguf").unwrap_or(name)
}

/// Ollama's `latest` need not be said.
fn without_tag(name: &str) -> &str {
    name.strip_suffix(":latest").unwrap_or(name)
}

fn alike(words: &str, names: BTreeSet<String>) -> Vec<String> {
    const MOST: usize = 3;
    const CLOSE: f64 = 0.8;
    let likeness = |it: &String| {
        let name = it.to_lowercase();
        let quant = name.rsplit_once(':').map_or(name.as_str(), |(name, _)| name);
        [short(&name), short(quant), &name]
            .into_iter()
            .map(|it| strsim::jaro_winkler(it, short(words)))
            .fold(0.0, f64::max)
    };
    let mut close: Vec<_> = names.into_iter().map(|it| (likeness(&it), it)).collect();
    close.retain(|it| CLOSE < it.0);
    close.sort_by(|a, b| b.0.total_cmp(&a.0));
    close.into_iter().take(MOST).map(|it| it.1).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::models::name::Role;
    use crate::models::store::{Keeper, State};

    const HERE: &[&str] = &[
        "unsloth/Qwen3.5-4B-GGUF:Q4_K_M",
        "unsloth/Qwen3.5-4B-GGUF:UD-Q4_K_XL",
        "unsloth/Qwen3.5-9B-GGUF:Q4_K_M",
        "ggml-org/gpt-oss-20b-GGUF:MXFP4",
        "bartowski/Qwen3.5-9B-GGUF:Q8_0",
        "qwen3:4b",
        "llama3.2:latest",
    ];

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let found = |name: &&str| {
            let reference = Reference::parse(name);
            Found {
                family: reference.words,
                quant: reference.quant,
                keeper: Keeper::HuggingFace,
                path: "x".into(),
                files: Vec::new(),
                size: 1,
                modified: SystemTime::UNIX_EPOCH,
                state: State::Whole,
                role: Role::Model,
            }
        };
        let all: Vec<_> = HERE.iter().map(found).collect();
        let told = match Reference::parse(text).find(&all, &Catalog::ours()) {
            Match::One(forms) => forms.iter().map(|it| it.name()).collect::<Vec<_>>().join(" | "),
            Match::Several(names) => format!("several: {}", names.join(" | ")),
            Match::None(names) => format!("none, like: {}", names.join(" | ")),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn a_whole_name_is_the_one() {
        check(
            "unsloth/Qwen3.5-4B-GGUF",
            expect!["unsloth/Qwen3.5-4B-GGUF:Q4_K_M | unsloth/Qwen3.5-4B-GGUF:UD-Q4_K_XL"],
        );
        check("unsloth/qwen3.5-4b-gguf:q4_k_m", expect!["unsloth/Qwen3.5-4B-GGUF:Q4_K_M"]);
        check("unsloth/Qwen3.5-4B-GGUF:UD-Q4_K_XL", expect!["unsloth/Qwen3.5-4B-GGUF:UD-Q4_K_XL"]);
        check("qwen3:4b", expect!["qwen3:4b"]);
    }

    #[test]
    fn addresses_are_names_too() {
        check(
            "https://huggingface.co/unsloth/Qwen3.5-4B-GGUF?x=1",
            expect!["unsloth/Qwen3.5-4B-GGUF:Q4_K_M | unsloth/Qwen3.5-4B-GGUF:UD-Q4_K_XL"],
        );
        check("hf.co/unsloth/Qwen3.5-4B-GGUF:Q4_K_M", expect!["unsloth/Qwen3.5-4B-GGUF:Q4_K_M"]);
        check(
            "https://huggingface.co/unsloth/Qwen3.5-4B-GGUF/blob/main/Qwen3.5-4B-Q4_K_M.gguf",
            expect!["unsloth/Qwen3.5-4B-GGUF:Q4_K_M"],
        );
    }

    #[test]
    fn the_owner_the_ending_and_the_marks_need_not_be_said() {
        check(
            "qwen3.5-4b",
            expect!["unsloth/Qwen3.5-4B-GGUF:Q4_K_M | unsloth/Qwen3.5-4B-GGUF:UD-Q4_K_XL"],
        );
        check("gpt-oss-20b", expect!["ggml-org/gpt-oss-20b-GGUF:MXFP4"]);
        check("gpt oss", expect!["ggml-org/gpt-oss-20b-GGUF:MXFP4"]);
        check("llama3.2", expect!["llama3.2:latest"]);
    }

    #[test]
    fn of_several_none_is_taken() {
        check(
            "qwen3.5-9b",
            expect!["several: bartowski/Qwen3.5-9B-GGUF | unsloth/Qwen3.5-9B-GGUF"],
        );
        check(
            "qwen3.5",
            expect![
                "several: bartowski/Qwen3.5-9B-GGUF | unsloth/Qwen3.5-4B-GGUF | unsloth/Qwen3.5-9B-GGUF"
            ],
        );
        check("qwen3.5-9b:q8_0", expect!["bartowski/Qwen3.5-9B-GGUF:Q8_0"]);
        check("bartowski/qwen3.5-9b", expect!["bartowski/Qwen3.5-9B-GGUF:Q8_0"]);
    }

    #[test]
    fn what_is_only_alike_is_offered_and_never_taken() {
        check(
            "qwen3.5-5b",
            expect![
                "none, like: bartowski/Qwen3.5-9B-GGUF:Q8_0 | unsloth/Qwen3.5-4B-GGUF:Q4_K_M | unsloth/Qwen3.5-4B-GGUF:UD-Q4_K_XL"
            ],
        );
        check("gpt-os-20b", expect!["none, like: ggml-org/gpt-oss-20b-GGUF:MXFP4"]);
        check(
            "qwen3.5-4b:Q8_0",
            expect![
                "none, like: unsloth/Qwen3.5-4B-GGUF:Q4_K_M | unsloth/Qwen3.5-4B-GGUF:UD-Q4_K_XL | bartowski/Qwen3.5-9B-GGUF:Q8_0"
            ],
        );
        check("entirely-different", expect!["none, like: "]);
        check("", expect!["none, like: "]);
    }

    #[test]
    fn an_alias_of_the_catalogue_is_a_name() {
        check("gpt-oss", expect!["ggml-org/gpt-oss-20b-GGUF:MXFP4"]);
    }
}
