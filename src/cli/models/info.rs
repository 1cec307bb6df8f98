//! `agent models info`: what a model is.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use crate::cli::args::models::Info;
use crate::cli::models::here::path_of;
use crate::cli::models::pull::Glimpse;
use crate::cli::models::{Here, pull};
use crate::cli::surroundings::Surroundings;
use crate::models::hub::{Remote, RemoteForm, excerpt};
use crate::models::{
    FileName, Form, Found, Header, Place, Quant, Wish, gigabytes, longest, need, parts, place, read,
};
use crate::ui::{visible, visible_json};

/// A model that was named: its file, its header, and the forms of it that are here.
pub(super) struct Subject<'a> {
    pub(super) name: String,
    path: PathBuf,
    header: Header,
    forms: Vec<&'a Found>,
    reason: Option<String>,
    /// What the hub has of it, where it is not here.
    afar: Option<Glimpse>,
    card: Option<String>,
}

impl<'a> Subject<'a> {
    pub(super) fn find(here: &'a Here, around: &Surroundings, name: &str) -> anyhow::Result<Self> {
        let (name, (path, header), forms, reason) = match path_of(around, name) {
            Some(path) => {
                let (path, header) = read(&path)?;
                (path.display().to_string(), (path, header), Vec::new(), None)
            }
            None => {
                let forms = match (here.forms(name), here.remote(name)) {
                    (Ok(forms), _) => forms,
                    (Err(_), Ok(remote)) => return Self::afar(here, around, &remote),
                    (Err(err), Err(_)) => return Err(err),
                };
                let (best, reason) = here.best(&forms);
                let (_, header) = parts(&best.path)?;
                (best.name(), (best.path.clone(), header), forms, reason)
            }
        };
        let card = path.parent().map(|it| it.join("README.md"));
        let card = card.and_then(|it| std::fs::read_to_string(it).ok());
        let card = card.as_deref().and_then(excerpt);
        Ok(Self { name, path, header, forms, reason, afar: None, card })
    }

    /// One that is not here, as the hub has it.
    fn afar(here: &Here, around: &Surroundings, remote: &Remote) -> anyhow::Result<Self> {
        let mut afar = pull::glance(around, here, remote)?;
        let plan = &afar.plan;
        Ok(Self {
            name: format!("{remote}, not here"),
            path: format!("{}/{}", plan.remote.repo, plan.choice.parts[0].path).into(),
            header: afar.header.clone(),
            forms: Vec::new(),
            reason: plan.choice.why.clone(),
            card: afar.card.take(),
            afar: Some(afar),
        })
    }

    /// The bytes of all its parts, where only one of them was looked at.
    fn weights(&self) -> u64 {
        let whole = |it: &Glimpse| {
            it.plan.choice.parts.iter().fold(0, |all: u64, it| all.saturating_add(it.size))
        };
        self.afar.as_ref().map_or_else(|| self.header.weights(), whole)
    }

    /// A file with its header, for a program that reads no more than that; of a model in parts that is not
    /// here there is none.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.afar {
            None => Some(&self.path),
            Some(it) => (it.plan.choice.parts.len() == 1).then(|| it.skeleton.path()),
        }
    }

    pub(super) fn form(&self) -> anyhow::Result<Form> {
        let form = Form::of(&self.header);
        let form = form
            .with_context(|| format!("`{}` does not say how it is built", self.path.display()))?;
        Ok(Form { weights: self.weights(), ..form })
    }

    /// All that could be fetched in its place, and it.
    fn at_hub(&self) -> impl Iterator<Item = &RemoteForm> {
        self.afar.iter().flat_map(|it| &it.plan.forms)
    }

    fn quant(&self) -> Option<Quant> {
        let by_name = || FileName::of(&self.path.to_string_lossy()).and_then(|it| it.quant);
        let of_form = self.forms.iter().find(|it| it.path == self.path);
        of_form
            .and_then(|it| it.quant.clone())
            .or_else(by_name)
            .or_else(|| Quant::of_file_type(self.header.whole("general.file_type")?))
    }
}

