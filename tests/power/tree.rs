//! What a disk shows: names, and what is behind them.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, Metadata, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub type Inode = u64;

/// All that lies below a few folders, by its path from their parent. The folders are part of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree(pub BTreeMap<PathBuf, Item>);

#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub inode: Inode,
    pub mode: u32,
    pub kind: Kind,
}

#[derive(Clone, Debug, Hash, PartialEq)]
pub enum Kind {
    Directory,
    File(Arc<[u8]>),
    Link(PathBuf),
}

/// The folders of a home in which something may be kept for longer than a process lives.
const TOPS: [&str; 2] = ["home", "project"];

impl Tree {
    pub fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        TOPS.iter().for_each(|it| tree.take(root, Path::new(it)));
        tree
    }

    fn take(&mut self, root: &Path, path: &Path) {
        let whole = root.join(path);
        let read = |err: std::io::Error| panic!("{}: {err}", whole.display());
        let metadata = whole.symlink_metadata().unwrap_or_else(read);
        let kind = if metadata.is_dir() {
            Kind::Directory
        } else if metadata.is_symlink() {
            Kind::Link(std::fs::read_link(&whole).unwrap_or_else(|err| panic!("{err}")))
        } else if metadata.is_file() {
            Kind::File(std::fs::read(&whole).unwrap_or_else(|err| panic!("{err}")).into())
        } else {
            return;
        };
        let is_directory = kind == Kind::Directory;
        self.0.insert(path.to_owned(), Item::new(&metadata, kind));
        if is_directory {
            for entry in std::fs::read_dir(&whole).unwrap_or_else(|err| panic!("{err}")) {
                let name = entry.unwrap_or_else(|err| panic!("{err}")).file_name();
                self.take(root, &path.join(name));
            }
        }
    }

    /// Puts it in the place of what is there.
    pub fn write(&self, root: &Path) {
        self.try_write(root).unwrap_or_else(|err| panic!("{}: {err}", root.display()));
    }

    fn try_write(&self, root: &Path) -> std::io::Result<()> {
        for top in TOPS {
            std::fs::remove_dir_all(root.join(top))?;
        }
        for (path, item) in &self.0 {
            let path = root.join(path);
            match &item.kind {
                Kind::Directory => DirBuilder::new().mode(0o700).create(&path)?,
                Kind::Link(target) => symlink(target, &path)?,
                Kind::File(bytes) => {
                    let mut new = OpenOptions::new();
                    let mut file = new.write(true).create_new(true).mode(0o600).open(&path)?;
                    file.write_all(bytes)?;
                    file.set_permissions(Permissions::from_mode(item.mode))?;
                }
            }
        }
        let folders = self.0.iter().rev().filter(|(_, it)| it.kind == Kind::Directory);
        for (path, item) in folders {
            std::fs::set_permissions(root.join(path), Permissions::from_mode(item.mode))?;
        }
        Ok(())
    }

    pub fn file(&self, path: impl AsRef<Path>) -> Option<&[u8]> {
        match &self.0.get(path.as_ref())?.kind {
            Kind::File(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// What is below a folder.
    pub fn below(&self, folder: &str) -> impl Iterator<Item = (&Path, &Item)> {
        let all = self.0.iter().map(|(path, item)| (path.as_path(), item));
        all.filter(move |(path, _)| path.starts_with(folder) && *path != Path::new(folder))
    }

    /// Equal for what looks the same below a folder.
    pub fn fingerprint(&self, folder: &str) -> u64 {
        self.fingerprint_without(folder, "")
    }

    /// The same but for folders of this name.
    pub fn fingerprint_without(&self, folder: &str, name: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        let all = self.below(folder);
        for (path, item) in all.filter(|(path, _)| path.iter().all(|it| it != name)) {
            (path, item.mode, &item.kind).hash(&mut hasher);
        }
        hasher.finish()
    }
}

impl Item {
    fn new(metadata: &Metadata, kind: Kind) -> Self {
        Self { inode: metadata.ino(), mode: metadata.mode() & 0o7777, kind }
    }
}
