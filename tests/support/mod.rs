//! The harness of the suites that run the binary: a home cut off from this machine, a model server
//! that misbehaves on demand, and a terminal that can be read.
//!
//! Nothing here sleeps. A test waits for a condition, and fails loudly when it does not come true.

#![allow(dead_code, reason = "each suite uses its part of the harness")]
#![allow(unreachable_pub, reason = "a suite is a crate of its own: its `pub` reaches nobody")]

pub mod watched;

pub mod child;
pub mod home;
pub mod journal;
pub mod random;
pub mod reports;
pub mod rewrite;
pub mod talk;
pub mod terminal;

pub mod fault_server;
pub mod hub;
pub mod request;
pub mod response;
pub mod wire;

pub mod llama;
pub mod long;
pub mod play;
pub mod releases;
