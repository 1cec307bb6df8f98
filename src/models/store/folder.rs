//! Folders of model files: LM Studio's, in which `org/repo` is where they lie, and a person's own.

use std::collections::BTreeMap;
use std::path::Path;

use walkdir::WalkDir;

use crate::models::name::FileName;
use crate::models::store::{File, Found, Keeper, is_partial, models, partial};

/// Deeper nobody keeps models.
const DEPTH: usize = 5;

pub(super) fn scan(root: &Path, keeper: Keeper, all: &mut Vec<Found>) {
    let mut families: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for entry in WalkDir::new(root).max_depth(DEPTH).follow_links(true).sort_by_file_name() {
        // A link that leads nowhere is an error to a walk that follows links.
        let path = match &entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => entry.path(),
            Err(err) => match err.path() {
                Some(path) => path,
                None => continue,
            },
        };
        let Some(relative) = path.strip_prefix(root).ok().and_then(Path::to_str) else { continue };
        if is_partial(relative) && relative.contains(".gguf") {
            let family = relative.split(".gguf").next().unwrap_or(relative);
            all.extend(partial(family, keeper, vec![path.to_owned()]));
        } else if let Some(name) = FileName::of(relative) {
            let family = family(relative, &name, keeper);
            let file = File::new(relative.to_owned(), path.to_owned());
            families.entry(family).or_default().push(file);
        }
    }
    for (family, files) in families {
        models(&family, keeper, files, all);
    }
}

fn family(relative: &str, name: &FileName, keeper: Keeper) -> String {
    let folders: Vec<_> = relative.split('/').collect();
    match (keeper, &folders[..]) {
        (Keeper::LmStudio, [owner, repo, _, ..]) => format!("{owner}/{repo}"),
        _ => name.base.clone(),
    }
}
