//! A table: its rows are kept until it is whole, and then fitted to the width.

use crate::ui::cells::columns;
use crate::ui::markdown::flow::{Flow, dimmed};
use crate::ui::markdown::ink::Ink;
use crate::ui::markdown::inline::Inline;

/// From so many bytes on a table is shown as it is so far, and what follows keeps its columns.
const MOST: usize = 32_000;

/// A longer word is broken before a table gives up its columns.
const LONGEST_WORD: usize = 20;

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
    /// How it is shown, once something of it is.
    shape: Option<Shape>,
}

#[derive(Debug)]
enum Shape {
    /// The widths of the columns.
    Columns(Vec<usize>),
    /// There is no room for columns: what each is called stands before each cell.
    List(Vec<String>),
}

impl Table {
    /// The table that these two lines begin, if they do.
    pub(super) fn begin(head: &str, ruler: &str) -> Option<Self> {
        let (head, ruler) = (cells(head), cells(ruler));
        let align: Vec<_> = ruler.iter().map(|it| alignment(it)).collect::<Option<_>>()?;
        let fits = head.len() == align.len() && !align.is_empty();
        fits.then(|| Self { align, rows: vec![head], bytes: 0, shape: None })
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
        let mut rows = std::mem::take(&mut self.rows);
        let is_begin = self.shape.is_none();
        if is_begin {
            let gaps = 3 * (self.align.len() - 1);
            let room = flow.room().saturating_sub(gaps);
            self.shape = Some(match fitted(&rows, room, is_coloured) {
                Some(widths) => Shape::Columns(widths),
                None => Shape::List(rows.remove(0)),
            });
        }
        match &self.shape {
            Some(Shape::Columns(widths)) => {
                for (at, row) in rows.iter().enumerate() {
                    let is_head = is_begin && at == 0;
                    self.show_row(row, widths, is_head, flow, is_coloured);
                    if is_head {
                        let lines: Vec<_> = widths.iter().map(|it| "─".repeat(*it)).collect();
                        flow.verbatim(&dimmed(&lines.join("─┼─"), is_coloured));
                    }
                }
            }
            Some(Shape::List(heads)) => listed(heads, &rows, is_begin, flow, is_coloured),
            None => {}
        }
    }

    fn show_row(
        &self,
        row: &[String],
        widths: &[usize],
        is_head: bool,
        flow: &mut Flow,
        is_coloured: bool,
    ) {
        let ink = if is_head { Ink::BOLD } else { Ink::NONE };
        let set = row.iter().zip(widths);
        let set: Vec<_> = set.map(|(cell, width)| lines(cell, *width, ink, is_coloured)).collect();
        let height = set.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..height {
            let cells = set.iter().zip(widths.iter().zip(&self.align));
            let cells: Vec<_> = cells
                .map(|(lines, (width, align))| {
                    aligned(lines.get(at).map_or("", String::as_str), *width, *align)
                })
                .collect();
            flow.verbatim(&cells.join(&dimmed(" │ ", is_coloured)));
        }
    }
}

/// Each column as wide as its widest cell, as long as all fit; else the widest give way, as far as
/// their words have room. `None` where that is not enough.
fn fitted(rows: &[Vec<String>], room: usize, is_coloured: bool) -> Option<Vec<usize>> {
    let count = rows.first().map_or(0, Vec::len);
    let (mut widths, mut least) = (vec![1; count], vec![1; count]);
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            for line in lines(cell, 10_000, Ink::NONE, is_coloured) {
                widths[at] = widths[at].max(columns(&line));
                let word = line.split_whitespace().map(columns).max().unwrap_or(0);
                least[at] = least[at].max(word.min(LONGEST_WORD));
            }
        }
    }
    let mut over = widths.iter().sum::<usize>().saturating_sub(room);
    while 0 < over {
        let can = (0..count).filter(|at| least[*at] < widths[*at]);
        let widest = can.max_by_key(|at| widths[*at])?;
        widths[widest] -= 1;
        over -= 1;
    }
    Some(widths)
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

/// The rows one below the other, with an empty line between two.
fn listed(
    heads: &[String],
    rows: &[Vec<String>],
    is_begin: bool,
    flow: &mut Flow,
    is_coloured: bool,
) {
    let bold = if is_coloured { Ink::BOLD } else { Ink::NONE };
    for (at, row) in rows.iter().enumerate() {
        if !is_begin || 0 < at {
            flow.verbatim("");
        }
        for (head, cell) in heads.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            if !head.is_empty() {
                Inline::new(is_coloured, bold).set(&format!("{head}: "), flow);
            }
            Inline::new(is_coloured, Ink::NONE).set(&cell.replace("<br>", " "), flow);
            flow.end_line();
        }
    }
}
