//! A server from its start to its certain end.

use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::time::{Instant, MissedTickBehavior};

use crate::llama::failure::Failure;
use crate::llama::state::{self, State};
use crate::llama::{Address, Options, flags, leftovers, private, probe};
use crate::sandbox::{Command, Environment, Server};

/// What a server is started with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    /// The whole path: the server runs in a directory of its own.
    pub(crate) model: &'a Path,
    pub(crate) options: &'a Options,
    /// Where it may write what it has read.
    pub(crate) attic: Option<&'a Path>,
    /// For sockets; it goes with the server. Named by the id of our process beside those of other
    /// agents.
    pub(crate) runtime_dir: &'a Path,
    /// What the server says, from this start on: `llama-server-PID.log` beside those of others.
    pub(crate) log: &'a Path,
    pub(crate) environment: &'a Environment,
}

/// A server that is ready to answer. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: Address,
    /// Must be sent with each request: `Authorization: Bearer …`.
    pub(crate) key: String,
    pub(crate) log: PathBuf,
    server: Server,
    _home: RuntimeDir,
}

/// Removes the directory, and with it the socket, when the server is gone.
#[derive(Debug)]
struct RuntimeDir {
    path: PathBuf,
    /// `None` where the file system has no locks.
    _hold: Option<File>,
}

/// A start has no time limit, for a large model on a slow disk takes what it takes. But something
/// must move.
const STALLED: Duration = Duration::from_secs(5 * 60);

const POLL: Duration = Duration::from_millis(25);

/// How long a server may take to end. One with an open stream never ends when it is asked once.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Starts a server and waits until it can answer. `progress` is told the part of the model that is
/// loaded, from 0 to 1, as often as it is known. Must be called on a thread that lives as long as
/// the agent, inside a tokio runtime.
pub(crate) async fn start(
    launch: &Launch<'_>,
    progress: &mut dyn FnMut(Option<f32>),
) -> anyhow::Result<Running> {
    begin(launch, progress).await.context("cannot start the model server")
}

async fn begin(
    launch: &Launch<'_>,
    progress: &mut dyn FnMut(Option<f32>),
) -> anyhow::Result<Running> {
    ensure!(launch.model.is_absolute(), "`{}` is not a whole path", launch.model.display());
    if let Some(base) = launch.runtime_dir.parent() {
        // Whoever owns this one could put another in the place of ours.
        private::make_dir(base)?;
        leftovers::clear_directories(base);
    }
    leftovers::clear_logs(launch.log);
    let home = RuntimeDir::make(launch.runtime_dir)?;
    let address = match launch.options.port {
        Some(port) => free_port(port)?,
        None => free_socket(&home.path)?,
    };
    let key = random_key()?;
    let environment =
        launch.environment.clone().with("LLAMA_API_KEY", &key).with(state::CHILD_VARIABLE, "1");
    // The server loads libraries from its working directory, so that must be a place where nobody
    // else can put one; above all it must not be the project.
    let command = Command::new(launch.program, &home.path, &environment).args(flags::flags(
        launch.options,
        launch.model,
        &address,
        launch.attic,
    )?);
    let log = private::create_file(launch.log)?;
    // The server inherits the lock, and so its log stays as long as it lives.
    let _ = log.try_lock();
    let server = Server::start(&command, log)
        .with_context(|| format!("cannot run `{}`", launch.program.display()))?;
    let log = launch.log.to_owned();
    let mut running = Running { address, key, server, log, _home: home };
    let states = running.wait_until_ready(STALLED, progress).await?;
    if let Some(states) = states {
        tokio::spawn(drain(states));
    }
    Ok(running)
}

