//! What a person has agreed to for one project, kept in their own state and never in the project.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::permission::{Rule, Trust};

/// As it is on disk; a field added later has a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Consent {
    /// The project's path, for those who look at the file.
    project: PathBuf,
    /// Rules that were added by "always".
    allow: Vec<Rule>,
    pub(crate) trust: Trust,
}

/// Where the consent for one project is kept.
#[derive(Clone, Debug)]
pub(crate) struct ConsentFile {
    project: PathBuf,
    path: PathBuf,
}

/// No consent is longer.
const LONGEST: u64 = 4 * 1024 * 1024;

impl Consent {
    pub(crate) fn allowed(&self) -> &[Rule] {
        &self.allow
    }

    pub(crate) fn allow(&mut self, rule: Rule) {
        if !self.allow.contains(&rule) {
            self.allow.push(rule);
        }
    }

    /// Takes all of it back.
    pub(crate) fn revoke(&mut self) {
        (self.allow, self.trust) = (Vec::new(), Trust::default());
    }
}

impl ConsentFile {
    /// `state` is where the person's state is kept.
    pub(crate) fn new(state: &Path, project: &Path) -> Self {
        let hash = Sha256::digest(project.as_os_str().as_encoded_bytes());
        let name: String = hash.iter().take(16).map(|it| format!("{it:02x}")).collect();
        let path = state.join("projects").join(name + ".json");
        Self { project: project.to_owned(), path }
    }

    /// Another file of the same project.
    pub(crate) fn beside(&self, kind: &str) -> PathBuf {
        self.path.with_extension(kind)
    }

    /// What was agreed to so far; nothing where there is no file.
    pub(crate) fn read(&self) -> anyhow::Result<Consent> {
        let cannot = || format!("cannot read `{}`", self.path.display());
        match open(&self.path) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Consent::default()),
            opened => self.understand(opened.with_context(cannot)?).with_context(cannot),
        }
    }

    fn understand(&self, file: File) -> anyhow::Result<Consent> {
        if !file.metadata()?.is_file() {
            bail!("it is not a file");
        }
        let mut text = String::new();
        file.take(LONGEST + 1).read_to_string(&mut text)?;
        if LONGEST < text.len() as u64 {
            bail!("it is longer than {LONGEST} bytes");
        }
        let consent: Consent = serde_json::from_str(&text)
            .with_context(|| format!("it is damaged\nhint: rm {}", self.path.display()))?;
        // Two projects whose names have one hash, or a file that was put here.
        if consent.project != self.project {
            bail!("it is for another project, `{}`", consent.project.display());
        }
        Ok(consent)
    }

    /// Changes what is there now, whoever else does so at the same time; old or new is on disk.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Consent)) -> anyhow::Result<()> {
        let cannot = || format!("cannot write `{}`", self.path.display());
        let directory = self.path.parent().unwrap_or(&self.path);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.with_context(cannot)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .mode(0o600)
            .custom_flags(NO_LINK)
            .open(directory.join("lock"));
        let lock = lock.with_context(cannot)?;
        lock.lock().with_context(cannot)?;
        let mut consent = self.read()?;
        change(&mut consent);
        consent.project.clone_from(&self.project);
        let text = serde_json::to_string_pretty(&consent).with_context(cannot)? + "\n";
        let draft = self.path.with_extension(format!("{}.tmp", std::process::id()));
        let written = write_new(&draft, text.as_bytes())
            .and_then(|()| std::fs::rename(&draft, &self.path))
            .and_then(|()| File::open(directory)?.sync_all());
        if written.is_err() {
            let _ = std::fs::remove_file(&draft);
        }
        written.with_context(cannot)
    }
}

const NO_LINK: i32 = rustix::fs::OFlags::NOFOLLOW.union(rustix::fs::OFlags::NONBLOCK).bits() as i32;

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(NO_LINK).open(path)
}

/// Whatever stands there is replaced, and no link is followed.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn rule() -> Rule {
        Rule::parse("edit_file(src/**)").unwrap()
    }

    #[test]
    fn what_is_agreed_to_is_kept_for_this_project_and_this_person() {
        let dir = tempfile::tempdir().unwrap();
        let file = ConsentFile::new(&dir.path().join("state"), Path::new("/p"));
        assert_eq!(file.read().unwrap(), Consent::default());
        file.change(|it| it.allow(rule())).unwrap();
        file.change(|it| it.trust.give([("x", &b"1"[..])])).unwrap();
        let consent = file.read().unwrap();
        assert_eq!(consent.allowed(), [rule()]);
        assert!(consent.trust.holds("x", b"1"));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file.path), 0o600);
        assert_eq!(mode(file.path.parent().unwrap()), 0o700);
        let other = ConsentFile::new(&dir.path().join("state"), Path::new("/q"));
        assert_eq!(other.read().unwrap(), Consent::default());
        file.change(Consent::revoke).unwrap();
        assert!(file.read().unwrap().allowed().is_empty());
    }

    /// H12.
    #[test]
    fn what_was_planted_in_its_place_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let file = ConsentFile::new(dir.path(), Path::new("/p"));
        file.change(|it| it.allow(rule())).unwrap();
        let aside = dir.path().join("aside");
        std::fs::rename(&file.path, &aside).unwrap();
        symlink(&aside, &file.path).unwrap();
        assert!(file.read().is_err());
        std::fs::remove_file(&file.path).unwrap();
        let text = std::fs::read_to_string(&aside).unwrap().replace("/p", "/q");
        std::fs::write(&file.path, text).unwrap();
        assert!(file.read().is_err(), "it names another project");
        std::fs::write(&file.path, "{").unwrap();
        assert!(file.read().is_err());
        assert!(file.change(|it| it.allow(rule())).is_err(), "what is damaged is not written over");
    }
}
