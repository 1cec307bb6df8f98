//! One command from start to end: bounded in time and output, and nothing of it survives.

use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::process::Child;

use crate::sandbox::Command;
use crate::sandbox::command::Session;
use crate::sandbox::tree::Tree;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ended {
    Exited(i32),
    Signalled(i32),
    TimedOut,
    Stopped,
}

/// How long to wait for output that is still in the pipe when all who could write are dead.
const DRAIN: Duration = Duration::from_millis(100);

/// What came of running a command.
#[derive(Debug)]
pub(crate) enum Ran {
    Ended(Ended),
    /// It goes on, for [`Background::adopt`](crate::sandbox::Background::adopt).
    Left(Box<Left>),
}

/// A command that nobody waits for any more. Dropping it kills it and all it started.
#[derive(Debug)]
pub(crate) struct Left {
    pub(super) tree: Tree,
    pub(super) child: Child,
    pub(super) reader: pipe::Receiver,
}

/// Runs `command` until it ends, its time is up, or `stop` resolves; then kills whatever it left.
/// What it writes, to standard output or error, goes to `take` as it comes.
pub(crate) async fn run(
    command: &Command,
    time: Duration,
    stop: impl Future<Output = ()>,
    take: &mut impl FnMut(&[u8]),
) -> io::Result<Ended> {
    match run_or_leave(command, time, (stop, std::future::pending()), take).await? {
        Ran::Ended(ended) => Ok(ended),
        Ran::Left(_) => Ok(Ended::Stopped),
    }
}

/// The same, but when `leave` resolves it goes on without being waited for.
pub(crate) async fn run_or_leave(
    command: &Command,
    time: Duration,
    (stop, leave): (impl Future<Output = ()>, impl Future<Output = ()>),
    take: &mut impl FnMut(&[u8]),
) -> io::Result<Ran> {
    let (reader, writer, second) = channel()?;
    let stdio = [Stdio::null(), writer.into(), second.into()];
    let (tree, mut child) = Tree::plant(|| command.spawn(Session::Own, stdio))?;

    let (mut stop, mut time_up) = (pin!(stop), pin!(tokio::time::sleep(time)));
    let mut leave = pin!(leave);
    let mut open = true;
    let ended = loop {
        tokio::select! {
            biased;
            () = &mut stop => break Ended::Stopped,
            () = &mut leave => {
                take_at_hand(&reader, take);
                return Ok(Ran::Left(Box::new(Left { tree, child, reader })));
            }
            () = &mut time_up => break Ended::TimedOut,
            status = child.wait() => break Ended::from(status?),
            more = receive(&reader, take), if open => open = more?,
        }
    };
    drop(tree);
    if open {
        drain(&reader, take).await;
    }
    Ok(Ran::Ended(ended))
}

/// One pipe for standard output and error, so that they come in the order they were written.
pub(super) fn channel() -> io::Result<(pipe::Receiver, io::PipeWriter, io::PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    rustix::fs::fcntl_setfl(&reader, rustix::fs::OFlags::NONBLOCK)?;
    let second = writer.try_clone()?;
    Ok((pipe::Receiver::from_owned_fd(reader.into())?, writer, second))
}

/// Runs `command` in our place: with our terminal, our input and our output, until it ends.
pub(crate) async fn run_in_our_place(command: &Command) -> io::Result<Ended> {
    let stdio = [Stdio::inherit(), Stdio::inherit(), Stdio::inherit()];
    let (_tree, mut child) = Tree::plant(|| command.spawn(Session::Inherited, stdio))?;
    Ok(child.wait().await?.into())
}

/// The same, but its input is this text, of which it may leave some unread.
pub(crate) async fn run_fed(command: &Command, text: &str) -> io::Result<Ended> {
    let stdio = [Stdio::piped(), Stdio::inherit(), Stdio::inherit()];
    let (_tree, mut child) = Tree::plant(|| command.spawn(Session::Inherited, stdio))?;
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(text.as_bytes()).await;
    }
    Ok(child.wait().await?.into())
}

/// Takes what is there; false at the end of the output. Lets others have their turn, the time limit
/// above all, also where there is always something: to find a pipe readable costs no budget.
pub(super) async fn receive(
    reader: &pipe::Receiver,
    take: &mut impl FnMut(&[u8]),
) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    tokio::task::coop::consume_budget().await;
    loop {
        reader.readable().await?;
        match reader.try_read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => {
                take(&buffer[..n]);
                return Ok(true);
            }
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
            Err(err) => return Err(err),
        }
    }
}

/// Takes what was written before now, as far as a pipe holds it.
fn take_at_hand(reader: &pipe::Receiver, take: &mut impl FnMut(&[u8])) {
    let mut buffer = [0; 64 * 1024];
    if let Ok(n) = reader.try_read(&mut buffer) {
        take(&buffer[..n]);
    }
}

/// Takes what is still in the pipe when all who could write are dead. What still holds the pipe
/// escaped us; its output is not waited for.
pub(super) async fn drain(reader: &pipe::Receiver, take: &mut impl FnMut(&[u8])) {
    let rest = async { while receive(reader, take).await.unwrap_or(false) {} };
    let _ = tokio::time::timeout(DRAIN, rest).await;
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
    use crate::sandbox::{Captured, Environment};

    struct Finished {
        ended: Ended,
        output: Captured,
    }

    fn run_shell(script: &str, time: Duration, stop: impl Future<Output = ()>) -> Finished {
        let environment = Environment::default().with("PATH", "/usr/bin:/bin");
        let command = Command::new(Path::new("/bin/sh"), Path::new("/"), &environment);
        let command = command.args(["-c", script]);
        let mut output = Captured::new(4096);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended = runtime.block_on(run(&command, time, stop, &mut |it| output.push(it))).unwrap();
        Finished { ended, output }
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

    /// H31.
    #[test]
    fn who_writes_faster_than_it_is_read_is_not_read_for_ever() {
        use std::io::Write;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut pieces = 0;
        runtime.block_on(async {
            let (reader, mut writer, _second) = channel().unwrap();
            writer.write_all(b"more").unwrap();
            let mut take = |it: &[u8]| {
                pieces += 1;
                assert!(pieces < 10_000_000, "it is read for ever");
                writer.write_all(it).unwrap();
            };
            drain(&reader, &mut take).await;
        });
        assert_ne!(pieces, 0);
    }

    #[test]
    fn a_stopped_command_is_gone() {
        let finished = run_shell("sleep 1000", Duration::from_secs(60), async {});
        assert_eq!(finished.ended, Ended::Stopped);
    }
}
