//! The person's own editor, for a text of a few lines.

use std::ffi::OsString;
use std::fs::{DirBuilder, remove_dir_all};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use anyhow::{Context, anyhow, bail};

use crate::cli::surroundings::Surroundings;
use crate::sandbox::{self, Command, Ended, Environment};
use crate::ui::Amend;

/// How a text is opened: `$VISUAL`, else `$EDITOR`, else `vi`.
#[derive(Debug)]
pub(super) struct Editor {
    program: OsString,
    environment: Environment,
    directory: PathBuf,
    /// Of this process alone, where nobody else can write; there only while a text is open.
    folder: anyhow::Result<PathBuf>,
}

impl Editor {
    pub(super) fn new(around: &Surroundings) -> Self {
        let program = ["VISUAL", "EDITOR"].iter().find_map(|it| around.variable(it));
        // It is the person's program, and nobody else has a say in what it runs.
        let all = around.variables.iter();
        let environment = all.fold(Environment::default(), |them, (name, value)| {
            name.to_str().map_or(them.clone(), |it| them.with(it, value))
        });
        Self {
            program: program.map_or_else(|| "vi".into(), OsString::from),
            environment,
            directory: around.directory.clone(),
            folder: around.state_dir().map(|it| it.join(format!("edit-{}", std::process::id()))),
        }
    }

    /// The text as the person leaves it.
    pub(super) async fn edit(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let folder = self.folder.as_ref().map_err(|err| anyhow!("{err:#}"))?;
        let edited = self.open((folder, name), text).await;
        // What stays is private.
        let _ = remove_dir_all(folder);
        edited
    }

    async fn open(&self, (folder, name): (&Path, &str), text: &str) -> anyhow::Result<String> {
        let path = &folder.join(name);
        let cannot = || format!("cannot write `{}` for the editor", path.display());
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700).create(folder).with_context(cannot)?;
        std::fs::write(path, text).with_context(cannot)?;
        let editor = self.program.display().to_string();
        // It may be a program with arguments.
        let mut script = self.program.clone();
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
