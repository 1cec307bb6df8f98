//! Takes an archive apart, of which nothing is believed: whatever it says, nothing is written outside
//! one new folder, and not more than a program of this kind may have.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail, ensure};
use flate2::bufread::GzDecoder;

use crate::llama::engine::asset::Packing;

/// An engine has some hundred files.
const MOST_ENTRIES: usize = 20_000;

/// CUDA's libraries are the largest we know, with one gigabyte.
const MOST_BYTES: u64 = 8 << 30;

/// Programs and libraries are packed to a third or a quarter. What grows to much more is no program.
const MOST_GROWTH: u64 = 40;

/// What a small archive may grow to in any case.
const SMALL: u64 = 16 << 20;

/// What is said of an archive that cannot be read to its end.
const DAMAGED: &str = "it is damaged, or cut off";

/// No name, and no target of a link, is longer.
const LONGEST_NAME: usize = 1024;

/// What is said of a file before it comes is names and times.
const LONGEST_WORDS: u64 = 64 << 10;

/// Unpacks into `folder`, which is made and must be new. What fails leaves a part of it behind.
pub(crate) fn unpack(archive: &Path, packing: Packing, folder: &Path) -> anyhow::Result<()> {
    let doing = || format!("cannot unpack `{}`", file_name(archive));
    let file = File::open(archive).with_context(doing)?;
    let length = file.metadata().with_context(doing)?.len();
    let left = MOST_BYTES.min((length * MOST_GROWTH).max(SMALL));
    DirBuilder::new().mode(0o755).create(folder).with_context(doing)?;
    let mut tree = Tree { folder, left, files: BTreeSet::new(), folders: BTreeSet::new() };
    match packing {
        Packing::TarGz => take_tar(file, &mut tree).with_context(doing),
        Packing::Zip => take_zip(file, &mut tree).with_context(doing),
    }
}

fn take_tar(file: File, tree: &mut Tree<'_>) -> anyhow::Result<()> {
    use tar::EntryType;
    // What pads it, or is packed behind it, is bounded as well.
    let most = tree.left + (1 << 20) + MOST_ENTRIES as u64 * 4096;
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(file)).take(most));
    let mut told = Told::default();
    // As it is: what an entry says of the next one would else be read whole, however long it is.
    for entry in archive.entries().context("it is no archive")?.raw(true) {
        let mut entry = entry.context(DAMAGED)?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => {
                told.name = Some(until_zero(words_of(&mut entry)?));
                continue;
            }
            EntryType::GNULongLink => {
                told.target = Some(until_zero(words_of(&mut entry)?));
                continue;
            }
            EntryType::XHeader => {
                told.read(&words_of(&mut entry)?)?;
                continue;
            }
            // Of all that follow, and of nothing that matters here.
            EntryType::XGlobalHeader => continue,
            _ => {}
        }
        let told = std::mem::take(&mut told);
        let path = path_of(told.name.as_deref().unwrap_or(&entry.path_bytes()))?;
        let header = entry.header();
        let size = header.entry_size().context(DAMAGED)?;
        ensure!(told.size.is_none_or(|it| it == size), "`{}` has two sizes", path.display());
        let mode = header.mode().unwrap_or_default();
        match kind {
            EntryType::Regular | EntryType::Continuous => tree.file(&path, mode, &mut entry)?,
            EntryType::Directory => tree.folder(&path)?,
            EntryType::Symlink => {
                let target = told.target.or_else(|| Some(entry.link_name_bytes()?.into_owned()));
                tree.link(&path, &path_of_link(&target.unwrap_or_default())?)?;
            }
            kind => bail!("`{}` is {}", path.display(), kind_of(kind)),
        }
    }
    ensure!(told == Told::default(), DAMAGED);
    // Behind the end there is the checksum, which says whether all came as it was packed.
    io::copy(&mut archive.into_inner(), &mut io::sink()).context(DAMAGED)?;
    ensure!(!tree.files.is_empty(), "it is empty");
    Ok(())
}

