//! The one line that moves while the person waits, and leaves nothing behind.

use std::fmt;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{
    HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike,
};

use crate::conversation::Progress;
use crate::ui::ascii::{is_ascii_alone, showable_line};
use crate::ui::cells::{columns as columns_in, fitting};
use crate::ui::context::grouped;
use crate::ui::foot::{Foot, is_elsewhere};
use crate::ui::palette::Paint;
use crate::ui::visible::visible_line;

/// Nothing is to move on this terminal. There is one, as there is one choice of colours.
static IS_STILL: AtomicBool = AtomicBool::new(false);

/// From now on nothing moves, or what can does.
pub(crate) fn hold_still(is_still: bool) {
    IS_STILL.store(is_still, Ordering::Relaxed);
}

pub(super) fn is_still() -> bool {
    IS_STILL.load(Ordering::Relaxed)
}

/// Draws on standard error, and only if that is a terminal.
pub(crate) struct Status {
    bar: Option<ProgressBar>,
    live: bool,
    /// What may stand beneath it.
    foot: Foot,
}

/// Columns of the terminal as it is now.
pub(super) fn columns() -> Option<usize> {
    columns_of(io::stderr())
}

/// Columns of a stream that is a terminal.
pub(super) fn columns_of(stream: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|it| *it > 0)
}

impl Status {
    pub(crate) fn new(live: bool) -> Self {
        Self::above(Foot::default(), live)
    }

    /// The same where a line may stand beneath it.
    pub(super) fn above(foot: Foot, live: bool) -> Self {
        Self { bar: None, live: live && !is_still(), foot }
    }

    pub(crate) fn show(&mut self, text: &str) {
        if !self.live {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let above = Above { foot: self.foot.clone(), drawn: Mutex::default() };
            let target = ProgressDrawTarget::term_like(Box::new(above));
            let bar = ProgressBar::with_draw_target(None, target);
            let style = ProgressStyle::with_template("{spinner} {msg} {took}");
            let style = style.expect("the template is constant");
            let style = style.with_key("took", |it: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = out.write_str(&format!("{:#}", HumanDuration(it.elapsed())).quiet());
            });
            bar.set_style(match is_ascii_alone() {
                true => style.tick_chars(r"|/-\ "),
                false => style,
            });
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        // The spinner and the time have to fit beside it.
        let room = usize::from(Margin.width()).saturating_sub(10);
        bar.set_message(showable_line(text, room).quiet());
    }

    /// The same for something else than before: its time begins.
    pub(super) fn begin(&mut self, text: &str) {
        self.show(text);
        if let Some(bar) = &self.bar {
            bar.reset_elapsed();
        }
    }

    /// How long what is shown has taken.
    pub(super) fn elapsed(&self) -> Duration {
        self.bar.as_ref().map(ProgressBar::elapsed).unwrap_or_default()
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

/// The same with a line beneath: what is drawn is written at once. The cursor stays at its beginning: where a
/// window is made narrower, terminals break the line anew below it or cut it, and either way what is behind the
/// cursor is all of it.
#[derive(Debug)]
struct Above {
    foot: Foot,
    drawn: Mutex<Drawn>,
}

#[derive(Debug, Default)]
struct Drawn {
    /// What is to be written with the rest.
    begun: String,
    /// Columns of what stands there.
    columns: usize,
}

impl Above {
    fn push(&self, text: &str) -> io::Result<()> {
        self.drawn().begun += text;
        Ok(())
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TermLike for Above {
    /// Whoever draws it shall not think that it is broken: it is cut where it is written.
    fn width(&self) -> u16 {
        1000
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.push(&way(n, 'A'))
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.push(&way(n, 'B'))
    }
    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.push(&way(n, 'C'))
    }
    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.push(&way(n, 'D'))
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.push(text)?;
        self.push("\n")
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        // The line was cleared: nothing has to be filled.
        let text = fitting(text.trim_end_matches(' '), usize::from(Margin.width()));
        self.push(&text)
    }
    fn clear_line(&self) -> io::Result<()> {
        self.push("\r\x1b[2K")
    }
    fn flush(&self) -> io::Result<()> {
        let mut drawn = self.drawn();
        let text = std::mem::take(&mut drawn.begun) + "\r";
        let is_broken = columns().is_some_and(|it| it < drawn.columns);
        drawn.columns = columns_in(text.rsplit("\x1b[2K").next().unwrap_or_default().trim_end());
        drop(drawn);
        let mut written = Ok(());
        if is_elsewhere() {
            return written;
        }
        let write = || written = io::stderr().write_all(text.as_bytes());
        match is_broken {
            true => self.foot.write_anew(&text, write),
            false => self.foot.write(&text, write),
        }
        written
    }
}

fn way(n: usize, direction: char) -> String {
    if n == 0 { String::new() } else { format!("\x1b[{n}{direction}") }
}

fn moved(n: usize, direction: char) -> io::Result<()> {
    write!(io::stderr(), "{}", way(n, direction))
}

/// How far the server has read the prompt, and how long that has taken.
pub(super) fn reading(progress: Progress, took: Duration) -> String {
    let new = progress.total.saturating_sub(progress.cached);
    let done = progress.processed.saturating_sub(progress.cached).min(new);
    let mut text = format!("reading {} of {} tokens", grouped(done), grouped(new));
    if let Some(percent) = (u64::from(done) * 100).checked_div(u64::from(new)) {
        text += &format!(", {percent} %");
    }
    // What little was read says little about the rest.
    if SOME < took && 0 < done && done < new {
        let left = took.as_secs_f64() * f64::from(new - done) / f64::from(done);
        text += &format!(", {} left", seconds(Duration::from_secs_f64(left)));
    }
    text
}

const SOME: Duration = Duration::from_secs(2);

/// What is written, how much of it, and how fast; a piece is about a token.
pub(super) fn writing(what: &str, pieces: u32, took: Duration) -> String {
    let what = visible_line(what, 60);
    if took < Duration::from_secs(1) {
        return what;
    }
    let rate = f64::from(pieces) / took.as_secs_f64();
    format!("{what}, {} tokens, {rate:.0}/s", grouped(pieces))
}

pub(super) fn seconds(it: Duration) -> String {
    match it.as_secs() {
        it @ ..=99 => format!("{it} s"),
        it => format!("{} min {:02} s", it / 60, it % 60),
    }
}

/// Which test is run, and how.
pub(super) fn trying(test: &str, is_broken: bool) -> String {
    let code = if is_broken { ", with the code broken" } else { "" };
    format!("running the test {}{code}", visible_line(test, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_reading_takes_is_known_after_a_while() {
        let progress = Progress { total: 12_000, cached: 2000, processed: 4500 };
        let at = |seconds| reading(progress, Duration::from_secs(seconds));
        assert_eq!(at(1), "reading 2,500 of 10,000 tokens, 25 %");
        assert_eq!(at(10), "reading 2,500 of 10,000 tokens, 25 %, 30 s left");
        assert_eq!(at(100), "reading 2,500 of 10,000 tokens, 25 %, 5 min 00 s left");
        assert_eq!(reading(Progress::default(), Duration::ZERO), "reading 0 of 0 tokens");
    }

    #[test]
    fn how_fast_it_writes_is_known_after_a_second() {
        assert_eq!(writing("thinking", 3, Duration::from_millis(100)), "thinking");
        assert_eq!(
            writing("thinking", 1200, Duration::from_secs(10)),
            "thinking, 1,200 tokens, 120/s"
        );
    }
}
