//! Runs [`agent::run`] and turns its outcome into an exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    agent::run(std::env::args_os())
}
