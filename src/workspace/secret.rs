//! Files of a project that hold secrets: what commands find empty and tools do not read.
//!
//! They are known by their names, and where a name says too little, by how they begin. A file
//! whose content git holds is none: whoever can read the repository can read it.

use std::fs::File;
use std::io;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::workspace::root::Root;
use crate::workspace::{FileError, ProjectPath, git};

/// Which files are secret.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    /// Those that look like secrets and are none.
    revealed: GlobSet,
    /// What the person's rules keep from being read.
    denied: GlobSet,
    /// Whether none is secret.
    all: bool,
}

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Suspicion {
    None,
    /// Whatever it holds.
    Sure,
    /// If it holds one of these.
    If(&'static [&'static str]),
    /// If it gives programs a variable with such a name.
    IfExported,
}

/// Endings of files that show what the real one would look like.
const SAMPLES: &[&str] = &["default", "defaults", "dist", "example", "sample", "template", "tmpl"];

const NAMES: &[&str] = &[
    ".dev.vars",
    ".git-credentials",
    ".netrc",
    ".pgpass",
    ".pypirc",
    ".vault-token",
    ".vault_pass",
    "_netrc",
    "id_dsa",
    "id_ecdsa",
    "id_ecdsa_sk",
    "id_ed25519",
    "id_ed25519_sk",
    "id_rsa",
    "master.key",
];

/// Where other people's code lies: what is in there was published, and what looks like a key is one
/// of its tests. What has a sure name is hidden there too: a command could move anything there.
const PUBLISHED: &[&str] = &["node_modules", "site-packages"];

/// What editors and people append to the name of a file that they keep.
const BACKUPS: &[&str] = &["~", ".backup", ".bak", ".old", ".orig", ".save", ".swo", ".swp"];

/// What is in the names of variables that hold secrets.
const VARIABLES: &[&str] = &["KEY", "PASS", "SECRET", "TOKEN"];

const PRIVATE_KEY: &[&str] = &["PRIVATE KEY-----"];

/// How much of a file is looked at.
const LOOK: usize = 16 * 1024;

/// Whether git holds a longer one is not asked.
const LONGEST_HELD: usize = 8 * 1024 * 1024;

impl Secrets {
    /// Both are globs relative to the root: what is no secret, whatever it looks like, and what is
    /// one whatever it looks like.
    pub(crate) fn new<'a>(
        revealed: &[String],
        denied: impl Iterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let revealed = set("sandbox.reveal", revealed.iter().map(String::as_str))?;
        Ok(Self { revealed, denied: set("permissions.deny", denied)?, all: false })
    }

    /// For what has been read already.
    pub(super) fn none() -> Self {
        Self { revealed: GlobSet::empty(), denied: GlobSet::empty(), all: true }
    }

    /// Fails if a file that was opened is secret, with what the person can do.
    pub(super) fn must_not_keep(
        &self,
        root: &Root,
        real: &ProjectPath,
        file: &File,
    ) -> Result<(), FileError> {
        if !self.hold(root.path(), real.as_path(), file) {
            return Ok(());
        }
        Err(FileError::Refused(format!(
            "`{real}` holds secrets, so its content is hidden from you. Do without it; the user can \
             add it to `sandbox.reveal` in the configuration"
        )))
    }

    /// Whether a file of this name, relative to the root, may be secret.
    pub(super) fn suspects(&self, path: &Path) -> bool {
        let looks_so = || suspicion(path) != Suspicion::None && !self.revealed.is_match(path);
        !self.all && (self.denied.is_match(path) || looks_so())
    }

    /// Whether the file at `path` in the project at `root`, opened as `file`, is secret.
    pub(super) fn hold(&self, root: &Path, path: &Path, file: &File) -> bool {
        if !self.suspects(path) {
            return false;
        }
        if self.denied.is_match(path) {
            return true;
        }
        let secret = match suspicion(path) {
            Suspicion::None => false,
            Suspicion::Sure => true,
            // What cannot be looked at is not shown either.
            Suspicion::If(signs) => beginning(file, LOOK).is_none_or(|it| has_any(&it, signs)),
            Suspicion::IfExported => beginning(file, LOOK).is_none_or(|it| exports_any(&it)),
        };
        let is_held = |it: Vec<u8>| it.len() <= LONGEST_HELD && git::holds(root, path, &it);
        secret && !beginning(file, LONGEST_HELD + 1).is_some_and(is_held)
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self { revealed: GlobSet::empty(), denied: GlobSet::empty(), all: false }
    }
}

