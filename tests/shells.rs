//! What shells complete, asked of the shells themselves, as far as they are on this machine.

mod support;

use std::path::Path;

use expect_test::{Expect, expect};

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::say;

/// A home with two models and a session, and the scripts of completions.
fn home() -> Home {
    let home = Home::new();
    for (quant, seed) in [("Q4_K_M", 1), ("Q8_0", 2)] {
        home.file(&format!("home/.local/share/agent/models/tiny-{quant}.gguf"), &seed.to_string());
    }
    let server = FaultServer::answering(|_, _| say("Done."));
    home.agent(&["begin"]).server(&server).run().assert_code(0);
    home.agent(&["sessions", "rename", "20", "the parser"]).run().assert_code(0);
    for shell in ["bash", "fish", "zsh"] {
        let script = home.agent(&["completions", shell]).run();
        script.assert_code(0);
        home.file(&format!("agent.{shell}"), &script.stdout);
    }
    home
}

/// The same in a shell; `None` where it is not there.
#[track_caller]
fn said(home: &Home, shell: &str, script: &str) -> Option<String> {
    let found = home.program(Path::new("sh"), &["-c", &format!("command -v {shell}")]).run();
    if found.code != Some(0) {
        return None;
    }
    let here = Path::new(env!("CARGO_BIN_EXE_agent")).parent().expect("it lies in a folder");
    let script = format!("PATH='{}':$PATH {shell} -c '{script}'", here.display());
    let finished = home.program(Path::new("sh"), &["-c", &script]).run();
    assert_eq!(finished.stderr, "");
    Some(finished.stdout)
}

/// What bash offers behind these lines.
#[track_caller]
fn check_bash(home: &Home, lines: &[&str], expected: Expect) {
    let mut all = String::new();
    for line in lines {
        let script = format!(
            "source ../agent.bash; COMP_LINE=\"{line}\" COMP_POINT=${{#COMP_LINE}}; \
             IFS=\" \" read -ra COMP_WORDS <<<\"$COMP_LINE\"; \
             [[ $COMP_LINE == *\" \" ]] && COMP_WORDS+=(\"\"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _agent_named agent \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[*]}}\""
        );
        let Some(offered) = said(home, "bash", &script) else { return };
        all += &format!("{line}| {offered}");
    }
    expected.assert_eq(&all);
}

#[test]
fn bash_knows_models_sessions_and_guides() {
    let home = home();
    check_bash(
        &home,
        &[
            "agent -m ",
            "agent --model tiny:Q8",
            "agent models info tiny:Q4",
            "agent -r ",
            "agent help trouble",
            "agent models ver",
            "agent --permission re",
        ],
        expect![[r#"
            agent -m | tiny:Q4_K_M tiny:Q8_0
            agent --model tiny:Q8| Q8_0
            agent models info tiny:Q4| Q4_K_M
            agent -r | the\ parser
            agent help trouble| troubleshooting
            agent models ver| verify
            agent --permission re| read-only
        "#]],
    );
}

#[test]
fn fish_knows_models_and_guides() {
    let home = home();
    let lines = ["agent -m tiny", "agent help trou", "agent --output-format ", "agent explain -m "];
    let asked = lines.map(|it| format!("complete -C \"{it}\""));
    let script = format!("source ../agent.fish; {}", asked.join("; "));
    let Some(offered) = said(&home, "fish", &script) else { return };
    expect![[r#"
        tiny:Q4_K_M
        tiny:Q8_0
        troubleshooting
        json
        stream-json
        text
        tiny:Q4_K_M
        tiny:Q8_0
    "#]]
    .assert_eq(&offered);
}

#[test]
fn zsh_has_a_place_for_each_name() {
    let whole = home().read("agent.zsh");
    assert_eq!(whole.matches(":_agent_models'").count(), 22, "each model has its place");
    assert_eq!(whole.matches(":_agent_sessions'").count(), 9, "each session has its place");
    assert_eq!(whole.matches(":_agent_topics'").count(), 1, "help has its place");
}

/// What zsh makes of lines at a Tab, at a terminal: elsewhere it does not answer.
#[track_caller]
fn check_zsh(home: &Home, begin: &str, lines: &[(&str, &str)]) {
    let Some(_) = said(home, "zsh", "true") else { return };
    let here = Path::new(env!("CARGO_BIN_EXE_agent")).parent().expect("it lies in a folder");
    let mut zsh = home.program(Path::new("zsh"), &["-f", "-i"]).terminal(20, 160);
    zsh.send(&format!("PATH='{}':$PATH; {begin}; unsetopt beep; PS1=ready\r", here.display()));
    for (typed, completed) in lines {
        zsh.wait_until("a prompt", |it| {
            it.lines().last().is_some_and(|it| it.trim_end() == "ready")
        });
        zsh.send(&format!("{typed}\t"));
        zsh.wait_for(&format!("ready{completed}"));
        zsh.send("\x15\r");
    }
    zsh.send("exit\r");
    assert_eq!(zsh.finish().0, Some(0));
}

#[test]
fn zsh_knows_subcommands_models_sessions_and_guides() {
    check_zsh(
        &home(),
        "autoload -Uz compinit; compinit -u -D; source <(agent completions zsh)",
        &[
            ("agent models ver", "agent models verify"),
            ("agent explain a b -m tiny:Q8", "agent explain a b -m tiny:Q8_0"),
            ("agent models info tiny:Q8", "agent models info tiny:Q8_0"),
            ("agent -r the", "agent -r the\\ parser"),
            ("agent help trou", "agent help troubleshooting"),
            ("agent comple", "agent completions"),
        ],
    );
}

/// A package brings files that ask the program when they are needed.
#[test]
fn packaged_files_bring_completions() {
    let home = home();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/completions");
    let folder = folder.display();
    let begin = format!("fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D");
    let again = ("agent models ver", "agent models verify");
    check_zsh(&home, &begin, &[again, again]);
    if let Some(said) =
        said(&home, "bash", &format!("source {folder}/agent.bash; complete -p agent"))
    {
        assert!(said.contains("_agent_named"), "{said}");
    }
    let script = format!("source {folder}/agent.fish; complete -C \"agent models ver\"");
    if let Some(said) = said(&home, "fish", &script) {
        assert!(said.starts_with("verify"), "{said}");
    }
}
