//! Why the server ended, read from its exit status and its log.
//!
//! The server exits with 1 whatever the cause, so the log has to tell.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Failure {
    CannotListen(String),
    PortTaken(String),
    /// The file is not there, or may not be read.
    ModelUnreadable(String),
    NotAModel,
    ModelIncomplete,
    ModelTooNew(String),
    OutOfMemory(Memory),
    NoBackend,
    BadFlag(String),
    /// A flag, and what is wrong with its value.
    BadValue(String, String),
    /// It was ended from outside, or crashed.
    Signal(i32),
    /// Nothing in the log is known here; its word, if it has one.
    Unknown(ExitStatus, Option<String>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Memory {
    Main,
    Device,
}

/// What is written when a device has no room. There are many kinds of devices.
const DEVICE_IS_FULL: &[&str] = &[
    "cudaMalloc failed",
    "hipMalloc failed",
    "CUDA error: out of memory",
    "out of device memory",
    "ErrorOutOfDeviceMemory",
    "vk_error_out_of_device_memory",
    "kIOGPUCommandBufferCallbackErrorOutOfMemory",
    "failed to allocate CUDA",
    "failed to allocate ROCm",
    "failed to allocate Vulkan",
    "failed to allocate Metal",
];

const MEMORY_IS_FULL: &[&str] =
    &["failed to allocate", "insufficient memory", "std::bad_alloc", "Cannot allocate memory"];

impl Failure {
    /// Looks for the cause: what is more certain comes first.
    pub(super) fn read(status: ExitStatus, log: &str) -> Self {
        let after = |marker: &str| {
            let (_, rest) = log.split_once(marker)?;
            Some(rest.lines().next().unwrap_or_default().trim().to_owned())
        };
        let has = |marker: &&str| log.contains(*marker);

        if let Some(flag) = after("error: invalid argument: ") {
            return Self::BadFlag(flag);
        }
        if let Some((flag, reason)) =
            after("error while handling argument ").as_deref().and_then(|it| it.split_once(": "))
        {
            return Self::BadValue(flag.replace('"', ""), reason.to_owned());
        }
        if let Some(place) = after("couldn't bind HTTP server socket, hostname: ") {
            return match place.split_once(", port: ") {
                Some((host, port)) if !host.ends_with(".sock") => Self::PortTaken(port.to_owned()),
                Some((host, _)) => Self::CannotListen(host.to_owned()),
                None => Self::CannotListen(place),
            };
        }
        if has(&"no backends are loaded") {
            return Self::NoBackend;
        }
        if let Some(rest) = after("failed to open GGUF file ") {
            let reason = rest.rsplit_once('(').map_or("", |(_, it)| it.trim_end_matches(')'));
            return Self::ModelUnreadable(reason.to_lowercase());
        }
        if has(&"invalid magic characters") {
            return Self::NotAModel;
        }
        let cut_off = ["model is corrupted or incomplete", "gguf_init_from_reader: failed to read"];
        if cut_off.iter().any(has) {
            return Self::ModelIncomplete;
        }
        if let Some(name) = after("unknown model architecture: ") {
            return Self::ModelTooNew(name.replace('\'', ""));
        }
        if DEVICE_IS_FULL.iter().any(has) {
            return Self::OutOfMemory(Memory::Device);
        }
        if MEMORY_IS_FULL.iter().any(has) {
            return Self::OutOfMemory(Memory::Main);
        }
        match status.signal() {
            Some(signal) => Self::Signal(signal),
            None => Self::Unknown(status, cause(log)),
        }
    }

    /// What a person may do about it.
    pub(super) fn hint(&self) -> Option<&'static str> {
        const KILL: i32 = 9;
        Some(match self {
            Self::PortTaken(_) => "choose another `port`, or none, for a private socket",
            Self::ModelIncomplete => "download the model again",
            Self::NotAModel => "models are GGUF files; look for one whose name ends in `.gguf`",
            Self::ModelTooNew(_) => "a newer llama-server may know it",
            Self::OutOfMemory(Memory::Main) => {
                "set a smaller `context`, set `cache_type` to `q8_0`, or take a smaller model"
            }
            Self::OutOfMemory(Memory::Device) => {
                "set fewer `gpu_layers`, a smaller `context`, or take a smaller model"
            }
            Self::NoBackend => "llama.cpp is installed without its backends; install it again",
            Self::BadFlag(_) | Self::BadValue(..) => "look at `args`, or update llama-server",
            Self::Signal(KILL) => {
                "the system does this when memory runs out; set a smaller `context`"
            }
            Self::Unknown(_, None) => "is it a llama-server?",
            Self::CannotListen(_)
            | Self::ModelUnreadable(_)
            | Self::Signal(_)
            | Self::Unknown(_, Some(_)) => return None,
        })
    }
}

