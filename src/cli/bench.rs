//! `agent bench`: how fast a model reads and writes on this machine, and whether what it has read is of
//! use to it.

mod shown;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::task::LocalSet;

use crate::agent::{Host, Interrupt};
use crate::cli::args::Options;
use crate::cli::args::server::{Bench, Vary};
use crate::cli::job::job;
use crate::cli::models::{Here, path_of};
use crate::cli::serving::{Engine, Serving};
use crate::cli::signals::listen;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, note, print};
use crate::conversation::{Entry, Event, Usage};
use crate::llama;
use crate::llm::{self, Constants, Request, Server};
use crate::models::{gigabytes, locate};
use crate::sandbox::adopt_orphans;
use crate::ui::{visible, visible_json};

/// What was measured with prompts of one size.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Measured {
    model: String,
    /// What was set for it; empty for the settings as they are.
    setting: String,
    /// Until the model was ready.
    load_ms: f64,
    /// Tokens that the prompt was to have, and those that were read.
    wanted: u32,
    read: u32,
    read_per_second: f64,
    /// Until the first word came.
    first_ms: f64,
    written: u32,
    written_per_second: f64,
    /// How much of the same prompt the server still had when it was asked again, from 0 to 1.
    reused: f64,
}

/// One answer.
#[derive(Clone, Copy, Debug, Default)]
struct Answer {
    usage: Usage,
    first: Duration,
}

/// How the server is started, and what that is called.
type Variant = (String, llama::Options);

/// A word for each token, more or less: what is measured is not what they mean.
const WORDS: &[&str] = &[
    "river", "stone", "window", "garden", "letter", "morning", "number", "paper", "bridge",
    "winter", "corner", "silver", "market", "island", "engine", "forest",
];

