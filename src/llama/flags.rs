//! The command line of the server.

use std::ffi::OsString;
use std::path::Path;

use anyhow::bail;

use crate::llama::{Address, Options};

/// Flags that are ours to give: with another value of theirs the server would not be found, would
/// load something else, or would be open to others.
const OURS: &[(&str, &str)] = &[
    ("--host", "the address is set by `port`"),
    ("--port", "the address is set by `port`"),
    ("-m", "name the model where models are named"),
    ("--model", "name the model where models are named"),
    ("-hf", "name the model where models are named"),
    ("--hf-repo", "name the model where models are named"),
    ("--api-key", "each start makes a key of its own"),
    ("--api-key-file", "each start makes a key of its own"),
    ("--log-file", "the log already has a file"),
    ("--slot-save-path", "what is kept of a session is set by `keep_gigabytes`"),
    ("--log-disable", "the log tells why a start failed"),
];

/// What the server is told. The key to its doors is not here, where any user of the machine could
/// read it; it is in the environment.
pub(super) fn flags(
    options: &Options,
    model: &Path,
    address: &Address,
    attic: Option<&Path>,
) -> anyhow::Result<Vec<OsString>> {
    for arg in &options.args {
        let name = arg.split_once('=').map_or(arg.as_str(), |(name, _)| name);
        if let Some((name, instead)) = OURS.iter().find(|(it, _)| *it == name) {
            bail!("`{name}` cannot be among `args`\nhint: {instead}");
        }
    }
    let mut flags: Vec<OsString> = vec!["--model".into(), model.into()];
    match address {
        Address::Unix(path) => flags.extend(["--host".into(), path.into()]),
        Address::Tcp(address) => {
            flags.extend(["--host".into(), address.ip().to_string().into()]);
            flags.extend(["--port".into(), address.port().to_string().into()]);
        }
    }
    // The server divides its context among its slots; zero is what the model was trained for.
    let context = options.context.unwrap_or(0).saturating_mul(options.slots);
    let mut number = |name: &str, value: Option<u32>| {
        flags.extend(value.map(|it| [name.into(), it.to_string().into()]).into_iter().flatten());
    };
    number("--ctx-size", Some(context));
    number("--parallel", Some(options.slots));
    number("--n-gpu-layers", options.gpu_layers);
    number("--threads", options.threads);
    number("--batch-size", options.batch);
    if let Some(kind) = &options.cache_type {
        flags.extend(["--cache-type-k", kind, "--cache-type-v", kind].map(Into::into));
    }
    if let Some(attic) = attic {
        flags.extend(["--slot-save-path".into(), attic.into()]);
    }
    // No page for browsers, no requests from pages of others, nothing from the network. The
    // server's own tools are off unless they are asked for.
    flags.extend(["--no-webui", "--cors-origins", "localhost", "--offline"].map(Into::into));
    flags.extend(options.args.iter().map(Into::into));
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(options: &str, expected: Expect) {
        let options: Options = toml::from_str(options).unwrap();
        let address = match options.port {
            Some(port) => Address::Tcp(([127, 0, 0, 1], port).into()),
            None => Address::Unix("/run/agent/s.sock".into()),
        };
        expected.assert_eq(&match flags(&options, Path::new("/models/a b.gguf"), &address, None) {
            Ok(flags) => flags.iter().map(|it| it.to_str().unwrap()).collect::<Vec<_>>().join(" "),
            Err(err) => format!("{err:#}"),
        });
    }

    #[test]
    fn the_context_is_the_models_own_unless_it_is_said() {
        check(
            "",
            expect![
                "--model /models/a b.gguf --host /run/agent/s.sock --ctx-size 0 --parallel 1 --no-webui --cors-origins localhost --offline"
            ],
        );
    }

    #[test]
    fn each_slot_has_the_whole_context() {
        check(
            "slots = 3\ncontext = 8192",
            expect![
                "--model /models/a b.gguf --host /run/agent/s.sock --ctx-size 24576 --parallel 3 --no-webui --cors-origins localhost --offline"
            ],
        );
    }

    #[test]
    fn a_port_replaces_the_socket() {
        check(
            "port = 8080",
            expect![
                "--model /models/a b.gguf --host 127.0.0.1 --port 8080 --ctx-size 0 --parallel 1 --no-webui --cors-origins localhost --offline"
            ],
        );
    }

    #[test]
    fn every_option_has_its_flag() {
        check(
            "gpu_layers = 0\nthreads = 4\nbatch = 512\ncache_type = 'q8_0'\nargs = ['--mlock', '-ub', '64']",
            expect![
                "--model /models/a b.gguf --host /run/agent/s.sock --ctx-size 0 --parallel 1 --n-gpu-layers 0 --threads 4 --batch-size 512 --cache-type-k q8_0 --cache-type-v q8_0 --no-webui --cors-origins localhost --offline --mlock -ub 64"
            ],
        );
    }

    #[test]
    fn a_flag_that_is_ours_is_refused() {
        check(
            "args = ['--host', '0.0.0.0']",
            expect![[r#"
            `--host` cannot be among `args`
            hint: the address is set by `port`"#]],
        );
        check(
            "args = ['--api-key=x']",
            expect![[r#"
            `--api-key` cannot be among `args`
            hint: each start makes a key of its own"#]],
        );
    }
}
