//! What matters of one directory of the project.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use crate::workspace::secret::{Secrets, folded};
use crate::workspace::survey::{Stamp, is_obeyed};

#[derive(Debug, Default)]
pub(super) struct Directory {
    /// `None` if it was changed so recently that another change may have the same time.
    pub(super) stamp: Option<Stamp>,
    pub(super) directories: Vec<OsString>,
    pub(super) suspects: Vec<OsString>,
    pub(super) obeyed: Vec<OsString>,
    pub(super) links_out: Vec<(OsString, PathBuf)>,
    pub(super) git: Option<OsString>,
    /// Which of the entries are there that git knows a repository by.
    pub(super) marks: [bool; MARKS.len()],
}

pub(super) const MARKS: &[&str] = &["HEAD", "commondir", "objects", "refs"];

/// Links to these are no news: they are the system's, which nobody writes to.
const SYSTEM: &[&str] =
    &["/bin", "/dev", "/etc", "/lib", "/lib64", "/nix", "/opt", "/proc", "/usr"];

/// No path is looked at that is longer: those below a repository have to be named as well.
const LONGEST_PATH: usize = libc::PATH_MAX as usize - 256;

impl Directory {
    /// Fails if not all can be seen that is in the directory at `path` below `root`.
    pub(super) fn read(root: &Path, path: &Path, secrets: &Secrets) -> io::Result<Self> {
        let here = root.join(path);
        let mut directory = Self::default();
        let mut longest = 0;
        for entry in std::fs::read_dir(&here)? {
            let entry = entry?;
            longest = longest.max(entry.file_name().len());
            directory.add(root, path, &entry, secrets)?;
        }
        // Names can be read without the right to look at what they name.
        here.join(".").symlink_metadata()?;
        if LONGEST_PATH <= here.as_os_str().len() + longest {
            return Err(Errno::NAMETOOLONG.into());
        }
        Ok(directory)
    }

    fn add(
        &mut self,
        root: &Path,
        path: &Path,
        entry: &std::fs::DirEntry,
        secrets: &Secrets,
    ) -> io::Result<()> {
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let shown = folded(&name.to_string_lossy());
        if let Some(mark) = MARKS.iter().position(|it| name == *it) {
            self.marks[mark] = true;
        }
        if shown == ".git" {
            self.git = Some(name);
            return Ok(());
        }
        let is_obeyed = is_obeyed(&shown);
        if is_obeyed {
            self.obeyed.push(name.clone());
        }
        if kind.is_dir() {
            self.directories.push(name);
            return Ok(());
        }
        if (kind.is_symlink() || kind.is_file()) && secrets.suspects(&path.join(&name)) {
            self.suspects.push(name.clone());
        }
        if kind.is_symlink() && !is_obeyed {
            let target = entry.path().read_link().unwrap_or_default();
            let target = outside(root, &root.join(path), &target);
            self.links_out.extend(target.map(|it| (name, it)));
        }
        Ok(())
    }

    /// Git takes a directory for a repository when it is called in it and finds these; a common
    /// directory may hold the rest.
    pub(super) fn is_bare_repository(&self) -> bool {
        let [head, common, objects, refs] = self.marks;
        head && (common || objects && refs)
    }

    /// How many names are kept of it.
    pub(super) fn weight(&self) -> usize {
        let Self { directories, suspects, obeyed, links_out, .. } = self;
        directories.len() + suspects.len() + obeyed.len() + links_out.len()
    }
}

/// Where a link leads, as text, if that is outside and not the system's.
fn outside(root: &Path, here: &Path, target: &Path) -> Option<PathBuf> {
    let mut whole = PathBuf::new();
    for part in here.join(target).components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    let harmless = whole.starts_with(root) || SYSTEM.iter().any(|it| whole.starts_with(it));
    (!harmless).then_some(whole)
}
