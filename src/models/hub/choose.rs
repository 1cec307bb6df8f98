//! Which files of a repository make the model that was meant.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};

use crate::models::choose::Candidate;
use crate::models::hub::api::Entry;
use crate::models::hub::reference::Which;
use crate::models::name::{FileName, Quant, Role};

/// A model in a repository: its parts in order, and what lets it see.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) quant: Option<Quant>,
    pub(crate) parts: Vec<Entry>,
    pub(crate) projector: Option<Entry>,
    /// Why this one, where it was chosen for the person.
    pub(crate) why: Option<String>,
}

/// The best of several forms, and why in a line.
pub(crate) type Taste<'a> = dyn Fn(&[Candidate]) -> Option<(usize, String)> + 'a;

impl Choice {
    pub(crate) fn size(&self) -> u64 {
        self.parts.iter().chain(&self.projector).fold(0, |all, it| all.saturating_add(it.size))
    }
}

/// Finds it, or says what there is instead. Where nothing is said of the form, it is a matter of `taste`.
pub(crate) fn choose(
    repo: &str,
    entries: &[Entry],
    which: &Which,
    taste: &Taste<'_>,
) -> anyhow::Result<Choice> {
    let models = models(entries);
    if models.is_empty() {
        bail!(
            "`{repo}` has no GGUF files\n\
             hint: `agent models search {}` finds conversions",
            repo.split_once('/').map_or(repo, |it| it.1)
        );
    }
    let mut choice = match which {
        Which::Best => best(models, taste),
        Which::Quant(wanted) => of_quant(repo, models, wanted)?,
        Which::File(path) => {
            let found = models.into_iter().find(|it| it.parts.iter().any(|it| it.path == *path));
            found.ok_or_else(|| anyhow!("`{repo}` has no model `{path}`"))?
        }
    };
    check_parts(&choice)?;
    choice.projector = projector(entries);
    Ok(choice)
}

fn best(mut models: Vec<Choice>, taste: &Taste<'_>) -> Choice {
    let candidate = |it: &Choice| Candidate { quant: it.quant.clone(), size: it.size() };
    let candidates: Vec<_> = models.iter().map(candidate).collect();
    let (at, why) = taste(&candidates).unwrap_or_default();
    Choice { why: Some(why), ..models.swap_remove(at) }
}

fn of_quant(repo: &str, models: Vec<Choice>, wanted: &str) -> anyhow::Result<Choice> {
    // The maker's own mixture is meant as well by who leaves out its mark.
    let asked = Quant::parse(wanted);
    let is = |it: &Choice| it.quant.is_some() && it.quant == asked;
    let answers =
        |it: &Choice| it.quant.as_ref().zip(asked.as_ref()).is_some_and(|it| it.0.answers(it.1));
    if let Some(found) =
        models.iter().find(|it| is(it)).or_else(|| models.iter().find(|it| answers(it)))
    {
        return Ok(found.clone());
    }
    let mut there: Vec<_> =
        models.iter().filter_map(|it| Some((it.size(), it.quant.as_ref()?.to_string()))).collect();
    there.sort();
    let there: Vec<_> = there.into_iter().map(|(_, quant)| format!("`{quant}`")).collect();
    bail!("`{repo}` has no `{}`\nhint: it has {}", wanted.to_uppercase(), there.join(", "))
}

/// A model of which a part is missing is not one.
fn check_parts(choice: &Choice) -> anyhow::Result<()> {
    let part = |it: &Entry| FileName::of(&it.path)?.part;
    let Some(first) = part(&choice.parts[0]) else { return Ok(()) };
    if !choice.parts.iter().filter_map(part).map(|it| it.number).eq(1..=first.count) {
        let stem = choice.parts[0].path.rsplit_once("-of-").and_then(|it| it.0.rsplit_once('-'));
        let stem = stem.map_or(&*choice.parts[0].path, |it| it.0);
        bail!("`{stem}` has {} parts, and {} of them are there", first.count, choice.parts.len());
    }
    Ok(())
}

