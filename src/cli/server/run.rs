//! The server itself, as `start` starts it: it says one word to whoever waits, and then serves.

use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use crate::agent::Interrupt;
use crate::cli::args::Options;
use crate::cli::models::Here;
use crate::cli::server::background::{Word, fingerprint, place};
use crate::cli::server::library::Shelf;
use crate::cli::signals::listen;
use crate::cli::surroundings::{Surroundings, now};
use crate::cli::{Exit, configuration, engine};
use crate::config::Settings;
use crate::llama;
use crate::sandbox::adopt_orphans;
use crate::serving::{Hold, Means, serve};
use crate::session::civil;

/// Who held the place may just be ending, with all its models.
const LOOKS: u32 = 500;

pub(super) fn run(around: &Surroundings, options: &Options) -> anyhow::Result<Exit> {
    let ended = begin(around, options);
    match ended {
        Ok(Some(())) => Ok(Exit::Done),
        Ok(None) => {
            say(&Word::Taken);
            Ok(Exit::Done)
        }
        Err(err) => {
            say(&Word::Failed(format!("{err:#}")));
            Err(err)
        }
    }
}

/// Serves to the end; `None` if somebody else does.
fn begin(around: &Surroundings, options: &Options) -> anyhow::Result<Option<()>> {
    let place = place(around)?;
    let Some(hold) = hold(around)? else { return Ok(None) };
    let loaded = configuration::load(around, options, &around.workspace()?)?;
    let settings = loaded.settings;
    // Programs that drivers come with are asked before there is an event loop.
    let here = Here::look(around, &settings)?.with_cards(around, &settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    adopt_orphans().context("cannot watch over child processes")?;
    let (interrupt, leave) = (Interrupt::new(), Interrupt::new());
    listen(&interrupt, &leave)?;
    let served = LocalSet::new().block_on(&runtime, async {
        let listener = listener(&settings.server.address).await?;
        let means = means(around, &settings, listener.local_addr()?)?;
        let _engine = engine::hold(around, &means.program);
        let library = Box::new(Shelf::new(around, &settings, here));
        serve(&place, hold, listener, means, library, (stamp, interrupt.fired()), |_| {
            say(&Word::Ready);
        })
        .await
    });
    runtime.shutdown_background();
    served.map(Some)
}

fn hold(around: &Surroundings) -> anyhow::Result<Option<Hold>> {
    let place = place(around)?;
    for _ in 0..LOOKS {
        if let Some(hold) = place.hold()? {
            return Ok(Some(hold));
        }
        if place.running().is_some() {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(None)
}

/// Whether a server could be started in the place of the one that listens at `now`.
pub(super) async fn check(
    around: &Surroundings,
    options: &Options,
    now: SocketAddr,
) -> anyhow::Result<()> {
    let settings = configuration::load(around, options, &around.workspace()?)?.settings;
    engine::found(around, &settings.llama)?;
    let address = &settings.server.address;
    if address.to_socket_addrs().is_ok_and(|mut it| it.any(|it| it == now || it.port() == 0)) {
        return Ok(());
    }
    listener(address).await.map(drop)
}

async fn listener(address: &str) -> anyhow::Result<TcpListener> {
    let parsed: Option<SocketAddr> = address.to_socket_addrs().ok().and_then(|mut it| it.next());
    let Some(parsed) = parsed else {
        bail!("`{address}` is not an address\nhint: `server.address` looks like 127.0.0.1:7435");
    };
    match TcpListener::bind(parsed).await {
        Ok(listener) => Ok(listener),
        Err(err) if err.kind() == std::io::ErrorKind::AddrInUse => bail!(
            "another program listens at {parsed}\nhint: choose another `server.address`, or end it"
        ),
        Err(err) => Err(err).with_context(|| format!("cannot listen at {parsed}")),
    }
}

fn means(around: &Surroundings, settings: &Settings, address: SocketAddr) -> anyhow::Result<Means> {
    let program = engine::found(around, &settings.llama)?.program;
    let minutes = settings.server.keep_minutes;
    let keep = (0.0 < minutes).then(|| Duration::try_from_secs_f64(minutes * 60.0).ok()).flatten();
    Ok(Means {
        address,
        settings: fingerprint(&settings.llama, &program),
        program,
        // Several servers cannot listen at one port, and none needs to: we stand before them.
        options: llama::Options { port: None, ..settings.llama.clone() },
        runtime_dir: sockets(around)?,
        logs: around.state_dir()?.join("logs"),
        environment: llama::environment(&around.variables),
        keep,
    })
}

/// Where the models' servers listen. Not where those of sessions do: that directory goes when the person
/// logs out, and this server may stay. Where the path of a socket would be too long, there is no choice.
fn sockets(around: &Surroundings) -> anyhow::Result<PathBuf> {
    const LONGEST: usize = 80;
    let lasting = place(around)?.directory.join("run").join(std::process::id().to_string());
    let fits = lasting.as_os_str().len() <= LONGEST;
    Ok(if fits { lasting } else { around.runtime_dir() })
}

/// Tells whoever started us; from then on nobody listens.
fn say(word: &Word) {
    let line = serde_json::to_string(word).unwrap_or_default();
    // Who was not waited for does not hear it.
    let _ = writeln!(std::io::stdout(), "{line}");
    if let Ok(nothing) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nothing);
    }
}

/// When it is, in UTC.
fn stamp() -> String {
    let since = now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
