//! Commands of the person's own: a Markdown file each, whose words the model is asked.

use std::path::Path;

use anyhow::Context;

use crate::cli::commands::{self, Ground};
use crate::cli::prompts::Prompts;
use crate::cli::surroundings::Surroundings;
use crate::ui::{visible, visible_line};
use crate::workspace::{Cancel, Kind, Workspace};

/// Where they are in a project, which must be trusted.
const FOLDER: &str = ".agent/commands";

/// What stands for all that is typed behind the command.
const ARGUMENTS: &str = "$ARGUMENTS";

#[derive(Clone, Debug, PartialEq)]
pub(super) struct OwnCommand {
    pub(super) name: String,
    description: String,
    text: String,
}

/// What a conversation has at hand besides its session.
#[derive(Debug, Default)]
pub(super) struct AtHand {
    pub(super) ground: Ground,
    pub(super) own: Vec<OwnCommand>,
    /// Names of commands that the project brings, and that are not believed.
    pub(super) untrusted: Vec<String>,
    /// What is worked with, and how.
    pub(super) header: String,
    pub(super) permissions: String,
    /// What of how commands are confined is not as usual.
    pub(super) confinement: Option<String>,
    /// Whose words the model is asked in.
    pub(super) prompts: Prompts,
    /// What is worked with, if it has a name.
    pub(super) model: Option<String>,
    /// Entries from here on are with that one.
    pub(super) model_from: usize,
}

impl AtHand {
    pub(super) fn help(&self) -> String {
        let own = self.own.iter().map(|it| {
            let usage = format!("/{}", it.name);
            format!("  {usage:<19}{}\n", visible_line(&it.description, 200))
        });
        let own: String = own.collect();
        let head = if own.is_empty() { "" } else { "\nYour own:\n" };
        format!("{}{head}{}", commands::help(self.ground), own.trim_end())
    }
}

impl OwnCommand {
    /// The command in a file, whose name without its ending is its own.
    fn parse(name: &str, text: &str) -> Self {
        let (head, body) = text
            .strip_prefix("---\n")
            .and_then(|it| it.split_once("\n---\n"))
            .unwrap_or(("", text));
        let described = head.lines().find_map(|it| it.strip_prefix("description:"));
        let first = body.lines().find(|it| !it.trim().is_empty()).unwrap_or_default();
        let description = described.unwrap_or(first).trim().trim_matches(['"', '\'']);
        let (name, text) = (name.to_owned(), body.trim().to_owned());
        Self { name, description: description.to_owned(), text }
    }

    /// What the model is asked.
    pub(super) fn words(&self, arguments: &str) -> String {
        match self.text.contains(ARGUMENTS) {
            true => self.text.replace(ARGUMENTS, arguments),
            false => format!("{}\n\n{arguments}", self.text).trim_end().to_owned(),
        }
    }
}

/// The commands of files.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) own: Vec<OwnCommand>,
    pub(super) untrusted: Vec<String>,
    /// What is wrong with them.
    pub(super) warnings: Vec<String>,
}

/// The person's commands, and the project's as far as they are trusted; the person's count first, and
/// ours before both.
pub(super) fn load(
    around: &Surroundings,
    workspace: &Workspace,
    is_trusted: impl Fn(&str, &[u8]) -> bool,
) -> Loaded {
    let Loaded { mut own, mut untrusted, mut warnings } = Loaded::default();
    let mut take = |path: &str, read: anyhow::Result<String>| {
        let Some(name) = name(path) else {
            if path.ends_with(".md") {
                let path = visible(path);
                warnings.push(format!(
                    "`{path}` does not count: the name of a command has letters, `-` and `_`"
                ));
            }
            return;
        };
        match read {
            Err(err) => {
                warnings
                    .push(format!("a command does not count: {}", visible(&format!("{err:#}"))));
            }
            Ok(_) if commands::ALL.iter().any(|it| it.name == name || it.also.contains(&name)) => {
                warnings.push(format!(
                    "`{}` does not count: `/{name}` is a command of ours",
                    visible(path)
                ));
            }
            Ok(_) if own.iter().any(|it| it.name == name) => {}
            Ok(text) => own.push(OwnCommand::parse(name, &text)),
        }
    };
    for path in files(&around.config_dir().unwrap_or_default().join("commands")) {
        let read = std::fs::read_to_string(&path);
        let read = read.with_context(|| format!("cannot read `{}`", path.display()));
        take(&path.display().to_string(), read);
    }
    let folder = workspace.path(FOLDER);
    let entries = folder.map(|it| workspace.entries(&it, Some(1), &Cancel::default()));
    for found in entries.ok().and_then(Result::ok).unwrap_or_default() {
        let path = found.path.to_string();
        if found.kind != Kind::File {
            continue;
        }
        let Ok(file) = workspace.open_file(&found.path) else { continue };
        let Ok(text) = std::io::read_to_string(file) else { continue };
        if is_trusted(&path, text.as_bytes()) {
            take(&path, Ok(text));
        } else {
            untrusted.extend(name(&path).map(str::to_owned));
        }
    }
    own.sort_by(|a, b| a.name.cmp(&b.name));
    Loaded { own, untrusted, warnings }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|it| it.path()).collect();
    paths.sort();
    paths
}

/// What a command is called that is kept there, if it can be one.
fn name(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?.strip_suffix(".md")?;
    let fits =
        !name.is_empty() && name.chars().all(|it| it.is_alphabetic() || it == '-' || it == '_');
    fits.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_description_and_words() {
        let own = OwnCommand::parse(
            "fix",
            "---\ndescription: mend an issue\nmodel: x\n---\nMend $ARGUMENTS now.\n",
        );
        assert_eq!(own.description, "mend an issue");
        assert_eq!(own.words("#3"), "Mend #3 now.");
        let own = OwnCommand::parse("look", "Look at it.\n\nWell.\n");
        assert_eq!(own.description, "Look at it.");
        assert_eq!(own.words("a.rs"), "Look at it.\n\nWell.\n\na.rs");
        assert_eq!(own.words(""), "Look at it.\n\nWell.");
    }

    #[test]
    fn a_command_is_called_like_its_file() {
        assert_eq!(name("a/b/fix-it.md"), Some("fix-it"));
        assert_eq!([name("x.txt"), name(".md"), name("a b.md")], [None; 3]);
    }
}
