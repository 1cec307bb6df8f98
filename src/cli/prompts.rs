//! What the model is told first and how it is asked for a summary, in whose words.
//!
//! The person's words replace ours: those of a file that was named, else those of the folder `prompts`
//! beside the configuration file.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::agent::{Facts, SYSTEM, Wording, about, system_prompt};
use crate::cli::args::{Options, PromptName};
use crate::cli::instructing::at_start;
use crate::cli::job::{Job, job};
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, note, print, trust};
use crate::ui::visible;

/// The words of the program itself, which the person may replace.
fn ours(name: PromptName) -> &'static str {
    match name {
        PromptName::System => SYSTEM,
        PromptName::Compact => Wording::COMPACT,
        PromptName::Plan => Wording::PLAN,
        PromptName::FindOut => Wording::FIND_OUT,
        PromptName::Explain => include_str!("../../prompts/explain.md"),
        PromptName::Review => include_str!("../../prompts/review.md"),
        PromptName::Commit => include_str!("../../prompts/commit.md"),
        PromptName::Test => include_str!("../../prompts/test.md"),
        PromptName::Refactor => include_str!("../../prompts/refactor.md"),
        PromptName::Init => include_str!("../../prompts/init.md"),
        PromptName::RunTests => include_str!("../../prompts/run_tests.md"),
    }
}

/// Words, and whose they are.
#[derive(Clone, Debug)]
pub(super) struct Words {
    pub(super) text: String,
    /// `None` if they are ours.
    pub(super) file: Option<PathBuf>,
}

/// The words of the person, where there are some, and what is odd about the folder they are in.
#[derive(Clone, Debug, Default)]
pub(super) struct Prompts {
    own: BTreeMap<PromptName, Words>,
    pub(super) warnings: Vec<String>,
}

impl Prompts {
    /// Reads the folder beside the configuration file; that there is none is usual.
    pub(super) fn read(around: &Surroundings, options: &Options) -> anyhow::Result<Self> {
        let given = options.config.as_ref().map(|it| around.directory.join(it));
        let beside = given.and_then(|it| it.parent().map(Path::to_owned));
        let Some(folder) = beside.or_else(|| around.config_dir()) else {
            return Ok(Self::default());
        };
        Self::of_folder(&folder.join("prompts"))
    }

    fn of_folder(folder: &Path) -> anyhow::Result<Self> {
        let mut prompts = Self::default();
        let cannot = || format!("cannot read `{}`", folder.display());
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(err) if matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(prompts);
            }
            Err(err) => return Err(err).with_context(cannot),
        };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.with_context(cannot)?.path());
        }
        paths.sort();
        for path in paths.into_iter().filter(|it| it.extension().is_some_and(|it| it == "md")) {
            let stem = path.file_stem().and_then(|it| it.to_str());
            let named = |it: &&PromptName| stem == Some(it.name());
            let Some(name) = PromptName::value_variants().iter().find(named) else {
                let all = PromptName::value_variants().iter();
                let names: Vec<_> = all.map(|it| format!("`{}.md`", it.name())).collect();
                let odd = format!("means nothing: there are {}", names.join(", "));
                prompts.warnings.push(format!("`{}` {odd}", path.display()));
                continue;
            };
            let text = read(&path)?;
            if text.trim().is_empty() {
                let empty = "is empty, and our own words are used";
                prompts.warnings.push(format!("`{}` {empty}", path.display()));
                continue;
            }
            prompts.own.insert(*name, Words { text, file: Some(path) });
        }
        Ok(prompts)
    }

    /// The words of this name, and the file of the person that they are from.
    pub(super) fn words(&self, name: PromptName) -> (&str, Option<&Path>) {
        match self.own.get(&name) {
            Some(words) => (&words.text, words.file.as_deref()),
            None => (ours(name), None),
        }
    }

    /// What the model is told in the course of a session.
    pub(super) fn wording(&self) -> Wording {
        let words = |name| self.words(name).0.to_owned();
        Wording {
            compact: words(PromptName::Compact),
            plan: words(PromptName::Plan),
            find_out: words(PromptName::FindOut),
        }
    }

    /// The same as a prompt about something.
    pub(super) fn about(&self, name: PromptName, what: &str) -> String {
        about(self.words(name).0, what)
    }

    /// What the model is told first: the words of the file `named`, of the folder, or ours.
    pub(super) fn system(&self, named: Option<&Path>) -> anyhow::Result<Words> {
        let Some(path) = named else {
            let (text, file) = self.words(PromptName::System);
            return Ok(Words { text: text.to_owned(), file: file.map(Path::to_owned) });
        };
        let cannot = || format!("cannot read the system prompt `{}`", path.display());
        let text = fs::read_to_string(path).with_context(cannot)?;
        Ok(Words { text, file: Some(path.to_owned()) })
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read the prompt `{}`", path.display()))
}

