//! Headers of files on this machine.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, bail};

use crate::models::gguf::{Header, Reader, Step};

/// A vocabulary is megabytes, so what is read at once is not small.
const CHUNK: usize = 256 << 10;
/// In the first bytes stands what a model is; its vocabulary follows.
const GLANCE: usize = 32 << 10;

/// The whole header of a file.
pub(crate) fn open(path: &Path) -> anyhow::Result<Header> {
    let name = path.display();
    let cannot_read = || format!("cannot read `{name}`");
    // A pipe would be waited for, and a device has no end.
    if !path.metadata().with_context(cannot_read)?.is_file() {
        bail!("`{name}` is not a file");
    }
    let mut file = File::open(path).with_context(cannot_read)?;
    let size = file.metadata().with_context(cannot_read)?.len();
    let mut reader = Reader::new(Some(size));
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk).with_context(cannot_read)?;
        match reader
            .push(&chunk[..read])
            .with_context(|| format!("`{name}` is damaged\nhint: download the model again"))?
        {
            Step::Done(header) => return Ok(*header),
            Step::Skip(bytes) => {
                let bytes = i64::try_from(bytes).with_context(cannot_read)?;
                file.seek(SeekFrom::Current(bytes)).with_context(cannot_read)?;
            }
            Step::NeedsMore(_) if read == 0 => bail!("`{name}` became shorter while it was read"),
            Step::NeedsMore(_) => {}
        }
    }
}

/// What the first bytes of a file say of the model: enough for a list of many.
pub(crate) fn peek(path: &Path) -> Option<Header> {
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let file = File::open(path).ok()?;
    let mut start = Vec::with_capacity(GLANCE);
    file.take(GLANCE as u64).read_to_end(&mut start).ok()?;
    let mut reader = Reader::new(None);
    match reader.push(&start) {
        Ok(Step::Done(header)) => Some(*header),
        Ok(_) => Some(reader.so_far().clone()),
        Err(_) => None,
    }
}
