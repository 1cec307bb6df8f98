//! Whether asking again may help, and when: a pure function of the error and the attempt.

use std::time::Duration;

use crate::llm::AskError;

/// How long to wait before attempt number `attempt + 1`; `None` when it will not help.
pub(crate) fn retry_after(err: &AskError, attempt: u32) -> Option<Duration> {
    let tries = match err {
        // A large model loads for minutes, and says so all the while.
        AskError::Loading => return Some(Duration::from_millis(500)),
        AskError::Unreachable { .. } | AskError::Refused { status: 429 | 502 | 503 | 504, .. } => 4,
        AskError::Broken(_) => 2,
        // The same prompt may be answered better: sampling is not the same twice.
        AskError::Failed(_) | AskError::Refused { status: 500, .. } => 1,
        AskError::Unauthorized(_)
        | AskError::TooLong { .. }
        | AskError::Refused { .. }
        | AskError::Garbled(_) => 0,
    };
    (attempt < tries).then(|| Duration::from_millis(250 << attempt))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(err: AskError, expected: Expect) {
        let waits = (0..6).map_while(|attempt| retry_after(&err, attempt));
        expected.assert_eq(&format!("{:?}", waits.collect::<Vec<_>>()));
    }

    #[test]
    fn a_server_that_is_not_there_may_come_back() {
        check(
            AskError::Unreachable { address: None, reason: String::new() },
            expect!["[250ms, 500ms, 1s, 2s]"],
        );
    }

    #[test]
    fn a_loading_server_is_waited_for() {
        check(AskError::Loading, expect!["[500ms, 500ms, 500ms, 500ms, 500ms, 500ms]"]);
    }

    #[test]
    fn a_broken_answer_is_asked_for_twice_more() {
        check(AskError::Broken(String::new()), expect!["[250ms, 500ms]"]);
    }

    #[test]
    fn a_server_that_gave_up_is_asked_once_more() {
        check(AskError::Failed(String::new()), expect!["[250ms]"]);
    }

    #[test]
    fn a_wrong_request_stays_wrong() {
        check(AskError::Refused { status: 400, message: String::new() }, expect!["[]"]);
        check(AskError::TooLong { prompt: 2, window: 1 }, expect!["[]"]);
        check(AskError::Unauthorized(String::new()), expect!["[]"]);
        check(AskError::Garbled(String::new()), expect!["[]"]);
    }
}
