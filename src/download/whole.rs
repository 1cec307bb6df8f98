//! A file from a server that knows no ranges: all of it by one connection, from the beginning each
//! time.

use std::fs::File;

use crate::download::client::{Opened, host_of};
use crate::download::fetch::{Outcome, Progress, Wanted, check_size};
use crate::download::follower::Follower;
use crate::download::headers::{is_chunked, length};
use crate::download::journal::About;
use crate::download::pace::Pace;
use crate::download::partial::Partial;
use crate::download::retry::retry_after;
use crate::download::source::{Source, version_of};
use crate::download::{DownloadError, Phase, room};

/// Bytes after which what came is put down.
const NOTED: u64 = 1024 * 1024;

/// What another try must bring beyond the best one so far, to count as no failure.
const PROGRESS: u64 = 64 * 1024;

/// One try after the other; `opened` is the first.
pub(super) async fn fetch_whole(
    source: &Source<'_>,
    wanted: &Wanted,
    file: &File,
    mut opened: Option<Opened>,
    told: &mut dyn FnMut(Progress),
) -> Result<Outcome, DownloadError> {
    let (mut best, mut failures) = (0, 0);
    let mut progress =
        Progress { phase: Phase::Fetching { connections: 1 }, ..Progress::default() };
    loop {
        let mut attempt = Attempt { wanted, file, progress, done: 0 };
        let result = attempt.run(source, opened.take(), told).await;
        progress = attempt.progress;
        let err = match result {
            Ok(outcome) => return Ok(outcome),
            Err(err) => err,
        };
        if best + PROGRESS <= attempt.done {
            failures = 0;
        }
        best = best.max(attempt.done);
        failures += 1;
        let options = source.client().options();
        match retry_after(&err, failures, options.pause, fastrand::f64()) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(err),
        }
    }
}

struct Attempt<'a> {
    wanted: &'a Wanted,
    file: &'a File,
    progress: Progress,
    done: u64,
}

impl Attempt<'_> {
    async fn run(
        &mut self,
        source: &Source<'_>,
        opened: Option<Opened>,
        told: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, DownloadError> {
        let opened = match opened {
            Some(opened) => opened,
            None => source.open(None).await?,
        };
        let host = host_of(opened.url());
        let size = length(opened.headers());
        let has_end = size.is_some() || is_chunked(opened.headers());
        if !has_end && self.wanted.sha256.is_none() && self.wanted.size.is_none() {
            return Err(DownloadError::Endless { host });
        }
        check_size(size, self.wanted.size)?;
        let size = size.or(self.wanted.size);
        let folder = self.wanted.folder();
        room::check(folder, size.unwrap_or_default())?;
        let sha256 = self.wanted.sha256.map(|it| it.to_string());
        // Without a size nothing of it is believed later.
        let about = About { size: size.unwrap_or_default(), sha256, version: version_of(&opened) };
        let mut partial = Partial::begin(&self.wanted.to, self.file, &room::boot(), &about)?;
        let follower = Follower::begin(partial.reader()?);
        self.progress.size = size;

        let mut response = opened.response;
        let mut pace = Pace::new(source.client().options().patience);
        let mut noted = 0;
        while let Some(bytes) = pace.next(&mut response, &host).await? {
            let after = self.done + bytes.len() as u64;
            if size.is_some_and(|it| it < after) {
                check_size(Some(after), size)?;
            }
            partial.write(self.done, &bytes)?;
            self.done = after;
            follower.advance(self.done);
            if noted + NOTED <= self.done {
                partial.note(noted..self.done)?;
                noted = self.done;
            }
            self.progress.transferred += bytes.len() as u64;
            self.progress.done = self.progress.done.max(self.done);
            self.progress.checked = follower.hashed();
            told(self.progress);
        }
        if let Some(size) = size.filter(|it| self.done < *it) {
            let reason = format!("it ended after {} of {size} bytes", self.done);
            return Err(DownloadError::Broken { host, reason });
        }
        let sha256 =
            follower.finish().await.map_err(DownloadError::disk("read", &self.wanted.to))?;
        let transferred = self.progress.transferred;
        Ok(Outcome { partial, size: self.done, sha256, transferred, was_resumed: false })
    }
}
