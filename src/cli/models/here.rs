//! The models that are here, and the machine they are to run on.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::cli::models::asked;
use crate::cli::models::pull::place;
use crate::cli::sandbox::whole;
use crate::cli::surroundings::Surroundings;
use crate::config::Settings;
use crate::models::hub::{Remote, Which};
use crate::models::{
    Candidate, Catalog, Form, Found, Machine, Match, Place, Places, Quant, Reference, Room, State,
    Wish, choose, locate, need, open, scan,
};

pub(in crate::cli) struct Here {
    pub(in crate::cli) places: Places,
    pub(in crate::cli) found: Vec<Found>,
    pub(in crate::cli) catalog: Catalog,
    pub(in crate::cli) machine: Machine,
    /// The address of the hub.
    endpoint: String,
}

/// What a person can be expected to want.
const USUAL_CONTEXT: u64 = 32 << 10;

/// What that takes besides the weights, roughly, of a model that is not here yet.
const USUAL_BESIDES: u64 = 3_000_000_000;

impl Here {
    pub(in crate::cli) fn look(around: &Surroundings, settings: &Settings) -> anyhow::Result<Self> {
        let places = places(around, settings);
        let catalog = match around.config_dir() {
            Some(folder) => Catalog::read(&folder.join("catalog.toml"))?,
            None => Catalog::ours(),
        };
        let found = scan(&places);
        let endpoint = place(around).map(|it| it.endpoint).unwrap_or_default();
        Ok(Self { places, found, catalog, machine: Machine::look(Path::new("/")), endpoint })
    }

    /// With the cards as the engine sees them or, where there is none yet, as far as their drivers tell. Not
    /// within a session, whose children are started elsewhere.
    pub(in crate::cli) fn with_cards(mut self, around: &Surroundings, settings: &Settings) -> Self {
        if let Some(cards) = asked::devices(around, settings) {
            self.machine.cards = cards;
        } else if self.machine.cards.is_empty() {
            self.machine.cards = asked::nvidia(around).unwrap_or_default();
        }
        self
    }

    /// All forms that a name can mean.
    pub(in crate::cli) fn forms(&self, name: &str) -> anyhow::Result<Vec<&Found>> {
        match Reference::parse(name).find(&self.found, &self.catalog) {
            Match::One(forms) => Ok(forms),
            Match::Several(names) => {
                let names: Vec<_> = names.iter().map(|it| format!("`{it}`")).collect();
                bail!("`{name}` can mean several models\nhint: name one: {}", names.join(", "))
            }
            Match::None(alike) => match self.broken(name) {
                Some(why) => bail!("{why}"),
                None => bail!("{}", self.not_here(name, &alike)),
            },
        }
    }

    /// Why a model of this name, which is here, cannot be worked with.
    fn broken(&self, name: &str) -> Option<String> {
        let broken = |it: &Found| match &it.state {
            State::Broken(why) => Some((Found { state: State::Whole, ..it.clone() }, why.clone())),
            State::Whole | State::Partial => None,
        };
        let (found, reasons): (Vec<_>, Vec<_>) = self.found.iter().filter_map(broken).unzip();
        let Match::One(forms) = Reference::parse(name).find(&found, &self.catalog) else {
            return None;
        };
        let (form, reason) = found.iter().zip(reasons).find(|(it, _)| it.path == forms[0].path)?;
        Some(format!("`{}` is broken: {reason}\nhint: download it again", form.name()))
    }

    /// Whether this is nearly the name of a model that is here.
    pub(in crate::cli) fn is_near_miss(&self, name: &str) -> bool {
        let found = Reference::parse(name).find(&self.found, &self.catalog);
        matches!(found, Match::None(alike) if !alike.is_empty())
    }

    fn not_here(&self, name: &str, alike: &[String]) -> String {
        let mut told = format!("there is no model `{name}` here");
        if let Some(repo) = self.catalog.repo(name) {
            return told + &format!("\nhint: `agent models pull {name}` fetches `{repo}`");
        }
        match alike {
            [] => told += "\nhint: `agent models list` shows what there is",
            [one] => told += &format!("\nhint: did you mean `{one}`?"),
            many => {
                let many: Vec<_> = many.iter().map(|it| format!("`{it}`")).collect();
                told += &format!("\nhint: did you mean one of {}?", many.join(", "));
            }
        }
        told
    }

    /// The file of a model that is named by its path or by what it is called; of several forms the
    /// best that fits, and why that one.
    pub(in crate::cli) fn file(
        &self,
        around: &Surroundings,
        name: &str,
    ) -> anyhow::Result<(PathBuf, Option<String>)> {
        if let Some(path) = path_of(around, name) {
            return Ok((locate(&path)?, None));
        }
        let forms = self.forms(name)?;
        let (best, reason) = self.best(&forms);
        Ok((locate(&best.path)?, reason.map(|it| format!("{}: {it}", best.family))))
    }

