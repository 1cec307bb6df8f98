//! Which files of a repository make the model that was meant.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};

use crate::models::hub::api::Entry;
use crate::models::hub::reference::Which;

/// What is taken when nothing is said, the best first. It begins as llama.cpp's own choice does, so that
/// both find the same file.
const PREFERRED: &[&str] = &[
    "Q4_K_M",
    "UD-Q4_K_XL",
    "UD-Q4_K_M",
    "MXFP4",
    "MXFP4_MOE",
    "Q4_K_S",
    "IQ4_XS",
    "Q4_0",
    "Q5_K_M",
    "Q6_K",
    "Q8_0",
];

/// Files that stand beside a model and are none.
const SIDECARS: &[&str] = &["mmproj", "mtp-", "eagle3-", "dflash-", "dspark-", "imatrix"];

/// A model in a repository: its parts in order, and what lets it see.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) quant: Option<String>,
    pub(crate) parts: Vec<Entry>,
    pub(crate) projector: Option<Entry>,
}

impl Choice {
    pub(crate) fn size(&self) -> u64 {
        self.parts.iter().chain(&self.projector).map(|it| it.size).sum()
    }
}

/// Finds it, or says what there is instead.
pub(crate) fn choose(repo: &str, entries: &[Entry], which: &Which) -> anyhow::Result<Choice> {
    let models = models(entries);
    if models.is_empty() {
        bail!(
            "`{repo}` has no GGUF files\n\
             hint: `agent models search {}` finds conversions",
            repo.split_once('/').map_or(repo, |it| it.1)
        );
    }
    let mut choice = match which {
        Which::Best => best(models),
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

fn best(models: Vec<Choice>) -> Choice {
    let rank = |it: &Choice| {
        let quant = it.quant.as_deref().unwrap_or_default();
        PREFERRED.iter().position(|it| *it == quant).unwrap_or(PREFERRED.len())
    };
    let best = models.into_iter().min_by_key(|it| (rank(it), it.size()));
    best.expect("there is a model")
}

fn of_quant(repo: &str, models: Vec<Choice>, wanted: &str) -> anyhow::Result<Choice> {
    let wanted = wanted.to_uppercase();
    let is_it = |it: &Choice, bare: bool| {
        let quant = it.quant.as_deref().unwrap_or_default();
        let quant = if bare { quant.trim_start_matches("UD-") } else { quant };
        quant == wanted
    };
    // `UD-` is what one maker writes before its own mixture; who leaves it out means it too.
    let found = models.iter().find(|it| is_it(it, false));
    if let Some(found) = found.or_else(|| models.iter().find(|it| is_it(it, true))) {
        return Ok(found.clone());
    }
    let mut there: Vec<_> =
        models.iter().filter_map(|it| Some((it.size(), it.quant.clone()?))).collect();
    there.sort();
    let there: Vec<_> = there.into_iter().map(|(_, quant)| format!("`{quant}`")).collect();
    bail!("`{repo}` has no `{wanted}`\nhint: it has {}", there.join(", "))
}

/// A model of which a part is missing is not one.
fn check_parts(choice: &Choice) -> anyhow::Result<()> {
    let Some((stem, _, count)) = split(&choice.parts[0].path) else { return Ok(()) };
    let numbers = choice.parts.iter().filter_map(|it| split(&it.path)).map(|it| it.1);
    if !numbers.eq(1..=count) {
        bail!("`{stem}` has {count} parts, and {} of them are there", choice.parts.len());
    }
    Ok(())
}

/// The models, each with its parts.
fn models(entries: &[Entry]) -> Vec<Choice> {
    let mut models: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in entries.iter().filter(|it| is_model(&it.path)) {
        let stem = split(&entry.path).map_or(entry.path.clone(), |it| it.0.to_owned());
        models.entry(stem).or_default().push(entry.clone());
    }
    let models = models.into_values().map(|mut parts| {
        parts.sort_by(|a, b| a.path.cmp(&b.path));
        Choice { quant: quant_of(&parts[0].path), parts, projector: None }
    });
    models.collect()
}

fn is_model(path: &str) -> bool {
    let name = name(path).to_lowercase();
    name.ends_with(".gguf") && !SIDECARS.iter().any(|it| name.starts_with(it))
}

fn projector(entries: &[Entry]) -> Option<Entry> {
    let is_one = |it: &&Entry| {
        let name = name(&it.path).to_lowercase();
        name.starts_with("mmproj") && name.ends_with(".gguf")
    };
    let rank = |it: &&Entry| {
        let quant = quant_of(&it.path).unwrap_or_default();
        ["F16", "BF16", "Q8_0"].iter().position(|it| *it == quant).unwrap_or(3)
    };
    entries.iter().filter(is_one).min_by_key(rank).cloned()
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `a-00001-of-00003.gguf`: what all parts have in common, which it is, and of how many.
fn split(path: &str) -> Option<(&str, u32, u32)> {
    let (rest, count) = path.strip_suffix(".gguf")?.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let is_number = |it: &str| it.len() == 5 && it.bytes().all(|it| it.is_ascii_digit());
    let are_numbers = is_number(number) && is_number(count);
    are_numbers.then(|| Some((stem, number.parse().ok()?, count.parse().ok()?)))?
}

/// The quant that a name speaks of, in capitals: the last word of it that looks like one.
pub(super) fn quant_of(path: &str) -> Option<String> {
    let stem = split(path).map_or_else(|| path.strip_suffix(".gguf").unwrap_or(path), |it| it.0);
    let upper = name(stem).to_uppercase();
    let words: Vec<&str> = upper.split(['-', '.']).collect();
    let at = words.iter().rposition(|it| is_quant(it))?;
    let ud = if 0 < at && words[at - 1] == "UD" { "UD-" } else { "" };
    Some(format!("{ud}{}", words[at]))
}

fn is_quant(word: &str) -> bool {
    let starts = ["IQ", "TQ", "Q", "BF", "F", "MXFP", "NVFP"];
    let rest = starts.iter().find_map(|it| word.strip_prefix(it));
    rest.is_some_and(|it| {
        it.starts_with(|it: char| it.is_ascii_digit())
            && it.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
            && (word.contains('_') || ["F16", "F32", "BF16", "MXFP4", "NVFP4"].contains(&word))
    })
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
        let told = choose("org/repo", &entries.collect::<Vec<_>>(), &which).map(|it| {
            let all = it.parts.iter().chain(&it.projector).map(|it| it.path.as_str());
            all.collect::<Vec<_>>().join(" ")
        });
        expected.assert_eq(&told.unwrap_or_else(|err| err.to_string()));
    }

    #[test]
    fn without_a_word_it_is_what_llama_cpp_takes() {
        check(USUAL, "", expect!["a-Q4_K_M.gguf mmproj-F16.gguf"]);
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

    #[test]
    fn quants_are_read_from_names() {
        for (name, quant) in [
            ("Qwen3-Coder-30B-A3B-Instruct-Q4_K_M.gguf", Some("Q4_K_M")),
            ("model.q4_k_m.gguf", Some("Q4_K_M")),
            ("a-UD-IQ3_XXS.gguf", Some("UD-IQ3_XXS")),
            ("gpt-oss-20b-mxfp4.gguf", Some("MXFP4")),
            ("a-BF16-00001-of-00004.gguf", Some("BF16")),
            ("f16.gguf", Some("F16")),
            ("Qwen3-4B.gguf", None),
        ] {
            assert_eq!(quant_of(name).as_deref(), quant, "{name}");
        }
    }
}
