//! A file from its address to its place.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::download::client::{Opened, host_of, wrong_bytes};
use crate::download::follower::Follower;
use crate::download::headers::content_range;
use crate::download::journal::About;
use crate::download::lanes::Lanes;
use crate::download::partial::{Claimed, Partial, claim, discard, partial_of};
use crate::download::retry::retry_after;
use crate::download::source::{Source, version_of};
use crate::download::whole::fetch_whole;
use crate::download::{Ask, Client, DownloadError, Sha256, room};

/// What is asked for first of a file whose size is not known.
const FIRST: u64 = 1024 * 1024;

/// How often another process is looked after that is fetching the same file.
const LOOK: Duration = Duration::from_millis(200);

/// How often all may begin anew: the file was replaced meanwhile, or what came was wrong.
const ROUNDS: u32 = 3;

/// A file that shall be at `to`, and what is known of it before.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) ask: Ask,
    pub(crate) to: PathBuf,
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<Sha256>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// Bytes of the file that are here.
    pub(crate) done: u64,
    pub(crate) size: Option<u64>,
    /// Bytes that came over the wire, this time.
    pub(crate) transferred: u64,
    /// Bytes of the file that are hashed.
    pub(crate) checked: u64,
    pub(crate) phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Phase {
    #[default]
    Asking,
    /// Another process is fetching it.
    Waiting,
    Fetching {
        connections: usize,
    },
    /// The server asked for a pause of so many seconds.
    Pausing {
        seconds: u64,
    },
    /// All is here, and is looked at.
    Checking,
}

/// What is there now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fetched {
    pub(crate) size: u64,
    /// `None` if it was there before and has not been read.
    pub(crate) sha256: Option<Sha256>,
    /// Bytes that came over the wire for it.
    pub(crate) transferred: u64,
}

/// What a round has brought: all bytes, not yet known to be right.
pub(super) struct Outcome {
    pub(super) partial: Partial,
    pub(super) size: u64,
    pub(super) sha256: Sha256,
    pub(super) transferred: u64,
    /// Whether some of it came earlier.
    pub(super) was_resumed: bool,
}

