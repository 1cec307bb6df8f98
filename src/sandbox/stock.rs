//! Placeholders that are kept from one command to the next.
//!
//! A command needs a dozen of them for as long as it runs. To make and remove them each time is
//! dear: ext4 passes over every number of a file that was deleted within the last minutes, so that
//! each command makes the next one dearer. To move them costs nothing of the kind.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with};

use crate::sandbox::Absent;

/// Where they are kept; of use only on the file system of the project.
#[derive(Clone, Debug)]
pub(super) struct Stock(PathBuf);

/// What may be done with something in the stock: it is not changed. Who stood in a directory when
/// its command ended shall not leave there what nobody finds again.
const KEPT: u32 = 0o555;

/// How many others may take from under our eyes.
const TRIES: usize = 8;

impl Stock {
    pub(super) fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// Moves a spare one to where `absent` is, open and with its lock shared. `None` where there is
    /// none that can be moved there.
    pub(super) fn take(&self, absent: &Absent) -> Option<File> {
        if absent.path().symlink_metadata().is_ok() {
            return None;
        }
        let spares = self.shelf(absent).read_dir().ok()?.flatten();
        for spare in spares.take(TRIES) {
            match take(&spare.path(), absent) {
                Ok(placeholder) => return Some(placeholder),
                Err(err) if err.kind() == io::ErrorKind::CrossesDevices => break,
                Err(_) => {}
            }
        }
        None
    }

    /// Puts aside what is open as `placeholder` and is where `absent` is. If it has come to be
    /// something meanwhile, it stays there.
    pub(super) fn put(&self, placeholder: &File, absent: &Absent) -> io::Result<()> {
        let (open, path, shelf) = (placeholder.metadata()?, absent.path(), self.shelf(absent));
        // No two have the same number.
        let spare = shelf.join(open.ino().to_string());
        if let Err(err) = move_to(path, &spare) {
            if err.kind() != io::ErrorKind::NotFound || shelf.exists() {
                return Err(err);
            }
            DirBuilder::new().recursive(true).mode(0o700).create(&shelf)?;
            move_to(path, &spare)?;
        }
        placeholder.set_permissions(Permissions::from_mode(open.mode() & KEPT))?;
        if is_at(&spare, &open) && absent.is_nothing(&spare) {
            // To close it is not enough: a child that has not become its program yet has it, too.
            flock(placeholder, FlockOperation::Unlock)?;
            return Ok(());
        }
        placeholder.set_permissions(open.permissions())?;
        move_to(&spare, path)?;
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Where all are alike.
    fn shelf(&self, like: &Absent) -> PathBuf {
        match like {
            Absent::Directory(_) => self.0.join("directories"),
            Absent::File(_, text) => self.0.join(format!("files-{}", text.len())),
        }
    }
}

fn take(spare: &Path, absent: &Absent) -> io::Result<File> {
    let no_wait = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let placeholder = OpenOptions::new().read(true).custom_flags(no_wait).open(spare)?;
    flock(&placeholder, FlockOperation::NonBlockingLockShared)?;
    if !absent.is_nothing(spare) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // Who may not write to a directory may not move it either.
    let mode = placeholder.metadata()?.mode();
    placeholder.set_permissions(Permissions::from_mode(mode | 0o200))?;
    move_to(spare, absent.path())?;
    Ok(placeholder)
}

/// Where nothing may be yet.
fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

fn is_at(path: &Path, open: &Metadata) -> bool {
    path.symlink_metadata().is_ok_and(|it| (it.dev(), it.ino()) == (open.dev(), open.ino()))
}
