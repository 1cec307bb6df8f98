//! A key that is pressed while an answer streams: how long until it is on the screen.

use std::time::{Duration, Instant};

use crate::answer::long;
use crate::place::{SMALL, home};
use crate::support::fault_server::FaultServer;
use crate::support::talk::Talk;
use crate::table::{Samples, Table, Unit};

/// So many fit on a line.
const KEYS: usize = 60;

pub(crate) fn keys(table: &mut Table) {
    let home = home(SMALL);
    let server = FaultServer::script(vec![long()]);
    let run = home.agent(&[]).within(Duration::from_secs(120)).server(&server);
    let mut talk = Talk::coloured(run);
    talk.say("tell me all", "Part 3");
    let mut took = Vec::new();
    let mut draft = "› ".to_owned();
    for nth in 0..KEYS {
        // Each is another, so that none is taken for the one before.
        let key = char::from(b'a' + (nth % 26) as u8);
        draft.push(key);
        let pressed = Instant::now();
        talk.terminal.send(&key.to_string());
        talk.terminal.wait_until("the key", |it| it.ends_with(&draft));
        took.push(pressed.elapsed());
    }
    let is_streaming = !talk.terminal.screen().contains("That is the end of it.");
    table.row(
        "a keystroke shown while words stream",
        &Samples::times(took),
        Unit::Milliseconds,
        Some(10.0),
    );
    if !is_streaming {
        table.note("the words came to their end before the keys did");
    }
}
