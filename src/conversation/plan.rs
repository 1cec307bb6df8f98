//! A plan: what is to be reached, in which steps, and how each is known to be done.

use std::fmt::Write;

use crate::conversation::Entry;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) stage: Stage,
    pub(crate) goal: String,
    pub(crate) steps: Vec<PlanStep>,
    /// What may go wrong.
    pub(crate) risks: Vec<String>,
}

/// Whose plan it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Stage {
    /// The model's own, for its own use: nobody waits for it.
    #[default]
    Noted,
    /// Put before the person.
    Proposed,
    /// The person wants it done, step by step.
    Accepted,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PlanStep {
    pub(crate) what: String,
    /// Where: files and folders of the project.
    pub(crate) files: Vec<String>,
    pub(crate) check: PlanCheck,
    pub(crate) status: StepStatus,
    /// What came of it, in a few words.
    pub(crate) gist: String,
}

/// How a step is known to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum PlanCheck {
    /// By the word of the model.
    #[default]
    Nothing,
    /// This command succeeds.
    Command(String),
    /// The model looks whether this holds.
    Look(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum StepStatus {
    #[default]
    Todo,
    Doing,
    /// The command of its check runs. Without a later mark, how it ended is unknown.
    Checking,
    Done,
    Failed,
    Skipped,
}

/// How far a step of the plan has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mark {
    /// Counted from 0.
    pub(crate) step: usize,
    pub(crate) status: StepStatus,
    /// What came of it, for the person, in a few words.
    pub(crate) gist: String,
    /// The same for the model, in full.
    pub(crate) text: String,
}

impl Stage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Noted => "noted",
            Self::Proposed => "proposed",
            Self::Accepted => "accepted",
        }
    }
}

impl StepStatus {
    /// Nothing is left to do.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Skipped)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Doing => "doing",
            Self::Checking => "checking",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// As it stands before a step in a list.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Todo => "[ ]",
            Self::Doing | Self::Checking => "[>]",
            Self::Done => "[x]",
            Self::Failed => "[!]",
            Self::Skipped => "[-]",
        }
    }
}

impl Plan {
    /// The plan as it stands after these entries, if there is one.
    pub(crate) fn of(entries: &[Entry]) -> Option<Self> {
        let planned = |it: &Entry| match it {
            Entry::Planned(plan) => Some(plan.clone()),
            _ => None,
        };
        let at = entries.iter().rposition(|it| matches!(it, Entry::Planned(_)))?;
        let mut plan = planned(&entries[at])?;
        for entry in &entries[at..] {
            if let Entry::Marked(mark) = entry {
                plan.mark(mark);
            }
        }
        Some(plan)
    }

    pub(crate) fn mark(&mut self, mark: &Mark) {
        if let Some(step) = self.steps.get_mut(mark.step) {
            step.status = mark.status;
            step.gist.clone_from(&mark.gist);
        }
    }

    /// The step that is to be done, or mended, next.
    pub(crate) fn current(&self) -> Option<usize> {
        self.steps.iter().position(|it| !it.status.is_over())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.current().is_none()
    }

    /// How many steps need no more work.
    pub(crate) fn over(&self) -> usize {
        self.steps.iter().filter(|it| it.status.is_over()).count()
    }

    /// The same work, whoever it was put before and however far it has come.
    pub(crate) fn is_same_work(&self, other: &Self) -> bool {
        let work = |it: &PlanStep| (it.what.clone(), it.files.clone(), it.check.clone());
        self.goal == other.goal && self.steps.iter().map(work).eq(other.steps.iter().map(work))
    }

    /// The plan with what the model says of it. Of a plan that is carried out no step is lost, and
    /// whether one is done its check says; new steps come where the model puts them. One that waits for
    /// the person stays as it is. Any other plan is what the model says last.
    pub(crate) fn revised(self, said: Vec<(String, StepStatus)>) -> Self {
        let step = |(what, status)| PlanStep { what, status, ..PlanStep::default() };
        let is_under_way = self.steps.iter().any(|it| it.status == StepStatus::Doing);
        if self.stage != Stage::Noted && !is_under_way && !self.is_over() {
            return self;
        }
        if self.stage != Stage::Accepted || !is_under_way {
            return Self { steps: said.into_iter().map(step).collect(), ..Self::default() };
        }
        let mut plan = self;
        let mut place = 0;
        for (what, status) in said {
            match plan.steps.iter().position(|it| same(&it.what, &what)) {
                Some(at) => {
                    let known = &mut plan.steps[at];
                    if known.check == PlanCheck::Nothing
                        && known.status == StepStatus::Todo
                        && status == StepStatus::Done
                    {
                        known.status = status;
                    }
                    place = at + 1;
                }
                None => {
                    // Before a step that is being done nothing new can be done.
                    let begun = plan.steps.iter().rposition(|it| it.status != StepStatus::Todo);
                    place = place.max(begun.map_or(0, |it| it + 1)).min(plan.steps.len());
                    let status = if status == StepStatus::Done { status } else { StepStatus::Todo };
                    plan.steps.insert(place, step((what, status)));
                    place += 1;
                }
            }
        }
        plan
    }

