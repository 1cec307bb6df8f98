//! `agent models`: what other programs left here is found, told, chosen, checked and removed.

#![expect(clippy::unwrap_used, reason = "what builds the stores belongs to the tests")]
#![expect(clippy::disallowed_methods, reason = "the age of a file is told by the world's clock")]

mod support;

use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use expect_test::{Expect, expect};
use sha2::{Digest, Sha256};

use crate::support::home::Home;
use crate::support::llama::llama_server;

const HUB: &str = "home/.cache/huggingface/hub";

/// A model file of a kind of its own for each `content`.
fn model(home: &Home, content: &str) -> Vec<u8> {
    home.file("project/script.json", &format!(r#"[{{"content": "{content}"}}]"#));
    home.agent(&["models", "script", "script.json", "made.gguf"]).run().assert_code(0);
    let bytes = std::fs::read(home.path("project/made.gguf")).unwrap();
    std::fs::remove_file(home.path("project/made.gguf")).unwrap();
    bytes
}

fn put(home: &Home, path: &str, bytes: &[u8]) {
    let path = home.path(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let days = Duration::from_secs(2 * 86_400 + 60);
    file.set_modified(SystemTime::now() - days).unwrap();
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|it| format!("{it:02x}")).collect()
}

/// Into the cache of Hugging Face's tools, as they do it.
fn into_hub(home: &Home, repo: &str, file: &str, bytes: &[u8]) -> String {
    let folder = format!("{HUB}/models--{}", repo.replace('/', "--"));
    let (commit, hash) = ("0123456789012345678901234567890123456789", hash(bytes));
    put(home, &format!("{folder}/blobs/{hash}"), bytes);
    home.file(&format!("{folder}/refs/main"), commit);
    let link = home.path(&format!("{folder}/snapshots/{commit}/{file}"));
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    let up = "../".repeat(2 + file.matches('/').count());
    symlink(format!("{up}blobs/{hash}"), link).unwrap();
    hash
}

/// Into Ollama's store, with a template that all its models share.
fn into_ollama(home: &Home, name: &str, tag: &str, bytes: &[u8]) -> String {
    let root = "home/.ollama/models";
    let [weights, template] = [hash(bytes), hash(b"template")];
    put(home, &format!("{root}/blobs/sha256-{weights}"), bytes);
    put(home, &format!("{root}/blobs/sha256-{template}"), b"template");
    let manifest = serde_json::json!({"schemaVersion": 2, "layers": [
        {"mediaType": "application/vnd.ollama.image.model", "digest": format!("sha256:{weights}"), "size": bytes.len()},
        {"mediaType": "application/vnd.ollama.image.template", "digest": format!("sha256:{template}"), "size": 8},
    ]});
    let path = format!("{root}/manifests/registry.ollama.ai/library/{name}/{tag}");
    put(home, &path, manifest.to_string().as_bytes());
    weights
}

/// A machine with something from everywhere.
fn home() -> Home {
    let home = Home::new();
    let [one, two, three] = ["one", "two", "three"].map(|it| model(&home, it));
    into_hub(&home, "org/Small-4B-GGUF", "Small-4B-Q4_K_M.gguf", &one);
    into_hub(&home, "org/Small-4B-GGUF", "Q8_0/Small-4B-Q8_0.gguf", &two);
    into_hub(&home, "org/Small-4B-GGUF", "mmproj-F16.gguf", &three);
    put(&home, &format!("{HUB}/models--org--Big-GGUF/blobs/abc.incomplete"), b"half");
    into_ollama(&home, "small", "4b", &one);
    put(&home, "home/.lmstudio/models/maker/Other-GGUF/other-q5_k_m.gguf", &two);
    put(&home, "home/me/deep/own_Q6_K.gguf", &three);
    put(&home, "home/me/cut-00001-of-00002.gguf", &three);
    symlink("nowhere.gguf", home.path("home/me/gone-Q4_0.gguf")).unwrap();
    home.file("home/.config/agent/config.toml", "models.folders = ['~/me']\n");
    home
}

/// The hashes of scripted models change with how they are written.
fn without_hashes(text: &str) -> String {
    let is_hash = |it: &str| it.len() == 64 && it.bytes().all(|it| it.is_ascii_hexdigit());
    let parts = text.split_inclusive(|it: char| !it.is_ascii_alphanumeric());
    let shown = |part: &str| match part.split_at_checked(64) {
        Some((hash, rest)) if is_hash(hash) => format!("[HASH]{rest}"),
        _ => part.to_owned(),
    };
    parts.map(shown).collect()
}

#[track_caller]
fn check(home: &Home, args: &[&str], code: i32, expected: Expect) {
    let finished = home.agent(&[&["models"], args].concat()).run();
    let told = format!("{}{}", finished.stdout, finished.stderr);
    expected.assert_eq(&without_hashes(&told));
    finished.assert_code(code);
}

#[test]
fn everything_that_is_here_is_listed_whoever_brought_it() {
    check(
        &home(),
        &["list"],
        0,
        expect![[r#"
            name                         size  context    modified  where
            cut:Q4_0                   138 kB        -     2 d ago  folder; broken: part 2 of 2 is missing
            gone:Q4_0                    0 kB        -           -  folder; broken: `gone-Q4_0.gguf` is a link that leads nowhere
            maker/Other-GGUF:Q5_K_M    138 kB      32k     2 d ago  lm studio
            org/Big-GGUF                 0 kB        -     2 d ago  hugging face; not downloaded to its end
            org/Small-4B-GGUF:Q4_K_M   138 kB      32k     2 d ago  hugging face
            org/Small-4B-GGUF:Q8_0     138 kB      32k     2 d ago  hugging face
            org/Small-4B-GGUF:F16      138 kB      32k     2 d ago  hugging face; for pictures
            own:Q6_K                   138 kB      32k     2 d ago  folder
            small:4b                   138 kB      32k     2 d ago  ollama
            9 models, 1 MB
        "#]],
    );
    check(
        &home(),
        &["list", "SMALL"],
        0,
        expect![[r#"
            name                         size  context    modified  where
            org/Small-4B-GGUF:Q4_K_M   138 kB      32k     2 d ago  hugging face
            org/Small-4B-GGUF:Q8_0     138 kB      32k     2 d ago  hugging face
            org/Small-4B-GGUF:F16      138 kB      32k     2 d ago  hugging face; for pictures
            small:4b                   138 kB      32k     2 d ago  ollama
            4 models, 551 kB
        "#]],
    );
    check(
        &Home::new(),
        &["list"],
        0,
        expect![[r#"
        there are no models here; `agent models catalog` shows some worth having
    "#]],
    );
}

#[test]
fn a_list_for_programs_has_all_of_it() {
    let finished = home().agent(&["models", "list", "--json", "other"]).run();
    let line: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    let keys =
        ["name", "quant", "context", "where", "state", "role"].map(|it| line[it].to_string());
    expect![[r#""maker/Other-GGUF:Q5_K_M" "Q5_K_M" 32768 "lm studio" "whole" "model""#]]
        .assert_eq(&keys.join(" "));
}

#[test]
fn a_model_is_told_by_any_name_it_may_have() {
    let home = home();
    let named = |name: &str| {
        let finished = home.agent(&["models", "info", "--json", name]).run();
        let first = finished.stderr.lines().map(|it| format!(" {it}")).collect::<String>();
        let info = serde_json::from_str::<serde_json::Value>(&finished.stdout).unwrap_or_default();
        format!("{name}: {}{first}\n", info["name"])
    };
    let names = [
        "org/Small-4B-GGUF:Q8_0",
        "small-4b:q4_k_m",
        "https://huggingface.co/org/Small-4B-GGUF",
        "small:4b",
        "own",
        "other",
        "small",
        "smal-4b",
        "big",
        "gpt-oss",
        "../home/me/deep/own_Q6_K.gguf",
        "../home/me/cut-00001-of-00002.gguf",
        "no.gguf",
    ];
    let told: String = names.map(named).concat();
    expect![[r#"
        org/Small-4B-GGUF:Q8_0: "org/Small-4B-GGUF:Q8_0"
        small-4b:q4_k_m: "org/Small-4B-GGUF:Q4_K_M"
        https://huggingface.co/org/Small-4B-GGUF: "org/Small-4B-GGUF:Q8_0"
        small:4b: "small:4b"
        own: "own:Q6_K"
        other: "maker/Other-GGUF:Q5_K_M"
        small: null error: `small` can mean several models hint: name one: `org/Small-4B-GGUF`, `small:4b`
        smal-4b: null error: there is no model `smal-4b` here hint: did you mean one of `org/Small-4B-GGUF:Q4_K_M`, `org/Small-4B-GGUF:Q8_0`, `small:4b`?
        big: null error: there is no model `big` here hint: `agent models list` shows what there is
        gpt-oss: null error: cannot look at `ggml-org/gpt-oss-20b-GGUF` at the hub: cannot ask the hub: cannot reach huggingface.co: failed to lookup address information: Name or service not known hint: is this machine connected, and does it need a proxy (HTTPS_PROXY)?
        ../home/me/deep/own_Q6_K.gguf: "[PROJECT]/../home/me/deep/own_Q6_K.gguf"
        ../home/me/cut-00001-of-00002.gguf: null error: part 2 of 2 is missing: `[PROJECT]/../home/me/cut-00002-of-00002.gguf` hint: download the model again
        no.gguf: null error: `[PROJECT]/no.gguf` does not exist
    "#]]
        .assert_eq(&told);
}

#[test]
fn what_a_model_is_and_takes_is_told() {
    let home = home();
    let finished = home.agent(&["models", "info", "own"]).run();
    finished.assert_code(0);
    // Whether it fits, this machine says.
    let told = finished.stdout.lines().filter(|it| !it.starts_with("  fits"));
    let told = told.map(|it| format!("{it}\n")).collect::<String>();
    expect![[r#"
        own:Q6_K
          title         scripted model
          architecture  llama
          weights       0 M parameters, Q6_K, 129 kB
          context       32768 tokens
          template      yes, with tools
          file          [HOME]/me/deep/own_Q6_K.gguf
          here          own:Q6_K, 138 kB, folder
    "#]]
    .assert_eq(&told);
    let finished = home.agent(&["models", "fit", "own", "--context", "4096", "--json"]).run();
    let fit: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    expect![[r#"{"context":4096,"weights":129216,"cache":1048576,"state":0,"compute":42479616,"total":43657408,"place":"in memory","fits":true}"#]].assert_eq(&fit["contexts"][0].to_string());
    check(
        &home,
        &["fit", "own", "--cache-type", "q9"],
        2,
        expect![[r#"
        error: there is no way `q9` to store the context
        hint: f16, q8_0 and q4_0 are usual
    "#]],
    );
}

#[test]
fn one_quant_goes_and_the_others_stay() {
    let home = home();
    check(
        &home,
        &["rm", "org/Small-4B-GGUF:Q8_0", "--dry-run"],
        0,
        expect![[r#"
            org/Small-4B-GGUF:Q8_0, 138 kB, hugging face
              [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/blobs/[HASH]
              [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/snapshots/0123456789012345678901234567890123456789/Q8_0/Small-4B-Q8_0.gguf
            would free 138 kB
        "#]],
    );
    check(
        &home,
        &["rm", "org/Small-4B-GGUF:Q8_0"],
        1,
        expect![[r#"
            org/Small-4B-GGUF:Q8_0, 138 kB, hugging face
              [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/blobs/[HASH]
              [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/snapshots/0123456789012345678901234567890123456789/Q8_0/Small-4B-Q8_0.gguf
            not removed: there is nobody to ask; `--yes` removes without asking
        "#]],
    );
    check(
        &home,
        &["rm", "--yes", "org/Small-4B-GGUF:Q8_0"],
        0,
        expect![[r#"
            org/Small-4B-GGUF:Q8_0, 138 kB, hugging face
              [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/blobs/[HASH]
              [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/snapshots/0123456789012345678901234567890123456789/Q8_0/Small-4B-Q8_0.gguf
            freed 138 kB
        "#]],
    );
    check(
        &home,
        &["list", "small"],
        0,
        expect![[r#"
            name                         size  context    modified  where
            org/Small-4B-GGUF:Q4_K_M   138 kB      32k     2 d ago  hugging face
            org/Small-4B-GGUF:F16      138 kB      32k     2 d ago  hugging face; for pictures
            small:4b                   138 kB      32k     2 d ago  ollama
            3 models, 413 kB
        "#]],
    );
    check(
        &home,
        &["rm", "--yes", "org/Small-4B-GGUF"],
        0,
        expect![[r#"
            org/Small-4B-GGUF:Q4_K_M, 138 kB, hugging face
            org/Small-4B-GGUF:F16, 138 kB, hugging face
              [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/blobs/[HASH]
              [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/blobs/[HASH]
              [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/snapshots/0123456789012345678901234567890123456789/Small-4B-Q4_K_M.gguf
              [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/snapshots/0123456789012345678901234567890123456789/mmproj-F16.gguf
            freed 276 kB
        "#]],
    );
    check(
        &home,
        &["list", "small"],
        0,
        expect![[r#"
            name         size  context    modified  where
            small:4b   138 kB      32k     2 d ago  ollama
            1 model, 138 kB
        "#]],
    );
    check(
        &home,
        &["rm", "--yes", "own"],
        0,
        expect![[r#"
            own:Q6_K, 138 kB, folder
              [HOME]/me/deep/own_Q6_K.gguf
            freed 138 kB
        "#]],
    );
    assert!(home.has("home/me/deep"), "folders of the person stay");
    check(
        &home,
        &["rm", "nothing"],
        1,
        expect![[r#"
        error: there is no model `nothing` here
        hint: `agent models list` shows what there is
    "#]],
    );
}

#[test]
fn what_another_program_holds_is_not_removed_silently() {
    let home = Home::new();
    let bytes = model(&home, "one");
    let weights = into_ollama(&home, "small", "4b", &bytes);
    into_ollama(&home, "small", "latest", &bytes);
    check(
        &home,
        &["rm", "--yes", "small:4b"],
        0,
        expect![[r#"
            small:4b, 138 kB, ollama
              [HOME]/.ollama/models/manifests/registry.ollama.ai/library/small/4b
            freed 0 kB
            note: Ollama will not have `small:4b` any more
            note: its weights stay: `small:latest` has the same
        "#]],
    );
    let blob = format!("home/.ollama/models/blobs/sha256-{weights}");
    assert!(home.has(&blob), "another tag has it, too");
    check(
        &home,
        &["rm", "--yes", "small:latest"],
        0,
        expect![[r#"
            small:latest, 138 kB, ollama
              [HOME]/.ollama/models/blobs/sha256-[HASH]
              [HOME]/.ollama/models/blobs/sha256-[HASH]
              [HOME]/.ollama/models/manifests/registry.ollama.ai/library/small/latest
            freed 138 kB
            note: Ollama will not have `small:latest` any more
        "#]],
    );
    assert!(!home.has(&blob));
}

#[test]
fn forms_with_the_same_file_go_together_or_keep_it() {
    let home = Home::new();
    let bytes = model(&home, "one");
    let blobs = format!("{HUB}/models--org--Twin-GGUF/blobs");
    for file in ["Twin-Q4_0.gguf", "Twin-Q8_0.gguf"] {
        into_hub(&home, "org/Twin-GGUF", file, &bytes);
    }
    let blobs_are = || std::fs::read_dir(home.path(&blobs)).map_or(0, |it| it.flatten().count());
    let removed = home.agent(&["models", "rm", "org/Twin-GGUF:Q4_0", "--dry-run"]).run();
    assert!(removed.stderr.contains("its file stays"), "{}", removed.stderr);
    let removed = home.agent(&["models", "rm", "org/Twin-GGUF", "--yes"]).run();
    removed.assert_code(0);
    assert_eq!((removed.stderr.as_str(), blobs_are()), ("", 0));
    home.file("project/here-Q4_0.gguf", "x");
    home.file(
        "home/.config/agent/config.toml",
        &format!("models.folders = ['{}']\n", home.path("project").display()),
    );
    home.agent(&["models", "rm", "here-Q4_0.gguf", "--yes"]).run().assert_code(0);
    assert!(!home.has("project/here-Q4_0.gguf"));
}

#[test]
fn what_is_broken_is_told_by_its_name() {
    let home = home();
    let finished = home.agent(&["models", "verify"]).run();
    finished.assert_code(1);
    let wrong = finished.stdout.lines().filter(|it| it.starts_with("WRONG"));
    expect![[r#"
        WRONG  cut:Q4_0: part 2 of 2 is missing
        WRONG  gone:Q4_0: `gone-Q4_0.gguf` is a link that leads nowhere
    "#]]
    .assert_eq(&wrong.map(|it| format!("{it}\n")).collect::<String>());
    expect![[r#"
        org/Big-GGUF: not downloaded to its end
        a model with a wrong file: remove it and download it again
    "#]]
    .assert_eq(&finished.stderr);
    check(
        &home,
        &["info", "cut"],
        1,
        expect![[r#"
        error: `cut:Q4_0` is broken: part 2 of 2 is missing
        hint: download it again
    "#]],
    );
    check(
        &home,
        &["list", "nothing-of-the-kind"],
        0,
        expect![[r#"
        none of the 9 models here has `nothing-of-the-kind` in its name
    "#]],
    );
    check(
        &home,
        &["info", ""],
        2,
        expect![[r#"
        error: a value is required for '<MODEL>' but none was supplied

        For more information, try '--help'.
    "#]],
    );
    let finished = home.agent(&["chat", "smal-4b"]).run();
    finished.assert_code(1);
    expect![[r#"
        error: there is no model `smal-4b` here
        hint: did you mean one of `org/Small-4B-GGUF:Q4_K_M`, `org/Small-4B-GGUF:Q8_0`, `small:4b`?
    "#]]
    .assert_eq(&finished.stderr);
    home.file("home/.config/agent/catalog.toml", "[[model]]\nname = 1\n");
    check(
        &home,
        &["list"],
        1,
        expect![[r#"
        error: cannot understand line 2 of `[HOME]/.config/agent/catalog.toml`: invalid type: integer `1`, expected a string
        hint: mend it, or move it away, and the built-in catalogue counts
    "#]],
    );
}

#[test]
fn a_byte_that_changed_is_found() {
    let home = Home::new();
    let bytes = model(&home, "one");
    let hash = into_hub(&home, "org/A-GGUF", "A-Q4_0.gguf", &bytes);
    put(&home, "home/.local/share/agent/models/b.gguf", &bytes);
    check(
        &home,
        &["verify"],
        0,
        expect![[r#"
        ok     b:Q4_0  b.gguf: its header is sound; it has no hash to compare with
        ok     org/A-GGUF:Q4_0  A-Q4_0.gguf: its hash is right
    "#]],
    );
    let mut other = bytes;
    *other.last_mut().unwrap() ^= 1;
    put(&home, &format!("{HUB}/models--org--A-GGUF/blobs/{hash}"), &other);
    let finished = home.agent(&["models", "verify", "A-GGUF"]).run();
    finished.assert_code(1);
    assert!(finished.stdout.starts_with("WRONG"), "{}", finished.stdout);
}

#[test]
fn a_file_from_elsewhere_is_linked_and_then_has_a_name() {
    let home = Home::new();
    let bytes = model(&home, "one");
    put(&home, "project/mine-Q4_0.gguf", &bytes);
    check(
        &home,
        &["import", "mine-Q4_0.gguf"],
        0,
        expect![[r#"
        linked to [HOME]/.local/share/agent/models/mine-Q4_0.gguf
    "#]],
    );
    check(
        &home,
        &["import", "mine-Q4_0.gguf"],
        1,
        expect![[r#"
        error: there is a `[HOME]/.local/share/agent/models/mine-Q4_0.gguf` already
        hint: give one of them another name
    "#]],
    );
    check(
        &home,
        &["list"],
        0,
        expect![[r#"
            name          size  context    modified  where
            mine:Q4_0   138 kB      32k     2 d ago  folder
            1 model, 138 kB
        "#]],
    );
    put(&home, "project/bad.gguf", &bytes[..bytes.len() / 2]);
    check(
        &home,
        &["import", "bad.gguf"],
        1,
        expect![[r#"
            error: `[PROJECT]/bad.gguf` is damaged: the tensor `blk.0.attn_output.weight` ends past the end of the file (at byte 8198)
            hint: download the model again
        "#]],
    );
}

#[test]
fn the_catalogue_is_the_persons_if_there_is_one() {
    let home = Home::new();
    let ours =
        "[[model]]\nname = 'mine'\nrepo = 'a/b'\nneeds = 0.001\nparameters = 1\nnote = 'x'\n";
    home.file("home/.config/agent/catalog.toml", ours);
    let finished = home.agent(&["models", "catalog", "--json"]).run();
    let line: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(
        (&line["name"], &line["best"], &line["here"]),
        (&"mine".into(), &true.into(), &false.into())
    );
    home.file("home/.config/agent/catalog.toml", "[[model]]\nname = 3");
    home.agent(&["models", "catalog"]).run().assert_code(1);
}

#[test]
fn a_damaged_model_is_not_given_to_a_server() {
    let home = Home::new();
    let bytes = model(&home, "one");
    put(&home, "project/cut.gguf", &bytes[..bytes.len() - 1]);
    let finished = home.agent(&["-m", "cut.gguf", "hello"]).run();
    finished.assert_code(1);
    expect![[r#"
        error: `[PROJECT]/cut.gguf` is damaged: the file ends before the tensor `output.weight` does (at byte 137823)
        hint: download the model again
    "#]].assert_eq(&finished.stderr);
}

#[test]
fn a_session_works_with_a_model_by_its_name_or_with_the_only_one_that_is_here() {
    let Some(server) = llama_server() else { return };
    let home = Home::new();
    let bytes = model(&home, "I am here.");
    into_hub(&home, "org/Small-4B-GGUF", "Small-4B-Q4_0.gguf", &bytes);
    let run = |args: &[&str]| {
        let run = home.agent(args).env("LLAMA_SERVER", server.to_str().unwrap());
        let finished = run.env("AGENT_LLAMA_THREADS", "1").run();
        finished.assert_code(0);
        format!("{}{}", finished.stdout, finished.stderr.lines().next().unwrap_or_default())
    };
    assert!(run(&["-m", "small-4b", "hello"]).starts_with("I am here."));
    let told = run(&["hello"]);
    assert!(told.starts_with("I am here."), "{told}");
    assert!(told.contains("working with org/Small-4B-GGUF:Q4_0"), "{told}");
}

#[test]
fn the_doctor_knows_the_model_that_is_worked_with() {
    let told = |home: &Home, args: &[&str]| {
        let told = home.agent(&[args, &["doctor"]].concat()).run().stdout;
        let line = told.lines().find(|it| it.contains(" model: ")).unwrap_or_default();
        without_hashes(line)
    };
    let some = home();
    expect!["warn  model: none is configured, and none is here that would be taken"]
        .assert_eq(&told(&some, &[]));
    expect!["fail  model: there is no model `big` here"].assert_eq(&told(&some, &["-m", "big"]));
    expect!["ok    model: [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/snapshots/0123456789012345678901234567890123456789/Q8_0/Small-4B-Q8_0.gguf"].assert_eq(&told(&some, &["-m", "org/Small-4B-GGUF:Q8_0"]));
    let one = Home::new();
    into_hub(&one, "org/Small-4B-GGUF", "Small-4B-Q4_0.gguf", &model(&one, "one"));
    expect!["ok    model: none is configured; [HOME]/.cache/huggingface/hub/models--org--Small-4B-GGUF/snapshots/0123456789012345678901234567890123456789/Small-4B-Q4_0.gguf is here and worked with"].assert_eq(&told(&one, &[]));
}
