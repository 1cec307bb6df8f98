//! A person's lines, read on a thread of their own so that the work goes on meanwhile.

use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{
    Cmd, ConditionalEventHandler, Config, Editor, Event, EventContext, EventHandler, KeyEvent,
    RepeatCount,
};
use tokio::sync::oneshot;

/// What came of asking for a line.
#[derive(Debug)]
pub(crate) enum Line {
    Entered(String),
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
    answer: oneshot::Sender<Line>,
}

/// Ends the mode in which a terminal marks what is pasted, and the line that was begun.
const PASTE_OFF: &[u8] = b"\x1b[?2004l\r\n";

/// Begins that mode.
const PASTE_ON: &[u8] = b"\x1b[?2004h";

/// The line editor. It sets the terminal to raw mode only while a line is read.
#[derive(Clone, Debug)]
pub(crate) struct Keyboard {
    questions: mpsc::Sender<Question>,
    /// The terminal as it was before a line was read.
    found: Option<Termios>,
}

impl Keyboard {
    /// Lines worth remembering are kept in `history`.
    pub(crate) fn new(history: Option<PathBuf>) -> Self {
        let (questions, asked) = mpsc::channel();
        let found = tcgetattr(std::io::stdin()).ok();
        let suspend = found.clone().map(Suspend);
        std::thread::spawn(move || serve(&asked, history, suspend));
        Self { questions, found }
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
        self.ask(prompt, begun, true).await
    }

    /// Reads an answer that is not kept in the history. What was typed before the question was
    /// asked cannot be its answer, and is thrown away.
    pub(crate) async fn question(&self, prompt: &str) -> Line {
        let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
        self.ask(prompt, String::new(), false).await
    }

    async fn ask(&self, prompt: &str, begun: String, remember: bool) -> Line {
        let (answer, answered) = oneshot::channel();
        let question = Question { prompt: prompt.to_owned(), begun, remember, answer };
        if self.questions.send(question).is_err() {
            return Line::Failed("the line editor is gone".to_owned());
        }
        answered.await.unwrap_or(Line::Failed("the line editor is gone".to_owned()))
    }
}

fn serve(asked: &mpsc::Receiver<Question>, history: Option<PathBuf>, suspend: Option<Suspend>) {
    let mut editor = match open(history.as_deref(), suspend) {
        Ok(editor) => editor,
        Err(err) => {
            while let Ok(question) = asked.recv() {
                let _ = question.answer.send(Line::Failed(err.to_string()));
            }
            return;
        }
    };
    while let Ok(question) = asked.recv() {
        let line = read(&mut editor, &question.prompt, &question.begun);
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

fn open(
    history: Option<&Path>,
    suspend: Option<Suspend>,
) -> rustyline::Result<Editor<(), FileHistory>> {
    let config = Config::builder()
        .auto_add_history(false)
        .bracketed_paste(true)
        .max_history_size(2000)?
        .build();
    let mut editor = Editor::with_config(config)?;
    if let Some(suspend) = suspend {
        let suspend = EventHandler::Conditional(Box::new(suspend));
        editor.bind_sequence(KeyEvent::ctrl('Z'), suspend);
    }
    if let Some(path) = history {
        // There is none before the first prompt.
        let _ = editor.load_history(path);
    }
    Ok(editor)
}

fn read(editor: &mut Editor<(), FileHistory>, prompt: &str, begun: &str) -> Line {
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

/// What Ctrl-Z does while a line is read; with the terminal as it was found.
///
/// The editor's own way asks for the whole group to be stopped and goes on: the system stops another
/// thread first, and raw mode is set again before anything stands still, for the shell to undo.
struct Suspend(Termios);

impl ConditionalEventHandler for Suspend {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        let raw = tcgetattr(std::io::stdin()).ok()?;
        let set = |modes| tcsetattr(std::io::stdin(), OptionalActions::Drain, modes);
        let _ = std::io::stderr().write_all(PASTE_OFF);
        set(&self.0).ok()?;
        stop();
        // A terminal that is gone ends the line by itself.
        let _ = set(&raw);
        let _ = std::io::stderr().write_all(PASTE_ON);
        Some(Cmd::Repaint)
    }
}

/// Stops the group that the shell knows as one job; returns when it goes on. In a group that no
/// shell minds nothing is stopped.
fn stop() {
    // SAFETY: neither of the two is a handler, and a signal may be sent to this thread at any time.
    #[expect(unsafe_code, reason = "only a signal to this very thread stops it before it goes on")]
    unsafe {
        // The others first: whoever is left goes on.
        libc::signal(libc::SIGTSTP, libc::SIG_IGN);
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        libc::signal(libc::SIGTSTP, libc::SIG_DFL);
        libc::raise(libc::SIGTSTP);
    }
}
