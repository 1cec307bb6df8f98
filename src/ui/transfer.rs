//! Files that come over the wire: a bar each and one for all on a terminal, plain lines elsewhere.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use unicode_width::UnicodeWidthStr;

use crate::ui::status::{Margin, columns};
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
    /// When the last line was written.
    Lines(Option<Instant>),
    Nothing,
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
            TransferStyle::Bars => {
                let lines = Ruled::default();
                let target = ProgressDrawTarget::term_like_with_hz(Box::new(lines.clone()), 10);
                let all = MultiProgress::with_draw_target(target);
                let total = (1 < files.len()).then(|| {
                    let size = files.iter().map(|it| it.1).sum();
                    let bar = all.add(ProgressBar::with_draw_target(
                        Some(size),
                        ProgressDrawTarget::hidden(),
                    ));
                    bar.set_style(style_of("{msg} {wide_bar} {bytes}/{total_bytes}"));
                    bar.set_message("in all");
                    bar
                });
                Shown::Bars { all, total, lines }
            }
            TransferStyle::Lines => Shown::Lines(None),
            TransferStyle::Nothing => Shown::Nothing,
        };
        let file = |(name, size): &(String, u64)| File {
            name: visible_line(name, NAME),
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
                let bar =
                    file.bar.get_or_insert_with(|| begun(all, total.as_ref(), file.size, done));
                bar.set_position(file.done);
                let room = columns().unwrap_or(80);
                let name = if room < 70 { visible_line(&file.name, 16) } else { file.name.clone() };
                let name = match note {
                    Some(note) => format!("{name} ({note})"),
                    None => name,
                };
                if bar.message() != name {
                    bar.set_message(name);
                }
                let sum = self.files.iter().map(|it| it.done).sum();
                if let Some(total) = total {
                    total.set_position(sum);
                }
            }
            Shown::Lines(last) => {
                let is_due = last.is_none_or(|it| SELDOM <= it.elapsed());
                if is_due && file.done < file.size {
                    *last = Some(Instant::now());
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
                let _ = all.println(told);
            }
            Shown::Lines(last) => {
                *last = None;
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
            self.0.fetch_add(text.width(), Ordering::Relaxed);
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

fn begun(all: &MultiProgress, total: Option<&ProgressBar>, size: u64, done: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::hidden());
    let bar = match total {
        Some(total) => all.insert_before(total, bar),
        None => all.add(bar),
    };
    let wide = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
    let narrow = "{msg} {percent}% {bytes_per_sec} {eta} left";
    bar.set_style(style_of(if columns().unwrap_or(80) < 70 { narrow } else { wide }));
    // What was there before is no measure of how fast it comes.
    bar.set_position(done);
    bar.reset_eta();
    bar
}

fn style_of(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the templates are constant");
    style.progress_chars("━╸ ")
}

fn line(text: &str) {
    // If standard error is gone, there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// As a person reads it: `4.1 GB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const STEPS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match STEPS.into_iter().find(|(unit, _)| *unit <= bytes) {
        Some((unit, name)) => {
            let tenths = bytes / (unit / 10);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
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
    fn sizes_are_read_by_a_person() {
        let shown = [0, 999, 1000, 1_550_000, 17_250_000_000].map(bytes);
        assert_eq!(shown, ["0 bytes", "999 bytes", "1.0 kB", "1.5 MB", "17.2 GB"]);
    }
}
