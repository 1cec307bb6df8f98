//! Which name was probably meant by one that there is not.

/// The name that is most like the word, if at least two thirds of the longer of both are the same, or else
/// the shortest that begins with it.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let names: Vec<&str> = names.collect();
    let alike = names.iter().map(|it| (strsim::osa_distance(it, word), *it));
    let alike = alike.filter(|(distance, it)| *distance <= most(word, it));
    let begun = || {
        let begins = |it: &&str| 1 < word.len() && it.starts_with(word);
        names.iter().copied().filter(begins).min_by_key(|it| it.len())
    };
    alike.min_by_key(|(distance, _)| *distance).map(|(_, it)| it).or_else(begun)
}

/// How many letters may differ.
fn most(word: &str, name: &str) -> usize {
    (word.chars().count().max(name.chars().count()) / 3).min(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, meant: Option<&str>) {
        let names =
            ["help", "exit", "export", "fork", "model", "models", "sessions", "undo", "new"];
        assert_eq!(nearest(word, names.into_iter()), meant, "{word}");
    }

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        check("hlep", Some("help"));
        check("sesions", Some("sessions"));
        check("modle", Some("model"));
        check("nwe", Some("new"));
        check("undoo", Some("undo"));
    }

    #[test]
    fn what_is_begun_means_the_shortest_that_begins_so() {
        check("exi", Some("exit"));
        check("ex", Some("exit"));
        check("sess", Some("sessions"));
        check("s", None);
    }

    #[test]
    fn what_is_half_alike_is_something_else() {
        check("foo", None);
        check("text", None);
        check("mood", None);
        check("", None);
    }
}
