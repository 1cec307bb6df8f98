//! What does not depend on the machine: the size of the program and of its fixed prompt.

use tiktoken_rs::cl100k_base;

use crate::place::{SMALL, home};
use crate::support::fault_server::FaultServer;
use crate::support::response::say;
use crate::table::{Samples, Table, Unit};

#[expect(clippy::cast_precision_loss, reason = "the size of a program is small")]
pub(crate) fn size(table: &mut Table) {
    let program = std::fs::metadata(env!("CARGO_BIN_EXE_agent")).expect("the program was built");
    let megabytes = program.len() as f64 / 1e6;
    table.row("size of the program", &Samples::one(megabytes), Unit::Megabytes, Some(15.0));
}

#[expect(clippy::cast_precision_loss, reason = "a prompt is short")]
pub(crate) fn tokens(table: &mut Table) {
    let home = home(SMALL);
    let server = FaultServer::script(vec![say("hello")]);
    home.agent(&["hi"]).server(&server).run().assert_code(0);
    let body = server.chat(0).body;
    let words = cl100k_base().expect("the vocabulary is built in");
    let count = |text: &str| words.encode_ordinary(text).len() as f64;
    let tools = count(&body["tools"].to_string());
    let system =
        count(body["messages"][0]["content"].as_str().expect("the system prompt is first"));
    table.row("fixed prompt", &Samples::one(tools + system), Unit::Tokens, Some(1000.0));
    table.row("  the tools, as JSON", &Samples::one(tools), Unit::Tokens, None);
    table.row("  the system prompt", &Samples::one(system), Unit::Tokens, None);
    table.note(
        "in tokens of cl100k, from the body of the first request, without the words of the person",
    );
}
