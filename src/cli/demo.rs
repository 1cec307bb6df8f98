//! `agent demo`: the real loop on a real llama-server, with a model that plays a script.
//!
//! Everything but the model is what works in a real project, and the screen says so.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::cli::args::{Demo, Options};
use crate::cli::beginning::Which;
use crate::cli::job::{Job, Way, Worked};
use crate::cli::prompts::Prompts;
use crate::cli::sandbox::enclosure;
use crate::cli::surroundings::Surroundings;
use crate::cli::task::{Prompt, Task};
use crate::cli::{Exit, note};
use crate::config::Settings;
use crate::conversation::{Entry, Outcome, Permission, Status, Transcript};
use crate::models::{Script, Shape};
use crate::sandbox::{self, Command, Ended, Environment, adopt_orphans};
use crate::workspace::Workspace;

/// A project with a bug, and the script that mends it.
struct Sample {
    files: &'static [(&'static str, &'static str)],
    /// Which of the files has the bug.
    mended: usize,
    /// The command that the script runs.
    test: &'static str,
    script: &'static str,
}

const CARGO: Sample = Sample {
    files: &[
        ("Cargo.toml", include_str!("demo/cargo/Cargo.toml.txt")),
        ("src/lib.rs", include_str!("demo/cargo/lib.rs.txt")),
    ],
    mended: 1,
    test: "cargo test",
    script: include_str!("demo/cargo/script.json"),
};

/// For machines without a cargo that runs: whoever has a shell can see it work.
const SHELL: Sample = Sample {
    files: &[
        ("calendar.sh", include_str!("demo/shell/calendar.sh.txt")),
        ("test.sh", include_str!("demo/shell/test.sh.txt")),
    ],
    mended: 0,
    test: "sh test.sh",
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

/// What the commands of the script come to: the test fails, and then it does not.
const OUTCOMES: [Status; 2] = [Status::Failed, Status::Done];

/// Longer than cargo takes to say its version.
const MOMENT: Duration = Duration::from_secs(10);

const PROMPT: &str = "fix the failing test";

pub(super) fn demo(around: &Surroundings, options: &Options, demo: &Demo) -> anyhow::Result<Exit> {
    let dir = tempfile::Builder::new().prefix("agent-demo-").tempdir_in(around.temp_dir());
    let mut dir = dir.context("cannot make a directory for the sample project")?;
    dir.disable_cleanup(demo.keep);
    let project = dir.path().join("calendar");
    std::fs::create_dir(&project).context("cannot make the sample project")?;
    let sample = if has_cargo(around, &project)? { CARGO } else { SHELL };
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
        values: Vec::new(),
        session: Which::Unsaved,
        output: options.output_format,
        way: Way::Straight,
        verbose: options.verbose,
        limits: options.limits,
        prompts: Prompts::default(),
        form: None,
        warnings: Vec::new(),
    };
    let Worked { exit, transcript, .. } =
        job.run(Task::Prompt(Prompt::typed(PROMPT.to_owned())))?;
    if demo.keep {
        note(&format!("The sample project is in {}", project.display()));
    }
    if exit == Exit::Done {
        let (name, broken) = sample.files[sample.mended];
        let now = std::fs::read_to_string(project.join(name)).unwrap_or_default();
        // A demo that went wrong must not look as if it had not.
        ensure!(now != broken, "the demo did not go as its script says: `{name}` is as it was");
        if let Some(reason) = strayed(&transcript) {
            bail!(
                "the demo did not go as its script says: {reason}\n\
                 hint: `agent demo --keep` keeps the project; there, `agent sandbox -- {}` runs the \
                 test as the demo does",
                sample.test
            );
        }
        note(CONCLUSION);
    }
    Ok(exit)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let dir = path.parent().unwrap_or(path);
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(path, text))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// Whether there is a cargo that runs where the commands of the demo do: what is found by that name
/// may want a tool chain that it does not have.
fn has_cargo(around: &Surroundings, project: &Path) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    adopt_orphans().context("cannot watch over child processes")?;
    let environment = Environment::allowed(&around.variables);
    let workspace = Workspace::open(project, project.parent())?;
    let enclosure = enclosure(around, &workspace, &sandbox::Options::default());
    // Where nothing confines commands, the demo says so better than we can.
    let Ok(policy) = runtime.block_on(async { enclosure.policy(&environment) }) else {
        return Ok(false);
    };
    let command = Command::new(Path::new("cargo"), project, &environment);
    let command = command.args(["--version"]).under(policy);
    let never = std::future::pending();
    let ended = runtime.block_on(sandbox::run(&command, MOMENT, never, &mut |_| {}));
    Ok(ended.is_ok_and(|it| it == Ended::Exited(0)))
}

/// What a command came to that should have come to something else.
fn strayed(transcript: &Transcript) -> Option<String> {
    let entries = transcript.entries().iter();
    let calls = entries.clone().filter_map(|it| match it {
        Entry::Reply(reply) => Some(&reply.calls),
        _ => None,
    });
    let outcome = |id: &str| -> Option<&Outcome> {
        entries.clone().find_map(|it| match it {
            Entry::Result { call, outcome } if call == id => Some(outcome),
            _ => None,
        })
    };
    let commands = calls.flatten().filter(|it| it.tool == "run_command");
    let outcomes: Vec<_> = commands.filter_map(|it| outcome(&it.id)).collect();
    for (nth, expected) in OUTCOMES.iter().enumerate() {
        match outcomes.get(nth) {
            Some(it) if it.status == *expected => {}
            Some(it) => {
                let said = it.text.lines().find(|it| !it.trim().is_empty()).unwrap_or_default();
                return Some(format!("the test came to `{}`: {said}", it.gist));
            }
            None => return Some("a test was not run".to_owned()),
        }
    }
    None
}
