//! From a wish to an engine that is used: found, fetched, unpacked, tried, and only then turned to.
//!
//! What fails on the way leaves the engine that was used before as it was.

use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};

use crate::download::{Ask, Client, Progress, Wanted, fetch};
use crate::llama::engine::asset::{Backend, Made};
use crate::llama::engine::machine::Machine;
use crate::llama::engine::pick::{Pick, pick};
use crate::llama::engine::release::{Published, Release, Sources, Wish, resolve};
use crate::llama::engine::smoke::{Place, works};
use crate::llama::engine::store::{Asset, Installed, Lock, Store, Version, program_in};
use crate::llama::engine::unpack::unpack;
use crate::llama::private;

/// All that an install needs to know.
pub(crate) struct Install<'a> {
    pub(crate) client: &'a Client,
    pub(crate) sources: &'a Sources,
    pub(crate) store: &'a Store,
    pub(crate) machine: &'a Machine,
    pub(crate) wish: Wish,
    /// Nothing but that; otherwise what suits the machine.
    pub(crate) backend: Option<Backend>,
    /// Also what is there already.
    pub(crate) anew: bool,
    /// Where it is tried.
    pub(crate) place: Place<'a>,
    pub(crate) now: SystemTime,
}

/// What the person may want to know while it is done.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// Another agent is at it.
    Waiting,
    Found {
        build: u32,
    },
    Fetching {
        name: &'a str,
        progress: Progress,
    },
    /// Nobody said what the file should hold.
    Unchecked {
        name: &'a str,
    },
    Unpacking {
        name: &'a str,
    },
    Testing {
        backend: Backend,
    },
    /// It does not work here, and another is tried.
    Unfit {
        backend: Backend,
        reason: String,
    },
    /// It was in the way.
    Removed {
        name: String,
    },
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Installation {
    New(Installed),
    /// It was there already, and is used now.
    There(Installed),
}

/// How often is looked whether the other agent is done.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) async fn install(
    it: &Install<'_>,
    on: &mut dyn FnMut(Step<'_>),
) -> anyhow::Result<Installation> {
    let lock = lock(it.store, on).await?;
    let suits = |names: &[&str]| pick(names, it.machine, it.backend).is_ok();
    // Where nothing can run, no list has to be asked for to say so.
    it.machine.is_served()?;
    let release =
        resolve(it.client, it.sources, it.wish, &suits).await.context("cannot find a release")?;
    let names = release.names();
    let picks = pick(&names, it.machine, it.backend)
        .with_context(|| format!("b{} cannot be used", release.build))?;
    on(Step::Found { build: release.build });
    let mut picks = picks.into_iter().peekable();
    while let Some(pick) = picks.next() {
        let there = it.store.list().into_iter().find(|there| {
            (there.version.build, there.version.backend) == (release.build, pick.backend)
        });
        if let Some(there) = there {
            if !it.anew {
                it.store.turn_to(&lock, &there)?;
                return Ok(Installation::There(there));
            }
            // Better said before it is fetched.
            drop(there.alone()?);
        }
        let draft = it.store.draft(&lock)?;
        let version = match prepare(it, &release, &pick, &draft, on).await {
            Ok(version) => version,
            Err(err) => {
                let _ = std::fs::remove_dir_all(&draft);
                match err.downcast::<Unfit>() {
                    Ok(unfit) if picks.peek().is_some() => {
                        let reason = format!("{:#}", unfit.0);
                        on(Step::Unfit { backend: pick.backend, reason });
                        continue;
                    }
                    Ok(unfit) => {
                        return Err(unfit.0.context(format!(
                            "`b{}-{}` does not work here, and nothing was changed",
                            release.build, pick.backend
                        )));
                    }
                    Err(err) => return Err(err),
                }
            }
        };
        let installed = it.store.keep(&lock, &draft, version)?;
        it.store.turn_to(&lock, &installed)?;
        // What others began to fetch and gave up is of no more use.
        let _ = std::fs::remove_dir_all(it.store.downloads());
        for gone in it.store.prune(&lock)? {
            on(Step::Removed { name: gone.version.name() });
        }
        return Ok(Installation::New(installed));
    }
    bail!("b{} cannot be used", release.build)
}

