//! The name of a new session.

use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::session::civil;

/// The second it began, in UTC, and four letters that two sessions of one second do not share.
pub(super) fn session_id(now: SystemTime) -> String {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let seed = format!("{} {}", since.as_nanos(), std::process::id());
    let digest = Sha256::digest(seed.as_bytes());
    let letters = digest.iter().take(4).map(|it| char::from(b'a' + it % 26)).collect::<String>();
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{letters}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_id_says_when_a_session_began() {
        let at = |seconds| session_id(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        for (seconds, expected) in [
            (0, "19700101-000000-"),
            (951_782_399, "20000228-235959-"),
            (951_827_696, "20000229-123456-"),
            (1_709_164_800, "20240229-000000-"),
            (4_107_542_400, "21000301-000000-"),
        ] {
            assert!(at(seconds).starts_with(expected), "{} is not {expected}", at(seconds));
            assert_eq!(at(seconds).len(), expected.len() + 4);
        }
    }
}
