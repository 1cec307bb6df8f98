//! A session as a Markdown document, to be read by people.

use crate::conversation::{Call, Changed, Decision, Entry, Outcome, Status, StepStatus, Stop};

/// The document: what was asked and answered, and each call with its result, folded away.
pub(crate) fn markdown(title: &str, entries: &[Entry]) -> String {
    let mut text = format!("# {}\n", one_line(title));
    let mut calls: Vec<&Call> = Vec::new();
    let mut is_form = false;
    for entry in entries {
        match entry {
            Entry::Prompt(words) => text += &format!("\n## You\n\n{}\n", words.trim_end()),
            // What comes of it stands below.
            Entry::Reply(_) if std::mem::take(&mut is_form) => {}
            Entry::Wanted { .. } => is_form = true,
            Entry::Reply(reply) => {
                text += "\n## Agent\n";
                if !reply.reasoning.trim().is_empty() {
                    text += &folded("thought", &fenced("", &reply.reasoning));
                }
                if !reply.text.trim().is_empty() {
                    text += &format!("\n{}\n", reply.text.trim_end());
                }
                calls = reply.calls.iter().collect();
            }
            Entry::Result { call, outcome } => {
                let made = calls.iter().find(|it| it.id == *call);
                text += &exchange(made.copied(), outcome);
            }
            Entry::Decided { decision: Decision::Denied(words), .. } if !words.is_empty() => {
                text += &format!("\n*You said no:* {}\n", words.trim_end());
            }
            Entry::Decided { decision: Decision::Changed(changed), .. } => {
                let (what, to) = changed_to(changed);
                text += &format!("\n*{what}*\n{}", fenced("", &to));
            }
            Entry::Stopped(stop) => text += &format!("\n*{}*\n", why(*stop)),
            Entry::Condensed(condensed) if !condensed.summary.is_empty() => {
                text += &folded("summed up to make room", &format!("\n{}\n", condensed.summary));
            }
            Entry::Note(_) => {
                if let Some(words) = entry.meanwhile() {
                    text += &format!("\n## You, meanwhile\n\n{}\n", words.trim());
                }
            }
            Entry::Planned(plan) => text += &format!("\n## Plan\n{}", fenced("", &plan.in_words())),
            Entry::Marked(mark)
                if !matches!(mark.status, StepStatus::Doing | StepStatus::Checking) =>
            {
                let gist = if mark.gist.is_empty() { "" } else { &format!(": {}", mark.gist) };
                let name = mark.status.name();
                text += &format!("\n*Step {} {name}{}*\n", mark.step + 1, one_line(gist));
            }
            Entry::Marked(_)
            | Entry::Opened { .. }
            | Entry::Decided { .. }
            | Entry::Started { .. }
            | Entry::Full { .. }
            | Entry::Pruned(_)
            | Entry::Condensed(_)
            | Entry::Planning => {}
        }
    }
    text
}

/// A call and what came of it.
fn exchange(call: Option<&Call>, outcome: &Outcome) -> String {
    let tool = call.map_or("a call", |it| &*it.tool);
    let mark = if outcome.status == Status::Done { "" } else { "✗ " };
    let gist =
        if outcome.gist.is_empty() { String::new() } else { format!(" — {}", outcome.gist) };
    let args = call.map_or(String::new(), |it| fenced("json", &it.args));
    let summary = format!("{mark}{}{}", one_line(tool), one_line(&gist));
    folded(&summary, &(args + &fenced("", &outcome.text)))
}

fn folded(summary: &str, body: &str) -> String {
    let summary = summary.replace('&', "&amp;").replace('<', "&lt;");
    format!("\n<details><summary>{summary}</summary>\n{body}\n</details>\n")
}

