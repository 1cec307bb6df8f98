//! Whose instructions a session begins with.

use std::collections::BTreeSet;

use crate::cli::surroundings::Surroundings;
use crate::workspace::instructions::{self, Instructions};
use crate::workspace::{ProjectPath, Workspace};

/// What is told at the beginning of a session.
pub(super) struct AtStart {
    pub(super) all: Vec<Instructions>,
    /// The folders it is for.
    pub(super) folders: BTreeSet<ProjectPath>,
}

/// The person's own, then those of the folders from the project's root to where the agent was
/// started.
pub(super) fn at_start(around: &Surroundings, workspace: &Workspace) -> AtStart {
    let config = around.config_dir();
    let mut places: Vec<_> = config.iter().map(|it| it.join("AGENTS.md")).collect();
    places.extend(config.iter().filter_map(|it| Some(it.parent()?.join("AGENTS.md"))));
    places.extend(around.home.iter().map(|it| it.join(".claude/CLAUDE.md")));
    let own = instructions::of_person(&places, around.home.as_deref());
    let mut all: Vec<_> = own.into_iter().collect();
    let mut folders = BTreeSet::new();
    let below = around.directory.canonicalize().ok();
    let below = below.as_ref().and_then(|it| it.strip_prefix(workspace.root()).ok());
    let mut on_the_way: Vec<_> = below.into_iter().flat_map(|it| it.ancestors()).collect();
    on_the_way.reverse();
    for folder in on_the_way {
        let folder = ProjectPath::plain(folder.to_owned());
        all.extend(instructions::of_folder(workspace, &folder));
        folders.insert(folder);
    }
    AtStart { all, folders }
}
