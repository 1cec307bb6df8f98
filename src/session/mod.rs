//! What survives: the journal of a session, and the place where journals are kept.
//!
//! The journal is the truth and is only ever appended to; whatever is found in it is read as far as
//! it can be, and what cannot is reported, never a reason to give up the rest.

mod damage;
mod journal;
mod line;
mod markdown;
mod planned;
mod record;
mod replay;
mod store;
mod summary;

pub(crate) use damage::Damage;
pub(crate) use journal::Journal;
pub(crate) use markdown::markdown;
pub(crate) use store::Store;
pub(crate) use summary::Summary;
