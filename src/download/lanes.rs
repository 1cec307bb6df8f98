//! Several connections that fetch one file: each takes a piece, brings it, and takes the next.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Range;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::download::board::{Board, Claim, STALLED};
use crate::download::client::{Opened, host_of, wrong_bytes};
use crate::download::fetch::{Outcome, Progress};
use crate::download::follower::Follower;
use crate::download::headers::content_range;
use crate::download::pace::Pace;
use crate::download::partial::Partial;
use crate::download::ranges::Ranges;
use crate::download::retry::retry_after;
use crate::download::source::{Source, version_of};
use crate::download::tuner::Tuner;
use crate::download::{DownloadError, Phase};

/// Bytes on their way to the disk, and which they are.
type Syncing = (oneshot::Receiver<io::Result<()>>, Ranges);

/// How many there are at first, if there is enough to do.
const AT_FIRST: usize = 4;

/// What is worth a connection.
const WORTH: u64 = 1024 * 1024;

/// How often it is told how far it is, and how many of these make a look at the speed.
const TICK: Duration = Duration::from_millis(100);
const LOOK: u32 = 10;

/// Bytes after which what came is put down; so much a killed process fetches again at most, for each
/// connection.
const NOTED: u64 = 256 * 1024;

/// A connection that brought as much has not failed when it breaks.
const PROGRESS: u64 = 16 * 1024;

pub(super) struct Lanes<'a> {
    source: &'a Source<'a>,
    size: u64,
    /// What each answer has to be a part of, where no hash will tell.
    version: Option<String>,
    board: RefCell<Board>,
    partial: RefCell<Partial>,
    follower: Follower,
    /// One a lane, to be told that its piece was taken away.
    robbed: Vec<Notify>,
    /// Something may be to be had again.
    left: Notify,
    alive: Cell<usize>,
    transferred: Cell<u64>,
    pausing: Cell<Option<Instant>>,
}

impl<'a> Lanes<'a> {
    pub(super) fn new(
        source: &'a Source<'a>,
        partial: Partial,
        version: Option<String>,
    ) -> Result<Self, DownloadError> {
        let size = partial.about().size;
        let most = source.client().options().connections.max(1);
        let follower = Follower::begin(partial.reader()?);
        follower.advance(partial.have().front());
        let board = Board::new(size, partial.have().clone(), most.min(AT_FIRST));
        Ok(Self {
            source,
            size,
            version,
            board: RefCell::new(board),
            partial: RefCell::new(partial),
            follower,
            robbed: (0..most).map(|_| Notify::new()).collect(),
            left: Notify::new(),
            alive: Cell::new(0),
            transferred: Cell::new(0),
            pausing: Cell::new(None),
        })
    }

