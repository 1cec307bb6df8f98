//! Lines of a terminal that can do no more than print: it edits them itself and gives them whole, and
//! Ctrl-C is a signal there. Whoever asked may leave while a line is read; what is typed then is not theirs.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustyline::error::ReadlineError;

/// What wakes whoever reads, and where that is written.
#[derive(Clone)]
pub(super) struct Plain(Arc<(OwnedFd, OwnedFd)>);

/// Somebody waits for a line, unless it is dropped with it.
pub(super) struct Waits<'a>(pub(super) Option<&'a Plain>);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(plain) = self.0 {
            plain.leave();
        }
    }
}

impl Plain {
    pub(super) fn new() -> Option<Self> {
        let pipe = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        Some(Self(Arc::new(pipe)))
    }

    /// Nobody waits for the line any more. What is told next does not stand behind it.
    fn leave(&self) {
        let _ = std::io::stderr().write_all(b"\n");
        // If it is full, whoever reads will look anyway.
        let _ = rustix::io::write(&self.0.1, b".");
    }

    /// The next line, as long as it is wanted.
    pub(super) fn line(
        &self,
        prompt: &str,
        is_wanted: impl Fn() -> bool,
    ) -> rustyline::Result<String> {
        let (stdin, bell) = (std::io::stdin(), &self.0.0);
        let (mut line, mut bytes) = (Vec::new(), [0; 4096]);
        if is_wanted() {
            std::io::stderr().write_all(prompt.as_bytes())?;
        }
        while is_wanted() {
            let mut fds = [
                PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN),
            ];
            // An interrupted wait has found nothing.
            let _ = poll(&mut fds, None);
            let [keys, rings] = [0, 1].map(|it: usize| !fds[it].revents().is_empty());
            if rings {
                let _ = rustix::io::read(bell, &mut [0; 64]);
                continue;
            }
            match if keys { rustix::io::read(&stdin, &mut bytes) } else { Err(Errno::AGAIN) } {
                Ok(0) if line.is_empty() => return Err(ReadlineError::Eof),
                Ok(0) => return Ok(text(&line)),
                Ok(n) => line.extend_from_slice(&bytes[..n]),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(err) => return Err(ReadlineError::Io(err.into())),
            }
            if line.ends_with(b"\n") {
                return Ok(text(&line));
            }
        }
        Err(ReadlineError::Interrupted)
    }
}

/// The line without its end, and without what is no UTF-8.
fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.utf8_chunks().map(|it| it.valid()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_its_words() {
        for (line, words) in [
            (&b"one two\n"[..], "one two"),
            (b"one\r\n", "one"),
            (b"no end", "no end"),
            (b"caf\xe9 au lait\n", "caf au lait"),
            (b"\n", ""),
        ] {
            assert_eq!(text(line), words);
        }
    }
}
