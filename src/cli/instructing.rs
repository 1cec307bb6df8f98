//! Whose instructions a session begins with.

use crate::cli::surroundings::Surroundings;
use crate::workspace::instructions::{self, Instructions};
use crate::workspace::{ProjectPath, Workspace};

/// What is told at the beginning of a session: what the person wrote for all projects, then what
/// stands in the folders from the project's root to where the agent was started.
pub(super) fn at_start(around: &Surroundings, workspace: &Workspace) -> Vec<Instructions> {
    let config = around.config_dir();
    let mut places: Vec<_> = config.iter().map(|it| it.join("AGENTS.md")).collect();
    places.extend(config.iter().filter_map(|it| Some(it.parent()?.join("AGENTS.md"))));
    places.extend(around.home.iter().map(|it| it.join(".claude/CLAUDE.md")));
    let own = instructions::of_person(&places, around.home.as_deref());
    let folders = folders_at_start(around, workspace);
    let of_folders = folders.iter().flat_map(|it| instructions::of_folder(workspace, it));
    own.into_iter().chain(of_folders).collect()
}

/// The folders from the project's root to where the agent was started.
pub(super) fn folders_at_start(around: &Surroundings, workspace: &Workspace) -> Vec<ProjectPath> {
    let here = around.directory.canonicalize().ok();
    let below = here.as_ref().and_then(|it| it.strip_prefix(workspace.root()).ok());
    let above = below.into_iter().flat_map(|it| it.ancestors());
    let mut folders: Vec<_> = above.map(|it| ProjectPath::plain(it.to_owned())).collect();
    folders.reverse();
    folders
}
