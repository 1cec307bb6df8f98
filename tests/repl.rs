//! A conversation as a person has it: keys in, a screen out.

mod support;

use std::path::Path;

use expect_test::{Expect, expect};
use rustix::process::Signal;
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::journal;
use crate::support::play::until;
use crate::support::reports::Reports;
use crate::support::response::{Gate, Response, call, say};
use crate::support::terminal::{CTRL_A, CTRL_C, CTRL_D, CTRL_Z, ENTER, Terminal, UP};

const PROMPT: &str = "› ";

#[test]
fn a_conversation_is_a_header_a_prompt_and_answers() {
    let home = Home::new();
    home.file("project/a.txt", "one\n");
    let look = Response::stream().text("Looking.").call("read_file", &json!({"paths": ["a.txt"]}));
    let server = FaultServer::script(vec![look.finish("tool_calls"), say("It says one.")]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "what is in it?");
    terminal.wait_for("It says one.");
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            › what is in it?
            Looking.
            ● read_file a.txt  1 line
            It says one.
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window

            ›"#]],
    );
}

#[test]
fn the_server_reads_what_comes_first_while_the_person_types() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Hi.")]);
    let mut terminal = open(&home, &server, &[]);
    let ahead = server.ahead();
    type_line(&mut terminal, "hello");
    terminal.wait_for("Hi.");
    let chat = server.chat(0);
    let common = ahead.raw.iter().zip(&chat.raw).take_while(|(a, b)| a == b).count();
    let rest = |it: &[u8]| String::from_utf8_lossy(&it[common..]).into_owned();
    let both = format!("{}\n{}\n", rest(&ahead.raw), rest(&chat.raw));
    expect![[r#"
        "}],"max_tokens":1}
        hello"}]}
    "#]]
    .assert_eq(&both);
}

#[test]
fn what_fills_the_window_is_shown_before_and_after_a_turn() {
    let home = Home::new();
    home.file("project/a.txt", &"a line of the file\n".repeat(100));
    let read = call("read_file", json!({"paths": ["a.txt"]}));
    let server = FaultServer::script(vec![read, say("Long.")]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "/context");
    terminal.wait_for("kept for the answer");
    type_line(&mut terminal, "read it");
    terminal.wait_for("Long.");
    type_line(&mut terminal, "/context");
    terminal.wait_for("came from the server's cache");
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            › /context
            1,550 of 32,768 tokens, 4 %
              tools            1,317  ██
              system             233  █
              conversation         0
              results              0
              free            31,218  ███████████████████████████████████████
              5,461 of what is free are kept for the answer
            › read it
            ● read_file a.txt  100 lines
            Long.
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window

            › /context
            2,228 of 32,768 tokens, 6 %
              tools            1,317  ██
              system             233  █
              conversation        13  █
              results            665  █
              free            30,540  ██████████████████████████████████████
              5,461 of what is free are kept for the answer
            of the last 2 requests 0 % came from the server's cache; read anew: 100, 100
            ›"#]],
    );
}

#[test]
fn a_conversation_is_summed_up_when_the_person_wants_it() {
    let home = Home::new();
    let summary = "## Goal\nGreet. The port is 8080.";
    let server = FaultServer::script(vec![say("Hello."), say(summary), say("8080.")]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "/compact");
    terminal.wait_for("nothing was said yet");
    type_line(&mut terminal, "greet me");
    terminal.wait_for("Hello.");
    type_line(&mut terminal, "/compact the port");
    terminal.wait_for("the conversation so far was summed up");
    type_line(&mut terminal, "/compact");
    terminal.wait_for("it was summed up already");
    type_line(&mut terminal, "which port?");
    terminal.wait_for("8080.");
    let asked = server.chat(1);
    assert!(asked.last_message().is_some_and(|it| it.ends_with("Above all keep this: the port")));
    let messages =
        server.chat(2).messages()[1..].iter().map(|it| format!("{it}\n")).collect::<String>();
    expect![[r#"
        {"role":"user","content":"[To make room, the conversation so far was summed up. You wrote:]\n## Goal\nGreet. The port is 8080.\n\nwhich port?"}
    "#]].assert_eq(&messages);
}

#[test]
fn an_answer_is_shown_while_it_comes() {
    let (home, gate) = (Home::new(), Gate::closed());
    let answer = Response::stream().text("one two ").hold(&gate).text("three").finish("stop");
    let server = FaultServer::script(vec![answer]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "count");
    terminal.wait_for("one two");
    assert!(!terminal.screen().contains("three"));
    gate.open();
    terminal.wait_for("one two three");
}

#[test]
fn what_is_allowed_is_done() {
    let (home, server) = (Home::new(), touching());
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "make it");
    answer(&mut terminal, "y");
    terminal.wait_for("Well.");
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            › make it
            allow? run_command
              command: touch made
              confined: writes the project and a /tmp of its own, no network
              always would save run_command(touch made)
              y = yes, a = always, e = edit, n = no, or say what to do instead: y
            ● run_command touch made  exit 0, [TIME]
            Well.
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window

            ›"#]],
    );
    assert!(home.has("project/made"));
}