/// The first error, since the others follow from it; without one, the last line.
fn cause(log: &str) -> Option<String> {
    let mut lines = log.lines().map(str::trim).filter(|it| !it.is_empty());
    let error = lines.clone().find_map(|it| Some(it.split_once(" E ")?.1.trim()));
    error.or_else(|| lines.next_back()).map(str::to_owned)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CannotListen(place) => write!(f, "it cannot listen at `{place}`"),
            Self::PortTaken(port) => write!(f, "port {port} is taken by another program"),
            Self::ModelUnreadable(reason) => write!(f, "it cannot read the model: {reason}"),
            Self::NotAModel => write!(f, "the model is not a GGUF file"),
            Self::ModelIncomplete => write!(f, "the model is incomplete or damaged"),
            Self::ModelTooNew(name) => {
                write!(f, "this llama-server does not know models of the kind `{name}`")
            }
            Self::OutOfMemory(Memory::Main) => write!(f, "there is not enough memory"),
            Self::OutOfMemory(Memory::Device) => {
                write!(f, "there is not enough memory on the GPU")
            }
            Self::NoBackend => write!(f, "it found no backend to compute with"),
            Self::BadFlag(flag) => write!(f, "it does not understand `{flag}`"),
            Self::BadValue(flag, reason) => {
                write!(f, "it does not take the value of `{flag}`: {reason}")
            }
            Self::Signal(signal) => write!(f, "it was ended by signal {signal}"),
            Self::Unknown(status, Some(word)) => write!(f, "it ended with {status}: {word}"),
            Self::Unknown(status, None) => write!(f, "it ended with {status} and said nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check_status(status: i32, log: &str, expected: Expect) {
        let failure = Failure::read(ExitStatus::from_raw(status), log);
        let hint = failure.hint().map(|it| format!("\nhint: {it}")).unwrap_or_default();
        expected.assert_eq(&format!("{failure}{hint}"));
    }

    /// For an exit with 1, which is what the server does.
    #[track_caller]
    fn check(log: &str, expected: Expect) {
        check_status(0x100, log, expected);
    }

    #[test]
    fn a_port_that_is_taken() {
        check(
            "\
0.00.019.320 W srv  llama_server: security: no API key is set
0.00.019.446 E srv         start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 18222
0.00.019.457 I srv    operator(): operator(): cleaning up before exit...
0.00.019.537 E srv  llama_server: exiting due to HTTP server error
",
            expect![[r#"
                port 18222 is taken by another program
                hint: choose another `port`, or none, for a private socket"#]],
        );
    }

    #[test]
    fn a_socket_where_none_can_be() {
        check(
            "0.00.004.654 E srv         start: couldn't bind HTTP server socket, hostname: /run/no/a.sock, port: 9931\n",
            expect!["it cannot listen at `/run/no/a.sock`"],
        );
    }

    #[test]
    fn a_model_that_is_not_there() {
        check(
            "\
0.00.009.844 I srv    load_model: loading model '/models/x.gguf'
0.00.010.185 E gguf_init_from_file: failed to open GGUF file '/models/x.gguf' (No such file or directory)
0.00.010.325 E llama_model_load: error loading model: llama_model_loader: failed to load model from /models/x.gguf
0.00.010.402 E common_fit_params: encountered an error while trying to fit params to free device memory: failed to load model
0.00.010.967 E srv  llama_server: exiting due to model loading error
",
            expect!["it cannot read the model: no such file or directory"],
        );
    }

    #[test]
    fn a_file_that_is_no_model() {
        check(
            "\
0.00.009.648 E gguf_init_from_reader: invalid magic characters: 'hell', expected 'GGUF'
0.00.009.780 E llama_model_load: error loading model: llama_model_loader: failed to load model from x.gguf
",
            expect![[r#"
                the model is not a GGUF file
                hint: models are GGUF files; look for one whose name ends in `.gguf`"#]],
        );
    }

    #[test]
    fn a_model_whose_end_is_missing() {
        let log = "\
0.00.005.467 E llama_model_load: error loading model: tensor 'blk.0.attn_q.weight' data is not within the file bounds, model is corrupted or incomplete
0.00.005.508 E llama_model_load_from_file_impl: failed to load model
0.00.005.567 E common_fit_params: encountered an error while trying to fit params to free device memory: failed to load model
";
        check(
            log,
            expect![[r#"
            the model is incomplete or damaged
            hint: download the model again"#]],
        );
        check(
            "0.00.007.821 E gguf_init_from_reader: failed to read magic\n",
            expect![[r#"
            the model is incomplete or damaged
            hint: download the model again"#]],
        );
        check(
            "0.00.006.387 E gguf_init_from_reader: failed to read key-value pairs\n",
            expect![[r#"
            the model is incomplete or damaged
            hint: download the model again"#]],
        );
    }

    #[test]
    fn a_model_of_an_unknown_kind() {
        check(
            "0.00.007.502 E llama_model_load: error loading model: unknown model architecture: 'xlama'\n",
            expect![[r#"
                this llama-server does not know models of the kind `xlama`
                hint: a newer llama-server may know it"#]],
        );
    }

    #[test]
    fn a_context_that_does_not_fit() {
        check(
            "\
0.00.279.791 E ggml_aligned_malloc: insufficient memory (attempted to allocate 976.56 MB)
0.00.279.896 E ggml_backend_buft_alloc_buffer_n_default: failed to allocate CPU buffer of size 1024000000
0.00.295.205 E llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache
0.00.295.306 E cmn  common_init_: failed to create context with model 'x.gguf'
",
            expect![[r#"
                there is not enough memory
                hint: set a smaller `context`, set `cache_type` to `q8_0`, or take a smaller model"#]],
        );
        check(
            "0.00.143.374 E llama_init_from_model: failed to initialize the context: std::bad_alloc\n",
            expect![[r#"
                there is not enough memory
                hint: set a smaller `context`, set `cache_type` to `q8_0`, or take a smaller model"#]],
        );
    }

    #[test]
    fn a_device_without_room() {
        check(
            "\
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 22000.00 MiB on device 0: cudaMalloc failed: out of memory
alloc_tensor_range: failed to allocate CUDA0 buffer of size 23068672000
llama_model_load: error loading model: unable to allocate CUDA0 buffer
",
            expect![[r#"
                there is not enough memory on the GPU
                hint: set fewer `gpu_layers`, a smaller `context`, or take a smaller model"#]],
        );
    }

    #[test]
    fn a_server_without_its_libraries() {
        check(
            "0.00.005.525 E llama_model_load_from_file_impl: no backends are loaded. hint: use ggml_backend_load() or ggml_backend_load_all() to load a backend before calling this function\n",
            expect![[r#"
                it found no backend to compute with
                hint: llama.cpp is installed without its backends; install it again"#]],
        );
    }

    #[test]
    fn a_flag_that_is_not_known_or_has_a_bad_value() {
        check(
            "error: invalid argument: --badflag\n",
            expect![[r#"
            it does not understand `--badflag`
            hint: look at `args`, or update llama-server"#]],
        );
        check(
            "error while handling argument \"-ctk\": Unsupported cache type: foo\n\nusage:\n-ctk,  --cache-type-k TYPE\n",
            expect![[r#"
                it does not take the value of `-ctk`: Unsupported cache type: foo
                hint: look at `args`, or update llama-server"#]],
        );
    }

    #[test]
    fn something_else_is_told_in_its_own_words() {
        check(
            "0.00.001.787 E common_chat_verify_template: failed to apply template: std::exception\n",
            expect![
                "it ended with exit status: 1: common_chat_verify_template: failed to apply template: std::exception"
            ],
        );
        check(
            "ls: unrecognized option '--model'\nTry 'ls --help'\n",
            expect!["it ended with exit status: 1: Try 'ls --help'"],
        );
    }

    #[test]
    fn a_program_that_says_nothing() {
        check_status(
            0,
            "",
            expect![[r#"
            it ended with exit status: 0 and said nothing
            hint: is it a llama-server?"#]],
        );
    }

    #[test]
    fn a_signal_is_not_an_exit() {
        check_status(
            9,
            "0.00.081.758 I cmn  init: llama threadpool init\n",
            expect![[r#"
            it was ended by signal 9
            hint: the system does this when memory runs out; set a smaller `context`"#]],
        );
        check_status(11, "", expect!["it was ended by signal 11"]);
    }
}
