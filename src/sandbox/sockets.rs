//! Services of this machine that are reached by a file: a network of one's own does not part a
//! command from them, and that the file cannot be written to does not either.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// The socket files that somebody can be spoken to by now.
pub(crate) fn listening() -> Vec<PathBuf> {
    let told = std::fs::read("/proc/net/unix").unwrap_or_default();
    let mut found = parse(&String::from_utf8_lossy(&told));
    found.retain(|it| {
        // It may be the file of another root, or gone.
        let real = it.canonicalize();
        let kind = it.symlink_metadata().map(|it| it.file_type());
        kind.is_ok_and(|it| it.is_socket()) && real.is_ok_and(|real| real == *it)
    });
    found
}

/// The absolute paths of sockets that somebody listens at or takes datagrams by, each once. A
/// listening socket has the flag `00010000`; one for datagrams never listens.
fn parse(table: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> = table
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (flags, kind) = (words.nth(3)?, words.next()?);
            let path = line.find(" /").map(|it| Path::new(&line[it + 1..]))?;
            (flags == "00010000" || kind == "0002").then(|| path.to_owned())
        })
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_at_a_file_is_found() {
        let table = "\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 17001 /run/systemd/private
0000000000000000: 00000003 00000000 00000000 0001 03 17002 /run/connected
0000000000000000: 00000002 00000000 00000000 0002 01 17007 /run/log
0000000000000000: 00000002 00000000 00010000 0001 01 17003 @abstract
0000000000000000: 00000002 00000000 00010000 0001 01 17004 /srv/with space.sock
0000000000000000: 00000002 00000000 00010000 0001 01 17005 /run/systemd/private
0000000000000000: 00000002 00000000 00010000 0005 01 17006
";
        let expected =
            ["/run/log", "/run/systemd/private", "/srv/with space.sock"].map(PathBuf::from);
        assert_eq!(parse(table), expected);
    }
}
