//! What a repository says of itself in words: the card of a model, a README with a head of YAML.

use crate::download::Ask;
use crate::models::hub::api::{Entry, Hub};
use crate::models::hub::pull::Plan;

/// Bytes of a card that are read: the beginning says what it is.
const READ: u64 = 32 << 10;

/// Letters of the excerpt.
const LONG: usize = 400;

/// The beginning of its card; nothing where there is none, or it cannot be had.
pub(crate) async fn card(hub: &Hub<'_>, plan: &Plan) -> Option<String> {
    let entry = plan.card.as_ref()?;
    let file = hub.file(&plan.remote.repo, &plan.commit, &entry.path).ok()?;
    let ask = Ask::new(file).with_token(hub.token());
    let bytes = hub.client.range(&ask, 0..entry.size.min(READ)).await.ok()?;
    excerpt(&String::from_utf8_lossy(&bytes))
}

pub(super) fn of(entries: &[Entry]) -> Option<Entry> {
    entries.iter().find(|it| it.path == "README.md").cloned()
}

/// Its first words that are sentences: no headings, pictures, tables, lists, code.
pub(crate) fn excerpt(card: &str) -> Option<String> {
    let text = card.trim_start_matches('\u{feff}').trim_start();
    let text = match text.strip_prefix("---\n") {
        // One that was cut off in its head.
        Some(head) => head.split_once("\n---").map_or("", |it| it.1),
        None => text,
    };
    let (mut words, mut is_code) = (String::new(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            is_code = !is_code;
            continue;
        }
        let is_prose = line.starts_with(|it: char| it.is_alphanumeric() || "*_`\"'“".contains(it))
            && !line.starts_with("* ")
            && line.contains(' ');
        if is_code || !is_prose {
            // The first that stands together is enough, if it says anything.
            if LEAST <= words.len() {
                break;
            }
            continue;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words += &plain(line);
    }
    if words.chars().count() > LONG {
        words = words.chars().take(LONG).collect();
        let end = words.rfind(' ').unwrap_or(words.len());
        words.truncate(end);
        words += " …";
    }
    Some(words).filter(|it| !it.is_empty())
}

/// Less says nothing.
const LEAST: usize = 80;

/// The words of links, and nothing that only makes them stand out.
fn plain(line: &str) -> String {
    let (mut plain, mut rest) = (String::new(), line);
    while let Some((before, behind)) = rest.split_once('[') {
        let link =
            behind.split_once("](").and_then(|(words, it)| Some((words, it.split_once(')')?.1)));
        let Some((words, behind)) = link else { break };
        plain += before;
        plain += words;
        rest = behind;
    }
    (plain + rest).replace("**", "").replace("__", "").replace('`', "")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(card: &str, expected: Expect) {
        expected.assert_eq(&excerpt(card).unwrap_or("nothing".to_owned()));
    }

    #[test]
    fn the_first_sentences_are_found_behind_what_is_none() {
        check(
            "---\nlicense: mit\n---\n# Small\n\n<img src=x>\n![a](b)\n\n- a list\n* another\n| a | table |\n\n\
             **Small** is a model that [Somebody](x) made for\nwork with `tools`, in many languages and on few machines.\n\n\
             ## Use\n\n```sh\nrun it now\n```\nMore words here.",
            expect![
                "Small is a model that Somebody made for work with tools, in many languages and on few machines."
            ],
        );
    }

    #[test]
    fn a_short_line_is_gone_on_from() {
        check(
            "Made by us.\n\n# It\n\nA longer sentence of what it does follows behind a heading, and is joined to it.",
            expect![
                "Made by us. A longer sentence of what it does follows behind a heading, and is joined to it."
            ],
        );
    }

    #[test]
    fn a_card_may_say_nothing() {
        check("", expect!["nothing"]);
        check("---\nlicense: mit\n---\n", expect!["nothing"]);
        check("---\nnever ends", expect!["nothing"]);
        check("# Small\n- x\n[a](b)", expect!["nothing"]);
    }

    #[test]
    fn a_long_text_ends_between_words() {
        let words = "word ".repeat(200);
        let told = excerpt(&words).unwrap();
        assert!(told.ends_with("word …") && told.chars().count() <= LONG + 2, "{told}");
    }
}
