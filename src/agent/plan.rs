//! A plan: asked for, put before the person, carried out step by step.
//!
//! A desk works on a plan as it works on prompts, only that the program speaks: each step is a turn,
//! and what the plan says of its check decides whether the next one begins. All of it is in the
//! transcript, so that a session that was killed goes on from there.

mod course;
mod form;
mod markdown;

use crate::agent::plan::course::{Following, STOPPED, following};
use crate::agent::step::Rules;
use crate::agent::turn::{Finish, World};
use crate::agent::{Desk, Host};
use crate::conversation::{
    Call, Decision, Entry, Form, Front, Mark, Plan, Stage, Stakes, Status, StepStatus, Stop,
    Transcript,
};
use crate::permission::Verdict;
use crate::tools;

pub(in crate::agent) use form::{plan as read, schema, words_for_plan};
pub(crate) use markdown::{from_markdown, to_markdown};

/// How far a plan was carried out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Course {
    /// To its end; or there is none.
    Over,
    /// This step has failed.
    Halted(usize),
    /// The person stopped it.
    Stopped,
}

impl<H: Host, F: Front> Desk<H, F> {
    /// The plan as it stands.
    pub(crate) fn plan(&self) -> Option<Plan> {
        Plan::of(self.transcript.entries())
    }

    /// Has the model look around and put a plan before the person.
    pub(crate) async fn make_plan(&mut self, task: &str) -> anyhow::Result<Finish> {
        let words = format!("{}\n\n{}", task.trim_end(), self.reach.wording.plan.trim_end());
        self.say(&[Entry::Planning], words, &[]).await
    }

    /// What the person said of the task in a prompt that was to be planned.
    pub(crate) fn task_of<'a>(&self, words: &'a str) -> &'a str {
        words.strip_suffix(self.reach.wording.plan.trim_end()).unwrap_or(words).trim_end()
    }

    /// The plan is now this one.
    pub(crate) fn set_plan(&mut self, plan: Plan) {
        self.write(vec![Entry::Planned(plan)]);
    }

    /// The person wants it done.
    pub(crate) fn accept(&mut self) {
        if let Some(plan) = self.plan().filter(|it| it.stage == Stage::Proposed) {
            self.set_plan(Plan { stage: Stage::Accepted, ..plan });
        }
    }

    /// What becomes of a step by the person's word.
    pub(crate) fn mark(&mut self, step: usize, status: StepStatus, gist: &str) {
        let mark = Mark { step, status, gist: gist.to_owned(), text: String::new() };
        self.write(vec![Entry::Marked(mark)]);
    }

    /// Does step after step of a plan that was accepted, from where it stands.
    pub(crate) async fn carry_out(&mut self) -> anyhow::Result<Course> {
        loop {
            if self.is_mid_turn() {
                self.go_on().await?;
            }
            match following(self.transcript.entries()) {
                Following::Nothing => return Ok(Course::Over),
                Following::Halted(step) => {
                    let plan = self.plan();
                    let was_stopped = plan.is_some_and(|it| it.steps[step].gist == STOPPED);
                    return Ok(if was_stopped { Course::Stopped } else { Course::Halted(step) });
                }
                Following::Begin { step, words } => {
                    let doing = Mark { step, status: StepStatus::Doing, ..Mark::default() };
                    self.say(&[], words, &[Entry::Marked(doing)]).await?;
                }
                Following::Check { step, command } => {
                    let mark = self.check(step, &command).await;
                    self.write(vec![Entry::Marked(mark)]);
                }
                Following::Judge { words } => {
                    self.write(vec![Entry::Wanted { form: Form::Verdict, words }]);
                    self.go_on().await?;
                }
                Following::Mark(mark) => self.write(vec![Entry::Marked(mark)]),
            }
        }
    }

    /// Runs the command that says whether a step is done, as if the model had called it.
    async fn check(&mut self, step: usize, command: &str) -> Mark {
        let args = serde_json::json!({ "command": command }).to_string();
        let call = Call { id: "check".to_owned(), tool: "run_command".to_owned(), args };
        let failed = |gist: &str, text: &str| Mark {
            step,
            status: StepStatus::Failed,
            gist: gist.to_owned(),
            text: text.to_owned(),
        };
        match self.rules.judge(&call) {
            Verdict::Allow => {}
            Verdict::Refuse { why, gist } => return failed(gist, &why),
            Verdict::Ask(stakes) => match self.reach.approve(&call, &fixed(stakes)).await {
                Some(Decision::Allowed | Decision::Always(_)) => {}
                Some(Decision::Nobody) => return failed("nobody is there to allow its check", ""),
                Some(Decision::Changed(_)) => return failed("its check is another now", ""),
                Some(Decision::Denied(why)) if why.is_empty() => {
                    return failed("you did not allow its check", "");
                }
                Some(Decision::Denied(why)) => return failed(&format!("you said: {why}"), &why),
                None => return failed(STOPPED, ""),
            },
        }
        let checking = Mark { step, status: StepStatus::Checking, ..Mark::default() };
        self.write(vec![Entry::Marked(checking)]);
        if let Err(reason) = self.reach.secure().await {
            return failed(&format!("the session cannot be written: {reason}"), "");
        }
        self.begin_turn();
        let outcomes = self.reach.run(std::slice::from_ref(&call)).await;
        let outcome = outcomes.into_iter().next().expect("each call has an outcome");
        outcome.notices.iter().for_each(|it| self.reach.warn(it));
        match outcome.status {
            Status::Done => Mark {
                step,
                status: StepStatus::Done,
                gist: format!("`{command}`: {}", outcome.gist),
                text: outcome.text,
            },
            Status::Cancelled => failed(STOPPED, ""),
            _ => failed(&format!("`{command}`: {}", outcome.gist), &outcome.text),
        }
    }
}

/// The check of a step is what the plan says, which the person has agreed to.
fn fixed(stakes: Stakes) -> Stakes {
    Stakes { is_fixed: true, ..stakes }
}

/// The plan as these entries change it: results of calls of the newest reply, of `update_plan` among
/// them.
pub(in crate::agent) fn noted(
    rules: &Rules,
    transcript: &Transcript,
    results: &[Entry],
) -> Option<Plan> {
    let reply = transcript.reply()?;
    let done = results.iter().rev().filter_map(|it| match it {
        Entry::Result { call, outcome } if outcome.status == Status::Done => Some(call),
        _ => None,
    });
    let said = done
        .filter_map(|id| reply.calls.iter().find(|it| it.id == *id))
        .find_map(|it| tools::plan_said(&tools::understand(it, &rules.tools).ok()?.call))?;
    Some(Plan::of(transcript.entries()).unwrap_or_default().revised(said))
}

/// How a turn ended that was to come to a plan, where it came to none.
pub(crate) fn no_plan(finish: Finish) -> Finish {
    match finish {
        Finish::Done => Finish::Stopped(Stop::NoPlan),
        stopped @ Finish::Stopped(_) => stopped,
    }
}
