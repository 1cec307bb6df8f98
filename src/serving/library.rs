//! The models that can be had, as whoever builds the server knows them.

use std::path::{Path, PathBuf};
use std::pin::Pin;

/// What comes of a look at the disk. It may be slow, and answers go on meanwhile.
pub(crate) type Look<T> = Pin<Box<dyn Future<Output = T>>>;

/// The models that can be had.
pub(crate) trait Library {
    /// The one that a name leads to; without a name, the usual one.
    fn find(&self, name: Option<&str>) -> Look<Result<Wanted, Missing>>;
    fn all(&self) -> Look<Vec<Listed>>;
    /// Bytes that models may take together, if those that are loaded take `used`.
    fn room(&self, used: u64) -> u64;
    /// Bytes that a model takes with a context of so many tokens in all.
    fn need(&self, path: &Path, context: u64) -> Look<u64>;
}

/// A model that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) quant: Option<String>,
    /// Bytes that it will take, as far as can be told before.
    pub(crate) need: u64,
}

/// A model that could be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) size: u64,
    /// In seconds of the Unix clock.
    pub(crate) modified: u64,
}

/// There is no such model, or none that is meant for certain: a sentence, and perhaps a hint.
#[derive(Clone, Debug)]
pub(crate) struct Missing(pub(crate) String);
