//! What goes when a model is removed, and what stays because somebody else needs it.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use walkdir::WalkDir;

use crate::download::discard;
use crate::models::store::ollama::{Manifest, manifests, unreadable};
use crate::models::store::{Found, Keeper, Places, names};

/// A plan, to be shown before it is carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Removal {
    pub(crate) files: Vec<PathBuf>,
    /// Bytes that the disk has again.
    pub(crate) freed: u64,
    /// What the person should know first.
    pub(crate) notes: Vec<String>,
}

/// What has to go for these to be gone.
pub(crate) fn removal(models: &[&Found], places: &Places) -> Removal {
    let (mut files, mut notes) = (BTreeSet::new(), Vec::new());
    // Who goes too holds nothing.
    let going: BTreeSet<_> = models.iter().flat_map(|it| &it.files).map(|it| in_hub(it)).collect();
    for model in models {
        match model.keeper {
            Keeper::HuggingFace => from_hub(model, &going, &mut files, &mut notes),
            Keeper::Ollama => from_ollama(model, places, &mut files, &mut notes),
            Keeper::LmStudio => {
                files.extend(model.files.iter().cloned());
                notes.push(format!("LM Studio will not have `{}` any more", model.family));
            }
            Keeper::LlamaCache | Keeper::Folder => files.extend(model.files.iter().cloned()),
        }
    }
    let mut freed = 0;
    for file in &files {
        let Ok(metadata) = file.symlink_metadata() else { continue };
        if metadata.is_file() && 1 < metadata.nlink() {
            notes.push(format!("`{}` has another name too, and stays under that", file.display()));
        } else if metadata.is_file() {
            freed += metadata.size().min(metadata.blocks() * 512);
        }
    }
    let mut told = BTreeSet::new();
    notes.retain(|it| told.insert(it.clone()));
    Removal { files: files.into_iter().collect(), freed, notes }
}

impl Removal {
    /// Links go before what they lead to, so that what is stopped half-way leaves no broken one. What a
    /// process is fetching is left to it.
    pub(crate) fn carry_out(&self) -> anyhow::Result<()> {
        let mut busy = None;
        let is_link = |it: &&PathBuf| it.is_symlink() || is_manifest(it);
        let (first, then): (Vec<_>, Vec<_>) = self.files.iter().partition(is_link);
        for file in first.iter().chain(&then) {
            if file.extension().is_some_and(|it| it == "partial") && !file.is_symlink() {
                let discarded = discard(&file.with_extension(""));
                if discarded
                    .with_context(|| format!("cannot remove `{}`", file.display()))?
                    .is_none()
                {
                    busy = Some(file);
                }
                continue;
            }
            match std::fs::remove_file(file) {
                Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
                    return Err(err).with_context(|| format!("cannot remove `{}`", file.display()));
                }
                _ => {}
            }
        }
        self.files.iter().for_each(|it| remove_empty_folders(it));
        match busy {
            None => Ok(()),
            Some(file) => bail!(
                "`{}` is being fetched by another process, and stays\nhint: end that first, and remove it then",
                file.display()
            ),
        }
    }
}

fn is_manifest(path: &Path) -> bool {
    path.iter().any(|it| it == "manifests")
}

/// A file by the folder of its repository and its path there, whatever the commit.
fn in_hub(file: &Path) -> (PathBuf, PathBuf) {
    let before = file.iter().take_while(|it| *it != "snapshots").collect();
    (before, file.iter().skip_while(|it| *it != "snapshots").skip(2).collect())
}

/// Every link to the blobs of a model, in each commit, and the blobs to which no other link leads but
/// of what is `going`.
fn from_hub(
    model: &Found,
    going: &BTreeSet<(PathBuf, PathBuf)>,
    files: &mut BTreeSet<PathBuf>,
    notes: &mut Vec<String>,
) {
    let blobs: BTreeSet<_> = model.files.iter().filter_map(|it| it.canonicalize().ok()).collect();
    let mine: BTreeSet<_> = model.files.iter().map(|it| in_hub(it)).collect();
    let repository = model
        .path
        .ancestors()
        .find(|it| it.file_name().is_some_and(|it| it.to_string_lossy().starts_with("models--")));
    let mut held = BTreeSet::new();
    let snapshots = repository.map(|it| it.join("snapshots"));
    for entry in snapshots.iter().flat_map(WalkDir::new).flatten() {
        let path = entry.path();
        if entry.file_type().is_dir() {
            continue;
        }
        let place = in_hub(path);
        if mine.contains(&place) {
            files.insert(path.to_owned());
            files.extend(path.canonicalize().ok());
        } else if !going.contains(&place)
            && let Ok(blob) = path.canonicalize()
            && blobs.contains(&blob)
        {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            notes.push(format!("its file stays: `{name}` is the same one"));
            held.insert(blob);
        }
    }
    files.extend(model.files.iter().cloned());
    files.retain(|it| !held.contains(it));
}