    /// As the model reads it.
    pub(crate) fn in_words(&self) -> String {
        let mut text = String::new();
        if !self.goal.is_empty() {
            let _ = writeln!(text, "Goal: {}", self.goal);
        }
        for (n, step) in self.steps.iter().enumerate() {
            let _ = writeln!(text, "{} {}. {}", step.status.sign(), n + 1, step.what);
            if step.status.is_over() {
                continue;
            }
            if !step.files.is_empty() {
                let _ = writeln!(text, "    files: {}", step.files.join(", "));
            }
            match &step.check {
                PlanCheck::Nothing => {}
                PlanCheck::Command(command) => {
                    let _ = writeln!(text, "    run: {command}");
                }
                PlanCheck::Look(what) => {
                    let _ = writeln!(text, "    look: {what}");
                }
            }
        }
        text
    }
}

/// The same words, however they are set.
fn same(a: &str, b: &str) -> bool {
    let plain = |it: &str| {
        let words = it.trim().trim_end_matches('.').to_lowercase();
        words.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn accepted() -> Plan {
        let step = |what: &str, check, status| PlanStep {
            what: what.to_owned(),
            check,
            status,
            ..PlanStep::default()
        };
        let command = PlanCheck::Command("make test".to_owned());
        let steps = vec![
            step("Read it", PlanCheck::Nothing, StepStatus::Done),
            step("Write it", command, StepStatus::Doing),
            step("Say it", PlanCheck::Nothing, StepStatus::Todo),
        ];
        let goal = "Mend it".to_owned();
        Plan { stage: Stage::Accepted, goal, steps, risks: Vec::new() }
    }

    /// What the model says: `what=status`, one a line.
    #[track_caller]
    fn check(plan: Plan, said: &str, expected: Expect) {
        let status = |it| match it {
            "done" => StepStatus::Done,
            "doing" => StepStatus::Doing,
            _ => StepStatus::Todo,
        };
        let said = said.split(", ").map(|it| it.split_once('=').unwrap());
        let said = said.map(|(what, it)| (what.to_owned(), status(it))).collect();
        expected.assert_eq(&plan.revised(said).in_words());
    }

    #[test]
    fn a_plan_of_its_own_is_what_the_model_says() {
        check(
            Plan::default(),
            "Look=done, Mend=doing, Test=todo",
            expect![[r#"
                [x] 1. Look
                [>] 2. Mend
                [ ] 3. Test
            "#]],
        );
    }

    #[test]
    fn a_plan_that_waits_for_the_person_stays_as_it_is() {
        let mut halted = accepted();
        halted.steps[1].status = StepStatus::Failed;
        check(
            halted,
            "Look why=done",
            expect![[r#"
            Goal: Mend it
            [x] 1. Read it
            [!] 2. Write it
                run: make test
            [ ] 3. Say it
        "#]],
        );
        let mut proposed = Plan { stage: Stage::Proposed, ..accepted() };
        proposed.steps[1].status = StepStatus::Todo;
        check(
            proposed,
            "Look why=done",
            expect![[r#"
            Goal: Mend it
            [x] 1. Read it
            [ ] 2. Write it
                run: make test
            [ ] 3. Say it
        "#]],
        );
    }

    #[test]
    fn of_a_plan_that_was_accepted_no_step_is_lost_or_done_by_a_word() {
        check(
            accepted(),
            "write it.=done, Say it=done",
            expect![[r#"
                Goal: Mend it
                [x] 1. Read it
                [>] 2. Write it
                    run: make test
                [x] 3. Say it
            "#]],
        );
    }

    #[test]
    fn new_steps_come_behind_what_was_begun() {
        check(
            accepted(),
            "Ask=doing, Write it=doing, Format it=todo, Say it=todo, Go home=todo",
            expect![[r#"
                Goal: Mend it
                [x] 1. Read it
                [>] 2. Write it
                    run: make test
                [ ] 3. Format it
                [ ] 4. Ask
                [ ] 5. Say it
                [ ] 6. Go home
            "#]],
        );
    }

    #[test]
    fn marks_say_how_far_it_has_come() {
        let mark = |step, status| Entry::Marked(Mark { step, status, ..Mark::default() });
        let entries = [
            Entry::Planned(Plan::default()),
            mark(0, StepStatus::Failed),
            Entry::Planned(accepted()),
            mark(1, StepStatus::Done),
            mark(9, StepStatus::Done),
        ];
        let plan = Plan::of(&entries).unwrap();
        assert_eq!((plan.over(), plan.current()), (2, Some(2)));
        assert_eq!(Plan::of(&entries[..1]), Some(Plan::default()));
        assert_eq!(Plan::of(&[]), None);
    }
}
