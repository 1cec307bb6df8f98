//! The name of a new session.

use std::time::SystemTime;

use sha2::{Digest, Sha256};

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

/// Year, month and day of a count of days since 1970, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted from a first of March, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
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
