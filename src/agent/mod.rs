//! The loop: decide the next step, take it, write it down, show it.

mod desk;
mod grants;
mod guard;
mod interrupt;
mod log;
mod measure;
mod plan;
mod prompt;
mod reach;
mod room;
mod step;
mod turn;

pub(crate) use desk::Desk;
pub(crate) use grants::Grants;
pub(crate) use interrupt::Interrupt;
pub(crate) use log::Log;
pub(crate) use plan::{Course, from_markdown, no_plan, to_markdown};
pub(crate) use prompt::{Facts, system_prompt};
pub(crate) use reach::{Host, Reach};
pub(crate) use step::Rules;
pub(crate) use turn::Finish;
