//! What a person changes in the middle of a conversation: the model, settings, colours.

use std::path::PathBuf;

use crate::agent::{Desk, rereading};
use crate::cli::choosing::{chosen, is_file_name};
use crate::cli::drawing::{draw_by, themes};
use crate::cli::job::{Job, host_of};
use crate::cli::models::Here;
use crate::cli::picking::{ANOTHER, pick};
use crate::cli::planning::Person;
use crate::cli::sandbox::whole;
use crate::cli::serving::{Engine, Serving, background};
use crate::config::{meant, set, show, show_some};
use crate::ui::{Screen, visible};

/// What can be changed at once, beside the model: all else is built when a session begins.
const LIVE: &[&str] = &["max_turns", "ui.color", "ui.theme", "ui.marks"];

/// What a change came to.
pub(super) enum Tuned {
    Said(String),
    /// The same, and the server has read nothing of the conversation.
    Cold(String),
}

impl Job<'_> {
    /// `/model [NAME]`.
    pub(super) async fn change_model(
        &mut self,
        desk: &mut Desk<Serving, Screen>,
        person: &Person<'_>,
        words: &str,
    ) -> anyhow::Result<Tuned> {
        if let Some(url) = self.settings.server.url.clone().filter(|_| !is_file_name(words)) {
            return self.ask_elsewhere(desk, &url, words);
        }
        let name = match words {
            "" => match self.pick(desk, person).await? {
                Some(name) => name,
                None => return Ok(Tuned::Said("the model stays".to_owned())),
            },
            name => name.to_owned(),
        };
        let mut settings = self.settings.clone();
        settings.server.url = None;
        settings.model = Some(self.as_setting(name));
        // Nothing is given up before it is known what comes in its place.
        let found = chosen(self.around, &settings)?;
        if self.settings.server.url.is_none()
            && chosen(self.around, &self.settings).is_ok_and(|it| it.file == found.file)
        {
            return Ok(Tuned::Said("it is the one that is worked with".to_owned()));
        }
        let engine = Engine::new(self.around, &settings.llama, found.file)?;
        let served = background(self.around, &settings, &engine).await;
        self.settings = settings;
        self.remember_model()?;
        let had = desk.has_asked().then(|| rereading(desk.transcript.entries()));
        let (down, session) = (Serving::Down, desk.host().session());
        let mut old = desk.work_with(down, self.served_name());
        if let Some(had) = had {
            old.keep(had, person.interrupt.fired(), || {}).await;
        }
        // Two of them may not fit beside each other.
        old.stop().await;
        let mut new = served.unwrap_or_else(|| Serving::start(engine));
        new.turn_to(session);
        desk.work_with(new, self.served_name());
        let name = self.settings.model.clone().unwrap_or_default();
        let why = found.note.map(|it| format!("\n  {}", visible(&it))).unwrap_or_default();
        Ok(Tuned::Cold(format!("working with {} from now on{why}", visible(&name))))
    }

    /// A server that is not ours knows its models itself.
    fn ask_elsewhere(
        &mut self,
        desk: &mut Desk<Serving, Screen>,
        url: &str,
        name: &str,
    ) -> anyhow::Result<Tuned> {
        let url = visible(host_of(url)).into_owned();
        if name.is_empty() {
            let model = self.settings.model.as_deref().unwrap_or("whatever it has");
            return Ok(Tuned::Said(format!(
                "the server at {url} is asked for {}; `/model NAME` asks it for another, `/model FILE.gguf` \
                 works with one of this machine",
                visible(model)
            )));
        }
        self.settings.model = Some(name.to_owned());
        self.remember_model()?;
        desk.ask_for(self.served_name());
        Ok(Tuned::Cold(format!("the server at {url} is asked for {} from now on", visible(name))))
    }

    /// Says in `/config` what is worked with.
    pub(super) fn remember_model(&mut self) -> anyhow::Result<()> {
        let name = self.settings.model.clone().unwrap_or_default();
        set(&mut self.values, "model", name.into()).map(drop)
    }

    /// A model as it stands in the settings: a file by its whole path.
    pub(super) fn as_setting(&self, name: String) -> String {
        match is_file_name(&name) {
            true => self.whole(&name).display().to_string(),
            false => name,
        }
    }

    /// The name of a model that the person picks from those that are here.
    async fn pick(
        &self,
        desk: &mut Desk<Serving, Screen>,
        person: &Person<'_>,
    ) -> anyhow::Result<Option<String>> {
        let here = Here::look(self.around, &self.settings)?;
        let used = chosen(self.around, &self.settings).ok().map(|it| it.file);
        let asked = (used.as_deref(), ANOTHER);
        let picked = pick((self.around, &here), person, asked, |it| desk.front().note(it)).await;
        // Who leaves the list stays with what there is.
        Ok(picked.unwrap_or_default())
    }

    /// `/config [KEY [VALUE]]`.
    pub(super) async fn configure(
        &mut self,
        desk: &mut Desk<Serving, Screen>,
        person: &Person<'_>,
        words: &str,
    ) -> anyhow::Result<Tuned> {
        let (key, text) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let text = text.trim();
        if text.is_empty() {
            let shown =
                if key.is_empty() { show(&self.values) } else { show_some(&self.values, key)? };
            return Ok(Tuned::Said(visible(shown.trim_end()).into_owned()));
        }
        let (value, line) = meant(key, text)?;
        let line = visible(&line).into_owned();
        if key == "model" {
            return self.change_model(desk, person, text).await;
        }
        let is_sampling = key.starts_with("sampling.");
        if !is_sampling && !LIVE.contains(&key) {
            let file = visible(&self.file()).into_owned();
            return Ok(Tuned::Said(format!(
                "`{key}` counts from the start of a program: write `{line}` into {file}, or give it with the \
                 next start"
            )));
        }
        let before = self.values.clone();
        let settings = set(&mut self.values, key, value)?;
        draw_by(self.around, &settings.ui).inspect_err(|_| self.values = before)?;
        self.settings.ui = settings.ui;
        self.settings.max_turns = settings.max_turns;
        self.settings.sampling = settings.sampling;
        desk.rules.max_requests = self.settings.max_turns;
        let style = self.style();
        desk.front().wear(style);
        if is_sampling {
            desk.sample_by(self.settings.sampling.parameters());
        }
        Ok(Tuned::Said(format!("{line} for this conversation")))
    }

    /// `/theme NAME`.
    pub(super) fn change_theme(
        &mut self,
        desk: &mut Desk<Serving, Screen>,
        name: &str,
    ) -> anyhow::Result<String> {
        if name.is_empty() {
            return Ok(themes(self.around));
        }
        let (before, mut ui) = (self.values.clone(), self.settings.ui.clone());
        // Who wants colours means to see them.
        let wanted = [("ui.color", "auto"), ("ui.theme", name)];
        for (key, value) in wanted.into_iter().filter(|it| it.0 == "ui.theme" || name != "none") {
            ui = set(&mut self.values, key, value.into())?.ui;
        }
        draw_by(self.around, &ui).inspect_err(|_| self.values = before)?;
        self.settings.ui = ui;
        let style = self.style();
        desk.front().wear(style);
        Ok(format!(
            "the colours are for {} from now on",
            match name {
                "none" => "nobody: there are none",
                "light" => "a light background",
                "dark" => "a dark background",
                "auto" => "what your terminal says",
                _ =>
                    return Ok(format!("the colours are those of `{}` from now on", visible(name))),
            }
        ))
    }

    /// The person's configuration, as they would write it.
    pub(super) fn file(&self) -> String {
        let Some(file) = self.around.config_dir().map(|it| it.join("config.toml")) else {
            return "your configuration file".to_owned();
        };
        let home = self.around.home.as_ref();
        match home.and_then(|it| file.strip_prefix(it).ok()) {
            Some(rest) => format!("~/{}", rest.display()),
            None => file.display().to_string(),
        }
    }

    fn whole(&self, name: &str) -> PathBuf {
        let home = self.around.home.as_deref();
        self.around.directory.join(whole(name.as_ref(), home))
    }
}
