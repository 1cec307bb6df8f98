//! `agent demo`: the real loop on a real llama-server, with a model that plays a script.
//!
//! Everything but the model is what works in a real project, and the screen says so.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};

use crate::cli::args::{Demo, Options};
use crate::cli::job::{Job, Which};
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, note};
use crate::config::Settings;
use crate::conversation::Permission;
use crate::models::{Script, Shape};
use crate::workspace::Workspace;

/// A project with a bug, and the script that mends it.
struct Sample {
    files: &'static [(&'static str, &'static str)],
    /// Which of the files has the bug.
    mended: usize,
    script: &'static str,
}

const CARGO: Sample = Sample {
    files: &[
        ("Cargo.toml", include_str!("demo/cargo/Cargo.toml.txt")),
        ("src/lib.rs", include_str!("demo/cargo/lib.rs.txt")),
    ],
    mended: 1,
    script: include_str!("demo/cargo/script.json"),
};

/// For machines without cargo: whoever has a shell can see it work.
const SHELL: Sample = Sample {
    files: &[
        ("calendar.sh", include_str!("demo/shell/calendar.sh.txt")),
        ("test.sh", include_str!("demo/shell/test.sh.txt")),
    ],
    mended: 0,
    script: include_str!("demo/shell/script.json"),
};

const INTRODUCTION: &str = "\
This is a demo: a small project with a failing test, the real program, a real llama-server.
Only the model is not real. It is a file that plays a script, so nothing is downloaded.

$ agent \"fix the failing test\"
";

const CONCLUSION: &str = "
That was a script. For real work, give it a model, or a server that runs one:

$ agent -m MODEL.gguf \"fix the failing tests\"
$ agent --server-url http://127.0.0.1:8080 \"fix the failing tests\"
";

const PROMPT: &str = "fix the failing test";

pub(super) fn demo(around: &Surroundings, options: &Options, demo: &Demo) -> anyhow::Result<Exit> {
    let dir = tempfile::Builder::new().prefix("agent-demo-").tempdir_in(around.temp_dir());
    let mut dir = dir.context("cannot make a directory for the sample project")?;
    dir.disable_cleanup(demo.keep);
    let project = dir.path().join("calendar");
    let sample = if has_program(around, "cargo") { CARGO } else { SHELL };
    for (name, text) in sample.files {
        write(&project.join(name), text)?;
    }
    let model = dir.path().join("script.gguf");
    Script::parse(sample.script)?.write(&model, &Shape::default())?;

    note(INTRODUCTION);
    let mut settings = Settings { permission: Some(Permission::Auto), ..Settings::default() };
    // A model this small is slower with more.
    settings.llama.threads = Some(1);
    settings.model = Some(model.to_string_lossy().into_owned());
    let job = Job {
        around,
        workspace: Arc::new(Workspace::open(&project, Some(dir.path()))?),
        settings,
        session: Which::Unsaved,
        output: options.output_format,
        verbose: options.verbose,
        warnings: Vec::new(),
    };
    let exit = job.run(Some(PROMPT.to_owned()))?;
    if exit == Exit::Done {
        let (name, broken) = sample.files[sample.mended];
        let now = std::fs::read_to_string(project.join(name)).unwrap_or_default();
        // A demo that went wrong must not look as if it had not.
        ensure!(now != broken, "the demo did not go as its script says: `{name}` is as it was");
        note(CONCLUSION);
    }
    if demo.keep {
        note(&format!("The sample project is in {}", project.display()));
    }
    Ok(exit)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let dir = path.parent().unwrap_or(path);
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(path, text))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn has_program(around: &Surroundings, name: &str) -> bool {
    let path = around.variable("PATH").unwrap_or(OsStr::new(""));
    std::env::split_paths(path).any(|it| it.is_absolute() && it.join(name).is_file())
}
