//! What was said and done: the vocabulary every other module speaks.
//!
//! Plain values. Nothing here reads, writes, waits or prints.

mod context;
mod entry;
mod event;
mod leave;
mod plan;
mod question;
mod tool;
mod transcript;
mod view;

pub(crate) use context::{Context, Part};
pub(crate) use entry::{
    Beside, Call, Condensed, Decision, End, Entry, Form, Outcome, Pruned, Reply, Status, Stop,
    Usage,
};
pub(crate) use event::{Event, Front, Piece, Progress};
pub(crate) use leave::{Changed, Consent, FileChange, Stakes};
pub(crate) use plan::{Mark, Plan, PlanCheck, PlanStep, Stage, StepStatus};
pub(crate) use question::{Answer, Meaning, Question};
pub(crate) use tool::{Effect, Permission, ToolSpec};
pub(crate) use transcript::{CallState, Prompted, Transcript};
pub(crate) use view::{Shown, length, view};