/// A pattern without a slash is meant in every directory.
fn set<'a>(key: &str, patterns: impl Iterator<Item = &'a str>) -> Result<GlobSet, String> {
    let mut globs = GlobSetBuilder::new();
    for pattern in patterns {
        let plain = pattern.trim_start_matches("./").trim_start_matches('/');
        let anywhere = if plain.contains('/') { plain.to_owned() } else { format!("**/{plain}") };
        let glob = GlobBuilder::new(&anywhere).literal_separator(true).build();
        let glob =
            glob.map_err(|err| format!("`{key}`: `{pattern}` is not a glob: {}", err.kind()));
        globs.add(glob?);
    }
    globs.build().map_err(|err| format!("`{key}`: {err}"))
}

fn suspicion(path: &Path) -> Suspicion {
    let parts: Vec<_> = path.iter().map(|it| folded(&it.to_string_lossy())).collect();
    let Some((name, above)) = parts.split_last() else { return Suspicion::None };
    match by_name(without_backup(name), above) {
        Suspicion::If(_) | Suspicion::IfExported
            if above.iter().any(|it| PUBLISHED.contains(&it.as_str())) =>
        {
            Suspicion::None
        }
        suspicion => suspicion,
    }
}

fn by_name(name: &str, above: &[String]) -> Suspicion {
    let extension = name.rsplit_once('.').map(|(_, it)| it).unwrap_or_default();
    let is_sample =
        |it: &str| it.rsplit(['.', '-', '_']).next().is_some_and(|it| SAMPLES.contains(&it));
    if SAMPLES.contains(&extension) {
        return Suspicion::None;
    }
    let of_env =
        name.strip_prefix(".env").filter(|it| it.is_empty() || it.starts_with(['.', '-', '_']));
    if of_env.is_some_and(|it| !is_sample(it)) || NAMES.contains(&name) {
        return Suspicion::Sure;
    }
    match name {
        ".envrc" => return Suspicion::IfExported,
        ".npmrc" => return Suspicion::If(&["_auth", "_password"]),
        ".yarnrc.yml" => return Suspicion::If(&["npmAuth"]),
        "credentials.toml" | "credentials" if above.last().is_some_and(|it| it == ".cargo") => {
            return Suspicion::Sure;
        }
        "credentials" if above.last().is_some_and(|it| it == ".aws") => return Suspicion::Sure,
        "secrets.toml" if above.last().is_some_and(|it| it == ".streamlit") => {
            return Suspicion::Sure;
        }
        _ => {}
    }
    let is_account = name.contains("credentials") || name.contains("service-account");
    match extension {
        "env" if name.strip_suffix(".env").is_some_and(is_sample) => Suspicion::None,
        "env" | "jks" | "p12" | "pfx" | "tfstate" => Suspicion::Sure,
        "key" | "p8" | "pem" | "ppk" => Suspicion::If(PRIVATE_KEY),
        // Terraform puts a number between when it keeps an old one.
        _ if name.contains(".tfstate.") => Suspicion::Sure,
        "json" if is_account => Suspicion::If(&["private_key", "client_secret", "refresh_token"]),
        _ => Suspicion::None,
    }
}

/// The name of the file that this is a copy of, if it is one.
fn without_backup(name: &str) -> &str {
    let mut rest = name;
    while let Some(it) = BACKUPS.iter().find_map(|it| rest.strip_suffix(it)) {
        rest = it;
    }
    // Vim puts a point before the name.
    let is_swap = name.ends_with(".swp") || name.ends_with(".swo");
    rest.strip_prefix('.').filter(|_| is_swap).unwrap_or(rest)
}

fn exports_any(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).lines().any(|line| {
        let assigned = line.trim_start().strip_prefix("export ").and_then(|it| it.split_once('='));
        assigned.is_some_and(|(name, _)| VARIABLES.iter().any(|it| name.contains(it)))
    })
}

/// A name as a file system may compare it that does not tell upper from lower case.
pub(super) fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let lower = name.chars().flat_map(char::to_lowercase);
    let ignored = |it: &char| {
        // As one file system does it.
        matches!(it, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
    };
    lower.filter(|it| !ignored(it)).map(|it| if it == 'ſ' { 's' } else { it }).collect()
}

