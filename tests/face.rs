//! What a person sees and types: each test is a conversation at a terminal and the screen it leaves.

mod support;

use expect_test::{Expect, expect};

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{Response, say};
use crate::support::talk::Talk;

#[track_caller]
fn leaves(talk: Talk, expected: Expect) {
    expected.assert_eq(&talk.leave());
}

#[test]
fn an_answer_in_markdown_is_set_for_the_terminal() {
    let home = Home::new();
    let answer = "## What it does\n\nIt reads **all** of it, which takes long enough that this line has to be broken somewhere near its end, or a little before it.\n\n\
        | file | lines |\n|---|--:|\n| `a.txt` | 1 |\n| b | 20 |\n\n1. first\n   - [x] done\n\n```sh\nls -l\n```\nThat is all.";
    let pieces = answer.split_inclusive(' ');
    let stream = pieces.fold(Response::stream(), |it, piece| it.text(piece));
    let server = FaultServer::script(vec![stream.finish("stop")]);
    let mut talk = Talk::coloured(home.agent(&[]).server(&server));
    talk.say("what does it do?", "That is all.");
    leaves(
        talk,
        expect![[r#"
            › what does it do?
            What it does

            It reads all of it, which takes long enough that this line has to be broken somewhere near its end,
            or a little before it.

            file  │ lines
            ──────┼──────
            a.txt │     1
            b     │    20

            1. first
               [x] done

            ```sh
            ls -l
            ```
            That is all.
            ›"#]],
    );
}

#[test]
fn a_pipe_gets_the_words_as_they_came() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("# One\n\n**two** `three`")]);
    let run = home.agent(&["what?"]).server(&server).run();
    assert_eq!(run.stdout, "# One\n\n**two** `three`\n");
}
