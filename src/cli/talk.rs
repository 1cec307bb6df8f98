//! A conversation at the terminal: line in, turn, line in.

use std::pin::pin;

use anyhow::bail;

use crate::agent::{Desk, Interrupt};
use crate::cli::beginning::{Sought, Which};
use crate::cli::commands::Ground;
use crate::cli::filing::{self, Here};
use crate::cli::job::Job;
use crate::cli::mentions::{self, Asked};
use crate::cli::own_commands::AtHand;
use crate::cli::planning::{self, Person};
use crate::cli::report::report;
use crate::cli::rewind::rewind;
use crate::cli::serving::Serving;
use crate::cli::task::Prompt;
use crate::cli::telling::Again;
use crate::cli::tuning::Tuned;
use crate::cli::{Exit, commands, doctor, models, telling, undo};
use crate::conversation::{Call, Front, Stage};
use crate::ui::{self, Screen, Wish, Words, visible, visible_line};
use crate::workspace::{Way, Workspace};

/// Why a conversation is over.
pub(super) enum Left {
    /// The person leaves the program.
    Program(Exit),
    /// The person wants to be in this session.
    Session(Which),
}

pub(super) async fn talk(
    desk: &mut Desk<Serving, Screen>,
    person: &Person<'_>,
    here: Here<'_>,
    (job, at_hand): (&mut Job<'_>, &mut AtHand),
) -> anyhow::Result<Left> {
    let Person { keyboard, interrupt, leave, editor } = *person;
    let heard = Words { follow: true, at_steps: at_hand.ground == Ground::Project };
    let watching = keyboard.watch(heard, heed(desk, interrupt));
    let resumed = resume(desk, person).await;
    drop(watching);
    settle(desk, person, resumed);
    let mut next = Line { begun: keyboard.kept(), told: Vec::new() };
    let (mut leaving, mut is_cold) = (false, true);
    loop {
        let line = read(desk, person, &mut next, &mut is_cold).await;
        if leave.is_fired() {
            keyboard.let_go();
            return Ok(Left::Program(Exit::Cancelled));
        }
        let words = match line {
            ui::Line::Entered(words) => words,
            ui::Line::Edit(begun) => {
                let edited = editor.edit("prompt.md", &begun).await;
                let text = edited.unwrap_or_else(|err| {
                    report(&err);
                    begun
                });
                next.begin(keyboard.folded(text.trim_end()));
                continue;
            }
            ui::Line::End => return Ok(Left::Program(Exit::Done)),
            ui::Line::Interrupted if leaving => return Ok(Left::Program(Exit::Cancelled)),
            ui::Line::Interrupted => {
                leaving = true;
                desk.front().note("Ctrl-C again leaves");
                continue;
            }
            ui::Line::Failed(reason) => bail!("cannot read from the terminal: {reason}"),
        };
        leaving = false;
        interrupt.clear();
        let watching = keyboard.watch(heard, heed(desk, interrupt));
        let before = desk.transcript.turns();
        let done = follow(desk, person, (here, job, at_hand), &mut next, words).await;
        drop(watching);
        match done {
            Ok(Followed::Left(left)) => return Ok(left),
            Ok(followed) => {
                settle(desk, person, Ok(()));
                is_cold = matches!(followed, Followed::Cold) || desk.is_cold();
            }
            Err(err) => {
                settle(desk, person, Err(err));
                is_cold = desk.is_cold();
            }
        }
        if before < desk.transcript.turns() {
            // A turn is set apart from what comes next.
            desk.front().note("");
        }
        next.begin(keyboard.kept());
    }
}

/// Goes on with what was under way when the program ended.
async fn resume(desk: &mut Desk<Serving, Screen>, person: &Person<'_>) -> anyhow::Result<()> {
    if desk.is_mid_turn() {
        desk.front().note("the last turn was interrupted; going on with it");
        desk.go_on().await?;
    }
    planning::resume(desk, person).await
}

/// What is to be done next: the line that waits, or one that is read now.
async fn read(
    desk: &mut Desk<Serving, Screen>,
    person: &Person<'_>,
    next: &mut Line,
    is_cold: &mut bool,
) -> ui::Line {
    let Person { keyboard, interrupt, leave, .. } = *person;
    if let Some(line) = keyboard.queued() {
        desk.front().exact(&format!("› {}", visible(&line)));
        return ui::Line::Entered(line);
    }
    next.begin(keyboard.begun());
    if keyboard.is_plain() {
        // What has stopped a turn is done.
        interrupt.clear();
    }
    let mut typed = pin!(keyboard.prompt("› ", std::mem::take(&mut next.begun)));
    let line = loop {
        tokio::select! {
            biased;
            () = leave.fired() => return ui::Line::Interrupted,
            () = interrupt.fired(), if keyboard.is_plain() => return ui::Line::Interrupted,
            line = &mut typed => break line,
            // The server reads while the person types.
            () = desk.warm(), if *is_cold => *is_cold = false,
        }
    };
    *is_cold = false;
    line
}

/// What came of a line.
enum Followed {
    Stays,
    /// The server has to read the conversation.
    Cold,
    Left(Left),
}

/// Does what a line says.
async fn follow(
    desk: &mut Desk<Serving, Screen>,
    person: &Person<'_>,
    (here, job, at_hand): (Here<'_>, &mut Job<'_>, &mut AtHand),
    next: &mut Line,
    words: String,
) -> anyhow::Result<Followed> {
    let is_in_project = at_hand.ground == Ground::Project;
    match words.trim().strip_prefix('!').map(str::trim).filter(|_| is_in_project) {
        None => {}
        Some("") => {
            desk.front().note("`!COMMAND` runs a command");
            return Ok(Followed::Stays);
        }
        Some(command) => {
            next.told.push(run(desk, command).await);
            return Ok(Followed::Stays);
        }
    }
    let prompt = match commands::parse(&words) {
        None if words.trim().is_empty() => return Ok(Followed::Stays),
        None => Prompt::typed(words),
        Some((name, rest)) => match obey(desk, person, here, (job, at_hand), (name, rest)).await? {
            Obeyed::Done => return Ok(Followed::Stays),
            Obeyed::Cold => return Ok(Followed::Cold),
            Obeyed::Begun(words, told) => {
                next.begun = words;
                next.told.extend(told);
                return Ok(Followed::Stays);
            }
            Obeyed::Left(left) => return Ok(Followed::Left(left)),
            Obeyed::Prompt(prompt) => prompt,
        },
    };
    let attached = match is_in_project {
        true => mentions::attached(desk, here.1, &prompt.typed, Screen::note).await,
        false => {
            if prompt.typed.starts_with('!')
                || !mentions::named_in(&prompt.typed, here.1).is_empty()
            {
                desk.front().note(
                    "  `agent chat` runs no commands and reads no files: the model gets the words",
                );
            }
            Vec::new()
        }
    };
    let told = std::mem::take(&mut next.told);
    // The prompt first: a session is called by how it begins.
    let words = [vec![prompt.text], told, attached].concat().join("\n\n");
    desk.prompt(words).await?;
    Ok(Followed::Stays)
}

/// What keys mean while the agent works here.
pub(super) fn heed<F: Front>(desk: &Desk<Serving, F>, interrupt: &Interrupt) -> ui::Heed {
    let (wishes, interrupt) = (desk.wishes(), interrupt.clone());
    Box::new(move |wish| match wish {
        Wish::Stop => {
            interrupt.stop();
            None
        }
        Wish::Background => wishes.put_aside(),
        Wish::AnswerNow => wishes.answer_now(),
        Wish::Say(words) => {
            wishes.say(words);
            None
        }
        Wish::Suspend => None,
    })
}

/// What failed is reported and does not end the conversation. What was to be said and was not is asked
/// next; after a failure, or when it was stopped, the person first sees what waited.
fn settle(desk: &mut Desk<Serving, Screen>, person: &Person<'_>, done: anyhow::Result<()>) {
    person.keyboard.put_back(desk.wishes().unsaid());
    if done.is_err() || person.interrupt.is_fired() {
        person.keyboard.cut();
    }
    if let Err(err) = done {
        report(&err);
    }
}

/// What the next prompt begins with, in the line and before it.
#[derive(Default)]
struct Line {
    /// It stands there already, to be edited.
    begun: String,
    /// What the person had run, for the model.
    told: Vec<String>,
}

impl Line {
    /// It begins with these too.
    fn begin(&mut self, words: String) {
        let both = [std::mem::take(&mut self.begun), words];
        let both: Vec<_> = both.into_iter().filter(|it| !it.is_empty()).collect();
        self.begun = both.join("\n");
    }
}

/// What came of a command.
enum Obeyed {
    Done,
    /// It is done, and the server has to read the conversation.
    Cold,
    /// The next line begins with this.
    Begun(String, Option<String>),
    Left(Left),
    /// The model is asked this.
    Prompt(Prompt),
}

async fn obey(
    desk: &mut Desk<Serving, Screen>,
    person: &Person<'_>,
    here: Here<'_>,
    (job, at_hand): (&mut Job<'_>, &mut AtHand),
    (name, rest): (&str, &str),
) -> anyhow::Result<Obeyed> {
    let (_, workspace, id) = here;
    let ground = at_hand.ground;
    let why_not = commands::is_missing(name, ground);
    if let Some(why_not) = why_not.or_else(|| commands::takes_nothing(name, rest)) {
        desk.front().note(&why_not);
        return Ok(Obeyed::Done);
    }
    let said = match name {
        "exit" => return Ok(Obeyed::Left(Left::Program(Exit::Done))),
        "new" => return Ok(Obeyed::Left(Left::Session(Which::New))),
        "load" => {
            let found = Sought::Named(filing::to_load(here, rest)?);
            return Ok(Obeyed::Left(Left::Session(Which::Old(found))));
        }
        "fork" => {
            let name = filing::to_fork(desk, here, rest)?;
            let of = Sought::Named(id.to_owned());
            return Ok(Obeyed::Left(Left::Session(Which::Fork(of, name))));
        }
        "rewind" => {
            let said = rewind(desk, workspace, &format!("/rewind {rest}"))?;
            desk.front().note(&said.text);
            return Ok(Obeyed::Begun(said.begun, said.told));
        }
        "retry" => match telling::retry(desk, workspace)? {
            Again::Prompt(words) => return Ok(Obeyed::Prompt(Asked::of(&words).again())),
            Again::Plan(task) => {
                plan(desk, person, &task).await;
                return Ok(Obeyed::Done);
            }
        },
        "review" | "test" | "init" => {
            let task = telling::task(&at_hand.prompts, name, rest);
            return Ok(Obeyed::Prompt(Prompt::about(rest, task)));
        }
        "plan" => {
            plan(desk, person, rest).await;
            return Ok(Obeyed::Done);
        }
        "context" => {
            let context = desk.context().await?;
            ui::context(&context, desk.front().width())
        }
        "compact" => match desk.compact(rest).await? {
            None => return Ok(Obeyed::Done),
            Some(why_not) => why_not.to_owned(),
        },
        "verbose" => {
            let is_on = match rest {
                "on" => true,
                "off" => false,
                "" => !desk.front().is_verbose(),
                other => bail!(
                    "`/verbose` takes `on` or `off`, not `{}`\nhint: by itself it turns it over",
                    visible_line(other, 60)
                ),
            };
            desk.front().be_verbose(is_on);
            let what = if is_on { "is shown" } else { "is one line" };
            format!("what the model thinks {what} from now on")
        }
        "copy" => {
            let text = telling::newest_answer(&desk.transcript)?;
            desk.front().copy(&text);
            format!(
                "the newest answer, {}, is in the clipboard, if your terminal lets programs write to it",
                undo::counted(text.chars().count(), "character")
            )
        }
        "model" | "config" => {
            person.interrupt.clear();
            let tuned = match name {
                "model" => job.change_model(desk, person, rest).await?,
                _ => job.configure(desk, person, rest).await?,
            };
            at_hand.header = job.header(ground, at_hand.confinement.as_deref());
            match tuned {
                Tuned::Said(said) => said,
                Tuned::Cold(said) => {
                    at_hand.model.clone_from(&job.settings.model);
                    at_hand.model_from = desk.transcript.entries().len();
                    desk.front().note(&said);
                    return Ok(Obeyed::Cold);
                }
            }
        }
        "models" => {
            let found = models::listed(&models::Here::look(job.around, &job.settings)?, rest);
            found.trim_end().to_owned()
        }
        "theme" => job.change_theme(desk, rest)?,
        "doctor" => {
            person.interrupt.clear();
            let examined = doctor::told(job.around, workspace, &job.settings);
            tokio::select! {
                biased;
                () = person.interrupt.fired() => "stopped".to_owned(),
                told = examined => told,
            }
        }
        "help" => at_hand.help(),
        "undo" => undo::reverse(workspace, Way::Undo)?,
        "redo" => undo::reverse(workspace, Way::Redo)?,
        "diff" => {
            desk.front().exact(&differences(workspace)?);
            return Ok(Obeyed::Done);
        }
        "sessions" => filing::list(here)?,
        "save" => filing::save(desk, here, rest)?,
        "delete" => {
            let deleted = tokio::select! {
                biased;
                () = person.leave.fired() => {
                    person.keyboard.let_go();
                    return Ok(Obeyed::Left(Left::Program(Exit::Cancelled)));
                }
                deleted = filing::delete(here, person.keyboard, rest) => deleted?,
            };
            let Some(said) = deleted else { return Ok(Obeyed::Done) };
            said
        }
        "export" if ground == Ground::Model => telling::export_chat(here, &desk.transcript, rest)?,
        "export" => telling::export(here, rest)?,
        "status" => telling::status(desk, here, at_hand),
        "tools" => telling::tools(desk.tools()),
        "permissions" => at_hand.permissions.clone(),
        "prompt" => {
            let words = telling::first_words(desk);
            desk.front().exact(&words);
            return Ok(Obeyed::Done);
        }
        own => match at_hand.own.iter().find(|it| it.name == own) {
            Some(it) => return Ok(Obeyed::Prompt(Prompt::typed(it.words(rest)))),
            None if at_hand.untrusted.iter().any(|it| it == own) => format!(
                "`/{own}` is the project's, which you have not trusted; `agent trust` shows what it brings"
            ),
            None => commands::unknown(own, ground, at_hand.own.iter().map(|it| &*it.name)),
        },
    };
    desk.front().note(&said);
    Ok(Obeyed::Done)
}

/// Runs a command of the person's as one of the model's is run; what the model is told of it.
async fn run(desk: &mut Desk<Serving, Screen>, command: &str) -> String {
    let args = serde_json::json!({"command": command}).to_string();
    let call = Call { id: "typed".to_owned(), tool: "run_command".to_owned(), args };
    desk.front().wait_for(&call);
    let outcome = desk.call(&call).await;
    desk.front().exact(visible(&outcome.text).trim_end());
    desk.front().note("  it goes with your next prompt");
    format!("{}{command}\n{}", mentions::RAN, outcome.text.trim_end())
}

async fn plan(desk: &mut Desk<Serving, Screen>, person: &Person<'_>, task: &str) {
    let ended = match (task, desk.plan()) {
        ("" | "show" | "go", None) => {
            return desk.front().note("there is no plan; `/plan TASK` makes one");
        }
        ("" | "show", Some(plan)) => return desk.front().exact(&ui::checklist(&plan)),
        ("go", Some(plan)) if plan.stage == Stage::Noted || plan.is_over() => {
            desk.front().exact(&ui::checklist(&plan));
            let why = if plan.is_over() { "it is done" } else { "these are the model's own notes" };
            return desk.front().note(&format!("there is nothing to carry out: {why}"));
        }
        ("go", Some(plan)) => {
            desk.front().exact(&ui::checklist(&plan));
            planning::retry(desk);
            planning::go_on(desk, person).await
        }
        (task, _) => planning::together(desk, person, task).await,
    };
    match ended {
        Ok(Exit::Done) => {}
        Ok(_) => planning::stands(desk),
        Err(err) => report(&err),
    }
}

fn differences(workspace: &Workspace) -> anyhow::Result<String> {
    let text = undo::differences(workspace)?;
    Ok(if text.is_empty() { "nothing was changed".to_owned() } else { text.trim_end().to_owned() })
}
