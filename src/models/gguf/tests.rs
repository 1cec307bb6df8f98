//! Headers, whole and damaged.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::models::gguf::{Element, Fault, Header, Reader, Step, Value, open, parts};

/// Builds headers byte by byte, so that they can lie.
#[derive(Clone, Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn start(tensors: u64, keys: u64) -> Self {
        Self(b"GGUF".to_vec()).u32(3).u64(tensors).u64(keys)
    }

    fn u32(mut self, it: u32) -> Self {
        self.0.extend(it.to_le_bytes());
        self
    }

    fn u64(mut self, it: u64) -> Self {
        self.0.extend(it.to_le_bytes());
        self
    }

    fn text(mut self, it: &str) -> Self {
        self = self.u64(it.len() as u64);
        self.0.extend(it.as_bytes());
        self
    }

    fn texts<'a>(self, key: &str, texts: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let start = self.text(key).u32(9).u32(8).u64(texts.len() as u64);
        texts.fold(start, Self::text)
    }

    fn tensor(self, name: &str, dimensions: &[u64], element: u32, offset: u64) -> Self {
        let start = self.text(name).u32(dimensions.len() as u32);
        dimensions.iter().fold(start, |all, it| all.u64(*it)).u32(element).u64(offset)
    }

    /// With the weights that its tensors need.
    fn padded(mut self, weights: usize) -> Vec<u8> {
        let size = self.0.len().next_multiple_of(32) + weights;
        self.0.resize(size, 0);
        self.0
    }
}

/// A small header with some of everything.
fn whole() -> Vec<u8> {
    Bytes::start(2, 6)
        .text("general.architecture")
        .u32(8)
        .text("llama")
        .text("general.alignment")
        .u32(4)
        .u32(32)
        .text("llama.context_length")
        .u32(10)
        .u64(4096)
        .text("llama.attention.head_count_kv")
        .u32(9)
        .u32(5)
        .u64(3)
        .u32(8)
        .u32(0)
        .u32(8)
        .texts("tokenizer.ggml.tokens", ["a", "", "bc"].into_iter())
        .text("general.x")
        .u32(7)
        .raw(&[1])
        .tensor("token_embd.weight", &[64, 2], 8, 0)
        .tensor("odd", &[32], 99, 160)
        .padded(192)
}

impl Bytes {
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
}

/// Reads it in pieces of this size, passing over what need not be handed in.
fn read(bytes: &[u8], piece: usize, size: Option<u64>) -> Result<Option<Header>, Fault> {
    let mut reader = Reader::new(size);
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + piece).min(bytes.len());
        match reader.push(&bytes[at..end])? {
            Step::Done(header) => return Ok(Some(*header)),
            Step::Skip(more) => at = end.saturating_add(more as usize),
            Step::NeedsMore(_) => at = end,
        }
    }
    Ok(None)
}

#[track_caller]
fn fault(bytes: Vec<u8>, expected: Expect) {
    let told = match read(&bytes, 64 << 10, Some(bytes.len() as u64)) {
        Err(fault) => fault.to_string(),
        Ok(header) => format!("{header:?}"),
    };
    expected.assert_eq(&told);
}

#[test]
fn a_header_is_the_same_however_its_bytes_come() {
    let bytes = whole();
    let header = read(&bytes, bytes.len(), Some(bytes.len() as u64)).unwrap().unwrap();
    for piece in 1..bytes.len() {
        let size = Some(bytes.len() as u64);
        assert_eq!(read(&bytes, piece, size).unwrap().as_ref(), Some(&header), "pieces of {piece}");
    }
    let tensors = header.tensors.iter().map(|it| (it.name.as_str(), it.elements, it.bytes));
    assert_eq!(tensors.collect::<Vec<_>>(), [("token_embd.weight", 128, 136), ("odd", 32, 32)]);
    assert_eq!(header.own("context_length"), Some(4096));
    assert_eq!(header.own_numbers("attention.head_count_kv"), Some(vec![8, 0, 8]));
    assert_eq!(header.vocabulary(), Some(3));
    assert_eq!(header.metadata["general.x"], Value::Switch(true));
    assert_eq!(header.data as usize, bytes.len() - 192);
}

#[test]
fn a_file_that_is_cut_anywhere_is_an_error() {
    let bytes = whole();
    // Of the last tensor nobody knows how long it is: its type is newer than we are.
    for end in 0..bytes.len() - 32 {
        let cut = &bytes[..end];
        let told = read(cut, 100, Some(end as u64));
        assert!(!matches!(told, Ok(Some(_))), "cut at {end}");
        // As long as it is not known how long the file is, it may be that more comes.
        let header = bytes.len() - 192 - 31;
        if end < header {
            assert_eq!(read(cut, 100, None), Ok(None), "cut at {end}");
        }
    }
}