/// The models, each with its parts.
pub(super) fn models(entries: &[Entry]) -> Vec<Choice> {
    let mut models: BTreeMap<String, (Option<Quant>, Vec<Entry>)> = BTreeMap::new();
    for entry in entries {
        let Some(name) = FileName::of(&entry.path).filter(|it| it.role == Role::Model) else {
            continue;
        };
        let whole = match name.part {
            Some(part) => part.sibling(&entry.path, 1),
            None => entry.path.clone(),
        };
        models.entry(whole).or_insert_with(|| (name.quant, Vec::new())).1.push(entry.clone());
    }
    let models = models.into_values().map(|(quant, mut parts)| {
        parts.sort_by(|a, b| a.path.cmp(&b.path));
        Choice { quant, parts, projector: None, why: None }
    });
    models.collect()
}

fn projector(entries: &[Entry]) -> Option<Entry> {
    let name = |it: &Entry| FileName::of(&it.path).filter(|it| it.role == Role::Projector);
    let rank = |it: &&Entry| {
        let quant = name(it).and_then(|it| it.quant).map(|it| it.to_string()).unwrap_or_default();
        ["F16", "BF16", "Q8_0"].iter().position(|it| *it == quant).unwrap_or(3)
    };
    entries.iter().filter(|it| name(it).is_some()).min_by_key(rank).cloned()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const USUAL: &str = "README.md a-Q8_0.gguf a-Q4_K_M.gguf a-UD-Q4_K_XL.gguf a-IQ1_S.gguf \
                         mmproj-BF16.gguf mmproj-F16.gguf imatrix_unsloth.gguf";

    /// Chooses from files of 1, 2, 3 … bytes.
    #[track_caller]
    fn check(files: &str, which: &str, expected: Expect) {
        let entries = files.split_whitespace().zip(1..).map(|(path, size)| Entry {
            path: path.to_owned(),
            size,
            sha256: None,
            blob: String::new(),
        });
        let which = match which {
            "" => Which::Best,
            file if file.ends_with(".gguf") => Which::File(file.to_owned()),
            quant => Which::Quant(quant.to_owned()),
        };
        let taste = |all: &[Candidate]| {
            let rank = |at: &usize| all[*at].quant.as_ref().map_or(u32::MAX, |it| it.rank(None));
            (0..all.len()).min_by_key(rank).map(|it| (it, "the best".to_owned()))
        };
        let told = choose("org/repo", &entries.collect::<Vec<_>>(), &which, &taste).map(|it| {
            let all = it.parts.iter().chain(&it.projector).map(|it| it.path.as_str());
            all.collect::<Vec<_>>().join(" ")
        });
        expected.assert_eq(&told.unwrap_or_else(|err| err.to_string()));
    }

    #[test]
    fn without_a_word_it_is_a_matter_of_taste() {
        check(USUAL, "", expect!["a-UD-Q4_K_XL.gguf mmproj-F16.gguf"]);
        check("b-UD-IQ3_XXS.gguf b-UD-Q4_K_XL.gguf", "", expect!["b-UD-Q4_K_XL.gguf"]);
        check("x.gguf", "", expect!["x.gguf"]);
    }

    #[test]
    fn a_quant_is_named_in_any_case() {
        check(USUAL, "q8_0", expect!["a-Q8_0.gguf mmproj-F16.gguf"]);
        check(USUAL, "Q4_K_XL", expect!["a-UD-Q4_K_XL.gguf mmproj-F16.gguf"]);
        check(
            USUAL,
            "Q5_K_M",
            expect![[r#"
                `org/repo` has no `Q5_K_M`
                hint: it has `Q8_0`, `Q4_K_M`, `UD-Q4_K_XL`, `IQ1_S`"#]],
        );
    }

    #[test]
    fn a_split_model_is_all_its_parts() {
        let files = "BF16/a-BF16-00002-of-00002.gguf BF16/a-BF16-00001-of-00002.gguf a-Q8_0.gguf";
        for which in ["BF16", "BF16/a-BF16-00002-of-00002.gguf"] {
            check(
                files,
                which,
                expect!["BF16/a-BF16-00001-of-00002.gguf BF16/a-BF16-00002-of-00002.gguf"],
            );
        }
        check(
            "a-Q8_0-00001-of-00003.gguf a-Q8_0-00003-of-00003.gguf",
            "",
            expect!["`a-Q8_0` has 3 parts, and 2 of them are there"],
        );
    }

    #[test]
    fn a_repository_without_models_says_where_to_look() {
        check(
            "README.md model.safetensors mmproj-F16.gguf",
            "",
            expect![[r#"
                `org/repo` has no GGUF files
                hint: `agent models search repo` finds conversions"#]],
        );
    }
}