/// What is to be added: the text of a file, if `value` names one, else its own words.
pub(super) fn appended(value: &str) -> anyhow::Result<String> {
    let is_word = !value.contains(char::is_whitespace);
    let path = Path::new(value);
    if !value.contains('\n') && path.is_absolute() && path.is_file() {
        return read(path);
    }
    let looks_like_file =
        value.contains('/') || [".md", ".txt"].iter().any(|it| value.ends_with(it));
    if is_word && looks_like_file {
        bail!("cannot read the prompt `{value}`: there is no such file");
    }
    Ok(value.to_owned())
}

impl Job<'_> {
    /// What the model of a new session is told first, and the file whose words stand at its beginning.
    pub(super) fn first_words(&self) -> anyhow::Result<(String, Option<PathBuf>)> {
        let words = self.prompts.system(self.settings.system_prompt.as_deref())?;
        let more = self.settings.append_system_prompt.as_deref().map(appended).transpose()?;
        let told = self.settings.instructions.then(|| at_start(self.around, &self.workspace));
        let instructions = told.unwrap_or_default();
        let (project, system) = (self.workspace.root(), std::env::consts::OS);
        let facts = Facts { project, system, instructions: &instructions };
        Ok((system_prompt(&words.text, more.as_deref(), facts), words.file))
    }
}

/// Prints what the model is told, and says whose words they are.
pub(super) fn show(
    around: &Surroundings,
    options: &Options,
    wanted: Option<PromptName>,
) -> anyhow::Result<Exit> {
    let mut job = job(around, options)?;
    if let Some(name) = wanted.filter(|it| *it != PromptName::System) {
        let (text, file) = job.prompts.words(name);
        print(&format!("{}\n", visible(text.trim_end())))?;
        job.warnings.iter().for_each(|it| note(&format!("warning: {}", visible(it))));
        note(&whose(file));
        return Ok(Exit::Done);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    let trust = trust::settle(job.around, &job.workspace, None, &mut job.warnings);
    let trust = runtime.block_on(trust);
    job.heed();
    let (system, file) = job.first_words()?;
    let toolbox = job.toolbox(None, false, &trust);
    let tools: Vec<_> = toolbox.specs().iter().map(|it| it.definition.as_str()).collect();
    print(&format!("{}\n\n{}\n", visible(&system), visible(&tools.join("\n"))))?;
    for warning in &job.warnings {
        note(&format!("warning: {}", visible(warning)));
    }
    note(&whose(file.as_deref()));
    // As usual models count; `/context` has the server count.
    let tokens = |bytes: usize| bytes.div_ceil(4);
    let (words, definitions) =
        (tokens(system.len()), tokens(tools.iter().map(|it| it.len()).sum()));
    note(&format!(
        "about {} tokens: {words} of words, {definitions} of {} tools",
        words + definitions,
        tools.len()
    ));
    Ok(Exit::Done)
}

fn whose(file: Option<&Path>) -> String {
    match file {
        Some(path) => format!("words of `{}`", visible(&path.display().to_string())),
        None => "words of agent itself".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// The folder with these files, and what comes of it.
    #[track_caller]
    fn check(files: &[(&str, &str)], expected: Expect) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let prompts = Prompts::of_folder(dir.path()).unwrap();
        let line = |it: &str| it.lines().next().unwrap_or_default().to_owned();
        let system = prompts.system(None).unwrap();
        let shown = format!(
            "{} | {}\n{}",
            if system.file.is_some() { line(&system.text) } else { "ours".to_owned() },
            match prompts.words(PromptName::Compact) {
                (text, Some(_)) => line(text),
                (_, None) => "ours".to_owned(),
            },
            prompts.warnings.join("\n").replace(&dir.path().display().to_string(), "DIR"),
        );
        expected.assert_eq(shown.trim_end());
    }

    #[test]
    fn the_persons_words_replace_ours() {
        check(&[], expect!["ours | ours"]);
        check(&[("system.md", "You are.\n"), ("notes.txt", "x")], expect!["You are. | ours"]);
        check(
            &[("compact.md", "Sum up.\n"), ("sistem.md", "x"), ("system.md", " \n")],
            expect![[r#"
                ours | Sum up.
                `DIR/sistem.md` means nothing: there are `system.md`, `compact.md`, `plan.md`, `find_out.md`, `explain.md`, `review.md`, `commit.md`, `refactor.md`, `test.md`, `init.md`, `run_tests.md`
                `DIR/system.md` is empty, and our own words are used"#]],
        );
        assert!(Prompts::of_folder(Path::new("/nowhere")).unwrap().warnings.is_empty());
    }

    #[test]
    fn what_is_added_is_a_text_or_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("more.md");
        fs::write(&path, "from the file").unwrap();
        assert_eq!(appended(path.to_str().unwrap()).unwrap(), "from the file");
        assert_eq!(appended("Answer in French.").unwrap(), "Answer in French.");
        assert_eq!(appended("look/at this").unwrap(), "look/at this");
        assert!(appended("missing.md").is_err());
        assert!(appended("/nowhere/at/all").is_err());
    }
}
