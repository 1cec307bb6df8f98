//! A plan between the model and the person: shown, changed, accepted, and carried out.

use crate::agent::{Course, Desk, Finish, Interrupt, from_markdown, in_time, no_plan, to_markdown};
use crate::cli::Exit;
use crate::cli::editor::Editor;
use crate::cli::report::report;
use crate::cli::serving::Serving;
use crate::cli::surroundings::Surroundings;
use crate::conversation::{Front, Plan, Stage, StepStatus};
use crate::ui::{self, Keyboard, Line, Mend, Review, Screen};

/// Why `--plan` cannot begin a conversation.
pub(super) const NOTHING: &str = "there is nothing to plan\n\
    hint: say what to do, as in: agent --plan \"add a --json flag\"; in a conversation it is `/plan`";

/// Who is asked about a plan.
pub(super) struct Person<'a> {
    pub(super) keyboard: &'a Keyboard,
    pub(super) interrupt: &'a Interrupt,
    /// The program is to end.
    pub(super) leave: &'a Interrupt,
    pub(super) editor: &'a Editor,
}

impl Person<'_> {
    /// What is answered, unless the program is to end first.
    pub(super) async fn question(&self, words: &str) -> Line {
        tokio::select! {
            biased;
            () = self.leave.fired() => {}
            () = self.interrupt.fired() => {}
            line = self.keyboard.question(words) => return line,
        }
        self.keyboard.let_go();
        Line::Interrupted
    }
}

/// What the person makes of a plan.
enum Reviewed {
    Accepted,
    /// The model plans again, told this.
    Again(String),
    Left,
}

/// How far it came.
enum Carried {
    Ended(Exit),
    /// The model plans again what is left, told this.
    Again(String),
}

/// Works on a single prompt by a plan, with whoever sits at the keyboard, and says how far it came.
pub(super) async fn once(
    desk: &mut Desk<Serving, Screen>,
    around: &Surroundings,
    (keyboard, interrupt, leave): (Option<&Keyboard>, &Interrupt, &Interrupt),
    task: &str,
) -> anyhow::Result<Exit> {
    let editor = Editor::new(around);
    let ended = match keyboard {
        None => alone(desk, task).await,
        Some(keyboard) => {
            let person = Person { keyboard, interrupt, leave, editor: &editor };
            together(desk, &person, task).await
        }
    };
    if let Some(plan) = desk.plan() {
        desk.front().exact(&ui::checklist(&plan));
    }
    ended
}

/// Plans and carries out with nobody to ask: the plan is accepted as it is, and a step that fails
/// ends it.
pub(super) async fn alone<F: Front>(
    desk: &mut Desk<Serving, F>,
    task: &str,
) -> anyhow::Result<Exit> {
    // For all of it: the checks between the turns take time as well.
    let (limit, interrupt) = (desk.max_time.take(), desk.interrupt());
    let work = async {
        if let Some(exit) = planned(desk, task).await? {
            return Ok(exit);
        }
        desk.accept();
        anyhow::Ok(match (desk.carry_out().await?, desk.stop()) {
            // A limit that ended a step ends the plan.
            (Course::Halted(_), Some(stop)) => Finish::Stopped(stop).into(),
            (course, _) => course.into(),
        })
    };
    let exit = in_time(limit, &interrupt, work).await?;
    Ok(if interrupt.is_time_up() { Exit::TimeLimit } else { exit })
}

/// The same with a person, who has the last word on the plan and on each step that fails.
pub(super) async fn together(
    desk: &mut Desk<Serving, Screen>,
    person: &Person<'_>,
    task: &str,
) -> anyhow::Result<Exit> {
    person.interrupt.clear();
    match planned(desk, task).await? {
        Some(exit) => Ok(exit),
        None => go_on(desk, person).await,
    }
}

/// Goes on with the plan from where it stands.
pub(super) async fn go_on(
    desk: &mut Desk<Serving, Screen>,
    person: &Person<'_>,
) -> anyhow::Result<Exit> {
    loop {
        person.interrupt.clear();
        let is_proposed = desk.plan().is_some_and(|it| it.stage == Stage::Proposed);
        let reviewed = if is_proposed { review(desk, person).await } else { Reviewed::Accepted };
        person.interrupt.clear();
        let words = match reviewed {
            Reviewed::Left => return Ok(Exit::Cancelled),
            Reviewed::Again(words) => words,
            Reviewed::Accepted => {
                desk.accept();
                match carried(desk, person).await? {
                    Carried::Ended(exit) => return Ok(exit),
                    Carried::Again(words) => words,
                }
            }
        };
        person.interrupt.clear();
        if let Some(exit) = planned(desk, &words).await? {
            return Ok(exit);
        }
    }
}

/// Goes on with what was under way when the program ended, and says where the rest stands.
pub(super) async fn resume(
    desk: &mut Desk<Serving, Screen>,
    person: &Person<'_>,
) -> anyhow::Result<()> {
    let Some(plan) = desk.plan().filter(|it| !it.is_over()) else { return Ok(()) };
    let Some(at) = plan.current() else { return Ok(()) };
    let step = &plan.steps[at];
    match (plan.stage, step.status) {
        (Stage::Noted, _) => {}
        (Stage::Proposed, _) => desk.front().note("a plan waits for your word: `/plan go`"),
        (Stage::Accepted, StepStatus::Doing | StepStatus::Checking) => {
            let (n, of) = (at + 1, plan.steps.len());
            desk.front().note(&format!("the plan is at step {n} of {of}; going on with it"));
            go_on(desk, person).await?;
        }
        (Stage::Accepted, _) => stands(desk),
    }
    Ok(())
}

