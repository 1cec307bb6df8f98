//! Child processes: what they may do, what they may cost, and their certain end.
//!
//! The only place that starts a program. A child has a session of its own, a clean environment and
//! no terminal; whatever it leaves behind is killed with it.

mod apart;
mod background;
#[cfg(target_os = "linux")]
mod bubblewrap;
mod capture;
mod command;
mod confined;
#[cfg(target_os = "linux")]
mod enter;
#[cfg(target_os = "linux")]
mod filter;
mod gate;
#[cfg(target_os = "linux")]
mod handover;
mod home;
mod host;
#[cfg(target_os = "linux")]
mod landlock;
mod level;
mod options;
mod placeholders;
#[cfg(target_os = "linux")]
mod plan;
mod policy;
#[cfg(target_os = "linux")]
mod proxy;
#[cfg(target_os = "linux")]
mod raw;
#[cfg(target_os = "linux")]
mod report;
mod run;
#[cfg(any(test, target_os = "macos"))]
mod seatbelt;
mod server;
mod sockets;
mod stock;
mod tree;

pub(crate) use apart::start_apart;
pub(crate) use background::Background;
pub(crate) use capture::Captured;
pub(crate) use command::{Command, Environment};
pub(crate) use confined::has_moved;
pub(crate) use gate::Gate;
pub(crate) use home::Homes;
pub(crate) use host::{Host, HostRule, is_public_enough};
pub(crate) use level::Level;
pub(crate) use options::{Options, Wanted};
pub(crate) use placeholders::sweep;
pub(crate) use policy::{Absent, Confinement, Entry, Grant, Network, Policy};
pub(crate) use run::{Ended, Left, Ran, run, run_fed, run_in_our_place, run_or_leave};
pub(crate) use server::Server;
pub(crate) use sockets::listening;
pub(crate) use tree::{adopt_orphans, kill_all};