#[test]
fn a_word_too_short_to_be_clear_is_asked_about_again() {
    let (home, server) = (Home::new(), touching());
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "make it");
    answer(&mut terminal, "ok");
    terminal.wait_until("the question again", |it| it.matches("what to do instead").count() == 2);
    assert!(!home.has("project/made"));
    answer(&mut terminal, "y");
    terminal.wait_for("Well.");
    assert!(home.has("project/made"));
}

#[test]
fn why_always_is_no_answer_is_said_where_it_is_none() {
    let home = Home::new();
    let touch = call("run_command", json!({"command": "touch made && true"}));
    let server = FaultServer::script(vec![touch, say("Well.")]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "make it");
    answer(&mut terminal, "a");
    terminal.wait_until("the question again", |it| it.matches("what to do instead").count() == 2);
    assert!(!home.has("project/made"));
    answer(&mut terminal, "y");
    terminal.wait_for("Well.");
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            › make it
            allow? run_command
              command: touch made && true
              confined: writes the project and a /tmp of its own, no network
              y = yes, e = edit, n = no, or say what to do instead: a
              there is no rule that would cover just this; y or n
              y = yes, e = edit, n = no, or say what to do instead: y
            ● run_command touch made && true  exit 0, [TIME]
            Well.
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window

            ›"#]],
    );
}

#[test]
fn what_is_denied_is_not_done_and_the_model_is_told() {
    let (home, server) = (Home::new(), touching());
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "make it");
    answer(&mut terminal, "n");
    terminal.wait_for("Well.");
    assert!(!home.has("project/made"));
    expect!["The user said no. Do something else, or ask."]
        .assert_eq(server.chat(1).last_message().unwrap_or_default());
}

#[test]
fn a_question_of_the_model_is_answered_by_number_or_in_words() {
    let home = Home::new();
    let question = json!({"question": "Which port?", "options": ["80", "8\u{1b}[2J080"]});
    let server = FaultServer::script(vec![
        call("ask_user", question.clone()),
        call("ask_user", json!({"question": "And the host?"})),
        call("ask_user", question),
        say("Well."),
    ]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "serve it");
    terminal.wait_for("a number, or your own words:");
    terminal.send("1");
    terminal.send(ENTER);
    terminal.wait_for("your answer:");
    terminal.send(ENTER);
    terminal.wait_until("the question again", |it| it.matches("your answer:").count() == 2);
    terminal.send("the usual one");
    terminal.send(ENTER);
    terminal.wait_until("the third question", |it| it.matches("your own words:").count() == 2);
    terminal.send(CTRL_C);
    terminal.wait_for("stopped");
    let answers = [server.chat(1), server.chat(2)];
    let answers = answers.map(|it| it.last_message().unwrap_or_default().to_owned());
    assert_eq!(answers.concat(), "The user answered: 80\nThe user answered: the usual one\n");
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            › serve it
            question: Which port?
              1 = 80
              2 = 8␛[2J080
              a number, or your own words: 1
            ● ask_user Which port?  answered
            question: And the host?
              your answer:
              your answer: the usual one
            ● ask_user And the host?  answered
            question: Which port?
              1 = 80
              2 = 8␛[2J080
              a number, or your own words:
            ● ask_user Which port?  stopped
            stopped
              300 tokens read, 0 from cache, 30 written at 100/s, 0 % of the window

            ›"#]],
    );
}

#[test]
fn a_number_that_no_option_has_is_asked_about() {
    let home = Home::new();
    let question = json!({"question": "Which port?", "options": ["80", "8080"]});
    let server = FaultServer::script(vec![call("ask_user", question), say("Well.")]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "serve it");
    terminal.wait_for("a number, or your own words:");
    terminal.send("9000\r");
    terminal.wait_until("the question again", |it| it.matches("your own words:").count() == 2);
    terminal.send("9000\r");
    terminal.wait_for("Well.");
    assert_eq!(server.chat(1).last_message(), Some("The user answered: 9000\n"));
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            › serve it
            question: Which port?
              1 = 80
              2 = 8080
              a number, or your own words: 9000
              there is no 9000: the numbers go from 1 to 2; 9000 once more is your answer as it stands
              a number, or your own words: 9000
            ● ask_user Which port?  answered
            Well.
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window

            ›"#]],
    );
}

