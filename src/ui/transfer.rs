//! Files that come over the wire: a bar each and one for all on a terminal, plain lines elsewhere.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{
    MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike,
};

use crate::ui::ascii::{is_ascii_alone, showable, showable_line};
use crate::ui::cells::{self, columns_at_most};
use crate::ui::status::{Margin, columns, is_still, seconds};
use crate::ui::visible::visible_line;

/// Where there is no terminal, at most one line in this time.
const SELDOM: Duration = Duration::from_secs(10);

/// Room for the name of a file beside its bar.
const NAME: usize = 40;

/// Standard error shows it. Nothing ever goes backwards.
pub(crate) struct Transfer {
    files: Vec<File>,
    shown: Shown,
}

struct File {
    name: String,
    size: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

enum Shown {
    Bars {
        all: MultiProgress,
        total: Option<ProgressBar>,
        lines: Ruled,
    },
    /// Since when nothing was said of the file that comes, and whether it was said what holds it up.
    Lines {
        silent: Instant,
        is_noted: bool,
    },
    Nothing,
}

impl Shown {
    fn lines() -> Self {
        Self::Lines { silent: Instant::now(), is_noted: false }
    }
}

/// How it is to be shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TransferStyle {
    Bars,
    Lines,
    Nothing,
}

impl Transfer {
    /// `files` by name and size, in the order they come.
    pub(crate) fn begin(files: &[(String, u64)], style: TransferStyle) -> Self {
        let shown = match style {
            TransferStyle::Bars if is_still() => Shown::lines(),
            TransferStyle::Bars => {
                let lines = Ruled::default();
                let target = ProgressDrawTarget::term_like_with_hz(Box::new(lines.clone()), 10);
                let all = MultiProgress::with_draw_target(target);
                let total = (1 < files.len()).then(|| {
                    let size = files.iter().map(|it| it.1).sum();
                    let bar = unseen(size, SUM, "in all".to_owned());
                    all.add(bar)
                });
                Shown::Bars { all, total, lines }
            }
            TransferStyle::Lines => Shown::lines(),
            TransferStyle::Nothing => Shown::Nothing,
        };
        let file = |(name, size): &(String, u64)| File {
            name: showable(&visible_line(name, NAME)).into_owned(),
            size: *size,
            done: 0,
            bar: None,
        };
        Self { files: files.iter().map(file).collect(), shown }
    }

    /// The file `nth` has so many bytes; `note` says what is done besides fetching.
    pub(crate) fn show(&mut self, nth: usize, done: u64, note: Option<&str>) {
        let Some(file) = self.files.get_mut(nth) else { return };
        file.done = file.done.max(done).min(file.size);
        match &mut self.shown {
            Shown::Bars { all, total, .. } => {
                let name = beside(&file.name, note, columns().unwrap_or(80));
                let bar = file
                    .bar
                    .get_or_insert_with(|| begun(all, total.as_ref(), (&name, file.size, done)));
                if bar.message() != name {
                    bar.set_message(name);
                }
                bar.set_position(file.done);
                let sum = self.files.iter().map(|it| it.done).sum();
                if let Some(total) = total {
                    total.set_position(sum);
                }
            }
            Shown::Lines { silent, is_noted } => {
                // What is there soon needs no line on its way; what holds it up is said at once.
                let is_due = SELDOM <= silent.elapsed() || (note.is_some() && !*is_noted);
                if is_due && file.done < file.size {
                    *silent = Instant::now();
                    *is_noted |= note.is_some();
                    let percent = u128::from(file.done) * 100 / u128::from(file.size.max(1));
                    let note = note.map(|it| format!(", {it}")).unwrap_or_default();
                    let (done, size) = (bytes(file.done), bytes(file.size));
                    line(&format!("{}: {done} of {size} ({percent} %){note}", file.name));
                }
            }
            Shown::Nothing => {}
        }
    }

