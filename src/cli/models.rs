//! `agent models`: model files that play a script.

use anyhow::Context;

use crate::cli::Exit;
use crate::cli::args::Models;
use crate::models::{Script, Shape};

pub(super) fn models(command: Models) -> anyhow::Result<Exit> {
    let Models::Script { script, out, chunk, context } = command;
    let text = std::fs::read_to_string(&script)
        .with_context(|| format!("cannot read `{}`", script.display()))?;
    let parsed = Script::parse(&text).with_context(|| format!("in `{}`", script.display()))?;
    parsed.write(&out, Shape { chunk: chunk.get(), context: context.get() })?;
    Ok(Exit::Done)
}
