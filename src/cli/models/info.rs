//! `agent models info` and `agent models fit`: what a model is, and what it takes.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serde_json::json;

use crate::cli::WrongUsage;
use crate::cli::args::models::{Fit, Info};
use crate::cli::models::here::path_of;
use crate::cli::models::{Here, pull};
use crate::cli::surroundings::Surroundings;
use crate::models::hub::Remote;
use crate::models::{
    Element, FileName, Form, Found, Header, Need, Place, Quant, Wish, gigabytes, locate, longest,
    need, parts, place,
};
use crate::ui::{visible, visible_json};

/// A model that was named: its file, its header, and the forms of it that are here.
struct Subject<'a> {
    name: String,
    path: PathBuf,
    header: Header,
    forms: Vec<&'a Found>,
    reason: Option<String>,
    /// The weights of all its parts, where only one of them was looked at.
    weights: Option<u64>,
}

impl<'a> Subject<'a> {
    fn find(here: &'a Here, around: &Surroundings, name: &str) -> anyhow::Result<Self> {
        let (name, path, forms, reason) = match path_of(around, name) {
            Some(path) => {
                let path = locate(&path)?;
                (path.display().to_string(), path, Vec::new(), None)
            }
            None => {
                let forms = match (here.forms(name), here.remote(name)) {
                    (Ok(forms), _) => forms,
                    (Err(_), Ok(remote)) => return Self::afar(here, around, &remote),
                    (Err(err), Err(_)) => return Err(err),
                };
                let (best, reason) = here.best(&forms);
                (best.name(), best.path.clone(), forms, reason)
            }
        };
        let (_, header) = parts(&path)?;
        Ok(Self { name, path, header, forms, reason, weights: None })
    }

    /// One that is not here, as the hub has it.
    fn afar(here: &Here, around: &Surroundings, remote: &Remote) -> anyhow::Result<Self> {
        let (plan, header) = pull::glance(around, here, remote)?;
        let weights = plan.choice.parts.iter().map(|it| it.size).sum();
        Ok(Self {
            name: format!("{remote}, not here"),
            path: format!("{}/{}", plan.remote.repo, plan.choice.parts[0].path).into(),
            header,
            forms: Vec::new(),
            reason: plan.choice.why.clone(),
            weights: Some(weights),
        })
    }

    fn form(&self) -> anyhow::Result<Form> {
        let form = Form::of(&self.header);
        let form = form
            .with_context(|| format!("`{}` does not say how it is built", self.path.display()))?;
        Ok(Form { weights: self.weights.unwrap_or(form.weights), ..form })
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
            "weights": subject.weights.unwrap_or_else(|| header.weights()), "context": context,
            "quant": subject.quant().map(|it| it.to_string()),
            "template": template.is_some(), "tools": tools,
            "forms": subject.forms.iter().map(|it| it.name()).collect::<Vec<_>>(),
        });
        return Ok(format!("{}\n", visible_json(&info.to_string())));
    }
    let mut text = format!("{}\n", visible(&subject.name));
    let mut line = |name: &str, value: &str| text += &format!("  {name:<13} {}\n", visible(value));
    if let Some(title) = header.text("general.name") {
        line("title", title);
    }
    line("architecture", header.architecture().unwrap_or("not said"));
    let size = gigabytes(subject.weights.unwrap_or_else(|| header.weights()));
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
    if let Some(reason) = &subject.reason {
        line("taken", reason);
    }
    if let Ok(form) = subject.form() {
        line("fits", &verdict(here, &form));
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

pub(super) fn fit(here: &Here, around: &Surroundings, wanted: &Fit) -> anyhow::Result<String> {
    let subject = Subject::find(here, around, &wanted.model)?;
    let form = subject.form()?;
    let name = wanted.cache_type.as_deref().unwrap_or("f16");
    let element = Element::named(name).ok_or_else(|| {
        anyhow!(WrongUsage(format!(
            "there is no way `{name}` to store the context\nhint: f16, q8_0 and q4_0 are usual"
        )))
    })?;
    let wish = |context: u64| Wish { key: element, value: element, ..Wish::usual(context) };
    let mut contexts: Vec<u64> = wanted.context.iter().map(|it| u64::from(*it)).collect();
    if contexts.is_empty() {
        let usual = [4096, 8192, 16384, 32768, 65536, 131_072, 262_144];
        contexts.extend(usual.iter().filter(|it| **it <= form.context.max(4096)));
    }
    let rows: Vec<(u64, Need, Place)> = contexts
        .into_iter()
        .map(|context| {
            let need = need(&form, &wish(context));
            (context, need, place(need, &here.machine))
        })
        .collect();
    if wanted.json {
        let row = |(context, need, place): &(u64, Need, Place)| {
            json!({
                "context": context, "weights": need.weights, "cache": need.cache,
                "state": need.state, "compute": need.compute, "total": need.total(),
                "place": told(*place), "fits": *place != Place::Nowhere,
            })
        };
        let all = json!({
            "name": subject.name, "cache_type": element.name,
            "memory": here.machine.memory, "cards": here.machine.cards.iter().map(|it| it.memory).collect::<Vec<_>>(),
            "contexts": rows.iter().map(row).collect::<Vec<_>>(),
            "longest": longest(&form, &wish(form.context), &here.machine),
        });
        return Ok(format!("{}\n", visible_json(&all.to_string())));
    }
    let mut text = format!("{}, context stored as {}\n", visible(&subject.name), element.name);
    text += &format!("this machine: {}\n", machine(here));
    text += &format!(
        "{:>8}  {:>8}  {:>8}  {:>8}  {:>8}\n",
        "context", "weights", "cache", "compute", "total"
    );
    for (context, need, place) in rows {
        let [weights, cache, compute, total] =
            [need.weights, need.cache + need.state, need.compute, need.total()].map(gigabytes);
        let told = told(place);
        text +=
            &format!("{context:>8}  {weights:>8}  {cache:>8}  {compute:>8}  {total:>8}  {told}\n");
    }
    Ok(text)
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
