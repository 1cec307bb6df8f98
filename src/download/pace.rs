//! Whether a server still sends: silence and a trickle are ended alike.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use tokio::time::Instant;

use crate::download::DownloadError;
use crate::download::client::innermost;

/// Bytes in the time of one patience that count as something.
const TRICKLE: u64 = 4 * 1024;

/// The pace of one body.
pub(super) struct Pace {
    patience: Duration,
    /// Since when what comes is counted, and how much it was.
    since: Instant,
    bytes: u64,
}

impl Pace {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, since: Instant::now(), bytes: 0 }
    }

    /// The next bytes of the body; `None` at its end.
    pub(super) async fn next(
        &mut self,
        response: &mut Response,
        host: &str,
    ) -> Result<Option<Bytes>, DownloadError> {
        let deadline = self.since + self.patience;
        let host = || host.to_owned();
        match tokio::time::timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                self.bytes += bytes.len() as u64;
                if TRICKLE <= self.bytes {
                    (self.since, self.bytes) = (Instant::now(), 0);
                }
                Ok(Some(bytes))
            }
            Ok(Ok(None)) => Ok(None),
            Ok(Err(err)) => Err(DownloadError::Broken { host: host(), reason: innermost(&err) }),
            Err(_) => {
                let (bytes, within) = (self.bytes, self.patience);
                Err(DownloadError::Silent { host: host(), bytes, within })
            }
        }
    }
}
