//! Tools that the person defined, and those that a project brings.

use std::path::Path;

use crate::cli::surroundings::Surroundings;
use crate::tools::{CustomTool, built_in};
use crate::workspace::Workspace;

/// Where a project keeps tools of its own.
const IN_PROJECT: &str = ".agent/tools";

/// A longer file defines no tool.
const LONGEST: usize = 64 * 1024;

/// The tools, and what is wrong with those that are left out.
#[derive(Debug, Default)]
pub(super) struct ToolFiles {
    pub(super) tools: Vec<CustomTool>,
    pub(super) warnings: Vec<String>,
}

/// The person's own tools, and those of the project that `is_trusted`: a tool is a command, and
/// whoever wrote the project may have written it for us.
pub(super) fn load(
    around: &Surroundings,
    workspace: &Workspace,
    is_trusted: impl Fn(&str, &[u8]) -> bool,
) -> ToolFiles {
    let mut files = ToolFiles::default();
    if let Some(folder) = around.config_dir().map(|it| it.join("tools")) {
        for name in names(&folder) {
            let path = folder.join(&name);
            files.take(
                &path.display().to_string(),
                std::fs::read(&path).map_err(|it| it.to_string()),
            );
        }
    }
    let folder = workspace.path(IN_PROJECT).and_then(|it| workspace.directory(&it));
    for name in folder.map(|it| names(&it)).unwrap_or_default() {
        let shown = format!("{IN_PROJECT}/{name}");
        let read = workspace.path(&shown).and_then(|it| workspace.read(&it));
        match read {
            // Whoever decides about trust has said so.
            Ok(file) if !is_trusted(&shown, file.bytes()) => {}
            read => {
                files.take(&shown, read.map(|it| it.bytes().to_vec()).map_err(|it| it.to_string()));
            }
        }
    }
    files
}

impl ToolFiles {
    fn take(&mut self, path: &str, read: Result<Vec<u8>, String>) {
        let tool = read.and_then(|bytes| {
            if LONGEST < bytes.len() {
                return Err("it is too long".to_owned());
            }
            CustomTool::parse(&String::from_utf8_lossy(&bytes))
        });
        let tool = tool.and_then(|it| {
            let is_there = |name: &str| name == it.name();
            if built_in().any(is_there) {
                return Err(format!("there is a tool `{}` already", it.name()));
            }
            if self.tools.iter().any(|other| is_there(other.name())) {
                return Err(format!("another file defines `{}` too", it.name()));
            }
            Ok(it)
        });
        match tool {
            Ok(tool) => self.tools.push(tool),
            Err(reason) => self.warnings.push(format!("the tool `{path}` is left out: {reason}")),
        }
    }
}

/// The definitions in a folder, in the order of their names: what the model is told of them first
/// shall be the same each time.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|it| it.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|it| it.ends_with(".json")).collect();
    names.sort();
    names
}
