//! `…-00002-of-00003.gguf`: a model in several files.

/// Which of how many.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Part {
    pub(crate) number: u32,
    pub(crate) count: u32,
}

impl Part {
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::cut(name.strip_suffix(".gguf")?).1
    }

    /// A name without its ending `.gguf`, taken apart.
    pub(super) fn cut(stem: &str) -> (&str, Option<Self>) {
        let apart = || {
            let (rest, count) = stem.rsplit_once("-of-")?;
            let (rest, number) = rest.rsplit_once('-')?;
            let digits = |it: &str| {
                let is_number = it.len() == 5 && it.bytes().all(|it| it.is_ascii_digit());
                is_number.then(|| it.parse().ok()).flatten()
            };
            let part = Self { number: digits(number)?, count: digits(count)? };
            (1..=part.count).contains(&part.number).then_some((rest, part))
        };
        apart().map_or((stem, None), |(rest, part)| (rest, Some(part)))
    }

    /// The name of another part of the same model.
    pub(crate) fn sibling(self, name: &str, number: u32) -> String {
        let old = format!("-{:05}-of-{:05}.gguf", self.number, self.count);
        let rest = name.strip_suffix(&old).unwrap_or(name);
        format!("{rest}-{number:05}-of-{:05}.gguf", self.count)
    }
}
