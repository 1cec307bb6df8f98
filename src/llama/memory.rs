//! What a real server says that it takes for the context, beside what `models` computed before.

use std::path::Path;

use crate::llama::testing::server;
use crate::models::{Build, Element, Form, Wish, need, open};

/// MiB of all buffers of the cache, as the log of a server says.
#[expect(clippy::disallowed_methods, reason = "the tests stand where `sandbox` stands")]
fn seen(program: &Path, model: &Path, args: &[&str]) -> f64 {
    use std::io::BufRead;
    use std::process::{Command, Stdio};
    let mut child = Command::new(program)
        .args([
            "-lv",
            "4",
            "--no-warmup",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-webui",
            "-t",
            "1",
        ])
        .args(["-np", "1", "-m"])
        .arg(model)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = std::io::BufReader::new(child.stderr.take().unwrap());
    let (mut sum, mut text) = (0.0, String::new());
    for line in log.lines().map_while(Result::ok) {
        if let Some((_, size)) = line.split_once("KV buffer size =") {
            sum += size.trim().trim_end_matches("MiB").trim().parse::<f64>().unwrap();
        }
        text += &format!("{line}\n");
        if line.contains("listening") || line.contains("error") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(0.0 < sum, "{text}");
    sum
}

/// The cache of a model of this build, as computed and as seen, in MiB.
#[track_caller]
fn check(build: &Build, context: u64, element: &str) {
    let Some(program) = server() else { return };
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("m.gguf");
    build.write(&path);
    let form = Form::of(&open(&path).unwrap()).unwrap();
    let stored = Element::named(element).unwrap();
    let wish = Wish { key: stored, value: stored, ..Wish::usual(context) };
    let computed = need(&form, &wish).cache as f64 / f64::from(1 << 20);
    let context = context.to_string();
    let seen = seen(program, &path, &["-c", &context, "-ctk", element, "-ctv", element]);
    // The server says two digits.
    assert!((computed - seen).abs() < 0.02, "computed {computed}, seen {seen}");
}

#[test]
fn the_cache_is_computed_as_a_server_makes_it() {
    let build = |heads: &[u32]| Build {
        architecture: "llama",
        heads: heads.to_vec(),
        length: 64,
        window: None,
    };
    check(&build(&[2, 2, 2]), 8192, "f16");
    let each = Build { architecture: "deci", ..build(&[8, 2, 4, 1]) };
    check(&each, 5000, "f16");
    check(&build(&[8, 8]), 4096, "q8_0");
    check(&build(&[4]), 16384, "q4_0");
}

#[test]
fn the_cache_of_a_window_is_computed_as_a_server_makes_it() {
    let heads = vec![2; 8];
    let build = Build { architecture: "cohere2", heads, length: 8, window: Some(1024) };
    check(&build, 16384, "f16");
    check(&build, 1024, "f16");
}