#[test]
fn a_command_in_the_background_lives_on_between_prompts_and_ends_with_the_program() {
    let home = Home::new();
    let script = "mkfifo ask; echo ready; while :; do read it < ask && echo got $it; done";
    let server = FaultServer::script(vec![
        call("run_command", json!({"command": script, "background": true})),
        say("It runs."),
        call("run_command", json!({"command": "echo hello > ask"})),
        call("command_output", json!({"id": "c1", "start_line": 2})),
        say("It answers."),
    ]);
    let mut terminal = open(&home, &server, &["--permission", "auto"]);
    type_line(&mut terminal, "start it");
    terminal.wait_for("It runs.");
    type_line(&mut terminal, "ask it");
    terminal.wait_for("It answers.");
    prompted(&terminal);
    terminal.send(CTRL_D);
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("still ran in the background and was stopped: c1"), "{screen}");
    // Whether it was quick enough to have answered is its own affair: it was there to be asked.
    assert!(screen.contains("command_output c1"), "{screen}");
}

#[test]
fn what_was_typed_before_a_question_is_no_answer_to_it() {
    let home = Home::new();
    // While the first command runs, the person types what would allow the second.
    let first = "mkfifo gate && cat gate";
    let server = FaultServer::script(vec![
        call("run_command", json!({"command": first})),
        call("run_command", json!({"command": "touch made"})),
        say("Well."),
    ]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "make it");
    answer(&mut terminal, "y");
    until("the first command to run", || home.has("project/gate"));
    terminal.send("y");
    terminal.send(ENTER);
    home.file("project/gate", "go\n");
    terminal.wait_until("the second question", |screen| {
        screen.matches("say what to do instead").count() == 2
    });
    terminal.send("n");
    terminal.send(ENTER);
    terminal.wait_for("Well.");
    assert!(!home.has("project/made"));
}

#[test]
fn what_to_do_instead_reaches_the_model() {
    let (home, server) = (Home::new(), touching());
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "make it");
    answer(&mut terminal, "no, call it größer");
    terminal.wait_for("Well.");
    assert!(!home.has("project/made"));
    expect!["The user said no: no, call it größer"]
        .assert_eq(server.chat(1).last_message().unwrap_or_default());
}

#[test]
fn ctrl_c_at_a_question_stops_the_turn() {
    let (home, server) = (Home::new(), touching());
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "make it");
    terminal.wait_for("say what to do instead");
    terminal.send(CTRL_C);
    terminal.wait_for("stopped");
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            › make it
            allow? run_command
              command: touch made
              confined: writes the project and a /tmp of its own, no network
              always would save run_command(touch made)
              y = yes, a = always, e = edit, n = no, or say what to do instead:
            ● run_command touch made  not run
            stopped
              100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window

            ›"#]],
    );
    assert!(!home.has("project/made"));
}

#[test]
fn ctrl_c_at_the_prompt_leaves_when_it_comes_twice() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Hi.")]));
    let mut terminal = open(&home, &server, &[]);
    terminal.send("half a li");
    terminal.wait_for("half a li");
    // What was begun is given up, and nobody wants to leave yet.
    terminal.send(CTRL_C);
    prompted(&terminal);
    terminal.send(CTRL_C);
    terminal.wait_for("Ctrl-C again leaves");
    prompted(&terminal);
    type_line(&mut terminal, "hello");
    terminal.wait_for("Hi.");
    prompted(&terminal);
    terminal.send(CTRL_C);
    terminal.wait_until("the second notice", |it| it.matches("Ctrl-C again leaves").count() == 2);
    prompted(&terminal);
    terminal.send(CTRL_C);
    assert_eq!(terminal.finish().0, Some(130));
}