#[test]
fn d15_what_is_no_header_is_told_apart() {
    fault(b"<html><body>".to_vec(), expect!["it does not begin like a GGUF file (at byte 0)"]);
    fault(b"GG".to_vec(), expect!["the header is cut off (at byte 2)"]);
    let version = |it: u32| Bytes(b"GGUF".to_vec()).u32(it).u64(0).u64(0).0;
    fault(version(0), expect!["version 0 is not known (at byte 4)"]);
    fault(version(1), expect!["it is of version 1, which nothing reads any more (at byte 4)"]);
    fault(version(4), expect!["version 4 is not known (at byte 4)"]);
    fault(version(3 << 24), expect!["it was written for a big-endian machine (at byte 4)"]);
    assert_eq!(read(&version(2), 9, Some(24)).unwrap().unwrap().version, 2);
}

#[test]
fn d16_d17_counts_and_lengths_that_cannot_be_are_not_believed() {
    fault(
        Bytes::start(0, 1 << 63).0,
        expect!["no model has 9223372036854775808 keys (at byte 16)"],
    );
    fault(
        Bytes::start(u64::MAX, 0).0,
        expect!["no model has 18446744073709551615 tensors (at byte 8)"],
    );
    fault(
        Bytes::start(0, 1).u64(1 << 62).raw(b"key").0,
        expect!["`key` is said to have 4611686018427387904 bytes, more than follow (at byte 32)"],
    );
    fault(
        Bytes::start(0, 1).text("k").u32(8).u64(1 << 63).0,
        expect!["`k` is said to have 9223372036854775808 bytes, more than follow (at byte 45)"],
    );
    fault(
        Bytes::start(0, 1).text("k").u32(9).u32(10).u64(1 << 61).0,
        expect!["`k` is said to have 18446744073709551615 bytes, more than follow (at byte 49)"],
    );
    fault(
        Bytes::start(0, 1).text("k").u32(9).u32(8).u64(1 << 61).0,
        expect!["no model has 2305843009213693952 elements (at byte 41)"],
    );
    fault(
        Bytes::start(0, 1).text("k").u32(9).u32(8).u64(2).text("a").u64(99).0,
        expect!["`a list of texts` is said to have 99 bytes, more than follow (at byte 66)"],
    );
    let many = Bytes::start(0, 1).text("k").u32(9).u32(0).u64(1 << 30).0;
    let told = read(&many, 999, Some(1 << 40)).unwrap_err();
    expect!["no model has 1073741824 elements (at byte 41)"].assert_eq(&told.to_string());
}

#[test]
fn d18_values_that_cannot_be_are_told() {
    let one = || Bytes::start(0, 1);
    fault(
        one().text("k").u32(13).0,
        expect!["`k` has a value of type 13, which there is not (at byte 33)"],
    );
    fault(
        one().text("k").u32(9).u32(9).u64(1).u32(4).u64(0).0,
        expect!["`k` is a list of lists (at byte 41)"],
    );
    fault(one().text("").u32(4).u32(1).0, expect!["a key has no name (at byte 24)"]);
    fault(one().u64(1).raw(&[0xff]).0, expect!["the name of a key is no text (at byte 24)"]);
    fault(
        Bytes::start(0, 2).text("k").u32(4).u32(1).text("k").u32(4).u32(1).0,
        expect!["the key `k` is there twice (at byte 41)"],
    );
    for alignment in [0, 3] {
        fault(
            one().text("general.alignment").u32(4).u32(alignment).0,
            expect!["`general.alignment` is no power of two (at byte 57)"],
        );
    }
}

#[test]
fn d19_tensors_that_cannot_be_are_told() {
    let one = |dimensions: &[u64], element, offset| {
        Bytes::start(1, 0).tensor("t", dimensions, element, offset).padded(128)
    };
    fault(one(&[], 0, 0), expect!["the tensor `t` has 0 dimensions (at byte 24)"]);
    fault(one(&[1, 1, 1, 1, 1], 0, 0), expect!["the tensor `t` has 5 dimensions (at byte 24)"]);
    fault(
        one(&[1 << 33, 1 << 33], 0, 0),
        expect!["the tensor `t` has more elements than can be (at byte 24)"],
    );
    fault(one(&[1 << 62], 0, 0), expect!["the tensor `t` has more bytes than can be (at byte 24)"]);
    fault(
        one(&[33], 8, 0),
        expect!["the tensor `t` has rows of 33, not whole blocks (at byte 24)"],
    );
    fault(one(&[8], 0, 3), expect!["the tensor `t` does not begin where tensors may (at byte 24)"]);
    fault(
        one(&[8], 0, 1 << 40),
        expect!["the tensor `t` ends past the end of the file (at byte 24)"],
    );
    fault(one(&[8], 0, 128), expect!["the file ends before the tensor `t` does (at byte 192)"]);
    fault(one(&[8], 0, u64::MAX - 31), expect!["the tensor `t` ends past all bounds (at byte 24)"]);
}

