//! A plan as a person edits it: a list in Markdown that is read back.

use std::fmt::Write;

use crate::conversation::{Plan, PlanCheck, PlanStep, Stage};

const HEAD: &str = "\
<!-- Change, move, add or delete steps; what you leave empty is dropped.
     `- [ ] what is to be done`, and below it, indented:
     `files: a, b`, `run: a command that succeeds when it is done`, or `look: what must hold then` -->
";

const RISKS: &str = "## Risks";

/// The plan as a list.
pub(crate) fn to_markdown(plan: &Plan) -> String {
    let mut text = format!("# {}\n\n{HEAD}\n", plan.goal);
    for step in &plan.steps {
        let _ = writeln!(text, "- [ ] {}", step.what);
        if !step.files.is_empty() {
            let _ = writeln!(text, "  files: {}", step.files.join(", "));
        }
        match &step.check {
            PlanCheck::Nothing => {}
            // A command of several lines goes on, further in.
            PlanCheck::Command(it) => {
                let _ = writeln!(text, "  run: {}", it.replace('\n', "\n    "));
            }
            PlanCheck::Look(it) => {
                let _ = writeln!(text, "  look: {it}");
            }
        }
    }
    if !plan.risks.is_empty() {
        let _ = write!(text, "\n{RISKS}\n\n");
        plan.risks.iter().for_each(|it| text += &format!("- {it}\n"));
    }
    text
}

/// The plan that such a list says; or what is wrong with which line.
pub(crate) fn from_markdown(text: &str) -> Result<Plan, String> {
    let mut plan = Plan { stage: Stage::Proposed, ..Plan::default() };
    let (mut in_risks, mut in_comment) = (false, false);
    for (n, line) in text.lines().enumerate() {
        let wrong = |what: &str| Err(format!("line {}: {what}", n + 1));
        let (indent, words) = (line.len() - line.trim_start().len(), line.trim());
        if in_comment || words.starts_with("<!--") {
            in_comment = !words.ends_with("-->");
            continue;
        }
        if words.is_empty() {
            // An empty line of a command is one that is as far in as the rest of it.
            if let Some(PlanStep { check: PlanCheck::Command(command), .. }) =
                plan.steps.last_mut().filter(|_| 4 <= indent)
            {
                command.push('\n');
            }
            continue;
        }
        if words == RISKS {
            in_risks = true;
            continue;
        }
        if let Some(goal) = words.strip_prefix("# ").filter(|_| indent == 0) {
            goal.trim().clone_into(&mut plan.goal);
            continue;
        }
        if words == "#" {
            continue;
        }
        if indent == 0 {
            let Some(item) = item(words) else {
                return wrong("a step begins with `- [ ] `");
            };
            match (in_risks, item.is_empty()) {
                (_, true) => {}
                (true, false) => plan.risks.push(item.to_owned()),
                (false, false) => {
                    plan.steps.push(PlanStep { what: item.to_owned(), ..PlanStep::default() });
                }
            }
            continue;
        }
        let Some(step) = plan.steps.last_mut().filter(|_| !in_risks) else {
            return wrong("it is indented, but no step stands above it");
        };
        match words.split_once(':').map(|(name, rest)| (name.trim(), rest.trim())) {
            Some(("files", rest)) if indent < 4 => {
                let files = rest.split(',').map(str::trim).filter(|it| !it.is_empty());
                step.files = files.map(str::to_owned).collect();
            }
            Some(("run" | "look", "")) if indent < 4 => step.check = PlanCheck::Nothing,
            Some(("run", rest)) if indent < 4 => step.check = PlanCheck::Command(rest.to_owned()),
            Some(("look", rest)) if indent < 4 => step.check = PlanCheck::Look(rest.to_owned()),
            _ => match &mut step.check {
                PlanCheck::Command(command) if 4 <= indent => {
                    let rest = line.get(4..).unwrap_or(words).trim_end();
                    *command += &format!("\n{rest}");
                }
                _ => return wrong("below a step stand `files:`, `run:` or `look:`"),
            },
        }
    }
    if plan.steps.is_empty() {
        return Err("there is no step in it".to_owned());
    }
    Ok(plan)
}

/// What stands in an item of a list, whatever its marks.
fn item(words: &str) -> Option<&str> {
    let number = words.trim_start_matches(|it: char| it.is_ascii_digit());
    let numbered = (number.len() < words.len()).then(|| number.strip_prefix(['.', ')'])).flatten();
    let rest = numbered.or_else(|| words.strip_prefix(['-', '*', '+']))?;
    let rest = rest.trim_start();
    let boxed = ["[ ]", "[x]", "[X]", "[]"].iter().find_map(|it| rest.strip_prefix(it));
    Some(boxed.unwrap_or(rest).trim())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::conversation::StepStatus;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let read = from_markdown(text).map(|it| format!("{}risks {:?}", it.in_words(), it.risks));
        expected.assert_eq(&read.unwrap_or_else(|err| format!("refused: {err}")));
    }

    #[test]
    fn a_list_is_a_plan() {
        check(
            "# Mend it\n\n- [ ] Look\n  files: a.rs, b.rs\n- [x] Write\n  run: make test: all\n* Say\n  look: it is said\n3. Go\n\n## Risks\n\n- none\n",
            expect![[r#"
                Goal: Mend it
                [ ] 1. Look
                    files: a.rs, b.rs
                [ ] 2. Write
                    run: make test: all
                [ ] 3. Say
                    look: it is said
                [ ] 4. Go
                risks ["none"]"#]],
        );
    }

    #[test]
    fn what_is_left_empty_is_dropped() {
        check(
            "#\n- [ ]\n- [ ] Write\n  run:\n  files:\n",
            expect![[r#"
                [ ] 1. Write
                risks []"#]],
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        check("# x\nWrite it\n", expect!["refused: line 2: a step begins with `- [ ] `"]);
        check(
            "- a\n  test: make\n",
            expect!["refused: line 2: below a step stand `files:`, `run:` or `look:`"],
        );
        check(
            "\n  run: x\n",
            expect!["refused: line 2: it is indented, but no step stands above it"],
        );
        check("# x\n", expect!["refused: there is no step in it"]);
    }

    fn words() -> impl Strategy<Value = String> {
        "[a-z][a-z:#. -]{0,8}[a-z]"
    }

    proptest! {
        #[test]
        fn a_plan_that_nobody_changed_comes_back(
            goal in words(),
            steps in prop::collection::vec((words(), prop::collection::vec("[a-z/.]{1,6}", 0..3), 0..3, words(), "|\n  [a-z]{1,5}|\n\n[a-z]{1,5}"), 1..5),
            risks in prop::collection::vec(words(), 0..3),
        ) {
            let steps = steps.into_iter().map(|(what, files, kind, check, more)| {
                let check = match kind {
                    0 => PlanCheck::Nothing,
                    1 => PlanCheck::Command(check + &more),
                    _ => PlanCheck::Look(check),
                };
                PlanStep { what, files, check, status: StepStatus::Todo, gist: String::new() }
            });
            let plan = Plan { stage: Stage::Proposed, goal, steps: steps.collect(), risks };
            prop_assert_eq!(from_markdown(&to_markdown(&plan)), Ok(plan));
        }
    }
}
