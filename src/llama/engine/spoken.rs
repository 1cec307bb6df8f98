//! What a llama-server says of itself.

use std::path::Path;
use std::time::Duration;

use crate::sandbox::{Captured, Command, Ended, Environment, run};

/// It says so in some milliseconds; from a cold disk it may take longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The number of the build, if the program is one that says it.
pub(crate) async fn build_of_program(
    program: &Path,
    folder: &Path,
    environment: &Environment,
) -> Option<u32> {
    let command = Command::new(program, folder, environment).args(["--version"]);
    let mut said = Captured::new(16 * 1024);
    let never = std::future::pending();
    let ended = run(&command, PATIENCE, never, &mut |it| said.push(it)).await.ok()?;
    (ended == Ended::Exited(0)).then(|| build_in(&said.text())).flatten()
}

/// `version: 0.7.0 (build 11669, commit …)`, and before there were versions `version: 5000 (…)`.
fn build_in(said: &str) -> Option<u32> {
    let line = said.lines().find_map(|it| it.split_once("version: "))?.1;
    let digits = |it: &str| it.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok();
    match line.split_once("build ") {
        Some((_, rest)) => digits(rest),
        None => line.split_once(' ').filter(|it| !it.0.contains('.')).and_then(|it| digits(it.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_is_found_in_both_forms() {
        let said = [
            "version: 0.7.0 (build 11669, commit abc)\nbuilt with GCC",
            "noise\nversion: 5000 (abc12)\n",
            "version: 0.7.0\n",
            "Python 3.12\n",
        ];
        assert_eq!(said.map(build_in), [Some(11669), Some(5000), None, None]);
    }
}
