//! The day of a commit, where it was made.

use git2::Time;

/// `2026-01-02`.
pub(super) fn day(time: Time) -> String {
    let seconds = time.seconds().saturating_add(i64::from(time.offset_minutes()) * 60);
    // Days since 0000-03-01, in eras of 400 years; a year begins with March, so that the day that
    // is not in every year is its last.
    let days = seconds.div_euclid(86_400) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_that_of_the_place() {
        let of = |seconds, minutes| day(Time::new(seconds, minutes));
        assert_eq!(of(0, 0), "1970-01-01");
        assert_eq!(of(0, -60), "1969-12-31");
        assert_eq!(of(951_782_400, 0), "2000-02-29");
        assert_eq!(of(1_767_225_599, 0), "2025-12-31");
        assert_eq!(of(1_767_225_599, 120), "2026-01-01");
    }
}
