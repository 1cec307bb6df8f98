//! Models worth having, as data: ours, or the person's own file.

use std::path::Path;

use anyhow::{Context, anyhow};
use serde::Deserialize;

use crate::models::fit::{Machine, Need, Place, place};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalog {
    /// The best first.
    #[serde(rename = "model")]
    pub(crate) entries: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) repo: String,
    pub(crate) quant: Option<String>,
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    /// Gigabytes, with a context of 32k.
    pub(crate) needs: f64,
    /// Billions.
    pub(crate) parameters: f64,
    /// Of these, what one token uses, if not all.
    pub(crate) active: Option<f64>,
    #[serde(default)]
    pub(crate) note: String,
}

impl Catalog {
    pub(crate) fn ours() -> Self {
        let text = include_str!("../../models/catalog.toml");
        toml::from_str(text).expect("the catalogue is ours, a test reads it")
    }

    /// The person's, if there is one.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => toml::from_str(&text).map_err(|err: toml::de::Error| {
                let line = err.span().map_or(0, |it| text[..it.start].matches('\n').count()) + 1;
                anyhow!(
                    "cannot understand line {line} of `{}`: {}\n\
                     hint: mend it, or move it away, and the built-in catalogue counts",
                    file.display(),
                    err.message()
                )
            }),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(Self::ours()),
            Err(err) => Err(err).with_context(|| format!("cannot read `{}`", file.display())),
        }
    }

    /// The repository of a name or an alias.
    pub(crate) fn repo(&self, name: &str) -> Option<&str> {
        self.entry(name).map(|it| it.repo.as_str())
    }

    /// What goes by a name or an alias.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        let is_it = |it: &&Entry| {
            let mut names = it.aliases.iter().chain([&it.name]);
            names.any(|it| it.eq_ignore_ascii_case(name))
        };
        self.entries.iter().find(is_it)
    }

    /// The best for a machine. Where a model must be computed without a card, one of which little is
    /// used at a time is better than a larger one that takes a minute for a sentence.
    pub(crate) fn best(&self, machine: &Machine) -> Option<&Entry> {
        let on = |wanted: Place| move |it: &&Entry| it.place(machine) == wanted;
        let is_quick = |it: &&Entry| it.active.unwrap_or(it.parameters) <= QUICK;
        // Memory is shared with all else that runs; a model that takes nearly all of it makes that slow.
        let is_easy = |it: &&Entry| {
            !machine.cards.is_empty() || it.needs * 1e9 <= 0.75 * machine.memory as f64
        };
        let find = |wanted| self.entries.iter().find(on(wanted));
        let quick = |wanted| self.entries.iter().filter(is_quick).filter(is_easy).find(on(wanted));
        find(Place::Cards).or_else(|| quick(Place::Both)).or_else(|| quick(Place::Memory))
    }
}

/// Billions of parameters that a processor gets through in good time.
const QUICK: f64 = 6.0;

impl Entry {
    /// As the hub knows it.
    pub(crate) fn reference(&self) -> String {
        let quant = self.quant.as_deref().map(|it| format!(":{it}")).unwrap_or_default();
        format!("{}{quant}", self.repo)
    }

    pub(crate) fn place(&self, machine: &Machine) -> Place {
        let weights = (self.needs * 1e9) as u64;
        place(Need { weights, ..Need::default() }, machine)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expect_test::expect;

    use super::*;
    use crate::models::fit::Card;
    use crate::models::name::Quant;

    #[test]
    fn our_catalogue_is_in_order() {
        let catalog = Catalog::ours();
        let mut names = BTreeSet::new();
        for entry in &catalog.entries {
            assert_eq!(entry.repo.split('/').count(), 2, "{}", entry.repo);
            assert!(entry.quant.iter().all(|it| Quant::parse(it).is_some()), "{}", entry.name);
            for name in entry.aliases.iter().chain([&entry.name]) {
                assert!(names.insert(name), "{name} is there twice");
            }
        }
        assert_eq!(catalog.repo("GPT-OSS"), Some("ggml-org/gpt-oss-20b-GGUF"));
    }

    #[test]
    fn the_default_is_the_best_that_fits() {
        let catalog = Catalog::ours();
        let best = |memory: u64, card: u64| {
            let memory = memory * 1_000_000_000;
            let card = card * 1_000_000_000;
            let cards =
                (card != 0).then(|| Card { name: "a".into(), memory: card, available: card });
            let machine = Machine { memory, available: memory, cards: cards.into_iter().collect() };
            catalog.best(&machine).map_or("none", |it| &it.name).to_owned()
        };
        let told = [(1, 0), (4, 0), (8, 0), (16, 0), (32, 0), (64, 0), (128, 0), (16, 8), (16, 12)]
            .into_iter()
            .chain([(32, 16), (32, 24), (64, 32), (64, 80), (8, 48)])
            .map(|(memory, card)| format!("{memory}+{card}: {}\n", best(memory, card)));
        expect![[r#"
            1+0: none
            4+0: qwen3.5-0.8b
            8+0: qwen3.5-4b
            16+0: qwen3.5-4b
            32+0: qwen3.6-35b-a3b
            64+0: qwen3.6-35b-a3b
            128+0: gpt-oss-120b
            16+8: qwen3.5-4b
            16+12: qwen3.5-9b
            32+16: gpt-oss-20b
            32+24: qwen3.8-27b
            64+32: qwen3.8-27b
            64+80: gpt-oss-120b
            8+48: qwen3.8-27b
        "#]]
        .assert_eq(&told.collect::<String>());
    }

    #[test]
    fn a_catalogue_of_the_persons_own_takes_the_place_of_ours() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("catalog.toml");
        assert!(1 < Catalog::read(&file).unwrap().entries.len());
        std::fs::write(&file, "[[model]]\nname='a'\nrepo='b/c'\nneeds=1\nparameters=1").unwrap();
        assert_eq!(Catalog::read(&file).unwrap().entries.len(), 1);
        std::fs::write(&file, "[[model]]\nname='a'\nsize=1").unwrap();
        assert!(Catalog::read(&file).is_err());
    }
}
