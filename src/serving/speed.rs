//! How fast a model was, read from the end of what it answered as it passes by.

/// Tokens a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Speed {
    pub(super) read: Option<f64>,
    pub(super) written: Option<f64>,
}

/// The last bytes of an answer.
#[derive(Debug, Default)]
pub(super) struct Tail(Vec<u8>);

/// The figures stand in the last event, or at the end of an answer in one piece.
const LENGTH: usize = 4096;

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let from = bytes.len().saturating_sub(LENGTH);
        self.0.extend_from_slice(&bytes[from..]);
        if 2 * LENGTH < self.0.len() {
            self.0.drain(..self.0.len() - LENGTH);
        }
    }

    /// `None` if the answer told none, as one that was cut off.
    pub(super) fn speed(&self) -> Option<Speed> {
        let text = String::from_utf8_lossy(&self.0);
        let figure = |name: &str| {
            let (_, rest) = text.rsplit_once(name)?;
            let rest = rest.trim_start_matches([':', ' ']);
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            // More digits say nothing more.
            let rounded = |it: f64| (it * 100.0).round() / 100.0;
            rest[..end]
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|it| it.is_finite() && 0.0 < *it)
                .map(rounded)
        };
        let speed = Speed {
            read: figure("\"prompt_per_second\""),
            written: figure("\"predicted_per_second\""),
        };
        (speed != Speed::default()).then_some(speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed(pieces: &[&str]) -> Option<Speed> {
        let mut tail = Tail::default();
        pieces.iter().for_each(|it| tail.push(it.as_bytes()));
        tail.speed()
    }

    #[test]
    fn the_last_figures_count() {
        let event = r#"data: {"timings":{"prompt_per_second":100.5,"predicted_per_second": 20}}"#;
        let expected = Some(Speed { read: Some(100.5), written: Some(20.0) });
        assert_eq!(speed(&[event, "\n\ndata: [DONE]\n\n"]), expected);
        assert_eq!(speed(&[&event.replace("20", "7"), event]), expected);
        let (a, b) = event.split_at(60);
        assert_eq!(speed(&[&"x".repeat(50_000), a, b]), expected);
    }

    #[test]
    fn an_answer_without_figures_tells_none() {
        assert_eq!(speed(&["{\"error\":{}}"]), None);
        assert_eq!(speed(&["\"prompt_per_second\":null,"]), None);
        assert_eq!(speed(&[]), None);
    }
}
