//! What is offered while a person types a prompt.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::cli::commands::{Ground, Takes};
use crate::cli::{commands, mentions};
use crate::models::{Found, Places, scan};
use crate::session::Store;
use crate::ui::{Offer, Suggest, visible};
use crate::workspace::Workspace;

/// All that is needed for it, away from the conversation: it is asked on another thread.
pub(super) struct Suggestions {
    pub(super) ground: Ground,
    pub(super) workspace: Workspace,
    pub(super) store: Option<Store>,
    pub(super) root: PathBuf,
    /// Names of the person's own commands.
    pub(super) own: Vec<String>,
    /// Where models are.
    pub(super) places: Places,
    pub(super) keys: Vec<String>,
    pub(super) themes: Vec<String>,
}

impl Suggestions {
    fn sessions(&self) -> Vec<String> {
        self.store.as_ref().map(|it| session_names(it, &self.root)).unwrap_or_default()
    }

    fn names(&self, of: Takes) -> Vec<String> {
        match of {
            Takes::Session => self.sessions(),
            Takes::Model => self.models(),
            Takes::Key => self.keys.clone(),
            Takes::Theme => self.themes.clone(),
            Takes::Nothing | Takes::Words | Takes::OneOf(_) => Vec::new(),
        }
    }

    fn models(&self) -> Vec<String> {
        let names = scan(&self.places).into_iter().filter(Found::is_usable).map(|it| it.name());
        names.filter(|it| visible(it) == *it).collect()
    }
}

/// What the sessions of a project are called, by themselves or by their ids.
pub(super) fn session_names(store: &Store, project: &Path) -> Vec<String> {
    let list = store.list(Some(project)).unwrap_or_default();
    let called = list.iter().map(|it| match it.name.as_deref().unwrap_or_default() {
        "" => it.id.clone(),
        name => name.to_owned(),
    });
    called.filter(|it| visible(it) == *it).collect()
}

impl Suggest for Suggestions {
    fn offer(&self, line: &str) -> Offer {
        match self.ground {
            _ if line.starts_with('/') => {
                commands::offer(line, (self.ground, &self.own), |it| self.names(it))
            }
            Ground::Project => mentions::offer(line, &self.workspace),
            Ground::Model => Offer::default(),
        }
    }

    fn hint(&self, line: &str) -> Option<String> {
        commands::hint(line, self.ground)
    }

    fn meant(&self, line: &str) -> Vec<Range<usize>> {
        match self.ground {
            _ if line.starts_with('/') => {
                commands::meant(line, self.ground, &self.own).into_iter().collect()
            }
            Ground::Project if line.starts_with('!') => std::iter::once(0..1).collect(),
            Ground::Project => mentions::named_in(line, &self.workspace),
            Ground::Model => Vec::new(),
        }
    }
}
