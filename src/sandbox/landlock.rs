//! The second best: rules of the kernel about paths, for machines where nobody may make namespaces.
//!
//! They hold what is outside the project and take the network away. They cannot hide or freeze
//! anything within the project, give a `/tmp` of its own or end what a command leaves behind.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::sandbox::policy::Confinement;
use crate::sandbox::raw;

/// What the kernel calls the things one can do with files, by the version that brought them.
mod access {
    pub(super) const EXECUTE: u64 = 1;
    pub(super) const WRITE_FILE: u64 = 1 << 1;
    pub(super) const READ_FILE: u64 = 1 << 2;
    pub(super) const READ_DIR: u64 = 1 << 3;
    pub(super) const TRUNCATE: u64 = 1 << 14;
    pub(super) const IOCTL_DEV: u64 = 1 << 15;
    pub(super) const FIRST: u64 = (1 << 13) - 1;
    pub(super) const REFER: u64 = 1 << 13;
    /// What a file can have that is no directory.
    pub(super) const FILE: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;
    pub(super) const READING: u64 = EXECUTE | READ_FILE | READ_DIR;
}

/// To connect to a port, and to listen on one.
const TCP: u64 = 3;
/// Sockets without a path, and signals.
const SCOPES: u64 = 3;

/// Devices and the like that programs write to.
const WRITABLE: &[&str] = &[
    "/dev/full",
    "/dev/null",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/random",
    "/dev/shm",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
    "/tmp",
    "/var/tmp",
];

/// Never to be read as a whole.
const CLOSED: &[&str] = &["/dev", "/run", "/tmp", "/var/tmp"];

/// The rules for `confinement`, to be put into force by the child.
pub(super) fn rules(confinement: &Confinement) -> io::Result<OwnedFd> {
    let version = raw::landlock_version()?;
    let mut all = access::FIRST;
    for (since, more) in [(2, access::REFER), (3, access::TRUNCATE), (5, access::IOCTL_DEV)] {
        all |= if since <= version { more } else { 0 };
    }
    let network = if 4 <= version { TCP } else { 0 };
    let scopes = if 6 <= version { SCOPES } else { 0 };
    let rules = raw::landlock_rules(version, all, network, scopes)?;

    let hidden = confinement.hidden.iter().chain(&confinement.hidden_outside);
    let hidden = hidden.map(|it| it.path());
    let project = confinement.project.place.as_path();
    let closed = CLOSED.iter().map(Path::new).chain(hidden);
    let closed: Vec<_> = closed.chain(confinement.emptied.iter().map(PathBuf::as_path)).collect();
    let mut open = Vec::new();
    open_around(Path::new("/"), &closed, project, &mut open);
    for path in
        open.iter().map(PathBuf::as_path).chain(confinement.readable.iter().map(|it| &*it.place))
    {
        allow(&rules, path, all & access::READING)?;
    }
    let writable = confinement.writable.iter().map(|it| &*it.place).chain([project]);
    for path in WRITABLE.iter().map(Path::new).chain(writable) {
        allow(&rules, path, all)?;
    }
    Ok(rules)
}

/// Gathers what can be read of `directory` without opening what is closed in it.
fn open_around(directory: &Path, closed: &[&Path], project: &Path, open: &mut Vec<PathBuf>) {
    if closed.contains(&directory) || directory == project {
        return;
    }
    if !closed.iter().any(|it| it.starts_with(directory)) {
        open.push(directory.to_owned());
        return;
    }
    for entry in directory.read_dir().into_iter().flatten().flatten() {
        // A link is nothing by itself; where it leads has its own rule.
        if entry.file_type().is_ok_and(|it| !it.is_symlink()) {
            open_around(&entry.path(), closed, project, open);
        }
    }
}

/// What is not there needs no rule.
fn allow(rules: &OwnedFd, path: &Path, what: u64) -> io::Result<()> {
    let Ok(opened) = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) else {
        return Ok(());
    };
    let is_directory = File::from(opened.try_clone()?).metadata()?.is_dir();
    let what = if is_directory { what } else { what & access::FILE };
    Ok(raw::landlock_allow(rules.as_fd(), opened.as_fd(), what)?)
}