fn beginning(file: &File, most: usize) -> Option<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let most = file.metadata().ok()?.len().saturating_add(1).min(most as u64);
    let mut bytes = vec![0; most as usize];
    let mut length = 0;
    // From the start, wherever the file stands.
    while length < bytes.len() {
        match file.read_at(&mut bytes[length..], length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(length);
    Some(bytes)
}

fn has_any(bytes: &[u8], signs: &[&str]) -> bool {
    let has = |sign: &&str| bytes.windows(sign.len()).any(|it| it == sign.as_bytes());
    signs.iter().any(has)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(paths: &[&str], expected: Expect) {
        let lines = paths.iter().map(|it| {
            let verdict = match suspicion(Path::new(it)) {
                Suspicion::None => "shown",
                Suspicion::Sure => "hidden",
                Suspicion::If(_) | Suspicion::IfExported => "looked into",
            };
            format!("{it}: {verdict}\n")
        });
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        check(
            &[
                ".env",
                ".ENV",
                ".env.local",
                "a/.env.production",
                ".env.example",
                ".envrc",
                "env",
                "id_rsa",
                "id_rsa.pub",
                ".ssh/id_ed25519",
                ".npmrc",
                "tls/server.key",
                "tls/server.pem",
                "tls/server.crt",
                "i18n.key.json",
                "config/master.key",
                "google-credentials.json",
                "credentials.json",
                "package.json",
                "node_modules/x/.env",
                "node_modules/x/test.pem",
                "credentials",
                ".aws/credentials",
                "prod.env",
                "example.env",
                ".dev.vars",
                "tls/a.p12",
                "a.jks",
                "terraform.tfstate",
                ".streamlit/secrets.toml",
                "secrets.toml",
            ],
            expect![[r#"
                .env: hidden
                .ENV: hidden
                .env.local: hidden
                a/.env.production: hidden
                .env.example: shown
                .envrc: looked into
                env: shown
                id_rsa: hidden
                id_rsa.pub: shown
                .ssh/id_ed25519: hidden
                .npmrc: looked into
                tls/server.key: looked into
                tls/server.pem: looked into
                tls/server.crt: shown
                i18n.key.json: shown
                config/master.key: hidden
                google-credentials.json: looked into
                credentials.json: looked into
                package.json: shown
                node_modules/x/.env: hidden
                node_modules/x/test.pem: shown
                credentials: shown
                .aws/credentials: hidden
                prod.env: hidden
                example.env: shown
                .dev.vars: hidden
                tls/a.p12: hidden
                a.jks: hidden
                terraform.tfstate: hidden
                .streamlit/secrets.toml: hidden
                secrets.toml: shown
            "#]],
        );
    }

    #[test]
    fn what_is_kept_of_a_secret_is_one_too() {
        check(
            &[
                ".env~",
                ".env.bak",
                ".env-prod",
                ".env_local.old",
                ".env-example",
                ".env.example.orig",
                "..env.swp",
                ".envelope",
                "id_rsa.backup",
                ".id_rsa.swp",
                "tls/server.key~",
                "terraform.tfstate.backup",
                "terraform.tfstate.1700000000.backup",
                ".aws/credentials.bak",
                ".envrc.bak",
                "main.rs.bak",
                "~",
            ],
            expect![[r#"
                .env~: hidden
                .env.bak: hidden
                .env-prod: hidden
                .env_local.old: hidden
                .env-example: shown
                .env.example.orig: shown
                ..env.swp: hidden
                .envelope: shown
                id_rsa.backup: hidden
                .id_rsa.swp: hidden
                tls/server.key~: looked into
                terraform.tfstate.backup: hidden
                terraform.tfstate.1700000000.backup: hidden
                .aws/credentials.bak: hidden
                .envrc.bak: looked into
                main.rs.bak: shown
                ~: shown
            "#]],
        );
    }

    #[test]
    fn settings_of_a_shell_are_secret_if_they_export_one() {
        let exports = |text: &str| exports_any(text.as_bytes());
        assert!(exports("use flake\n  export AWS_SECRET_ACCESS_KEY=x\n"));
        assert!(exports("export DB_PASSWORD=x"));
        assert!(!exports("# export TOKEN=x\nexport PATH=$TOKEN\nuse flake KEY\n"));
    }

    #[test]
    fn a_key_is_known_by_its_beginning_and_a_certificate_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let holds = |name: &str, text: &str, secrets: &Secrets| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            secrets.hold(dir.path(), Path::new(name), &File::open(path).unwrap())
        };
        let (key, certificate) =
            ("-----BEGIN PRIVATE KEY-----\nx", "-----BEGIN CERTIFICATE-----\nx");
        let usual = Secrets::default();
        assert!(holds("a.pem", key, &usual));
        assert!(!holds("b.pem", certificate, &usual));
        assert!(holds("c.pem", &format!("{certificate}\n{key}"), &usual));
        let revealing = Secrets::new(&["*.pem".to_owned()], ["secrets/**"].into_iter()).unwrap();
        assert!(!holds("a.pem", key, &revealing));
        assert!(Secrets::new(&["{".to_owned()], [].into_iter()).is_err());
    }

    #[test]
    fn names_that_one_file_system_takes_for_another_are_folded() {
        for name in [".GIT", ".gIt", ".g\u{200c}it"] {
            assert_eq!(folded(name), ".git");
        }
        assert_eq!(folded(".vſcode"), ".vscode");
    }
}
