//! The one place that prints errors: what could not be done, then what to do about it.

use std::io::Write;

use anyhow::anyhow;

use crate::ui::{Paint, Role, abandon, in_lines, showable, visible};

/// Prints to standard error, in colours if they are on.
pub(super) fn report(err: &anyhow::Error) {
    let (sentence, hints) = in_parts(err);
    let mut stderr = std::io::stderr().lock();
    let mut tell = |label: String, text: &str| {
        let line = format!("{label} {}", showable(&visible(text)));
        let line = in_lines(&stderr, &line);
        // Nowhere is left to say that this could not be said.
        let _ = writeln!(stderr, "{line}");
    };
    tell("error:".as_role(Role::Error), &sentence);
    hints.iter().for_each(|it| tell("hint:".as_role(Role::Hint), it));
}

/// From now on a panic is told in a sentence, in a terminal that was given back first. With
/// `RUST_BACKTRACE` set, what led to it is told as well.
pub(super) fn on_panic(with_backtrace: bool) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_the_end = std::thread::current().name() == Some("main");
        if is_the_end {
            abandon();
        }
        let place = panic.location().map(|it| format!("{}:{}", it.file(), it.line()));
        let said = panic.payload();
        let text = said.downcast_ref::<&str>().copied();
        let message = text.or_else(|| said.downcast_ref::<String>().map(String::as_str));
        let message = message.unwrap_or("it cannot say what");
        report(&anyhow!(mistake(place.as_deref(), message, is_the_end)));
        if with_backtrace {
            usual(panic);
        }
    }));
}

fn mistake(place: Option<&str>, message: &str, is_the_end: bool) -> String {
    let place = place.unwrap_or("an unknown place");
    let hint = if is_the_end {
        "what was done is kept, and `agent -c` goes on with the session; please report this"
    } else {
        "the work goes on without this part of it; please report this"
    };
    format!("the program made a mistake of its own, at {place}: {message}\nhint: {hint}")
}

/// What an error says, without its hints.
pub(super) fn sentence(err: &anyhow::Error) -> String {
    in_parts(err).0
}

/// The layers as one sentence, and the hints, which each layer may carry on a line of its own.
pub(super) fn in_parts(err: &anyhow::Error) -> (String, Vec<String>) {
    let (mut sentence, mut hints) = (String::new(), Vec::new());
    for layer in err.chain() {
        let layer = in_our_words(&layer.to_string());
        let (words, hint) = layer.split_once("\nhint: ").unwrap_or((&layer, ""));
        // Libraries like to say in the outer layer what the inner one says again.
        if !sentence.ends_with(words) {
            sentence += if sentence.is_empty() { "" } else { ": " };
            sentence += words;
        }
        if !hint.is_empty() {
            hints.push(hint.to_owned());
        }
    }
    (sentence, hints)
}

/// As in `No such file or directory (os error 2)`: the number tells a person nothing, and the
/// sentence has begun before.
fn in_our_words(layer: &str) -> String {
    let Some((words, rest)) = layer.split_once(" (os error ") else { return layer.to_owned() };
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    let mut chars = words.chars();
    let first = chars.next().map(|it| it.to_ascii_lowercase());
    first.into_iter().chain(chars).chain(after.chars()).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(err: anyhow::Error, expected: Expect) {
        let (sentence, hints) = in_parts(&err);
        let hints = hints.iter().map(|it| format!("\nhint: {it}")).collect::<String>();
        expected.assert_eq(&(sentence + &hints));
    }

    #[test]
    fn a_mistake_of_our_own_is_told_with_what_is_left() {
        check(
            anyhow!(mistake(Some("src/a.rs:7"), "no such state", true)),
            expect![[r#"
                the program made a mistake of its own, at src/a.rs:7: no such state
                hint: what was done is kept, and `agent -c` goes on with the session; please report this"#]],
        );
    }

    #[test]
    fn layers_are_one_sentence() {
        check(
            anyhow!("permission denied").context("cannot read `x.gguf`").context("cannot start"),
            expect!["cannot start: cannot read `x.gguf`: permission denied"],
        );
    }

    #[test]
    fn hints_come_last_whatever_layer_has_them() {
        check(
            anyhow!("no such file\nhint: look again").context("cannot start\nhint: use another"),
            expect![[r#"
                cannot start: no such file
                hint: use another
                hint: look again"#]],
        );
    }

    #[test]
    fn the_system_speaks_like_us() {
        let err = std::io::Error::from_raw_os_error(2);
        check(
            anyhow!(err).context("cannot read `x.gguf`"),
            expect!["cannot read `x.gguf`: no such file or directory"],
        );
    }

    #[test]
    fn nothing_is_said_twice() {
        check(
            anyhow!("it is gone").context("cannot go on: it is gone"),
            expect!["cannot go on: it is gone"],
        );
    }
}