/// Returns when the server there has neither spoken, as `heard` tells, nor answered for so long.
pub(crate) async fn hang(address: &Address, patience: Duration, heard: &Cell<Instant>) {
    let mut answered = Instant::now();
    loop {
        let quiet = heard.get().max(answered);
        tokio::time::sleep_until(quiet + patience / 2).await;
        if heard.get().max(answered) != quiet {
            continue;
        }
        // Asked again and again: what is short of time may answer late.
        while heard.get() <= quiet {
            if probe::answers(address).await {
                answered = Instant::now();
                break;
            }
            if patience <= quiet.elapsed() {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

type States = Lines<BufReader<ChildStdout>>;

impl Running {
    /// Why it has ended, or ends before `patience` does; `None` if it lives on.
    pub(crate) async fn ended_within(&mut self, patience: Duration) -> Option<String> {
        let status = tokio::time::timeout(patience, self.server.wait()).await.ok()?.ok()?;
        Some(self.account(status))
    }

    /// Why it has ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.server.ended()?;
        Some(self.account(status))
    }

    /// The id of its process, as long as it was not seen to end.
    pub(crate) fn id(&self) -> Option<u32> {
        self.server.id()
    }

    /// Ends it within two seconds, whatever it is doing.
    pub(crate) async fn stop(self) {
        self.server.stop(FAREWELL).await;
    }

    /// Returns when the server says that it is ready, or answers like one that is. Not every
    /// llama-server speaks of its state, and none has promised to.
    async fn wait_until_ready(
        &mut self,
        stalled: Duration,
        progress: &mut dyn FnMut(Option<f32>),
    ) -> anyhow::Result<Option<States>> {
        let mut states = self.server.stdout.take();
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut moved, mut logged) = (Instant::now(), 0);
        loop {
            tokio::select! {
                biased;
                status = self.server.wait() => bail!(self.account(status?)),
                line = next_line(&mut states), if states.is_some() => {
                    match line.as_deref().map(State::parse) {
                        Some(Some(State::Ready)) => return Ok(states),
                        Some(Some(State::Loading { fraction })) => {
                            progress(fraction);
                            moved = Instant::now();
                        }
                        Some(_) => {}
                        None => states = None,
                    }
                }
                _ = poll.tick() => {
                    if probe::is_ready(&self.address, &self.key).await {
                        return Ok(states);
                    }
                    let length = self.log.metadata().map_or(0, |it| it.len());
                    if length != logged {
                        (moved, logged) = (Instant::now(), length);
                    }
                    if stalled < moved.elapsed() {
                        bail!(
                            "it has neither become ready nor said anything for {} s; its log is `{}`",
                            stalled.as_secs(),
                            self.log.display()
                        );
                    }
                }
            }
        }
    }

    /// Why it ended, where to read more, and what to do.
    fn account(&self, status: ExitStatus) -> String {
        let failure = Failure::read(status, &tail(&self.log));
        let hint = failure.hint().map(|it| format!("\nhint: {it}")).unwrap_or_default();
        format!("{failure}; its log is `{}`{hint}", self.log.display())
    }
}

impl RuntimeDir {
    /// Makes the directory, or one beside it with a second number: an agent in another container may
    /// have the same id, and the same place.
    fn make(path: &Path) -> anyhow::Result<Self> {
        let beside = |n| PathBuf::from(format!("{}-{n}", path.display()));
        for path in std::iter::once(path.to_owned()).chain((2..10).map(beside)) {
            match private::make_dir(&path) {
                // Another agent that clears away took it for one that was left.
                Err(err) if is_gone(&err) => continue,
                made => made?,
            }
            match leftovers::hold(&path) {
                Ok(hold) => return Ok(Self { path, _hold: Some(hold) }),
                Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::NotFound) => {}
                Err(_) => return Ok(Self { path, _hold: None }),
            }
        }
        bail!("`{}` is in use by another agent", path.display())
    }
}

fn is_gone(err: &anyhow::Error) -> bool {
    let cause = err.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|it| it.kind() == ErrorKind::NotFound)
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        // What is left in a private directory does no harm.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A socket in `dir`. What a killed server left there is removed: the next could not listen.
fn free_socket(dir: &Path) -> anyhow::Result<Address> {
    /// What a socket address holds, less the byte that ends it.
    const LONGEST: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
    // Only by this ending does the server know a socket.
    let path = dir.join("llama.sock");
    let length = path.as_os_str().len();
    ensure!(
        length <= LONGEST,
        "the socket `{}` would have a path of {length} bytes, and {LONGEST} are possible\n\
         hint: set `$XDG_RUNTIME_DIR` to a shorter directory, or set `port`",
        path.display()
    );
    match std::fs::remove_file(&path) {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
            Err(err).with_context(|| format!("cannot remove the old socket `{}`", path.display()))
        }
        _ => Ok(Address::Unix(path)),
    }
}

/// The address with this port, if nobody listens there. Somebody may begin to before the server
/// does; then it ends and its log tells.
fn free_port(port: u16) -> anyhow::Result<Address> {
    ensure!(port != 0, "0 is not a port");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(address) {
        Ok(_) => Ok(Address::Tcp(address)),
        Err(err) if err.kind() == std::io::ErrorKind::AddrInUse => bail!(
            "{}\nhint: {}",
            Failure::PortTaken(port.to_string()),
            Failure::PortTaken(port.to_string()).hint().unwrap_or_default()
        ),
        Err(err) => Err(err).with_context(|| format!("cannot listen at port {port}")),
    }
}

/// 128 bits that nobody can guess, in hex.
pub(crate) fn random_key() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut it| it.read_exact(&mut bytes))
        .context("cannot make a key: cannot read `/dev/urandom`")?;
    Ok(bytes.iter().map(|it| format!("{it:02x}")).collect())
}

async fn next_line(states: &mut Option<States>) -> Option<String> {
    states.as_mut()?.next_line().await.ok().flatten()
}

/// Reads on until the server ends: with a full pipe it would wait for us for ever.
async fn drain(mut states: States) {
    while let Ok(Some(_)) = states.next_line().await {}
}

/// The end of the log, which holds the cause of any end.
fn tail(log: &Path) -> String {
    const LENGTH: u64 = 64 * 1024;
    let mut bytes = Vec::new();
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let start = file.metadata()?.len().saturating_sub(LENGTH);
        file.seek(SeekFrom::Start(start))?;
        file.take(LENGTH).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests;
