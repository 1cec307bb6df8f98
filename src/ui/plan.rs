//! A plan as a person sees it: a checklist, and a line where a step has come further.

use crate::conversation::{Mark, Plan, PlanCheck, PlanStep, Stage, StepStatus};
use crate::ui::palette::Paint;
use crate::ui::visible::visible_line;

/// What is longer is seen in the editor.
const LONGEST: usize = 400;

/// The whole plan, with all that it says of steps that are not over.
pub(crate) fn checklist(plan: &Plan) -> String {
    let mut lines = Vec::new();
    if !plan.goal.is_empty() {
        lines.push(format!("{} {}", "plan:".strong(), shown(&plan.goal)));
    }
    for (n, step) in plan.steps.iter().enumerate() {
        lines.push(line(n, step));
        if !step.status.is_over() {
            lines.extend(below(step).map(|it| format!("         {it}").quiet()));
        }
    }
    lines.extend(plan.risks.iter().map(|it| format!("  risk: {}", shown(it))));
    lines.join("\n")
}

/// The steps alone.
pub(super) fn outline(plan: &Plan) -> String {
    let lines = plan.steps.iter().enumerate().map(|(n, step)| line(n, step));
    lines.collect::<Vec<_>>().join("\n").quiet()
}

fn line(n: usize, step: &PlanStep) -> String {
    let gist =
        if step.gist.is_empty() { String::new() } else { format!("  {}", shown(&step.gist)) };
    format!("  {} {}. {}{}", step.status.sign(), n + 1, shown(&step.what), gist.quiet())
}

/// Where, and how it is checked.
fn below(step: &PlanStep) -> impl Iterator<Item = String> {
    let files = (!step.files.is_empty()).then(|| shown(&step.files.join(", ")));
    let check = match &step.check {
        PlanCheck::Nothing => None,
        PlanCheck::Command(it) => Some(format!("run: {}", shown(it))),
        PlanCheck::Look(it) => Some(format!("look: {}", shown(it))),
    };
    files.into_iter().chain(check)
}

fn shown(text: &str) -> String {
    visible_line(text, LONGEST)
}

/// What is told when a step has come further; nothing where something else tells it.
pub(super) fn mark_line(plan: &Plan, mark: &Mark) -> Option<String> {
    let step = plan.steps.get(mark.step)?;
    let place = format!("step {} of {}", mark.step + 1, plan.steps.len());
    let gist = shown(&mark.gist);
    let behind = if gist.is_empty() { String::new() } else { format!(": {gist}") };
    Some(match mark.status {
        StepStatus::Todo | StepStatus::Checking => return None,
        StepStatus::Doing => format!("{}: {}", place.strong(), shown(&step.what)),
        StepStatus::Done => format!("{} {place} is done{}", "✓".good(), behind.quiet()),
        StepStatus::Failed => format!("{} {place} is not done{}", "✗".bad(), behind.bad()),
        StepStatus::Skipped => format!("- {place} is left out{behind}").quiet(),
    })
}

/// Whether the person has to see a plan that was written down, after the one they know.
pub(super) fn is_news(known: Option<&Plan>, plan: &Plan) -> bool {
    match (plan.stage, known) {
        (Stage::Proposed, _) => true,
        (Stage::Noted, _) | (Stage::Accepted, None) => true,
        (Stage::Accepted, Some(known)) => {
            known.stage == Stage::Accepted && known.steps.len() != plan.steps.len()
        }
    }
}

/// What the person wants done with a plan that was put before them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Review {
    Accept,
    Edit,
    /// This step, counted from 0.
    Drop(usize),
    /// This step to the place of that one.
    Move(usize, usize),
    /// The model plans again, with this in mind.
    Comment(String),
    Quit,
}

/// The words before the line where a person says so.
pub(crate) const REVIEW: &str =
    "  [a]ccept  [e]dit  [d]rop N  [m]ove N M  [c]omment WORDS  [q]uit: ";

