//! What a turn cannot do without, each by itself: the disk, a shell, the way to the server.

#![expect(clippy::disallowed_methods, reason = "the harness stands where `sandbox` stands")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::place::{SMALL, home};
use crate::support::fault_server::FaultServer;
use crate::support::response::say;
use crate::table::{Samples, Table, Unit};

/// As long as the model takes in the other rows: a processor that had nothing to do is slow at first.
const REST: Duration = Duration::from_millis(10);

pub(crate) fn floor(table: &mut Table) {
    let shell = if std::path::Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
    for (when, rest) in [("at once", Duration::ZERO), ("after 10 ms of rest", REST)] {
        let what = format!("floor: fdatasync of 400 bytes, {when}");
        table.row(&what, &sync(rest), Unit::Milliseconds, None);
        let what = format!("floor: `{shell} -c true`, {when}");
        table.row(&what, &spawn(shell, rest), Unit::Milliseconds, None);
    }
    for length in [10_000, 200_000, 2_000_000] {
        let what = format!("floor: a request of {} kB until the server has it", length / 1000);
        table.row(&what, &wire(length), Unit::Milliseconds, None);
    }
}

/// On the file system where the sessions of the other rows are kept.
fn sync(rest: Duration) -> Samples {
    let home = home(SMALL);
    let file = std::fs::File::create(home.path("home/journal")).expect("the home can be written");
    let times = (0..100).map(|_| {
        std::thread::sleep(rest);
        (&file).write_all(&[b'x'; 400]).expect("there is room");
        let begun = Instant::now();
        file.sync_data().expect("the disk takes it");
        begun.elapsed()
    });
    Samples::times(times)
}

fn spawn(shell: &str, rest: Duration) -> Samples {
    let times = (0..100).map(|_| {
        std::thread::sleep(rest);
        let mut command = Command::new(shell);
        command.args(["-c", "true"]).stdin(Stdio::null()).env_clear();
        let begun = Instant::now();
        command.status().expect("there is a shell");
        begun.elapsed()
    });
    Samples::times(times)
}

/// From the first step of a new connection to the last byte of the body.
fn wire(length: usize) -> Samples {
    let server = FaultServer::unmindful(|_| say("hello"));
    let address = server.url();
    let address = address.trim_start_matches("http://");
    let mut begun = Vec::new();
    for _ in 0..30 {
        let body = vec![b' '; length];
        begun.push(Instant::now());
        let mut stream = TcpStream::connect(address).expect("the server listens");
        let head =
            format!("POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("the server reads");
        stream.write_all(&body).expect("the server reads");
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let arrived = server.times().into_iter().map(|it| it.0);
    Samples::times(
        arrived.zip(begun).map(|(arrived, begun)| arrived - begun).collect::<Vec<Duration>>(),
    )
}
