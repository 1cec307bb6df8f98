//! A person's lines, read on a thread of their own so that the work goes on meanwhile.

mod aid;
mod keys;

use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor, Event, EventHandler};
use tokio::sync::oneshot;

pub(crate) use crate::ui::keyboard::aid::{Offer, Suggest};

use crate::ui::keyboard::aid::Aid;
use crate::ui::keyboard::keys::{Keys, PASTE_OFF, Typed};

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
    questions: mpsc::Sender<Question>,
    aid: Aid,
    /// The terminal as it was before a line was read.
    found: Option<Termios>,
}

impl Keyboard {
    /// Lines worth remembering are kept in `history`.
    pub(crate) fn new(history: Option<PathBuf>) -> Self {
        let (questions, asked) = mpsc::channel();
        let found = tcgetattr(std::io::stdin()).ok();
        let (aid, typed) = (Aid::default(), Typed::default());
        let keys = Keys { typed: typed.clone(), found: found.clone() };
        let aided = aid.clone();
        std::thread::spawn(move || serve(&asked, history, (aided, keys, typed)));
        Self { questions, aid, found }
    }

    /// From now on this is asked how a prompt may go on.
    pub(crate) fn suggest(&self, suggest: Box<dyn Suggest>) {
        self.aid.replace(Some(suggest));
    }

    /// Leaves the terminal as it was found, though a line is being read.
    pub(crate) fn let_go(&self) {
        if let Some(found) = &self.found {
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
        let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
        self.ask(prompt, String::new(), (false, false)).await
    }

    /// The same for an answer that stands there already, to be changed.
    pub(crate) async fn amend(&self, prompt: &str, begun: String) -> Line {
        let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
        self.ask(prompt, begun, (false, true)).await
    }

    async fn ask(&self, prompt: &str, begun: String, (remember, edits): (bool, bool)) -> Line {
        let (answer, answered) = oneshot::channel();
        let question = Question { prompt: prompt.to_owned(), begun, remember, edits, answer };
        if self.questions.send(question).is_err() {
            return Line::Failed("the line editor is gone".to_owned());
        }
        answered.await.unwrap_or(Line::Failed("the line editor is gone".to_owned()))
    }
}

type Lines = Editor<Aid, FileHistory>;

fn serve(
    asked: &mpsc::Receiver<Question>,
    history: Option<PathBuf>,
    (aid, keys, typed): (Aid, Keys, Typed),
) {
    let mut editor = match open(history.as_deref(), keys) {
        Ok(editor) => editor,
        Err(err) => {
            while let Ok(question) = asked.recv() {
                let _ = question.answer.send(Line::Failed(err.to_string()));
            }
            return;
        }
    };
    while let Ok(question) = asked.recv() {
        // An answer is not completed.
        editor.set_helper(question.remember.then(|| aid.clone()));
        let line = match read(&mut editor, &question.prompt, &question.begun) {
            Line::Entered(text) => {
                let text = typed.whole(&text);
                let edit = typed.wants_editor() && question.edits;
                if edit { Line::Edit(text) } else { Line::Entered(text) }
            }
            other => other,
        };
        if let (Line::Entered(text), true) = (&line, question.remember && history.is_some()) {
            // History is a comfort: that it cannot be kept is no reason to fail.
            let _ = editor.add_history_entry(text.trim_end());
            if let Some(path) = &history {
                // Before the first prompt of all there is no directory.
                let dir = path.parent().unwrap_or(path);
                let _ = DirBuilder::new().recursive(true).mode(0o700).create(dir);
                let _ = editor.append_history(path);
            }
        }
        let _ = question.answer.send(line);
    }
}

fn open(history: Option<&Path>, keys: Keys) -> rustyline::Result<Lines> {
    let config = Config::builder()
        .auto_add_history(false)
        .bracketed_paste(true)
        .completion_type(CompletionType::List)
        .max_history_size(2000)?
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.bind_sequence(Event::Any, EventHandler::Conditional(Box::new(keys)));
    if let Some(path) = history {
        // There is none before the first prompt.
        let _ = editor.load_history(path);
    }
    Ok(editor)
}

fn read(editor: &mut Lines, prompt: &str, begun: &str) -> Line {
    let (mut text, mut begun) = (String::new(), begun);
    let mut prompt = prompt.to_owned();
    loop {
        match editor.readline_with_initial(&prompt, (std::mem::take(&mut begun), "")) {
            Ok(line) => match line.strip_suffix('\\') {
                Some(start) => {
                    text += start;
                    text.push('\n');
                    prompt = "… ".to_owned();
                }
                None => return Line::Entered(text + &line),
            },
            Err(ReadlineError::Interrupted) => return Line::Interrupted,
            Err(ReadlineError::Eof) if text.is_empty() => return Line::End,
            Err(ReadlineError::Eof) => return Line::Entered(text),
            Err(err) => return Line::Failed(err.to_string()),
        }
    }
}
