//! How files are fetched: values that `cli` gathers once.

use std::time::Duration;

/// Fetching of files.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Who asks.
    pub(crate) user_agent: String,
    /// How many connections one file may have at most.
    pub(crate) connections: usize,
    /// How long a server may be silent before another connection is tried.
    pub(crate) patience: Duration,
    /// The first pause before something is tried again; each further one is twice as long.
    pub(crate) pause: Duration,
    pub(crate) proxies: Proxies,
}

/// The proxies of the environment, as they are usually written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    pub(crate) http: Option<String>,
    pub(crate) https: Option<String>,
    /// Hosts that are reached without one.
    pub(crate) none: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user_agent: concat!("agent/", env!("CARGO_PKG_VERSION")).to_owned(),
            connections: 8,
            patience: Duration::from_secs(20),
            pause: Duration::from_millis(250),
            proxies: Proxies::default(),
        }
    }
}
