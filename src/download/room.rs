//! What of the machine a download depends on: room on the disk, and since when the system runs.

use std::path::Path;

use crate::download::DownloadError;

/// Fails if `needed` bytes more do not fit into the folder.
pub(super) fn check(folder: &Path, needed: u64) -> Result<(), DownloadError> {
    // Where the system does not tell, writing will.
    let Ok(stat) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free < needed {
        return Err(DownloadError::NoRoom { path: folder.to_owned(), needed, free });
    }
    Ok(())
}

/// A name for this start of the machine. Where there is none, each process counts as one, so that
/// only synced bytes are believed by the next.
pub(super) fn boot() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    named.map_or_else(|_| format!("process {}", std::process::id()), |it| it.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_fit_is_refused_before_it_is_begun() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check(dir.path(), 1).is_ok());
        assert!(matches!(check(dir.path(), u64::MAX), Err(DownloadError::NoRoom { .. })));
    }
}
