//! A person's lines, read on a thread of their own so that the work goes on meanwhile.

mod aid;
mod decode;
mod history;
mod keys;
mod mode;
mod plain;
mod told;
mod typing;
mod watch;

use std::io::{ErrorKind, Write};
use std::sync::mpsc;

use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, EditMode, Editor, Event, EventHandler};
use tokio::sync::oneshot;

pub(crate) use crate::ui::keyboard::aid::{Offer, Suggest};
pub(crate) use crate::ui::keyboard::history::HistoryFiles;
use crate::ui::keyboard::mode::Reading;
pub(crate) use crate::ui::keyboard::mode::take_again;
pub(crate) use crate::ui::keyboard::typing::{Wish, Words};
pub(crate) use crate::ui::keyboard::watch::Heed;

use crate::ui::ascii::showable;
use crate::ui::attention::{Attention, untitle};
use crate::ui::foot::Foot;
use crate::ui::hanging::in_lines;
use crate::ui::keyboard::aid::Aid;
use crate::ui::keyboard::history::Memory;
use crate::ui::keyboard::keys::{Keys, PASTE_OFF, Typed};
use crate::ui::keyboard::plain::{Plain, Waits};
use crate::ui::keyboard::watch::Meanwhile;
use crate::ui::visible::visible;

/// What came of asking for a line.
#[derive(Debug)]
pub(crate) enum Line {
    Entered(String),
    /// What stands there is to be edited in the person's own editor.
    Edit(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the end of the input.
    End,
    Failed(String),
}

/// Whose keys edit a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Editing {
    Emacs,
    Vi,
    /// Those of the terminal, which can do no more than print.
    Terminal,
}

enum Order {
    Ask(Question),
    /// A line that was not read here is worth remembering too.
    Remember(String),
}

struct Question {
    prompt: String,
    /// What stands there already, to be edited.
    begun: String,
    /// Whether the line is worth remembering.
    remember: bool,
    /// Whether it may be left for the person's editor.
    edits: bool,
    answer: oneshot::Sender<Line>,
}

/// The line editor. It sets the terminal to raw mode only while a line is read.
#[derive(Clone)]
pub(crate) struct Keyboard {
    orders: mpsc::Sender<Order>,
    aid: Aid,
    /// The terminal as it was before a line was read.
    found: Option<Termios>,
    /// What was pasted into the line.
    typed: Typed,
    meanwhile: Meanwhile,
    /// The terminal edits its lines itself.
    plain: Option<Plain>,
}

/// Leaves the terminal as it was found where the program ends at once.
pub(crate) fn abandon() {
    if mode::abandon() {
        untitle();
    }
}

/// As long as it lives, the window has a title of ours.
#[must_use]
pub(crate) struct Titled(Meanwhile);

impl Drop for Titled {
    fn drop(&mut self) {
        self.0.entitle(None);
        // A job in the background has given it back.
        untitle();
    }
}

/// As long as it lives, keys are heeded while the agent works.
#[must_use]
pub(crate) struct Watching(Meanwhile);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// As long as it lives, somebody else has the terminal.
#[must_use]
pub(crate) struct Paused(Option<Meanwhile>);

impl Drop for Paused {
    fn drop(&mut self) {
        if let Some(meanwhile) = &self.0 {
            meanwhile.foot().begin();
            meanwhile.go_on();
        }
    }
}

impl Keyboard {
    /// Lines worth remembering are kept in `history`.
    pub(crate) fn new(history: Option<HistoryFiles>) -> Self {
        Self::edited_by(Editing::Emacs, history)
    }

