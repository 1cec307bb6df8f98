//! What the program costs, beside what it may cost. `cargo bench` measures the release binary against
//! a server on the loopback and prints a table; nothing here fails, a person reads it.
//!
//! `cargo bench -- gap memory` measures only what has one of these words in its name.

#![expect(clippy::print_stdout, reason = "the table is the product")]

#[path = "../../tests/support/mod.rs"]
mod support;

mod answer;
mod confined;
mod find;
mod floor;
mod gap;
mod keys;
mod memory;
mod models;
mod place;
mod prompt;
mod pull;
mod resume;
mod sessions;
mod start;
mod table;
mod window;

use crate::table::Table;

/// A name to choose it by, and what fills its rows.
type Measurement = (&'static str, fn(&mut Table));

const ALL: &[Measurement] = &[
    ("size", prompt::size),
    ("tokens", prompt::tokens),
    ("version", start::version),
    ("repl", start::repl),
    ("first-request", start::first_request),
    ("memory", memory::fifty_turns),
    ("answer", answer::answer),
    ("keys", keys::keys),
    ("find", find::find),
    ("floor", floor::floor),
    ("confined", confined::confined),
    ("gap", gap::gap),
    ("entries", gap::entries),
    ("sessions", sessions::sessions),
    ("long", window::long),
    ("resume", resume::resume),
    ("models", models::models),
    ("pull", pull::pull),
];

fn main() {
    // Cargo itself passes `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let mut table = Table::begin();
    for (name, measure) in ALL {
        if wanted.is_empty() || wanted.iter().any(|it| name.contains(it.as_str())) {
            measure(&mut table);
        }
    }
}
