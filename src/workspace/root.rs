//! The open root directory, and opening beneath it.
//!
//! A path is opened in two steps. [`Root::follow`] reads the symbolic links on the way and says
//! where the path really leads; it only looks, and what it saw may be gone a moment later. Then
//! the real path is opened in such a way that a link anywhere on it is an error. So a link that
//! is planted between the two is refused, not followed.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::fs::{AtFlags, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::workspace::warden::heed;
use crate::workspace::{Access, FileError, Leave, ProjectPath, Secrets, Warden, leftover};

#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    directory: OwnedFd,
    /// Knows which files may be touched; without one, all.
    warden: OnceLock<Arc<dyn Warden>>,
    /// Directories in which no draft of a dead process is left.
    swept: Mutex<HashSet<ProjectPath>>,
}

/// How often to try again when links change while they are followed.
const TRIES: usize = 8;

/// How many links one path may lead through.
const LINKS: usize = 40;

/// `NONBLOCK` and `NOCTTY`: opening a pipe must not wait, opening a terminal must not adopt it.
const SAFELY: OFlags =
    OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

impl Root {
    /// `path` must be absolute and free of links.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let directory = rustix::fs::open(&path, DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { path, directory, warden: OnceLock::new(), swept: Mutex::default() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a regular file for reading; also says where it really is.
    pub(super) fn open_file(&self, path: &ProjectPath) -> Result<(ProjectPath, File), FileError> {
        // Opening a device can already do something, so look first; what counts is the second
        // look, at what was opened.
        let seen = std::fs::symlink_metadata(self.path.join(self.follow(path)?.as_path()));
        if let Some(seen) = seen.ok().filter(|it| !it.is_symlink()) {
            regular(path, &seen)?;
        }
        let (real, file) = self.open_followed(path, OFlags::RDONLY)?;
        heed(self.warden(), Access::Read, path, &real)?;
        Ok((real, regular_file(path, file)?))
    }

    /// There is one warden, the first.
    pub(super) fn set_warden(&self, warden: Arc<dyn Warden>) {
        let _ = self.warden.set(warden);
    }

    pub(super) fn warden(&self) -> Option<&dyn Warden> {
        self.warden.get().map(|it| &**it)
    }

    /// Fails if the person's rules keep `real`, to which `path` leads, from being changed.
    pub(super) fn must_be_writable(
        &self,
        path: &ProjectPath,
        real: &ProjectPath,
    ) -> Result<(), FileError> {
        heed(self.warden(), Access::Write, path, real)
    }

    /// The same for a path that must not lead through a link.
    pub(super) fn open_file_exactly(&self, real: &ProjectPath) -> Result<File, FileError> {
        let file = self.open_exactly(real, OFlags::RDONLY);
        regular_file(real, file.map_err(|it| FileError::io("open", real, &it.into()))?)
    }

    /// Neither made nor cut.
    pub(super) fn open_file_for_writing(&self, real: &ProjectPath) -> Result<File, FileError> {
        let file = self.open_exactly(real, OFlags::WRONLY);
        regular_file(real, file.map_err(|it| FileError::io("open", real, &it.into()))?)
    }

    pub(super) fn open_directory(
        &self,
        path: &ProjectPath,
    ) -> Result<(ProjectPath, OwnedFd), FileError> {
        self.open_followed(path, DIRECTORY)
    }

