//! A child that serves: started once, listened to line by line, stopped in time.

use std::fs::File;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};

use crate::sandbox::Command;
use crate::sandbox::command::Session;
use crate::sandbox::tree::Tree;

/// A running server. Dropping it kills it and all it started.
#[derive(Debug)]
pub(crate) struct Server {
    child: tokio::process::Child,
    /// Open as long as the server shall live: some servers take its end as the order to go.
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<Lines<BufReader<ChildStdout>>>,
    tree: Tree,
}

impl Server {
    /// Must be called on a thread that lives as long as the agent: on Linux the server dies with it.
    /// What it writes to standard error goes to `log` without passing through us.
    pub(crate) fn start(command: &Command, log: File) -> io::Result<Self> {
        let stdio = [Stdio::piped(), Stdio::piped(), log.into()];
        let (tree, mut child) = Tree::plant(|| command.spawn(Session::Own, stdio))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().map(|it| BufReader::new(it).lines());
        Ok(Self { child, stdin, stdout, tree })
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to go, insists, and after `patience` ends it.
    pub(crate) async fn stop(mut self, patience: Duration) {
        drop(self.stdin.take());
        self.tree.signal(Signal::TERM);
        if tokio::time::timeout(patience / 2, self.child.wait()).await.is_err() {
            self.tree.signal(Signal::TERM);
            let _ = tokio::time::timeout(patience / 2, self.child.wait()).await;
        }
        // Dropping the tree kills whatever is left.
    }
}
