//! The models on this machine, whatever program brought them: found where they are, never moved.

mod check;
mod folder;
mod hugging_face;
mod import;
mod llama_cache;
mod ollama;
mod places;
mod removal;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::models::gguf::{self, Header};
use crate::models::name::{FileName, Part, Quant, Role, squeezed};

pub(crate) use check::{Verdict, verify};
pub(crate) use import::import;
pub(crate) use places::Places;
pub(crate) use removal::removal;

/// A model, or what is left of one.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// `org/repo`, or what takes its place: quants of one are forms of one model.
    pub(crate) family: String,
    pub(crate) quant: Option<Quant>,
    pub(crate) keeper: Keeper,
    /// What a server is started with: of several files the first.
    pub(crate) path: PathBuf,
    /// All its files, as they are named; in some stores these are links.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
    pub(crate) state: State,
    pub(crate) role: Role,
}

/// Whose files these are.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Keeper {
    HuggingFace,
    LlamaCache,
    Ollama,
    LmStudio,
    Folder,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Whole,
    /// A download that was not finished.
    Partial,
    /// A link that leads nowhere, or a part that is not there.
    Broken(String),
}

impl Found {
    /// What it is called, and can be called by: `org/repo:Q4_K_M`.
    pub(crate) fn name(&self) -> String {
        match (&self.quant, self.keeper) {
            // Its name has a tag, which says all.
            (_, Keeper::Ollama) | (None, _) => self.family.clone(),
            (Some(quant), _) => format!("{}:{quant}", self.family),
        }
    }

    /// Whether one can work with it.
    pub(crate) fn is_usable(&self) -> bool {
        self.state == State::Whole && self.role == Role::Model
    }

    /// What its first bytes say: its architecture, what it was trained for.
    pub(crate) fn glance(&self) -> Option<Header> {
        (self.state == State::Whole).then(|| gguf::peek(&self.path)).flatten()
    }
}

impl fmt::Display for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HuggingFace => "hugging face",
            Self::LlamaCache => "llama.cpp",
            Self::Ollama => "ollama",
            Self::LmStudio => "lm studio",
            Self::Folder => "folder",
        })
    }
}

/// All that is here, by name. What two places lead to is told once.
pub(crate) fn scan(places: &Places) -> Vec<Found> {
    let mut all = Vec::new();
    places.hubs.iter().for_each(|it| hugging_face::scan(it, &mut all));
    places.llama_caches.iter().for_each(|it| llama_cache::scan(it, &mut all));
    places.ollama.iter().for_each(|it| ollama::scan(it, &mut all));
    places.lm_studio.iter().for_each(|it| folder::scan(it, Keeper::LmStudio, &mut all));
    places.folders.iter().for_each(|it| folder::scan(it, Keeper::Folder, &mut all));
    let mut seen = BTreeSet::new();
    all.retain(|it| seen.insert((it.path.canonicalize().unwrap_or(it.path.clone()), it.name())));
    tell_apart(&mut all);
    let key =
        |it: &Found| (it.family.to_lowercase(), it.role, it.quant.as_ref().map(|it| it.rank(None)));
    all.sort_by_cached_key(key);
    all
}

/// A repository may hold several models: the one it is called after keeps its name, and behind that
/// comes what the files of each other are called.
fn tell_apart(all: &mut [Found]) {
    let key = |it: &Found| Some(((it.keeper, it.family.clone()), base(it)?));
    let mut repos: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for (repo, base) in all.iter().filter_map(key) {
        repos.entry(repo).or_default().insert(squeezed(&base));
    }
    repos.retain(|_, bases| 1 < bases.len());
    for found in all.iter_mut() {
        let Some((repo, base)) = key(found) else { continue };
        let Some(bases) = repos.get(&repo) else { continue };
        let name = squeezed(&repo.1);
        let called_after = bases.iter().filter(|it| name.contains(*it)).max_by_key(|it| it.len());
        if called_after != Some(&squeezed(&base)) {
            found.family = format!("{}/{base}", found.family);
        }
    }
}

/// What a model in a repository is called by its file, without the quant.
fn base(found: &Found) -> Option<String> {
    let is_repo = matches!(found.keeper, Keeper::HuggingFace | Keeper::LmStudio);
    let name = found.path.file_name()?.to_str().filter(|_| is_repo && found.role == Role::Model)?;
    Some(FileName::of(name)?.base)
}

/// A file that was come across: its path in its repository, and on this machine.
struct File {
    relative: String,
    path: PathBuf,
    metadata: Option<Metadata>,
}

impl File {
    fn new(relative: String, path: PathBuf) -> Self {
        let metadata = path.metadata().ok();
        Self { relative, path, metadata }
    }
}

