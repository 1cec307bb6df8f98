//! A model hub that speaks the real forms and misbehaves by script: an API, addresses of files that
//! lead to another host, and that host, which knows ranges. It writes down all it is asked.
//!
//! It needs nothing of the rest of the harness, so that the library's own tests use it too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::Digest;

/// Two servers: the hub, and the host of its files. They serve until this is dropped.
pub struct Hub {
    hub: SocketAddr,
    files: SocketAddr,
    state: Arc<State>,
}

/// What a request for a file's bytes meets.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    None,
    /// The connection ends after so many bytes of the body.
    Cut(u64),
    /// After so many bytes nothing more comes, and the connection stays open.
    Stall(u64),
    /// One byte, and then one more after each such time.
    Trickle(Duration),
    /// No more bytes a second than this.
    Limit(u64),
    /// The byte at this place of the file is another one.
    Flip(u64),
    IgnoreRange,
    /// `Content-Range` speaks of other bytes.
    WrongRange,
    Status(u16, Vec<(String, String)>),
    /// The file has another tag, and other bytes.
    Replaced(Box<Fault>),
    Gzip,
    /// Neither a length nor chunks: the end of the connection is the end.
    NoLength,
    Chunked,
    /// The file claims to have so many more bytes.
    Longer(u64),
    Redirect(String),
}

/// A request, as it was understood.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With what stands behind the `?`.
    pub path: String,
    pub headers: BTreeMap<String, String>,
    /// Whether it came to the host of the files.
    pub is_for_files: bool,
}

/// A repository of models.
#[derive(Clone, Debug, Default)]
pub struct Repo {
    files: Vec<(String, Arc<Vec<u8>>)>,
    is_gated: bool,
    token: Option<String>,
    /// The name it has now.
    renamed: Option<String>,
    downloads: u64,
    likes: u64,
    updated: String,
}

type Script = dyn Fn(usize, &Asked) -> Fault + Send + Sync;

struct State {
    log: Mutex<Log>,
    script: Mutex<Arc<Script>>,
    files_at: Mutex<Option<SocketAddr>>,
    page: usize,
}

#[derive(Default)]
struct Log {
    repos: BTreeMap<String, Repo>,
    asked: Vec<Asked>,
    /// Requests for bytes so far.
    served: usize,
    /// Bytes of files that were sent.
    sent: u64,
    /// Which of the answers of the API stand in for the usual ones: path, status, body.
    answers: Vec<(String, u16, Value)>,
    open: Vec<TcpStream>,
    closing: bool,
}

/// The commit all repositories are at.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

impl Repo {
    pub fn file(mut self, path: &str, bytes: Vec<u8>) -> Self {
        self.files.push((path.to_owned(), Arc::new(bytes)));
        self
    }

    /// Only for those who were let in, and have this token.
    pub fn gated(self, token: &str) -> Self {
        Self { is_gated: true, ..self.private(token) }
    }

