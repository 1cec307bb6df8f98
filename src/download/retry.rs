//! Whether trying again may help, and when: a pure function of the error and of how often it failed.

use std::time::Duration;

use crate::download::DownloadError;

/// How often something is tried again that brings nothing new.
pub(super) const TRIES: u32 = 5;

/// The longest that a server may make us wait; who asks for more is told to the person.
const LONGEST_WAIT: Duration = Duration::from_secs(330);

/// No pause of our own is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How long to wait after the `failures`th failure, counted from 1; `None` when it will not help.
/// `pause` is the first; `jitter`, from 0 to 1, keeps many from coming back at the same time.
pub(super) fn retry_after(
    err: &DownloadError,
    failures: u32,
    pause: Duration,
    jitter: f64,
) -> Option<Duration> {
    let own = || {
        let doubled = pause.saturating_mul(1 << failures.saturating_sub(1).min(16));
        doubled.min(LONGEST_PAUSE).mul_f64(0.5 + jitter / 2.0)
    };
    match err {
        _ if TRIES < failures => None,
        DownloadError::Busy { wait: Some(wait), .. } if LONGEST_WAIT < *wait => None,
        DownloadError::Busy { wait: Some(wait), .. } => Some(*wait + pause.mul_f64(jitter)),
        DownloadError::Busy { wait: None, .. }
        | DownloadError::Unreachable { .. }
        | DownloadError::Broken { .. }
        | DownloadError::Silent { .. } => Some(own()),
        // Some answer one range with another now and then; who always does is asked for all of it.
        DownloadError::WrongBytes { .. } if failures <= 2 => Some(own()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(err: DownloadError, expected: Expect) {
        let pause = Duration::from_millis(250);
        let waits = (1..20).map_while(|failures| retry_after(&err, failures, pause, 1.0));
        expected.assert_eq(&format!("{:?}", waits.collect::<Vec<_>>()));
    }

    fn busy(wait: Option<u64>) -> DownloadError {
        let wait = wait.map(Duration::from_secs);
        DownloadError::Busy { host: String::new(), status: 429, wait }
    }

    #[test]
    fn what_passes_is_tried_again_at_growing_distances() {
        let (host, reason) = (String::new(), String::new());
        check(DownloadError::Unreachable { host, reason }, expect!["[250ms, 500ms, 1s, 2s, 4s]"]);
        check(busy(None), expect!["[250ms, 500ms, 1s, 2s, 4s]"]);
    }

    #[test]
    fn a_server_is_taken_at_its_word() {
        check(busy(Some(56)), expect!["[56.25s, 56.25s, 56.25s, 56.25s, 56.25s]"]);
        check(busy(Some(3600)), expect!["[]"]);
    }

    #[test]
    fn what_is_refused_stays_refused() {
        let (host, message) = (String::new(), String::new());
        check(DownloadError::Refused { host, status: 404, code: None, message }, expect!["[]"]);
        check(DownloadError::OtherSize { told: 1, wanted: 2 }, expect!["[]"]);
    }

    #[test]
    fn jitter_halves_a_pause_at_most() {
        let pause = |jitter| retry_after(&busy(None), 1, Duration::from_millis(100), jitter);
        assert_eq!(pause(0.0), Some(Duration::from_millis(50)));
        assert_eq!(pause(1.0), Some(Duration::from_millis(100)));
    }
}