/// Takes the lock of the store, and waits for whoever has it.
pub(crate) async fn lock(store: &Store, on: &mut dyn FnMut(Step<'_>)) -> anyhow::Result<Lock> {
    let mut is_told = false;
    loop {
        if let Some(lock) = store.lock()? {
            return Ok(lock);
        }
        if !std::mem::replace(&mut is_told, true) {
            on(Step::Waiting);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// It is all there, and does not work.
#[derive(Debug)]
struct Unfit(anyhow::Error);

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Unfit {}

/// Fetches, unpacks and tries it in `draft`.
async fn prepare(
    it: &Install<'_>,
    release: &Release,
    pick: &Pick<'_>,
    draft: &Path,
    on: &mut dyn FnMut(Step<'_>),
) -> anyhow::Result<Version> {
    let folder = draft.join("llama");
    let mut assets = vec![bring(it, release, pick.name, &folder, on).await?];
    let inner = program_in(&folder).with_context(|| format!("cannot use `{}`", pick.name))?;
    if let Some(name) = pick.runtime {
        let beside = draft.join("runtime");
        assets.push(bring(it, release, name, &beside, on).await?);
        let home = folder.join(&inner);
        join(&beside, home.parent().unwrap_or(&folder))
            .with_context(|| format!("cannot put `{name}` beside the engine"))?;
    }
    on(Step::Testing { backend: pick.backend });
    let model = draft.join("script.gguf");
    let tested = works(&folder.join(&inner), &model, &it.place).await;
    std::fs::remove_file(&model).context("cannot remove the model of the test")?;
    tested.map_err(Unfit)?;
    let installed_at = it.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(Version {
        build: release.build,
        backend: pick.backend,
        program: Path::new("llama").join(inner),
        assets,
        installed_at,
    })
}

/// Fetches a file of the release and unpacks it into `folder`.
async fn bring(
    it: &Install<'_>,
    release: &Release,
    name: &str,
    folder: &Path,
    on: &mut dyn FnMut(Step<'_>),
) -> anyhow::Result<Asset> {
    let published = release.file(name).context("what was picked is in the release")?;
    let made = Made::parse(name).context("what was picked is understood")?;
    let downloads = it.store.downloads();
    private::make_dir(&downloads)?;
    let archive = downloads.join(name);
    // One that is there was not unpacked, for whatever reason, and is not believed.
    let _ = std::fs::remove_file(&archive);
    if published.digest.is_none() {
        on(Step::Unchecked { name });
    }
    let wanted = Wanted {
        ask: Ask::new(published.url.clone()),
        to: archive.clone(),
        size: published.size,
        sha256: published.digest,
    };
    on(Step::Fetching { name, progress: Progress { size: published.size, ..Progress::default() } });
    let mut told = |progress| on(Step::Fetching { name, progress });
    fetch(it.client, &wanted, &mut told).await.with_context(|| format!("cannot fetch `{name}`"))?;
    on(Step::Unpacking { name });
    let (from, to) = (archive.clone(), folder.to_owned());
    let unpacked = tokio::task::spawn_blocking(move || unpack(&from, made.packing, &to)).await;
    // Unpacked or not, it is of no more use: what cannot be unpacked is fetched anew.
    let _ = std::fs::remove_file(&archive);
    unpacked.context("the unpacking was given up")??;
    Ok(asset(published))
}

fn asset(published: &Published) -> Asset {
    let digest = published.digest.map(|it| it.to_string());
    Asset { name: published.name.clone(), url: published.url.clone(), digest }
}

/// Moves all files of `from`, in whatever folders they are, into `to`, where none may be replaced. A link was
/// looked at where it was, and leads elsewhere from where it comes: only to one that comes with it, it may.
fn join(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry?;
        let name = entry.file_name();
        // The licences of both lie side by side and are the same to us.
        if entry.file_type().is_dir() || name.to_string_lossy().starts_with("LICENSE") {
            continue;
        }
        let target: PathBuf = to.join(name);
        if target.symlink_metadata().is_ok() {
            bail!("`{}` is in both", name.to_string_lossy());
        }
        if entry.path_is_symlink() {
            let beside = std::fs::read_link(entry.path())?;
            let is_beside = matches!(
                beside.components().collect::<Vec<_>>()[..],
                [Component::Normal(_)] | [Component::CurDir, Component::Normal(_)]
            );
            ensure!(is_beside, "the link `{}` leads to another folder", name.to_string_lossy());
        }
        std::fs::rename(entry.path(), target)?;
    }
    std::fs::remove_dir_all(from)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }

    #[test]
    fn libraries_of_a_backend_are_put_beside_the_engine() {
        let temp = tempfile::tempdir().unwrap();
        let (engine, runtime) = (temp.path().join("engine"), temp.path().join("runtime"));
        file(&engine, "llama-server");
        file(&engine, "LICENSE");
        file(&runtime, "cudart/libcudart.so.13");
        file(&runtime, "cudart/LICENSE-cuda");
        std::os::unix::fs::symlink("libcudart.so.13", runtime.join("cudart/libcudart.so")).unwrap();
        join(&runtime, &engine).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(&engine)
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["LICENSE", "libcudart.so", "libcudart.so.13", "llama-server"]);
        assert!(!runtime.exists());
    }

    #[test]
    fn a_link_of_theirs_leads_nowhere_else() {
        for target in ["../../../../x", "../x", "/x", "b/x", ".."] {
            let temp = tempfile::tempdir().unwrap();
            let (engine, runtime) = (temp.path().join("engine"), temp.path().join("runtime"));
            file(&engine, "llama-server");
            file(&runtime, "a/b/c/d/x");
            std::os::unix::fs::symlink(target, runtime.join("a/b/c/d/l")).unwrap();
            let err = join(&runtime, &engine).unwrap_err();
            assert_eq!(err.to_string(), "the link `l` leads to another folder", "{target}");
        }
    }

    #[test]
    fn they_replace_nothing_of_it() {
        let temp = tempfile::tempdir().unwrap();
        let (engine, runtime) = (temp.path().join("engine"), temp.path().join("runtime"));
        file(&engine, "llama-server");
        file(&runtime, "llama-server");
        let err = join(&runtime, &engine).unwrap_err();
        assert_eq!(err.to_string(), "`llama-server` is in both");
    }
}
