//! What is longer than the window goes through the person's pager, as git does it.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::surroundings::Surroundings;
use crate::cli::{on_children, print};
use crate::sandbox::{self, Command, Ended};
use crate::ui::showable;

/// It ends by itself where all fits, passes colours, and leaves the last page on the screen.
const LESS: &str = "FRX";

/// To the terminal through a pager, if it does not fit; else as `print` does.
pub(super) fn print_paged(around: &Surroundings, text: &str) -> anyhow::Result<()> {
    let Some(pager) = pager(around).filter(|_| is_too_long(text)) else { return print(text) };
    let environment = around.environment();
    let environment = match environment.get("LESS") {
        Some(_) => environment,
        None => environment.with("LESS", LESS),
    };
    let shell = Command::new(Path::new("/bin/sh"), &around.directory, &environment);
    let shell = shell.args::<_, OsString>(["-c".into(), pager]);
    let text = &*showable(text);
    let ended = on_children(async {
        // Ctrl-C is a key of the pager's, and ends neither.
        let _signals = [SignalKind::interrupt(), SignalKind::quit()].map(signal);
        Ok(sandbox::run_fed(&shell, text).await?)
    });
    match ended {
        // There is none of that name, or it does not run.
        Ok(Ended::Exited(126 | 127)) | Err(_) => print(text),
        Ok(_) => Ok(()),
    }
}

/// The command, if there is one and it is wanted.
fn pager(around: &Surroundings) -> Option<OsString> {
    if !std::io::stdout().is_terminal() || around.is_dumb() {
        return None;
    }
    // One that is set to nothing means none, and not the usual.
    let named = around.variables.iter().find(|(name, _)| name == "PAGER");
    wanted(named.map(|(_, it)| it.as_os_str()), around.program("less").is_some())
}

fn wanted(named: Option<&OsStr>, has_less: bool) -> Option<OsString> {
    match named {
        None => has_less.then(|| "less".into()),
        Some(named) if named.is_empty() || named == "cat" => None,
        Some(named) => Some(named.to_owned()),
    }
}

/// Whether the prompt behind it would push its beginning out of the window.
fn is_too_long(text: &str) -> bool {
    let rows = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |it| it.ws_row);
    0 < rows && usize::from(rows) <= text.lines().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_is_the_one_that_is_named_and_less_where_none_is() {
        let wanted = |named: Option<&str>, has_less| wanted(named.map(OsStr::new), has_less);
        assert_eq!(wanted(Some("more -s"), true).as_deref(), Some(OsStr::new("more -s")));
        assert_eq!(wanted(None, true).as_deref(), Some(OsStr::new("less")));
        assert_eq!(
            [wanted(None, false), wanted(Some(""), true), wanted(Some("cat"), true)],
            [None, None, None]
        );
    }
}
