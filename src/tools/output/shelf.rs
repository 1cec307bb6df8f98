//! Where outputs are kept, each under an id of its own.

use std::cell::Cell;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use crate::tools::output::Spool;

/// A folder of the session, which outlives the program; or files without a name, which do not.
#[derive(Debug)]
pub(in crate::tools) struct Shelf {
    folder: Option<PathBuf>,
    /// Where a file without a name is made.
    temp: PathBuf,
    /// The number of the last id; not known before it is first wanted.
    last: Cell<Option<u32>>,
}

impl Shelf {
    pub(in crate::tools) fn new(keep: Option<PathBuf>, temp: PathBuf) -> Self {
        Self { folder: keep.map(|it| it.join("commands")), temp, last: Cell::new(None) }
    }

    /// A new file, under the next id.
    pub(in crate::tools) fn spool(&self) -> io::Result<Spool> {
        let number = self.last()? + 1;
        let id = format!("c{number}");
        let file = match &self.folder {
            None => tempfile::tempfile_in(&self.temp)?,
            Some(folder) => {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
                let mut options = OpenOptions::new();
                options.read(true).write(true).create_new(true).mode(0o600);
                options.open(folder.join(format!("{id}.txt")))?
            }
        };
        self.last.set(Some(number));
        Ok(Spool::new(id, file))
    }

    /// A file of this session from an earlier run of the program.
    pub(in crate::tools) fn find(&self, id: &str) -> Option<Spool> {
        let number = number(id)?;
        let file = File::open(self.folder.as_ref()?.join(format!("c{number}.txt"))).ok()?;
        Spool::found(id.to_owned(), file).ok()
    }

    /// Forgets the newest file.
    pub(in crate::tools) fn discard(&self, spool: Spool) {
        let number = number(spool.id());
        if let Some(folder) = &self.folder {
            // What cannot be removed takes no harm, but its id cannot be given again.
            if std::fs::remove_file(folder.join(format!("{}.txt", spool.id()))).is_err() {
                return;
            }
        }
        if number.is_some() && number == self.last.get() {
            self.last.set(number.map(|it| it - 1));
        }
    }

    fn last(&self) -> io::Result<u32> {
        if let Some(last) = self.last.get() {
            return Ok(last);
        }
        let entries = match self.folder.as_ref().map(std::fs::read_dir) {
            None => return Ok(0),
            Some(Err(err)) if err.kind() == io::ErrorKind::NotFound => return Ok(0),
            Some(entries) => entries?,
        };
        let names = entries.flatten().map(|it| it.file_name());
        let numbers = names.filter_map(|it| number(it.to_str()?.strip_suffix(".txt")?));
        Ok(numbers.max().unwrap_or_default())
    }
}

fn number(id: &str) -> Option<u32> {
    id.strip_prefix('c')?.parse().ok().filter(|it: &u32| format!("c{it}") == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_on_where_an_earlier_run_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = || Shelf::new(Some(dir.path().to_owned()), dir.path().to_owned());
        let first = shelf();
        let ids = [first.spool().unwrap(), first.spool().unwrap()].map(|it| it.id().to_owned());
        assert_eq!(ids, ["c1", "c2"]);
        let later = shelf();
        assert!(later.find("c2").is_some() && later.find("c3").is_none());
        assert!(later.find("c02").is_none() && later.find("../c2").is_none());
        let third = later.spool().unwrap();
        assert_eq!(third.id(), "c3");
        later.discard(third);
        assert_eq!(later.spool().unwrap().id(), "c3");
    }
}
