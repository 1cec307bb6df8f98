//! On a machine with nothing but the program: what is missing is told, got when it is wanted, and then
//! the task is done.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::os::unix::fs::PermissionsExt;

use expect_test::{Expect, expect};
use serde_json::json;

use crate::support::home::{Home, Run};
use crate::support::hub::{Hub, Repo};
use crate::support::play::Play;
use crate::support::releases::{Release, Releases, standing_for};
use crate::support::terminal::ENTER;

/// A machine with nothing, and what there is to be had for it.
struct Machine {
    play: Play,
    releases: Releases,
    hub: Hub,
}

impl Machine {
    /// `None` where the person who runs the tests does without a llama-server.
    fn new() -> Option<Self> {
        let play = Play::new()?;
        let releases = Releases::serve(vec![
            Release::proper("v0.7.0", 2),
            Release::build(2).cpu(standing_for(2, play.server)),
        ]);
        let script = json!([{"content": "It is a small project."}]);
        let model = std::fs::read(play.model("small", &script)).expect("it was written");
        let hub = Hub::new();
        let card = "---\nlicense: mit\n---\n# Small\n\n**Small** is a model that plays a script, which is all that a test of a \
                    program can ask of a model.\n\n## Use\n";
        let repo = Repo::default().file("Small-Q4_K_M.gguf", model);
        let repo = repo.file("Small-Q8_0.gguf", vec![0; 200_000]).file("README.md", card.into());
        hub.repo("org/Small-GGUF", repo);
        let catalog = "[[model]]\nname = \"small\"\nrepo = \"org/Small-GGUF\"\nquant = \"Q4_K_M\"\n\
                       needs = 0.1\nparameters = 0.1\nnote = \"small\"\n";
        play.home.file("home/.config/agent/catalog.toml", catalog);
        Some(Self { play, releases, hub })
    }

    /// Without a llama-server that anybody named.
    fn agent(&self, args: &[&str]) -> Run {
        let run = self.play.home.agent(args).env("HF_ENDPOINT", &self.hub.url());
        let run = run.env("AGENT_ENGINE_API", &self.releases.api());
        run.env("AGENT_ENGINE_DOWNLOADS", &self.releases.downloads())
    }
}

/// Writes a program for the shell.
fn runs(home: &Home, path: &str, script: &str) {
    home.file(path, &format!("#!/bin/sh\n{script}\n"));
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(home.path(path), mode).expect("it is ours");
}

