//! The models of this machine, as the server asks for them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::cli::models::Here;
use crate::cli::surroundings::Surroundings;
use crate::config::Settings;
use crate::models::{Element, Form, Machine, Wish, locate, need, open, scan};
use crate::serving::{Library, Listed, Missing, Wanted};

/// What the file system tells is believed for so long.
const FRESH: Duration = Duration::from_secs(5);

/// A context that a person can be expected to want, where nothing is said.
const USUAL_CONTEXT: u64 = 32 << 10;

pub(super) struct Shelf {
    around: Surroundings,
    settings: Settings,
    here: RefCell<Here>,
    scanned: Cell<Instant>,
    known: RefCell<HashMap<Option<String>, Wanted>>,
}

impl Shelf {
    pub(super) fn new(around: &Surroundings, settings: &Settings, here: Here) -> Self {
        Self {
            around: around.clone(),
            settings: settings.clone(),
            here: RefCell::new(here),
            scanned: Cell::new(Instant::now()),
            known: RefCell::default(),
        }
    }

    /// Looks again, if that is due: models come and go.
    fn refresh(&self) {
        if FRESH < self.scanned.get().elapsed() {
            let mut here = self.here.borrow_mut();
            here.found = scan(&here.places);
            self.scanned.set(Instant::now());
            self.known.borrow_mut().clear();
        }
    }

    fn look(&self, name: Option<&str>) -> anyhow::Result<(String, PathBuf, Option<String>)> {
        let here = self.here.borrow();
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

    /// What it will take, with a context that it will have at most.
    fn usual_need(&self, path: &Path) -> u64 {
        let trained = open(path).ok().and_then(|it| Form::of(&it)).map_or(0, |it| it.context);
        let asked = self.settings.llama.context.map(u64::from);
        let each = asked.unwrap_or(USUAL_CONTEXT.min(trained.max(4096)));
        self.need(path, each * u64::from(self.settings.llama.slots))
    }
}

impl Library for Shelf {
    fn find(&self, name: Option<&str>) -> Result<Wanted, Missing> {
        self.refresh();
        let name = name.or(self.settings.model.as_deref());
        let key = name.map(str::to_owned);
        if let Some(wanted) = self.known.borrow().get(&key) {
            return Ok(wanted.clone());
        }
        let found = self.look(name).map_err(|err| Missing(format!("{err:#}")))?;
        let (name, path, quant) = found;
        let need = self.usual_need(&path);
        let wanted = Wanted { name, path, quant, need };
        self.known.borrow_mut().insert(key, wanted.clone());
        Ok(wanted)
    }

    fn all(&self) -> Vec<Listed> {
        self.refresh();
        let here = self.here.borrow();
        let usable = here.found.iter().filter(|it| it.is_usable());
        let since = |it: SystemTime| it.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let listed = usable.map(|it| Listed {
            name: it.name(),
            size: it.size,
            modified: since(it.modified).as_secs(),
        });
        listed.collect()
    }

    fn room(&self, used: u64) -> u64 {
        if let Some(gigabytes) = self.settings.server.gigabytes {
            return (gigabytes * 1e9) as u64;
        }
        match self.here.borrow().machine.on_cards() {
            0 => {
                // What other programs have taken meanwhile is not to be had.
                let now = Machine::look(Path::new("/"));
                now.in_memory().min(used.saturating_add(now.available))
            }
            cards => cards,
        }
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