    /// Brings all that is missing; `opened` is the answer for the beginning of that.
    pub(super) async fn run(
        self,
        opened: Opened,
        told: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, DownloadError> {
        let was_resumed = 0 < self.board.borrow().have().total();
        self.bring_all(opened, told).await?;
        told(Progress { phase: Phase::Checking, ..self.progress() });
        let Self { partial, follower, size, transferred, .. } = self;
        let partial = partial.into_inner();
        let sha256 = follower.finish();
        tokio::pin!(sha256);
        let sha256 = sha256.await.map_err(|reason| DownloadError::Disk {
            deed: "read",
            path: partial.path().to_owned(),
            reason,
        })?;
        Ok(Outcome { partial, size, sha256, transferred: transferred.get(), was_resumed })
    }

    async fn bring_all(
        &self,
        opened: Opened,
        told: &mut dyn FnMut(Progress),
    ) -> Result<(), DownloadError> {
        let most = self.robbed.len();
        let missing = self.size - self.board.borrow().have().total();
        let worth = usize::try_from(missing.div_ceil(WORTH)).unwrap_or(usize::MAX);
        let count = most.min(AT_FIRST).min(worth).max(1);

        let mut lanes = FuturesUnordered::new();
        let first = self.board.borrow_mut().claim(0, Instant::now());
        lanes.push(self.lane(0, first.map(|it| (opened, it))));
        lanes.extend((1..count).map(|it| self.lane(it, None)));
        let (mut started, mut failure) = (count, None);

        let mut tuner = Tuner::new(most);
        let (mut tick, mut ticks, mut before) = (interval(TICK), 0, 0);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sync = None;
        loop {
            tokio::select! {
                ended = lanes.next() => match ended {
                    None => break,
                    Some(Ok(())) => {}
                    Some(Err(err)) => {
                        let is_the_end = is_final(&err);
                        failure = Some(err);
                        if is_the_end {
                            break;
                        }
                        tuner.settle();
                    }
                },
                _ = tick.tick() => {
                    told(self.progress());
                    self.sync(&mut sync)?;
                    ticks += 1;
                    if ticks % LOOK == 0 {
                        let rate = self.transferred.get() - before;
                        before = self.transferred.get();
                        if started < most && tuner.wants_more(rate, self.alive.get()) {
                            lanes.push(self.lane(started, None));
                            started += 1;
                        }
                    }
                }
            }
        }
        // The system tells of a failure once, and it would not be told again when all is synced.
        if let Some((outcome, ranges)) = sync
            && let Ok(outcome) = outcome.await
        {
            self.partial.borrow_mut().note_synced(outcome, ranges)?;
        }
        match failure {
            Some(err) if is_final(&err) || !self.board.borrow().is_done() => Err(err),
            _ => Ok(()),
        }
    }

    /// What has come is brought to the disk now and then, while more comes.
    fn sync(&self, running: &mut Option<Syncing>) -> Result<(), DownloadError> {
        if let Some((mut outcome, ranges)) = running.take() {
            match outcome.try_recv() {
                Ok(outcome) => self.partial.borrow_mut().note_synced(outcome, ranges)?,
                Err(TryRecvError::Empty) => *running = Some((outcome, ranges)),
                Err(TryRecvError::Closed) => {}
            }
        }
        if running.is_none()
            && let Some((file, ranges)) = self.partial.borrow_mut().due()
        {
            let (tell, outcome) = oneshot::channel();
            tokio::task::spawn_blocking(move || tell.send(file.sync_data()));
            *running = Some((outcome, ranges));
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        let now = Instant::now();
        let pause = self.pausing.get().and_then(|it| it.checked_duration_since(now));
        let phase = match pause {
            Some(pause) => Phase::Pausing { seconds: pause.as_secs() + 1 },
            None => Phase::Fetching { connections: self.alive.get() },
        };
        Progress {
            done: self.board.borrow().have().total(),
            size: Some(self.size),
            transferred: self.transferred.get(),
            checked: self.follower.hashed(),
            phase,
        }
    }

    /// One connection, until nothing is left to do or it has failed too often.
    async fn lane(&self, me: usize, begun: Option<(Opened, Claim)>) -> Result<(), DownloadError> {
        self.alive.set(self.alive.get() + 1);
        let ended = self.pieces(me, begun).await;
        self.alive.set(self.alive.get() - 1);
        self.left.notify_waiters();
        ended
    }

    async fn pieces(
        &self,
        me: usize,
        mut begun: Option<(Opened, Claim)>,
    ) -> Result<(), DownloadError> {
        let mut failures = 0;
        loop {
            let (opened, claim) = match begun.take() {
                Some((opened, claim)) => (Some(opened), Some(claim)),
                None => (None, self.board.borrow_mut().claim(me, Instant::now())),
            };
            let Some(claim) = claim else {
                if self.board.borrow().is_done() {
                    return Ok(());
                }
                // All that is missing is with others, who may yet leave it.
                let _ = tokio::time::timeout(TICK * 5, self.left.notified()).await;
                continue;
            };
            if let Some(robbed) = claim.from {
                self.robbed[robbed].notify_one();
            }
            let mut piece =
                Piece { lanes: self, me, noted: claim.range.start, at: claim.range.start };
            let ended = piece.bring(&claim.range, opened).await;
            let brought = piece.at - claim.range.start;
            drop(piece);
            let Err(err) = ended else {
                failures = 0;
                continue;
            };
            if PROGRESS <= brought && !is_final(&err) {
                failures = 0;
                continue;
            }
            failures += 1;
            // A server that has no room for so many is not pressed.
            let is_crowded =
                matches!(err, DownloadError::Busy { .. } | DownloadError::Unreachable { .. });
            if is_crowded && 1 < self.alive.get() {
                return Err(err);
            }
            let options = self.source.client().options();
            let Some(pause) = retry_after(&err, failures, options.pause, fastrand::f64()) else {
                return Err(err);
            };
            if Duration::from_secs(1) < pause {
                self.pausing.set(Some(Instant::now() + pause));
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// Whether no other connection would fare better.
fn is_final(err: &DownloadError) -> bool {
    matches!(
        err,
        DownloadError::Disk { .. }
            | DownloadError::Changed { .. }
            | DownloadError::OtherSize { .. }
            | DownloadError::Packed { .. }
    )
}

/// A piece that is being brought. However that ends, what has come is put down and the rest is left
/// to others.
struct Piece<'a> {
    lanes: &'a Lanes<'a>,
    me: usize,
    /// All before this is in the journal.
    noted: u64,
    /// All before this is in the file.
    at: u64,
}

impl Piece<'_> {
    async fn bring(
        &mut self,
        range: &Range<u64>,
        opened: Option<Opened>,
    ) -> Result<(), DownloadError> {
        let lanes = self.lanes;
        let opened = match opened {
            Some(opened) => opened,
            None => lanes.source.open(Some(range)).await?,
        };
        let host = host_of(opened.url());
        let got = content_range(opened.headers());
        if let Some(size) = got.as_ref().and_then(|it| it.size)
            && size != lanes.size
        {
            return Err(DownloadError::Changed { host });
        }
        if lanes.version.is_some() && lanes.version != version_of(&opened) {
            return Err(DownloadError::Changed { host });
        }
        let is_it = got.as_ref().is_some_and(|it| it.bytes.start == range.start);
        if opened.response.status() != 206 || !is_it {
            return Err(wrong_bytes(host, range, got.map(|it| it.bytes)));
        }
        let mut pace = Pace::new(lanes.source.client().options().patience);
        let mut response = opened.response;
        loop {
            let bytes = tokio::select! {
                bytes = pace.next(&mut response, &host) => bytes?,
                () = lanes.robbed[self.me].notified() => {
                    if !lanes.board.borrow().rest(self.me).is_empty() {
                        continue;
                    }
                    if self.at == range.start {
                        return Err(DownloadError::Silent { host, bytes: 0, within: STALLED });
                    }
                    return Ok(());
                }
            };
            let Some(bytes) = bytes else {
                if self.at == range.start {
                    let reason = "it ended before it began".to_owned();
                    return Err(DownloadError::Broken { host, reason });
                }
                return Ok(());
            };
            lanes.transferred.set(lanes.transferred.get() + bytes.len() as u64);
            self.keep(&bytes)?;
            if lanes.board.borrow().rest(self.me).is_empty() {
                return Ok(());
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        let lanes = self.lanes;
        let mut board = lanes.board.borrow_mut();
        let range = board.accept(self.me, bytes.len() as u64, Instant::now());
        let length = usize::try_from(range.end - range.start).unwrap_or(bytes.len());
        lanes.partial.borrow().write(range.start, &bytes[..length])?;
        board.wrote(range.clone());
        lanes.follower.advance(board.have().front());
        self.at = range.end;
        if self.noted + NOTED <= self.at {
            self.note()?;
        }
        Ok(())
    }

    fn note(&mut self) -> Result<(), DownloadError> {
        let range = self.noted..self.at;
        self.noted = self.at;
        if range.is_empty() { Ok(()) } else { self.lanes.partial.borrow_mut().note(range) }
    }
}

impl Drop for Piece<'_> {
    fn drop(&mut self) {
        // If it cannot be put down, it is fetched again.
        let _ = self.note();
        self.lanes.board.borrow_mut().release(self.me, Instant::now());
        self.lanes.left.notify_waiters();
    }
}