pub(super) fn info(here: &Here, around: &Surroundings, wanted: &Info) -> anyhow::Result<String> {
    let subject = Subject::find(here, around, &wanted.model)?;
    let header = &subject.header;
    let template = header.text("tokenizer.chat_template");
    let tools = template.is_some_and(|it| it.contains("tools"));
    let context = header.own("context_length");
    if wanted.json {
        let info = json!({
            "name": subject.name, "path": subject.path,
            "architecture": header.architecture(), "title": header.text("general.name"),
            "license": header.text("general.license"),
            "parameters": header.parameters(),
            "weights": subject.weights(), "context": context,
            "quant": subject.quant().map(|it| it.to_string()),
            "template": template.is_some(), "tools": tools,
            "forms": subject.forms.iter().map(|it| it.name()).collect::<Vec<_>>(),
            "at_hub": subject.at_hub().map(|it| json!({"quant": it.quant.as_ref().map(ToString::to_string), "size": it.size})).collect::<Vec<_>>(),
            "about": subject.card,
        });
        return Ok(format!("{}\n", visible_json(&info.to_string())));
    }
    let mut text = format!("{}\n", visible(&subject.name));
    let mut line = |name: &str, value: &str| text += &format!("  {name:<13} {}\n", visible(value));
    if let Some(title) = header.text("general.name") {
        line("title", title);
    }
    line("architecture", header.architecture().unwrap_or("not said"));
    let size = gigabytes(subject.weights());
    let quant = subject.quant().map_or(String::new(), |it| format!("{it}, "));
    line("weights", &format!("{}, {quant}{size}", billions(header.parameters())));
    line("context", &context.map_or("not said".to_owned(), |it| format!("{it} tokens")));
    line(
        "template",
        match (template, tools) {
            (None, _) => "none: it was not made for conversations",
            (Some(_), true) => "yes, with tools",
            (Some(_), false) => "yes, but it knows of no tools",
        },
    );
    if let Some(license) = header.text("general.license") {
        line("license", license);
    }
    line("file", &subject.path.display().to_string());
    for form in &subject.forms {
        line("here", &format!("{}, {}, {}", form.name(), gigabytes(form.size), form.keeper));
    }
    for form in subject.at_hub() {
        let quant = form.quant.as_ref().map_or("no quant".to_owned(), ToString::to_string);
        line("at the hub", &format!("{quant}, {}", gigabytes(form.size)));
    }
    if let Some(reason) = &subject.reason {
        line("taken", reason);
    }
    if let Ok(form) = subject.form() {
        line("fits", &verdict(here, &form));
    }
    if let Some(card) = &subject.card {
        line("about", card);
    }
    Ok(text)
}

/// In one sentence, with the longest context.
fn verdict(here: &Here, form: &Form) -> String {
    match longest(form, &Wish::usual(form.context), &here.machine) {
        None => "no".to_owned(),
        Some(tokens) => {
            let place = place(need(form, &Wish::usual(tokens)), &here.machine);
            format!("{}, with a context of up to {tokens} tokens", told(place))
        }
    }
}

pub(super) fn told(place: Place) -> &'static str {
    match place {
        Place::Cards => "on the graphics card",
        Place::Both => "partly on the graphics card",
        Place::Memory => "in memory",
        Place::Nowhere => "does not fit",
    }
}

pub(super) fn machine(here: &Here) -> String {
    let machine = &here.machine;
    let cards = machine
        .cards
        .iter()
        .map(|it| format!(", {} with {}", visible(&it.name), gigabytes(it.memory)));
    let free = gigabytes(machine.available);
    format!(
        "{} of memory, {free} of it free{}",
        gigabytes(machine.memory),
        cards.collect::<String>()
    )
}

fn billions(parameters: u64) -> String {
    match parameters as f64 / 1e9 {
        it if it < 0.95 => format!("{:.0} M parameters", it * 1e3),
        it if it < 9.95 => format!("{it:.1} B parameters"),
        it => format!("{it:.0} B parameters"),
    }
}
