//! Files fetched from a hub that misbehaves in each way: what is at the place afterwards, and what is
//! said.

use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::{Expect, expect};

use crate::download::hub::{Asked, Fault, Hub, Repo, model, sha256};
use crate::download::journal::About;
use crate::download::partial::{Claimed, Partial, claim, partial_of};
use crate::download::{
    Ask, Client, DownloadError, Fetched, Options, Phase, Progress, Sha256, Token, Wanted, fetch,
    room,
};

const MB: usize = 1024 * 1024;
const NAME: &str = "org/model";
const FILE: &str = "model.gguf";

/// A hub with one file, and a folder to put it in.
struct Setting {
    hub: Hub,
    bytes: Vec<u8>,
    dir: tempfile::TempDir,
    options: Options,
}

impl Setting {
    fn new(length: usize) -> Self {
        let bytes = model(length, 1);
        let hub = Hub::new();
        hub.repo(NAME, Repo::default().file(FILE, bytes.clone()));
        let options = Options {
            patience: Duration::from_millis(400),
            pause: Duration::from_millis(1),
            ..Options::default()
        };
        Self { hub, bytes, dir: tempfile::tempdir().unwrap(), options }
    }

    fn to(&self) -> PathBuf {
        self.dir.path().join("model")
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            ask: Ask::new(self.hub.file(NAME, FILE)),
            to: self.to(),
            size: Some(self.bytes.len() as u64),
            sha256: Some(sha256(&self.bytes).parse().unwrap()),
        }
    }

    /// The same, of which nothing is known before.
    fn unknown(&self) -> Wanted {
        Wanted { size: None, sha256: None, ..self.wanted() }
    }

    async fn fetch(&self, wanted: &Wanted) -> Result<Fetched, DownloadError> {
        let client = Client::new(&self.options).unwrap();
        fetch(&client, wanted, &mut |_| {}).await
    }

    /// Fetches until so many bytes are here, and stops then as a person does.
    async fn fetch_some(&self, wanted: &Wanted, bytes: u64) {
        let client = Client::new(&self.options).unwrap();
        let enough = tokio::sync::Notify::new();
        let mut told = |it: Progress| {
            if bytes <= it.done {
                enough.notify_one();
            }
        };
        tokio::select! {
            ended = fetch(&client, wanted, &mut told) => panic!("it ended first: {ended:?}"),
            () = enough.notified() => {}
        }
    }

    /// What is at the place, and beside it.
    fn there(&self) -> String {
        let state = |path: &Path| match std::fs::read(path) {
            Ok(bytes) if bytes == self.bytes => "whole",
            Ok(_) => "not whole",
            Err(_) => "none",
        };
        let others = self.dir.path().read_dir().unwrap().count();
        format!("{}, partial {}, {others} files", state(&self.to()), state(&partial_of(&self.to())))
    }

    fn tell(&self, fetched: Result<Fetched, DownloadError>) -> String {
        let told = fetched.map_or_else(|err| err.to_string(), |_| "fetched".to_owned());
        let told = told.replace(self.dir.path().to_str().unwrap(), "~");
        let ports = self.hub.ports();
        let told = told.replace(&ports.0, "HUB").replace(&ports.1, "FILES");
        // How many come in a moment is a matter of time.
        let told = match told.split_once(" has sent only ").zip(told.split_once(" bytes in ")) {
            Some(((host, _), (_, rest))) => format!("{host} has sent only some bytes in {rest}"),
            None => told,
        };
        format!("{told}\n{}", self.there())
    }
}

#[track_caller]
fn check(
    length: usize,
    faults: impl Fn(usize, &Asked) -> Fault + Send + Sync + 'static,
    expected: Expect,
) {
    let setting = Setting::new(length);
    setting.hub.faults(faults);
    let told = run(async { setting.tell(setting.fetch(&setting.wanted()).await) });
    expected.assert_eq(&told);
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(work)
}

const GOOD: &str = "fetched\nwhole, partial none, 1 files";

/// Fetches it in spite of these faults.
#[track_caller]
fn check_good(length: usize, faults: impl Fn(usize, &Asked) -> Fault + Send + Sync + 'static) {
    let setting = Setting::new(length);
    setting.hub.faults(faults);
    let told = run(async { setting.tell(setting.fetch(&setting.wanted()).await) });
    assert_eq!(told, GOOD);
}