#[test]
fn ctrl_c_during_an_answer_stops_it_and_the_conversation_goes_on() {
    let home = Home::new();
    let stalls = Response::stream().text("one two ").stall();
    let server = FaultServer::script(vec![stalls, say("Yes.")]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "count");
    terminal.wait_for("one two");
    terminal.send(CTRL_C);
    terminal.wait_for("stopped");
    server.departure(0);
    prompted(&terminal);
    type_line(&mut terminal, "still there?");
    terminal.wait_for("Yes.");
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            › count
            one two
            stopped

            › still there?
            Yes.
              100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window

            ›"#]],
    );
    let said = server.chat(1);
    assert_eq!(said.messages()[2]["content"], "one two ");
}

#[test]
fn ctrl_d_leaves() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Hi.")]));
    let mut terminal = open(&home, &server, &[]);
    terminal.send(CTRL_D);
    assert_eq!(terminal.finish().0, Some(0));
    assert!(server.chats().is_empty());
    assert!(journal::files(&home).is_empty(), "a session in which nothing was said leaves nothing");
}

#[test]
fn help_lists_the_commands_and_a_slip_is_guessed() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Hi.")]));
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "/help");
    terminal.wait_for("enough was thought");
    type_line(&mut terminal, "/hlep");
    terminal.wait_for("did you mean");
    leaves(
        terminal,
        &server,
        expect![[r#"
              /fork [NAME]       go on from here in a copy; say behind it how to call it
              /delete NAME|ID    delete another session, by its whole name or id
              /verbose [on|off]  show what the model thinks, or not
              /exit              leave (as Ctrl-D) (also /quit, /bye)
              !COMMAND           run a command, confined as the model's are; its output goes with your
                                 next prompt
              @FILE              in a prompt: send the file too; `@src/main.rs#10-40` some lines of
                                 it, `@src` a folder's list,
                                 `@"my notes.md"` a name with blanks

            While you type:
              Tab          completes what was begun
              Alt-Enter    begins another line, as Enter does behind a \
              Ctrl-R       looks for an earlier prompt
              Ctrl-G       opens your editor
              Ctrl-C       gives up the line; in an empty one, twice, it leaves

            While it works:
              what you type stands beneath the rest, and begins your next prompt
              Enter        queue it: it is asked, or the `/command` obeyed, when the turn is over, in
                           its order
              Enter again  have the model told at its next step, while it works
              Esc, Ctrl-C  stop, and keep what was done; what waits comes back into the line. Esc
                           never leaves
              Ctrl-B       let the command that runs go on in the background (in tmux, twice)
              Ctrl-N       enough was thought: answer now (llama-server)
            › /hlep
            there is no command `/hlep`; did you mean `/help`?
            ›"#]],
    );
    assert!(server.chats().is_empty());
}

#[test]
fn a_line_that_ends_in_a_backslash_goes_on() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Hi.")]));
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "first \\");
    terminal.wait_for("\n…");
    terminal.send("second");
    terminal.send(ENTER);
    terminal.wait_for("Hi.");
    assert_eq!(server.chat(0).last_message(), Some("first \nsecond"));
}

#[test]
fn what_is_no_text_is_left_out_and_the_line_stays() {
    let home = Home::new();
    let touch = call("run_command", json!({"command": "touch made"}));
    let server = FaultServer::script(vec![touch, say("Well.")]);
    let mut terminal = open(&home, &server, &[]);
    terminal.send("caf");
    terminal.wait_for("› caf");
    terminal.send_bytes(b"\xe9 ");
    terminal.wait_for("what came in was no UTF-8, and is left out");
    terminal.wait_until("the line", |it| it.ends_with("\n› caf"));
    terminal.send("é au lait\r");
    terminal.wait_for("instead:");
    terminal.send_bytes(b"\xe9 ");
    terminal.wait_until("the question", |it| it.matches("instead:").count() == 2);
    terminal.send("y\r");
    terminal.wait_for("Well.");
    assert_eq!(server.chat(0).last_message(), Some("café au lait"));
    assert!(home.has("project/made"));
}

#[test]
fn letters_of_every_script_arrive_and_are_shown() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("こんにちは, größer ✓ 😀")]));
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "żółć こ ✓ 😀");
    terminal.wait_for("größer ✓");
    assert_eq!(server.chat(0).last_message(), Some("żółć こ ✓ 😀"));
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            › żółć こ ✓ 😀
            こんにちは, größer ✓ 😀
              100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window

            ›"#]],
    );
}

