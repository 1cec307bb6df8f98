//! A program that is started and left alone: it lives on when we are gone.

use std::fs::File;
use std::io;
use std::process::Stdio;

use tokio::process::Child;

use crate::sandbox::Command;
use crate::sandbox::command::Session;
use crate::sandbox::tree::Tree;

/// Starts it in a session of its own, without a terminal. What it writes to standard error goes to
/// `log`; what it has to say to us comes by its standard output. Its end is nobody's business but its
/// own: neither ours nor the drop of what is returned ends it.
pub(crate) fn start_apart(command: &Command, log: File) -> io::Result<Child> {
    let stdio = [Stdio::null(), Stdio::piped(), log.into()];
    Tree::plant_apart(|| command.spawn(Session::Apart, stdio))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rustix::process::{Pid, Signal, getsid, kill_process};
    use tokio::io::{AsyncBufReadExt, BufReader};

    use super::*;
    use crate::sandbox::Environment;

    #[test]
    fn it_has_a_session_of_its_own_and_outlives_its_handle() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let command =
                Command::new(Path::new("/bin/sh"), Path::new("/"), &Environment::default())
                    .args(["-c", "echo $$; exec /bin/sleep 1000"]);
            let mut child = start_apart(&command, tempfile::tempfile().unwrap())
                .expect("a shell can be started");
            let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
            let id: i32 = said.next_line().await.unwrap().unwrap().parse().unwrap();
            drop(child);
            let pid = Pid::from_raw(id).unwrap();
            assert_eq!(getsid(Some(pid)), Ok(pid));
            kill_process(pid, Signal::KILL).expect("it still lives");
        });
    }
}