    /// The same with these keys.
    pub(crate) fn edited_by(editing: Editing, history: Option<HistoryFiles>) -> Self {
        let (orders, asked) = mpsc::channel();
        let found = tcgetattr(std::io::stdin()).ok();
        let (aid, typed) = (Aid::default(), Typed::default());
        let meanwhile = Meanwhile::default();
        let told = meanwhile.told();
        let (typed_too, found_too) = (typed.clone(), found.clone());
        let keys = Keys { typed: typed_too, found: found_too, told, editing };
        let (aided, pasted) = (aid.clone(), typed.clone());
        let plain = (editing == Editing::Terminal).then(Plain::new).flatten();
        let plain_too = plain.clone();
        std::thread::spawn(move || serve(&asked, history, (aided, keys, pasted), plain_too));
        Self { orders, aid, found, typed, meanwhile, plain }
    }

    /// Whether Ctrl-C is a signal also while a line is read, which whoever asks for one has to hear.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain.is_some()
    }

    /// Heeds keys until what is returned is dropped: they edit a draft, queue lines and say what is
    /// wanted of the work.
    pub(crate) fn watch(&self, words: Words, heed: Heed) -> Watching {
        self.meanwhile.typing().words = words;
        self.meanwhile.foot().begin();
        self.meanwhile.begin(heed);
        Watching(self.meanwhile.clone())
    }

    /// Calls the person so when they are wanted.
    pub(crate) fn attend(&self, attention: Attention) {
        self.meanwhile.attend(attention);
    }

    /// Calls the window so until what is returned is dropped, with a mark in front while keys are heeded.
    pub(crate) fn entitle(&self, title: String) -> Titled {
        self.meanwhile.entitle(Some(title));
        Titled(self.meanwhile.clone())
    }

    /// Leaves the terminal to somebody else until what is returned is dropped.
    pub(crate) fn pause(&self) -> Paused {
        Paused(self.meanwhile.pause().then(|| self.meanwhile.clone()))
    }

    /// What was queued first and is to be asked now.
    pub(crate) fn queued(&self) -> Option<String> {
        let line = self.meanwhile.typing().next()?;
        // One that is gone remembers nothing, and says so when it is asked.
        let _ = self.orders.send(Order::Remember(line.clone()));
        Some(line)
    }

    /// These were to be said and were not: they are asked before all that waits.
    pub(crate) fn put_back(&self, words: Vec<String>) {
        self.meanwhile.typing().put_back(words);
    }

    /// The work was cut short: what waits does not follow by itself.
    pub(crate) fn cut(&self) {
        self.meanwhile.cut();
    }

    /// What did not follow for that reason, as a line that is begun.
    pub(crate) fn kept(&self) -> String {
        let kept = self.meanwhile.typing().take_kept();
        // What is long stands there as if it were pasted.
        kept.iter().map(|it| self.typed.pasted(it)).collect::<Vec<_>>().join("\n")
    }

    /// All that was typed, where nobody will hear it any more.
    pub(crate) fn unheard(&self) -> Vec<String> {
        self.meanwhile.typing().take_all()
    }

    /// The line that was left for an editor, as it goes on.
    pub(crate) fn folded(&self, text: &str) -> String {
        self.typed.folded(text)
    }

    /// What was typed and is still to be entered.
    pub(crate) fn begun(&self) -> String {
        let (begun, typed) = self.meanwhile.typing().take_draft();
        self.typed.take_over(&typed);
        begun
    }

    /// What stands beneath the words while keys are heeded.
    pub(super) fn foot(&self) -> &Foot {
        self.meanwhile.foot()
    }

    /// Whether keys are heeded now.
    pub(super) fn is_watched(&self) -> bool {
        self.meanwhile.is_heeded()
    }

    /// Has the terminal say what colour its background has; nothing is waited for.
    pub(super) fn ask_background(&self) {
        self.meanwhile.ask_background();
    }

    /// Whether it is light, as soon as the terminal has said so.
    pub(super) fn background_is_light(&self) -> Option<bool> {
        self.meanwhile.told().is_light()
    }

    /// What was to be said is said.
    pub(super) fn has_said(&self) {
        self.meanwhile.forget_remark();
    }

    /// From now on this is asked how a prompt may go on.
    pub(crate) fn suggest(&self, suggest: Box<dyn Suggest>) {
        self.aid.replace(Some(suggest));
    }

    /// Leaves the terminal as it was found, though a line is being read.
    pub(crate) fn let_go(&self) {
        if let Some(found) = self.found.as_ref().filter(|_| !self.is_plain()) {
            // A terminal that is gone needs no mending.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, found);
            let _ = std::io::stderr().write_all(PASTE_OFF);
        }
    }

    /// Reads what the person wants; several lines when all but the last end in `\`.
    /// `begun` is there already, to be edited.
    pub(crate) async fn prompt(&self, prompt: &str, begun: String) -> Line {
        self.ask(prompt, begun, (true, true)).await
    }

    /// Reads an answer that is not kept in the history. What was typed before the question was
    /// asked cannot be its answer, and is thrown away.
    pub(crate) async fn question(&self, prompt: &str) -> Line {
        self.meanwhile.call("a question waits for you");
        self.meanwhile.rest().await;
        let mut paused = Unanswered(Some(self.pause()));
        let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
        let line = self.ask(prompt, String::new(), (false, false)).await;
        drop(paused.0.take());
        line
    }

    /// The same for an answer that stands there already, to be changed.
    pub(crate) async fn amend(&self, prompt: &str, begun: String) -> Line {
        let mut paused = Unanswered(Some(self.pause()));
        let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
        let line = self.ask(prompt, begun, (false, true)).await;
        drop(paused.0.take());
        line
    }

    async fn ask(&self, prompt: &str, begun: String, (remember, edits): (bool, bool)) -> Line {
        // Before what the answer comes by, so that it is dropped behind it.
        let mut waits = Waits(None);
        let (answer, answered) = oneshot::channel();
        let prompt = in_lines(std::io::stderr(), &showable(prompt));
        let question = Question { prompt, begun, remember, edits, answer };
        if self.orders.send(Order::Ask(question)).is_err() {
            return Line::Failed("the line editor is gone".to_owned());
        }
        waits.0 = self.plain.as_ref();
        let line = answered.await;
        waits.0 = None;
        self.meanwhile.was_answered();
        line.unwrap_or(Line::Failed("the line editor is gone".to_owned()))
    }
}

