//! The loop: decide the next step, take it, write it down, show it.

mod desk;
mod form;
mod grants;
mod guard;
mod inquiry;
mod interrupt;
mod leave;
mod line;
mod log;
mod measure;
mod plan;
mod prompt;
mod proof;
mod reach;
mod rereading;
mod room;
mod step;
mod turn;
mod wishes;

pub(crate) use desk::{Desk, abandoned, in_time};
pub(crate) use form::Form;
pub(crate) use grants::Grants;
pub(crate) use interrupt::Interrupt;
pub(crate) use log::Log;
pub(crate) use plan::{Course, from_markdown, no_plan, to_markdown};
pub(crate) use prompt::{Facts, SYSTEM, Wording, about, system_prompt};
pub(crate) use proof::{Proof, claims_form};
pub(crate) use reach::{Host, Reach};
pub(crate) use rereading::rereading;
pub(crate) use step::Rules;
pub(crate) use turn::Finish;
pub(crate) use wishes::Wishes;
