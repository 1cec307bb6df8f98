//! A session as one JSON document, for other programs. `docs/export.md` says what it holds; like the
//! journal, it only ever gains fields.

use serde::Serialize;

use crate::session::Held;
use crate::session::record::{Record, Usage};

/// The version of the document. It grows only if a reader of an older one could be misled.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    session: &'a str,
    title: &'a str,
    project: Option<String>,
    agent: &'a str,
    models: Vec<&'a str>,
    /// When the first and the last entry were written.
    began: Option<u64>,
    ended: Option<u64>,
    requests: usize,
    usage: Usage,
    /// What could not be read.
    damage: Option<String>,
    entries: Vec<Dated>,
}

#[derive(Serialize)]
struct Dated {
    at: u64,
    #[serde(flatten)]
    entry: Record,
}

/// The document, in lines that people can read too.
pub(crate) fn document(held: &Held) -> String {
    let (requests, usage) = held.usage();
    let document = Document {
        format: "agent-session",
        version: VERSION,
        session: &held.id,
        title: &held.title,
        project: held.project.as_ref().map(|it| it.display().to_string()),
        agent: &held.agent,
        models: held.models(),
        began: held.times.first().copied(),
        ended: held.times.last().copied(),
        requests,
        usage: usage.into(),
        damage: Some(held.damage.to_string()).filter(|it| !it.is_empty()),
        entries: held.dated().map(|(at, it)| Dated { at, entry: it.into() }).collect(),
    };
    serde_json::to_string_pretty(&document).expect("a session is plain data") + "\n"
}
