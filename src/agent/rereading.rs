//! What it would take a server to read a session once more.

use std::time::Duration;

use crate::conversation::{Entry, Reply};

/// By what it took to read it the first time; nothing where nobody has said.
pub(crate) fn rereading(entries: &[Entry]) -> Duration {
    let replies = || entries.iter().filter_map(reply);
    let (tokens, ms) = replies().fold((0_u64, 0.0), |(tokens, ms), it| {
        (tokens + u64::from(it.usage.read), ms + it.usage.read_ms)
    });
    let length = replies().next_back().map_or(0, |it| it.usage.total());
    if tokens == 0 {
        return Duration::ZERO;
    }
    // A server may say anything.
    Duration::try_from_secs_f64(ms / 1000.0 / tokens as f64 * f64::from(length)).unwrap_or_default()
}

fn reply(entry: &Entry) -> Option<&Reply> {
    match entry {
        Entry::Reply(reply) => Some(reply),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Usage;

    /// Each reply: tokens from the cache, tokens read, and the time that took.
    #[track_caller]
    fn check(replies: &[(u32, u32, f64)], seconds: u64) {
        let replies = replies.iter().map(|&(cached, read, read_ms)| {
            let usage = Usage { cached, read, read_ms, ..Usage::default() };
            Entry::Reply(Reply { usage, ..Reply::default() })
        });
        assert_eq!(rereading(&replies.collect::<Vec<_>>()), Duration::from_secs(seconds));
    }

    #[test]
    fn all_that_is_in_the_cache_would_be_read_at_the_same_pace() {
        check(&[(0, 1000, 4000.0)], 4);
        check(&[(0, 1000, 4000.0), (1000, 1000, 2000.0)], 6);
        check(&[(4000, 1000, 2000.0)], 10);
    }

    #[test]
    fn who_does_not_say_is_not_judged() {
        check(&[], 0);
        check(&[(0, 0, 5.0)], 0);
        check(&[(0, 1, f64::NAN)], 0);
        check(&[(0, 1, -5.0)], 0);
    }
}
