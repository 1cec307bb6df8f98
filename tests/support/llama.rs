//! The real llama-server, for the suites that play a scripted model on it.

#![expect(clippy::disallowed_methods, reason = "the tests stand where `cli` and `sandbox` stand")]
#![expect(clippy::print_stderr, reason = "what is left out is said aloud")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program to run. `None`, and said loudly, only where `AGENT_TEST_NO_LLAMA=1` allows to do
/// without; a machine that cannot have it fails the test.
pub fn llama_server() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| match find() {
        Ok(path) => Some(path),
        Err(reason) if allowed_to_skip() => {
            eprintln!("SKIPPED: what needs a llama-server: {reason}");
            None
        }
        Err(reason) => panic!("no llama-server: {reason}"),
    });
    found.as_deref()
}

fn allowed_to_skip() -> bool {
    std::env::var_os("AGENT_TEST_NO_LLAMA").is_some_and(|it| it == "1")
}

fn find() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("LLAMA_SERVER").map(PathBuf::from) {
        return if path.exists() { Ok(path) } else { Err(format!("no `{}`", path.display())) };
    }
    if allowed_to_skip() {
        return Err("`AGENT_TEST_NO_LLAMA` is set".to_owned());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/llama-server");
    let output = Command::new(&script).output();
    let output = output.map_err(|err| format!("cannot run `{}`: {err}", script.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let path = printed.lines().last().ok_or("scripts/llama-server printed no path")?;
    Ok(PathBuf::from(path))
}
