//! `agent models pull` and `search` against a hub that misbehaves: what is in the cache afterwards, and
//! what is said.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "the tests stand where `cli` and `sandbox` stand")]

mod support;

use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::support::home::{Home, Run};
use crate::support::hub::{COMMIT, Fault, Hub, Repo, model, sha256};
use crate::support::play::until;
use crate::support::random::Random;

const REPO: &str = "org/Small-GGUF";
const CACHE: &str = "home/.cache/huggingface/hub/models--org--Small-GGUF";

/// A repository as they usually are.
fn usual() -> Repo {
    Repo::default()
        .file("README.md", b"# Small\n".to_vec())
        .file("Small-Q4_K_M.gguf", model(300_000, 1))
        .file("Small-Q8_0.gguf", model(600_000, 2))
        .file("mmproj-F16.gguf", model(50_000, 3))
}

fn pull(home: &Home, hub: &Hub, args: &[&str]) -> Run {
    let all = [&["models", "pull"], args].concat();
    home.agent(&all).env("HF_ENDPOINT", &hub.url())
}

/// What is in the cache: links with where they point, files with their size.
fn listed(home: &Home) -> String {
    fn walk(folder: &Path, root: &Path, lines: &mut Vec<String>) {
        let Ok(entries) = folder.read_dir() else { return };
        for path in entries.map(|it| it.expect("it can be read").path()) {
            let name = path.strip_prefix(root).expect("it is beneath").display().to_string();
            match path.read_link() {
                Ok(target) => lines.push(format!("{name} -> {}", target.display())),
                Err(_) if path.is_dir() => walk(&path, root, lines),
                Err(_) => {
                    lines.push(format!("{name} {}", path.metadata().map_or(0, |it| it.len())));
                }
            }
        }
    }
    let (root, mut lines) = (home.path(CACHE), Vec::new());
    walk(&root, &root, &mut lines);
    lines.sort();
    lines.join("\n").replace(COMMIT, "COMMIT")
}

/// Short names for hashes and hosts.
fn tidied(text: &str, hub: &Hub) -> String {
    let ports = hub.ports();
    let text = text.replace(&ports.0, "HUB").replace(&ports.1, "FILES").replace(COMMIT, "COMMIT");
    let lines = text.split_inclusive('\n').map(|line| match line.split_once(" that fits ") {
        // Each machine has room of its own.
        Some((before, rest)) => {
            let rest = rest.split_once(" with ").map_or(rest, |it| it.1);
            format!("{before} that fits [ROOM] with {rest}")
        }
        None => line.to_owned(),
    });
    lines.collect()
}

#[track_caller]
fn check_error(hub: &Hub, run: Run, expected: Expect) {
    let finished = run.run();
    finished.assert_code(1);
    assert_eq!(finished.stdout, "");
    expected.assert_eq(&tidied(&finished.stderr, hub));
}

