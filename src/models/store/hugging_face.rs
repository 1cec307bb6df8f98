//! The cache that the tools of Hugging Face, llama.cpp and we share: files by their hash, and folders
//! of links to them, one for each commit.

use std::collections::BTreeSet;
use std::path::Path;

use walkdir::WalkDir;

use crate::models::store::{File, Found, Keeper, is_partial, models, names, partial};

pub(super) fn scan(hub: &Path, all: &mut Vec<Found>) {
    for name in names(hub) {
        if let Some(repo) = name.strip_prefix("models--") {
            repository(&hub.join(&name), &repo.replacen("--", "/", 1), all);
        }
    }
}

fn repository(folder: &Path, repo: &str, all: &mut Vec<Found>) {
    let snapshots = folder.join("snapshots");
    let current = std::fs::read_to_string(folder.join("refs/main")).unwrap_or_default();
    let mut commits = names(&snapshots);
    commits.sort_by_key(|it| it != current.trim());
    let (mut seen, mut files) = (BTreeSet::new(), Vec::new());
    for commit in commits {
        let snapshot = snapshots.join(commit);
        for entry in WalkDir::new(&snapshot).max_depth(5).sort_by_file_name().into_iter().flatten()
        {
            let relative = entry.path().strip_prefix(&snapshot).ok().and_then(Path::to_str);
            let Some(relative) = relative.filter(|it| is_model(it)) else { continue };
            // What an older commit calls the same is the older form of it.
            if !entry.file_type().is_dir() && seen.insert(relative.to_owned()) {
                files.push(File::new(relative.to_owned(), entry.path().to_owned()));
            }
        }
    }
    models(repo, Keeper::HuggingFace, files, all);
    let blobs = folder.join("blobs");
    let begun = names(&blobs).into_iter().filter(|it| is_partial(it)).map(|it| blobs.join(it));
    all.extend(partial(repo, Keeper::HuggingFace, begun.collect()));
}

fn is_model(relative: &str) -> bool {
    relative.to_ascii_lowercase().ends_with(".gguf")
}
