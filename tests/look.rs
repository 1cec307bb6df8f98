//! How it looks on a terminal, and what it says to the terminal itself.

mod support;

use expect_test::expect;
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::play::until;
use crate::support::response::{Gate, Response, call, say};
use crate::support::talk::Talk;
use crate::support::terminal::{CTRL_C, CTRL_D, ENTER, ESCAPE, UP};

#[test]
fn a_terminal_of_few_letters_gets_no_others_of_ours() {
    let home = Home::new();
    let gate = Gate::closed();
    let ends = Response::stream().text("One\n\n| a | b |\n|---|---|\n| c | d |\n\n").hold(&gate);
    let server = FaultServer::script(vec![
        call("write_file", json!({"path": "a.txt", "content": "a\n"})),
        call("ask_user", json!({"question": "which?", "options": ["one", "two"]})),
        ends.text("> two\n").finish("stop"),
    ]);
    let run = home.agent(&[]).server(&server).env("LC_ALL", "de_DE.ISO-8859-1");
    let mut terminal = run.terminal(40, 100);
    terminal.wait_for("/help");
    terminal.wait_until("a prompt", |it| it.ends_with("\n>"));
    terminal.send("go on\\");
    terminal.send(ENTER);
    terminal.wait_for("\n...");
    terminal.send("here");
    terminal.send(ENTER);
    terminal.wait_for("or say what to do instead:");
    terminal.send("y\r");
    terminal.wait_for("or your own words:");
    terminal.send("1\r");
    terminal.wait_for("One");
    terminal.send("a draft\x1b\rthat waits");
    terminal.wait_for("> a draft\\that waits");
    terminal.send(ENTER);
    terminal.send("\x15\r");
    gate.open();
    terminal.wait_for("| two");
    terminal.wait_until("the next prompt", |it| it.ends_with("\n>"));
    terminal.send(CTRL_D);
    terminal.wait_until("the end", |_| true);
    let raw = terminal.raw();
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("* write_file a.txt"), "{screen}");
    let raw = String::from_utf8_lossy(&raw);
    assert!(raw.is_ascii(), "{:?}", raw.chars().filter(|it| !it.is_ascii()).collect::<String>());
}

#[test]
fn marks_can_be_chosen() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Seen.")]);
    let run = home.agent(&[]).server(&server).env("AGENT_UI_MARKS", "ascii");
    let mut terminal = run.terminal(40, 100);
    terminal.wait_until("a prompt", |it| it.ends_with("\n>"));
    terminal.send("/config ui.marks unicode\r");
    terminal.wait_for("\n›");
    terminal.send(CTRL_D);
    assert_eq!(terminal.finish().0, Some(0));
}

const CODE: &str = "```rust\nfn main() {}\n```\n";

/// The colour of the code in an answer, on a terminal with this background.
#[track_caller]
fn colour_of_code(background: Option<&'static str>, variables: &[(&str, &str)]) -> vt100::Color {
    let home = Home::new();
    let gate = Gate::closed();
    let stream = Response::stream().text("Here:\n\n").hold(&gate).text(CODE);
    let server = FaultServer::script(vec![stream.finish("stop"), say("Again.")]);
    let run = home.agent(&[]).server(&server);
    let run = variables.iter().fold(run, |run, (name, value)| run.env(name, value));
    let mut talk = Talk::coloured(run);
    let asked = |talk: &Talk| talk.terminal.raw().windows(6).any(|it| it == b"\x1b]11;?");
    assert!(!asked(&talk), "before the first turn");
    if let Some(colour) = background {
        talk.terminal.has_background(colour);
    }
    talk.enter("go");
    talk.terminal.wait_for("Here:");
    assert_eq!(asked(&talk), variables.is_empty());
    if background.is_some() {
        // A key that is heeded came behind the answer.
        talk.terminal.send("x");
        talk.terminal.wait_for("› x");
        talk.terminal.send("\x7f");
    }
    gate.open();
    talk.terminal.wait_for("fn main() {}");
    talk.prompted();
    if variables.is_empty() && background.is_none() {
        // It answers when somebody else reads.
        talk.terminal.send("a\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62;22cb");
        talk.offered("ab");
        talk.terminal.send("\x7f\x7f");
    }
    talk.say("again", "Again.");
    talk.prompted();
    let at = |screen: &vt100::Screen| {
        let rows: Vec<String> = screen.rows(0, 100).collect();
        let row = rows.iter().position(|it| it.contains("fn main")).expect("it is there");
        let column = rows[row].find("fn").expect("it is there");
        screen.cell(row as u16, column as u16).expect("it is on the screen").fgcolor()
    };
    let colour = talk.terminal.look(at);
    talk.terminal.send(CTRL_D);
    assert_eq!(talk.terminal.finish().0, Some(0));
    colour
}

