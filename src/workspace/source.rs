//! A file as it was read.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use crate::workspace::root::Root;
use crate::workspace::secret::Secrets;
use crate::workspace::{Content, FileError, ProjectPath, Text};

/// The largest file that is read or searched, in bytes.
pub(crate) const LARGEST: u64 = 32 * 1024 * 1024;

/// What a file held, and what it takes to tell whether it still does.
#[derive(Debug)]
pub(crate) struct SourceFile {
    path: ProjectPath,
    /// Where the file is when links are followed.
    pub(super) real: ProjectPath,
    pub(super) metadata: Metadata,
    bytes: Vec<u8>,
}

impl SourceFile {
    pub(super) fn read(
        root: &Root,
        secrets: &Secrets,
        path: &ProjectPath,
    ) -> Result<Self, FileError> {
        let (real, file) = root.open_file(path)?;
        secrets.must_not_keep(root, &real, &file)?;
        let (metadata, bytes) = read_whole(path, &file)?;
        Ok(Self { path: path.clone(), real, metadata, bytes })
    }

    /// The same for a path that must not lead through a link.
    pub(super) fn read_exactly(root: &Root, real: &ProjectPath) -> Result<Self, FileError> {
        let file = root.open_file_exactly(real)?;
        let (metadata, bytes) = read_whole(real, &file)?;
        Ok(Self { path: real.clone(), real: real.clone(), metadata, bytes })
    }

    /// Its permission bits.
    pub(super) fn mode(&self) -> u32 {
        self.metadata.mode() & 0o7777
    }

    /// How many names it has.
    pub(super) fn links(&self) -> u64 {
        self.metadata.nlink()
    }

    /// Fails if the file is another one now, or holds something else.
    pub(super) fn must_be_unchanged(&self, root: &Root) -> Result<(), FileError> {
        let now = root.open_file_exactly(&self.real).and_then(|it| read_whole(&self.path, &it));
        let id = |it: &Metadata| (it.dev(), it.ino());
        match now {
            Ok((metadata, bytes)) if id(&metadata) == id(&self.metadata) && bytes == self.bytes => {
                Ok(())
            }
            _ => Err(FileError::Refused(format!(
                "`{}` was changed by someone else just now, so it was left alone; read it again",
                self.path
            ))),
        }
    }

    /// The path it was asked for by.
    pub(crate) fn path(&self) -> &ProjectPath {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn content(&self) -> Content<'_> {
        Content::of(&self.bytes)
    }

    /// Where it is when links are followed.
    pub(crate) fn real(&self) -> &ProjectPath {
        &self.real
    }

    /// The text, if it can be written back without loss.
    pub(crate) fn text(&self) -> Result<Text<'_>, FileError> {
        match self.content() {
            Content::Text(text) => Ok(text),
            Content::Binary(kind) => Err(FileError::Refused(format!(
                "`{}` is {kind}, so its text cannot be edited; change it with a command",
                self.path
            ))),
        }
    }
}

fn read_whole(path: &ProjectPath, file: &File) -> Result<(Metadata, Vec<u8>), FileError> {
    let failed = |it| FileError::io("read", path, &it);
    let metadata = file.metadata().map_err(failed)?;
    let mut bytes = Vec::with_capacity(metadata.len().min(LARGEST) as usize);
    if metadata.len() <= LARGEST {
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if LARGEST < metadata.len().max(bytes.len() as u64) {
        return Err(FileError::TooLarge(path.clone(), metadata.len()));
    }
    Ok((metadata, bytes))
}
