//! Writing so that a file is always whole: the old content or the new, whatever happens between.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, XattrFlags};
use rustix::io::Errno;

use crate::workspace::leftover;
use crate::workspace::root::Root;
use crate::workspace::secret::folded;
use crate::workspace::survey::is_obeyed;
use crate::workspace::{FileError, ProjectPath, SourceFile};

/// A change that everybody sees, but that a loss of power may still take: [`Placed::settle`] ends
/// that. What was placed and did not settle has happened nevertheless.
#[derive(Debug)]
#[must_use]
pub(super) struct Placed {
    /// The directory that has to be written down; `None` if it is the same as before.
    directory: Option<OwnedFd>,
    path: ProjectPath,
}

impl Placed {
    pub(super) fn settle(self) -> Result<(), FileError> {
        let synced = self.directory.map_or(Ok(()), |it| rustix::fs::fsync(&it));
        synced.map_err(|it| FileError::io("write", &self.path, &it.into()))
    }
}

/// Writes a file that does not exist, and makes the directories above it.
pub(super) fn create(root: &Root, path: &ProjectPath, bytes: &[u8]) -> Result<Placed, FileError> {
    let real = must_be_free(root, path)?;
    create_after(root, &real, bytes, After::Nothing)
}

/// Fails if no file may be made there. Where it would be.
pub(super) fn must_be_free(root: &Root, path: &ProjectPath) -> Result<ProjectPath, FileError> {
    let real = root.follow(path)?;
    root.must_be_writable(path, &real)?;
    must_not_be_gits(&real)?;
    Ok(real)
}

/// The same with the owner and the mode of another.
pub(super) fn create_like(
    root: &Root,
    path: &ProjectPath,
    bytes: &[u8],
    like: &SourceFile,
) -> Result<Placed, FileError> {
    let real = must_be_free(root, path)?;
    create_after(root, &real, bytes, After::File(like))
}

/// The same where no link leads, with the mode it had, if that is known.
pub(super) fn create_again(
    root: &Root,
    real: &ProjectPath,
    bytes: &[u8],
    mode: Option<u32>,
) -> Result<Placed, FileError> {
    create_after(root, real, bytes, mode.map_or(After::Nothing, After::Mode))
}

/// What a new file takes after.
enum After<'a> {
    Nothing,
    Mode(u32),
    File(&'a SourceFile),
}

fn create_after(
    root: &Root,
    real: &ProjectPath,
    bytes: &[u8],
    after: After<'_>,
) -> Result<Placed, FileError> {
    let failed = |it| FileError::io("write", real, &it);
    must_not_be_gits(real)?;
    let Some((above, name)) = real.split() else {
        return Err(FileError::Directory(real.clone()));
    };
    let directory = root.make_directory(&above).map_err(failed)?;
    root.sweep(&above, &directory);
    // The umask of the process takes from this what a new file shall not have.
    let mut draft = Draft::new(&directory, Mode::from_raw_mode(0o666)).map_err(failed)?;
    draft.file.write_all(bytes).map_err(failed)?;
    match after {
        After::Nothing => {}
        After::Mode(mode) => draft.take_mode(Some(mode)).map_err(failed)?,
        After::File(like) => {
            draft.take_after(like).map_err(failed)?;
            // It may be gone already, and with it what can be copied.
            if let Ok(file) = root.open_file_exactly(&like.real) {
                copy_attributes(&file, &draft.file);
            }
        }
    }
    draft.file.sync_all().map_err(failed)?;
    draft.rename_to_new(name).map_err(failed)?;
    Ok(Placed { directory: Some(directory), path: real.clone() })
}

/// Replaces the content of a file, keeping what else makes it that file.
pub(super) fn replace(root: &Root, before: &SourceFile, bytes: &[u8]) -> Result<Placed, FileError> {
    must_be_replaceable(root, before)?;
    put_back(root, before, bytes, None)
}

