//! The person's own editor, for a text of a few lines.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, remove_dir_all};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use anyhow::{Context, anyhow, bail};

use crate::cli::surroundings::Surroundings;
use crate::sandbox::{self, Command, Ended, Environment};
use crate::ui::Amend;
use crate::workspace::editor_in;

/// What is there where nobody has named another.
const USUAL: &[&str] = &["nano", "vi"];

/// How a text is opened.
#[derive(Debug)]
pub(super) struct Editor {
    /// `None` where there is none.
    program: Option<OsString>,
    environment: Environment,
    directory: PathBuf,
    /// Of this process alone, where nobody else can write; there only while a text is open.
    folder: anyhow::Result<PathBuf>,
}

impl Editor {
    pub(super) fn new(around: &Surroundings) -> Self {
        Self {
            program: program(around),
            // It is the person's program, and nobody else has a say in what it runs.
            environment: around.environment(),
            directory: around.directory.clone(),
            folder: around.state_dir().map(|it| it.join(format!("edit-{}", std::process::id()))),
        }
    }

    /// The text as the person leaves it.
    pub(super) async fn edit(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let Some(program) = &self.program else {
            bail!(
                "there is no editor here\nhint: set `$EDITOR` to one, as in `export EDITOR=nano`"
            );
        };
        let folder = self.folder.as_ref().map_err(|err| anyhow!("{err:#}"))?;
        let edited = self.open(program, (folder, name), text).await;
        // What stays is private.
        let _ = remove_dir_all(folder);
        edited
    }

    async fn open(
        &self,
        program: &OsStr,
        (folder, name): (&Path, &str),
        text: &str,
    ) -> anyhow::Result<String> {
        let path = &folder.join(name);
        let cannot = || format!("cannot write `{}` for the editor", path.display());
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700).create(folder).with_context(cannot)?;
        std::fs::write(path, text).with_context(cannot)?;
        let editor = program.display().to_string();
        // It may be a program with arguments.
        let mut script = program.to_owned();
        script.push(" \"$1\"");
        let args = ["-c".into(), script, "sh".into(), path.into()];
        let shell = Command::new(Path::new("/bin/sh"), &self.directory, &self.environment);
        let ended = sandbox::run_in_our_place(&shell.args::<_, OsString>(args)).await;
        match ended.with_context(|| format!("cannot start the editor `{editor}`"))? {
            Ended::Exited(0) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read what `{editor}` has left")),
            _ => bail!("the editor `{editor}` failed\nhint: set `$EDITOR` to one that works here"),
        }
    }
}

/// What was named for all programs, or for git, or is there. What a project's own settings of git name is
/// not asked: whoever made the project would have it run.
fn program(around: &Surroundings) -> Option<OsString> {
    let variables = ["VISUAL", "EDITOR", "GIT_EDITOR"].iter();
    let named = variables.filter_map(|it| around.variable(it)).map(OsString::from).next();
    named
        .or_else(|| of_git(around).map(OsString::from))
        .or_else(|| USUAL.iter().find(|it| around.program(it).is_some()).map(OsString::from))
}

/// The person's own for git; the file that counts more comes first.
fn of_git(around: &Surroundings) -> Option<String> {
    if let Some(file) = around.variable("GIT_CONFIG_GLOBAL") {
        return editor_in(Path::new(file));
    }
    let home = around.home.clone();
    let named = around.variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = named.or_else(|| home.as_ref().map(|it| it.join(".config")));
    let files = [home.map(|it| it.join(".gitconfig")), config.map(|it| it.join("git/config"))];
    files.into_iter().flatten().find_map(|it| editor_in(&it))
}

impl Amend for Editor {
    fn amend<'a>(
        &'a self,
        name: &'a str,
        text: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, String>> + 'a>> {
        Box::pin(async move {
            // The reason is one line among others: the hint has a place of its own.
            let edited = self.edit(name, text).await;
            edited.map_err(|err| format!("{err:#}").replace("\nhint: ", "; "))
        })
    }
}