    /// Opens a directory that no link leads to; makes it, and those above it, where missing.
    pub(super) fn make_directory(&self, real: &ProjectPath) -> io::Result<OwnedFd> {
        let (above, name) = match (self.open_exactly(real, DIRECTORY), real.split()) {
            (Err(Errno::NOENT), Some((above, name))) => (self.make_directory(&above)?, name),
            (opened, _) => return Ok(opened?),
        };
        match rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o777)) {
            // What will be in it is only as certain as its name.
            Ok(()) => rustix::fs::fsync(&above)?,
            Err(Errno::EXIST) => {}
            Err(err) => return Err(err.into()),
        }
        Ok(openat(&above, name, DIRECTORY | SAFELY, Mode::empty())?)
    }

    /// The directories above `real` that are not there.
    pub(super) fn missing_above(&self, real: &ProjectPath) -> Vec<ProjectPath> {
        let above = real.as_path().ancestors().skip(1).filter(|it| !it.as_os_str().is_empty());
        let missing = above.take_while(|it| !self.path.join(it).exists());
        missing.map(|it| ProjectPath::plain(it.to_owned())).collect()
    }

    /// Where a link leads to which no other leads; `None` if there is no link.
    pub(super) fn read_link(&self, real: &ProjectPath) -> Option<PathBuf> {
        let (above, name) = real.split()?;
        let above = self.open_exactly(&above, DIRECTORY).ok()?;
        let target = rustix::fs::readlinkat(above, name, Vec::new()).ok()?;
        Some(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    /// Removes an empty directory that no link leads to.
    pub(super) fn remove_directory(&self, real: &ProjectPath) -> io::Result<()> {
        let Some((above, name)) = real.split() else { return Ok(()) };
        let above = self.open_exactly(&above, DIRECTORY)?;
        Ok(rustix::fs::unlinkat(above, name, AtFlags::REMOVEDIR)?)
    }

    /// Removes what killed processes have left in a directory; looks into each only once.
    pub(super) fn sweep(&self, real: &ProjectPath, directory: &OwnedFd) {
        let is_new = self.swept.lock().unwrap_or_else(PoisonError::into_inner).insert(real.clone());
        if is_new {
            leftover::sweep(directory);
        }
    }

    fn open_followed(
        &self,
        path: &ProjectPath,
        flags: OFlags,
    ) -> Result<(ProjectPath, OwnedFd), FileError> {
        let mut met = Errno::LOOP;
        for _ in 0..TRIES {
            let real = self.follow(path)?;
            match self.open_exactly(&real, flags) {
                Ok(opened) => return Ok((real, opened)),
                // There is a link where none was a moment ago. (For a directory that is ENOTDIR.)
                Err(err @ (Errno::LOOP | Errno::NOTDIR)) => met = err,
                Err(Errno::NXIO) => return Err(special(path, "a socket or a device")),
                Err(err) => return Err(FileError::io("open", path, &err.into())),
            }
        }
        Err(FileError::io("open", path, &met.into()))
    }

    /// Where `path` leads when links are followed, whether or not there is anything; refused if
    /// that is outside.
    pub(super) fn follow(&self, path: &ProjectPath) -> Result<ProjectPath, FileError> {
        let mut real = PathBuf::new();
        let mut rest: Vec<OsString> = path.as_path().iter().rev().map(OsString::from).collect();
        let mut links = Vec::new();
        while let Some(name) = rest.pop() {
            if name == ".." {
                if !real.pop() {
                    return Err(leads_out(path, &links));
                }
                continue;
            }
            real.push(name);
            let Ok(target) = std::fs::read_link(self.path.join(&real)) else { continue };
            links.push((real.clone(), target.clone()));
            if LINKS < links.len() {
                return Err(FileError::Refused(format!("`{path}` leads through too many links")));
            }
            let target = if target.is_absolute() {
                real = PathBuf::new();
                target.strip_prefix(&self.path).map_err(|_| leads_out(path, &links))?
            } else {
                real.pop();
                &target
            };
            let parts = target.components().rev().filter(|it| *it != Component::CurDir);
            rest.extend(parts.map(|it| it.as_os_str().to_owned()));
        }
        Ok(ProjectPath::plain(real))
    }

    /// Opens what no link leads to, not even one that was planted a moment ago.
    fn open_exactly(&self, real: &ProjectPath, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{ResolveFlags, openat2};
            let path = if real.is_root() { Path::new(".") } else { real.as_path() };
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            match openat2(&self.directory, path, flags | SAFELY, Mode::empty(), resolve) {
                // An old kernel, or one that a filter stands before.
                Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {}
                opened => return opened,
            }
        }
        self.open_by_steps(real, flags)
    }

    /// The same where the kernel cannot do it in one go: one name at a time.
    fn open_by_steps(&self, real: &ProjectPath, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let Some((above, name)) = real.split() else {
            return openat(&self.directory, ".", flags | SAFELY, Mode::empty());
        };
        let mut directory = self.open_by_steps(&ProjectPath::default(), DIRECTORY)?;
        for name in above.as_path() {
            directory = openat(&directory, name, DIRECTORY | SAFELY, Mode::empty())?;
        }
        openat(&directory, name, flags | SAFELY, Mode::empty())
    }
}

/// Opens what a walk has just seen to be regular files, without looking at each again. A pipe put
/// in the place of one reads as empty, a directory fails to be read, and no link is followed.
///
/// It keeps the last directory open: files of one directory mostly come one after the other, and
/// looking up one name is quicker than a whole path.
#[derive(Debug)]
pub(crate) struct Opener<'a> {
    root: &'a Root,
    secrets: &'a Secrets,
    above: Option<(PathBuf, OwnedFd)>,
}

