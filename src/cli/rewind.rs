//! `/rewind`: back to before one of the prompts, with the conversation, the files, or both.

use anyhow::bail;

use crate::agent::{Desk, Host};
use crate::cli::mentions::Asked;
use crate::cli::undo;
use crate::conversation::{Entry, Front, Prompted, Transcript};
use crate::ui::{visible, visible_line};
use crate::workspace::{Changed, Reversal, Way, Workspace};

/// As many prompts are listed.
const LISTED: usize = 30;

/// A prompt that is longer is not put back into the line to be edited.
const EDITABLE: usize = 4096;

const USAGE: &str = "`/rewind N` goes back to before prompt N, with conversation and files;\n\
                     `/rewind N conversation` and `/rewind N files` with only one of them";

/// The same where no files are kept.
const USAGE_OF_WORDS: &str = "`/rewind N` goes back to before prompt N";

/// What is said of it, and what stands in the next line to be edited.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) begun: String,
    /// What the model was told beside that, and is told again.
    pub(super) told: Option<String>,
}

/// What goes back.
#[derive(Clone, Copy, Debug, PartialEq)]
struct What {
    conversation: bool,
    files: bool,
}

/// What was typed behind `/rewind`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Typed {
    List,
    Back(usize, What),
}

pub(super) fn rewind<H: Host, F: Front>(
    desk: &mut Desk<H, F>,
    workspace: &Workspace,
    line: &str,
) -> anyhow::Result<Said> {
    let changed = workspace.history().map(|it| it.changed()).transpose()?.unwrap_or_default();
    let (number, what) = match typed(line)? {
        Typed::List => {
            let usage = if workspace.history().is_some() { USAGE } else { USAGE_OF_WORDS };
            let text = listed(&desk.transcript, &changed, usage);
            return Ok(Said { text, begun: String::new(), told: None });
        }
        Typed::Back(number, what) => (number, what),
    };
    let found = desk.transcript.prompts().iter().find(|it| it.number == number);
    let Some(prompt) = found.copied() else { bail!("{}", no_such(number, &desk.transcript)) };
    let mut lines = Vec::new();
    // Where nothing is kept, only words go back.
    let has_history = workspace.history().is_some();
    if what.files && (has_history || !what.conversation) {
        lines.extend(take_back(workspace, number as u64, what)?);
    }
    let (mut begun, mut told) = (String::new(), None);
    if what.conversation {
        let mut words = words(&desk.transcript, prompt).to_owned();
        if desk.transcript.is_planned(prompt) {
            words = format!("/plan {}", desk.task_of(&words));
        }
        desk.rewind(prompt);
        lines.push(format!("the conversation is as it was before prompt {number}"));
        let asked = Asked::of(&words);
        if asked.typed.len() <= EDITABLE {
            begun = visible(asked.typed).into_owned();
            told = Some(asked.told.to_owned()).filter(|it| !it.is_empty());
        } else {
            lines.push(format!("its prompt is too long to edit: {}", visible_line(&words, 60)));
        }
    }
    Ok(Said { text: lines.join("\n"), begun, told })
}

fn typed(line: &str) -> anyhow::Result<Typed> {
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let (number, what) = match words[..] {
        [] => return Ok(Typed::List),
        [number] => (number, What { conversation: true, files: true }),
        [number, "conversation"] => (number, What { conversation: true, files: false }),
        [number, "files"] => (number, What { conversation: false, files: true }),
        _ => bail!("this cannot be understood\nhint: {}", USAGE.replace('\n', " ")),
    };
    match number.parse() {
        Ok(number) => Ok(Typed::Back(number, what)),
        Err(_) => bail!("`{number}` is not the number of a prompt\nhint: `/rewind` lists them"),
    }
}

fn no_such(number: usize, transcript: &Transcript) -> String {
    let prompts = transcript.prompts();
    if prompts.is_empty() {
        return "nothing was said yet".to_owned();
    }
    let is_gone = (1..=transcript.turns()).contains(&number);
    let why = match is_gone {
        true => "you went back to before it".to_owned(),
        false => format!("they go from 1 to {}", transcript.turns()),
    };
    format!("there is no prompt {number}: {why}\nhint: `/rewind` lists them")
}

/// A line for each prompt, and how to go back.
fn listed(transcript: &Transcript, changed: &[Changed], usage: &str) -> String {
    let prompts = transcript.prompts();
    if prompts.is_empty() {
        return "nothing was said yet".to_owned();
    }
    let mut text = String::new();
    let left_out = prompts.len().saturating_sub(LISTED);
    if 0 < left_out {
        text += &format!("  {left_out} earlier ones are not listed\n");
    }
    for prompt in &prompts[left_out..] {
        let words = visible_line(words(transcript, *prompt), 50);
        let of_turn = changed.iter().find(|it| it.turn == prompt.number as u64);
        let files = of_turn.map(|it| format!("  changed {}", visible(&undo::named(&it.files))));
        text += &format!("{:>4}  {words}{}\n", prompt.number, files.unwrap_or_default());
    }
    text + usage
}

fn words(transcript: &Transcript, prompt: Prompted) -> &str {
    match transcript.entries().get(prompt.at) {
        Some(Entry::Prompt(words)) => words,
        _ => "",
    }
}

/// Takes back what was changed from this turn on, the newest first; what became of it, a line each.
/// Where the conversation goes too, the model need not know: it never heard of the changes.
fn take_back(workspace: &Workspace, from: u64, what: What) -> anyhow::Result<Vec<String>> {
    let Some(history) = workspace.history() else {
        bail!(
            "this session is not kept, so files cannot go back\n\
             hint: `/rewind {from} conversation` leaves them as they are"
        );
    };
    let knows_all = [Way::Undo, Way::Redo].into_iter().all(|it| history.untold(it).is_empty());
    let (mut lines, mut seen) = (Vec::new(), Vec::new());
    let wanted = |rehearse| Reversal { way: Way::Undo, rehearse };
    while let Some(next) = workspace.reverse(wanted(true))? {
        // What stays although it was tried would be tried for ever.
        if next.turn < from || next.is_stuck || seen.contains(&next.turn) {
            break;
        }
        let Some(reversed) = workspace.reverse(wanted(false))? else { break };
        seen.push(reversed.turn);
        lines.push(undo::told(&reversed, wanted(false)).trim_end().to_owned());
    }
    let rest = history.changed()?.into_iter().filter(|it| from <= it.turn);
    let mut is_whole = true;
    for Changed { turn, files, .. } in rest {
        is_whole = false;
        if !seen.contains(&turn) {
            let names = undo::named(&files);
            lines.push(format!("turn {turn} is still left alone: {}", visible(&names)));
        }
    }
    if lines.is_empty() {
        lines.push("no files were changed since".to_owned());
    }
    if what.conversation && knows_all && is_whole {
        history.told();
    }
    Ok(lines)
}
