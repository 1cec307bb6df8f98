//! Words that were said in a session.

use crate::conversation::{Entry, Transcript};

/// A prompt or a reply that has all the words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hit {
    /// By the number of its prompt.
    pub(crate) turn: usize,
    pub(crate) is_prompt: bool,
    /// Its first line that has most of them; the part around the first.
    pub(crate) line: String,
}

/// The most characters of a line.
const WIDTH: usize = 100;

/// So many stay before the first word of a line that is cut.
const BEFORE: usize = 30;

/// What was said with all of these words in it, in capitals or not, oldest first.
pub(crate) fn search(words: &[String], transcript: &Transcript) -> Vec<Hit> {
    let words: Vec<_> = words.iter().map(|it| it.to_lowercase()).collect();
    let (mut hits, mut turns) = (Vec::new(), transcript.prompts().iter().peekable());
    let mut turn = 0;
    for (at, entry) in transcript.entries().iter().enumerate() {
        if let Some(prompted) = turns.next_if(|it| it.at == at) {
            turn = prompted.number;
        }
        let (text, is_prompt) = match entry {
            Entry::Prompt(text) => (text, true),
            Entry::Reply(reply) => (&reply.text, false),
            _ => continue,
        };
        if has_all(&words, text) {
            hits.push(Hit { turn, is_prompt, line: line_of(&words, text) });
        }
    }
    hits
}

/// Whether all the words, which are in small letters, are in the text.
pub(crate) fn has_all(words: &[String], text: &str) -> bool {
    let text = text.to_lowercase();
    words.iter().all(|it| text.contains(it))
}

fn line_of(words: &[String], text: &str) -> String {
    let count = |line: &str| {
        let line = line.to_lowercase();
        words.iter().filter(|it| line.contains(&***it)).count()
    };
    // Of several the first.
    let best = text.lines().rev().max_by_key(|it| count(it)).unwrap_or_default().trim();
    let small = best.to_lowercase();
    let first = words.iter().filter_map(|it| small.find(&**it)).min().unwrap_or_default();
    let from = match best.chars().count() {
        ..=WIDTH => 0,
        _ => small[..first].chars().count().saturating_sub(BEFORE),
    };
    let part: String = best.chars().skip(from).take(WIDTH).collect();
    let more = if from + WIDTH < best.chars().count() { "…" } else { "" };
    format!("{}{part}{more}", if 0 < from { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::Reply;

    #[track_caller]
    fn check(words: &str, expected: Expect) {
        let reply = |text: &str| Entry::Reply(Reply { text: text.into(), ..Reply::default() });
        let long = format!("{} the needle {}", "x".repeat(200), "y".repeat(200));
        let entries = vec![
            Entry::Opened { system: "the parser".into() },
            Entry::Prompt("Fix the Parser\nit rejects empty lines".into()),
            reply("The parser is fixed.\nEmpty lines pass."),
            Entry::Prompt(long),
            reply("ÄPFEL"),
        ];
        let transcript: Transcript = entries.into_iter().collect();
        let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
        let shown = search(&words, &transcript).into_iter().map(|Hit { turn, is_prompt, line }| {
            format!("{turn} {}: {line}\n", if is_prompt { "you" } else { "agent" })
        });
        expected.assert_eq(&shown.collect::<String>());
    }

    #[test]
    fn all_words_must_be_there_in_any_letters() {
        check(
            "parser",
            expect![[r#"
            1 you: Fix the Parser
            1 agent: The parser is fixed.
        "#]],
        );
        check(
            "PARSER empty",
            expect![[r#"
            1 you: Fix the Parser
            1 agent: The parser is fixed.
        "#]],
        );
        check(
            "parser rejects",
            expect![[r#"
            1 you: Fix the Parser
        "#]],
        );
        check(
            "äpfel",
            expect![[r#"
            2 agent: ÄPFEL
        "#]],
        );
        check("nothing", expect![]);
    }

    #[test]
    fn of_a_long_line_the_part_around_is_shown() {
        check(
            "needle",
            expect![[r#"
            2 you: …xxxxxxxxxxxxxxxxxxxxxxxxx the needle yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…
        "#]],
        );
    }
}
