//! Where programs keep models.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::models::variables;

/// The folders of each program. What is not there is no fault.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Places {
    pub(crate) hubs: Vec<PathBuf>,
    pub(crate) llama_caches: Vec<PathBuf>,
    pub(crate) ollama: Vec<PathBuf>,
    pub(crate) lm_studio: Vec<PathBuf>,
    /// The person's own; the first is where files are taken in.
    pub(crate) folders: Vec<PathBuf>,
}

impl Places {
    /// By the variables that the programs heed themselves, in their order.
    pub(crate) fn of<'a>(
        variable: impl Fn(&str) -> Option<&'a OsStr>,
        home: Option<&Path>,
        folders: Vec<PathBuf>,
    ) -> Self {
        let named = |name: &str| variables::path(variable(name)?, home);
        let cache = variables::caches(&named, home);
        let in_cache = |name: &str| cache.as_ref().map(|it| it.join(name));
        let in_home = |name: &str| home.map(|it| it.join(name));

        let hub = variables::hub_cache(&named, home);
        // Once a flat cache, nowadays one like the hub's: there may be either.
        let llama = named("LLAMA_CACHE");
        let system = Some(PathBuf::from("/usr/share/ollama/.ollama/models"));
        let data = named("XDG_DATA_HOME").or_else(|| in_home(".local/share"));
        let ours = data.map(|it| it.join("agent/models"));
        let pointer = in_home(".lmstudio-home-pointer");
        let pointed = pointer.and_then(|it| std::fs::read_to_string(it).ok());
        let pointed = pointed.map(|it| Path::new(it.trim()).join("models"));

        let list = |all: Vec<Option<PathBuf>>| {
            let mut list: Vec<PathBuf> = Vec::new();
            for path in all.into_iter().flatten().filter(|it| it.is_absolute()) {
                if !list.contains(&path) {
                    list.push(path);
                }
            }
            list
        };
        Self {
            hubs: list(vec![llama.clone(), hub]),
            llama_caches: list(vec![llama, in_cache("llama.cpp")]),
            ollama: list(vec![named("OLLAMA_MODELS"), in_home(".ollama/models"), system]),
            lm_studio: list(vec![
                pointed,
                in_home(".lmstudio/models"),
                in_cache("lm-studio/models"),
            ]),
            folders: list(folders.into_iter().map(Some).chain([ours]).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: Expect) {
        let variable = |name: &str| {
            let found = variables.iter().find(|(it, _)| *it == name)?;
            Some(OsStr::new(found.1))
        };
        let places = Places::of(variable, Some(Path::new("/h")), vec!["/m".into()]);
        let line = |name: &str, all: &[PathBuf]| {
            let all: Vec<_> = all.iter().map(|it| it.display().to_string()).collect();
            format!("{name}: {}\n", all.join(" "))
        };
        expected.assert_eq(
            &[
                line("hubs", &places.hubs),
                line("llama.cpp", &places.llama_caches),
                line("ollama", &places.ollama),
                line("lm studio", &places.lm_studio),
                line("folders", &places.folders),
            ]
            .concat(),
        );
    }

    #[test]
    fn without_a_word_everything_is_at_its_usual_place() {
        check(
            &[],
            expect![[r#"
            hubs: /h/.cache/huggingface/hub
            llama.cpp: /h/.cache/llama.cpp
            ollama: /h/.ollama/models /usr/share/ollama/.ollama/models
            lm studio: /h/.lmstudio/models /h/.cache/lm-studio/models
            folders: /m /h/.local/share/agent/models
        "#]],
        );
    }

    #[test]
    fn the_variables_of_the_programs_are_heeded_in_their_order() {
        check(
            &[
                ("LLAMA_CACHE", "/l"),
                ("HF_HOME", "/hf"),
                ("HUGGINGFACE_HUB_CACHE", "/old"),
                ("HF_HUB_CACHE", "/hub"),
                ("XDG_CACHE_HOME", "/c"),
                ("XDG_DATA_HOME", "relative"),
                ("OLLAMA_MODELS", "/o"),
            ],
            expect![[r#"
                hubs: /l /hub
                llama.cpp: /l /c/llama.cpp
                ollama: /o /h/.ollama/models /usr/share/ollama/.ollama/models
                lm studio: /h/.lmstudio/models /c/lm-studio/models
                folders: /m /h/.local/share/agent/models
            "#]],
        );
        check(
            &[("HF_HOME", "/hf")],
            expect![[r#"
            hubs: /hf/hub
            llama.cpp: /h/.cache/llama.cpp
            ollama: /h/.ollama/models /usr/share/ollama/.ollama/models
            lm studio: /h/.lmstudio/models /h/.cache/lm-studio/models
            folders: /m /h/.local/share/agent/models
        "#]],
        );
    }
}
