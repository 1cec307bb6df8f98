//! `agent chat`: words back and forth with a model, and nothing else: no project, no tools, no journal.
//!
//! It is a conversation like any other, at a desk with an empty toolbox.

use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::task::LocalSet;

use crate::agent::{Desk, Interrupt};
use crate::cli::args::server::Chat;
use crate::cli::args::{Options, OutputFormat};
use crate::cli::beginning::Begun;
use crate::cli::choosing::is_file_name;
use crate::cli::commands::Ground;
use crate::cli::editor::Editor;
use crate::cli::job::{Job, close, job, written};
use crate::cli::mode::must_be_plain;
use crate::cli::models::{Here, path_of};
use crate::cli::own_commands::AtHand;
use crate::cli::planning::Person;
use crate::cli::serving::Serving;
use crate::cli::session_id::session_id;
use crate::cli::signals::listen;
use crate::cli::single::attend;
use crate::cli::surroundings::{Surroundings, now};
use crate::cli::talk::{Left, talk};
use crate::cli::{Exit, WrongUsage, input};
use crate::config::Settings;
use crate::conversation::Transcript;
use crate::sandbox::adopt_orphans;
use crate::tools::Toolbox;
use crate::ui::{Keyboard, Screen, Words};

pub(super) fn chat(
    around: &Surroundings,
    options: &Options,
    wanted: &Chat,
) -> anyhow::Result<Exit> {
    if options.output_format != OutputFormat::Text {
        bail!(WrongUsage(
            "`agent chat` speaks to people\nhint: programs use `agent server`, or `agent --output-format json`"
                .to_owned()
        ));
    }
    must_be_plain(options, "chat")?;
    if options.continue_newest || options.resume.is_some() || options.fork.is_some() {
        bail!(WrongUsage(
            "`agent chat` keeps no sessions to go on with\nhint: `agent -c` goes on with one of this project"
                .to_owned()
        ));
    }
    let mut job = job(around, options)?;
    let (model, words) = meant(around, options, &job, &wanted.words)?;
    if let Some(model) = model {
        job.settings.model = Some(model);
    }
    let prompt = input::prompt(&words, Ground::Model)?;
    // What holds for work in a project is nothing to it.
    job.settings.permissions = Settings::default().permissions;
    job.warnings.clear();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    adopt_orphans().context("cannot watch over child processes")?;
    let (interrupt, leave) = (Interrupt::new(), Interrupt::new());
    listen(&interrupt, &leave)?;
    let system = wanted.system.clone().unwrap_or_default();
    let ended = LocalSet::new()
        .block_on(&runtime, job.chat(system, prompt.map(|it| it.text), (interrupt, leave)));
    runtime.shutdown_background();
    ended
}

/// The model, where the first word names one, and the words to say.
fn meant(
    around: &Surroundings,
    options: &Options,
    job: &Job<'_>,
    words: &[String],
) -> anyhow::Result<(Option<String>, Vec<String>)> {
    // Where it was named by a flag, or a server elsewhere knows it, all is to be said.
    if options.model.is_some() || job.settings.server.url.is_some() {
        return Ok((None, words.to_vec()));
    }
    let [first, rest @ ..] = words else { return Ok((None, Vec::new())) };
    let has_blanks = first.contains(char::is_whitespace);
    let is_path = !has_blanks && path_of(around, first).is_some();
    if !has_blanks && is_path {
        let path = path_of(around, first).filter(|_| !is_file_name(first));
        let name = path.map_or_else(|| first.clone(), |it| it.display().to_string());
        return Ok((Some(name), rest.to_vec()));
    }
    let here = Here::look(around, &job.settings)?;
    match here.forms(first) {
        Ok(_) if !has_blanks => Ok((Some(first.clone()), rest.to_vec())),
        // Two words of which the first is none of many: nobody talks like that.
        Err(err) if !has_blanks && rest.len() == 1 => Err(err),
        // A slip, and not something to say.
        Err(err) if !has_blanks && rest.is_empty() && here.is_near_miss(first) => Err(err),
        Ok(_) | Err(_) => Ok((None, words.to_vec())),
    }
}

