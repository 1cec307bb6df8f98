//! Prompts that were entered before: those of this project first, then all others.

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use rustyline::Config;
use rustyline::history::{FileHistory, History};

/// Where they are kept.
#[derive(Clone, Debug)]
pub(crate) struct HistoryFiles {
    pub(crate) all: PathBuf,
    pub(crate) of_project: PathBuf,
}

/// A comfort: that it cannot be kept is no reason to fail.
pub(super) struct Memory {
    all: Kept,
    of_project: Kept,
}

struct Kept {
    path: PathBuf,
    lines: FileHistory,
}

impl Memory {
    pub(super) fn open(files: HistoryFiles, config: &Config) -> Self {
        let HistoryFiles { all, of_project } = files;
        Self { all: Kept::open(all, config), of_project: Kept::open(of_project, config) }
    }

    /// The lines, the ones that are found first at the end.
    pub(super) fn lines(&self) -> impl Iterator<Item = &String> {
        let own: HashSet<&String> = self.of_project.lines.iter().collect();
        let others = self.all.lines.iter().filter(move |it| !own.contains(it));
        others.chain(self.of_project.lines.iter())
    }

    pub(super) fn remember(&mut self, line: &str) {
        self.all.remember(line);
        self.of_project.remember(line);
    }
}

impl Kept {
    fn open(path: PathBuf, config: &Config) -> Self {
        let mut lines = FileHistory::with_config(config);
        // There is none before the first prompt.
        let _ = lines.load(&path);
        Self { path, lines }
    }

    fn remember(&mut self, line: &str) {
        let _ = self.lines.add(line);
        // Before the first prompt of all there is no directory.
        let dir = self.path.parent().unwrap_or(&self.path);
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        let _ = self.lines.append(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_entered_here_is_found_first() {
        let folder = tempfile::tempdir().unwrap();
        let memory = |project: &str| {
            let all = folder.path().join("history");
            let of_project = folder.path().join(format!("projects/{project}.history"));
            Memory::open(HistoryFiles { all, of_project }, &Config::default())
        };
        let mut one = memory("one");
        one.remember("first");
        one.remember("both");
        let mut two = memory("two");
        two.remember("both");
        two.remember("several\nlines");
        assert_eq!(memory("one").lines().collect::<Vec<_>>(), ["several\nlines", "first", "both"]);
        let mut two = memory("two");
        two.remember("last");
        let found = memory("two");
        assert_eq!(found.lines().collect::<Vec<_>>(), ["first", "both", "several\nlines", "last"]);
        assert_eq!(memory("three").lines().count(), 4);
    }
}
