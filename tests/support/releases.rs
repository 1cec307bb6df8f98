//! GitHub as far as releases go: its API's forms, its redirects, ranges, and what goes wrong there.

use std::fmt::Write as _;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::support::request::Request;
use crate::support::watched::Watched;

const REPOSITORY: &str = "ggml-org/llama.cpp";

/// Serves until the test ends.
pub struct Releases {
    address: SocketAddr,
    state: Arc<Watched<State>>,
}

#[derive(Default)]
struct State {
    /// Newest first.
    releases: Vec<Release>,
    /// The API has no time for us.
    is_limited: bool,
    /// Downloads end after so many bytes, so often.
    cuts: Option<(usize, usize)>,
    /// What was asked for.
    paths: Vec<String>,
}

#[derive(Clone)]
pub struct Release {
    tag: String,
    files: Vec<File>,
    is_draft: bool,
    is_latest: bool,
}

#[derive(Clone)]
struct File {
    name: String,
    bytes: Arc<Vec<u8>>,
    digest: Option<String>,
}

impl Release {
    /// A nightly build, with no file yet.
    pub fn build(number: u32) -> Self {
        Self { tag: format!("b{number}"), files: Vec::new(), is_draft: false, is_latest: false }
    }

    /// A release proper that stands for a build.
    pub fn proper(tag: &str, build: u32) -> Self {
        let release =
            Self { tag: tag.to_owned(), files: Vec::new(), is_draft: false, is_latest: true };
        release.file("nightly-tag.txt", format!("b{build}\n").into_bytes())
    }

    pub fn draft(mut self) -> Self {
        self.is_draft = true;
        self
    }

    pub fn file(mut self, name: &str, bytes: Vec<u8>) -> Self {
        let digest = Some(format!("sha256:{}", hex(&bytes)));
        self.files.push(File { name: name.to_owned(), bytes: Arc::new(bytes), digest });
        self
    }

    /// The archive for this machine without a graphics card.
    pub fn cpu(self, bytes: Vec<u8>) -> Self {
        let name = format!("llama-{}-bin-ubuntu-x64.tar.gz", self.tag);
        self.file(&name, bytes)
    }

    /// The digest of the newest file is another one, or none.
    pub fn digest(mut self, digest: Option<&str>) -> Self {
        let file = self.files.last_mut().expect("there is a file");
        file.digest = digest.map(str::to_owned);
        self
    }
}

impl Releases {
    /// Serves these, newest first.
    pub fn serve(releases: Vec<Release>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port can be had");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(Watched::<State>::default());
        state.change(|it| it.releases = releases);
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let state = shared.clone();
                std::thread::spawn(move || serve(&state, address, stream));
            }
        });
        Self { address, state }
    }

    /// Publishes a newer one.
    pub fn publish(&self, release: Release) {
        self.state.change(|it| {
            if release.is_latest {
                it.releases.iter_mut().for_each(|it| it.is_latest = false);
            }
            it.releases.insert(0, release);
        });
    }

    /// From now on the API says that it was asked too often.
    pub fn limit(&self) {
        self.state.change(|it| it.is_limited = true);
    }

    /// So many downloads end after so many bytes.
    pub fn cut(&self, times: usize, bytes: usize) {
        self.state.change(|it| it.cuts = Some((times, bytes)));
    }

    pub fn api(&self) -> String {
        format!("http://{}/repos/{REPOSITORY}", self.address)
    }

    pub fn downloads(&self) -> String {
        format!("http://{}/{REPOSITORY}/releases", self.address)
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.state.read(|it| it.paths.clone())
    }
}

fn serve(state: &Watched<State>, address: SocketAddr, mut stream: TcpStream) {
    let Ok(clone) = stream.try_clone() else { return };
    let mut reader = BufReader::new(clone);
    while let Ok(Some(request)) = Request::read_raw(&mut reader) {
        state.change(|it| it.paths.push(request.path.clone()));
        if answer(state, address, &request, &mut stream).is_err() {
            return;
        }
    }
}

fn answer(
    state: &Watched<State>,
    address: SocketAddr,
    request: &Request,
    stream: &mut TcpStream,
) -> std::io::Result<()> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let api = format!("/repos/{REPOSITORY}/releases");
    let web = format!("/{REPOSITORY}/releases");
    if let Some(rest) = path.strip_prefix(&api) {
        if state.read(|it| it.is_limited) {
            let body = json!({"message": "API rate limit exceeded for 127.0.0.1.", "documentation_url": ""});
            return send(stream, 403, "x-ratelimit-remaining: 0\r\n", body.to_string().as_bytes());
        }
        let body = state.read(|it| api_answer(it, address, rest, query));
        let (status, body) = match body {
            Some(body) => (200, body),
            None => (404, json!({"message": "Not Found", "status": "404"})),
        };
        return send(
            stream,
            status,
            "content-type: application/json\r\n",
            body.to_string().as_bytes(),
        );
    }
    if let Some(name) = path.strip_prefix(&format!("{web}/latest/download/")) {
        let latest =
            state.read(|it| it.releases.iter().find(|it| it.is_latest).map(|it| it.tag.clone()));
        let tag = latest.unwrap_or_default();
        return redirect(stream, &format!("http://{address}{web}/download/{tag}/{name}"));
    }
    if let Some(rest) = path.strip_prefix(&format!("{web}/download/")) {
        let is_there = state.read(|it| file(it, rest).is_some());
        return match is_there {
            // As GitHub does: the bytes are at another place, under an address that does not last.
            true => redirect(stream, &format!("http://{address}/objects/{rest}?signed=1")),
            false => send(stream, 404, "", b"Not Found"),
        };
    }
    match path.strip_prefix("/objects/").and_then(|rest| state.read(|it| file(it, rest).cloned())) {
        Some(file) => object(state, request, &file, stream),
        None => send(stream, 404, "", b"Not Found"),
    }
}