/// A question that nobody waits for any more is still being answered: the terminal is not free.
struct Unanswered(Option<Paused>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(mut paused) = self.0.take() {
            paused.0 = None;
        }
    }
}

type Lines = Editor<Aid, FileHistory>;

fn serve(
    asked: &mpsc::Receiver<Order>,
    history: Option<HistoryFiles>,
    (aid, keys, typed): (Aid, Keys, Typed),
    plain: Option<Plain>,
) {
    // What came behind a prompt in one go is kept for the next one.
    let opened = open(keys.clone()).and_then(|mut editor| {
        let config = config(keys.editing)?;
        let memory = history.map(|it| Memory::open(it, &config));
        for line in memory.iter().flat_map(Memory::lines) {
            // An older one may have kept what acts.
            let _ = editor.add_history_entry(&*visible(line));
        }
        Ok((editor, memory))
    });
    let (mut editor, mut memory) = match opened {
        Ok(opened) => opened,
        Err(err) => {
            while let Ok(order) = asked.recv() {
                if let Order::Ask(question) = order {
                    let _ = question.answer.send(Line::Failed(err.to_string()));
                }
            }
            return;
        }
    };
    while let Ok(order) = asked.recv() {
        let question = match order {
            Order::Ask(question) => question,
            Order::Remember(line) => {
                remember(&mut editor, memory.as_mut(), &line);
                continue;
            }
        };
        typed.begins(!question.remember, question.edits);
        let line = if let Some(plain) = &plain {
            let is_wanted = || !question.answer.is_closed();
            read(&question, &aid, |prompt, _| plain.line(prompt, is_wanted))
        } else if question.remember {
            editor.set_helper(Some(aid.clone()));
            edited(&mut editor, &question, &aid, keys.found.as_ref())
        } else {
            // It answers no question that was not asked when it was typed: each has an editor of its own. An
            // answer is not completed, and Escape by itself takes it back.
            match open(keys.clone()) {
                Ok(mut editor) => {
                    edited(&mut editor, &question, &Aid::default(), keys.found.as_ref())
                }
                Err(err) => Line::Failed(err.to_string()),
            }
        };
        let line = match line {
            Line::Entered(text) => {
                // What was to join something and does not is seen when it is said.
                let text = typed.whole(&visible(&text));
                if typed.wants_editor() { Line::Edit(text) } else { Line::Entered(text) }
            }
            // Who gives up what was begun wants to begin anew, and not to leave.
            Line::Interrupted if typed.has_dropped() && question.remember => {
                Line::Entered(String::new())
            }
            other => other,
        };
        if question.remember {
            typed.forget();
        }
        if let (Line::Entered(text), true) = (&line, question.remember) {
            remember(&mut editor, memory.as_mut(), text);
        }
        let _ = question.answer.send(line);
    }
}