/// Fails if the file may not be changed.
pub(super) fn must_be_replaceable(root: &Root, before: &SourceFile) -> Result<(), FileError> {
    must_be_removable(root, before)?;
    if before.metadata.mode() & 0o222 == 0 {
        return Err(FileError::Refused(format!("`{}` is read-only", before.path())));
    }
    Ok(())
}

/// Fails if the file may not go.
pub(super) fn must_be_removable(root: &Root, before: &SourceFile) -> Result<(), FileError> {
    root.must_be_writable(before.path(), &before.real)?;
    must_not_be_gits(&before.real)
}

/// The same with the mode the file had, if that is known, and also where it is read-only.
pub(super) fn put_back(
    root: &Root,
    before: &SourceFile,
    bytes: &[u8],
    mode: Option<u32>,
) -> Result<Placed, FileError> {
    let failed = |it| FileError::io("write", before.path(), &it);
    must_not_be_gits(&before.real)?;
    if 1 < before.metadata.nlink() {
        return write_in_place(root, before, bytes);
    }
    let Some((above, name)) = before.real.split() else {
        return Err(FileError::Directory(before.path().clone()));
    };
    let directory = root.make_directory(&above).map_err(failed)?;
    root.sweep(&above, &directory);
    let mut draft = Draft::new(&directory, Mode::RUSR | Mode::WUSR).map_err(failed)?;
    draft.file.write_all(bytes).map_err(failed)?;
    draft.take_after(before).and_then(|()| draft.take_mode(mode)).map_err(failed)?;
    copy_attributes(&root.open_file_exactly(&before.real)?, &draft.file);
    draft.file.sync_all().map_err(failed)?;
    before.must_be_unchanged(root)?;
    draft.rename_over(name).map_err(failed)?;
    Ok(Placed { directory: Some(directory), path: before.path().clone() })
}

/// Removes a file, if it still is what was read.
pub(super) fn delete(root: &Root, before: &SourceFile) -> Result<Placed, FileError> {
    let failed = |it| FileError::io("delete", before.path(), &it);
    must_be_removable(root, before)?;
    let Some((above, name)) = before.real.split() else {
        return Err(FileError::Directory(before.path().clone()));
    };
    let directory = root.make_directory(&above).map_err(failed)?;
    before.must_be_unchanged(root)?;
    let removed = rustix::fs::unlinkat(&directory, name, AtFlags::empty());
    removed.map_err(|it| failed(it.into()))?;
    Ok(Placed { directory: Some(directory), path: before.path().clone() })
}

/// Makes a link of what is one, or is nothing: `None` is no link.
pub(super) fn relink(
    root: &Root,
    real: &ProjectPath,
    was: Option<&Path>,
    target: Option<&Path>,
) -> Result<Placed, FileError> {
    let failed = |it| FileError::io("write", real, &it);
    root.must_be_writable(real, real)?;
    must_not_be_gits(real)?;
    let Some((above, name)) = real.split() else {
        return Err(FileError::Directory(real.clone()));
    };
    let directory = root.make_directory(&above).map_err(failed)?;
    if root.read_link(real).as_deref() != was {
        return Err(FileError::Refused(format!("`{real}` changed just now")));
    }
    if was.is_some() {
        rustix::fs::unlinkat(&directory, name, AtFlags::empty()).map_err(|it| failed(it.into()))?;
    }
    if let Some(target) = target {
        rustix::fs::symlinkat(target, &directory, name).map_err(|it| failed(it.into()))?;
    }
    Ok(Placed { directory: Some(directory), path: real.clone() })
}

/// Removes what a killed process may have left beside `real`.
pub(super) fn sweep(root: &Root, real: &ProjectPath) {
    if let Some((above, _)) = real.split()
        && let Ok((_, directory)) = root.open_directory(&above)
    {
        root.sweep(&above, &directory);
    }
}

