//! Directories and files for our eyes only.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use rustix::fs::OFlags;

/// Makes `dir` if it is not there, and sees to it that only we may enter. What somebody else has
/// put in its place, be it a link to elsewhere, is refused.
pub(crate) fn make_dir(dir: &Path) -> anyhow::Result<()> {
    let name = dir.display();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the directory `{name}`"))?;
    let metadata = dir.symlink_metadata().with_context(|| format!("cannot look at `{name}`"))?;
    if !metadata.is_dir() {
        bail!("`{name}` is a link, and what is put there might end elsewhere");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        bail!("`{name}` belongs to another user");
    }
    if metadata.mode() & 0o077 != 0 {
        std::fs::set_permissions(dir, Permissions::from_mode(0o700))
            .with_context(|| format!("cannot close `{name}` to others"))?;
    }
    Ok(())
}

/// Opens an empty file that only we may read, in a directory that is made if it is not there.
pub(super) fn create_file(path: &Path) -> anyhow::Result<File> {
    let create = || -> io::Result<File> {
        if let Some(dir) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            // What is cut while somebody writes shall not leave a hole.
            .custom_flags((OFlags::NOFOLLOW | OFlags::APPEND).bits() as i32)
            .open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        Ok(file)
    };
    create().with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.symlink_metadata().unwrap().mode() & 0o777
    }

    #[test]
    fn a_directory_is_closed_to_others() {
        let temp = tempfile::tempdir().unwrap();
        let (new, open) = (temp.path().join("a/b"), temp.path().join("open"));
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        for dir in [new, open] {
            make_dir(&dir).unwrap();
            assert_eq!(mode(&dir), 0o700);
        }
    }

    /// H12.
    #[test]
    fn a_link_in_place_of_a_directory_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let link = temp.path().join("link");
        symlink("/tmp", &link).unwrap();
        let error = make_dir(&link).unwrap_err().to_string();
        assert!(error.ends_with("is a link, and what is put there might end elsewhere"), "{error}");
    }

    #[test]
    fn a_file_is_emptied_and_closed_to_others() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("logs/server.log");
        create_file(&path).unwrap();
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        create_file(&path).unwrap();
        assert_eq!((path.metadata().unwrap().len(), mode(&path)), (0, 0o600));
    }

    /// H12.
    #[test]
    fn a_link_in_place_of_a_file_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let link = temp.path().join("server.log");
        symlink(temp.path().join("victim"), &link).unwrap();
        create_file(&link).unwrap_err();
        assert!(!temp.path().join("victim").exists());
    }
}