#[test]
fn names_of_strangers_are_short_in_an_error() {
    let name = "x".repeat(9999);
    fault(
        Bytes::start(0, 1).text(&name).u32(13).0,
        expect![
            "`xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` has a value of type 13, which there is not (at byte 10031)"
        ],
    );
}

#[test]
fn a_large_vocabulary_is_passed_over_and_a_long_text_too() {
    let tokens: Vec<_> = (0..150_000).map(|it| format!("token {it}")).collect();
    let scores = vec![0u8; 4 * 150_000];
    let bytes = Bytes::start(0, 4)
        .texts("tokenizer.ggml.tokens", tokens.iter().map(String::as_str))
        .text("tokenizer.ggml.scores")
        .u32(9)
        .u32(6)
        .u64(150_000)
        .raw(&scores)
        .text("long")
        .u32(8)
        .text(&"x".repeat(2 << 20))
        .text("last")
        .u32(4)
        .u32(7)
        .padded(0);
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("m.gguf");
    std::fs::write(&path, &bytes).unwrap();
    let header = open(&path).unwrap();
    assert_eq!(header.vocabulary(), Some(150_000));
    assert_eq!(
        header.metadata["tokenizer.ggml.scores"],
        Value::List { of: "real", count: 150_000 }
    );
    assert_eq!(header.metadata["long"], Value::Long { bytes: 2 << 20 });
    assert_eq!(header.whole("last"), Some(7));
    for piece in [1 << 10, 1 << 16, 1 << 20] {
        assert_eq!(read(&bytes, piece, None).unwrap(), Some(header.clone()));
    }
}

#[test]
fn the_size_of_rows_is_in_whole_blocks() {
    let rows = ["f32", "f16", "q8_0", "q4_0", "q6_K", "mxfp4"]
        .map(|it| Element::named(it).unwrap().row(512));
    assert_eq!(rows, [2048, 1024, 544, 288, 420, 272]);
    assert_eq!(Element::named("nonsense"), None);
}

#[test]
fn the_parts_of_a_model_are_found_and_checked() {
    let temp = tempfile::tempdir().unwrap();
    let part = |number: u32, said: u32| {
        let bytes = Bytes::start(1, 3)
            .text("split.no")
            .u32(2)
            .raw(&(said as u16).to_le_bytes())
            .text("split.count")
            .u32(2)
            .raw(&2u16.to_le_bytes())
            .text("split.tensors.count")
            .u32(5)
            .u32(2)
            .tensor(&format!("t{number}"), &[8], 0, 0)
            .padded(32);
        let path = temp.path().join(format!("m-{number:05}-of-00002.gguf"));
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let told = |path: &std::path::Path| match parts(path) {
        Ok((files, header)) => format!("{} files, {} tensors", files.len(), header.tensors.len()),
        Err(err) => format!("{err:#}").replace(temp.path().to_str().unwrap(), "~"),
    };
    let first = part(1, 0);
    expect![[r#"
        part 2 of 2 is missing: `~/m-00002-of-00002.gguf`
        hint: download the model again"#]]
    .assert_eq(&told(&first));
    let second = part(2, 0);
    expect!["`~/m-00002-of-00002.gguf` is another part than its name says"]
        .assert_eq(&told(&first));
    part(2, 1);
    expect!["2 files, 2 tensors"].assert_eq(&told(&second));
    let renamed = temp.path().join("m.gguf");
    std::fs::rename(&first, &renamed).unwrap();
    expect![[r#"
        `~/m.gguf` says that it is one of 2 parts, but not by its name
        hint: give it back the name it had, which ends in `-00001-of-00002.gguf`"#]]
    .assert_eq(&told(&renamed));
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300), size in any::<Option<u64>>()) {
        let _ = read(&bytes, 7, size);
        let _ = read(&[b"GGUF\x03\0\0\0".as_slice(), &bytes].concat(), 50, size);
    }

    #[test]
    fn no_change_of_a_header_breaks_the_reader(
        at in any::<prop::sample::Index>(),
        put in prop::collection::vec(prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 1..9),
        piece in 1usize..400,
    ) {
        let mut bytes = whole();
        let at = at.index(bytes.len());
        let end = (at + put.len()).min(bytes.len());
        bytes[at..end].copy_from_slice(&put[..end - at]);
        let size = Some(bytes.len() as u64);
        // Whatever comes of it, it is the same however the bytes come.
        prop_assert_eq!(read(&bytes, piece, size), read(&bytes, bytes.len(), size));
    }
}
