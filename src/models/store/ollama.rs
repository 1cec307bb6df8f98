//! Ollama's models: manifests that name blobs by their hash.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use walkdir::WalkDir;

use crate::models::gguf;
use crate::models::name::{Quant, Role};
use crate::models::store::{Found, Keeper, State, names, partial};

/// What of a manifest is of use.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
    config: Option<Layer>,
}

#[derive(Debug, Deserialize)]
struct Layer {
    #[serde(rename = "mediaType", default)]
    media: String,
    digest: String,
    #[serde(default)]
    size: u64,
}

impl Manifest {
    /// `None` if it is none, or larger than one can be.
    pub(super) fn read(path: &Path) -> Option<Self> {
        const MOST: u64 = 1 << 20;
        let is_small = path.metadata().ok()?.len() <= MOST;
        let text = is_small.then(|| std::fs::read_to_string(path).ok()).flatten()?;
        serde_json::from_str(&text).ok()
    }

    /// The blobs that it holds, by their file names.
    pub(super) fn blobs(&self) -> impl Iterator<Item = String> {
        let layers = self.layers.iter().chain(&self.config);
        layers.filter_map(|it| blob(&it.digest))
    }

    fn layer(&self, kind: &str) -> Option<&Layer> {
        let media = format!("application/vnd.ollama.image.{kind}");
        self.layers.iter().find(|it| it.media == media)
    }
}

pub(super) fn scan(root: &Path, all: &mut Vec<Found>) {
    let blobs = root.join("blobs");
    for (manifest, name) in manifests(root) {
        let Some(read) = Manifest::read(&manifest) else { continue };
        let Some(layer) = read.layer("model") else { continue };
        let Some(path) = blob(&layer.digest).map(|it| blobs.join(it)) else { continue };
        let metadata = path.metadata().ok();
        let state = match &metadata {
            Some(it) if it.len() == layer.size || layer.size == 0 => State::Whole,
            Some(_) => State::Broken("its blob is not as large as its manifest says".to_owned()),
            None => State::Broken("its blob is gone".to_owned()),
        };
        let header = gguf::peek(&path);
        let file_type = header.and_then(|it| it.whole("general.file_type"));
        all.push(Found {
            family: name,
            quant: file_type.and_then(Quant::of_file_type),
            keeper: Keeper::Ollama,
            files: vec![path.clone()],
            path,
            size: metadata.as_ref().map_or(0, std::fs::Metadata::len),
            modified: manifest
                .metadata()
                .and_then(|it| it.modified())
                .unwrap_or(std::time::UNIX_EPOCH),
            state,
            role: Role::Model,
        });
    }
    for name in names(&blobs).iter().filter(|it| it.ends_with("-partial")) {
        let short = name.get(..19).unwrap_or(name);
        all.extend(partial(short, Keeper::Ollama, vec![blobs.join(name)]));
    }
}

/// Every manifest, and what Ollama calls its model: `qwen3:4b`, `hf.co/org/repo:Q4_K_M`.
pub(super) fn manifests(root: &Path) -> Vec<(PathBuf, String)> {
    let root = root.join("manifests");
    let files = WalkDir::new(&root).min_depth(4).max_depth(4).sort_by_file_name();
    let files = files.into_iter().flatten().filter(|it| it.file_type().is_file());
    let named = files.filter_map(|it| {
        let relative = it.path().strip_prefix(&root).ok()?.to_str()?;
        let parts: Vec<_> = relative.split('/').collect();
        let [host, owner, model, tag] = parts[..] else { return None };
        let name = match (host, owner) {
            ("registry.ollama.ai", "library") => format!("{model}:{tag}"),
            ("registry.ollama.ai", owner) => format!("{owner}/{model}:{tag}"),
            (host, owner) => format!("{host}/{owner}/{model}:{tag}"),
        };
        Some((it.into_path(), name))
    });
    named.collect()
}

/// A manifest, or a folder of them, of which cannot be told what it holds.
pub(super) fn unreadable(root: &Path) -> Option<PathBuf> {
    let root = root.join("manifests");
    WalkDir::new(&root).max_depth(4).into_iter().find_map(|entry| match entry {
        Err(err) => Some(err.path().unwrap_or(&root).to_owned()),
        Ok(it) if it.depth() < 4 || Manifest::read(it.path()).is_some() => None,
        Ok(it) => Some(it.into_path()),
    })
}

/// The file of a digest. It is a stranger's word, so it must be nothing but a hash.
fn blob(digest: &str) -> Option<String> {
    let (kind, hash) = digest.split_once([':', '-'])?;
    let is_hash =
        kind == "sha256" && hash.len() == 64 && hash.bytes().all(|it| it.is_ascii_hexdigit());
    is_hash.then(|| format!("sha256-{hash}"))
}
