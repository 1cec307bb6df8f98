//! A question that only the person can answer.

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    pub(crate) text: String,
    /// What may be answered; the person is free to say something else.
    pub(crate) options: Vec<String>,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Said(String),
    /// Nobody is there to ask.
    Nobody,
}

impl Question {
    /// What a line that somebody entered means: the number of an option means the option. `None` for
    /// an empty line.
    pub(crate) fn meaning(&self, line: &str) -> Option<String> {
        let words = line.trim();
        let number = words.trim_end_matches(['.', ')']).parse::<usize>().ok();
        let option = number.and_then(|it| self.options.get(it.checked_sub(1)?));
        option.cloned().or_else(|| (!words.is_empty()).then(|| words.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_its_option_and_other_words_themselves() {
        let options = vec!["tabs".to_owned(), "spaces".to_owned()];
        let question = Question { text: "tabs or spaces?".to_owned(), options };
        let means = |line: &str| question.meaning(line).unwrap_or_default();
        assert_eq!(means(" 2 "), "spaces");
        assert_eq!(means("1."), "tabs");
        assert_eq!(["0", "3", "both", ""].map(means), ["0", "3", "both", ""]);
    }
}
