//! Any bytes as the header of a model file, whole and in pieces: `cargo +nightly fuzz run header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| agent::fuzz_header(bytes));