impl Review {
    /// What a line means, of a plan with so many steps; or what is wrong with it.
    pub(crate) fn parse(line: &str, steps: usize) -> Result<Self, String> {
        let (word, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let rest = rest.trim();
        let step = |it: Option<&str>| {
            let number = it.and_then(|it| it.trim_end_matches('.').parse::<usize>().ok());
            number.filter(|it| (1..=steps).contains(it)).map(|it| it - 1)
        };
        let range = || format!("say a step from 1 to {steps}");
        let mut numbers = rest.split_whitespace();
        match &*word.to_lowercase() {
            "a" | "accept" | "y" | "yes" if rest.is_empty() => Ok(Self::Accept),
            "e" | "edit" if rest.is_empty() => Ok(Self::Edit),
            "q" | "quit" | "n" | "no" if rest.is_empty() => Ok(Self::Quit),
            "d" | "drop" if steps == 1 => {
                Err("it is the only step; `q` leaves the plan".to_owned())
            }
            "d" | "drop" if 1 < rest.split_whitespace().count() => {
                Err("one step at a time: those behind it are counted anew".to_owned())
            }
            "d" | "drop" => step(numbers.next()).map(Self::Drop).ok_or_else(range),
            "m" | "move" => match (step(numbers.next()), step(numbers.next())) {
                (Some(from), Some(to)) => Ok(Self::Move(from, to)),
                _ => Err(format!("say which step goes where, as in `m 2 1`: {}", range())),
            },
            "c" | "comment" if rest.is_empty() => {
                Err("say behind the `c` what shall be otherwise".to_owned())
            }
            "c" | "comment" => Ok(Self::Comment(rest.to_owned())),
            _ => Err("say a, e, d N, m N M, c and what shall be otherwise, or q".to_owned()),
        }
    }
}

/// What the person wants done where a step has failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mend {
    Retry,
    Skip,
    Replan,
    Stop,
}

pub(crate) const MEND: &str = "  [r]etry  [s]kip  re[p]lan  [q]uit: ";

impl Mend {
    /// What a line means, or what there is to say.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        match &*line.trim().to_lowercase() {
            "r" | "retry" => Ok(Self::Retry),
            "s" | "skip" => Ok(Self::Skip),
            "p" | "replan" => Ok(Self::Replan),
            "q" | "quit" | "stop" => Ok(Self::Stop),
            _ => Err("say r, s, p or q".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Expect) {
        let parsed = Review::parse(line, 3);
        expected.assert_eq(&parsed.map_or_else(|err| err, |it| format!("{it:?}")));
    }

    #[test]
    fn a_letter_or_a_word_says_what_becomes_of_a_plan() {
        check("a", expect!["Accept"]);
        check(" Edit ", expect!["Edit"]);
        check("d 3", expect!["Drop(2)"]);
        check("move 3. 1", expect!["Move(2, 0)"]);
        check("c use tabs, not blanks", expect![[r#"Comment("use tabs, not blanks")"#]]);
        check("q", expect!["Quit"]);
    }

    #[test]
    fn what_means_nothing_says_what_would() {
        check("", expect!["say a, e, d N, m N M, c and what shall be otherwise, or q"]);
        check("accept it?", expect!["say a, e, d N, m N M, c and what shall be otherwise, or q"]);
        check("d 4", expect!["say a step from 1 to 3"]);
        check("m 1", expect!["say which step goes where, as in `m 2 1`: say a step from 1 to 3"]);
        check("c", expect!["say behind the `c` what shall be otherwise"]);
        assert!(Review::parse("d 1", 1).is_err());
    }

    #[test]
    fn a_checklist_says_what_is_left_and_how_it_is_checked() {
        let step = |what: &str, check, status, gist: &str| PlanStep {
            what: what.to_owned(),
            files: vec!["a.txt".to_owned(), "b.txt".to_owned()],
            check,
            status,
            gist: gist.to_owned(),
        };
        let command = || PlanCheck::Command("make\ttest\nls".to_owned());
        let look = PlanCheck::Look("it \x1b[2J reads well".to_owned());
        let plan = Plan {
            stage: Stage::Accepted,
            goal: "A text".to_owned(),
            steps: vec![
                step("Write it", command(), StepStatus::Done, "`make`: exit 0"),
                step("Test it", command(), StepStatus::Failed, "exit 1"),
                step("Read it", look, StepStatus::Todo, ""),
            ],
            risks: vec!["It is long.".to_owned()],
        };
        colored::control::set_override(false);
        expect![[r#"
            plan: A text
              [x] 1. Write it  `make`: exit 0
              [!] 2. Test it  exit 1
                     a.txt, b.txt
                     run: make test ls
              [ ] 3. Read it
                     a.txt, b.txt
                     look: it ␛[2J reads well
              risk: It is long."#]]
        .assert_eq(&checklist(&plan));
        let line = |status, gist: &str| {
            let mark = Mark { step: 1, status, gist: gist.to_owned(), text: String::new() };
            mark_line(&plan, &mark).unwrap_or_default() + "\n"
        };
        let lines = [
            line(StepStatus::Doing, ""),
            line(StepStatus::Checking, ""),
            line(StepStatus::Done, "exit 0"),
            line(StepStatus::Failed, "exit 1"),
            line(StepStatus::Skipped, ""),
        ];
        expect![[r#"
            step 2 of 3: Test it

            ✓ step 2 of 3 is done: exit 0
            ✗ step 2 of 3 is not done: exit 1
            - step 2 of 3 is left out
        "#]]
        .assert_eq(&lines.concat());
    }
}
