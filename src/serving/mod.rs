//! The background server: one address for all models of this machine, each loaded when it is asked
//! for and put away when nobody does.
//!
//! It knows nothing of where models are kept: a [`Library`] tells it. It computes nothing either:
//! each model is a llama-server of its own, and what is asked passes through to it.

mod ask;
mod bodies;
mod door;
mod front;
mod library;
mod loaded;
mod log;
mod pass;
mod patient;
mod place;
mod room;
mod route;
mod speed;
mod told;

pub(crate) use ask::ask;
pub(crate) use front::serve;
pub(crate) use library::{Library, Listed, Look, Missing, Wanted};
pub(crate) use loaded::Means;
pub(crate) use place::{Hold, Notice, Place};
pub(crate) use route::path_of_model;
pub(crate) use told::{Model, Stage, Status, Unloaded, Unloading};
