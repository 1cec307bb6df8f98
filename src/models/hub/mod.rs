//! A hub of models as Hugging Face speaks it: what it has, and how that comes to this machine, in the
//! layout that every other tool looks for.

mod api;
mod cache;
mod card;
mod choose;
mod place;
mod pull;
mod reference;
mod trouble;

pub(crate) use api::{Found, Hub, Search, Sort};
pub(crate) use cache::Cache;
pub(crate) use card::{card, excerpt};
pub(crate) use place::Place;
pub(crate) use pull::{Plan, Pulling, RemoteForm, header, plan, pull};
pub(crate) use reference::{Remote, Which};
