//! Why a file is not here.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::download::Sha256;

/// An enum because callers branch: some of these pass by waiting, some by asking in another way.
#[derive(Debug)]
pub(crate) enum DownloadError {
    /// What was asked for has no address.
    NoAddress(String),
    /// Nothing could be asked: certificates, proxies.
    Setup(String),
    Unreachable {
        host: String,
        reason: String,
    },
    /// The connection ended before the answer did.
    Broken {
        host: String,
        reason: String,
    },
    /// Nothing came, or next to nothing.
    Silent {
        host: String,
        bytes: u64,
        within: Duration,
    },
    /// The server said that it will answer later.
    Busy {
        host: String,
        status: u16,
        wait: Option<Duration>,
    },
    /// The server said no.
    Refused {
        host: String,
        status: u16,
        /// The hub's name for the reason, as in `GatedRepo`.
        code: Option<String>,
        message: String,
    },
    /// A redirect that is not followed.
    Misled {
        host: String,
        reason: String,
    },
    /// The body is packed, although it was asked for as it is.
    Packed {
        host: String,
        coding: String,
    },
    /// More than may be kept in memory.
    TooLarge {
        host: String,
        most: u64,
    },
    /// Other bytes than those that were asked for.
    WrongBytes {
        host: String,
        asked: String,
        got: String,
    },
    /// Nobody could tell whether it is whole.
    Endless {
        host: String,
    },
    /// It is not the file any more of which a part is here.
    Changed {
        host: String,
    },
    OtherSize {
        told: u64,
        wanted: u64,
    },
    OtherContent {
        got: Sha256,
        wanted: Sha256,
    },
    NoRoom {
        path: PathBuf,
        needed: u64,
        free: u64,
    },
    Disk {
        /// What could not be done, as in `write`.
        deed: &'static str,
        path: PathBuf,
        reason: io::Error,
    },
}

impl DownloadError {
    pub(super) fn disk(deed: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |reason| Self::Disk { deed, path, reason }
    }
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress(reason) => write!(f, "cannot ask for it: {reason}"),
            Self::Setup(reason) => write!(f, "cannot set up a connection: {reason}"),
            Self::Unreachable { host, reason } => write!(
                f,
                "cannot reach {host}: {reason}\n\
                 hint: is this machine connected, and does it need a proxy (HTTPS_PROXY)?"
            ),
            Self::Broken { host, reason } => write!(
                f,
                "the connection to {host} broke again and again: {reason}\n\
                 hint: what has come is kept; the same command goes on from there"
            ),
            Self::Silent { host, bytes: 0, within } => write!(
                f,
                "{host} has sent nothing for {} seconds\n\
                 hint: what has come is kept; the same command goes on from there",
                within.as_secs()
            ),
            Self::Silent { host, bytes, within } => write!(
                f,
                "{host} has sent only {bytes} bytes in {} seconds\n\
                 hint: what has come is kept; the same command goes on from there",
                within.as_secs()
            ),
            Self::Busy { host, status: 429, wait } => {
                write!(f, "{host} has had too many requests from here")?;
                match wait {
                    Some(wait) => write!(f, "\nhint: try again in {}", in_words(*wait)),
                    None => write!(f, "\nhint: try again in some minutes, or with a token"),
                }
            }
            Self::Busy { host, status, .. } => {
                write!(f, "{host} does not answer now ({status})\nhint: try again later")
            }
            Self::Refused { host, status, message, .. } => {
                write!(f, "{host} refused it ({status}): {message}")
            }
            Self::Misled { host, reason } => {
                write!(f, "{host} redirects to where nothing is fetched from: {reason}")
            }
            Self::Packed { host, coding } => write!(
                f,
                "{host} sent it packed as `{coding}`, although it was asked for as it is\n\
                 hint: does a proxy between here and there change what passes?"
            ),
            Self::TooLarge { host, most } => {
                write!(f, "{host} answers with more than {most} bytes, where a few are expected")
            }
            Self::WrongBytes { host, asked, got } => write!(
                f,
                "{host} was asked for {asked} and sent {got}\n\
                 hint: does a proxy between here and there change what passes?"
            ),
            Self::Endless { host } => write!(
                f,
                "{host} does not say how long the file is, so nobody can tell whether it is whole"
            ),
            Self::Changed { host } => write!(
                f,
                "the file at {host} is replaced again and again while it is fetched\n\
                 hint: try again later"
            ),
            Self::OtherSize { told, wanted } => write!(
                f,
                "the file has {told} bytes, not the {wanted} it should have\n\
                 hint: it may have been replaced just now; try again"
            ),
            Self::OtherContent { got, wanted } => write!(
                f,
                "what came is not what it should be: its sha256 is {got}, not {wanted}\n\
                 hint: it was thrown away; try again, and if that fails look at what is between here \
                 and there"
            ),
            Self::NoRoom { path, needed, free } => write!(
                f,
                "no room in `{}`: it takes {} more, and {} are free\n\
                 hint: make room there, or choose another place",
                path.display(),
                size(*needed),
                size(*free)
            ),
            Self::Disk { deed, path, reason } => {
                write!(f, "cannot {deed} `{}`: {reason}", path.display())?;
                let is_full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
                if is_full.contains(&reason.kind()) {
                    write!(f, "\nhint: make room there; the same command then goes on")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for DownloadError {}

fn in_words(wait: Duration) -> String {
    match wait.as_secs() {
        1 => "1 second".to_owned(),
        seconds @ ..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

fn size(bytes: u64) -> String {
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
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(err: DownloadError, expected: Expect) {
        expected.assert_eq(&err.to_string());
    }

    #[test]
    fn each_says_what_to_do_next() {
        let host = || "hub".to_owned();
        check(
            DownloadError::Busy { host: host(), status: 429, wait: Some(Duration::from_secs(600)) },
            expect![[r#"
                hub has had too many requests from here
                hint: try again in 10 minutes"#]],
        );
        check(
            DownloadError::NoRoom {
                path: PathBuf::from("/models"),
                needed: 17_250_000_000,
                free: 999_999,
            },
            expect![[r#"
                no room in `/models`: it takes 17.2 GB more, and 999.9 kB are free
                hint: make room there, or choose another place"#]],
        );
        check(
            DownloadError::Silent { host: host(), bytes: 20, within: Duration::from_secs(20) },
            expect![[r#"
                hub has sent only 20 bytes in 20 seconds
                hint: what has come is kept; the same command goes on from there"#]],
        );
    }
}
