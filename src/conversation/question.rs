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

/// What a line that somebody entered means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Meaning {
    Nothing,
    Said(String),
    /// It is the number of an option that there is not. It may be meant as it stands: who has typed it
    /// once more says so.
    NoOption(String),
}

impl Question {
    /// What a line that somebody entered means: the number of an option means the option.
    pub(crate) fn meaning(&self, line: &str) -> Meaning {
        let words = line.trim();
        if words.is_empty() {
            return Meaning::Nothing;
        }
        let number = words.trim_end_matches(['.', ')']);
        let is_number = !number.is_empty() && number.chars().all(|it| it.is_ascii_digit());
        let nth = number.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
        match nth.and_then(|it| self.options.get(it)) {
            Some(option) => Meaning::Said(option.clone()),
            None if is_number && !self.options.is_empty() && !self.offers(words) => {
                Meaning::NoOption(words.to_owned())
            }
            None => Meaning::Said(words.to_owned()),
        }
    }

    fn offers(&self, words: &str) -> bool {
        self.options.iter().any(|it| it == words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &[&str], line: &str, meaning: Meaning) {
        let options = options.iter().map(|it| (*it).to_owned()).collect();
        let question = Question { text: "which?".to_owned(), options };
        assert_eq!(question.meaning(line), meaning);
    }

    fn said(words: &str) -> Meaning {
        Meaning::Said(words.to_owned())
    }

    #[test]
    fn a_number_means_its_option_and_other_words_themselves() {
        let options = ["tabs", "spaces"];
        check(&options, " 2 ", said("spaces"));
        check(&options, "1.", said("tabs"));
        check(&options, "both", said("both"));
        check(&options, "4 spaces", said("4 spaces"));
        check(&options, "  ", Meaning::Nothing);
    }

    #[test]
    fn a_number_that_no_option_has_is_doubted() {
        for number in ["0", "3", "99999999999999999999999"] {
            check(&["tabs", "spaces"], number, Meaning::NoOption(number.to_owned()));
        }
        check(&["8080", "3000"], "3000", said("3000"));
        check(&[], "3", said("3"));
    }
}
