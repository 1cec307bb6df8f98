//! A coding agent for a model on your own machine.
//!
//! Read the modules in this order; each may use only those above it, and `tests/tidy.rs` holds
//! them to it. `docs/architecture.md` says why.

mod conversation;
mod download;
mod sandbox;
mod workspace;

mod llama;
mod llm;
mod models;
mod permission;
mod session;

mod serving;
mod tools;

mod agent;
mod ui;

mod cli;
mod config;
pub use cli::run;
#[cfg(fuzzing)]
pub use models::fuzz_header;