impl Wanted {
    pub(super) fn folder(&self) -> &Path {
        self.to.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The file, if it is there. What has its name and its size has been checked when it got them.
    fn there(&self) -> Option<Fetched> {
        let there = self.to.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let is_it = self.size.is_none_or(|it| it == there.len());
        is_it.then_some(Fetched { size: there.len(), sha256: None, transferred: 0 })
    }

    /// Whether what was begun as `about` would become this.
    fn is_same(&self, about: &About) -> bool {
        let sha256 = self.sha256.map(|it| it.to_string());
        let is_known = sha256.is_some() || about.version.is_some();
        // A size of none is written where it is not known; taken at its word, nothing would be missing.
        let has_begun = 0 < about.size;
        has_begun
            && is_known
            && about.sha256 == sha256
            && self.size.is_none_or(|it| it == about.size)
    }
}

/// Fetches a file. It is at its place only when it is whole and right; until then what has come lies
/// beside it, and the next call goes on from there. Dropping the future stops it at once.
pub(crate) async fn fetch(
    client: &Client,
    wanted: &Wanted,
    told: &mut dyn FnMut(Progress),
) -> Result<Fetched, DownloadError> {
    if let Some(there) = wanted.there() {
        return Ok(there);
    }
    let folder = wanted.folder();
    std::fs::create_dir_all(folder).map_err(DownloadError::disk("make the folder", folder))?;
    let partial = partial_of(&wanted.to);
    let file = loop {
        match claim(&partial)? {
            Claimed::Ours(file) => break file,
            Claimed::Theirs => {
                told(Progress { phase: Phase::Waiting, size: wanted.size, ..Progress::default() });
                tokio::time::sleep(LOOK).await;
            }
        }
    };
    // Whoever had it before may have finished it.
    if let Some(there) = wanted.there() {
        drop(file);
        discard(&wanted.to)?;
        return Ok(there);
    }
    let fetched = rounds(client, wanted, &file, told).await;
    let is_empty = file.metadata().is_ok_and(|it| it.len() == 0);
    drop(file);
    if fetched.is_err() && is_empty {
        // Nothing has come, so nothing is left behind.
        let _ = discard(&wanted.to);
    }
    fetched
}

async fn rounds(
    client: &Client,
    wanted: &Wanted,
    file: &File,
    told: &mut dyn FnMut(Progress),
) -> Result<Fetched, DownloadError> {
    let mut transferred = 0;
    let mut round = 1;
    loop {
        let source = Source::new(client, &wanted.ask);
        let before = transferred;
        let mut told_all = |it: Progress| {
            told(Progress { transferred: before + it.transferred, ..it });
        };
        let outcome = match once(&source, wanted, file, &mut told_all).await {
            Err(DownloadError::Changed { .. }) if round < ROUNDS => {
                forget(wanted, file)?;
                round += 1;
                continue;
            }
            outcome => outcome?,
        };
        transferred += outcome.transferred;
        let Outcome { partial, size, sha256: got, was_resumed, .. } = outcome;
        check_size(Some(size), wanted.size)?;
        match wanted.sha256.filter(|it| *it != got) {
            None => {
                partial.finish(&wanted.to, size)?;
                return Ok(Fetched { size, sha256: Some(got), transferred });
            }
            Some(right) => {
                drop(partial);
                forget(wanted, file)?;
                // What came earlier may have been the damage, and so may a bit on its way.
                let may_try_again = round == 1 || (was_resumed && round < ROUNDS);
                if !may_try_again {
                    return Err(DownloadError::OtherContent { got, wanted: right });
                }
                round += 1;
            }
        }
    }
}

/// Nothing of what has come is worth anything.
fn forget(wanted: &Wanted, file: &File) -> Result<(), DownloadError> {
    let nothing = About { size: 0, sha256: None, version: None };
    Partial::begin(&wanted.to, file, &room::boot(), &nothing).map(|_| ())
}

async fn once(
    source: &Source<'_>,
    wanted: &Wanted,
    file: &File,
    told: &mut dyn FnMut(Progress),
) -> Result<Outcome, DownloadError> {
    let boot = room::boot();
    let resumed = Partial::open(&wanted.to, file, &boot, |it| wanted.is_same(it))?;
    let size = wanted.size.or(resumed.as_ref().map(|it| it.about().size));
    let first = match (&resumed, size) {
        (Some(partial), Some(size)) => partial.have().hole(0, size),
        (_, Some(0)) => None,
        (_, size) => Some(0..size.unwrap_or(FIRST).min(FIRST)),
    };
    // Nothing is missing: it was stopped while it was looked at.
    let Some(first) = first else {
        let partial = match resumed {
            Some(partial) => partial,
            None => Partial::begin(&wanted.to, file, &boot, &About::default())?,
        };
        let size = partial.about().size;
        told(Progress { done: size, size: Some(size), phase: Phase::Checking, ..<_>::default() });
        let follower = Follower::begin(partial.reader()?);
        follower.advance(size);
        let sha256 = follower.finish().await.map_err(DownloadError::disk("read", &wanted.to))?;
        return Ok(Outcome { partial, size, sha256, transferred: 0, was_resumed: true });
    };
    // The rest of what is asked for is asked for by all connections, as soon as one has an answer.
    let first = first.start..first.end.min(first.start + FIRST);
    let (opened, size) = match begin(source, wanted, &first, told).await? {
        Beginning::Ranges { opened, size } => (opened, size),
        Beginning::Whole(opened) => return fetch_whole(source, wanted, file, opened, told).await,
    };
    let version = version_of(&opened);
    let is_same = |it: &Partial| {
        it.about().size == size && (wanted.sha256.is_some() || it.about().version == version)
    };
    let partial = match resumed {
        Some(partial) if is_same(&partial) => partial,
        Some(_) => return Err(DownloadError::Changed { host: host_of(opened.url()) }),
        None => {
            let sha256 = wanted.sha256.map(|it| it.to_string());
            let about = About { size, sha256, version: version.clone() };
            room::check(wanted.folder(), size)?;
            Partial::begin(&wanted.to, file, &boot, &about)?
        }
    };
    room::check(wanted.folder(), size - partial.have().total())?;
    let version = if wanted.sha256.is_some() { None } else { version };
    let lanes = Lanes::new(source, partial, version)?;
    match lanes.run(opened, told).await {
        // Whoever mixes up ranges is asked for all of it.
        Err(DownloadError::WrongBytes { .. }) => {
            fetch_whole(source, wanted, file, None, told).await
        }
        outcome => outcome,
    }
}

enum Beginning {
    /// The server knows ranges.
    Ranges { opened: Opened, size: u64 },
    /// It does not: it sends all, or has to be asked for all.
    Whole(Option<Opened>),
}

/// The first answer, which tells what the server is able to do.
async fn begin(
    source: &Source<'_>,
    wanted: &Wanted,
    first: &Range<u64>,
    told: &mut dyn FnMut(Progress),
) -> Result<Beginning, DownloadError> {
    let mut failures = 0;
    loop {
        let err = match source.open(Some(first)).await {
            Ok(opened) if opened.response.status() == 200 => {
                return Ok(Beginning::Whole(Some(opened)));
            }
            Ok(opened) => {
                let got = content_range(opened.headers());
                let size = got.as_ref().and_then(|it| it.size).or(wanted.size);
                match (got, size) {
                    (Some(got), Some(size)) if got.bytes.start == first.start => {
                        check_size(Some(size), wanted.size)?;
                        return Ok(Beginning::Ranges { opened, size });
                    }
                    (Some(got), None) if got.bytes.start == first.start => {
                        return Ok(Beginning::Whole(None));
                    }
                    (got, _) => wrong_bytes(host_of(opened.url()), first, got.map(|it| it.bytes)),
                }
            }
            // There are no such bytes: it is empty, or not the file it was.
            Err(DownloadError::Refused { status: 416, .. }) => return Ok(Beginning::Whole(None)),
            Err(err) => err,
        };
        failures += 1;
        let options = source.client().options();
        match retry_after(&err, failures, options.pause, fastrand::f64()) {
            Some(pause) => {
                let seconds = pause.as_secs();
                let phase = Phase::Pausing { seconds };
                if 0 < seconds {
                    told(Progress { phase, size: wanted.size, ..Progress::default() });
                }
                tokio::time::sleep(pause).await;
            }
            None if matches!(err, DownloadError::WrongBytes { .. }) => {
                return Ok(Beginning::Whole(None));
            }
            None => return Err(err),
        }
    }
}

pub(super) fn check_size(told: Option<u64>, wanted: Option<u64>) -> Result<(), DownloadError> {
    match (told, wanted) {
        (Some(told), Some(wanted)) if told != wanted => {
            Err(DownloadError::OtherSize { told, wanted })
        }
        _ => Ok(()),
    }
}
