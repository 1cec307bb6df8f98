//! What survives: the journal of a session, and the place where journals are kept.
//!
//! The journal is the truth and is only ever appended to; whatever is found in it is read as far as
//! it can be, and what cannot is reported, never a reason to give up the rest.

mod choose;
mod copy;
mod damage;
mod date;
mod document;
mod held;
mod journal;
mod line;
mod markdown;
mod name;
mod page;
mod planned;
mod record;
mod redact;
mod replay;
mod search;
mod store;
mod summary;
#[cfg(test)]
mod tests;

pub(crate) use damage::Damage;
pub(crate) use date::civil;
pub(crate) use document::document;
pub(crate) use held::Held;
pub(crate) use journal::Journal;
pub(crate) use markdown::markdown;
pub(crate) use page::page;
pub(crate) use redact::Secrets;
pub(crate) use replay::Replay;
pub(crate) use search::{Hit, has_all, search};
pub(crate) use store::{Opened, Store};
pub(crate) use summary::Summary;
