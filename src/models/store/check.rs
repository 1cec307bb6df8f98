//! Whether the bytes of a model are what its name promises.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use sha2::Digest;

use crate::download::Sha256;
use crate::models::gguf;

/// What comes of looking at a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Its hash is the one in its name.
    Right,
    /// It is another file than its name says.
    Wrong { hash: String },
    /// Nobody wrote down what its hash should be; its header is sound.
    Sound,
    /// Its header is not.
    Damaged(String),
}

/// Looks at every byte, if there is a hash to compare with. `told` hears how many bytes were read.
pub(crate) fn verify(path: &Path, told: &mut dyn FnMut(u64)) -> anyhow::Result<Verdict> {
    let real = path.canonicalize().with_context(|| format!("cannot find `{}`", path.display()))?;
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let Some(promised) = hash_in(&name) else {
        return Ok(match gguf::open(&real) {
            Ok(_) => Verdict::Sound,
            Err(err) => Verdict::Damaged(format!("{err:#}")),
        });
    };
    let hash = hash(&real, told)?;
    Ok(if hash == promised { Verdict::Right } else { Verdict::Wrong { hash: hash.to_string() } })
}

pub(super) fn hash(path: &Path, told: &mut dyn FnMut(u64)) -> anyhow::Result<Sha256> {
    const CHUNK: usize = 1 << 20;
    let cannot_read = || format!("cannot read `{}`", path.display());
    let mut file = File::open(path).with_context(cannot_read)?;
    let (mut hash, mut chunk) = (sha2::Sha256::new(), vec![0; CHUNK]);
    loop {
        let read = file.read(&mut chunk).with_context(cannot_read)?;
        if read == 0 {
            return Ok(Sha256(hash.finalize().into()));
        }
        hash.update(&chunk[..read]);
        told(read as u64);
    }
}

/// The hash that the name of a blob is: `<sha256>`, or `sha256-<sha256>`.
fn hash_in(name: &str) -> Option<Sha256> {
    name.strip_prefix("sha256-").unwrap_or(name).parse().ok()
}