    /// The file `nth` is there; `note` says how that came.
    pub(crate) fn end(&mut self, nth: usize, note: &str) {
        let Some(file) = self.files.get_mut(nth) else { return };
        file.done = file.size;
        let told = format!("{}: {}, {note}", file.name, bytes(file.size));
        let bar = file.bar.take();
        match &mut self.shown {
            Shown::Bars { all, total, .. } => {
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                    all.remove(&bar);
                }
                let sum = self.files.iter().map(|it| it.done).sum();
                if let Some(total) = total {
                    total.set_position(sum);
                }
                for line in lines(&showable(&told), Margin.width().into()) {
                    let _ = all.println(line);
                }
            }
            Shown::Lines { silent, is_noted } => {
                (*silent, *is_noted) = (Instant::now(), false);
                line(&told);
            }
            Shown::Nothing => {}
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Shown::Bars { all, lines, .. } = &self.shown {
            // Nowhere is left to say that it cannot be cleared.
            let _ = all.clear();
            let _ = lines.end();
        }
    }
}

/// The terminal less its margin, where a line that is full is followed by a new one: the bars count on
/// that, and the terminal does it only at its own edge.
#[derive(Clone, Debug, Default)]
struct Ruled(Arc<AtomicUsize>);

impl Ruled {
    /// Leaves a line that was filled.
    fn end(&self) -> io::Result<()> {
        if usize::from(Margin.width()) <= self.0.swap(0, Ordering::Relaxed) {
            writeln!(io::stderr())?;
        }
        Ok(())
    }
}

impl TermLike for Ruled {
    fn width(&self) -> u16 {
        Margin.width()
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        Margin.move_cursor_up(n)
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        Margin.move_cursor_down(n)
    }
    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        Margin.move_cursor_right(n)
    }
    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        Margin.move_cursor_left(n)
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.store(0, Ordering::Relaxed);
        Margin.write_line(text)
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        if text == "\r" {
            self.0.store(0, Ordering::Relaxed);
        } else if !text.is_empty() {
            if usize::from(self.width()) <= self.0.load(Ordering::Relaxed) {
                self.end()?;
            }
            self.0.fetch_add(cells::columns(text), Ordering::Relaxed);
        }
        Margin.write_str(text)
    }
    fn clear_line(&self) -> io::Result<()> {
        self.0.store(0, Ordering::Relaxed);
        Margin.clear_line()
    }
    fn flush(&self) -> io::Result<()> {
        Margin.flush()
    }
}

fn begun(
    all: &MultiProgress,
    total: Option<&ProgressBar>,
    (name, size, done): (&str, u64, u64),
) -> ProgressBar {
    let template = template(columns().unwrap_or(80));
    let bar = unseen(size, template, name.to_owned());
    // What was there before is no measure of how fast it comes.
    bar.set_position(done);
    bar.reset_eta();
    match total {
        Some(total) => all.insert_before(total, bar),
        None => all.add(bar),
    }
}

/// It has its name before it is drawn.
fn unseen(size: u64, template: &str, name: String) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::hidden());
    let style = ProgressStyle::with_template(template).expect("the templates are constant");
    let style = style.with_key("speed", |it: &ProgressState, out: &mut dyn fmt::Write| {
        let is_over = it.len().is_none_or(|len| len <= it.pos());
        if !is_over && SOME < it.elapsed() {
            let _ = out.write_str(&speed(it.per_sec(), it.eta()));
        }
    });
    bar.set_style(style.progress_chars(if is_ascii_alone() { "=> " } else { "━╸ " }));
    bar.set_message(name);
    bar
}

/// How long it takes until it can be told how fast it comes.
const SOME: Duration = Duration::from_secs(1);

/// How fast it comes and how long that will take, behind a blank; nothing while nothing comes.
fn speed(per_second: f64, left: Duration) -> String {
    if per_second < 1.0 {
        return String::new();
    }
    format!(" {}/s, {} left", bytes(per_second as u64), seconds(left))
}

const SUM: &str = "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes}";