    /// For others it does not exist.
    pub fn private(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    pub fn renamed(self, name: &str) -> Self {
        Self { renamed: Some(name.to_owned()), ..self }
    }

    pub fn known_for(self, downloads: u64, likes: u64, updated: &str) -> Self {
        Self { downloads, likes, updated: updated.to_owned(), ..self }
    }

    fn bytes(&self, path: &str) -> Option<&Arc<Vec<u8>>> {
        self.files.iter().find(|it| it.0 == path).map(|it| &it.1)
    }

    fn tree(&self) -> Vec<Value> {
        let entries = self.files.iter().map(|(path, bytes)| {
            let git = sha256(path.as_bytes());
            let mut entry = json!({
                "type": "file", "path": path, "size": bytes.len(), "oid": &git[..40],
            });
            if is_large(path) {
                entry["lfs"] =
                    json!({"oid": sha256(bytes), "size": bytes.len(), "pointerSize": 135});
                entry["xetHash"] = json!(sha256(&git.into_bytes()));
            }
            entry
        });
        entries.collect()
    }

    fn model(&self, name: &str) -> Value {
        let has_model = self.files.iter().any(|it| it.0.ends_with(".gguf"));
        let mut model = json!({
            "id": name, "modelId": name, "sha": COMMIT, "private": false,
            "author": name.split('/').next(), "gated": if self.is_gated { json!("manual") } else { json!(false) },
            "downloads": self.downloads, "likes": self.likes, "lastModified": self.updated,
            "trendingScore": self.likes, "tags": ["gguf", "license:apache-2.0"],
            "siblings": self.files.iter().map(|it| json!({"rfilename": it.0})).collect::<Vec<_>>(),
        });
        if has_model {
            model["gguf"] = json!({
                "total": 4_022_468_096_u64, "architecture": "qwen3", "context_length": 40_960,
            });
        }
        model
    }
}

/// Whether the hub keeps it by its hash.
fn is_large(path: &str) -> bool {
    path.ends_with(".gguf")
}

pub fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |mut all, it| {
        let _ = write!(all, "{it:02x}");
        all
    })
}

/// Bytes that look like a model at their start and are the same for the same seed.
pub fn model(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

impl Hub {
    pub fn new() -> Self {
        Self::with_pages(1000)
    }

    /// Lists have so many entries a page.
    pub fn with_pages(page: usize) -> Self {
        let state = State {
            log: Mutex::default(),
            script: Mutex::new(Arc::new(|_, _| Fault::None)),
            files_at: Mutex::default(),
            page,
        };
        let state = Arc::new(state);
        let hub = listen(&state, false);
        let files = listen(&state, true);
        *lock(&state.files_at) = Some(files);
        Self { hub, files, state }
    }

    pub fn repo(&self, name: &str, repo: Repo) -> &Self {
        lock(&self.state.log).repos.insert(name.to_owned(), repo);
        self
    }

    /// What each request for the bytes of a file meets, counted from 0.
    pub fn faults(&self, script: impl Fn(usize, &Asked) -> Fault + Send + Sync + 'static) -> &Self {
        *lock(&self.state.script) = Arc::new(script);
        self
    }

    /// What a path of the API answers from now on.
    pub fn answers(&self, path: &str, status: u16, body: Value) -> &Self {
        lock(&self.state.log).answers.push((path.to_owned(), status, body));
        self
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.hub)
    }

    /// The address of a file's bytes at the hub.
    pub fn file(&self, repo: &str, path: &str) -> String {
        format!("{}/{repo}/resolve/main/{path}", self.url())
    }

    /// Where the hub and the host of its files are, as in messages.
    pub fn ports(&self) -> (String, String) {
        (self.hub.to_string(), self.files.to_string())
    }

    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.state.log).asked.clone()
    }

    /// Bytes of files that were sent so far.
    pub fn sent(&self) -> u64 {
        lock(&self.state.log).sent
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let mut log = lock(&self.state.log);
        log.closing = true;
        for stream in log.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(log);
        // Wakes those who listen, so that they see that it is over.
        let _ = (TcpStream::connect(self.hub), TcpStream::connect(self.files));
    }
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn token(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The bytes that are asked for, of `size`.
    pub fn range(&self, size: u64) -> Option<Range<u64>> {
        let (first, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        let end = last.parse().map_or(size, |it: u64| size.min(it + 1));
        Some(first.parse().ok()?..end)
    }

    fn read(reader: &mut BufReader<TcpStream>, is_for_files: bool) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        Ok(Some(Self { method, path, headers, is_for_files }))
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(state: &Arc<State>, is_for_files: bool) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port can be had");
    let address = listener.local_addr().expect("a listener has an address");
    let state = state.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            let mut log = lock(&state.log);
            if log.closing {
                return;
            }
            log.open.extend(stream.try_clone());
            drop(log);
            let state = state.clone();
            std::thread::spawn(move || {
                // An error only means that the client is gone.
                let _ = serve(&state, &stream, is_for_files);
                let _ = stream.shutdown(Shutdown::Both);
            });
        }
    });
    address
}

