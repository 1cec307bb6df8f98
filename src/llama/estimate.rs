//! What llama.cpp itself says a model takes. A program beside the server computes it for this build and its
//! devices, from the header alone, in a fraction of a second.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The program beside this server, where there is one.
pub(crate) fn estimator(server: &Path) -> Option<PathBuf> {
    let beside = |it: &Path| Some(it.parent()?.join("llama-fit-params")).filter(|it| it.is_file());
    // The server may be a link to where it was unpacked.
    beside(server).or_else(|| beside(&server.canonicalize().ok()?))
}

/// What it is to compute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) model: &'a Path,
    pub(crate) context: u64,
    /// How keys and values are stored.
    pub(crate) cache: &'a str,
}

/// Left to itself it would answer for a smaller context that fits, or with layers that stay in memory.
pub(crate) fn arguments(question: &Question<'_>) -> Vec<OsString> {
    let context = question.context.to_string();
    let mut all: Vec<OsString> = vec!["-m".into(), question.model.into()];
    let rest = ["-c", &context, "-ctk", question.cache, "-ctv", question.cache];
    all.extend(rest.map(OsString::from));
    all.extend("-np 1 -ngl 999 --fit off --fit-print on".split(' ').map(OsString::from));
    all
}

/// Bytes of a device or of the machine's own memory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Share {
    /// What the engine calls the device; `None` for the memory of the machine.
    pub(crate) device: Option<String>,
    pub(crate) weights: u64,
    pub(crate) context: u64,
    pub(crate) compute: u64,
}

/// Reads what it printed, among what it wrote down: a device a line, in MiB, and the machine last. `None` if that is
/// not there.
pub(crate) fn shares(said: &str) -> Option<Vec<Share>> {
    let share = |line: &str| {
        let mut fields = line.rsplitn(4, ' ');
        let mut bytes = || fields.next()?.parse::<u64>().ok()?.checked_mul(1 << 20);
        let (compute, context, weights) = (bytes()?, bytes()?, bytes()?);
        let name = fields.next().filter(|it| !it.is_empty() && !it.contains(' '))?;
        let device = (name != "Host").then(|| name.to_owned());
        Some(Share { device, weights, context, compute })
    };
    let all: Vec<_> = said.lines().filter_map(|it| share(it.trim_end())).collect();
    let ends_here = all.iter().position(|it| it.device.is_none()) == all.len().checked_sub(1);
    (ends_here && !all.is_empty()).then_some(all)
}

/// A card as the engine knows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) memory: u64,
    pub(crate) free: u64,
}

/// Reads what a server prints for `--list-devices`; `None` if that is no such list.
pub(crate) fn devices(said: &str) -> Option<Vec<Device>> {
    let device = |line: &str| {
        let (name, memory) = line.trim().strip_suffix(" MiB free)")?.rsplit_once(" (")?;
        let (_, name) = name.split_once(": ")?;
        let (memory, free) = memory.split_once(" MiB, ")?;
        let bytes = |it: &str| it.parse::<u64>().ok()?.checked_mul(1 << 20);
        Some(Device { name: name.to_owned(), memory: bytes(memory)?, free: bytes(free)? })
    };
    let mut lines = said.lines().skip_while(|it| it.trim() != "Available devices:");
    lines.next()?;
    Some(lines.filter_map(device).collect())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(said: &str, expected: Expect) {
        let told = match shares(said) {
            None => "not understood".to_owned(),
            Some(shares) => {
                let one = |it: &Share| {
                    let device = it.device.as_deref().unwrap_or("here");
                    let [weights, context, compute] =
                        [it.weights, it.context, it.compute].map(|it| it >> 20);
                    format!("{device}: {weights} + {context} + {compute}")
                };
                shares.iter().map(one).collect::<Vec<_>>().join("; ")
            }
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn each_device_and_the_machine_have_a_line() {
        check("Host 565 3584 348 \n", expect!["here: 565 + 3584 + 348"]);
        check(
            "CUDA0 9000 2048 300 \nCUDA1 8000 1024 300 \nHost 512 0 40 \n",
            expect!["CUDA0: 9000 + 2048 + 300; CUDA1: 8000 + 1024 + 300; here: 512 + 0 + 40"],
        );
    }

    #[test]
    fn what_it_wrote_down_besides_does_not_matter() {
        check(
            "0.00.003.780 I llama_fit_params: printing estimated memory in MiB 1 2 3\nHost 1 2 3 \n",
            expect!["here: 1 + 2 + 3"],
        );
    }

    #[test]
    fn the_cards_of_the_engine_are_listed() {
        let told = |said: &str| {
            let devices = devices(said)?;
            let one = |it: &Device| format!("{} {} {}", it.name, it.memory >> 20, it.free >> 20);
            Some(devices.iter().map(one).collect::<Vec<_>>().join("; "))
        };
        assert_eq!(told("Available devices:\n  (none)\n").as_deref(), Some(""));
        assert_eq!(
            told(
                "ggml_cuda_init: found 1 CUDA devices:\nAvailable devices:\n  CUDA0: NVIDIA GeForce RTX (4090) \
                 (24217 MiB, 23800 MiB free)\n  Vulkan1: Intel: Arc (8000 MiB, 7000 MiB free)\n"
            )
            .as_deref(),
            Some("NVIDIA GeForce RTX (4090) 24217 23800; Intel: Arc 8000 7000")
        );
        assert_eq!(told("error: unknown argument"), None);
    }

    #[test]
    fn what_is_no_such_table_is_not_believed() {
        check("", expect!["not understood"]);
        check("CUDA0 9000 2048 300\n", expect!["not understood"]);
        check("-c 4096 -ngl -1\n", expect!["not understood"]);
        check("Host 565 3584 -3\n", expect!["not understood"]);
        check("Host 99999999999999999999 1 1\n", expect!["not understood"]);
        check("Host 18446744073709551615 1 1\n", expect!["not understood"]);
        check("Host 1 1 1\nHost 1 1 1\n", expect!["not understood"]);
        check("Host 1 1 1\nCUDA0 1 1 1\n", expect!["not understood"]);
    }

    #[test]
    fn it_is_asked_for_all_of_the_model_and_not_for_what_fits() {
        let question = Question { model: Path::new("/m x.gguf"), context: 4096, cache: "q8_0" };
        let all: Vec<_> = arguments(&question).iter().map(|it| it.display().to_string()).collect();
        expect!["-m|/m x.gguf|-c|4096|-ctk|q8_0|-ctv|q8_0|-np|1|-ngl|999|--fit|off|--fit-print|on"]
            .assert_eq(&all.join("|"));
    }
}
