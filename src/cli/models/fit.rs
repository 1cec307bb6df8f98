//! `agent models fit`: the memory that a model takes with contexts of several lengths.

use anyhow::anyhow;
use serde_json::json;

use crate::cli::WrongUsage;
use crate::cli::args::models::Fit;
use crate::cli::models::Here;
use crate::cli::models::asked::Estimator;
use crate::cli::models::info::{Subject, machine, told};
use crate::cli::surroundings::Surroundings;
use crate::config::Settings;
use crate::llama::{Question, Share};
use crate::models::{Element, Form, Need, Place, Wish, gigabytes, longest, need, place};
use crate::ui::{visible, visible_json};

/// What a context takes.
struct Row {
    context: u64,
    need: Need,
    place: Place,
}

pub(super) fn fit(
    here: &Here,
    around: &Surroundings,
    settings: &Settings,
    wanted: &Fit,
) -> anyhow::Result<String> {
    let subject = Subject::find(here, around, &wanted.model)?;
    let form = subject.form()?;
    let name = wanted.cache_type.as_deref().unwrap_or("f16");
    let element = Element::named(name).ok_or_else(|| {
        anyhow!(WrongUsage(format!(
            "there is no way `{name}` to store the context\nhint: f16, q8_0 and q4_0 are usual"
        )))
    })?;
    let contexts = contexts(wanted, &form);
    let estimator = Estimator::of(around, settings);
    let measured = estimator.as_ref().and_then(|it| {
        let ask = |context: &u64| {
            let model = subject.file()?;
            it.ask(&Question { model, context: *context, cache: element.name })
        };
        let shares: Option<Vec<_>> = contexts.iter().map(ask).collect();
        shares.map(|it| it.iter().map(|it| taken(&form, it)).collect::<Vec<_>>())
    });
    let is_measured = measured.is_some();
    let wish = |context: u64| Wish { key: element, value: element, ..Wish::usual(context) };
    let needs =
        measured.unwrap_or_else(|| contexts.iter().map(|it| need(&form, &wish(*it))).collect());
    let row = |(context, need)| Row { context, need, place: place(need, &here.machine) };
    let rows: Vec<_> = contexts.into_iter().zip(needs).map(row).collect();
    if wanted.json {
        let row = |it: &Row| {
            json!({
                "context": it.context, "weights": it.need.weights, "cache": it.need.cache,
                "state": it.need.state, "compute": it.need.compute, "total": it.need.total(),
                "place": told(it.place), "fits": it.place != Place::Nowhere,
            })
        };
        let all = json!({
            "name": subject.name, "cache_type": element.name, "measured": is_measured,
            "memory": here.machine.memory, "cards": here.machine.cards.iter().map(|it| it.memory).collect::<Vec<_>>(),
            "contexts": rows.iter().map(row).collect::<Vec<_>>(),
            "longest": longest(&form, &wish(form.context), &here.machine),
        });
        return Ok(format!("{}\n", visible_json(&all.to_string())));
    }
    let how = if is_measured { "as llama.cpp computes it" } else { "by formula" };
    let mut text =
        format!("{}, context stored as {}, {how}\n", visible(&subject.name), element.name);
    text += &format!("this machine: {}\n", machine(here));
    text += &format!(
        "{:>8}  {:>8}  {:>8}  {:>8}  {:>8}\n",
        "context", "weights", "cache", "compute", "total"
    );
    for Row { context, need, place } in rows {
        let [weights, cache, compute, total] =
            [need.weights, need.cache + need.state, need.compute, need.total()].map(gigabytes);
        let told = told(place);
        text +=
            &format!("{context:>8}  {weights:>8}  {cache:>8}  {compute:>8}  {total:>8}  {told}\n");
    }
    Ok(text)
}

/// Those that were asked for, or usual ones up to what the model was trained for.
fn contexts(wanted: &Fit, form: &Form) -> Vec<u64> {
    const USUAL: [u64; 7] = [4096, 8192, 16384, 32768, 65536, 131_072, 262_144];
    let asked: Vec<u64> = wanted.context.iter().map(|it| u64::from(*it)).collect();
    if !asked.is_empty() {
        return asked;
    }
    USUAL.into_iter().filter(|it| *it <= form.context.max(4096)).collect()
}

/// All of it together. Weights that are read from the file in place are counted by their size: the
/// engine leaves most of them out.
fn taken(form: &Form, shares: &[Share]) -> Need {
    let sum = |of: fn(&Share) -> u64| shares.iter().map(of).fold(0, u64::saturating_add);
    let weights = form.weights.max(sum(|it| it.weights));
    Need { weights, cache: sum(|it| it.context), state: 0, compute: sum(|it| it.compute) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_devices_together_are_what_a_model_takes() {
        let form = Form {
            architecture: "llama".to_owned(),
            layers: Vec::new(),
            width: 0,
            vocabulary: 0,
            context: 0,
            weights: 1000,
            experts: 0,
        };
        let share = |weights, context, compute| Share { device: None, weights, context, compute };
        let need = taken(&form, &[share(300, 20, 5), share(200, 10, 1)]);
        assert_eq!((need.weights, need.cache, need.compute, need.total()), (1000, 30, 6, 1036));
    }
}