/// The models of a repository, from its files: parts that belong together are one.
fn models(family: &str, keeper: Keeper, files: Vec<File>, all: &mut Vec<Found>) {
    let mut groups: BTreeMap<_, Vec<(FileName, File)>> = BTreeMap::new();
    for file in files {
        let Some(name) = FileName::of(&file.relative) else { continue };
        if matches!(name.role, Role::Importance | Role::Vocabulary) {
            continue;
        }
        let count = name.part.map(|it| it.count);
        let folder = file.path.parent().map(Path::to_owned);
        let quant = name.quant.as_ref().map(Quant::to_string);
        let key = (folder, name.base.clone(), quant, count, name.role);
        groups.entry(key).or_default().push((name, file));
    }
    for mut group in groups.into_values() {
        group.sort_by_key(|(name, _)| name.part);
        all.extend(model(family, keeper, group));
    }
}

fn model(family: &str, keeper: Keeper, parts: Vec<(FileName, File)>) -> Option<Found> {
    let (name, first) = parts.first()?;
    let state = state(&parts);
    let metadata = || parts.iter().filter_map(|(_, it)| it.metadata.as_ref());
    let by_header = || {
        let header = gguf::peek(&first.path)?;
        Quant::of_file_type(header.whole("general.file_type")?)
    };
    let quant = name.quant.clone().or_else(by_header);
    Some(Found {
        family: family.to_owned(),
        quant,
        keeper,
        path: first.path.clone(),
        size: metadata().map(Metadata::size).sum(),
        modified: metadata()
            .filter_map(|it| it.modified().ok())
            .max()
            .unwrap_or(SystemTime::UNIX_EPOCH),
        state,
        role: name.role,
        files: parts.into_iter().map(|(_, it)| it.path).collect(),
    })
}

fn state(parts: &[(FileName, File)]) -> State {
    if let Some((_, gone)) = parts.iter().find(|(_, it)| it.metadata.is_none()) {
        let name = gone.path.file_name().unwrap_or_default().to_string_lossy();
        return State::Broken(format!("`{name}` is a link that leads nowhere"));
    }
    let is_odd = |it: &File| it.metadata.as_ref().is_some_and(|it| !it.is_file() || it.len() == 0);
    if parts.iter().any(|(_, it)| is_odd(it)) {
        return State::Broken("it is empty".to_owned());
    }
    let Some(Part { count, .. }) = parts[0].0.part else { return State::Whole };
    let there = |number| parts.iter().any(|(it, _)| it.part.is_some_and(|it| it.number == number));
    match (1..=count).find(|it| !there(*it)) {
        Some(missing) => State::Broken(format!("part {missing} of {count} is missing")),
        None => State::Whole,
    }
}

/// A download that somebody began.
fn is_partial(name: &str) -> bool {
    let endings = [".incomplete", ".downloadInProgress", ".partial", ".part", "-partial"];
    endings.iter().any(|it| name.ends_with(it))
}

/// What was begun in a folder of downloads.
fn partial(family: &str, keeper: Keeper, paths: Vec<PathBuf>) -> Option<Found> {
    let metadata: Vec<_> = paths.iter().filter_map(|it| it.metadata().ok()).collect();
    Some(Found {
        family: family.to_owned(),
        quant: None,
        keeper,
        path: paths.first()?.clone(),
        files: paths,
        // Some set the size first and write then: what is on the disk is what is there.
        size: metadata.iter().map(|it| it.size().min(it.blocks() * 512)).sum(),
        modified: metadata.iter().filter_map(|it| it.modified().ok()).max()?,
        state: State::Partial,
        role: Role::Model,
    })
}

/// The names in a folder, in order; none where it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|it| it.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// What files in a folder of LM Studio's are called.
    #[track_caller]
    fn check(files: &[&str], expected: Expect) {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        let places = Places { lm_studio: vec![dir.path().to_owned()], ..Places::default() };
        let names = scan(&places).iter().map(|it| it.name() + "\n").collect::<String>();
        expected.assert_eq(&names);
    }

    #[test]
    fn several_models_of_one_repository_are_told_apart() {
        check(
            &["o/Tiny-2B-GGUF/Tiny-2B-Q4_K_M.gguf", "o/Tiny-2B-GGUF/tiny_2b.Q8_0.gguf"],
            expect![[r#"
                o/Tiny-2B-GGUF:Q4_K_M
                o/Tiny-2B-GGUF:Q8_0
            "#]],
        );
        check(
            &[
                "o/Tiny-2B-GGUF/Tiny-2B-Q4_K_M.gguf",
                "o/Tiny-2B-GGUF/Tiny-2B-Q4_K_M-fixed.gguf",
                "o/Tiny-2B-GGUF/mmproj-F16.gguf",
            ],
            expect![[r#"
                o/Tiny-2B-GGUF:Q4_K_M
                o/Tiny-2B-GGUF:F16
                o/Tiny-2B-GGUF/Tiny-2B-fixed:Q4_K_M
            "#]],
        );
        check(
            &["o/models/one-Q4_K_M.gguf", "o/models/two-Q4_K_M.gguf"],
            expect![[r#"
            o/models/one:Q4_K_M
            o/models/two:Q4_K_M
        "#]],
        );
    }
}