#[test]
fn code_stands_out_from_the_background_that_the_terminal_says() {
    let dark = colour_of_code(None, &[("AGENT_UI_THEME", "dark")]);
    let light = colour_of_code(None, &[("AGENT_UI_THEME", "light")]);
    assert_ne!(dark, light);
    assert_eq!(colour_of_code(Some("rgb:ffff/ffff/dddd"), &[]), light);
    assert_eq!(colour_of_code(Some("rgb:0000/2b2b/3636"), &[]), dark);
    assert_eq!(colour_of_code(None, &[("COLORFGBG", "0;15")]), light);
    assert_eq!(colour_of_code(None, &[]), dark);
}

/// The colour of the first letter of this on the screen.
fn colour_of(talk: &Talk, words: &str) -> vt100::Color {
    talk.terminal.look(|screen| {
        let rows: Vec<String> = screen.rows(0, 100).collect();
        let row = rows.iter().position(|it| it.contains(words)).expect("it is there");
        let column = rows[row].split(words).next().expect("it is there").chars().count();
        screen.cell(row as u16, column as u16).expect("it is on the screen").fgcolor()
    })
}

#[test]
fn a_theme_of_ones_own_is_worn_and_taken_off() {
    let home = Home::new();
    home.file(
        "home/.config/agent/themes/sea.toml",
        "base = 'light'\ngood = '#010203'\nheading = 'bright-blue'\nprompt = 'red'\n",
    );
    home.file("home/.config/agent/themes/broken.toml", "good = 'green'\nbed = 'red'\n");
    home.file("project/a.txt", "a\n");
    let look = || call("read_file", json!({"path": "a.txt"}));
    let server = FaultServer::script(vec![look(), say("# One"), look(), say("# Two")]);
    let mut talk = Talk::coloured(home.agent(&[]).server(&server).env("AGENT_UI_THEME", "sea"));
    talk.say("go", "One");
    talk.prompted();
    let (rgb, idx) = (vt100::Color::Rgb, vt100::Color::Idx);
    assert_eq!(colour_of(&talk, "● read_file"), rgb(1, 2, 3));
    assert_eq!(colour_of(&talk, "One"), idx(12));
    assert_eq!(colour_of(&talk, "› go"), idx(1));
    talk.say("/theme see", "did you mean `sea`?");
    talk.say("/theme broken", "there is no `bed`");
    talk.say("/theme", "your own: `broken`, `sea`");
    talk.say("/theme dark", "a dark background");
    talk.say("on", "Two");
    talk.prompted();
    assert_eq!(colour_of(&talk, "Two"), idx(5));
    talk.say("/theme sea", "those of `sea`");
    talk.say("/theme none", "nobody");
    talk.say("/verbose on", "is shown from now on");
    talk.prompted();
    assert_eq!(colour_of(&talk, "› /verbose on"), vt100::Color::Default);
}

