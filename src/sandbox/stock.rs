//! Placeholders that are kept from one command to the next.
//!
//! A command needs a dozen of them for as long as it runs. To make and remove them each time is
//! dear: ext4 passes over every number of a file that was deleted within the last minutes, so that
//! each command makes the next one dearer. To move them costs nothing of the kind.
//!
//! A command that was running already when a placeholder was put somewhere may have opened it, and
//! may write to it for as long as it lives. So a placeholder only ever comes back to the very place
//! it was at: there, such a command could have made something anyway.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, futimens, renameat_with};
use sha2::{Digest, Sha256};

use crate::sandbox::Absent;
use crate::sandbox::placeholders::STAMP;

/// Where they are kept; of use only on the file system of the project.
#[derive(Clone, Debug)]
pub(super) struct Stock(PathBuf);

/// What may be done with something in the stock: it is not changed. A person who stood in a
/// directory when its command ended shall not leave there what nobody finds again.
const KEPT: u32 = 0o555;

impl Stock {
    pub(super) fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// Moves the one that was where `absent` is back to its place, open and with its lock shared.
    /// `None` where there is none that can be.
    pub(super) fn take(&self, absent: &Absent) -> Option<File> {
        let spare = self.spare(absent.path());
        hold(&spare, absent).and_then(|it| give_back(it, &spare, absent)).ok()
    }

    /// Puts aside what is open as `placeholder` and is where `absent` is. If it has come to be
    /// something meanwhile, it stays there.
    pub(super) fn keep(&self, placeholder: &File, absent: &Absent) -> io::Result<()> {
        let (found, path) = (placeholder.metadata()?, absent.path());
        let spare = self.spare(path);
        if let Err(err) = move_to(path, &spare) {
            if err.kind() != io::ErrorKind::NotFound || self.0.exists() {
                return Err(err);
            }
            DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
            move_to(path, &spare)?;
        }
        let is_kept = is_at(&spare, &found)
            && placeholder.set_permissions(Permissions::from_mode(found.mode() & KEPT)).is_ok()
            && is_unused(&spare, absent);
        if is_kept {
            // To close it is not enough: a child that has not become its program yet has it, too.
            return Ok(flock(placeholder, FlockOperation::Unlock)?);
        }
        // Somebody was quicker.
        let _ = placeholder.set_permissions(found.permissions());
        move_to(&spare, path)?;
        Err(io::ErrorKind::ResourceBusy.into())
    }

    fn spare(&self, path: &Path) -> PathBuf {
        let hash = Sha256::digest(path.as_os_str().as_bytes());
        self.0.join(hash.iter().take(16).map(|it| format!("{it:02x}")).collect::<String>())
    }
}

/// Opens a file or directory that may have become anything, without following or waiting for it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let no_wait = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    OpenOptions::new().read(true).custom_flags(no_wait).open(path)
}

/// Opens what is in the stock for `absent`, if it is still nothing and nobody else's.
fn hold(spare: &Path, absent: &Absent) -> io::Result<File> {
    let placeholder = open(spare)?;
    flock(&placeholder, FlockOperation::NonBlockingLockExclusive)?;
    if is_at(spare, &placeholder.metadata()?) && is_unused(spare, absent) {
        return Ok(placeholder);
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn give_back(placeholder: File, spare: &Path, absent: &Absent) -> io::Result<File> {
    // Who may not write to a directory may not move it either.
    let mode = placeholder.metadata()?.mode();
    placeholder.set_permissions(Permissions::from_mode(mode | 0o200))?;
    futimens(&placeholder, &STAMP)?;
    move_to(spare, absent.path())?;
    flock(&placeholder, FlockOperation::NonBlockingLockShared)?;
    Ok(placeholder)
}

/// Whether it is still nothing, and a file has no other name, by which it could be written to.
fn is_unused(spare: &Path, absent: &Absent) -> bool {
    let is_alone = |it: Metadata| it.is_dir() || it.nlink() == 1;
    absent.is_nothing(spare) && spare.symlink_metadata().is_ok_and(is_alone)
}

/// Where nothing may be yet.
fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// Whether this, and nothing else, is at `path`.
pub(super) fn is_at(path: &Path, open: &Metadata) -> bool {
    path.symlink_metadata().is_ok_and(|it| (it.dev(), it.ino()) == (open.dev(), open.ino()))
}
