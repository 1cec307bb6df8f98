//! `update_plan`: the steps of a long task, kept in view. What is kept is no business of the tool: it
//! only says what was understood.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::conversation::{Call, Plan, Stage, StepStatus};
use crate::tools::Failure;
use crate::tools::answer::Answer;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Step {
    step: String,
    status: Status,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    Todo,
    Doing,
    Done,
}

/// More is no plan any more.
const MOST: usize = 50;

pub(super) fn update(args: Args) -> Result<Answer, Failure> {
    let steps = said(args);
    if steps.is_empty() {
        return Err(Failure::new("`steps` is empty", "no steps"));
    }
    if MOST < steps.len() {
        let text = format!("{} steps are too many: give at most {MOST}", steps.len());
        return Err(Failure::new(text, "too many steps"));
    }
    let plan = Plan { stage: Stage::Noted, ..Plan::default() }.revised(steps);
    let gist = format!("{} of {} done", plan.over(), plan.steps.len());
    Ok(Answer { text: plan.in_words(), gist })
}

fn said(args: Args) -> Vec<(String, StepStatus)> {
    let step = |Step { step, status }| {
        let status = match status {
            Status::Todo => StepStatus::Todo,
            Status::Doing => StepStatus::Doing,
            Status::Done => StepStatus::Done,
        };
        (step, status)
    };
    let one_line = |it: String| it.split_whitespace().collect::<Vec<_>>().join(" ");
    let all = args.steps.into_iter().map(step).map(|(step, status)| (one_line(step), status));
    all.filter(|(step, _)| !step.is_empty()).collect()
}

/// The steps that a call says, if it is one of this tool.
pub(crate) fn steps(call: &Call) -> Option<Vec<(String, StepStatus)>> {
    let args = serde_json::from_str(&call.args).ok().filter(|_| call.tool == "update_plan")?;
    Some(said(args))
}