/// A step that has failed is tried once more.
pub(super) fn retry(desk: &mut Desk<Serving, Screen>) {
    let Some(plan) = desk.plan().filter(|it| it.stage == Stage::Accepted) else { return };
    if let Some(at) = plan.current().filter(|it| plan.steps[*it].status == StepStatus::Failed) {
        desk.mark(at, StepStatus::Todo, "");
    }
}

/// Says where a plan stands that is not carried out to its end.
pub(super) fn stands(desk: &mut Desk<Serving, Screen>) {
    let Some(plan) = desk.plan().filter(|it| it.stage != Stage::Noted) else { return };
    let Some(at) = plan.current() else { return };
    let (n, of, what) = (at + 1, plan.steps.len(), ui::visible_line(&plan.steps[at].what, 60));
    desk.front().note(&format!("the plan stands at step {n} of {of}: {what}; `/plan go` goes on"));
}

/// Has the model plan; how that ended, if it came to no plan.
async fn planned<F: Front>(
    desk: &mut Desk<Serving, F>,
    task: &str,
) -> anyhow::Result<Option<Exit>> {
    let finish = desk.make_plan(task).await?;
    let has_plan = desk.plan().is_some_and(|it| it.stage == Stage::Proposed);
    let is_done = finish == Finish::Done && has_plan;
    Ok((!is_done).then(|| no_plan(finish).into()))
}

async fn review(desk: &mut Desk<Serving, Screen>, person: &Person<'_>) -> Reviewed {
    // What the person has written and could not be read.
    let mut draft = None;
    let mut is_changed = false;
    loop {
        let Some(mut plan) = desk.plan() else { return Reviewed::Left };
        let line = match person.question(ui::REVIEW).await {
            Line::Entered(line) => line,
            Line::Interrupted | Line::Edit(_) | Line::End | Line::Failed(_) => {
                return Reviewed::Left;
            }
        };
        match Review::parse(&line, plan.steps.len()) {
            Err(why) => {
                desk.front().note(&format!("  {why}"));
                continue;
            }
            Ok(Review::Accept) => return Reviewed::Accepted,
            Ok(Review::Quit) => return Reviewed::Left,
            Ok(Review::Comment(words)) => {
                return Reviewed::Again(words_to_change(
                    &words,
                    Some(&plan).filter(|_| is_changed),
                ));
            }
            Ok(Review::Drop(step)) => {
                plan.steps.remove(step);
            }
            Ok(Review::Move(from, to)) => {
                let step = plan.steps.remove(from);
                plan.steps.insert(to, step);
            }
            Ok(Review::Edit) => {
                let text = draft.take().unwrap_or_else(|| to_markdown(&plan));
                let _paused = person.keyboard.pause();
                match person.editor.edit("plan.md", &text).await {
                    Err(err) => {
                        report(&err);
                        continue;
                    }
                    Ok(text) => match from_markdown(&text) {
                        Ok(edited) => plan = edited,
                        Err(why) => {
                            let why = ui::visible_line(&why, 200);
                            desk.front().note(&format!("  {why}; `e` opens it again"));
                            draft = Some(text);
                            continue;
                        }
                    },
                }
            }
        }
        draft = None;
        is_changed = true;
        desk.set_plan(plan);
    }
}

/// Carries out what was accepted; the person says what becomes of a step that fails.
async fn carried(desk: &mut Desk<Serving, Screen>, person: &Person<'_>) -> anyhow::Result<Carried> {
    loop {
        let step = match desk.carry_out().await? {
            Course::Halted(step) => step,
            ended @ (Course::Over | Course::Stopped) => return Ok(Carried::Ended(ended.into())),
        };
        match mend(desk, person).await {
            Mend::Retry => desk.mark(step, StepStatus::Todo, ""),
            Mend::Skip => desk.mark(step, StepStatus::Skipped, ""),
            Mend::Replan => return Ok(Carried::Again(words_to_replan(desk.plan(), step))),
            Mend::Stop => return Ok(Carried::Ended(Exit::GaveUp)),
        }
        person.interrupt.clear();
    }
}

async fn mend(desk: &mut Desk<Serving, Screen>, person: &Person<'_>) -> Mend {
    loop {
        match person.question(ui::MEND).await {
            Line::Entered(line) => match Mend::parse(&line) {
                Ok(mend) => return mend,
                Err(why) => desk.front().note(&format!("  {why}")),
            },
            Line::Interrupted | Line::Edit(_) | Line::End | Line::Failed(_) => return Mend::Stop,
        }
    }
}

/// The model does not know yet what the person has changed by hand.
fn words_to_change(words: &str, changed: Option<&Plan>) -> String {
    let words = format!("{words}\n\nChange the plan accordingly.");
    match changed {
        None => words,
        Some(plan) => format!("I have changed the plan. It is now:\n{}\n{words}", plan.in_words()),
    }
}

fn words_to_replan(plan: Option<Plan>, step: usize) -> String {
    let plan = plan.unwrap_or_default();
    let failed = plan.steps.get(step);
    let (what, gist) = failed.map_or(("", ""), |it| (&it.what, &it.gist));
    format!(
        "Step {} of the plan could not be done as it was planned: {what} ({gist}).\n\
         This is how far it came:\n{}\nPlan anew what is left to do.",
        step + 1,
        plan.in_words()
    )
}

impl From<Course> for Exit {
    fn from(course: Course) -> Self {
        match course {
            Course::Over => Self::Done,
            Course::Halted(_) => Self::GaveUp,
            Course::Stopped => Self::Cancelled,
        }
    }
}
