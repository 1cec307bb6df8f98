//! `agent server logs`: the end of a log, and what comes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::cli::args::server::Logs;
use crate::cli::server::{background, running};
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, print};
use crate::ui::visible;

/// So much of a log is looked at for its last lines.
const MOST: u64 = 1 << 20;

const LOOK: Duration = Duration::from_millis(200);

pub(super) async fn logs(around: &Surroundings, wanted: &Logs) -> anyhow::Result<Exit> {
    let path = match &wanted.model {
        None => background::place(around)?.log(),
        Some(name) => log_of(around, name).await?,
    };
    let open = || File::open(&path).with_context(|| format!("cannot read `{}`", path.display()));
    let mut file = match open() {
        Err(_) if !path.exists() => bail!("there is no log yet\nhint: `agent server start`"),
        opened => opened?,
    };
    let length = file.metadata().context("cannot look at the log")?.len();
    let from = length.saturating_sub(MOST);
    let text = read_from(&mut file, from)?;
    print(&visible(last_lines(&text, wanted.lines)))?;
    let mut at = from + text.len() as u64;
    if !wanted.follow {
        return Ok(Exit::Done);
    }
    // Until Ctrl-C, or until nobody can write to it any more.
    while is_there(&path) {
        tokio::time::sleep(LOOK).await;
        let length = file.metadata().map_or(0, |it| it.len());
        if length < at {
            // It has become too long, and begins anew.
            at = 0;
        }
        if at < length {
            let text = read_from(&mut file, at)?;
            at += text.len() as u64;
            print(&visible(&text))?;
        }
    }
    Ok(Exit::Done)
}

async fn log_of(around: &Surroundings, name: &str) -> anyhow::Result<PathBuf> {
    let status = running(around)?.status().await?;
    let has = |it: &&crate::serving::Model| it.name.to_lowercase().contains(&name.to_lowercase());
    let log = status.models.iter().find(has).and_then(|it| it.log.clone());
    match log {
        Some(log) => Ok(log.into()),
        None => bail!("no model `{name}` is loaded\nhint: `agent server ps` shows which are"),
    }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whole letters only: the rest of one may still be written.
fn read_from(file: &mut File, at: u64) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).context("cannot read the log")?;
    file.take(MOST).read_to_end(&mut bytes).context("cannot read the log")?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(err) if err.error_len().is_none() => {
            bytes.truncate(err.valid_up_to());
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        // Replacements would count as other lengths; they are rare, and a byte each.
        Err(_) => {
            Ok(bytes.iter().map(|it| if it.is_ascii() { char::from(*it) } else { '?' }).collect())
        }
    }
}

fn last_lines(text: &str, count: usize) -> &str {
    let ends = text.trim_end_matches('\n').rmatch_indices('\n');
    let from = ends.map(|it| it.0 + 1).nth(count.saturating_sub(1));
    if count == 0 { "" } else { &text[from.unwrap_or(0)..] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_whole() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last_lines("a\nb", 5), "a\nb");
        assert_eq!(last_lines("a\nb\n", 0), "");
        assert_eq!(last_lines("", 3), "");
    }
}
