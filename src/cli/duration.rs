//! A length of time as a person types it.

use std::time::Duration;

const UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// A number with a unit, or several: `90s`, `1h30m`.
pub(super) fn duration(typed: &str) -> Result<Duration, String> {
    let wrong = || "a time is a number with a unit, as in `90s`, `10m` or `1h30m`".to_owned();
    let (mut millis, mut rest) = (0u64, typed.trim());
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = &rest[digits..];
        let end = unit.find(|it: char| it.is_ascii_digit()).unwrap_or(unit.len());
        let (_, length) = UNITS.iter().find(|(it, _)| *it == &unit[..end]).ok_or_else(wrong)?;
        let part = number.checked_mul(*length).ok_or_else(wrong)?;
        millis = millis.checked_add(part).ok_or_else(wrong)?;
        rest = &unit[end..];
    }
    // A hundred years are as good as no limit, and a clock can be set that far.
    match millis {
        0 => Err("a time is longer than nothing, as in `90s`".to_owned()),
        it => Ok(Duration::from_millis(it.min(3_153_600_000_000))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_a_unit() {
        for (typed, millis) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            (" 2h ", 7_200_000),
        ] {
            assert_eq!(duration(typed), Ok(Duration::from_millis(millis)), "{typed}");
        }
    }

    #[test]
    fn everything_else_is_none() {
        for typed in ["", "90", "s", "-5s", "1.5h", "5 s", "5d", "0s", "99999999999999999999h"] {
            assert!(duration(typed).is_err(), "{typed}");
        }
    }
}
