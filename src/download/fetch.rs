//! A file from its address to its place.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use reqwest::Method;
use reqwest::header::HeaderMap;
use sha2::Digest;

use crate::download::client::{Follow, host_of};
use crate::download::headers::{is_chunked, length, packed_as};
use crate::download::pace::Pace;
use crate::download::{Ask, Client, DownloadError, Sha256, redirect};

/// A file that shall be at `to`, and what is known of it before.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) ask: Ask,
    pub(crate) to: PathBuf,
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<Sha256>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// Bytes of the file that are here.
    pub(crate) done: u64,
    pub(crate) size: Option<u64>,
}

/// What is there now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fetched {
    pub(crate) size: u64,
    /// `None` if it was there before and has not been read.
    pub(crate) sha256: Option<Sha256>,
    /// Bytes that came over the wire for it.
    pub(crate) transferred: u64,
}

/// Fetches a file. It is at its place only when it is whole; until then, what has come lies beside it.
pub(crate) async fn fetch(
    client: &Client,
    wanted: &Wanted,
    told: &mut dyn FnMut(Progress),
) -> Result<Fetched, DownloadError> {
    let to = &wanted.to;
    if let Ok(there) = to.metadata()
        && wanted.size.is_none_or(|it| it == there.len())
    {
        return Ok(Fetched { size: there.len(), sha256: None, transferred: 0 });
    }
    let folder = to.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(DownloadError::disk("make the folder", folder))?;
    let path = redirect::Path::from(&wanted.ask.url).map_err(DownloadError::NoAddress)?;
    let headers = HeaderMap::new();
    let opened = client.open(Method::GET, &wanted.ask, path, Follow::All, &headers).await?;
    if opened.response.status() != 200 {
        return Err(client.refusal(opened).await);
    }
    let host = host_of(opened.url());
    if let Some(coding) = packed_as(opened.headers()) {
        return Err(DownloadError::Packed { host, coding: coding.to_owned() });
    }
    let size = length(opened.headers());
    if size.is_none() && !is_chunked(opened.headers()) && wanted.sha256.is_none() {
        return Err(DownloadError::Endless { host });
    }
    check_size(size, wanted.size)?;
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let mut file = File::create(&partial).map_err(DownloadError::disk("make", &partial))?;
    let (mut hash, mut done) = (sha2::Sha256::new(), 0);
    let mut pace = Pace::new(client.options().patience);
    let mut response = opened.response;
    while let Some(bytes) = pace.next(&mut response, &host).await? {
        hash.update(&bytes);
        file.write_all(&bytes).map_err(DownloadError::disk("write", &partial))?;
        done += bytes.len() as u64;
        told(Progress { done, size: size.or(wanted.size) });
        if wanted.size.is_some_and(|it| it < done) {
            break;
        }
    }
    check_size(Some(done), wanted.size)?;
    let got = Sha256(hash.finalize().into());
    if let Some(wanted) = wanted.sha256.filter(|it| *it != got) {
        return Err(DownloadError::OtherContent { got, wanted });
    }
    file.sync_all().map_err(DownloadError::disk("write", &partial))?;
    std::fs::rename(&partial, to).map_err(DownloadError::disk("make", to))?;
    Ok(Fetched { size: done, sha256: Some(got), transferred: done })
}

fn check_size(told: Option<u64>, wanted: Option<u64>) -> Result<(), DownloadError> {
    match (told, wanted) {
        (Some(told), Some(wanted)) if told != wanted => {
            Err(DownloadError::OtherSize { told, wanted })
        }
        _ => Ok(()),
    }
}