fn api_answer(state: &State, address: SocketAddr, rest: &str, query: &str) -> Option<Value> {
    let form = |it: &Release| form(it, address);
    if rest == "/latest" {
        return state.releases.iter().find(|it| it.is_latest && !it.is_draft).map(form);
    }
    if let Some(tag) = rest.strip_prefix("/tags/") {
        return state.releases.iter().find(|it| it.tag == tag && !it.is_draft).map(form);
    }
    let number = |name: &str| -> Option<usize> {
        query.split('&').find_map(|it| it.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    let (size, page) = (number("per_page").unwrap_or(30), number("page").unwrap_or(1));
    let on_page = state.releases.iter().skip((page - 1) * size).take(size);
    rest.is_empty().then(|| Value::Array(on_page.map(form).collect()))
}

fn form(release: &Release, address: SocketAddr) -> Value {
    let asset = |it: &File| {
        let url =
            format!("http://{address}/{REPOSITORY}/releases/download/{}/{}", release.tag, it.name);
        json!({
            "id": 1, "name": it.name, "label": "", "content_type": "application/octet-stream",
            "state": "uploaded", "size": it.bytes.len(), "digest": it.digest, "download_count": 7,
            "browser_download_url": url,
        })
    };
    json!({
        "id": 1, "tag_name": release.tag, "name": release.tag, "draft": release.is_draft,
        "prerelease": !release.is_latest, "target_commitish": "master", "body": "",
        "assets": release.files.iter().map(asset).collect::<Vec<_>>(),
    })
}

/// The file at `TAG/NAME`.
fn file<'a>(state: &'a State, path: &str) -> Option<&'a File> {
    let (tag, name) = path.split_once('/')?;
    let release = state.releases.iter().find(|it| it.tag == tag)?;
    release.files.iter().find(|it| it.name == name)
}

fn object(
    state: &Watched<State>,
    request: &Request,
    file: &File,
    stream: &mut TcpStream,
) -> std::io::Result<()> {
    let whole = &file.bytes[..];
    let range = request.header("range").and_then(|it| {
        let (from, to) = it.strip_prefix("bytes=")?.split_once('-')?;
        let from: usize = from.parse().ok()?;
        let to = to.parse().map_or(whole.len(), |it: usize| (it + 1).min(whole.len()));
        (from < to).then_some((from, to))
    });
    let mut head = "accept-ranges: bytes\r\netag: \"1\"\r\n".to_owned();
    let (status, bytes) = match range {
        Some((from, to)) => {
            let _ = write!(head, "content-range: bytes {from}-{}/{}\r\n", to - 1, whole.len());
            (206, &whole[from..to])
        }
        None => (200, whole),
    };
    let mut cut = None;
    state.change(|it| {
        if let Some((times, at)) = &mut it.cuts
            && 0 < *times
            && 1000 < bytes.len()
        {
            *times -= 1;
            cut = Some(*at);
        }
    });
    let _ = write!(head, "content-length: {}\r\n", bytes.len());
    start(stream, status, &head)?;
    match cut {
        Some(at) => {
            stream.write_all(&bytes[..at.min(bytes.len())])?;
            let _ = stream.shutdown(std::net::Shutdown::Both);
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
        None => stream.write_all(bytes),
    }
}

fn redirect(stream: &mut TcpStream, to: &str) -> std::io::Result<()> {
    send(stream, 302, &format!("location: {to}\r\n"), b"")
}

fn send(stream: &mut TcpStream, status: u16, head: &str, body: &[u8]) -> std::io::Result<()> {
    start(stream, status, &format!("{head}content-length: {}\r\n", body.len()))?;
    stream.write_all(body)
}

fn start(stream: &mut TcpStream, status: u16, head: &str) -> std::io::Result<()> {
    stream.write_all(format!("HTTP/1.1 {status} Status\r\n{head}\r\n").as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|it| format!("{it:02x}")).collect()
}

/// The folder that a llama-server lies in, packed as a release is, links and all.
pub fn packed(build: u32, program: &Path) -> Vec<u8> {
    let folder = program.parent().expect("a program is in a folder");
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    tar.follow_symlinks(false);
    tar.append_dir_all(format!("llama-b{build}"), folder).expect("the folder can be read");
    tar.into_inner().and_then(GzEncoder::finish).expect("memory takes it")
}

/// A release of the same form whose program is a shell script.
pub fn scripted(build: u32, script: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let program = folder.path().join("llama-server");
    // Noise that does not pack well, so that a download can be cut in the middle of it.
    let mut noise = format!("{build}").into_bytes();
    while noise.len() < 400_000 {
        let next = sha2::Sha256::digest(&noise[noise.len().saturating_sub(32)..]);
        noise.extend_from_slice(&next);
    }
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("the folder is ours");
    std::fs::write(folder.path().join("libllama.so.0"), noise).expect("the folder is ours");
    std::fs::write(folder.path().join("LICENSE"), "MIT").expect("the folder is ours");
    std::os::unix::fs::symlink("libllama.so.0", folder.path().join("libllama.so"))
        .expect("the folder is ours");
    let runs = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, runs).expect("the file is ours");
    packed(build, &program)
}

/// The same; the program is the real one, elsewhere.
pub fn standing_for(build: u32, program: &Path) -> Vec<u8> {
    scripted(build, &format!("exec '{}' \"$@\"", program.display()))
}
