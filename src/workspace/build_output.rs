//! Which directories hold what a build has made, or what was fetched for one: tens of thousands of
//! files that nobody wrote. Git is mostly told to ignore them; where it is not, they are known by
//! what lies in them or beside them, never by their name alone.

use std::path::Path;

use crate::workspace::git;

struct Kind {
    name: &'static str,
    /// What whoever makes such a directory is told by.
    beside: &'static [&'static str],
    /// What they put into it.
    within: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    Kind {
        name: "node_modules",
        beside: &["package.json"],
        within: &[".bin", ".modules.yaml", ".package-lock.json", ".yarn-integrity"],
    },
    Kind {
        name: "target",
        beside: &["Cargo.toml", "build.properties", "build.sbt", "pom.xml", "project.clj"],
        within: &[".rustc_info.json", "CACHEDIR.TAG"],
    },
];

/// Whether the directory `path` of the project is one. Where git tracks anything in it, it is not:
/// that is part of the project.
pub(super) fn is_build_output(root: &Path, path: &Path) -> bool {
    let Some(kind) = KINDS.iter().find(|it| path.file_name().is_some_and(|name| name == it.name))
    else {
        return false;
    };
    let whole = root.join(path);
    let has =
        |dir: &Path, names: &[&str]| names.iter().any(|it| dir.join(it).symlink_metadata().is_ok());
    let is_known =
        has(&whole, kind.within) || whole.parent().is_some_and(|it| has(it, kind.beside));
    is_known && !git::tracks_below(root, path)
}
