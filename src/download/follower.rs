//! The hash of a file while it comes: a thread of its own follows the front of what is there, reads it
//! back while the system still has it in memory, and has almost nothing left to do at the end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use sha2::Digest;
use tokio::task::JoinHandle;

use crate::download::Sha256;

const AT_ONCE: usize = 1024 * 1024;

pub(super) struct Follower {
    front: Arc<Front>,
    thread: JoinHandle<io::Result<Option<Sha256>>>,
}

#[derive(Default)]
struct Front {
    state: Mutex<State>,
    moved: Condvar,
    hashed: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct State {
    /// Bytes from the beginning that may be read.
    at: u64,
    end: End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum End {
    #[default]
    Open,
    /// Nothing comes behind the front.
    Reached,
    /// Nobody wants to know any more.
    Left,
}

impl Follower {
    pub(super) fn begin(file: File) -> Self {
        let front = Arc::new(Front::default());
        let followed = front.clone();
        let thread = tokio::task::spawn_blocking(move || follow(&file, &followed));
        Self { front, thread }
    }

    /// All before `front` is there, and stays as it is.
    pub(super) fn advance(&self, front: u64) {
        self.front.change(|it| it.at = it.at.max(front));
    }

    /// How far it has come.
    pub(super) fn hashed(&self) -> u64 {
        self.front.hashed.load(Ordering::Relaxed)
    }

    /// The hash of all before the front.
    pub(super) async fn finish(mut self) -> io::Result<Sha256> {
        self.front.change(|it| it.end = End::Reached);
        let hash = (&mut self.thread).await.map_err(io::Error::other)??;
        hash.ok_or_else(|| io::Error::other("nobody wanted to know the hash"))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.front.change(|it| it.end = End::Left);
    }
}

impl Front {
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *state;
        change(&mut state);
        if *state != before {
            self.moved.notify_one();
        }
    }

    /// Waits until there is something behind `done`, or nothing more will be.
    fn wait(&self, done: u64) -> State {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.moved.wait_while(state, |it| it.at <= done && it.end == End::Open);
        *waited.unwrap_or_else(PoisonError::into_inner)
    }
}

fn follow(file: &File, front: &Front) -> io::Result<Option<Sha256>> {
    let mut hash = sha2::Sha256::new();
    let mut buffer = vec![0; AT_ONCE];
    let mut done = 0;
    loop {
        let state = front.wait(done);
        if state.end == End::Left {
            return Ok(None);
        }
        if state.at <= done {
            return Ok(Some(Sha256(hash.finalize().into())));
        }
        let length = usize::try_from(state.at - done).map_or(AT_ONCE, |it| it.min(AT_ONCE));
        file.read_exact_at(&mut buffer[..length], done)?;
        hash.update(&buffer[..length]);
        done += length as u64;
        front.hashed.store(done, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn the_hash_is_that_of_all_before_the_front() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 3 * AT_ONCE]).unwrap();
        for front in [0, 1, AT_ONCE, 2 * AT_ONCE + 5] {
            let follower = Follower::begin(file.try_clone().unwrap());
            follower.advance(front as u64 / 2);
            follower.advance(front as u64);
            let expected = Sha256(sha2::Sha256::digest(vec![7; front]).into());
            assert_eq!(follower.finish().await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn who_is_left_ends() {
        let follower = Follower::begin(tempfile::tempfile().unwrap());
        let front = follower.front.clone();
        drop(follower);
        assert_eq!(front.wait(0).end, End::Left);
    }
}