impl<'a> Opener<'a> {
    pub(super) fn new(root: &'a Root, secrets: &'a Secrets) -> Self {
        Self { root, secrets, above: None }
    }

    pub(crate) fn open(&mut self, path: &Path) -> Result<File, FileError> {
        let real = ProjectPath::plain(path.to_owned());
        let leave = self.root.warden().map(|it| it.leave(Access::Read, &real));
        if leave.is_some_and(|it| it != Leave::Free) {
            return Err(FileError::Refused(format!("`{real}` is not read without a question")));
        }
        let file = self.open_any(path)?;
        self.secrets.must_not_keep(self.root, &real, &file)?;
        Ok(file)
    }

    fn open_any(&mut self, path: &Path) -> Result<File, FileError> {
        let refused =
            |err: Errno| FileError::io("open", &ProjectPath::plain(path.into()), &err.into());
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(refused(Errno::ISDIR));
        };
        let kept = self.above.take().filter(|(kept, _)| kept == above);
        let (kept, directory) = match kept {
            Some(kept) => kept,
            None => {
                let real = ProjectPath::plain(above.to_owned());
                let opened = self.root.open_exactly(&real, DIRECTORY).map_err(refused)?;
                (above.to_owned(), opened)
            }
        };
        let file = openat(&directory, name, OFlags::RDONLY | SAFELY, Mode::empty());
        self.above = Some((kept, directory));
        file.map(File::from).map_err(refused)
    }
}

fn leads_out(path: &ProjectPath, links: &[(PathBuf, PathBuf)]) -> FileError {
    let via = links.last().map(|(link, target)| {
        format!(": `{}` is a symbolic link to `{}`", link.display(), target.display())
    });
    FileError::Refused(format!("`{path}` leads out of the project{}", via.unwrap_or_default()))
}

fn regular_file(path: &ProjectPath, opened: OwnedFd) -> Result<File, FileError> {
    let file = File::from(opened);
    let metadata = file.metadata().map_err(|it| FileError::io("open", path, &it))?;
    regular(path, &metadata)?;
    Ok(file)
}

fn regular(path: &ProjectPath, metadata: &Metadata) -> Result<(), FileError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err(FileError::Directory(path.clone()));
    }
    let name = match (kind.is_fifo(), kind.is_socket()) {
        (true, _) => "a named pipe",
        (_, true) => "a socket",
        _ => "a device",
    };
    Err(special(path, name))
}

fn special(path: &ProjectPath, kind: &str) -> FileError {
    FileError::Refused(format!("`{path}` is {kind}, not a file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_kernel_follows_no_link_either() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(path.join("a/b")).unwrap();
        std::fs::write(path.join("a/b/c"), "").unwrap();
        std::os::unix::fs::symlink("a", path.join("link")).unwrap();
        std::os::unix::fs::symlink("a/b/c", path.join("to_c")).unwrap();
        let root = Root::open(path).unwrap();
        let opens = |it: &str, flags| {
            let path = ProjectPath::plain(it.into());
            let both = [root.open_exactly(&path, flags), root.open_by_steps(&path, flags)];
            both.map(|it| it.is_ok())
        };
        assert_eq!(opens("a/b/c", OFlags::RDONLY), [true, true]);
        assert_eq!(opens("", DIRECTORY), [true, true]);
        assert_eq!(opens("a/b", DIRECTORY), [true, true]);
        assert_eq!(opens("link/b/c", OFlags::RDONLY), [false, false]);
        assert_eq!(opens("link", DIRECTORY), [false, false]);
        assert_eq!(opens("to_c", OFlags::RDONLY), [false, false]);
    }

    #[test]
    fn many_files_are_opened_without_following_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(path.join("a")).unwrap();
        std::fs::create_dir_all(path.join("b")).unwrap();
        for name in ["x", "a/x", "a/y", "b/x"] {
            std::fs::write(path.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("x", path.join("a/link")).unwrap();
        std::os::unix::fs::symlink("a", path.join("c")).unwrap();
        let root = Root::open(path).unwrap();
        let secrets = Secrets::none();
        let mut opener = Opener::new(&root, &secrets);
        let mut read = |it: &str| {
            opener.open(Path::new(it)).ok().and_then(|it| std::io::read_to_string(it).ok())
        };
        for name in ["a/x", "a/y", "x", "b/x", "a/x"] {
            assert_eq!(read(name).as_deref(), Some(name));
        }
        for name in ["a/link", "c/x", "a/none", "none/x", "a", ""] {
            assert_eq!(read(name), None, "{name}");
        }
        assert_eq!(read("a/x").as_deref(), Some("a/x"));
    }
}