#[test]
fn what_was_typed_comes_back_with_the_arrow_in_the_next_conversation_too() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Hi.")]));
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "remember me");
    terminal.wait_for("Hi.");
    prompted(&terminal);
    terminal.send(CTRL_D);
    terminal.finish();
    let mut terminal = open(&home, &server, &[]);
    terminal.send(UP);
    terminal.wait_for("remember me");
    terminal.send(ENTER);
    assert_eq!(server.chat(1).last_message(), Some("remember me"));
}

#[test]
fn a_conversation_is_gone_on_with() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Seven."), say("Eight.")]));
    home.agent(&["a number?"]).server(&server).run().assert_code(0);
    let mut terminal = open(&home, &server, &["-c"]);
    type_line(&mut terminal, "and the next?");
    terminal.wait_for("Eight.");
    let chat = server.chat(1);
    let said = chat.messages()[1..].iter().map(|it| format!("{}: {}\n", it["role"], it["content"]));
    expect![[r#"
        "user": "a number?"
        "assistant": "Seven."
        "user": "and the next?"
    "#]]
    .assert_eq(&said.collect::<String>());
    assert!(chat.raw.starts_with(server.chat(0).raw.strip_suffix(b"]}").expect("messages")));
}

#[test]
fn a_turn_that_was_killed_is_gone_on_with_and_its_command_is_not_run_again() {
    let home = Home::new();
    let script = "echo once >> ran; echo begun > report; sleep 1000";
    let server =
        FaultServer::script(vec![call("run_command", json!({"command": script})), say("I see.")]);
    let reports = Reports::open(&home);
    let run = home.agent(&["go"]).server(&server).start();
    reports.lines(1);
    run.kill();
    drop(run);
    let terminal = open_mid_turn(&home, &server, &["-c"]);
    terminal.wait_for("I see.");
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            going on after 1 prompt, the last: go
            the last turn was interrupted; going on with it
            ● run_command echo once >> ran; echo begun > report; sleep…  interrupted, effects unknown
            I see.
              100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
            ›"#]],
    );
    assert_eq!(home.read("project/ran"), "once\n");
    expect!["Interrupted: the program ended while this call ran. Its effects are unknown; look before you repeat it."].assert_eq(server.chat(1).last_message().unwrap_or_default());
}

#[test]
fn a_failure_does_not_end_the_conversation() {
    let home = Home::new();
    let server = FaultServer::script(vec![Response::overflow(9, 8), say("Hi.")]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "hello");
    terminal.wait_for("hint: shorten the prompt");
    type_line(&mut terminal, "again");
    terminal.wait_for("Hi.");
    leaves(
        terminal,
        &server,
        expect![[r#"
            agent 0.1.0 · [SERVER] · [PROJECT] · ask · /help
            › hello
            error: the conversation has 9 tokens, the model's window 8
            hint: shorten the prompt, or give the server a larger window (`llama.context`)

            › again
            Hi.
              100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window

            ›"#]],
    );
}

/// T01 to T12.
#[test]
fn hostile_bytes_never_reach_the_terminal() {
    let home = Home::new();
    let evil = "\x1b]0;owned\x07\x1b[2J\u{9b}31m\u{202e}\x1b]52;c;aGk=\x1b\\\r\x08";
    // What we tell the terminal ourselves looks the same to this test.
    home.file("home/.config/agent/config.toml", "[ui]\ntitle = false\n");
    home.file("project/evil.txt", evil);
    let server = FaultServer::script(vec![
        Response::stream()
            .reasoning(evil)
            .text(evil)
            .text(&format!("\n```rust\nlet x = \"{evil}\";\n```\n"))
            .call("run_command", &json!({"command": format!("cat evil.txt; : '{evil}'; exit 1")}))
            .finish("tool_calls"),
        call("write_file", json!({"path": "new.txt", "content": evil})),
        call(evil, json!({evil: evil})),
        Response::bad_request(evil),
    ]);
    let mut terminal = open(&home, &server, &["--permission", "full", "--verbose"]);
    type_line(&mut terminal, "go");
    terminal.wait_for("refused the request (400)");
    prompted(&terminal);
    let raw = String::from_utf8(terminal.raw()).expect("it is text");
    // The title of the window is ours.
    let raw = ["", "… "]
        .iter()
        .fold(raw, |raw, busy| raw.replace(&format!("\x1b]2;{busy}agent · project\x1b\\"), ""));
    let has = |bytes: &[u8]| raw.as_bytes().windows(bytes.len()).any(|it| it == bytes);
    for bad in ["\x1b]", "\x07", "\x1b[2J", "\u{9b}", "\u{202e}", "\x08"] {
        assert!(!has(bad.as_bytes()), "{bad:?} reached the terminal:\n{}", terminal.screen());
    }
    assert!(has("␛]0;owned␇".as_bytes()), "it is shown instead");
}

#[test]
fn to_terminate_is_to_leave() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Hi.")]));
    let agent = env!("CARGO_BIN_EXE_agent");
    // The shell is in the same process group, and tells how it finds the terminal afterwards.
    let script =
        format!("trap '' TERM; {agent}; echo left with $?; stty | grep icanon || echo cooked");
    let shell = home.program(Path::new("/bin/sh"), &["-c", &script]).server(&server);
    let terminal = shell.terminal(30, 90);
    prompted(&terminal);
    terminal.signal(Signal::TERM);
    let (_, screen) = terminal.finish();
    assert!(screen.ends_with("left with 130\ncooked"), "{screen}");
}

#[test]
fn a_line_goes_on_where_it_was_after_the_conversation_was_suspended() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Hi.")]));
    let agent = env!("CARGO_BIN_EXE_agent");
    let script = format!(
        "set -m; {agent}; stty sane; echo away; read line; fg; echo left with $?; stty | grep icanon || echo cooked"
    );
    let shell = home.program(Path::new("/bin/sh"), &["-c", &script]).server(&server);
    let mut terminal = shell.terminal(30, 90);
    prompted(&terminal);
    terminal.send("ello");
    terminal.wait_for("› ello");
    terminal.send(CTRL_Z);
    terminal.wait_for("away");
    terminal.send(ENTER);
    terminal.wait_until("the line again", |it| it.matches("› ello").count() == 2);
    terminal.send(CTRL_A);
    terminal.send("h");
    terminal.wait_for("› hello");
    terminal.send(ENTER);
    terminal.wait_for("Hi.");
    prompted(&terminal);
    terminal.send(CTRL_D);
    let (_, screen) = terminal.finish();
    assert!(screen.ends_with("left with 0\ncooked"), "{screen}");
    assert_eq!(server.chat(0).last_message(), Some("hello"));
}