fn serve(state: &State, stream: &TcpStream, is_for_files: bool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(asked) = Asked::read(&mut reader, is_for_files)? {
        lock(&state.log).asked.push(asked.clone());
        let mut answer = Answer { state, stream, asked: &asked };
        let may_stay = if is_for_files { answer.bytes()? } else { answer.hub()? };
        if !may_stay {
            break;
        }
    }
    Ok(())
}

struct Answer<'a> {
    state: &'a State,
    stream: &'a TcpStream,
    asked: &'a Asked,
}

impl Answer<'_> {
    /// Whether the connection may stay, as with all of these.
    fn hub(&mut self) -> io::Result<bool> {
        let (path, query) = self.asked.path.split_once('?').unwrap_or((&self.asked.path, ""));
        let log = lock(&self.state.log);
        let set = log.answers.iter().rev().find(|it| it.0 == path).cloned();
        let repos = log.repos.clone();
        drop(log);
        if let Some((_, status, body)) = set {
            return self.json(status, &[], &body);
        }
        if path == "/api/models" {
            return self.search(&repos, query);
        }
        let rest = path.strip_prefix("/api/models/").unwrap_or(path).trim_start_matches('/');
        let mut parts = rest.splitn(3, '/');
        let name = format!("{}/{}", parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let tail = parts.next().unwrap_or("");
        let Some(repo) = repos.get(&name) else {
            return self.refuse(404, "RepoNotFound", "Repository not found");
        };
        if let Some(now) = &repo.renamed {
            let location = self.asked.path.replacen(&name, now, 1);
            return self.head(307, &[("Location", &location), ("Content-Length", "0")]);
        }
        let is_in = repo.token.as_deref().is_none_or(|it| self.asked.token() == Some(it));
        if path.starts_with("/api/") {
            if !is_in && !repo.is_gated {
                // Who may not see it, shall not learn that it is there.
                return self.refuse(401, "RepoNotFound", "Repository not found");
            }
            return match tail.strip_prefix("tree/") {
                Some(_) => self.tree(&repo.tree(), query),
                None if tail.is_empty() || tail.starts_with("revision/") => {
                    self.json(200, &[], &repo.model(&name))
                }
                None => self.refuse(404, "EntryNotFound", "Not Found"),
            };
        }
        if !is_in {
            let anonymous = self.asked.token().is_none();
            let status = if anonymous { 401 } else { 403 };
            let code = if repo.is_gated { "GatedRepo" } else { "RepoNotFound" };
            return self.refuse(status, code, &format!("Access to model {name} is restricted"));
        }
        let file = tail.strip_prefix("resolve/").and_then(|it| it.split_once('/'));
        let file = file.and_then(|(_, path)| Some((path, repo.bytes(path)?)));
        let Some((path, bytes)) = file else {
            return self.refuse(404, "EntryNotFound", "Entry not found");
        };
        let hash = format!("\"{}\"", sha256(bytes));
        let location = format!("http://{}/{name}/{path}?sig={}", self.files_at(), &hash[1..9]);
        self.head(
            302,
            &[
                ("Location", &location),
                ("X-Repo-Commit", COMMIT),
                ("X-Linked-Etag", &hash),
                ("X-Linked-Size", &bytes.len().to_string()),
                ("Content-Length", "0"),
            ],
        )
    }

    fn files_at(&self) -> SocketAddr {
        lock(&self.state.files_at).expect("it listens since the start")
    }

    fn search(&mut self, repos: &BTreeMap<String, Repo>, query: &str) -> io::Result<bool> {
        let fields: Vec<_> = query.split('&').filter_map(|it| it.split_once('=')).collect();
        let field = |name: &str| fields.iter().find(|it| it.0 == name).map(|it| it.1);
        let words = field("search").unwrap_or_default().replace('+', " ").replace("%20", " ");
        let has = |name: &str| {
            words.split(' ').all(|it| name.to_lowercase().contains(&it.to_lowercase()))
        };
        let only_models = field("filter") == Some("gguf");
        let fits = |(name, repo): &(&String, &Repo)| {
            has(name) && (!only_models || repo.model(name).get("gguf").is_some())
        };
        let mut found: Vec<_> = repos.iter().filter(fits).collect();
        match field("sort") {
            Some("likes" | "trendingScore") => found.sort_by_key(|it| u64::MAX - it.1.likes),
            Some("lastModified") => {
                found.sort_by(|a, b| b.1.updated.cmp(&a.1.updated));
            }
            _ => found.sort_by_key(|it| u64::MAX - it.1.downloads),
        }
        let limit = field("limit").and_then(|it| it.parse().ok()).unwrap_or(1000);
        let found: Vec<_> = found.iter().take(limit).map(|(name, it)| it.model(name)).collect();
        self.json(200, &[], &json!(found))
    }

    fn tree(&mut self, entries: &[Value], query: &str) -> io::Result<bool> {
        let cursor = query.split('&').find_map(|it| it.strip_prefix("cursor="));
        let from = cursor.and_then(|it| it.parse().ok()).unwrap_or(0);
        let page: Vec<_> = entries.iter().skip(from).take(self.state.page).collect();
        let next = from + page.len();
        let path = self.asked.path.split('?').next().unwrap_or_default();
        let host = self.asked.header("host").unwrap_or_default();
        let link = format!("<http://{host}{path}?recursive=true&cursor={next}>; rel=\"next\"");
        let more = [("Link", link.as_str())];
        let has_more = next < entries.len();
        self.json(200, if has_more { &more } else { &[] }, &json!(page))
    }

    fn refuse(&mut self, status: u16, code: &str, message: &str) -> io::Result<bool> {
        let headers = [("X-Error-Code", code), ("X-Error-Message", message)];
        self.json(status, &headers, &json!({"error": message}))
    }

    fn json(&mut self, status: u16, headers: &[(&str, &str)], body: &Value) -> io::Result<bool> {
        let body = body.to_string();
        let length = body.len().to_string();
        let usual = [("Content-Type", "application/json"), ("Content-Length", &length)];
        self.head(status, &[&usual, headers].concat())?;
        if self.asked.method != "HEAD" {
            self.stream.write_all(body.as_bytes())?;
        }
        Ok(true)
    }

    fn head(&mut self, status: u16, headers: &[(&str, &str)]) -> io::Result<bool> {
        let mut head = format!("HTTP/1.1 {status} Status\r\n");
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head += "\r\n";
        self.stream.write_all(head.as_bytes())?;
        Ok(true)
    }

    /// The host of the files.
    fn bytes(&mut self) -> io::Result<bool> {
        let mut log = lock(&self.state.log);
        let nth = log.served;
        log.served += 1;
        let path = self.asked.path.split('?').next().unwrap_or_default();
        let mut parts = path.trim_start_matches('/').splitn(3, '/');
        let name = format!("{}/{}", parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let file = parts.next().unwrap_or("");
        let bytes = log.repos.get(&name).and_then(|it| it.bytes(file)).cloned();
        drop(log);
        let Some(mut bytes) = bytes else { return self.refuse(404, "EntryNotFound", "no") };
        let script = lock(&self.state.script).clone();
        let mut fault = script(nth, self.asked);
        if let Fault::Replaced(more) = fault {
            bytes = Arc::new(bytes.iter().map(|it| !it).collect());
            fault = *more;
        }
        self.file(&bytes, &fault)
    }

    fn file(&mut self, bytes: &[u8], fault: &Fault) -> io::Result<bool> {
        let size = bytes.len() as u64;
        let tag = format!("\"{}\"", sha256(&bytes[..bytes.len().min(4096)]));
        let mut headers = vec![("ETag".to_owned(), tag), ("Accept-Ranges".into(), "bytes".into())];
        match fault {
            Fault::Status(status, more) => {
                let more: Vec<_> = more.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
                return self.json(*status, &more, &json!({"error": "as the script says"}));
            }
            Fault::Redirect(to) => {
                return self.head(302, &[("Location", to), ("Content-Length", "0")]);
            }
            Fault::Gzip => headers.push(("Content-Encoding".into(), "gzip".into())),
            _ => {}
        }
        let range = self.asked.range(size).filter(|_| *fault != Fault::IgnoreRange);
        if let Some(range) = range.as_ref().filter(|it| it.end <= it.start) {
            let told = format!("bytes */{size}");
            let _ = range;
            return self.json(416, &[("Content-Range", &told)], &json!({"error": "no such bytes"}));
        }
        let status = if range.is_some() { 206 } else { 200 };
        let part = range.clone().unwrap_or(0..size);
        let claimed = if let Fault::Longer(more) = fault { size + more } else { size };
        if let Some(range) = &range {
            let shift = if *fault == Fault::WrongRange { 7 } else { 0 };
            let told = format!("bytes {}-{}/{claimed}", range.start + shift, range.end - 1 + shift);
            headers.push(("Content-Range".into(), told));
        }
        match fault {
            Fault::NoLength => headers.push(("Connection".into(), "close".into())),
            Fault::Chunked => headers.push(("Transfer-Encoding".into(), "chunked".into())),
            Fault::Longer(more) if status == 200 => {
                headers.push(("Content-Length".into(), (size + more).to_string()));
            }
            _ => headers.push(("Content-Length".into(), (part.end - part.start).to_string())),
        }
        let headers: Vec<_> = headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        self.head(status, &headers)?;
        if self.asked.method == "HEAD" {
            return Ok(true);
        }
        self.body(bytes, part, fault)
    }

    fn body(&mut self, bytes: &[u8], part: Range<u64>, fault: &Fault) -> io::Result<bool> {
        let slice = &bytes[part.start as usize..part.end as usize];
        match fault {
            Fault::Cut(after) if *after < slice.len() as u64 => {
                self.send(&slice[..*after as usize])?;
                return Ok(false);
            }
            Fault::Stall(after) if *after < slice.len() as u64 => {
                self.send(&slice[..*after as usize])?;
                self.wait_for_departure();
                return Ok(false);
            }
            Fault::Trickle(each) => {
                for byte in slice {
                    self.send(&[*byte])?;
                    std::thread::sleep(*each);
                }
            }
            Fault::Limit(rate) => {
                let begun = Instant::now();
                let mut sent = 0;
                for portion in slice.chunks(64 * 1024) {
                    self.send(portion)?;
                    sent += portion.len() as u64;
                    let due = begun + Duration::from_micros(sent * 1_000_000 / rate);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
            }
            Fault::Flip(at) if part.contains(at) => {
                let mut changed = slice.to_vec();
                changed[(at - part.start) as usize] ^= 1;
                self.send(&changed)?;
            }
            Fault::Chunked => {
                for portion in slice.chunks(64 * 1024) {
                    self.stream.write_all(format!("{:x}\r\n", portion.len()).as_bytes())?;
                    self.send(portion)?;
                    self.stream.write_all(b"\r\n")?;
                }
                self.stream.write_all(b"0\r\n\r\n")?;
            }
            _ => self.send(slice)?,
        }
        Ok(!matches!(fault, Fault::NoLength | Fault::Longer(_)))
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for portion in bytes.chunks(256 * 1024) {
            self.stream.write_all(portion)?;
            lock(&self.state.log).sent += portion.len() as u64;
        }
        Ok(())
    }

    fn wait_for_departure(&mut self) {
        let mut bytes = [0; 1024];
        while let Ok(1..) = io::Read::read(&mut &*self.stream, &mut bytes) {}
    }
}