/// The manifest, and the blobs that no other manifest holds.
fn from_ollama(
    model: &Found,
    places: &Places,
    files: &mut BTreeSet<PathBuf>,
    notes: &mut Vec<String>,
) {
    let Some(root) = places.ollama.iter().find(|it| model.path.starts_with(it)) else { return };
    let (mut mine, mut held) = (BTreeSet::new(), BTreeSet::new());
    for (path, name) in manifests(root) {
        let Some(manifest) = Manifest::read(&path) else { continue };
        if name == model.family {
            mine.extend(manifest.blobs());
            files.insert(path);
        } else {
            held.extend(manifest.blobs().map(|it| (it, name.clone())));
        }
    }
    notes.push(format!("Ollama will not have `{}` any more", model.family));
    // What a manifest holds that cannot be read, nobody knows.
    if let Some(other) = unreadable(root) {
        notes.push(format!(
            "its blobs stay: `{}` cannot be read and may need them",
            other.display()
        ));
        mine.clear();
    }
    for blob in mine {
        match held.iter().find(|(it, _)| *it == blob) {
            Some((_, other)) if root.join("blobs").join(&blob) == model.path => {
                notes.push(format!("its weights stay: `{other}` has the same"));
            }
            Some(_) => {}
            None => {
                files.insert(root.join("blobs").join(blob));
            }
        }
    }
    if model.state == crate::models::store::State::Partial {
        files.extend(model.files.iter().cloned());
    }
}

/// What a link or a manifest was the last in: a commit's folder, a model's. The folders of the person
/// stay, empty or not.
fn remove_empty_folders(file: &Path) {
    for folder in file.ancestors().skip(1).take(4) {
        let is_within = folder.iter().any(|it| it == "snapshots" || it == "manifests");
        if !is_within || !names(folder).is_empty() || std::fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::scan;

    fn file(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn what_a_process_is_fetching_is_left_to_it() {
        let temp = tempfile::tempdir().unwrap();
        let places = Places { hubs: vec![temp.path().to_owned()], ..Places::default() };
        let blobs = temp.path().join("models--org--repo/blobs");
        for name in ["a.partial", "a.partial.journal", "b.partial", "b.partial.journal"] {
            file(&blobs.join(name), "some");
        }
        let busy = std::fs::File::open(blobs.join("b.partial")).unwrap();
        busy.lock().unwrap();
        let found = scan(&places);
        let plan = removal(&found.iter().collect::<Vec<_>>(), &places);
        let err = plan.carry_out().unwrap_err().to_string();
        assert!(err.contains("b.partial` is being fetched by another process"), "{err}");
        assert_eq!(names(&blobs), ["b.partial", "b.partial.journal"]);
        drop(busy);
        plan.carry_out().unwrap();
        assert_eq!(names(&blobs), [""; 0]);
    }

    #[test]
    fn a_manifest_that_cannot_be_read_may_hold_any_blob() {
        let temp = tempfile::tempdir().unwrap();
        let places = Places { ollama: vec![temp.path().to_owned()], ..Places::default() };
        let blob = format!("sha256-{}", "a".repeat(64));
        let layer = format!(
            r#"{{"layers":[{{"mediaType":"application/vnd.ollama.image.model","digest":"{blob}","size":4}}]}}"#
        );
        let library = temp.path().join("manifests/registry.ollama.ai/library");
        file(&library.join("one/latest"), &layer);
        file(&library.join("two/latest"), "{");
        file(&temp.path().join("blobs").join(&blob), "GGUF");
        let found = scan(&places);
        let plan = removal(&found.iter().collect::<Vec<_>>(), &places);
        assert_eq!(plan.files, [library.join("one/latest")]);
        assert!(plan.notes.iter().any(|it| it.contains("two/latest` cannot be read")));
        std::fs::remove_file(library.join("two/latest")).unwrap();
        let plan = removal(&found.iter().collect::<Vec<_>>(), &places);
        assert_eq!(plan.files.len(), 2);
    }
}