/// In milliseconds, how long it takes to know that Escape was pressed by itself. One that was meant for
/// the work and came late shall not change what the next key means.
const ESCAPE: u16 = 30;

fn remember(editor: &mut Lines, memory: Option<&mut Memory>, line: &str) {
    let Some(memory) = memory else { return };
    let line = line.trim_end();
    let _ = editor.add_history_entry(line);
    memory.remember(line);
}

fn config(editing: Editing) -> rustyline::Result<Config> {
    // The mode first: it sets how long Escape is waited for.
    let config = Config::builder()
        .edit_mode(match editing {
            Editing::Emacs | Editing::Terminal => EditMode::Emacs,
            Editing::Vi => EditMode::Vi,
        })
        .auto_add_history(false)
        .bracketed_paste(true)
        .keyseq_timeout(Some(ESCAPE))
        .completion_type(CompletionType::List)
        .max_history_size(2000)?;
    Ok(config.build())
}

fn open(keys: Keys) -> rustyline::Result<Lines> {
    let mut editor = Editor::with_config(config(keys.editing)?)?;
    editor.bind_sequence(Event::Any, EventHandler::Conditional(Box::new(keys)));
    Ok(editor)
}

/// What is said of bytes that are no letters.
const NO_TEXT: &str = "what came in was no UTF-8, and is left out";

fn edited(editor: &mut Lines, question: &Question, aid: &Aid, found: Option<&Termios>) -> Line {
    let _reading = Reading::begin(found);
    read(question, aid, |prompt, stands| editor.readline_with_initial(prompt, stands))
}

/// `next` reads a line behind a prompt, in which that stands already.
fn read(
    question: &Question,
    aid: &Aid,
    mut next: impl FnMut(&str, (&str, &str)) -> rustyline::Result<String>,
) -> Line {
    let (mut text, mut stands) = (String::new(), (question.begun.clone(), String::new()));
    let mut prompt = question.prompt.clone();
    loop {
        let (before, behind) = std::mem::take(&mut stands);
        match next(&prompt, (&before, &behind)) {
            Ok(line) => match line.strip_suffix('\\') {
                Some(start) => {
                    text += start;
                    text.push('\n');
                    prompt = showable("… ").into_owned();
                }
                None => return Line::Entered(text + &line),
            },
            Err(ReadlineError::Interrupted) => return Line::Interrupted,
            Err(ReadlineError::Eof) if text.is_empty() => return Line::End,
            Err(ReadlineError::Eof) => return Line::Entered(text),
            Err(ReadlineError::Io(err)) if err.kind() == ErrorKind::InvalidData => {
                // What came with it may be the rest of a paste, whose lines nobody has entered.
                let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
                let _ = writeln!(std::io::stderr(), "\n  {NO_TEXT}");
                stands = aid.take_line();
            }
            Err(err) => return Line::Failed(err.to_string()),
        }
    }
}
