//! Where a file really lies: its address often leads to another one, which is good for a while.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use reqwest::Method;
use reqwest::header::{HeaderMap, RANGE};

use crate::download::client::{Client, Follow, Opened, host_of, range_header};
use crate::download::headers::{packed_as, version};
use crate::download::redirect::Path;
use crate::download::{Ask, DownloadError};

pub(super) struct Source<'a> {
    client: &'a Client,
    ask: &'a Ask,
    /// Where its address led, so that not each request has to be sent there anew.
    found: RefCell<Option<Path>>,
    /// How often that was no longer good.
    expired: Cell<u32>,
}

/// An address that is never good for long is not one.
const MOST_EXPIRED: u32 = 20;

impl<'a> Source<'a> {
    pub(super) fn new(client: &'a Client, ask: &'a Ask) -> Self {
        Self { client, ask, found: RefCell::new(None), expired: Cell::new(0) }
    }

    pub(super) fn client(&self) -> &'a Client {
        self.client
    }

    /// Asks for these bytes, or for all of it. What it gets is 200 or 206, and not packed.
    pub(super) async fn open(&self, bytes: Option<&Range<u64>>) -> Result<Opened, DownloadError> {
        let mut headers = HeaderMap::new();
        headers.extend(bytes.map(|it| (RANGE, range_header(it))));
        loop {
            let found = self.found.borrow().clone();
            let was_known = found.is_some();
            let path = match found {
                Some(path) => path,
                None => Path::from(&self.ask.url).map_err(DownloadError::NoAddress)?,
            };
            let opened = self.client.open(Method::GET, self.ask, path, Follow::All, &headers);
            let opened = match opened.await {
                Ok(opened) => opened,
                Err(err) => {
                    // Perhaps another place has it.
                    self.found.replace(None);
                    return Err(err);
                }
            };
            let status = opened.response.status().as_u16();
            if matches!(status, 200 | 206) {
                if let Some(coding) = packed_as(opened.headers()) {
                    let (host, coding) = (host_of(opened.url()), coding.to_owned());
                    return Err(DownloadError::Packed { host, coding });
                }
                self.found.replace(opened.path.is_redirected().then(|| opened.path.clone()));
                return Ok(opened);
            }
            let may_be_expired = was_known && matches!(status, 400 | 401 | 403 | 404 | 410);
            if may_be_expired && self.expired.get() < MOST_EXPIRED {
                self.expired.set(self.expired.get() + 1);
                self.found.replace(None);
                continue;
            }
            return Err(self.client.refusal(opened).await);
        }
    }
}

/// The server's name for the content of an answer.
pub(super) fn version_of(opened: &Opened) -> Option<String> {
    version(opened.headers())
}