#[test]
fn a_model_comes_into_the_cache_that_all_tools_share() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, usual());
    let finished = pull(&home, &hub, &[REPO]).run();
    finished.assert_code(0);
    expect![[r#"
        [HOME]/.cache/huggingface/hub/models--org--Small-GGUF/snapshots/COMMIT/Small-Q4_K_M.gguf
    "#]]
    .assert_eq(&tidied(&finished.stdout, &hub));
    expect![[r#"
        org/Small-GGUF: Q4_K_M, 350.0 kB
          Q4_K_M: the best of 2 that fits [ROOM] with a context of 32k
        Small-Q4_K_M.gguf: 300.0 kB, here, and its sha256 is right
        mmproj-F16.gguf: 50.0 kB, here, and its sha256 is right
    "#]]
    .assert_eq(&tidied(&finished.stderr, &hub));
    expect![[r#"
        blobs/968cb631f6f9ce09908e838512f94a0c49254ccd0f4ff5e8a4d7d08268624640 300000
        blobs/e8830a2f73ce1fbfa668c0f25966b5d503c9db6de80b0ba5ca2ecb69e435bd23 50000
        refs/main 40
        snapshots/COMMIT/Small-Q4_K_M.gguf -> ../../blobs/968cb631f6f9ce09908e838512f94a0c49254ccd0f4ff5e8a4d7d08268624640
        snapshots/COMMIT/mmproj-F16.gguf -> ../../blobs/e8830a2f73ce1fbfa668c0f25966b5d503c9db6de80b0ba5ca2ecb69e435bd23"#]].assert_eq(&listed(&home));
    let name = home.path(CACHE).join(format!("snapshots/{COMMIT}/Small-Q4_K_M.gguf"));
    assert_eq!(std::fs::read(name).expect("it is there"), model(300_000, 1));
}

#[test]
fn what_is_here_is_not_fetched_again() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, usual());
    pull(&home, &hub, &[REPO]).run().assert_code(0);
    let before = hub.sent();
    let finished = pull(&home, &hub, &[&format!("{REPO}:q4_k_m")]).run();
    finished.assert_code(0);
    expect![[r#"
        org/Small-GGUF: Q4_K_M, 350.0 kB
        Small-Q4_K_M.gguf: 300.0 kB, already here
        mmproj-F16.gguf: 50.0 kB, already here
    "#]]
    .assert_eq(&finished.stderr);
    assert_eq!(hub.sent(), before);
}

#[test]
fn offline_what_is_here_counts_as_fetched() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, usual());
    pull(&home, &hub, &[REPO]).run().assert_code(0);
    let again = |what: &str| {
        let finished = pull(&home, &hub, &[what]).env("HF_HUB_OFFLINE", "1").run();
        finished.assert_code(0);
        tidied(&format!("{}{}", finished.stdout, finished.stderr), &hub)
    };
    expect![[r#"
        [HOME]/.cache/huggingface/hub/models--org--Small-GGUF/snapshots/COMMIT/Small-Q4_K_M.gguf
        org/Small-GGUF:Q4_K_M, already here; whether the hub has a newer one was not asked: HF_HUB_OFFLINE is set
    "#]].assert_eq(&again(REPO));
    expect![[r#"
        [HOME]/.cache/huggingface/hub/models--org--Small-GGUF/snapshots/COMMIT/Small-Q4_K_M.gguf
        org/Small-GGUF:Q4_K_M, already here; whether the hub has a newer one was not asked: HF_HUB_OFFLINE is set
    "#]].assert_eq(&again(&format!("{REPO}:q4_k_m")));
    let other = pull(&home, &hub, &[&format!("{REPO}:Q2_K")]).env("HF_HUB_OFFLINE", "1");
    check_error(
        &hub,
        other,
        expect![[r#"
        error: cannot pull `org/Small-GGUF:Q2_K`: the hub may not be asked: HF_HUB_OFFLINE is set
        hint: unset it, or set it to 0
    "#]],
    );
}

#[test]
fn a_quant_a_file_and_a_split_model_can_be_named() {
    let (home, hub) = (Home::new(), Hub::with_pages(2));
    let split = Repo::default()
        .file("a.txt", Vec::new())
        .file("BF16/Small-BF16-00001-of-00002.gguf", model(1000, 4))
        .file("BF16/Small-BF16-00002-of-00002.gguf", model(2000, 5))
        .file("Small-Q8_0.gguf", model(500, 6));
    hub.repo(REPO, split);
    let finished = pull(&home, &hub, &["org/Small-GGUF:BF16", "hf.co/org/Small-GGUF:Q8_0"]).run();
    finished.assert_code(0);
    expect![[r#"
        org/Small-GGUF: BF16, 3.0 kB
        BF16/Small-BF16-00001-of-00002.gguf: 1.0 kB, here, and its sha256 is right
        BF16/Small-BF16-00002-of-00002.gguf: 2.0 kB, here, and its sha256 is right
        org/Small-GGUF: Q8_0, 500 bytes
        Small-Q8_0.gguf: 500 bytes, here, and its sha256 is right
    "#]]
    .assert_eq(&finished.stderr);
    expect![[r#"
        blobs/8a3aa886e2e352c27a04dcffcd07296de8933c083b679b39cfc4f6894f6bc82a 500
        blobs/b8f664575bbb9ef25678ee2b69d86aa2771c720fd59071216fb99ee803731074 1000
        blobs/be02c9bb0f1040bdfd9aa3f1b46462e6f97e4d687efcf6a474b9ff79105eacf4 2000
        refs/main 40
        snapshots/COMMIT/BF16/Small-BF16-00001-of-00002.gguf -> ../../../blobs/b8f664575bbb9ef25678ee2b69d86aa2771c720fd59071216fb99ee803731074
        snapshots/COMMIT/BF16/Small-BF16-00002-of-00002.gguf -> ../../../blobs/be02c9bb0f1040bdfd9aa3f1b46462e6f97e4d687efcf6a474b9ff79105eacf4
        snapshots/COMMIT/Small-Q8_0.gguf -> ../../blobs/8a3aa886e2e352c27a04dcffcd07296de8933c083b679b39cfc4f6894f6bc82a"#]].assert_eq(&listed(&home));
}

#[test]
fn a_program_is_told_in_json() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, usual());
    let finished = pull(&home, &hub, &["--json", "--no-mmproj", REPO]).run();
    finished.assert_code(0);
    assert_eq!(finished.stderr, "");
    let lines: Vec<Value> =
        finished.stdout.lines().map(|it| serde_json::from_str(it).expect("it is JSON")).collect();
    let events: Vec<_> = lines.iter().filter_map(|it| it["event"].as_str()).collect();
    assert_eq!(events.first(), Some(&"plan"));
    assert_eq!(events.last(), Some(&"done"));
    let hash = sha256(&model(300_000, 1));
    let file = json!({"path": "Small-Q4_K_M.gguf", "size": 300_000, "sha256": hash});
    assert_eq!(lines[0]["files"], json!([file]));
}

#[test]
fn each_refusal_says_what_to_do() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo("org/gated", usual().gated("hf_in"));
    hub.repo("org/private", usual().private("hf_in"));
    hub.repo("org/tensors", Repo::default().file("model.safetensors", vec![0; 10]));
    hub.repo("org/fake", Repo::default().file("x-Q4_K_M.gguf", b"<html>".to_vec()));
    hub.repo("org/odd", Repo::default().file("../../x-Q4_K_M.gguf", model(100, 1)));
    let check = |args: &[&str], token: &str, expected: Expect| {
        let run = pull(&home, &hub, args).env("HF_TOKEN", token);
        check_error(&hub, run, expected);
    };
    check(
        &["org/gated"],
        "",
        expect![[r#"
        error: cannot pull `org/gated`: `org/gated` is only for those who agreed to its terms
        hint: agree at http://HUB/org/gated, then set HF_TOKEN to a token of yours (http://HUB/settings/tokens)
    "#]],
    );
    check(
        &["org/gated"],
        "hf_other",
        expect![[r#"
        error: cannot pull `org/gated`: `org/gated` is only for those who agreed to its terms, and whose token is in `HF_TOKEN` has not
        hint: agree at http://HUB/org/gated; some owners let people in by hand, which takes time
    "#]],
    );
    check(
        &["org/private"],
        "",
        expect![[r#"
        error: cannot pull `org/private`: there is no `org/private` at the hub, or it is private
        hint: look for it with `agent models search`; for what is private set HF_TOKEN
    "#]],
    );
    check(
        &["org/none"],
        "hf_in",
        expect![[r#"
        error: cannot pull `org/none`: there is no `org/none` at the hub, or the token from `HF_TOKEN` may not see it
        hint: look for it with `agent models search`
    "#]],
    );
    check(
        &["org/tensors"],
        "",
        expect![[r#"
        error: cannot pull `org/tensors`: `org/tensors` has no GGUF files
        hint: `agent models search tensors` finds conversions
    "#]],
    );
    check(
        &["org/fake"],
        "",
        expect![[r#"
        error: cannot pull `org/fake`: `x-Q4_K_M.gguf` is not a GGUF file, whatever its name says
    "#]],
    );
    check(
        &["org/odd"],
        "",
        expect![[r#"
        error: cannot pull `org/odd`: the hub names a file `../../x-Q4_K_M.gguf`, which is not a name that is used here
    "#]],
    );
    hub.answers("/api/models/org/gated/revision/main", 401, json!({}))
        .told(&[("X-Error-Message", "Invalid credentials in Authorization header")]);
    check(
        &["org/gated"],
        "hf_typo",
        expect![[r#"
        error: cannot pull `org/gated`: the hub does not accept the token from `HF_TOKEN`
        hint: make another at http://HUB/settings/tokens, or unset it for what is public
    "#]],
    );
    let offline = pull(&home, &hub, &[REPO]).env("HF_HUB_OFFLINE", "1");
    check_error(
        &hub,
        offline,
        expect![[r#"
        error: cannot pull `org/Small-GGUF`: the hub may not be asked: HF_HUB_OFFLINE is set
        hint: unset it, or set it to 0
    "#]],
    );
    let html = pull(&home, &hub, &[REPO]);
    hub.answers(&format!("/api/models/{REPO}/revision/main"), 200, json!("<html>"));
    check_error(
        &hub,
        html,
        expect![[r#"
        error: cannot pull `org/Small-GGUF`: cannot understand what `127.0.0.1` says: invalid type: string "<html>", expected struct Model at line 1 column 8
        hint: is HF_ENDPOINT the address of a hub?
    "#]],
    );
    assert!(!home.has(CACHE));
}

#[test]
fn who_was_let_in_gets_it_and_the_token_stays_with_the_hub() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, usual().gated("hf_in"));
    let finished = pull(&home, &hub, &[REPO]).env("HF_TOKEN", "hf_in").run();
    finished.assert_code(0);
    assert!(!finished.stderr.contains("hf_in"));
    for asked in hub.asked() {
        assert_eq!(asked.header("authorization").is_some(), !asked.is_for_files, "{asked:?}");
    }
}

/// A mirror may have its lists answered by another host; the pages behind the first are there too.
#[test]
fn a_list_that_goes_on_at_another_host_is_read_without_the_token() {
    let (home, hub, other) = (Home::new(), Hub::new(), Hub::with_pages(1));
    hub.repo(REPO, usual());
    other.repo(REPO, usual());
    let tree = format!("/api/models/{REPO}/tree/{COMMIT}");
    let location = format!("{}{tree}", other.url());
    hub.answers(&tree, 307, json!({})).told(&[("Location", &location)]);
    pull(&home, &hub, &[REPO]).env("HF_TOKEN", "hf_secret").run().assert_code(0);
    let asked = other.asked();
    assert_eq!(asked.len(), 4, "all pages were read");
    assert!(asked.iter().all(|it| it.header("authorization").is_none()));
    assert!(hub.asked().iter().any(|it| it.header("authorization").is_some()));
}

#[test]
fn a_renamed_repository_is_found_under_its_new_name() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, usual()).repo("org/Old-GGUF", Repo::default().renamed(REPO));
    pull(&home, &hub, &["org/Old-GGUF"]).run().assert_code(0);
    assert!(home.has(&format!("{CACHE}/refs/main")));
}

#[test]
fn ctrl_c_keeps_what_is_there_and_clean_removes_it() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, Repo::default().file("x-Q4_K_M.gguf", model(8_000_000, 1)));
    hub.faults(|nth, _| if nth < 2 { Fault::None } else { Fault::Stall(100) });
    let running = pull(&home, &hub, &["--json", REPO]).start();
    until("a part to be there", || 1_000_000 <= known(&home));
    running.interrupt();
    let finished = running.finish();
    finished.assert_code(130);
    expect![[r#"
        stopped; what has come is kept, and the same command goes on from there
    "#]]
    .assert_eq(&finished.stderr);
    pull(&home, &hub, &["--clean"])
        .expect_stdout(expect![[r#"
        cleared away 1 partial file, 1.0 MB
    "#]])
        .check();
    assert_eq!(listed(&home), "");
    pull(&home, &hub, &["--clean", REPO])
        .expect_stdout(expect![[r#"
        nothing to clear away
    "#]])
        .check();
}

/// Bytes that the journals of partial files speak of.
fn known(home: &Home) -> u64 {
    let Ok(blobs) = home.path(CACHE).join("blobs").read_dir() else { return 0 };
    let journals = blobs.flatten().map(|it| it.path());
    let journals = journals.filter(|it| it.extension().is_some_and(|it| it == "journal"));
    journals.map(|it| written(&std::fs::read_to_string(it).unwrap_or_default())).sum()
}

fn written(journal: &str) -> u64 {
    let ranges = journal.lines().filter_map(|it| {
        let value: Value = serde_json::from_str(it.get(9..)?).ok()?;
        let range = value["written"].as_array()?;
        Some(range[1].as_u64()? - range[0].as_u64()?)
    });
    ranges.sum()
}

#[test]
fn two_pulls_of_the_same_file_fetch_it_once() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, Repo::default().file("x-Q4_K_M.gguf", model(6_000_000, 1)));
    let both = [(); 2].map(|()| pull(&home, &hub, &[REPO]).start());
    for running in both {
        running.finish().assert_code(0);
    }
    // Each has looked at the first bytes.
    let sent = hub.sent();
    assert!((6_000_000..=6_000_008).contains(&sent), "{sent}");
}

#[test]
fn a_terminal_shows_bars_that_leave_nothing_behind() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, usual());
    hub.faults(|_, _| Fault::Limit(400_000));
    let terminal = pull(&home, &hub, &[REPO]).terminal(24, 100);
    terminal.wait_for("in all");
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0));
    expect![[r#"
        org/Small-GGUF: Q4_K_M, 350.0 kB
          Q4_K_M: the best of 2 that fits [ROOM] with a context of 32k
        Small-Q4_K_M.gguf: 300.0 kB, here, and its sha256 is right
        mmproj-F16.gguf: 50.0 kB, here, and its sha256 is right
        [HOME]/.cache/huggingface/hub/models--org--Small-GGUF/snapshots/0123456789abcdef012345678
        9abcdef01234567/Small-Q4_K_M.gguf"#]]
    .assert_eq(&tidied(&screen, &hub));
}

#[test]
fn a_narrow_terminal_is_left_clean_and_each_line_has_its_name() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, usual());
    hub.faults(|_, _| Fault::Limit(400_000));
    let terminal = pull(&home, &hub, &[REPO]).terminal(24, 40);
    terminal.wait_for("in all");
    let raw = terminal.raw();
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0));
    assert!(!screen.contains('%') && !screen.contains("in all"), "{screen}");
    let raw = String::from_utf8_lossy(&raw);
    let frames = raw.split(['\r', '\n']).filter(|it| it.contains('%'));
    for frame in frames {
        assert!(frame.contains("Small") || frame.contains("mmproj"), "{frame:?}");
    }
    assert!(!raw.contains("0 B/s"), "{raw:?}");
}

#[test]
fn where_nothing_is_to_move_no_bar_does() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo(REPO, usual());
    let terminal = pull(&home, &hub, &[REPO]).env("AGENT_UI_PLAIN", "true").terminal(24, 100);
    terminal.wait_for("mmproj-F16.gguf: 50.0 kB");
    let raw = terminal.raw();
    assert_eq!(terminal.finish().0, Some(0));
    assert!(!raw.contains(&0x1b), "{:?}", String::from_utf8_lossy(&raw));
}

#[test]
fn search_lists_what_could_run_here() {
    let (home, hub) = (Home::new(), Hub::new());
    hub.repo("org/Qwen-A-GGUF", usual().known_for(1_200_000, 10, "2026-10-01T12:00:00.000Z"));
    hub.repo(
        "org/Qwen-B-GGUF",
        usual().gated("hf_x").known_for(900, 5000, "2026-11-01T12:00:00.000Z"),
    );
    hub.repo("org/Qwen-C", Repo::default().file("model.safetensors", Vec::new()));
    let search = |args: &[&str]| {
        let all = [&["models", "search"], args].concat();
        home.agent(&all).env("HF_ENDPOINT", &hub.url())
    };
    search(&["qwen"])
        .expect_stdout(expect![[r#"
        REPOSITORY               PARAMETERS  CONTEXT  DOWNLOADS  LIKES     UPDATED
        org/Qwen-A-GGUF                4.0B      40k       1.2M     10  2026-10-01
        org/Qwen-B-GGUF (gated)        4.0B      40k        900   5.0k  2026-11-01
    "#]])
        .check();
    search(&["qwen", "--sort", "likes", "--limit", "1"])
        .expect_stdout(expect![[r#"
        REPOSITORY               PARAMETERS  CONTEXT  DOWNLOADS  LIKES     UPDATED
        org/Qwen-B-GGUF (gated)        4.0B      40k        900   5.0k  2026-11-01
    "#]])
        .check();
    search(&["qwen", "b", "--json"]).expect_stdout(expect![[r#"
        {"repo":"org/Qwen-B-GGUF","downloads":900,"likes":5000,"updated":"2026-11-01T12:00:00.000Z","gated":true,"architecture":"qwen3","parameters":4022468096,"context":40960}
    "#]]).check();
    search(&["nothing"])
        .expect_stdout(expect![[r#"
        no repository with GGUF files fits `nothing`
    "#]])
        .check();
    search(&["qwen", "--sort", "size"]).expect_code(2).run();
}

/// Killed at any moment and begun again: the file is right in the end, and little comes twice.
#[test]
fn a_pull_that_is_killed_again_and_again_goes_on() {
    const SIZE: usize = 24_000_000;
    /// What a connection may have to fetch again: what is not in the journal yet, and what is on its way.
    const EXTRA: u64 = 4 * 1024 * 1024;
    let (seed, kills) = (number("AGENT_TEST_SEED", 1), number("AGENT_TEST_KILLS", 1) * 20);
    eprintln!("AGENT_TEST_SEED={seed}");
    let mut random = Random(seed);
    let bytes = model(SIZE, seed);
    let mut killed = 0;
    while killed < kills {
        let (home, hub) = (Home::in_memory(), Hub::new());
        hub.repo(REPO, Repo::default().file("x-Q4_K_M.gguf", bytes.clone()));
        hub.faults(|_, _| Fault::Limit(12_000_000));
        let mut here = 0;
        for _ in 0..5 {
            let before = hub.sent();
            let running = pull(&home, &hub, &[REPO]).start();
            let moment = before + 1 + random.below(6_000_000);
            until("a moment or the end", || moment <= hub.sent() || has_ended(running.id()));
            running.kill();
            if running.finish().signal.is_some() {
                killed += 1;
            }
            here += 1;
        }
        let finished = pull(&home, &hub, &[REPO]).run();
        finished.assert_code(0);
        let blob = home.path(CACHE).join("blobs").join(sha256(&bytes));
        assert!(std::fs::read(blob).expect("it is there") == bytes, "seed {seed}: other bytes");
        let most = SIZE as u64 + (here + 1) * EXTRA;
        assert!(hub.sent() <= most, "seed {seed}: {} bytes were sent, {most} may be", hub.sent());
        assert_eq!(home.path(CACHE).join("blobs").read_dir().expect("a folder").count(), 1);
    }
}

fn has_ended(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"));
    stat.is_ok_and(|it| it.contains(") Z "))
}

fn number(name: &str, usual: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(usual, |it| it.parse().expect("it is a number"))
}
