//! A command that goes on while other things happen: it is written to, listened to, and stopped.

use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::sandbox::command::Session;
use crate::sandbox::run::{Left, channel, drain, receive};
use crate::sandbox::tree::Tree;
use crate::sandbox::{Command, Ended};

/// A running command. Dropping it kills it and all it started.
#[derive(Debug)]
pub(crate) struct Background {
    orders: mpsc::UnboundedSender<Order>,
    ended: watch::Receiver<Option<Ended>>,
    task: AbortHandle,
}

#[derive(Debug)]
enum Order {
    Write(Vec<u8>),
    Stop,
}

/// How long a command may take to end when it was asked to.
const GRACE: Duration = Duration::from_secs(2);

impl Background {
    /// Must be called on the main thread, in a `LocalSet`: on Linux the command dies with the thread
    /// that starts it. What it writes goes to `take` as it comes.
    pub(crate) fn start(command: &Command, take: impl FnMut(&[u8]) + 'static) -> io::Result<Self> {
        let (reader, writer, second) = channel()?;
        let stdio = [Stdio::piped(), writer.into(), second.into()];
        let (tree, child) = Tree::plant(|| command.spawn(Session::Own, stdio))?;
        Ok(Self::adopt(Box::new(Left { tree, child, reader }), take))
    }

    /// Takes over a command that was waited for so far.
    pub(crate) fn adopt(left: Box<Left>, take: impl FnMut(&[u8]) + 'static) -> Self {
        let Left { tree, mut child, reader } = *left;
        let stdin = child.stdin.take();
        let (orders, received) = mpsc::unbounded_channel();
        let (tell, ended) = watch::channel(None);
        let task = tokio::task::spawn_local(async move {
            let mut take = take;
            let end = watch_over((tree, child), (stdin, reader), received, &mut take).await;
            // That its end cannot be learnt does not happen to a child of ours.
            tell.send_replace(Some(end.unwrap_or(Ended::Stopped)));
        });
        Self { orders, ended, task: task.abort_handle() }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<Ended> {
        *self.ended.borrow()
    }

    /// Waits for its end.
    pub(crate) async fn end(&self) -> Ended {
        let mut ended = self.ended.clone();
        // The sender is gone only with the runtime.
        ended.wait_for(Option::is_some).await.ok().and_then(|it| *it).unwrap_or(Ended::Stopped)
    }

    /// Gives it input, which it may read or not.
    pub(crate) fn write(&self, bytes: Vec<u8>) {
        // A command that has ended reads nothing, and `ended` says so.
        let _ = self.orders.send(Order::Write(bytes));
    }

    /// Asks it to end, and kills it and all it started if it does not.
    pub(crate) fn stop(&self) {
        let _ = self.orders.send(Order::Stop);
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch_over(
    (tree, mut child): (Tree, Child),
    (mut stdin, reader): (Option<ChildStdin>, pipe::Receiver),
    mut orders: mpsc::UnboundedReceiver<Order>,
    take: &mut impl FnMut(&[u8]),
) -> io::Result<Ended> {
    let mut unread = Vec::new();
    let mut open = true;
    let mut stopping = false;
    let mut grace = pin!(tokio::time::sleep(GRACE));
    let ended = loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(Order::Write(bytes)) => unread.extend(bytes),
                Some(Order::Stop) => {
                    stopping = true;
                    grace.as_mut().reset(tokio::time::Instant::now() + GRACE);
                    tree.signal(Signal::TERM);
                }
                None => break Ended::Stopped,
            },
            () = &mut grace, if stopping => break Ended::Stopped,
            status = child.wait() => {
                break if stopping { Ended::Stopped } else { Ended::from(status?) };
            }
            written = write(&mut stdin, &unread), if stdin.is_some() && !unread.is_empty() => {
                match written {
                    Ok(n) => drop(unread.drain(..n)),
                    Err(_) => stdin = None,
                }
            }
            more = receive(&reader, take), if open => open = more?,
        }
    };
    drop(tree);
    if open {
        drain(&reader, take).await;
    }
    Ok(ended)
}

