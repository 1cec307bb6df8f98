//! What the fuzzer in `fuzz/` tries: any bytes as a header.

use crate::models::fit::{Form, Wish, need};
use crate::models::gguf::{Fault, Header, Reader, Step};

/// Whatever comes of the bytes, it is the same whole and in pieces.
pub fn fuzz_header(bytes: &[u8]) {
    let (whole, pieces) = (read(bytes, bytes.len().max(1)), read(bytes, 7));
    assert_eq!(whole, pieces, "pieces make no difference");
    if let Ok(Some(form)) = whole.map(|it| it.as_ref().and_then(Form::of)) {
        let _ = need(&form, &Wish::usual(form.context));
    }
}

fn read(bytes: &[u8], piece: usize) -> Result<Option<Header>, Fault> {
    let mut reader = Reader::new(Some(bytes.len() as u64));
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
