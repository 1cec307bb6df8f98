//! `agent models pull`: models from a hub, into the cache that all tools share.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::agent::Interrupt;
use crate::cli::args::models::Pull;
use crate::cli::models::Here;
use crate::cli::signals::listen;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, WrongUsage, note, print};
use crate::download::{Client, Options, Phase, Progress, Proxies};
use crate::models::hub::{self, Cache, Hub, Place, Plan, Pulling, Remote};
use crate::models::{Found, Header};
use crate::ui::{Transfer, TransferStyle, bytes, visible, visible_json};

/// How often a program is told how far it is.
const OFTEN: Duration = Duration::from_millis(500);

pub(super) fn pull(around: &Surroundings, here: &Here, wanted: &Pull) -> anyhow::Result<Exit> {
    let place = place(around)?;
    let remotes = wanted.models.iter().map(|it| here.remote(it));
    let remotes = remotes.collect::<anyhow::Result<Vec<_>>>();
    let remotes = remotes.map_err(|err| anyhow!(WrongUsage(err.to_string())))?;
    if wanted.clean {
        return clean(&place, &remotes, wanted.json);
    }
    let client = Client::new(&options(around)).context("cannot ask the hub")?;
    let hub = Hub { client: &client, place: &place };
    run(async {
        for remote in &remotes {
            let path = pull_one(&hub, here, remote, wanted).await?;
            if !wanted.json {
                print(&format!("{}\n", visible(&path.display().to_string())))?;
            }
        }
        Ok(Exit::Done)
    })
}

/// Fetches one model, told as to a person.
pub(in crate::cli) fn get(around: &Surroundings, here: &Here, name: &str) -> anyhow::Result<()> {
    let place = place(around)?;
    let client = Client::new(&options(around)).context("cannot ask the hub")?;
    let hub = Hub { client: &client, place: &place };
    let wanted = Pull { models: Vec::new(), no_mmproj: true, clean: false, json: false };
    let remote = here.remote(name)?;
    let exit = run(async {
        pull_one(&hub, here, &remote, &wanted).await?;
        Ok(Exit::Done)
    })?;
    match exit {
        Exit::Done => Ok(()),
        _ => bail!("the model is not here yet\nhint: the same command goes on from there"),
    }
}

/// A model at the hub: what would be fetched, and what it says of itself.
pub(super) struct Glimpse {
    pub(super) plan: Plan,
    pub(super) header: Header,
    pub(super) card: Option<String>,
    /// A file that has the size of the model, its header, and nothing else.
    pub(super) skeleton: NamedTempFile,
}

/// What a model at the hub would be, and says of itself.
pub(super) fn glance(
    around: &Surroundings,
    here: &Here,
    remote: &Remote,
) -> anyhow::Result<Glimpse> {
    let place = place(around)?;
    let client = Client::new(&options(around)).context("cannot ask the hub")?;
    let hub = Hub { client: &client, place: &place };
    let (mut seen, context) = (None, || format!("cannot look at `{remote}` at the hub"));
    run(async {
        let plan = hub::plan(&hub, remote, &|it| here.best_of(it)).await.with_context(context)?;
        let skeleton = NamedTempFile::new().context("cannot make a temporary file")?;
        // One that does not hold it is no worse than none.
        let _ = skeleton.as_file().set_len(plan.choice.parts[0].size);
        let mut keep = |at, piece: &[u8]| {
            let _ = skeleton.as_file().write_all_at(piece, at);
        };
        let header = hub::header(&hub, &plan, &mut keep).await.with_context(context)?;
        let card = hub::card(&hub, &plan).await;
        seen = Some(Glimpse { plan, header, card, skeleton });
        Ok(Exit::Done)
    })?;
    seen.context("stopped")
}

async fn pull_one(
    hub: &Hub<'_>,
    here: &Here,
    remote: &Remote,
    wanted: &Pull,
) -> anyhow::Result<PathBuf> {
    if hub.place.is_offline
        && let Some(kept) = here.kept(remote)
    {
        return taken_as_it_is(kept, remote, wanted);
    }
    let mut plan = hub::plan(hub, remote, &|it| here.best_of(it))
        .await
        .with_context(|| format!("cannot pull `{remote}`"))?;
    if wanted.no_mmproj {
        plan.choice.projector = None;
    }
    let style = if wanted.json {
        TransferStyle::Nothing
    } else if std::io::stderr().is_terminal() {
        TransferStyle::Bars
    } else {
        TransferStyle::Lines
    };
    let quant = plan.choice.quant.as_ref().map(ToString::to_string);
    let repo = &plan.remote.repo;
    if wanted.json {
        say(&json!({"event": "plan", "model": plan.remote.to_string(), "repo": repo,
            "commit": plan.commit, "quant": quant, "why": plan.choice.why, "size": plan.choice.size(),
            "files": plan.entries().map(|it| json!({"path": it.path, "size": it.size,
                "sha256": it.sha256.map(|it| it.to_string())})).collect::<Vec<_>>()}))?;
    } else {
        let quant = quant.as_deref().unwrap_or("one model");
        note(&visible(&format!("{repo}: {quant}, {}", bytes(plan.choice.size()))));
        plan.choice.why.iter().for_each(|it| note(&visible(&format!("  {it}"))));
    }
    let mut shown = Show::begin(&plan, style, wanted.json);
    let pulled = hub::pull(hub, &plan, &mut |it| shown.told(&it)).await;
    drop(shown);
    let path = pulled.with_context(|| format!("cannot pull `{}`", plan.remote))?;
    if wanted.json {
        say(&json!({"event": "done", "model": plan.remote.to_string(), "path": path}))?;
    }
    Ok(path)
}