/// What is said of the next entry before it comes.
#[derive(Default, PartialEq)]
struct Told {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Told {
    fn read(&mut self, words: &[u8]) -> anyhow::Result<()> {
        for word in tar::PaxExtensions::new(words) {
            let word = word.context(DAMAGED)?;
            let value = word.value_bytes();
            match word.key_bytes() {
                b"path" => self.name = Some(value.to_owned()),
                b"linkpath" => self.target = Some(value.to_owned()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|it| it.parse().ok());
                    self.size = Some(size.context(DAMAGED)?);
                }
                // Files with holes are spelt in many ways, and no engine has one.
                key if key.starts_with(b"GNU.sparse") => bail!("a file in it has holes"),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The content of an entry that speaks of the next one.
fn words_of(entry: &mut dyn Read) -> anyhow::Result<Vec<u8>> {
    let mut words = Vec::new();
    entry.take(LONGEST_WORDS + 1).read_to_end(&mut words).context(DAMAGED)?;
    ensure!(words.len() as u64 <= LONGEST_WORDS, "what it says of a file is far too long");
    Ok(words)
}

fn until_zero(mut words: Vec<u8>) -> Vec<u8> {
    words.truncate(words.iter().position(|it| *it == 0).unwrap_or(words.len()));
    words
}

fn take_zip(file: File, tree: &mut Tree<'_>) -> anyhow::Result<()> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).context(DAMAGED)?;
    ensure!(archive.len() <= MOST_ENTRIES, "it has more than {MOST_ENTRIES} files");
    for nth in 0..archive.len() {
        let mut entry = archive.by_index(nth).context(DAMAGED)?;
        let path = path_of(entry.name_raw())?;
        let mode = entry.unix_mode().unwrap_or(0o644);
        if entry.is_symlink() {
            let mut target = Vec::new();
            (&mut entry).take(LONGEST_NAME as u64 + 1).read_to_end(&mut target)?;
            tree.link(&path, &path_of_link(&target)?)?;
        } else if entry.is_dir() {
            tree.folder(&path)?;
        } else {
            tree.file(&path, mode, &mut entry)?;
        }
    }
    ensure!(!tree.files.is_empty(), "it is empty");
    Ok(())
}

/// What was written so far, and how much more may be.
struct Tree<'a> {
    folder: &'a Path,
    left: u64,
    /// Files and links.
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

impl Tree<'_> {
    fn folder(&mut self, path: &Path) -> anyhow::Result<()> {
        self.count()?;
        for part in path
            .ancestors()
            .filter(|it| !it.as_os_str().is_empty())
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            // Through a link, or into a file, nothing is put.
            ensure!(!self.files.contains(part), "`{}` is there twice", part.display());
            if self.folders.insert(part.to_owned()) {
                let made = DirBuilder::new().mode(0o755).create(self.folder.join(part));
                made.with_context(|| format!("cannot make `{}`", part.display()))?;
            }
        }
        Ok(())
    }

    /// Makes the folder of a file or link, which must be new.
    fn parent(&mut self, path: &Path) -> anyhow::Result<()> {
        ensure!(path.file_name().is_some(), "a file has no name");
        ensure!(
            !self.folders.contains(path) && self.files.insert(path.to_owned()),
            "`{}` is there twice",
            path.display()
        );
        self.folder(path.parent().unwrap_or(Path::new("")))
    }

    fn file(&mut self, path: &Path, mode: u32, bytes: &mut dyn Read) -> anyhow::Result<()> {
        ensure!(mode & 0o7000 == 0, "`{}` would run with the rights of another", path.display());
        self.parent(path)?;
        // Of its rights only this is taken over: whether it is run.
        let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
        let doing = || format!("cannot write `{}`", path.display());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(self.folder.join(path))
            .with_context(doing)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = match bytes.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(err) => return Err(err).context(DAMAGED),
            };
            let left = self.left.checked_sub(length as u64);
            self.left = left.context("it is far larger than such an archive can be")?;
            file.write_all(&buffer[..length]).with_context(doing)?;
        }
    }

    /// The folder of a link is a real one, so steps up from there are what they seem; behind another
    /// link they would not be, and so `..` may only come first.
    fn link(&mut self, path: &Path, target: &Path) -> anyhow::Result<()> {
        let depth = path.components().count().saturating_sub(1);
        let up = target.components().take_while(|it| *it == Component::ParentDir).count();
        let is_down = |it: Component<'_>| matches!(it, Component::Normal(_) | Component::CurDir);
        let leads_down = target.components().skip(up).all(is_down);
        ensure!(up <= depth && leads_down, "the link `{}` leads out of it", path.display());
        self.parent(path)?;
        let made = std::os::unix::fs::symlink(target, self.folder.join(path));
        made.with_context(|| format!("cannot make the link `{}`", path.display()))
    }

    fn count(&self) -> anyhow::Result<()> {
        let entries = self.files.len() + self.folders.len();
        ensure!(entries <= MOST_ENTRIES, "it has more than {MOST_ENTRIES} files");
        Ok(())
    }
}

/// A name that stays beneath the folder it is put into.
fn path_of(name: &[u8]) -> anyhow::Result<PathBuf> {
    let mut path = PathBuf::new();
    for part in named(name)?.components() {
        match part {
            Component::Normal(it) => path.push(it),
            Component::CurDir => {}
            _ => bail!("`{}` would be put outside", String::from_utf8_lossy(name)),
        }
    }
    Ok(path)
}

fn path_of_link(target: &[u8]) -> anyhow::Result<PathBuf> {
    let path = named(target)?.to_owned();
    ensure!(!path.as_os_str().is_empty(), "a link leads nowhere");
    Ok(path)
}

fn named(bytes: &[u8]) -> anyhow::Result<&Path> {
    let text = std::str::from_utf8(bytes).ok().filter(|it| !it.contains(['\0', '\\', '\n']));
    let text = text.filter(|it| it.len() <= LONGEST_NAME);
    text.map(Path::new).context("a name in it is none")
}

fn kind_of(kind: tar::EntryType) -> &'static str {
    use tar::EntryType;
    match kind {
        EntryType::Link => "a hard link",
        EntryType::Fifo => "a pipe",
        EntryType::Char | EntryType::Block => "a device",
        _ => "of no kind that an engine has",
    }
}

fn file_name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

#[cfg(test)]
mod tests;