#[test]
fn a_theme_that_is_not_there_is_told_with_those_that_are() {
    let home = Home::new();
    home.agent(&["config", "show"])
        .env("AGENT_UI_THEME", "drak")
        .expect_code(1)
        .expect_stderr(expect![[r#"
            error: there is no theme `drak`; did you mean `dark`?
            hint: the themes are `dark`, `light`, `auto`, and `none` for no colours; your own would be in `[HOME]/.config/agent/themes`
        "#]])
        .check();
}

/// What the program wrote to a terminal in a conversation of one turn, during which this was read.
#[track_caller]
fn written(variables: &[(&str, &str)], meanwhile: &str) -> String {
    let home = Home::new();
    let gate = Gate::closed();
    let stream = Response::stream().text("One ").hold(&gate).text("two.").finish("stop");
    let server = FaultServer::script(vec![stream]);
    let run = home.agent(&[]).server(&server).env("TERM_PROGRAM", "WezTerm");
    let run = variables.iter().fold(run, |run, (name, value)| run.env(name, value));
    let mut talk = Talk::begin(run);
    talk.enter("go");
    talk.terminal.wait_for("One");
    if !meanwhile.is_empty() {
        // What is shown of a key came behind it.
        talk.terminal.send(&format!("{meanwhile}x"));
        talk.terminal.wait_for("› x");
        talk.terminal.send("\x7f");
    }
    gate.open();
    talk.terminal.wait_for("One two.");
    talk.prompted();
    let raw = String::from_utf8_lossy(&talk.terminal.raw()).into_owned();
    // The terminal says nothing of its own accord while a line is read.
    assert!(raw.rfind("\x1b[?1004h") <= raw.rfind("\x1b[?1004l"), "{raw:?}");
    talk.terminal.send(CTRL_D);
    assert_eq!(talk.terminal.finish().0, Some(0));
    raw
}

const CALL: &str = "\x1b]9;project: it is your turn\x1b\\";
const AT_ONCE: (&str, &str) = ("AGENT_UI_NOTIFY_AFTER", "0");

#[test]
fn who_looks_at_another_window_is_called_back() {
    let away = "\x1b[O";
    assert!(written(&[AT_ONCE], away).contains(CALL));
    assert!(!written(&[AT_ONCE], "").contains(CALL), "they look at it");
    assert!(!written(&[AT_ONCE], "\x1b[O\x1b[I").contains(CALL), "they are back");
    assert!(!written(&[], away).contains(CALL), "it took no time");
    assert!(!written(&[AT_ONCE, ("AGENT_UI_NOTIFY", "never")], away).contains(CALL));
    let always = written(&[AT_ONCE, ("AGENT_UI_NOTIFY", "always")], "");
    assert!(always.contains(CALL) && !always.contains("1004h"));
    let multiplexed = written(&[AT_ONCE, ("TMUX", "x"), ("AGENT_UI_NOTIFY", "always")], "");
    assert!(!multiplexed.contains("\x1b]9") && multiplexed.contains('\x07'));
}

#[test]
fn the_window_is_called_by_the_project_and_then_as_before() {
    let home = Home::new();
    let gate = Gate::closed();
    let stream = Response::stream().text("One ").hold(&gate).text("two.").finish("stop");
    let server = FaultServer::script(vec![stream]);
    let mut talk = Talk::open(&home, &server, &[]);
    let has =
        |talk: &Talk, text: &str| String::from_utf8_lossy(&talk.terminal.raw()).contains(text);
    assert!(has(&talk, "\x1b[22;2t\x1b]2;agent · project\x1b\\"));
    talk.enter("go");
    talk.terminal.wait_for("One");
    assert!(has(&talk, "\x1b]2;… agent · project\x1b\\"));
    gate.open();
    talk.terminal.wait_for("One two.");
    talk.prompted();
    let raw = talk.terminal.raw();
    let raw = String::from_utf8_lossy(&raw);
    assert_eq!(raw.matches("\x1b[22;2t").count(), 1);
    assert!(!raw.contains("\x1b[23;2t"));
    assert!(raw.rfind("2;agent · project") > raw.rfind("2;… agent · project"));
    talk.terminal.send(CTRL_D);
    talk.terminal.wait_for_raw("\x1b[23;2t");
    assert_eq!(talk.terminal.finish().0, Some(0));
}

#[test]
fn who_wants_nothing_of_that_gets_nothing() {
    for variable in [("AGENT_UI_TITLE", "false"), ("AGENT_UI_PLAIN", "true")] {
        let raw = written(&[variable, ("AGENT_UI_NOTIFY", "never")], "");
        assert!(!raw.contains("\x1b]2;") && !raw.contains("1004"), "{raw:?}");
    }
}

#[test]
fn what_was_entered_in_this_project_is_found_first() {
    let home = Home::new();
    home.file("other/.git/HEAD", "ref: refs/heads/main\n");
    let server = FaultServer::script(vec![say("One."), say("Two.")]);
    let talk = |place: &str| Talk::begin(home.agent(&[]).server(&server).in_dir(place));
    let mut here = talk("project");
    here.say("entered here", "One.");
    here.leave();
    let mut there = talk("other");
    there.say("entered there", "Two.");
    there.leave();
    let mut here = talk("project");
    here.terminal.send(UP);
    here.offered("entered here");
    here.terminal.send(UP);
    here.offered("entered there");
    here.terminal.send(CTRL_C);
    here.prompted();
}

#[test]
fn keys_of_vi_edit_a_line_and_ours_mean_what_they_do() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Seen.")]);
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("AGENT_UI_KEYS", "vi"));
    talk.terminal.send("abc");
    talk.offered("abc");
    talk.terminal.send(ESCAPE);
    until("a command to be begun", || talk.terminal.cursor().1 == 4);
    talk.terminal.send("x");
    talk.offered("ab");
    talk.terminal.send("A\x1b\rd");
    talk.terminal.wait_for("› ab\nd");
    talk.terminal.send(ENTER);
    talk.terminal.wait_for("Seen.");
    talk.prompted();
}
