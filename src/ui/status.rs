//! The one line that moves while the person waits, and leaves nothing behind.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::conversation::Progress;
use crate::ui::visible::visible_line;

/// Draws on standard error, and only if that is a terminal.
pub(crate) struct Status {
    bar: Option<ProgressBar>,
    live: bool,
}

/// Columns of the terminal as it is now.
pub(super) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    Some(usize::from(size.ws_col)).filter(|it| *it > 0)
}

impl Status {
    pub(crate) fn new(live: bool) -> Self {
        Self { bar: None, live }
    }

    pub(crate) fn show(&mut self, text: &str) {
        if !self.live {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let target = ProgressDrawTarget::term_like(Box::new(Margin));
            let bar = ProgressBar::with_draw_target(None, target);
            let style = ProgressStyle::with_template("{spinner} {msg:.dim} {elapsed:.dim}");
            bar.set_style(style.expect("the template is constant"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        // The spinner and the time have to fit beside it.
        let room = usize::from(Margin.width()).saturating_sub(10);
        bar.set_message(visible_line(text, room));
    }

    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The terminal less a few columns: a line is filled to its end, and the `^C` that the terminal
/// itself writes would move to the next, which is then the one that is cleared.
#[derive(Debug)]
pub(super) struct Margin;

impl TermLike for Margin {
    fn width(&self) -> u16 {
        let columns = u16::try_from(columns().unwrap_or(80)).unwrap_or(u16::MAX);
        columns.saturating_sub(4).max(16)
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        moved(n, 'A')
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        moved(n, 'B')
    }
    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        moved(n, 'C')
    }
    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        moved(n, 'D')
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        writeln!(io::stderr(), "{text}")
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        write!(io::stderr(), "{text}")
    }
    fn clear_line(&self) -> io::Result<()> {
        write!(io::stderr(), "\r\x1b[2K")
    }
    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn moved(n: usize, direction: char) -> io::Result<()> {
    if n == 0 { Ok(()) } else { write!(io::stderr(), "\x1b[{n}{direction}") }
}

/// How far the server has read the prompt.
pub(super) fn reading(progress: Progress) -> String {
    let new = progress.total.saturating_sub(progress.cached);
    let done = progress.processed.saturating_sub(progress.cached);
    format!("reading {done} of {new} tokens")
}

/// Which test is run, and how.
pub(super) fn trying(test: &str, is_broken: bool) -> String {
    let code = if is_broken { ", with the code broken" } else { "" };
    format!("running the test {}{code}", visible_line(test, 60))
}
