//! `agent chat`: words back and forth with a model, and nothing else: no project, no tools, no journal.

use std::cell::Cell;
use std::pin::pin;

use anyhow::{Context, bail};
use tokio::task::LocalSet;
use tokio::time::Instant;

use crate::agent::{Host, Interrupt, hangs, watched};
use crate::cli::args::server::Chat;
use crate::cli::args::{Options, OutputFormat};
use crate::cli::choosing::is_file_name;
use crate::cli::job::{Job, job};
use crate::cli::models::{Here, path_of};
use crate::cli::report::report;
use crate::cli::serving::Serving;
use crate::cli::signals::listen;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, WrongUsage, input};
use crate::conversation::{End, Entry, Event, Front, Reply, Transcript};
use crate::llm::{self, AskError, Constants, Props, Request, Server};
use crate::sandbox::adopt_orphans;
use crate::ui::{Line, Screen};

const HELP: &str = "\
  /clear   begin anew
  /bye     leave; so does Ctrl-D
  Ctrl-C stops an answer; a line that ends in \\ goes on in the next";

/// What is said, and by whom.
struct Talk {
    serving: Serving,
    screen: Screen,
    entries: Vec<Entry>,
    constants: Constants,
    interrupt: Interrupt,
    /// What the server told of itself, once it was asked.
    props: Option<Props>,
}

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
    let mut job = job(around, options)?;
    let (model, words) = meant(around, options, &job, &wanted.words)?;
    if let Some(model) = model {
        job.settings.model = Some(model);
    }
    let prompt = input::prompt(&words)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    adopt_orphans().context("cannot watch over child processes")?;
    let (interrupt, leave) = (Interrupt::new(), Interrupt::new());
    listen(&interrupt, &leave)?;
    let system = wanted.system.clone().unwrap_or_default();
    let ended = LocalSet::new()
        .block_on(&runtime, async { go(&job, system, prompt, interrupt, &leave).await });
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

async fn go(
    job: &Job<'_>,
    system: String,
    prompt: Option<String>,
    interrupt: Interrupt,
    leave: &Interrupt,
) -> anyhow::Result<Exit> {
    let keyboard = job.keyboard();
    if prompt.is_none() && keyboard.is_none() {
        bail!("a conversation needs a terminal\nhint: give a prompt, or pipe one in");
    }
    let mut talk = Talk {
        serving: job.serving().await?,
        screen: job.screen(None, &Transcript::default()),
        entries: vec![Entry::Opened { system }],
        constants: Constants {
            model: job.served_name(),
            sampling: job.settings.sampling.parameters(),
            llama: false,
        },
        interrupt,
        props: None,
    };
    let exit = match (prompt, keyboard) {
        (Some(prompt), _) => talk.answer(prompt).await.map(|reply| match reply {
            Some(reply) if reply.end != End::Cancelled => Exit::Done,
            _ => Exit::Cancelled,
        }),
        (None, Some(keyboard)) => {
            talk.screen.note("/help says what there is besides talking");
            let mut begun = String::new();
            loop {
                let line = {
                    let mut left = pin!(leave.fired());
                    tokio::select! {
                        biased;
                        () = &mut left => break Ok(Exit::Cancelled),
                        line = keyboard.prompt("> ", std::mem::take(&mut begun)) => line,
                    }
                };
                match line {
                    Line::Entered(line) => match line.trim() {
                        "" => {}
                        "/bye" | "/exit" | "/quit" => break Ok(Exit::Done),
                        "/clear" => {
                            talk.entries.truncate(1);
                            talk.screen.note("begun anew");
                        }
                        "/help" => talk.screen.note(HELP),
                        it if is_command(it) => {
                            talk.screen.note("there is no such command; /help shows them");
                        }
                        it => {
                            if let Err(err) = talk.answer(it.to_owned()).await {
                                report(&err);
                            }
                        }
                    },
                    Line::Edit(text) => begun = text,
                    Line::Interrupted => talk.screen.note("/bye or Ctrl-D leaves"),
                    Line::End => break Ok(Exit::Done),
                    Line::Failed(why) => break Err(anyhow::anyhow!("cannot read a line: {why}")),
                }
            }
        }
        (None, None) => Ok(Exit::Usage),
    };
    let trouble = talk.screen.trouble();
    talk.serving.stop().await;
    match trouble {
        Some(err) => Err(err).context("cannot write to standard output"),
        None => exit,
    }
}