/// What of it all has room on a line: none that is longer than that can be taken away again.
fn template(columns: usize) -> &'static str {
    match columns {
        ..50 => "{msg} {percent}%",
        50..80 => "{msg} {percent}%{speed}",
        _ => "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes}{speed}",
    }
}

/// The name and what is done, as far as they fit beside the rest.
fn beside(name: &str, note: Option<&str>, columns: usize) -> String {
    // The margin, the blanks, the figures.
    let taken = match columns {
        ..50 => 4 + 1 + 4,
        50..80 => 4 + 1 + 4 + SPEED,
        _ => 4 + 2 + 8 + 19 + SPEED,
    };
    let room = columns.saturating_sub(taken).clamp(4, NAME + 20);
    match note {
        None => showable_line(name, room.min(NAME)),
        Some(note) => {
            let note = format!(" ({note})");
            let name =
                showable_line(name, room.saturating_sub(columns_at_most(&note)).clamp(4, NAME));
            showable_line(&(name + &note), room)
        }
    }
}

/// Columns of ` 999.9 MB/s, 99 min 59 s left`.
const SPEED: usize = 30;

/// The text in lines that the bars can count.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(last) = lines.last_mut() else { break };
        match columns_at_most(last) + 1 + columns_at_most(word) <= width {
            _ if last.is_empty() => *last += word,
            true => *last = format!("{last} {word}"),
            false => lines.push(word.to_owned()),
        }
    }
    lines
}

fn line(text: &str) {
    // If standard error is gone, there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{}", showable(text));
}

/// As a person reads it: `4.1 GB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const STEPS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match STEPS.into_iter().find(|(unit, _)| *unit <= bytes) {
        Some((unit, name)) => {
            let tenths = bytes / (unit / 10);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None if bytes == 1 => "1 byte".to_owned(),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_never_goes_backwards() {
        let files = [("a".to_owned(), 100), ("b".to_owned(), 50)];
        let mut transfer = Transfer::begin(&files, TransferStyle::Nothing);
        for (done, shown) in [(10, 10), (60, 60), (0, 60), (70, 70), (200, 100)] {
            transfer.show(0, done, None);
            assert_eq!(transfer.files[0].done, shown);
        }
        transfer.show(9, 1, None);
    }

    #[test]
    fn a_line_is_never_longer_than_the_terminal() {
        let bars = |columns: usize| match columns {
            ..50 => " 100%".to_owned(),
            50..80 => " 100%".to_owned() + &speed(999.9e6, Duration::from_secs(5999)),
            _ => " 123.45 GB/234.56 GB".to_owned() + &speed(999.9e6, Duration::from_secs(5999)),
        };
        for columns in 20..200 {
            for note in [None, Some("looking whether it is whole")] {
                let name = beside(
                    "a/very/long/name-of-a-model-with-parts-00001-of-00009.gguf",
                    note,
                    columns,
                );
                let width = columns_at_most(&(name.clone() + &bars(columns)));
                assert!(width <= columns - 4, "{columns}: {name}{}", bars(columns));
            }
        }
    }

    #[test]
    fn what_is_told_beside_the_bars_is_in_lines_that_fit() {
        assert_eq!(lines("a.gguf: 3 kB, here", 12), ["a.gguf: 3", "kB, here"]);
        assert_eq!(lines("a long-long-word b", 6), ["a", "long-long-word", "b"]);
    }

    #[test]
    fn nothing_is_said_of_the_speed_of_nothing() {
        assert_eq!(speed(0.0, Duration::ZERO), "");
        assert_eq!(speed(2_000_000.0, Duration::from_secs(30)), " 2.0 MB/s, 30 s left");
    }

    #[test]
    fn sizes_are_read_by_a_person() {
        let shown = [0, 999, 1000, 1_550_000, 17_250_000_000].map(bytes);
        assert_eq!(shown, ["0 bytes", "999 bytes", "1.0 kB", "1.5 MB", "17.2 GB"]);
    }
}
