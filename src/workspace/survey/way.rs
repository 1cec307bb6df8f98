//! What has to stay in place for a path to lead where it leads.
//!
//! A file that is covered by a mount keeps its own place, but not that of the directories above
//! it: who moves one of them gives the file a path by which the next look knows it no more.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// How many links one path may lead through.
const LINKS: usize = 40;

/// The directories and links of the project at `root` that `path`, which lies in it, leads
/// through; not what it leads to.
pub(super) fn way(root: &Path, path: &Path) -> Vec<PathBuf> {
    let mut passed = Vec::new();
    let mut links = 0;
    let mut here = root.to_owned();
    let below = path.strip_prefix(root).unwrap_or(path);
    let mut rest: Vec<OsString> = below.iter().rev().map(OsString::from).collect();
    while let Some(name) = rest.pop() {
        if name == ".." {
            here.pop();
            continue;
        }
        here.push(name);
        let target = here.read_link().ok();
        if (target.is_some() || !rest.is_empty()) && here.starts_with(root) && here != root {
            passed.push(here.clone());
        }
        let Some(target) = target else { continue };
        links += 1;
        if LINKS < links {
            break;
        }
        here.pop();
        if target.is_absolute() {
            here = PathBuf::from("/");
        }
        let parts = target.components().rev().filter(|it| is_step(*it));
        rest.extend(parts.map(|it| it.as_os_str().to_owned()));
    }
    passed
}

fn is_step(part: Component<'_>) -> bool {
    matches!(part, Component::Normal(_) | Component::ParentDir)
}
