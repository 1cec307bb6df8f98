//! `agent models catalog`: what is worth having, and which of it fits.

use serde_json::json;

use crate::cli::models::Here;
use crate::cli::models::info::{machine, told};
use crate::models::Entry;
use crate::ui::{visible, visible_json};

pub(super) fn catalog(here: &Here, json: bool) -> String {
    let best = here.catalog.best(&here.machine).map(|it| &it.name);
    let is_best = |it: &Entry| Some(&it.name) == best;
    let is_here =
        |it: &Entry| here.found.iter().any(|found| found.is_usable() && found.family == it.repo);
    if json {
        let line = |it: &Entry| {
            let line = json!({
                "name": it.name, "repo": it.repo, "quant": it.quant, "aliases": it.aliases,
                "needs_gb": it.needs, "parameters_b": it.parameters, "active_b": it.active,
                "note": it.note, "place": told(it.place(&here.machine)), "here": is_here(it),
                "best": is_best(it),
            });
            format!("{}\n", visible_json(&line.to_string()))
        };
        return here.catalog.entries.iter().map(line).collect();
    }
    let mut text = format!("this machine: {}\n", machine(here));
    let width = here.catalog.entries.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
    for it in &here.catalog.entries {
        let mark = if is_best(it) { "*" } else { " " };
        let place = if is_here(it) { "already here" } else { told(it.place(&here.machine)) };
        let needs = format!("{} GB", it.needs);
        text += &format!(
            "{mark} {:<width$}  {needs:>6}  {place:<27}  {}\n",
            visible(&it.name),
            visible(&it.note)
        );
        text += &format!("  {:<width$}          {}\n", "", visible(&it.reference()));
    }
    text + match best {
        Some(_) => "* the best for this machine\n",
        None => "none of them fits this machine\n",
    }
}
