//! The form on disk of plans and how far they have come: a part of [`crate::session::record`], under
//! the same promise.

use serde::{Deserialize, Serialize};

use crate::conversation::{self, PlanCheck, PlanStep};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    #[serde(default)]
    stage: Stage,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    goal: String,
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    risks: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    #[default]
    Noted,
    Proposed,
    Accepted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Step {
    what: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<String>,
    /// The command that checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// What the model looks at, where there is no command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    look: Option<String>,
    #[serde(default)]
    status: Status,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    gist: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    #[default]
    Todo,
    Doing,
    Checking,
    Done,
    Failed,
    Skipped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    step: usize,
    status: Status,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    gist: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    Plan,
    Verdict,
}

impl From<conversation::Plan> for Plan {
    fn from(plan: conversation::Plan) -> Self {
        let conversation::Plan { stage, goal, steps, risks } = plan;
        let steps = steps.into_iter().map(Step::from).collect();
        Self { stage: stage.into(), goal, steps, risks }
    }
}

impl From<Plan> for conversation::Plan {
    fn from(plan: Plan) -> Self {
        let Plan { stage, goal, steps, risks } = plan;
        let steps = steps.into_iter().map(PlanStep::from).collect();
        Self { stage: stage.into(), goal, steps, risks }
    }
}

impl From<PlanStep> for Step {
    fn from(step: PlanStep) -> Self {
        let PlanStep { what, files, check, status, gist } = step;
        let (run, look) = match check {
            PlanCheck::Nothing => (None, None),
            PlanCheck::Command(it) => (Some(it), None),
            PlanCheck::Look(it) => (None, Some(it)),
        };
        Self { what, files, run, look, status: status.into(), gist }
    }
}

impl From<Step> for PlanStep {
    fn from(step: Step) -> Self {
        let Step { what, files, run, look, status, gist } = step;
        let check = match (run, look) {
            (Some(it), _) => PlanCheck::Command(it),
            (None, Some(it)) => PlanCheck::Look(it),
            (None, None) => PlanCheck::Nothing,
        };
        Self { what, files, check, status: status.into(), gist }
    }
}

impl From<conversation::Mark> for Mark {
    fn from(conversation::Mark { step, status, gist, text }: conversation::Mark) -> Self {
        Self { step, status: status.into(), gist, text }
    }
}

impl From<Mark> for conversation::Mark {
    fn from(Mark { step, status, gist, text }: Mark) -> Self {
        Self { step, status: status.into(), gist, text }
    }
}

/// The same names on both sides; the compiler sees to it that none is forgotten.
macro_rules! mirror {
    ($ours:ident is $theirs:ident: $($variant:ident),+) => {
        impl From<conversation::$theirs> for $ours {
            fn from(it: conversation::$theirs) -> Self {
                match it { $(conversation::$theirs::$variant => Self::$variant,)+ }
            }
        }

        impl From<$ours> for conversation::$theirs {
            fn from(it: $ours) -> Self {
                match it { $($ours::$variant => Self::$variant,)+ }
            }
        }
    };
}

mirror!(Stage is Stage: Noted, Proposed, Accepted);
mirror!(Status is StepStatus: Todo, Doing, Checking, Done, Failed, Skipped);
mirror!(Form is Form: Plan, Verdict);

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use crate::conversation::{Mark, Plan, PlanCheck, PlanStep, Stage, StepStatus};

    fn status() -> impl Strategy<Value = StepStatus> {
        use StepStatus::*;
        prop::sample::select(vec![Todo, Doing, Checking, Done, Failed, Skipped])
    }

    /// Any plan at all.
    pub(crate) fn plan() -> impl Strategy<Value = Plan> {
        let text = any::<String>;
        let check = prop_oneof![
            Just(PlanCheck::Nothing),
            text().prop_map(PlanCheck::Command),
            text().prop_map(PlanCheck::Look),
        ];
        let files = prop::collection::vec(text(), 0..3);
        let step = (text(), files, check, status(), text()).prop_map(
            |(what, files, check, status, gist)| PlanStep { what, files, check, status, gist },
        );
        let stage = prop::sample::select(vec![Stage::Noted, Stage::Proposed, Stage::Accepted]);
        let (steps, risks) =
            (prop::collection::vec(step, 0..3), prop::collection::vec(text(), 0..2));
        (stage, text(), steps, risks).prop_map(|(stage, goal, steps, risks)| Plan {
            stage,
            goal,
            steps,
            risks,
        })
    }

    /// Any mark.
    pub(crate) fn mark() -> impl Strategy<Value = Mark> {
        (any::<(usize, String, String)>(), status()).prop_map(|((step, gist, text), status)| Mark {
            step,
            status,
            gist,
            text,
        })
    }
}
