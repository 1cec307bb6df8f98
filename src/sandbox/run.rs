//! One command from start to end: bounded in time and output, and nothing of it survives.

use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::net::unix::pipe;

use crate::sandbox::tree::Tree;
use crate::sandbox::{Captured, Command};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) time: Duration,
    /// Bytes of output to keep.
    pub(crate) output: usize,
}

#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) ended: Ended,
    /// Standard output and error, in the order they were written.
    pub(crate) output: Captured,
    pub(crate) took: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ended {
    Exited(i32),
    Signalled(i32),
    TimedOut,
    Stopped,
}

/// How long to wait for output that is still in the pipe when all who could write are dead.
const DRAIN: Duration = Duration::from_millis(100);

/// Runs `command` until it ends, its time is up, or `stop` resolves; then kills whatever it left.
pub(crate) async fn run(
    command: &Command,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> io::Result<Finished> {
    let (reader, writer) = io::pipe()?;
    rustix::fs::fcntl_setfl(&reader, rustix::fs::OFlags::NONBLOCK)?;
    let reader = pipe::Receiver::from_owned_fd(reader.into())?;
    let second = writer.try_clone()?;
    let started = Instant::now();
    let (tree, mut child) =
        Tree::plant(|| command.spawn(Stdio::null(), writer.into(), second.into()))?;

    let mut output = Captured::new(limits.output);
    let (mut stop, mut time_up) = (pin!(stop), pin!(tokio::time::sleep(limits.time)));
    let mut open = true;
    let ended = loop {
        tokio::select! {
            biased;
            () = &mut stop => break Ended::Stopped,
            () = &mut time_up => break Ended::TimedOut,
            status = child.wait() => break Ended::from(status?),
            more = receive(&reader, &mut output), if open => open = more?,
        }
    };
    drop(tree);
    let rest = async { while open && receive(&reader, &mut output).await.unwrap_or(false) {} };
    // What still holds the pipe escaped us; its output is not waited for.
    let _ = tokio::time::timeout(DRAIN, rest).await;
    Ok(Finished { ended, output, took: started.elapsed() })
}

/// Takes what is there; false at the end of the output.
async fn receive(reader: &pipe::Receiver, output: &mut Captured) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    loop {
        reader.readable().await?;
        match reader.try_read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => {
                output.push(&buffer[..n]);
                return Ok(true);
            }
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
            Err(err) => return Err(err),
        }
    }
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        match status.code() {
            Some(code) => Self::Exited(code),
            None => Self::Signalled(status.signal().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::sandbox::Environment;

    fn run_shell(script: &str, time: Duration, stop: impl Future<Output = ()>) -> Finished {
        let environment = Environment::default().with("PATH", "/usr/bin:/bin");
        let command = Command::new(Path::new("/bin/sh"), Path::new("/"), &environment);
        let command = command.args(["-c", script]);
        let limits = Limits { time, output: 4096 };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&command, limits, stop)).unwrap()
    }

    #[track_caller]
    fn check(script: &str, expected: Expect) {
        let finished = run_shell(script, Duration::from_secs(60), std::future::pending());
        expected.assert_eq(&format!("{:?}\n{}", finished.ended, finished.output.text()));
    }

    #[test]
    fn both_outputs_come_in_the_order_they_were_written() {
        check(
            "echo one; echo two >&2; echo three; exit 3",
            expect![[r#"
            Exited(3)
            one
            two
            three
        "#]],
        );
    }

    /// H31.
    #[test]
    fn a_child_has_no_input_and_no_terminal() {
        check(
            "cat; (: </dev/tty) 2>/dev/null || echo none",
            expect![[r#"
            Exited(0)
            none
        "#]],
        );
    }

    #[test]
    fn a_signal_is_told_from_an_exit() {
        check(
            "kill -9 $$",
            expect![[r#"
            Signalled(9)
        "#]],
        );
    }

    /// H31.
    #[test]
    fn what_is_left_in_the_background_does_not_delay_the_end_and_is_killed() {
        let finished =
            run_shell("sleep 1000 & echo $!", Duration::from_secs(60), std::future::pending());
        let left =
            finished.output.text().trim().parse().ok().and_then(rustix::process::Pid::from_raw);
        let stat = format!("/proc/{}/stat", left.unwrap().as_raw_nonzero());
        // The kernel ends it in its own time.
        while std::fs::read_to_string(&stat).is_ok_and(|it| !it.contains(") Z ")) {
            std::thread::yield_now();
        }
    }

    /// H31.
    #[test]
    fn the_time_limit_keeps_what_was_written() {
        let finished = run_shell(
            "echo so far; sleep 1000",
            Duration::from_millis(200),
            std::future::pending(),
        );
        assert_eq!((finished.ended, &*finished.output.text()), (Ended::TimedOut, "so far\n"));
    }

    #[test]
    fn a_stopped_command_is_gone() {
        let finished = run_shell("sleep 1000", Duration::from_secs(60), async {});
        assert_eq!(finished.ended, Ended::Stopped);
    }
}
