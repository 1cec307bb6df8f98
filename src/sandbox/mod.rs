//! Child processes: what they may do, what they may cost, and their certain end.
//!
//! The only place that starts a program. A child has a session of its own, a clean environment and
//! no terminal; whatever it leaves behind is killed with it.

mod background;
mod capture;
mod command;
mod run;
mod server;
mod tree;

pub(crate) use background::Background;
pub(crate) use capture::Captured;
pub(crate) use command::{Command, Environment};
pub(crate) use run::{Ended, run};
pub(crate) use server::Server;
pub(crate) use tree::{adopt_orphans, kill_all};