#[test]
fn to_terminate_during_an_answer_is_to_leave_too() {
    let home = Home::new();
    let server = FaultServer::script(vec![Response::stream().text("one two ").stall()]);
    let mut terminal = open(&home, &server, &[]);
    type_line(&mut terminal, "count");
    terminal.wait_for("one two");
    terminal.signal(Signal::TERM);
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(130), "{screen}");
    assert!(screen.contains("stopped"), "{screen}");
}

/// A model that wants to make a file.
fn touching() -> FaultServer {
    let touch = call("run_command", json!({"command": "touch made"}));
    FaultServer::script(vec![touch, say("Well.")])
}

/// A conversation that waits for its first line.
fn open(home: &Home, server: &FaultServer, args: &[&str]) -> Terminal {
    let terminal = open_mid_turn(home, server, args);
    prompted(&terminal);
    terminal
}

/// A conversation that may have something to do before it asks.
fn open_mid_turn(home: &Home, server: &FaultServer, args: &[&str]) -> Terminal {
    let terminal = home.agent(args).server(server).env("NO_COLOR", "1").terminal(30, 90);
    terminal.wait_for("/help");
    terminal
}

/// Waits for the prompt: only then do keys mean a line.
#[track_caller]
fn prompted(terminal: &Terminal) {
    terminal.wait_until("a prompt on the last line", |screen| {
        screen.lines().next_back().is_some_and(|it| it.trim_end() == PROMPT.trim_end())
    });
}

/// Types one line at the prompt.
#[track_caller]
fn type_line(terminal: &mut Terminal, line: &str) {
    prompted(terminal);
    terminal.send(line);
    terminal.send(ENTER);
}

/// Answers the question whether a call may run.
fn answer(terminal: &mut Terminal, line: &str) {
    terminal.wait_for("say what to do instead");
    terminal.send(line);
    terminal.send(ENTER);
}

/// Leaves, and compares what is on the screen then.
#[track_caller]
fn leaves(mut terminal: Terminal, server: &FaultServer, expected: Expect) {
    prompted(&terminal);
    terminal.send(CTRL_D);
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    let host = server.url();
    let host = host.trim_start_matches("http://");
    expected.assert_eq(&screen.replace(host, "[SERVER]"));
}