pub(super) fn bench(
    around: &Surroundings,
    options: &Options,
    wanted: &Bench,
) -> anyhow::Result<Exit> {
    let mut job = job(around, options)?;
    if job.settings.server.url.take().is_some() {
        note("measured is a server on this machine, not the one of `server.url`");
    }
    let model = match &wanted.model {
        Some(name) => match path_of(around, name) {
            Some(path) => locate(&path)?,
            None => Here::look(around, &job.settings)?.file(around, name)?.0,
        },
        None => job.model()?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    adopt_orphans().context("cannot watch over child processes")?;
    let (interrupt, leave) = (Interrupt::new(), Interrupt::new());
    listen(&interrupt, &leave)?;
    let name = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !wanted.json {
        let size = model.metadata().map_or(0, |it| it.len());
        print(&visible(&format!("{name}, {}\n\n", gigabytes(size))))?;
    }
    let measuring = async {
        let variants = variants(&job.settings.llama, wanted.vary);
        let mut show = shown::Table::new(variants.iter().map(|it| it.0.as_str()));
        let mut failed = 0;
        for (setting, llama) in &variants {
            let engine = Engine::new(around, llama, model.clone())?;
            let mut serving = Serving::start(engine);
            let mut on = |it: &Measured| {
                print(&match wanted.json {
                    true => {
                        let line = serde_json::to_string(it).unwrap_or_default();
                        visible_json(&format!("{line}\n")).into_owned()
                    }
                    false => show.line(it),
                })
            };
            let measured = measure(&mut serving, (&name, setting), wanted, &mut on);
            let measured = tokio::select! {
                biased;
                () = interrupt.fired() => None,
                measured = measured => Some(measured),
            };
            serving.stop().await;
            match measured {
                None => return Ok(Exit::Cancelled),
                Some(Ok(())) => {}
                Some(Err(err)) if variants.len() == 1 => return Err(err),
                Some(Err(err)) => {
                    failed += 1;
                    note(&visible(&format!("{setting}: {err:#}")));
                }
            }
        }
        Ok(if failed == variants.len() { Exit::Failed } else { Exit::Done })
    };
    let ended = LocalSet::new().block_on(&runtime, measuring);
    runtime.shutdown_background();
    ended
}

fn variants(usual: &llama::Options, vary: Option<Vary>) -> Vec<Variant> {
    let with_args = |args: &[&str]| {
        let args = usual.args.iter().cloned().chain(args.iter().map(|it| (*it).to_owned()));
        llama::Options { args: args.collect(), ..usual.clone() }
    };
    match vary {
        None => vec![(String::new(), usual.clone())],
        Some(Vary::CacheType) => ["f16", "q8_0", "q4_0"]
            .map(|it| {
                let options = llama::Options { cache_type: Some(it.to_owned()), ..usual.clone() };
                (it.to_owned(), options)
            })
            .to_vec(),
        Some(Vary::FlashAttn) => ["on", "off"]
            .map(|it| (format!("flash {it}"), with_args(&["--flash-attn", it])))
            .to_vec(),
        Some(Vary::Threads) => {
            let all = std::thread::available_parallelism().map_or(1, |it| it.get() as u32);
            let mut counts = vec![1, all / 4, all / 2, all];
            counts.retain(|it| 0 < *it);
            counts.dedup();
            counts.sort_unstable();
            counts.dedup();
            let variant = |it: u32| {
                let options = llama::Options { threads: Some(it), ..usual.clone() };
                (if it == 1 { "1 thread".to_owned() } else { format!("{it} threads") }, options)
            };
            counts.into_iter().map(variant).collect()
        }
    }
}

async fn measure(
    serving: &mut Serving,
    (model, setting): (&str, &str),
    wanted: &Bench,
    on: &mut dyn FnMut(&Measured) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let server = serving.server(&mut |_| ()).await?;
    let load = began.elapsed();
    let window = llm::props(&server).await?.window.unwrap_or(u32::MAX);
    // How long the words of this model are; and the first request of all is slow.
    let short = ask(&server, &prompt(32, 0), 1).await?.usage;
    let longer = ask(&server, &prompt(96, 1), 1).await?.usage;
    let tokens = |it: Usage| f64::from(it.cached + it.read);
    let each = ((tokens(longer) - tokens(short)) / 64.0).max(0.1);
    let besides = (tokens(short) - 32.0 * each).max(0.0);
    let fits = |it: &u32| it.saturating_add(wanted.tokens.get()) <= window;
    if !wanted.prompts.iter().any(|it| fits(&it.get())) {
        bail!(
            "none of the prompts fits the window of {window}\nhint: `--prompts` takes smaller ones"
        );
    }
    for (at, size) in wanted.prompts.iter().map(|it| it.get()).enumerate() {
        if !fits(&size) {
            note(&format!("prompts of {size} tokens do not fit the window of {window}"));
            continue;
        }
        let words = ((f64::from(size) - besides) / each).max(1.0) as u32;
        let (mut answers, mut reused) = (Vec::new(), Vec::new());
        for time in 0..wanted.times.get() {
            let prompt = prompt(words, 100 * (at as u32 + 1) + time);
            answers.push(ask(&server, &prompt, wanted.tokens.get()).await?);
            let again = ask(&server, &prompt, 1).await?.usage;
            reused.push(f64::from(again.cached) / tokens(again).max(1.0));
        }
        let middle = |of: &dyn Fn(&Answer) -> f64| median(answers.iter().map(of).collect());
        let per_second =
            |count: u32, ms: f64| if 0.0 < ms { f64::from(count) * 1e3 / ms } else { 0.0 };
        // More digits say nothing more.
        let rounded = |it: f64| (it * 100.0).round() / 100.0;
        on(&Measured {
            model: model.to_owned(),
            setting: setting.to_owned(),
            load_ms: rounded(load.as_secs_f64() * 1e3),
            wanted: size,
            read: middle(&|it| f64::from(it.usage.read)) as u32,
            read_per_second: rounded(middle(&|it| per_second(it.usage.read, it.usage.read_ms))),
            first_ms: rounded(middle(&|it| it.first.as_secs_f64() * 1e3)),
            written: middle(&|it| f64::from(it.usage.written)) as u32,
            written_per_second: rounded(middle(&|it| {
                per_second(it.usage.written, it.usage.written_ms)
            })),
            reused: (median(reused) * 1e4).round() / 1e4,
        })?;
    }
    Ok(())
}

/// So many words that no other prompt begins with, so that nothing of it has been read.
fn prompt(words: u32, number: u32) -> String {
    let mut text = format!("{number} is the first word of this. Go on with a long story.");
    let mut state = number.wrapping_mul(2_654_435_761).wrapping_add(1);
    for _ in 0..words {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text += " ";
        text += WORDS[(state >> 16) as usize % WORDS.len()];
    }
    text
}

async fn ask(server: &Server, prompt: &str, tokens: u32) -> anyhow::Result<Answer> {
    let sampling = [("max_tokens", tokens.into()), ("temperature", 0.into())];
    let constants = Constants {
        model: None,
        sampling: sampling
            .map(|(name, value): (&str, serde_json::Value)| (name.to_owned(), value))
            .to_vec(),
        llama: false,
    };
    let mut request = Request::new(&constants, &[]);
    request.extend(&[Entry::Prompt(prompt.to_owned())]);
    let began = Instant::now();
    let mut first = None;
    let heard = &mut |event: Event<'_>| {
        if let Event::Said(_) = event {
            first.get_or_insert_with(|| began.elapsed());
        }
    };
    let reply = llm::ask(server, &request, heard, std::future::pending()).await?;
    if reply.usage == Usage::default() {
        bail!("the server does not tell how fast it is");
    }
    Ok(Answer { usage: reply.usage, first: first.unwrap_or_else(|| began.elapsed()) })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prompt_begins_like_another() {
        let (one, other) = (prompt(10, 1), prompt(10, 2));
        assert_ne!(one.split(' ').next(), other.split(' ').next());
        assert_eq!(one, prompt(10, 1));
    }

    #[test]
    fn the_middle_counts_and_not_the_outlier() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(Vec::new()), 0.0);
    }

    #[test]
    fn what_is_varied_comes_on_top_of_what_is_set() {
        let usual =
            llama::Options { args: vec!["--mlock".to_owned()], ..llama::Options::default() };
        let flash = variants(&usual, Some(Vary::FlashAttn));
        assert_eq!(flash[1].1.args, ["--mlock", "--flash-attn", "off"]);
        assert_eq!(variants(&usual, None), [(String::new(), usual)]);
    }
}