/// Each machine has a memory of its own, and downloads take their time.
#[track_caller]
fn check_told(text: &str, expected: Expect) {
    let lines = text.lines().filter(|it| !it.contains("tokens read,"));
    let lines = lines.map(|line| match line.split_once("this machine: ") {
        Some((before, _)) => format!("{before}this machine: [MEMORY]\n"),
        None => format!("{line}\n"),
    });
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn what_is_missing_is_got_and_the_task_is_done() {
    let Some(machine) = Machine::new() else { return };
    let finished = machine.agent(&["--yes", "explain this project"]).run();
    finished.assert_code(0);
    assert_eq!(finished.stdout, "It is a small project.\n");
    check_told(
        &finished.stderr,
        expect![[r#"
            this machine: [MEMORY]
            not here yet, and needed:
              engine  llama.cpp's newest stable llama-server, some 20 to 200 MB, into [HOME]/.local/share/agent/engine
              model   small (org/Small-GGUF:Q4_K_M): small; fits in memory
                      about 100 MB, a minute at 100 Mbit/s, into [HOME]/.cache/huggingface/hub
                      `agent models catalog` lists others
            found b2
            fetching llama-b2-bin-ubuntu-x64.tar.gz (400.8 kB)
            trying it (cpu)
            installed b2-cpu: [HOME]/.local/share/agent/engine/b2-cpu/llama/llama-b2/llama-server
            org/Small-GGUF: Q4_K_M, 137.8 kB
            Small-Q4_K_M.gguf: 137.8 kB, here, and its sha256 is right
            working with org/Small-GGUF:Q4_K_M
        "#]],
    );
    // The next time nothing is missing.
    let asked = (machine.releases.asked().len(), machine.hub.asked().len());
    let finished = machine.agent(&["and again"]).run();
    finished.assert_code(0);
    assert_eq!((machine.releases.asked().len(), machine.hub.asked().len()), asked);
}

#[test]
fn nothing_is_fetched_before_the_person_has_said_yes() {
    let Some(machine) = Machine::new() else { return };
    let mut terminal = machine.agent(&["explain this project"]).terminal(40, 100);
    terminal.wait_for("y = yes, n = no:");
    assert_eq!((machine.releases.asked().len(), machine.hub.asked().len()), (0, 0));
    terminal.send("n");
    terminal.send(ENTER);
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(1), "{screen}");
    check_told(
        &screen,
        expect![[r#"
            this machine: [MEMORY]
            not here yet, and needed:
              engine  llama.cpp's newest stable llama-server, some 20 to 200 MB, into
                      [HOME]/.local/share/agent/engine
              model   small (org/Small-GGUF:Q4_K_M): small; fits in memory
                      about 100 MB, a minute at 100 Mbit/s, into [HOME]/.cache/huggingface/hub
                      `agent models catalog` lists others
            get it? y = yes, n = no: n
            nothing was fetched
        "#]],
    );
    assert_eq!((machine.releases.asked().len(), machine.hub.asked().len()), (0, 0));
    let mut terminal = machine.agent(&["explain this project"]).terminal(40, 100);
    terminal.wait_for("y = yes, n = no:");
    terminal.send("y");
    terminal.send(ENTER);
    terminal.wait_for("It is a small project.");
    assert_eq!(terminal.finish().0, Some(0));
}

#[test]
fn where_nobody_can_be_asked_it_is_said_how_to_get_what_is_missing() {
    let Some(machine) = Machine::new() else { return };
    let finished = machine.agent(&["explain this project"]).run();
    finished.assert_code(1);
    check_told(
        &finished.stderr,
        expect![[r#"
        error: there is no model to work with
        hint: name a model file with `-m FILE.gguf`, or a running server with `--server-url URL`; `agent demo` shows the program at work without either
        hint: `agent --yes "…"` gets what suits this machine
    "#]],
    );
    assert_eq!((machine.releases.asked().len(), machine.hub.asked().len()), (0, 0));
}

#[test]
fn what_a_model_takes_is_told_before_it_is_fetched() {
    let Some(machine) = Machine::new() else { return };
    let finished = machine.agent(&["models", "fit", "org/Small-GGUF", "--context", "4096"]).run();
    finished.assert_code(0);
    check_told(
        &finished.stdout,
        expect![[r#"
        org/Small-GGUF, not here, context stored as f16, by formula
        this machine: [MEMORY]
         context   weights     cache   compute     total
            4096    138 kB      1 MB     42 MB     44 MB  in memory
    "#]],
    );
    // Asked for by its name in the catalogue.
    let finished = machine.agent(&["models", "info", "small"]).run();
    finished.assert_code(0);
    let lines = finished.stdout.lines().filter(|it| !it.contains("fits"));
    check_told(
        &lines.collect::<Vec<_>>().join("\n"),
        expect![[r#"
        org/Small-GGUF:Q4_K_M, not here
          title         scripted model
          architecture  llama
          weights       0 M parameters, Q4_K_M, 138 kB
          context       32768 tokens
          template      yes, with tools
          file          org/Small-GGUF/Small-Q4_K_M.gguf
          at the hub    Q4_K_M, 138 kB
          at the hub    Q8_0, 200 kB
          about         Small is a model that plays a script, which is all that a test of a program can ask of a model.
    "#]],
    );
    // llama.cpp's own program is asked where it lies beside the server, about a file that has all of the header.
    let home = &machine.play.home;
    let server = home.path("engine/llama-server");
    runs(home, "engine/llama-server", "echo 'Available devices:'; echo '  (none)'");
    runs(
        home,
        "engine/llama-fit-params",
        "echo \"$* $(wc -c <\"$2\") $(head -c 4 \"$2\")\" >>\"$0.asked\"; echo Host 1 2 3",
    );
    let asking = ["models", "fit", "small", "--context", "4096", "--cache-type", "q8_0"];
    let finished = machine.agent(&asking).env("LLAMA_SERVER", &server.display().to_string()).run();
    finished.assert_code(0);
    check_told(
        &finished.stdout,
        expect![[r#"
        org/Small-GGUF:Q4_K_M, not here, context stored as q8_0, as llama.cpp computes it
        this machine: [MEMORY]
         context   weights     cache   compute     total
            4096      1 MB      2 MB      3 MB      6 MB  in memory
    "#]],
    );
    let asked = home.read("engine/llama-fit-params.asked");
    let (_, asked) = asked.split_once(" -c ").expect("it was asked for a context");
    expect![[r#"
        4096 -ctk q8_0 -ctv q8_0 -np 1 -ngl 999 --fit off --fit-print on 137856 GGUF
    "#]]
    .assert_eq(asked);
    // One that ends in an error, as it does for some models, is as good as none.
    runs(home, "engine/llama-fit-params", "echo Host 1 2 3; exit 134");
    let finished = machine.agent(&asking).env("LLAMA_SERVER", &server.display().to_string()).run();
    assert!(finished.stdout.contains("stored as q8_0, by formula"), "{}", finished.stdout);
    assert!(!machine.play.home.has("home/.cache/huggingface"));
    let asked = machine.hub.asked().len();
    let finished = machine.agent(&["models", "fit", "org/None-GGUF"]).run();
    finished.assert_code(1);
    check_told(
        &finished.stderr,
        expect![[r#"
        error: cannot look at `org/None-GGUF` at the hub: there is no `org/None-GGUF` at the hub, or it is private
        hint: look for it with `agent models search`; for what is private set HF_TOKEN
    "#]],
    );
    assert!(asked < machine.hub.asked().len());
}
