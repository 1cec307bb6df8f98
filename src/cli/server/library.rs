//! The models of this machine, as the server asks for them.

use std::collections::HashMap;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::task::spawn_blocking;

use crate::cli::models::Here;
use crate::cli::surroundings::Surroundings;
use crate::config::Settings;
use crate::models::{Element, Form, Machine, Wish, locate, need, open, scan};
use crate::serving::{Library, Listed, Look, Missing, Wanted};

/// What the file system tells is believed for so long.
const FRESH: Duration = Duration::from_secs(5);

/// A context that a person can be expected to want, where nothing is said.
const USUAL_CONTEXT: u64 = 32 << 10;

/// A disk is looked at on other threads: a slow one must not keep an answer from its caller.
pub(super) struct Shelf {
    books: Arc<Books>,
    /// Bytes on all cards.
    cards: u64,
}

struct Books {
    around: Surroundings,
    settings: Settings,
    /// Held while the disk is looked at, and so never taken by the main thread.
    here: Mutex<Here>,
    /// Held for a moment only.
    known: Mutex<Known>,
}

/// What was found since the last look at everything.
struct Known {
    scanned: Instant,
    wanted: HashMap<Option<String>, Wanted>,
}

impl Shelf {
    pub(super) fn new(around: &Surroundings, settings: &Settings, here: Here) -> Self {
        let cards = here.machine.on_cards();
        let known = Known { scanned: Instant::now(), wanted: HashMap::new() };
        let books = Books {
            around: around.clone(),
            settings: settings.clone(),
            here: Mutex::new(here),
            known: Mutex::new(known),
        };
        Self { books: Arc::new(books), cards }
    }
}

/// What one look has left half done, the next one does again.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Books {
    /// What needs no look at the disk.
    fn known(&self, name: Option<&String>) -> Option<Wanted> {
        let known = lock(&self.known);
        let is_fresh = known.scanned.elapsed() <= FRESH;
        known.wanted.get(&name.cloned()).filter(|_| is_fresh).cloned()
    }

    /// Looks again, if that is due: models come and go.
    fn here(&self) -> MutexGuard<'_, Here> {
        let mut here = lock(&self.here);
        if FRESH < lock(&self.known).scanned.elapsed() {
            here.found = scan(&here.places);
            *lock(&self.known) = Known { scanned: Instant::now(), wanted: HashMap::new() };
        }
        here
    }

    fn find(&self, name: Option<String>) -> Result<Wanted, Missing> {
        let here = self.here();
        let found = self.look(&here, name.as_deref()).map_err(|err| Missing(format!("{err:#}")))?;
        let (called, path, quant) = found;
        let need = self.usual_need(&path);
        let wanted = Wanted { name: called, path, quant, need };
        lock(&self.known).wanted.insert(name, wanted.clone());
        Ok(wanted)
    }

    fn look(
        &self,
        here: &Here,
        name: Option<&str>,
    ) -> anyhow::Result<(String, PathBuf, Option<String>)> {
        let path = match name {
            Some(name) => here.file(&self.around, name)?.0,
            None => match here.usual() {
                Some(found) => locate(&found.path)?,
                None => anyhow::bail!(
                    "the request names no model, and there is no usual one\n\
                     hint: name one with `model`, or set `model` in the configuration"
                ),
            },
        };
        let found = here.found.iter().find(|it| it.path == path);
        let called = found.map_or_else(|| path.display().to_string(), |it| it.name());
        Ok((called, path, found.and_then(|it| it.quant.as_ref()).map(ToString::to_string)))
    }

    fn all(&self) -> Vec<Listed> {
        let here = self.here();
        let usable = here.found.iter().filter(|it| it.is_usable());
        let since = |it: SystemTime| it.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let listed = usable.map(|it| Listed {
            name: it.name(),
            size: it.size,
            modified: since(it.modified).as_secs(),
        });
        listed.collect()
    }

    /// What it will take, with a context that it will have at most.
    fn usual_need(&self, path: &Path) -> u64 {
        let trained = open(path).ok().and_then(|it| Form::of(&it)).map_or(0, |it| it.context);
        let asked = self.settings.llama.context.map(u64::from);
        let each = asked.unwrap_or(USUAL_CONTEXT.min(trained.max(4096)));
        self.need(path, each * u64::from(self.settings.llama.slots))
    }

    fn need(&self, path: &Path, context: u64) -> u64 {
        let size = path.metadata().map_or(0, |it| it.len());
        let Some(form) = open(path).ok().and_then(|it| Form::of(&it)) else { return size };
        let options = &self.settings.llama;
        let mut wish = Wish::usual(context);
        wish.slots = options.slots.into();
        if let Some(kind) = options.cache_type.as_deref().and_then(Element::named) {
            (wish.key, wish.value) = (kind, kind);
        }
        need(&form, &wish).total()
    }
}

impl Library for Shelf {
    fn find(&self, name: Option<&str>) -> Look<Result<Wanted, Missing>> {
        let name = name.or(self.books.settings.model.as_deref()).map(str::to_owned);
        if let Some(wanted) = self.books.known(name.as_ref()) {
            return Box::pin(ready(Ok(wanted)));
        }
        let books = Arc::clone(&self.books);
        Box::pin(async move {
            let found = spawn_blocking(move || books.find(name)).await;
            found.unwrap_or_else(|_| Err(Missing("the models cannot be looked at".to_owned())))
        })
    }

    fn all(&self) -> Look<Vec<Listed>> {
        let books = Arc::clone(&self.books);
        Box::pin(async move { spawn_blocking(move || books.all()).await.unwrap_or_default() })
    }

    fn room(&self, used: u64) -> u64 {
        if let Some(gigabytes) = self.books.settings.server.gigabytes {
            return (gigabytes * 1e9) as u64;
        }
        match self.cards {
            0 => {
                // What other programs have taken meanwhile is not to be had.
                let now = Machine::look(Path::new("/"));
                now.in_memory().min(used.saturating_add(now.available))
            }
            cards => cards,
        }
    }

    fn need(&self, path: &Path, context: u64) -> Look<u64> {
        let (books, path) = (Arc::clone(&self.books), path.to_owned());
        Box::pin(async move {
            spawn_blocking(move || books.need(&path, context)).await.unwrap_or_default()
        })
    }
}
