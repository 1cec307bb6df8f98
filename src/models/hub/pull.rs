//! A model from the hub into the cache: first what has to come, then that it comes.

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::download::{Ask, Fetched, Progress, Wanted, fetch};
use crate::models::gguf::{Header, Reader, Step};
use crate::models::hub::api::{Entry, Hub};
use crate::models::hub::cache::{Cache, check_blob, check_path};
use crate::models::hub::card;
use crate::models::hub::choose::{Choice, Taste, choose, models};
use crate::models::hub::reference::Remote;
use crate::models::hub::trouble::of_file;
use crate::models::name::Quant;

/// What has to come for one model.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) remote: Remote,
    pub(crate) commit: String,
    pub(crate) choice: Choice,
    /// All models that the repository has.
    pub(crate) forms: Vec<RemoteForm>,
    pub(super) card: Option<Entry>,
    cache: Cache,
}

/// One model of a repository, in brief.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RemoteForm {
    pub(crate) quant: Option<Quant>,
    pub(crate) size: u64,
}

/// What goes on.
#[derive(Clone, Debug)]
pub(crate) enum Pulling<'a> {
    Progress {
        entry: &'a Entry,
        progress: Progress,
    },
    /// One file is there.
    Here {
        entry: &'a Entry,
        path: PathBuf,
        fetched: Fetched,
    },
}

impl Plan {
    /// The files in the order they come.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.choice.parts.iter().chain(&self.choice.projector)
    }
}

/// Asks the hub what the model consists of.
pub(crate) async fn plan(
    hub: &Hub<'_>,
    remote: &Remote,
    taste: &Taste<'_>,
) -> anyhow::Result<Plan> {
    let (repo, commit) = hub.commit(&remote.repo, &remote.revision).await?;
    // A repository that was renamed answers under its new name.
    let remote = Remote { repo, ..remote.clone() };
    let entries = hub.tree(&remote.repo, &commit).await?;
    let choice = choose(&remote.repo, &entries, &remote.which, taste)?;
    let form = |it: Choice| RemoteForm { size: it.size(), quant: it.quant };
    let mut forms: Vec<_> = models(&entries).into_iter().map(form).collect();
    forms.sort_by_key(|it| it.size);
    let card = card::of(&entries);
    for entry in choice.parts.iter().chain(&choice.projector) {
        check_path(&entry.path)?;
        check_blob(&entry.blob)?;
    }
    let cache = Cache::of(&hub.place.cache, &remote.repo);
    let first = &choice.parts[0];
    if !is_there(&cache, &commit, first) {
        check_first(hub, &remote, &commit, first).await?;
    }
    Ok(Plan { remote, commit, choice, forms, card, cache })
}

fn is_there(cache: &Cache, commit: &str, entry: &Entry) -> bool {
    let path = cache.file(commit, &entry.path);
    path.is_ok_and(|it| it.metadata().is_ok_and(|it| it.len() == entry.size))
}

/// Whether it may be had, and is a model at all: better known before many gigabytes have come.
async fn check_first(
    hub: &Hub<'_>,
    remote: &Remote,
    commit: &str,
    entry: &Entry,
) -> anyhow::Result<()> {
    const MAGIC: &[u8] = b"GGUF";
    let path = &entry.path;
    let facts = hub.facts(&remote.repo, commit, path).await?;
    let is_same = facts.commit.is_none_or(|it| it == commit)
        && facts.size.is_none_or(|it| it == entry.size)
        && (facts.sha256.is_none() || facts.sha256 == entry.sha256);
    if !is_same {
        bail!("the hub says one thing of `{path}` in its list and another of the file itself");
    }
    let ask = Ask::new(hub.file(&remote.repo, commit, path)?).with_token(hub.token());
    let start = hub.client.range(&ask, 0..MAGIC.len() as u64).await;
    let start = start.map_err(|err| of_file(err, hub.place, &remote.repo))?;
    if start != MAGIC {
        bail!("`{path}` is not a GGUF file, whatever its name says");
    }
    Ok(())
}

/// What a model says of itself, before it is fetched: of many gigabytes a few megabytes are read, and each piece
/// of them is shown with its place.
pub(crate) async fn header(
    hub: &Hub<'_>,
    plan: &Plan,
    seen: &mut dyn FnMut(u64, &[u8]),
) -> anyhow::Result<Header> {
    const PIECE: u64 = 1 << 20;
    let first = &plan.choice.parts[0];
    let file = hub.file(&plan.remote.repo, &plan.commit, &first.path)?;
    let ask = Ask::new(file).with_token(hub.token());
    let (mut reader, mut at) = (Reader::new(Some(first.size)), 0);
    loop {
        let end = (at + PIECE).min(first.size);
        let piece = hub.client.range(&ask, at..end).await;
        let piece = piece.map_err(|err| of_file(err, hub.place, &plan.remote.repo))?;
        if piece.is_empty() {
            bail!("`{}` ends before its header does", first.path);
        }
        seen(at, &piece);
        at += piece.len() as u64;
        match reader.push(&piece).with_context(|| format!("`{}` is damaged", first.path))? {
            Step::Done(header) => return Ok(*header),
            Step::Skip(bytes) => at = at.saturating_add(bytes),
            Step::NeedsMore(_) if at < first.size => {}
            Step::NeedsMore(_) => bail!("`{}` ends before its header does", first.path),
        }
    }
}

/// Fetches what is not there yet; the path of the model, which of a split one is its first part.
pub(crate) async fn pull(
    hub: &Hub<'_>,
    plan: &Plan,
    told: &mut dyn FnMut(Pulling<'_>),
) -> anyhow::Result<PathBuf> {
    let (repo, commit) = (&plan.remote.repo, &plan.commit);
    let mut model = None;
    for entry in plan.entries() {
        let path = plan.cache.file(commit, &entry.path)?;
        let is_there = is_there(&plan.cache, commit, entry);
        let fetched = if is_there {
            Fetched { size: entry.size, sha256: None, transferred: 0 }
        } else {
            let wanted = Wanted {
                ask: Ask::new(hub.file(repo, commit, &entry.path)?).with_token(hub.token()),
                to: plan.cache.blob(&entry.blob),
                size: Some(entry.size),
                sha256: entry.sha256,
            };
            let mut on = |progress| told(Pulling::Progress { entry, progress });
            let fetched = fetch(hub.client, &wanted, &mut on).await;
            let fetched = fetched.map_err(|err| of_file(err, hub.place, repo));
            fetched.with_context(|| format!("cannot fetch `{}`", entry.path))?
        };
        let path =
            if is_there { path } else { plan.cache.link(commit, &entry.path, &entry.blob)? };
        model.get_or_insert(path.clone());
        told(Pulling::Here { entry, path, fetched });
    }
    plan.cache.point(&plan.remote.revision, commit)?;
    model.context("a model has a file")
}
