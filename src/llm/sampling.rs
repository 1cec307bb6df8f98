//! placeholder
#[derive(Clone, Debug, Default)]
pub(crate) struct Sampling {}