/// A block of code whose fence is longer than any in it.
fn fenced(language: &str, text: &str) -> String {
    let ticks = text.split(|it| it != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(3.max(ticks + 1));
    format!("\n{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

/// How the person changed a call, in a few words and in full.
pub(super) fn changed_to(changed: &Changed) -> (&'static str, String) {
    match changed.left_out.is_empty() {
        true => ("You changed it to:", format!("{} {}", changed.call.tool, changed.call.args)),
        false => ("You left out of it:", changed.left_out.clone()),
    }
}

pub(super) fn one_line(text: &str) -> &str {
    text.split(['\n', '\r']).next().unwrap_or_default()
}

pub(super) fn why(stop: Stop) -> &'static str {
    match stop {
        Stop::Cancelled => "stopped",
        Stop::TurnLimit => "stopped at the turn limit",
        Stop::EmptyReplies => "stopped: the model said nothing",
        Stop::MalformedCalls => "stopped: no call could be understood",
        Stop::RepeatedCalls => "stopped: the same calls over and over",
        Stop::CutOff => "the reply was cut off",
        Stop::TimeLimit => "stopped at the time limit",
        Stop::CallLimit => "stopped at the limit of calls",
        Stop::OtherForm => "stopped: no answer had the form that was asked for",
        Stop::NoPlan => "stopped: there was no plan in what the model said",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::conversation::{Form, Mark, Plan, PlanStep, Reply};

    #[test]
    fn a_session_is_a_document() {
        let args = r#"{"paths":["a.md"]}"#.to_owned();
        let call = Call { id: "1".to_owned(), tool: "read_file".to_owned(), args };
        let reply = Reply {
            text: "I look.".to_owned(),
            reasoning: "Where is it?".to_owned(),
            calls: vec![call],
            ..Reply::default()
        };
        let entries = [
            Entry::Opened { system: "not shown".to_owned() },
            Entry::Prompt("What is in a.md?\n".to_owned()),
            Entry::Reply(reply),
            Entry::Started { call: "1".to_owned() },
            Entry::Result {
                call: "1".to_owned(),
                outcome: Outcome::new(Status::Done, "1\t```rust\n2\t```\n", "2 lines <b>"),
            },
            Entry::Reply(Reply { text: "Code.".to_owned(), ..Reply::default() }),
            Entry::Stopped(Stop::TurnLimit),
        ];
        expect![[r##"
            # What is in a.md?

            ## You

            What is in a.md?

            ## Agent

            <details><summary>thought</summary>

            ```
            Where is it?
            ```

            </details>

            I look.

            <details><summary>read_file — 2 lines &lt;b></summary>

            ```json
            {"paths":["a.md"]}
            ```

            ````
            1	```rust
            2	```
            ````

            </details>

            ## Agent

            Code.

            *stopped at the turn limit*
        "##]]
        .assert_eq(&markdown("What is in a.md?", &entries));
    }

    #[test]
    fn no_fence_ends_before_its_text() {
        assert_eq!(fenced("", "a ```` b"), "\n`````\na ```` b\n`````\n");
    }

    #[test]
    fn a_plan_is_shown_as_a_list_and_not_as_it_was_asked_for() {
        let step = PlanStep { what: "Write it".to_owned(), ..PlanStep::default() };
        let mark = |status, gist: &str| {
            Entry::Marked(Mark { step: 0, status, gist: gist.to_owned(), text: String::new() })
        };
        let reply = |text: &str| Entry::Reply(Reply { text: text.to_owned(), ..Reply::default() });
        let entries = [
            Entry::Wanted { form: Form::Plan, words: "as JSON".to_owned() },
            reply("{}"),
            Entry::Planned(Plan { steps: vec![step], ..Plan::default() }),
            mark(StepStatus::Doing, ""),
            reply("Done."),
            mark(StepStatus::Checking, ""),
            mark(StepStatus::Failed, "exit 1"),
        ];
        expect![[r#"
            # A plan

            ## Plan

            ```
            [ ] 1. Write it
            ```

            ## Agent

            Done.

            *Step 1 failed: exit 1*
        "#]]
        .assert_eq(&markdown("A plan", &entries));
    }
}
