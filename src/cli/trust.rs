//! What a project brings that would run, or speak to the model: believed only after a person said so.
//!
//! Settings of a project can only narrow what is allowed, so they count without belief.

use crate::cli::args;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, note, note_exactly, print, tell};
use crate::permission::{Consent, ConsentFile, Trust};
use crate::ui::{Keyboard, Line, visible, visible_line};
use crate::workspace::{Cancel, Kind, Workspace};

/// Folders of a project whose files work for the agent, and how such a file ends.
const BRINGING: &[(&str, &str)] = &[(".agent/tools", "json"), (".agent/commands", "md")];

/// No project needs more of them, or longer ones; what is beyond is not looked at, nor believed.
const MOST: usize = 64;
const LONGEST: usize = 256 * 1024;

/// A file of the project that asks to be believed.
struct Brought {
    path: String,
    bytes: Vec<u8>,
}

/// Where it is kept what the person agreed to in this project.
pub(super) fn file(around: &Surroundings, workspace: &Workspace) -> anyhow::Result<ConsentFile> {
    Ok(ConsentFile::new(&around.state_dir()?, workspace.root()))
}

/// What of the project is believed, after a person was asked about what is new. Where nobody can be
/// asked, that is ignored, and said so.
pub(super) async fn settle(
    around: &Surroundings,
    workspace: &Workspace,
    keyboard: Option<&Keyboard>,
    warnings: &mut Vec<String>,
) -> Trust {
    let file = file(around, workspace);
    let consent = file.as_ref().ok().map(ConsentFile::read).transpose();
    let consent = consent.unwrap_or_else(|err| {
        warnings.push(format!("what you agreed to in this project does not count: {err:#}"));
        None
    });
    let trust = consent.unwrap_or_default().trust;
    let fresh: Vec<_> =
        brought(workspace).into_iter().filter(|it| !trust.holds(&it.path, &it.bytes)).collect();
    if fresh.is_empty() {
        return trust;
    }
    let (Some(keyboard), Ok(file)) = (keyboard, &file) else {
        let names: Vec<_> = fresh.iter().map(|it| format!("`{}`", it.path)).collect();
        warnings.push(format!(
            "ignored, because you have not said that you trust it: {}\n\
             hint: `agent trust --show` shows it, `agent trust` believes it",
            names.join(", ")
        ));
        return trust;
    };
    if !is_wanted(keyboard, &fresh, &trust).await {
        return trust;
    }
    let mut trust = trust;
    believe(&mut trust, &fresh);
    if let Err(err) = file.change(|it| believe(&mut it.trust, &fresh)) {
        warnings.push(format!("you will be asked again: {err:#}"));
    }
    trust
}

/// Only a clear yes is one.
async fn is_wanted(keyboard: &Keyboard, fresh: &[Brought], trust: &Trust) -> bool {
    note("this project brings what would work for the agent:");
    note_exactly(visible(&listed(fresh, trust)).trim_end());
    let question = "trust it as it is now? y = yes, n = no, s = show it: ";
    while let Line::Entered(answer) = keyboard.question(question).await {
        match &*answer.trim().to_lowercase() {
            "y" | "yes" => return true,
            "s" | "show" => note_exactly(visible(&in_full(fresh)).trim_end()),
            "n" | "no" | "" => break,
            other => note(&format!("`{}` is no answer here: y, n or s", visible_line(other, 40))),
        }
    }
    note("it is ignored; `agent trust` believes it");
    false
}

pub(super) fn trust(around: &Surroundings, wanted: &args::Trust) -> anyhow::Result<Exit> {
    let workspace = around.workspace()?;
    let file = file(around, &workspace)?;
    if wanted.revoke {
        file.change(Consent::revoke)?;
        return Ok(Exit::Done);
    }
    let (all, consent) = (brought(&workspace), file.read()?);
    if wanted.show {
        let rules = consent.allowed().iter().map(|it| format!("allowed: {it}\n"));
        let gone = consent.trust.files().filter(|path| all.iter().all(|it| it.path != *path));
        let gone = gone.map(|it| format!("trusted, and gone: {it}\n"));
        let rest: String = rules.chain(gone).collect();
        let text = listed(&all, &consent.trust) + &in_full(&all) + &rest;
        print(if text.is_empty() { "nothing to trust here\n" } else { &text })?;
        return Ok(Exit::Done);
    }
    file.change(|it| believe(&mut it.trust, &all))?;
    let lines = all.iter().map(|it| format!("trusted: {}\n", it.path)).collect::<String>();
    tell(&visible(if lines.is_empty() { "nothing to trust here\n" } else { &lines }))?;
    Ok(Exit::Done)
}

fn believe(trust: &mut Trust, files: &[Brought]) {
    trust.give(files.iter().map(|it| (&*it.path, &*it.bytes)));
}

/// The files that work for the agent. None leads out of the project.
fn brought(workspace: &Workspace) -> Vec<Brought> {
    let in_folder = |(folder, ending): &(&str, &str)| {
        let found = workspace
            .path(folder)
            .and_then(|it| workspace.entries(&it, Some(1), &Cancel::default()));
        let ending = (*ending).to_owned();
        found.unwrap_or_default().into_iter().filter(move |it| {
            it.kind == Kind::File && it.path.as_path().extension().is_some_and(|it| *it == *ending)
        })
    };
    let files = BRINGING.iter().flat_map(in_folder).take(MOST);
    let read = files.filter_map(|it| {
        let bytes = workspace.read(&it.path).ok()?.bytes().to_vec();
        (bytes.len() <= LONGEST).then(|| Brought { path: it.path.to_string(), bytes })
    });
    read.collect()
}

fn listed(files: &[Brought], trust: &Trust) -> String {
    let line = |it: &Brought| {
        let state = match (trust.holds(&it.path, &it.bytes), trust.held(&it.path)) {
            (true, _) => "trusted",
            (false, true) => "changed since you trusted it",
            (false, false) => "new",
        };
        format!("  {} ({state})\n", it.path.escape_debug())
    };
    files.iter().map(line).collect()
}

fn in_full(files: &[Brought]) -> String {
    let one = |it: &Brought| {
        let text = String::from_utf8_lossy(&it.bytes);
        let lines: String = text.lines().map(|it| format!("    {it}\n")).collect();
        visible(&format!("{}:\n{lines}", it.path.escape_debug())).into_owned()
    };
    files.iter().map(one).collect()
}