impl Talk {
    /// Says something and shows what comes back; nothing if it was stopped before a word came. What
    /// came to nothing was not said.
    async fn answer(&mut self, words: String) -> anyhow::Result<Option<Reply>> {
        self.interrupt.clear();
        self.entries.push(Entry::Prompt(words));
        self.screen.show(&Event::Recorded(self.entries.last().expect("it was just put there")));
        let asked = self.ask().await;
        let has_words = |it: &Reply| !it.text.is_empty() || !it.reasoning.is_empty();
        let reply = match asked {
            Ok(Some(reply)) if has_words(&reply) => reply,
            asked => {
                self.entries.pop();
                self.screen.show(&Event::Ended);
                return asked;
            }
        };
        self.entries.push(Entry::Reply(reply.clone()));
        self.screen.show(&Event::Recorded(&Entry::Reply(reply.clone())));
        if reply.end == End::CutOff {
            self.screen.show(&Event::Warning(
                "the answer was cut off: its limit, or the window, is reached",
            ));
        }
        self.screen.show(&Event::Ended);
        Ok(Some(reply))
    }

    async fn ask(&mut self) -> anyhow::Result<Option<Reply>> {
        let mut attempt = 0;
        loop {
            let mut stop = pin!(self.interrupt.fired());
            let connected = tokio::select! {
                biased;
                () = &mut stop => return Ok(None),
                connected = self.connect() => connected?,
            };
            let asked = match connected {
                Ok((server, request)) => self.ask_once(&server, &request, &mut stop).await,
                Err(err) => Err(err),
            };
            let err = match asked {
                Ok(reply) => return Ok(Some(reply)),
                Err(err) => err,
            };
            let reason = match self.serving.obituary().await {
                Some(reason) => format!("the model server ended: {reason}"),
                None => err.to_string(),
            };
            let Some(wait) = llm::retry_after(&err, attempt) else {
                return Err(hinted(err));
            };
            attempt += 1;
            if err == AskError::Loading {
                self.screen.show(&Event::Asked);
                self.screen.show(&Event::Loading(None));
            } else {
                self.screen.show(&Event::Retrying { reason: &reason, wait });
            }
            tokio::select! {
                biased;
                () = &mut stop => return Ok(None),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// The server and what it is to be asked, once it has told what it is.
    async fn connect(&mut self) -> anyhow::Result<Result<(Server, Request), AskError>> {
        let Self { serving, screen, entries, constants, props, .. } = self;
        let server = serving.server(&mut |it| screen.show(&it)).await?;
        if props.is_none() {
            let heard = Cell::new(Instant::now());
            let told = match watched(serving, &heard, llm::props(&server)).await {
                Some(Ok(told)) => told,
                Some(Err(err)) => return Ok(Err(err)),
                None => return Ok(Err(hangs())),
            };
            let (model, window) = (told.model.as_deref(), told.window);
            screen.show(&Event::Ready { model, window, can_hurry: false });
            *props = Some(told);
        }
        constants.llama = props.as_ref().is_some_and(|it| it.llama);
        let mut request = Request::new(constants, &[]);
        request.extend(entries);
        screen.show(&Event::Asked);
        Ok(Ok((server, request)))
    }

    async fn ask_once(
        &mut self,
        server: &Server,
        request: &Request,
        stop: impl Future<Output = ()>,
    ) -> Result<Reply, AskError> {
        let Self { serving, screen, .. } = self;
        let heard = Cell::new(Instant::now());
        let mut told = |it: Event<'_>| {
            heard.set(Instant::now());
            screen.show(&it);
        };
        let asked = llm::ask(server, request, &mut told, stop);
        watched(serving, &heard, asked).await.unwrap_or_else(|| Err(hangs()))
    }
}

fn hinted(err: AskError) -> anyhow::Error {
    match err {
        AskError::TooLong { prompt, window } => anyhow::anyhow!(
            "the conversation has {prompt} tokens, the model's window {window}\nhint: `/clear` begins anew"
        ),
        err => err.into(),
    }
}

/// A word behind a stroke; a path has more of them.
fn is_command(line: &str) -> bool {
    let word = line.strip_prefix('/');
    word.is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase()))
}