    /// The best of a model's forms. There is at least one.
    pub(super) fn best<'a>(&self, forms: &[&'a Found]) -> (&'a Found, Option<String>) {
        if let [one] = forms {
            return (one, None);
        }
        let forms_of = |it: &&&Found| {
            let header = open(&it.path).ok()?;
            Some((Form::of(&header)?, header.parameters()))
        };
        // All forms of a model are built alike, so that any of them will do.
        let form = forms.iter().find_map(|it| forms_of(&it));
        let wish = |form: &Form| Wish::usual(USUAL_CONTEXT.min(form.context.max(4096)));
        let besides = form.as_ref().map_or(0, |(form, _)| {
            let need = need(form, &wish(form));
            need.total().saturating_sub(need.weights)
        });
        let context = form.as_ref().map_or(USUAL_CONTEXT, |(form, _)| wish(form).context);
        let candidates: Vec<_> =
            forms.iter().map(|it| Candidate { quant: it.quant.clone(), size: it.size }).collect();
        let parameters = form.map(|it| it.1);
        let bytes = self.for_weights();
        let chosen = choose(&candidates, parameters, Room { bytes, besides, context });
        let (at, reason) = chosen.expect("a name that leads to nothing was an error before");
        (forms[at], Some(reason))
    }

    /// Bytes for a model and all that goes with it: on the cards, where there are some.
    fn for_weights(&self) -> u64 {
        match self.machine.on_cards() {
            0 => self.machine.in_memory(),
            cards => cards,
        }
    }

    /// The best of forms of which no more than their size is known yet.
    pub(super) fn best_of(&self, candidates: &[Candidate]) -> Option<(usize, String)> {
        let room =
            Room { bytes: self.for_weights(), besides: USUAL_BESIDES, context: USUAL_CONTEXT };
        choose(candidates, None, room)
    }

    /// What is to be fetched: a model of the hub, or one that the catalogue knows by this name.
    pub(super) fn remote(&self, name: &str) -> anyhow::Result<Remote> {
        let known = self.catalog.entry(name);
        // The address of a page at whatever hub is asked.
        let page = name.strip_prefix(&self.endpoint).and_then(|it| it.strip_prefix('/'));
        known.map_or_else(|| page.unwrap_or(name).parse(), |it| it.reference().parse())
    }

    /// The form of what is named at a hub that is here, as far as that can be said without asking it.
    pub(super) fn kept(&self, remote: &Remote) -> Option<&Found> {
        let is_it = |it: &&Found| match &remote.which {
            Which::Best => true,
            Which::Quant(quant) => it.quant.is_some() && it.quant == Quant::parse(quant),
            Which::File(file) => it.path.ends_with(file),
        };
        let of_repo = |it: &&Found| match it.family.strip_prefix(&remote.repo) {
            Some(behind) => behind.is_empty() || behind.starts_with('/'),
            None => false,
        };
        let usable = self.found.iter().filter(|it| it.is_usable());
        let forms: Vec<_> = usable.filter(of_repo).filter(is_it).collect();
        (!forms.is_empty() && remote.revision == "main").then(|| self.best(&forms).0)
    }

    /// The one to work with when none was named: the best of the catalogue that is here and fits, or
    /// the only one that is here.
    pub(in crate::cli) fn usual(&self) -> Option<&Found> {
        let usable = || self.found.iter().filter(|it| it.is_usable());
        let fits =
            self.catalog.entries.iter().filter(|it| it.place(&self.machine) != Place::Nowhere);
        for entry in fits {
            let forms: Vec<_> = usable().filter(|it| it.family == entry.repo).collect();
            if !forms.is_empty() {
                return Some(self.best(&forms).0);
            }
        }
        let families: std::collections::BTreeSet<_> = usable().map(|it| &it.family).collect();
        let forms: Vec<_> = usable().collect();
        (families.len() == 1).then(|| self.best(&forms).0)
    }

    /// Whether there is any model that could be worked with.
    pub(in crate::cli) fn has_some(&self) -> bool {
        self.found.iter().any(Found::is_usable)
    }

    /// What the machine has for a model.
    pub(in crate::cli) fn in_words(&self) -> String {
        crate::cli::models::info::machine(self)
    }

    /// Names of some that are here, for a hint.
    pub(in crate::cli) fn some(&self) -> Vec<String> {
        const SOME: usize = 3;
        self.found.iter().filter(|it| it.is_usable()).take(SOME).map(Found::name).collect()
    }
}

/// Where models of this machine are.
pub(in crate::cli) fn places(around: &Surroundings, settings: &Settings) -> Places {
    let home = around.home.as_deref();
    let folders = settings.models.folders.iter().map(|it| whole(it, home)).collect();
    Places::of(|name| around.variable(name), home, folders)
}

/// What is named by where it lies: something with the looks of a path, or that is there.
pub(in crate::cli) fn path_of(around: &Surroundings, name: &str) -> Option<PathBuf> {
    let path = around.directory.join(whole(Path::new(name), around.home.as_deref()));
    let looks_like_one = name.starts_with(['/', '~', '.']) || name.ends_with(".gguf");
    let is_address = name.contains("://") || name.starts_with("hf.co/");
    ((looks_like_one && !is_address) || path.exists()).then_some(path)
}