/// Nobody may be asked whether there is a newer one.
fn taken_as_it_is(kept: &Found, remote: &Remote, wanted: &Pull) -> anyhow::Result<PathBuf> {
    if wanted.json {
        let model = remote.to_string();
        say(&json!({"event": "done", "model": model, "path": kept.path}))?;
    } else {
        note(&visible(&format!(
            "{}, already here; whether the hub has a newer one was not asked: HF_HUB_OFFLINE is set",
            kept.name()
        )));
    }
    Ok(kept.path.clone())
}

/// From what goes on to what is seen of it.
struct Show {
    names: Vec<String>,
    transfer: Transfer,
    is_json: bool,
    said: Option<Instant>,
}

impl Show {
    fn begin(plan: &Plan, style: TransferStyle, is_json: bool) -> Self {
        let files: Vec<_> = plan.entries().map(|it| (it.path.clone(), it.size)).collect();
        let transfer = Transfer::begin(&files, style);
        Self { names: files.into_iter().map(|it| it.0).collect(), transfer, is_json, said: None }
    }

    fn told(&mut self, it: &Pulling<'_>) {
        let (Pulling::Progress { entry, .. } | Pulling::Here { entry, .. }) = it;
        let nth = self.names.iter().position(|it| *it == entry.path).unwrap_or_default();
        match it {
            Pulling::Progress { progress, .. } => {
                self.transfer.show(nth, progress.done, words(progress).as_deref());
                if self.is_json && self.said.is_none_or(|it| OFTEN <= it.elapsed()) {
                    self.said = Some(Instant::now());
                    let line = json!({"event": "progress", "file": entry.path,
                        "done": progress.done, "size": entry.size});
                    // Whoever does not read any more will not read the end either.
                    let _ = say(&line);
                }
            }
            Pulling::Here { path, fetched, .. } => {
                let how = if fetched.sha256.is_none() && fetched.transferred == 0 {
                    "already here"
                } else if entry.sha256.is_some() {
                    "here, and its sha256 is right"
                } else {
                    "here"
                };
                self.transfer.end(nth, how);
                if self.is_json {
                    let _ = say(&json!({"event": "file", "file": entry.path, "path": path,
                        "size": fetched.size, "transferred": fetched.transferred}));
                }
            }
        }
    }
}

/// What is done besides fetching.
fn words(progress: &Progress) -> Option<String> {
    match progress.phase {
        Phase::Waiting => Some("another process is fetching it".to_owned()),
        Phase::Pausing { seconds } => Some(format!("the server asks for {seconds} s of patience")),
        Phase::Checking => Some("checking".to_owned()),
        Phase::Asking | Phase::Fetching { .. } => None,
    }
}

fn clean(place: &Place, remotes: &[Remote], is_json: bool) -> anyhow::Result<Exit> {
    let caches = match remotes {
        [] => Cache::all(&place.cache),
        some => some.iter().map(|it| Cache::of(&place.cache, &it.repo)).collect(),
    };
    let (mut files, mut freed, mut busy) = (0, 0, 0);
    for cache in caches {
        let cleaned = cache.clean().context("cannot clear away what is not whole")?;
        files += cleaned.files;
        freed += cleaned.bytes;
        busy += cleaned.busy;
    }
    if is_json {
        say(&json!({"event": "cleaned", "files": files, "bytes": freed, "busy": busy}))?;
        return Ok(Exit::Done);
    }
    let mut text = match files {
        0 => "nothing to clear away\n".to_owned(),
        1 => format!("cleared away 1 partial file, {}\n", bytes(freed)),
        _ => format!("cleared away {files} partial files, {}\n", bytes(freed)),
    };
    if 0 < busy {
        text += &format!("{busy} left, which are being fetched just now\n");
    }
    print(&text)?;
    Ok(Exit::Done)
}

/// One line for a program.
fn say(line: &Value) -> anyhow::Result<()> {
    print(&format!("{}\n", visible_json(&line.to_string())))
}

/// Until it is done, or until the person has enough.
pub(super) fn run(work: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    let interrupt = Interrupt::new();
    listen(&interrupt, &Interrupt::new())?;
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = work => ended,
            () = interrupt.fired() => {
                note("stopped; what has come is kept, and the same command goes on from there");
                Ok(Exit::Cancelled)
            }
        }
    });
    runtime.shutdown_background();
    ended
}

pub(in crate::cli) fn place(around: &Surroundings) -> anyhow::Result<Place> {
    let variable = |name: &str| around.variable(name).map(OsStr::to_owned);
    Place::of(&variable, around.home.as_deref())
}

/// How files are fetched, by what the environment says of proxies.
pub(in crate::cli) fn options(around: &Surroundings) -> Options {
    let first = |names: &[&str]| {
        let found = names.iter().find_map(|it| around.variable(it))?;
        found.to_str().map(str::to_owned)
    };
    let all = first(&["ALL_PROXY", "all_proxy"]);
    Options {
        proxies: Proxies {
            // In capitals it could come from a request's header, where this is a server's program.
            http: first(&["http_proxy"]).or_else(|| all.clone()),
            https: first(&["HTTPS_PROXY", "https_proxy"]).or(all),
            none: first(&["NO_PROXY", "no_proxy"]),
        },
        ..Options::default()
    }
}