impl Job<'_> {
    async fn chat(
        mut self,
        system: String,
        prompt: Option<String>,
        wishes: (Interrupt, Interrupt),
    ) -> anyhow::Result<Exit> {
        let keyboard = self.keyboard();
        let Some(prompt) = prompt else {
            let Some(keyboard) = keyboard else {
                bail!(WrongUsage(
                    "a conversation needs a terminal\n\
                     hint: say something, as in: agent chat \"why is the sky blue?\"; or pipe it in"
                        .to_owned()
                ));
            };
            return self.chat_on(&keyboard, system, wishes).await;
        };
        let (interrupt, leave) = wishes;
        let wishes = (&interrupt, &leave);
        let (mut desk, _) = self.words_alone(keyboard.clone(), system, wishes).await?;
        let words = Words { follow: false, at_steps: false };
        let attended = attend(&desk, keyboard.as_ref(), &interrupt, words);
        let ended = desk.prompt(prompt).await.map(Exit::from);
        attended.end(&mut desk, &ended);
        let trouble = desk.front().trouble();
        close(desk, interrupt.fired()).await;
        written(ended, trouble)
    }

    /// Talks until the person leaves.
    async fn chat_on(
        &mut self,
        keyboard: &Keyboard,
        system: String,
        (interrupt, leave): (Interrupt, Interrupt),
    ) -> anyhow::Result<Exit> {
        let wishes = (&interrupt, &leave);
        let (mut desk, id) = self.words_alone(Some(keyboard.clone()), system, wishes).await?;
        let _titled = self.title().map(|_| keyboard.entitle("agent chat".to_owned()));
        let header = self.header(Ground::Model, None);
        desk.front().note(&header);
        let prompts = self.prompts.clone();
        let mut at_hand = AtHand { ground: Ground::Model, header, prompts, ..AtHand::default() };
        self.suggest(keyboard, &at_hand);
        let (workspace, editor) = (Arc::clone(&self.workspace), Editor::new(self.around));
        let person = Person { keyboard, interrupt: &interrupt, leave: &leave, editor: &editor };
        let here = (self.around, &*workspace, &*id);
        let ended = loop {
            match talk(&mut desk, &person, here, (self, &mut at_hand)).await {
                Ok(Left::Program(exit)) => break Ok(exit),
                // There is no other session to go to.
                Ok(Left::Session(_)) => {
                    if let Some(first) = desk.transcript.prompts().first().copied() {
                        desk.rewind(first);
                    }
                    desk.front().note("begun anew");
                }
                Err(err) => break Err(err),
            }
        };
        let trouble = desk.front().trouble();
        interrupt.clear();
        close(desk, interrupt.fired()).await;
        written(ended, trouble)
    }

    /// A desk without tools, of which nothing is kept; and what it is called all the same.
    async fn words_alone(
        &mut self,
        keyboard: Option<Keyboard>,
        system: String,
        (interrupt, leave): (&Interrupt, &Interrupt),
    ) -> anyhow::Result<(Desk<Serving, Screen>, String)> {
        let (id, transcript) = (session_id(now()), Transcript::default());
        let serving = self.served((keyboard.as_ref(), interrupt, leave), &transcript).await?;
        let mut screen = self.screen(keyboard, &transcript);
        screen.amend_with(Box::new(Editor::new(self.around)));
        let begun =
            Begun { id: id.clone(), journal: None, transcript, system: Some(system), note: None };
        let toolbox = Toolbox::bare(Arc::clone(&self.workspace), self.around.temp_dir());
        let grants = self.heed();
        let desk = self.desk(begun, toolbox, (serving, screen), interrupt.clone(), grants);
        Ok((desk, id))
    }
}