async fn write(stdin: &mut Option<ChildStdin>, bytes: &[u8]) -> io::Result<usize> {
    match stdin {
        Some(stdin) => stdin.write(bytes).await,
        None => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::path::Path;
    use std::rc::Rc;

    use tokio::task::LocalSet;

    use super::*;
    use crate::sandbox::Environment;
    use crate::sandbox::run::{Ran, run_or_leave};

    /// Starts the script and does with it as the test says; how it ended, and what it wrote.
    fn with<F: Future<Output = ()>>(
        script: &str,
        act: impl FnOnce(Rc<Background>, Rc<RefCell<Vec<u8>>>) -> F,
    ) -> (Option<Ended>, String) {
        let environment = Environment::default().with("PATH", "/usr/bin:/bin");
        let command = Command::new(Path::new("/bin/sh"), Path::new("/"), &environment);
        let command = command.args(["-c", script]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let written = Rc::new(RefCell::new(Vec::new()));
            let theirs = Rc::clone(&written);
            let take = move |it: &[u8]| theirs.borrow_mut().extend_from_slice(it);
            let background = Rc::new(Background::start(&command, take).unwrap());
            act(Rc::clone(&background), Rc::clone(&written)).await;
            (background.ended(), String::from_utf8(written.take()).unwrap())
        })
    }

    async fn has_written(written: &RefCell<Vec<u8>>, text: &str) {
        while !String::from_utf8_lossy(&written.borrow()).contains(text) {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn a_command_answers_what_it_is_given() {
        let answered = with("read name; echo hello $name", |it, _| async move {
            it.write(b"world\n".to_vec());
            it.end().await;
        });
        assert_eq!(answered, (Some(Ended::Exited(0)), "hello world\n".to_owned()));
    }

    #[test]
    fn a_command_that_was_waited_for_goes_on() {
        let environment = Environment::default().with("PATH", "/usr/bin:/bin");
        let command = Command::new(Path::new("/bin/sh"), Path::new("/"), &environment);
        let command = command.args(["-c", "echo before; kill -STOP $$; echo after; exit 3"]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (ended, written) = LocalSet::new().block_on(&runtime, async {
            let written = Rc::new(RefCell::new(Vec::new()));
            let (before, behind) = (Rc::clone(&written), Rc::clone(&written));
            let leave = has_written(&written, "before\n");
            let mut take = |it: &[u8]| before.borrow_mut().extend_from_slice(it);
            let (stop, time) = (std::future::pending(), Duration::from_secs(60));
            let ran = run_or_leave(&command, time, (stop, leave), &mut take).await;
            let Ok(Ran::Left(left)) = ran else { panic!("{ran:?}") };
            let id = left.child.id().and_then(|it| rustix::process::Pid::from_raw(it as i32));
            let take = move |it: &[u8]| behind.borrow_mut().extend_from_slice(it);
            let background = Background::adopt(left, take);
            while background.ended().is_none() {
                // It may stop itself later than it is woken.
                let _ = rustix::process::kill_process(id.unwrap(), Signal::CONT);
                tokio::task::yield_now().await;
            }
            (background.ended(), written.take())
        });
        assert_eq!(ended, Some(Ended::Exited(3)));
        assert_eq!(String::from_utf8(written).unwrap(), "before\nafter\n");
    }

    #[test]
    fn a_command_may_say_something_when_it_is_asked_to_end() {
        let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do :; done";
        let stopped = with(script, |it, written| async move {
            has_written(&written, "ready").await;
            it.stop();
            it.end().await;
        });
        assert_eq!(stopped, (Some(Ended::Stopped), "ready\nbye\n".to_owned()));
    }

    #[test]
    fn what_is_let_go_is_killed_with_all_it_started() {
        let mut ids = String::new();
        with("sleep 1000 & echo $$ $!; wait", |it, written| async move {
            has_written(&written, "\n").await;
            drop(it);
        })
        .1
        .clone_into(&mut ids);
        for id in ids.split_whitespace() {
            // The kernel ends it in its own time.
            while std::fs::read_to_string(format!("/proc/{id}/stat"))
                .is_ok_and(|it| !it.contains(") Z "))
            {
                std::thread::yield_now();
            }
        }
        assert_eq!(ids.split_whitespace().count(), 2);
    }
}