/// For a file with several names: another file under one of them would part it from the others.
/// If it fails, the old content is put back, which needs no room on the disk.
fn write_in_place(root: &Root, before: &SourceFile, bytes: &[u8]) -> Result<Placed, FileError> {
    before.must_be_unchanged(root)?;
    let mut file = root.open_file_for_writing(&before.real)?;
    let written = overwrite(&mut file, bytes);
    if written.is_err() {
        let _ = overwrite(&mut file, before.bytes());
    }
    written.map_err(|it| FileError::io("write", before.path(), &it))?;
    Ok(Placed { directory: None, path: before.path().clone() })
}

fn overwrite(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.rewind()?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

/// Copies extended attributes, access lists among them, as far as they can be copied: some belong
/// to the system, and some file systems have none.
fn copy_attributes(from: &File, to: &File) {
    let mut names = vec![0; rustix::fs::flistxattr_query(from).unwrap_or_default()];
    let length = rustix::fs::flistxattr(from, &mut names[..]).unwrap_or_default();
    for name in names[..length].split(|it| *it == 0).filter(|it| !it.is_empty()) {
        let mut value = vec![0; rustix::fs::fgetxattr_query(from, name).unwrap_or_default()];
        if let Ok(length) = rustix::fs::fgetxattr(from, name, &mut value[..]) {
            let _ = rustix::fs::fsetxattr(to, name, &value[..length], XattrFlags::empty());
        }
    }
}

/// A hook or a setting of git is a program to run later, so git's own files are not for writing.
/// Nor is what makes other programs, or this one, run something.
fn must_not_be_gits(real: &ProjectPath) -> Result<(), FileError> {
    for name in real.as_path().iter().map(|it| it.to_string_lossy()) {
        if folded(&name) == ".git" {
            return Err(FileError::Refused(format!("`{real}` belongs to git; use a git command")));
        }
        if is_obeyed(&name) {
            return Err(FileError::Refused(format!(
                "`{real}` is left alone: what is in `{name}` makes other programs run things, so \
                 it is the user's to change. Say what should stand there"
            )));
        }
    }
    Ok(())
}

/// The new content on its way, beside the file it will become. Dropped early, it is gone.
struct Draft<'a> {
    directory: &'a OwnedFd,
    name: String,
    file: File,
}

impl<'a> Draft<'a> {
    fn new(directory: &'a OwnedFd, mode: Mode) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        for n in 0..1000 {
            let name = leftover::name(n);
            match rustix::fs::openat(directory, &name, flags, mode) {
                Ok(opened) => {
                    leftover::hold(&opened);
                    return Ok(Self { directory, name, file: opened.into() });
                }
                Err(Errno::EXIST) => {}
                Err(err) => return Err(err.into()),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Takes the owner and the mode of the file it will replace.
    fn take_after(&self, before: &SourceFile) -> io::Result<()> {
        let (owner, ours) = (&before.metadata, self.file.metadata()?);
        if (owner.uid(), owner.gid()) != (ours.uid(), ours.gid()) {
            let (uid, gid) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
            // Only root may give a file away; the group alone may still be possible.
            let _ = rustix::fs::fchown(&self.file, Some(uid), Some(gid))
                .or_else(|_| rustix::fs::fchown(&self.file, None, Some(gid)));
        }
        self.file.set_permissions(owner.permissions())
    }

    fn take_mode(&self, mode: Option<u32>) -> io::Result<()> {
        let mode = mode.map(Permissions::from_mode);
        mode.map_or(Ok(()), |it| self.file.set_permissions(it))
    }

    fn rename_over(self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(self.directory, &self.name, self.directory, name)?)
    }

    /// Fails if there is something by that name.
    fn rename_to_new(self, name: &OsStr) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{RenameFlags, renameat_with};
            let directory = self.directory;
            let flags = RenameFlags::NOREPLACE;
            match renameat_with(directory, &self.name, directory, name, flags) {
                // A file system that cannot promise this.
                Err(Errno::INVAL | Errno::NOSYS) => {}
                result => return Ok(result?),
            }
        }
        match rustix::fs::statat(self.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => self.rename_over(name),
            Err(err) => Err(err.into()),
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // After the rename there is nothing by this name.
        let _ = rustix::fs::unlinkat(self.directory, &self.name, AtFlags::empty());
    }
}