#[test]
fn a_file_is_there_when_it_is_whole() {
    for length in [0, 1, 1000, MB, 5 * MB + 1] {
        check_good(length, |_, _| Fault::None);
    }
}

#[test]
fn a_file_of_which_nothing_is_known_is_fetched_too() {
    for length in [0, 1, MB, 5 * MB + 1] {
        let setting = Setting::new(length);
        let told = run(async { setting.tell(setting.fetch(&setting.unknown()).await) });
        assert_eq!(told, GOOD, "{length}");
    }
}

#[test]
fn d01_a_connection_that_is_cut_every_64_kb_brings_it_all_the_same() {
    check_good(3 * MB, |_, _| Fault::Cut(64 * 1024));
}

#[test]
fn d02_one_byte_a_second_is_not_waited_for() {
    check(
        MB,
        |_, _| Fault::Trickle(Duration::from_millis(100)),
        expect![[r#"
        FILES has sent only some bytes in 0 seconds
        hint: what has come is kept; the same command goes on from there
        none, partial not whole, 2 files"#]],
    );
    check_good(3 * MB, |nth, _| match nth {
        1 => Fault::Trickle(Duration::from_millis(100)),
        _ => Fault::None,
    });
}

#[test]
fn d03_silence_is_not_waited_for() {
    check(
        MB,
        |_, _| Fault::Stall(100),
        expect![[r#"
        FILES has sent only some bytes in 0 seconds
        hint: what has come is kept; the same command goes on from there
        none, partial not whole, 2 files"#]],
    );
    check_good(3 * MB, |nth, _| if nth < 4 { Fault::Stall(1000) } else { Fault::None });
}

#[test]
fn d04_a_byte_that_is_wrong_is_noticed() {
    check(
        3 * MB,
        |_, _| Fault::Flip(2_000_000),
        expect![[r#"
        what came is not what it should be: its sha256 is 227f6c0fbb526c2c931a6fc61c1e1ae01ce7da1ad63094b0b382f443f3379054, not 7f20a1f86315d70a9113a0d973d0fab3809667bf1d9db38fd4c7875d77d104a1
        hint: it was thrown away; try again, and if that fails look at what is between here and there
        none, partial none, 0 files"#]],
    );
    check_good(MB, |nth, _| if nth == 0 { Fault::Flip(5) } else { Fault::None });
}

#[test]
fn d05_a_server_that_knows_no_ranges_sends_it_all() {
    check_good(3 * MB, |_, _| Fault::IgnoreRange);
    check_good(3 * MB, |nth, _| if nth == 0 { Fault::None } else { Fault::IgnoreRange });
}

#[test]
fn d06_a_server_that_mixes_up_ranges_is_asked_for_all_of_it() {
    check_good(3 * MB, |_, _| Fault::WrongRange);
    check_good(3 * MB, |nth, _| if nth == 1 { Fault::WrongRange } else { Fault::None });
}

#[test]
fn d07_bytes_that_do_not_exist_are_not_asked_for_again_and_again() {
    check_good(3 * MB, |_, asked| match asked.header("range") {
        Some(_) => Fault::Status(416, Vec::new()),
        None => Fault::None,
    });
}

#[test]
fn d08_a_file_that_was_replaced_is_fetched_anew() {
    let setting = Setting::new(4 * MB);
    setting.hub.faults(|nth, _| {
        Fault::Replaced(Box::new(if nth < 2 { Fault::None } else { Fault::Stall(10) }))
    });
    let told = run(async {
        setting.fetch_some(&setting.unknown(), MB as u64).await;
        setting.hub.faults(|_, _| Fault::None);
        setting.tell(setting.fetch(&setting.unknown()).await)
    });
    assert_eq!(told, GOOD);
}

#[test]
fn d09_who_asks_for_a_pause_gets_it() {
    let later = || Fault::Status(429, vec![("Retry-After".into(), "0".into())]);
    check_good(3 * MB, move |nth, _| if nth < 3 { later() } else { Fault::None });
    let limited = || Fault::Status(429, vec![("RateLimit".into(), "\"api\";r=0;t=3600".into())]);
    check(
        MB,
        move |_, _| limited(),
        expect![[r#"
        FILES has had too many requests from here
        hint: try again in 61 minutes
        none, partial none, 0 files"#]],
    );
    check_good(
        3 * MB,
        |nth, _| if nth % 2 == 1 { Fault::Status(503, vec![]) } else { Fault::None },
    );
    check(
        MB,
        |_, _| Fault::Status(503, Vec::new()),
        expect![[r#"
        FILES does not answer now (503)
        hint: try again later
        none, partial none, 0 files"#]],
    );
}

#[test]
fn d10_an_address_that_has_expired_is_asked_for_anew() {
    check_good(
        5 * MB,
        |nth, _| if nth % 3 == 2 { Fault::Status(403, vec![]) } else { Fault::None },
    );
    check(
        MB,
        |_, _| Fault::Status(403, Vec::new()),
        expect![[r#"
        FILES refused it (403): as the script says
        none, partial none, 0 files"#]],
    );
}

#[test]
fn d11_redirects_that_lead_nowhere_are_not_followed() {
    check(
        MB,
        |_, asked| Fault::Redirect(asked.path.clone()),
        expect![[r#"
        FILES redirects to where nothing is fetched from: it goes round in circles at `http://FILES/org/model/model.gguf`
        none, partial none, 0 files"#]],
    );
    check(
        MB,
        |_, _| Fault::Redirect("file:///etc/passwd".to_owned()),
        expect![[r#"
        FILES redirects to where nothing is fetched from: `file:` is not an address of a web server
        none, partial none, 0 files"#]],
    );
}

#[test]
fn d12_a_packed_body_is_refused() {
    check(
        MB,
        |_, _| Fault::Gzip,
        expect![[r#"
        FILES sent it packed as `gzip`, although it was asked for as it is
        hint: does a proxy between here and there change what passes?
        none, partial none, 0 files"#]],
    );
}

#[test]
fn d13_a_body_without_a_length_is_believed_where_a_hash_can_tell() {
    let bare = |_: usize, asked: &Asked| match asked.header("range") {
        Some(_) => Fault::IgnoreRange,
        None => Fault::NoLength,
    };
    check_good(3 * MB, |_, _| Fault::Chunked);
    check_good(3 * MB, |_, _| Fault::NoLength);
    let setting = Setting::new(MB);
    setting.hub.faults(bare);
    let told = run(async { setting.tell(setting.fetch(&setting.unknown()).await) });
    assert_eq!(told, GOOD);
}

#[test]
fn d14_a_file_that_is_longer_than_it_should_be_is_not_taken() {
    check(
        MB,
        |_, _| Fault::Longer(5),
        expect![[r#"
        the file has 1048581 bytes, not the 1048576 it should have
        hint: it may have been replaced just now; try again
        none, partial none, 0 files"#]],
    );
}

#[test]
fn a_token_stays_with_the_hub() {
    let setting = Setting::new(3 * MB);
    let token = Token::new("hf_secret");
    let wanted =
        Wanted { ask: setting.wanted().ask.with_token(token.as_ref()), ..setting.wanted() };
    run(setting.fetch(&wanted)).unwrap();
    let asked = setting.hub.asked();
    assert!(asked.iter().any(|it| it.is_for_files));
    for it in asked {
        assert_eq!(it.header("authorization").is_some(), !it.is_for_files, "{it:?}");
        assert_eq!(it.header("accept-encoding"), Some("identity"));
    }
}

#[test]
fn what_has_come_is_not_fetched_again() {
    let setting = Setting::new(8 * MB);
    setting.hub.faults(|nth, _| if nth < 4 { Fault::None } else { Fault::Stall(10) });
    let (before, fetched) = run(async {
        setting.fetch_some(&setting.wanted(), 3 * MB as u64).await;
        let before = setting.hub.sent();
        setting.hub.faults(|_, _| Fault::None);
        (before, setting.fetch(&setting.wanted()).await.unwrap())
    });
    assert_eq!(setting.there(), "whole, partial none, 1 files");
    assert!(3 * MB as u64 <= before, "{before}");
    assert!(fetched.transferred <= 5 * MB as u64 + 4 * 256 * 1024, "{fetched:?}");
}

#[test]
fn what_is_there_is_not_fetched() {
    let setting = Setting::new(1000);
    std::fs::write(setting.to(), &setting.bytes).unwrap();
    let fetched = run(setting.fetch(&setting.wanted())).unwrap();
    assert_eq!(fetched, Fetched { size: 1000, sha256: None, transferred: 0 });
    assert!(setting.hub.asked().is_empty());
}

/// Killed between the beginning and the first byte, where nothing was known before.
#[test]
fn what_was_begun_without_a_size_is_not_whole() {
    let setting = Setting::new(1000);
    let version = run(async {
        let client = Client::new(&setting.options).unwrap();
        let answer = client.head(&setting.wanted().ask).await.unwrap();
        answer.header("x-linked-etag").map(str::to_owned)
    });
    assert!(version.is_some());
    let about = About { size: 0, sha256: None, version };
    let Claimed::Ours(file) = claim(&partial_of(&setting.to())).unwrap() else { panic!("new") };
    drop(Partial::begin(&setting.to(), &file, &room::boot(), &about).unwrap());
    drop(file);
    let told = run(async { setting.tell(setting.fetch(&setting.unknown()).await) });
    assert_eq!(told, GOOD);
}

#[test]
fn two_that_want_the_same_file_fetch_it_once() {
    let setting = Setting::new(4 * MB);
    let wanted = setting.wanted();
    let (first, second) =
        run(async { tokio::join!(setting.fetch(&wanted), setting.fetch(&wanted)) });
    let transferred = [first, second].map(|it| it.unwrap().transferred);
    assert_eq!(transferred.iter().filter(|it| **it == 0).count(), 1, "{transferred:?}");
    assert_eq!(setting.there(), "whole, partial none, 1 files");
}

#[test]
fn progress_never_goes_backwards_and_ends_with_a_check() {
    let setting = Setting::new(6 * MB);
    setting.hub.faults(|nth, _| if nth % 2 == 1 { Fault::Cut(100_000) } else { Fault::None });
    let mut all = Vec::new();
    let client = Client::new(&setting.options).unwrap();
    run(fetch(&client, &setting.wanted(), &mut |it| all.push(it))).unwrap();
    assert!(all.windows(2).all(|it| it[0].done <= it[1].done), "{all:?}");
    let last = all.last().unwrap();
    assert_eq!((last.done, last.phase), (6 * MB as u64, Phase::Checking));
}

#[test]
fn a_range_is_read_without_the_rest() {
    let setting = Setting::new(3 * MB);
    let client = Client::new(&setting.options).unwrap();
    let ask = setting.wanted().ask;
    run(async {
        assert_eq!(client.range(&ask, 0..8).await.unwrap(), setting.bytes[..8]);
        let end = client.range(&ask, 3 * MB as u64 - 2..4 * MB as u64).await.unwrap();
        assert_eq!(end, setting.bytes[3 * MB - 2..]);
        assert_eq!(client.range(&ask, 9 * MB as u64..10 * MB as u64).await.unwrap(), "");
        setting.hub.faults(|_, _| Fault::IgnoreRange);
        assert_eq!(client.range(&ask, 5..8).await.unwrap(), setting.bytes[5..8]);
    });
}

#[test]
fn what_is_said_of_a_file_is_said_by_the_hub() {
    let setting = Setting::new(1000);
    let client = Client::new(&setting.options).unwrap();
    let answer = run(client.head(&setting.wanted().ask)).unwrap();
    let hash: Sha256 = answer.header("x-linked-etag").unwrap().trim_matches('"').parse().unwrap();
    assert_eq!((answer.status, Some(hash)), (302, setting.wanted().sha256));
    assert!(answer.location().unwrap().path().ends_with(FILE));
}

#[test]
fn a_small_document_has_its_limit() {
    let setting = Setting::new(1000);
    let client = Client::new(&setting.options).unwrap();
    let ask = Ask { most: 999, ..setting.wanted().ask };
    let err = run(client.get(&ask)).unwrap_err().to_string();
    assert!(err.ends_with("answers with more than 999 bytes, where a few are expected"), "{err}");
}
