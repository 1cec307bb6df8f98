//! Who may do what: the person's rules, what they mean for a call, and what of a project is believed.
//!
//! Pure but for [`Consent`], which is kept on disk. What is judged here is a courtesy to the person:
//! it decides what they are asked. What holds whatever is written is the business of `sandbox` for
//! commands and of `workspace` for files.

mod command;
mod consent;
mod judge;
mod options;
mod pattern;
mod read_only;
mod rule;
mod script;
mod shell;
mod subject;
mod suggest;
mod trust;

pub(crate) use consent::{Consent, ConsentFile};
pub(crate) use judge::{Permissions, Verdict};
pub(crate) use options::RuleOptions;
pub(crate) use rule::Rule;
pub(crate) use subject::{Act, Asked};
pub(crate) use trust::Trust;
