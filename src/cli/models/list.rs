//! `agent models list`: a line for each model that is here.

use std::time::SystemTime;

use crate::cli::args::models::List;
use crate::cli::models::Here;
use crate::cli::sessions::age;
use crate::cli::surroundings::now;
use crate::models::{Found, Role, State, gigabytes};
use crate::ui::{visible, visible_json};

pub(super) fn list(here: &Here, wanted: &List) -> String {
    let has = |it: &&Found| {
        let words = wanted.words.as_deref().unwrap_or_default().to_lowercase();
        it.name().to_lowercase().contains(&words)
    };
    let found: Vec<_> = here.found.iter().filter(has).collect();
    match wanted.json {
        true => found.iter().map(|it| line(it)).collect(),
        false if found.is_empty() && !here.found.is_empty() => {
            let words = visible(wanted.words.as_deref().unwrap_or_default()).into_owned();
            match here.found.len() {
                1 => format!("the only model here does not have `{words}` in its name\n"),
                n => format!("none of the {n} models here has `{words}` in its name\n"),
            }
        }
        false => table(&found, now()),
    }
}

fn table(found: &[&Found], now: SystemTime) -> String {
    if found.is_empty() {
        return "there are no models here; `agent models catalog` shows some worth having\n"
            .to_owned();
    }
    let width = found.iter().map(|it| it.name().chars().count()).max().unwrap_or(0).clamp(4, 60);
    let mut text =
        format!("{:<width$}  {:>7}  {:>7}  {:>10}  where\n", "name", "size", "context", "modified");
    for it in found {
        let context = match trained_for(it) {
            Some(tokens) if tokens.is_multiple_of(1024) => format!("{}k", tokens / 1024),
            Some(tokens) => tokens.to_string(),
            None => "-".to_owned(),
        };
        let age = match it.modified {
            // What a link led to, nobody can look at.
            SystemTime::UNIX_EPOCH => "-".to_owned(),
            modified => age(now.duration_since(modified).unwrap_or_default()),
        };
        let name = it.name();
        text += &format!(
            "{:<width$}  {:>7}  {context:>7}  {age:>10}  {}{}\n",
            visible(&name),
            gigabytes(it.size),
            it.keeper,
            remark(it)
        );
    }
    let total = found.iter().map(|it| it.size).sum();
    let count = found.len();
    text + &format!("{count} model{}, {}\n", if count == 1 { "" } else { "s" }, gigabytes(total))
}

/// What is odd about it.
fn remark(it: &Found) -> String {
    match (&it.state, it.role) {
        (State::Partial, _) => "; not downloaded to its end".to_owned(),
        (State::Broken(why), _) => format!("; broken: {}", visible(why)),
        (State::Whole, Role::Projector) => "; for pictures".to_owned(),
        (State::Whole, Role::Draft) => "; guesses ahead for another".to_owned(),
        (State::Whole, Role::Adapter) => "; added to another".to_owned(),
        (State::Whole, _) => String::new(),
    }
}

fn trained_for(it: &Found) -> Option<u64> {
    it.glance()?.own("context_length")
}

fn line(it: &Found) -> String {
    let modified = it.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (state, why) = match &it.state {
        State::Whole => ("whole", None),
        State::Partial => ("partial", None),
        State::Broken(why) => ("broken", Some(why)),
    };
    let line = serde_json::json!({
        "name": it.name(), "family": it.family, "quant": it.quant.as_ref().map(ToString::to_string),
        "size": it.size, "context": trained_for(it), "modified": modified.as_secs(),
        "where": it.keeper.to_string(), "path": it.path, "files": it.files,
        "role": format!("{:?}", it.role).to_lowercase(), "state": state, "why": why,
    });
    format!("{}\n", visible_json(&line.to_string()))
}
