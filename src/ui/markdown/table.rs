//! A table: its rows are kept until it is whole, and then fitted to the width.

use crate::ui::cells::columns;
use crate::ui::markdown::flow::{Flow, dimmed};
use crate::ui::markdown::ink::Ink;
use crate::ui::markdown::inline::Inline;

/// From so many bytes on a table is shown as it is so far, and what follows keeps its columns.
const MOST: usize = 32_000;

/// No column is made narrower for others than that.
const NARROWEST: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Align {
    Left,
    Middle,
    Right,
}

#[derive(Debug)]
pub(super) struct Table {
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
    bytes: usize,
    /// Of the columns, once something is on the screen.
    widths: Vec<usize>,
}

impl Table {
    /// The table that these two lines begin, if they do.
    pub(super) fn begin(head: &str, ruler: &str) -> Option<Self> {
        let (head, ruler) = (cells(head), cells(ruler));
        let align: Vec<_> = ruler.iter().map(|it| alignment(it)).collect::<Option<_>>()?;
        let fits = head.len() == align.len() && !align.is_empty();
        fits.then(|| Self { align, rows: vec![head], bytes: 0, widths: Vec::new() })
    }

    pub(super) fn row(&mut self, line: &str, flow: &mut Flow, is_coloured: bool) {
        let mut row = cells(line);
        row.resize(self.align.len(), String::new());
        self.bytes += line.len();
        self.rows.push(row);
        if MOST < self.bytes {
            self.show(flow, is_coloured);
        }
    }

    /// Prints the rows that are not out yet.
    pub(super) fn show(&mut self, flow: &mut Flow, is_coloured: bool) {
        let rows = std::mem::take(&mut self.rows);
        let is_begin = self.widths.is_empty();
        let gaps = 3 * (self.align.len() - 1);
        let room = flow.room().saturating_sub(gaps);
        if is_begin {
            self.widths = self.fitted(&rows, room, is_coloured);
        }
        if room < self.align.len() * 3 {
            return one_below_the_other(&rows, flow, is_coloured);
        }
        for (at, row) in rows.iter().enumerate() {
            let is_head = is_begin && at == 0;
            self.show_row(row, is_head, flow, is_coloured);
            if is_head {
                let lines: Vec<_> = self.widths.iter().map(|it| "─".repeat(*it)).collect();
                flow.verbatim(&dimmed(&lines.join("─┼─"), is_coloured));
            }
        }
    }

    fn show_row(&self, row: &[String], is_head: bool, flow: &mut Flow, is_coloured: bool) {
        let ink = if is_head { Ink::BOLD } else { Ink::NONE };
        let set = row.iter().zip(&self.widths);
        let set: Vec<_> = set.map(|(cell, width)| lines(cell, *width, ink, is_coloured)).collect();
        let height = set.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..height {
            let cells = set.iter().zip(self.widths.iter().zip(&self.align));
            let cells: Vec<_> = cells
                .map(|(lines, (width, align))| {
                    aligned(lines.get(at).map_or("", String::as_str), *width, *align)
                })
                .collect();
            flow.verbatim(&cells.join(&dimmed(" │ ", is_coloured)));
        }
    }

    /// Each column as wide as its widest cell, as long as all fit; else the widest give way.
    fn fitted(&self, rows: &[Vec<String>], room: usize, is_coloured: bool) -> Vec<usize> {
        let widest = |at: usize| {
            let cells = rows.iter().flat_map(|row| lines(&row[at], 10_000, Ink::NONE, is_coloured));
            cells.map(|it| columns(&it)).max().unwrap_or(0).max(1)
        };
        let mut widths: Vec<usize> = (0..self.align.len()).map(widest).collect();
        let least = (room / widths.len()).clamp(1, NARROWEST);
        while room < widths.iter().sum::<usize>() {
            let over = widths.iter().sum::<usize>() - room;
            let most = widths.iter().copied().max().unwrap_or(0);
            if most <= least {
                break;
            }
            // All the widest go down to the next, or share what is over.
            let next = widths.iter().copied().filter(|it| *it < most).max().unwrap_or(0);
            let count = widths.iter().filter(|it| **it == most).count();
            let less = (most - next.max(least)).min(over.div_ceil(count)).max(1);
            widths.iter_mut().filter(|it| **it == most).for_each(|it| *it -= less);
        }
        widths
    }
}

/// Whether the line is one that stands between a head and its rows.
fn alignment(cell: &str) -> Option<Align> {
    let line = cell.strip_prefix(':').unwrap_or(cell);
    let line = line.strip_suffix(':').unwrap_or(line);
    if line.is_empty() || !line.chars().all(|it| it == '-') {
        return None;
    }
    Some(match (cell.starts_with(':'), cell.ends_with(':')) {
        (true, true) => Align::Middle,
        (false, true) => Align::Right,
        _ => Align::Left,
    })
}

fn cells(line: &str) -> Vec<String> {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let mut cells = vec![String::new()];
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'|') => {}
            '|' if chars.peek().is_none() => break,
            '|' => cells.push(String::new()),
            _ => {
                cells.last_mut().expect("there is always one").push(c);
                continue;
            }
        }
        if c == '\\' {
            chars.next();
            cells.last_mut().expect("there is always one").push('|');
        }
    }
    cells.iter().map(|it| it.trim().to_owned()).collect()
}

/// A cell set into its width.
fn lines(cell: &str, width: usize, ink: Ink, is_coloured: bool) -> Vec<String> {
    let ink = if is_coloured { ink } else { Ink::NONE };
    let mut flow = Flow::new(width);
    let text = cell.replace("<br>", "\n").replace("<br/>", "\n").replace("<br />", "\n");
    Inline::new(is_coloured, ink).set(&text, &mut flow);
    flow.end_line();
    let text = flow.take();
    text.lines().flat_map(|it| broken(it, width)).collect()
}

/// A word that is too long for a cell would push the others aside.
fn broken(line: &str, width: usize) -> Vec<String> {
    if columns(line) <= width {
        return vec![line.to_owned()];
    }
    let mut lines = vec![String::new()];
    let mut plain = String::new();
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        let last = lines.last_mut().expect("there is always one");
        if c == '\x1b' {
            last.push(c);
            last.extend(letters.by_ref().take_while(|it| *it != 'm').chain(['m']));
            continue;
        }
        plain.push(c);
        if width < columns(&plain) {
            plain = c.to_string();
            lines.push(plain.clone());
        } else {
            last.push(c);
        }
    }
    lines
}

fn aligned(text: &str, width: usize, align: Align) -> String {
    let free = width.saturating_sub(columns(text));
    let before = match align {
        Align::Left => 0,
        Align::Middle => free / 2,
        Align::Right => free,
    };
    format!("{}{text}{}", " ".repeat(before), " ".repeat(free - before))
}

/// Where the columns have no room beside each other.
fn one_below_the_other(rows: &[Vec<String>], flow: &mut Flow, is_coloured: bool) {
    for cell in rows.iter().flatten().filter(|it| !it.is_empty()) {
        Inline::new(is_coloured, Ink::NONE).set(cell, flow);
        flow.end_line();
    }
}
