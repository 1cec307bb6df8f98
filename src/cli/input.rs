//! What standard input adds to the prompt.

use std::io::{IsTerminal, Read};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::cli::commands::Ground;
use crate::cli::task::Prompt;
use crate::cli::{WrongUsage, note};

/// No window holds a prompt this long, and memory might not either.
const LONGEST: u64 = 64 << 20;

fn example(ground: Ground) -> &'static str {
    match ground {
        Ground::Project => "hint: say what to do, as in: agent \"fix the failing tests\"",
        Ground::Model => "hint: say something, as in: agent chat \"why is the sky blue?\"",
    }
}

/// What becomes of an input that no prompt can hold.
fn elsewhere(ground: Ground) -> &'static str {
    match ground {
        Ground::Project => {
            "hint: write it to a file in the project and name the file in the prompt"
        }
        Ground::Model => "hint: `agent` looks into files of a project; `agent chat` takes text",
    }
}

/// The prompt from the words typed and from what is piped in; `None` to begin a conversation.
pub(super) fn prompt(words: &[String], ground: Ground) -> anyhow::Result<Option<Prompt>> {
    let typed = words.join(" ");
    let (piped, example) = (piped(ground)?, example(ground));
    if !words.is_empty() && typed.trim().is_empty() && piped.trim().is_empty() {
        bail!(WrongUsage(format!("the prompt is empty\n{example}")));
    }
    if words.is_empty() && std::io::stdin().is_terminal() {
        return Ok(None);
    }
    match joined(&typed, &piped) {
        it if it.is_empty() => bail!(WrongUsage(format!(
            "there is no prompt, and standard input is no terminal to ask for one\n{example}"
        ))),
        text => Ok(Some(Prompt { text, typed })),
    }
}

/// What is piped in beside a fixed task, behind its own words.
pub(super) fn with_piped(words: String) -> anyhow::Result<String> {
    Ok(joined(&words, &piped(Ground::Project)?))
}

/// What was typed comes first: it says what the rest is for.
fn joined(typed: &str, piped: &str) -> String {
    let piped = piped.trim_end();
    match (typed.trim(), piped.trim().is_empty()) {
        (typed, true) => typed.to_owned(),
        ("", false) => piped.to_owned(),
        (typed, false) => format!("{typed}\n\n<stdin>\n{piped}\n</stdin>"),
    }
}

/// Standard input whole, where something is piped in.
fn piped(ground: Ground) -> anyhow::Result<String> {
    if !is_piped() {
        return Ok(String::new());
    }
    if !soon_readable() {
        note("waiting for standard input to end (to give it none: `< /dev/null`)");
    }
    let mut bytes = Vec::new();
    let stdin = std::io::stdin().lock().take(LONGEST + 1);
    let read = { stdin }.read_to_end(&mut bytes).context("cannot read standard input")?;
    if read as u64 > LONGEST {
        let hint = elsewhere(ground);
        bail!(WrongUsage(format!("standard input is longer than 64 MiB\n{hint}")));
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => bail!(WrongUsage(format!("standard input is not text\n{}", elsewhere(ground)))),
    }
}

/// Whether there is something to read, or an end, within a second. A program that started us may
/// have left us a pipe it will never write to.
fn soon_readable() -> bool {
    let stdin = std::io::stdin();
    let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    rustix::event::poll(&mut polled, Some(&second)) != Ok(0)
}

/// A pipe or a file; not a terminal, and not the device that many give to programs with no input.
fn is_piped() -> bool {
    use rustix::fs::FileType;
    let stat = rustix::fs::fstat(std::io::stdin());
    stat.is_ok_and(|it| {
        matches!(
            FileType::from_raw_mode(it.st_mode),
            FileType::Fifo | FileType::RegularFile | FileType::Socket
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_piped_in_follows_what_was_typed() {
        assert_eq!(joined("review this", "+a\n-b\n"), "review this\n\n<stdin>\n+a\n-b\n</stdin>");
        assert_eq!(joined("", "fix it\n"), "fix it");
        assert_eq!(joined(" fix it ", " \n"), "fix it");
        assert_eq!(joined("", ""), "");
    }
}
