//! Replies that have a form: the schema a server holds the model to, and the reading of what comes,
//! also from servers that hold it to nothing.

use serde::Deserialize;

use crate::conversation::{Form, Plan, PlanCheck, PlanStep, Stage, StepStatus};
use crate::tools;

/// What asks for a plan.
const PLAN_WORDS: &str = include_str!("../../../prompts/plan_form.md");

/// Plain, for large schemas break grammars; the order is that of the words above.
const PLAN: &str = r#"{"type":"object","properties":{"goal":{"type":"string"},"steps":{"type":"array","minItems":1,"items":{"type":"object","properties":{"what":{"type":"string"},"files":{"type":"array","items":{"type":"string"}},"run":{"type":"string"},"look":{"type":"string"}},"required":["what","files","run","look"],"additionalProperties":false}},"risks":{"type":"array","items":{"type":"string"}}},"required":["goal","steps","risks"],"additionalProperties":false}"#;

const VERDICT: &str = r#"{"type":"object","properties":{"holds":{"type":"boolean"},"why":{"type":"string"}},"required":["holds","why"],"additionalProperties":false}"#;

/// More is no plan that anybody reads.
const MOST: usize = 30;

pub(in crate::agent) fn schema(form: Form) -> &'static str {
    match form {
        Form::Plan => PLAN,
        Form::Verdict => VERDICT,
    }
}

/// The words that ask for a plan; after a reply that was none, with what was wrong.
pub(in crate::agent) fn words_for_plan(complaint: Option<&str>) -> String {
    let words = PLAN_WORDS.trim_end();
    match complaint {
        None => words.to_owned(),
        Some(complaint) => format!("That is no plan: {complaint}.\n\n{words}"),
    }
}

#[derive(Deserialize)]
struct PlanForm {
    #[serde(default)]
    goal: String,
    steps: Vec<StepForm>,
    #[serde(default)]
    risks: Vec<String>,
}

/// With the names that models use where no schema holds them.
#[derive(Deserialize)]
#[serde(untagged)]
enum StepForm {
    Words(String),
    Full {
        #[serde(alias = "step", alias = "title", alias = "description")]
        what: String,
        #[serde(default, alias = "where")]
        files: Vec<String>,
        #[serde(default, alias = "command", alias = "check")]
        run: Option<String>,
        #[serde(default)]
        look: Option<String>,
    },
}

/// The plan that a reply holds; or what is wrong with it.
pub(in crate::agent) fn plan(text: &str) -> Result<Plan, String> {
    let value = tools::json_in(text).ok_or("there is no JSON object in it")?;
    let form: PlanForm = serde_json::from_value(value)
        .map_err(|_| "it has no list `steps`, each with `what`, `files`, `run` and `look`")?;
    let steps: Vec<_> = form.steps.into_iter().map(step).collect();
    if steps.is_empty() {
        return Err("it has no steps".to_owned());
    }
    if MOST < steps.len() {
        return Err(format!("{} steps are too many: at most {MOST}", steps.len()));
    }
    if let Some(at) = steps.iter().position(|it| it.what.is_empty()) {
        return Err(format!("step {} does not say what is to be done", at + 1));
    }
    let risks = form.risks.iter().map(|it| one_line(it)).filter(|it| !it.is_empty()).collect();
    Ok(Plan { stage: Stage::Proposed, goal: one_line(&form.goal), steps, risks })
}

fn step(form: StepForm) -> PlanStep {
    let (what, files, run, look) = match form {
        StepForm::Words(what) => (what, Vec::new(), None, None),
        StepForm::Full { what, files, run, look } => (what, files, run, look),
    };
    let filled = |it: Option<String>| it.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
    let check = match (filled(run), filled(look)) {
        (Some(command), _) => PlanCheck::Command(command),
        (None, Some(look)) => PlanCheck::Look(one_line(&look)),
        (None, None) => PlanCheck::Nothing,
    };
    let files = files.iter().map(|it| one_line(it)).filter(|it| !it.is_empty()).collect();
    PlanStep { what: one_line(&what), files, check, status: StepStatus::Todo, gist: String::new() }
}

/// Words of a plan stand in a list.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether it holds, and why; `None` if the reply does not say.
pub(super) fn verdict(text: &str) -> Option<(bool, String)> {
    #[derive(Deserialize)]
    struct VerdictForm {
        holds: bool,
        #[serde(default)]
        why: String,
    }
    let form: VerdictForm = serde_json::from_value(tools::json_in(text)?).ok()?;
    Some((form.holds, one_line(&form.why)))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let read = plan(text).map(|it| format!("{}risks {:?}", it.in_words(), it.risks));
        expected.assert_eq(&read.unwrap_or_else(|err| format!("no plan: {err}")));
    }

    #[test]
    fn a_plan_in_its_form_is_read() {
        check(
            r#"{"goal":"Mend it","steps":[{"what":"Read\nall","files":["a.rs",""],"run":"","look":""},{"what":"Write","files":[],"run":" make test ","look":"x"},{"what":"Say","files":[],"run":"","look":"it is said"}],"risks":["none"]}"#,
            expect![[r#"
                Goal: Mend it
                [ ] 1. Read all
                    files: a.rs
                [ ] 2. Write
                    run: make test
                [ ] 3. Say
                    look: it is said
                risks ["none"]"#]],
        );
    }

    #[test]
    fn words_around_it_and_other_names_are_read_too() {
        check(
            "Here is the plan:\n```json\n{goal: 'Mend it', steps: ['Look', {'step': 'Write', 'command': 'make',}]}\n```\nShall I?",
            expect![[r#"
                Goal: Mend it
                [ ] 1. Look
                [ ] 2. Write
                    run: make
                risks []"#]],
        );
    }

    #[test]
    fn what_is_no_plan_says_why() {
        check("I will just do it.", expect!["no plan: there is no JSON object in it"]);
        check(r#"{"goal":"x","steps":[]}"#, expect!["no plan: it has no steps"]);
        check(
            r#"{"goal":"x"}"#,
            expect!["no plan: it has no list `steps`, each with `what`, `files`, `run` and `look`"],
        );
        check(r#"{"steps":["a"," "]}"#, expect!["no plan: step 2 does not say what is to be done"]);
        let many = serde_json::json!({ "steps": vec!["a"; 31] }).to_string();
        check(&many, expect!["no plan: 31 steps are too many: at most 30"]);
    }

    #[test]
    fn a_verdict_is_yes_or_no() {
        let yes = verdict(r#"{"holds": true, "why": "it is\nthere"}"#);
        assert_eq!(yes, Some((true, "it is there".to_owned())));
        assert_eq!(verdict("So: {\"holds\":false}"), Some((false, String::new())));
        assert_eq!(verdict("yes"), None);
    }

    #[test]
    fn schemas_are_json() {
        for form in [Form::Plan, Form::Verdict] {
            serde_json::from_str::<serde_json::Value>(schema(form)).unwrap();
        }
    }
}
