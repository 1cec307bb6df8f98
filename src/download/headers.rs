//! The headers that say which bytes these are, and how long to wait: pure readings of them.

use std::ops::Range;
use std::time::Duration;

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName,
    LAST_MODIFIED, RETRY_AFTER, TRANSFER_ENCODING,
};

/// What of a file an answer has: `bytes 0-99/1000`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ContentRange {
    pub(super) bytes: Range<u64>,
    /// Bytes of the whole file, if the server knows.
    pub(super) size: Option<u64>,
}

pub(super) fn content_range(headers: &HeaderMap) -> Option<ContentRange> {
    let text = text(headers, &CONTENT_RANGE)?.strip_prefix("bytes ")?;
    let (range, size) = text.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let size = match size.trim() {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    let end = last.checked_add(1)?;
    let is_sound = first < end && size.is_none_or(|it| end <= it);
    is_sound.then_some(ContentRange { bytes: first..end, size })
}

/// Bytes the body has.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    text(headers, &CONTENT_LENGTH)?.trim().parse().ok()
}

/// Whether the end of the body is marked, even if its length is not told.
pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    let coding = text(headers, &TRANSFER_ENCODING);
    coding.is_some_and(|it| it.trim().to_ascii_lowercase().ends_with("chunked"))
}

/// How the body is packed, although we asked for it as it is.
pub(super) fn packed_as(headers: &HeaderMap) -> Option<&str> {
    text(headers, &CONTENT_ENCODING).filter(|it| !it.trim().eq_ignore_ascii_case("identity"))
}

/// What is the same as long as the file is the same, byte for byte.
pub(super) fn version(headers: &HeaderMap) -> Option<String> {
    let strong = text(headers, &ETAG).filter(|it| !it.starts_with("W/") && 2 < it.len());
    strong.or_else(|| text(headers, &LAST_MODIFIED)).map(str::to_owned)
}

/// How long the server asks us to wait: by `Retry-After`, or by the hub's
/// `RateLimit: "api";r=0;t=55`, which says when the window ends.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers).or_else(|| {
        let limit = text(headers, &HeaderName::from_static("ratelimit"))?;
        let parts = limit.split([';', ',']).map(str::trim);
        let seconds = parts.clone().find_map(|it| it.strip_prefix("t=")?.parse::<u32>().ok())?;
        Some(Duration::from_secs(u64::from(seconds) + 1))
    })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    // By the clock of the server that says so.
    let now = httpdate::parse_http_date(self::text(headers, &DATE)?).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let pairs = lines.iter().map(|it| it.split_once(": ").expect("a header has a value"));
        let pairs = pairs.map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
        });
        pairs.collect()
    }

    #[track_caller]
    fn check_range(value: &str, expected: Expect) {
        let range = content_range(&headers(&[&format!("content-range: {value}")]));
        expected.assert_eq(
            &range.map_or("none".to_owned(), |it| format!("{:?} of {:?}", it.bytes, it.size)),
        );
    }

    #[test]
    fn a_range_says_which_bytes_of_how_many() {
        check_range("bytes 0-99/1000", expect!["0..100 of Some(1000)"]);
        check_range("bytes 900-999/1000", expect!["900..1000 of Some(1000)"]);
        check_range("bytes 0-0/*", expect!["0..1 of None"]);
    }

    #[test]
    fn a_range_that_makes_no_sense_is_none() {
        for value in [
            "bytes 5-4/10",
            "bytes 0-10/10",
            "bytes */10",
            "0-1/2",
            "bytes 0-x/2",
            "bytes -1-3/9",
            "bytes 0-18446744073709551615/*",
            "",
        ] {
            check_range(value, expect!["none"]);
        }
    }

    #[track_caller]
    fn check_wait(lines: &[&str], expected: Expect) {
        expected.assert_eq(&format!("{:?}", wait(&headers(lines))));
    }

    #[test]
    fn how_long_to_wait_is_said_in_three_ways() {
        check_wait(&["retry-after: 7"], expect!["Some(7s)"]);
        check_wait(
            &["date: Sun, 06 Nov 1994 08:49:37 GMT", "retry-after: Sun, 06 Nov 1994 08:50:07 GMT"],
            expect!["Some(30s)"],
        );
        check_wait(&["ratelimit: \"api\";r=0;t=55"], expect!["Some(56s)"]);
        check_wait(&["ratelimit: \"api\";r=0;t=55", "retry-after: 3"], expect!["Some(3s)"]);
    }

    #[test]
    fn a_time_that_has_passed_or_makes_no_sense_is_not_waited_for() {
        check_wait(
            &["date: Sun, 06 Nov 1994 08:49:37 GMT", "retry-after: Sun, 06 Nov 1994 08:49:07 GMT"],
            expect!["Some(0ns)"],
        );
        check_wait(&["retry-after: Sun, 06 Nov 1994 08:50:07 GMT"], expect!["None"]);
        check_wait(&["retry-after: soon"], expect!["None"]);
        check_wait(&[], expect!["None"]);
    }

    #[test]
    fn a_version_is_a_strong_tag_or_a_time() {
        let version = |lines: &[&str]| version(&headers(lines));
        assert_eq!(version(&["etag: \"abc\""]).as_deref(), Some("\"abc\""));
        assert_eq!(version(&["etag: W/\"abc\""]), None);
        assert_eq!(version(&["etag: W/\"a\"", "last-modified: then"]).as_deref(), Some("then"));
    }

    #[test]
    fn a_packed_body_is_noticed() {
        assert_eq!(packed_as(&headers(&["content-encoding: gzip"])), Some("gzip"));
        assert_eq!(packed_as(&headers(&["content-encoding: identity"])), None);
    }
}
