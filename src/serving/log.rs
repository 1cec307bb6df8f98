//! The server's own log: a line for what happened, and never more than so much of it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is older than this is in the file beside it, and what is older than that is gone.
const LONGEST: u64 = 2 << 20;

/// Appends to a file that other writers may append to as well.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    path: PathBuf,
    clock: fn() -> String,
}

impl Log {
    pub(super) fn new(file: File, path: &Path, clock: fn() -> String) -> Self {
        Self { file, path: path.to_owned(), clock }
    }

    /// A line. That it cannot be written is no reason to stop serving.
    pub(super) fn line(&self, text: &str) {
        let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
        let _ = writeln!(&self.file, "{} {text}", (self.clock)());
        bound(&self.file, &self.path, LONGEST);
    }
}

/// Empties a log that has become too long; what was in it goes beside it. In place, since whoever
/// writes to it goes on doing so.
pub(super) fn bound(file: &File, path: &Path, longest: u64) {
    if file.metadata().is_ok_and(|it| longest < it.len()) {
        let mut old = path.as_os_str().to_owned();
        old.push(".old");
        let _ = std::fs::copy(path, old);
        let _ = file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn it_never_becomes_long_and_a_line_is_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.log");
        let file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let log = Log::new(file, &path, || "now".to_owned());
        log.line("a\nb");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "now a b\n");
        bound(&log.file, &path, 3);
        log.line("c");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "now c\n");
        assert_eq!(
            std::fs::read_to_string(dir.path().join("server.log.old")).unwrap(),
            "now a b\n"
        );
    }
}
