//! Archives in a shorthand, and what becomes of them.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use expect_test::{Expect, expect};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

/// A line an entry: `NAME MODE`, `NAME -> TARGET`, `NAME => TARGET` (a hard link), `NAME/`,
/// `NAME fifo`, `NAME device`, `NAME zeros N`.
fn tar_of(lines: &[&str]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for line in lines {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let (word, argument) = (words.next().unwrap_or("644"), words.next());
        let (kind, mode, content) = match word {
            "->" => (tar::EntryType::Symlink, 0o777, Vec::new()),
            "=>" => (tar::EntryType::Link, 0o644, Vec::new()),
            "fifo" => (tar::EntryType::Fifo, 0o644, Vec::new()),
            "device" => (tar::EntryType::Block, 0o644, Vec::new()),
            "zeros" => {
                (tar::EntryType::Regular, 0o644, vec![0; argument.unwrap().parse().unwrap()])
            }
            _ if name.ends_with('/') => (tar::EntryType::Directory, 0o755, Vec::new()),
            mode => (tar::EntryType::Regular, u32::from_str_radix(mode, 8).unwrap(), name.into()),
        };
        let mut header = tar::Header::new_gnu();
        // Past what the writer checks: it would not write what an attacker does.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        if let ("->" | "=>", Some(target)) = (word, argument) {
            header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        }
        header.set_cksum();
        tar.append(&header, &*content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// What is there afterwards, or why it is refused.
fn told(bytes: &[u8], packing: Packing) -> String {
    let temp = tempfile::tempdir().unwrap();
    let archive = temp.path().join("x.archive");
    std::fs::write(&archive, bytes).unwrap();
    let folder = temp.path().join("folder");
    let unpacked = unpack(&archive, packing, &folder);
    // Whatever comes of it, beside the folder nothing is written.
    let mut beside: Vec<_> = names(temp.path());
    beside.retain(|it| it != "x.archive" && it != "folder");
    assert_eq!(beside, [""; 0]);
    match unpacked {
        Ok(()) => listed(&folder, Path::new("")),
        Err(err) => format!("{err:#}").replace("cannot unpack `x.archive`: ", ""),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn listed(root: &Path, path: &Path) -> String {
    let mut lines = String::new();
    for name in names(&root.join(path)) {
        let path = path.join(name);
        let metadata = root.join(&path).symlink_metadata().unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_dir() {
            lines += &format!("{}/\n{}", path.display(), listed(root, &path));
        } else if metadata.is_symlink() {
            let target = std::fs::read_link(root.join(&path)).unwrap();
            lines += &format!("{} -> {}\n", path.display(), target.display());
        } else {
            lines += &format!("{} {mode:o}\n", path.display());
        }
    }
    lines
}

#[track_caller]
fn check(lines: &[&str], expected: Expect) {
    expected.assert_eq(&told(&tar_of(lines), Packing::TarGz));
}

/// Each alone, beside an honest file.
#[track_caller]
fn check_each(lines: &[&str], expected: Expect) {
    let each = lines
        .iter()
        .map(|it| format!("{it}: {}\n", told(&tar_of(&["a/b", it]), Packing::TarGz).trim_end()));
    expected.assert_eq(&each.collect::<String>());
}

#[test]
fn an_engine_is_unpacked_with_its_links() {
    check(
        &[
            "llama-b1/",
            "llama-b1/llama-server 755",
            "llama-b1/libllama.so -> libllama.so.0",
            "llama-b1/libllama.so.0 775",
            "./llama-b1/LICENSE 600",
            "llama-b1/lib/libx.so -> ../libllama.so.0",
        ],
        expect![[r#"
            llama-b1/
            llama-b1/LICENSE 644
            llama-b1/lib/
            llama-b1/lib/libx.so -> ../libllama.so.0
            llama-b1/libllama.so -> libllama.so.0
            llama-b1/libllama.so.0 755
            llama-b1/llama-server 755
        "#]],
    );
}

#[test]
fn nothing_leads_out() {
    check_each(
        &[
            "/etc/passwd",
            "../evil",
            "a/../../evil",
            "a/..",
            "link -> /etc/passwd",
            "link -> ../../outside",
            "a/link -> ../..",
            "a/link -> b/../../../x",
            "hard => a/b",
            "hard => /etc/passwd",
            "pipe fifo",
            "disk device",
            "suid 4755",
            "sticky 1644",
            "back\\slash",
        ],
        expect![[r#"
            /etc/passwd: `/etc/passwd` would be put outside
            ../evil: `../evil` would be put outside
            a/../../evil: `a/../../evil` would be put outside
            a/..: `a/..` would be put outside
            link -> /etc/passwd: the link `link` leads out of it
            link -> ../../outside: the link `link` leads out of it
            a/link -> ../..: the link `a/link` leads out of it
            a/link -> b/../../../x: the link `a/link` leads out of it
            hard => a/b: `hard` is a hard link
            hard => /etc/passwd: `hard` is a hard link
            pipe fifo: `pipe` is a pipe
            disk device: `disk` is a device
            suid 4755: `suid` would run with the rights of another
            sticky 1644: `sticky` would run with the rights of another
            back\slash: a name in it is none
        "#]],
    );
}

#[test]
fn nothing_goes_through_a_link() {
    check(&["d -> .", "d/x"], expect!["`d` is there twice"]);
    check(&["a/b -> c", "a/b"], expect!["`a/b` is there twice"]);
    check(&["a/c/", "a/b -> c", "a/b/evil"], expect!["`a/b` is there twice"]);
    check(&["d -> .", "d/"], expect!["`d` is there twice"]);
    // Lexically within, and yet outside once the first link is followed.
    check(
        &["a/b/c/", "up -> a/b/c", "out -> up/../../../../x"],
        expect!["the link `out` leads out of it"],
    );
}

#[test]
fn nothing_is_there_twice() {
    check(&["a", "a"], expect!["`a` is there twice"]);
    check(&["a", "./a"], expect!["`a` is there twice"]);
    check(&["a/", "a"], expect!["`a` is there twice"]);
    check(&["a", "a/b"], expect!["`a` is there twice"]);
    check(
        &["a/", "a/", "a/b"],
        expect![[r#"
        a/
        a/b 644
    "#]],
    );
}

#[test]
fn a_bomb_is_noticed_before_the_disk_is_full() {
    let size = 64 << 20;
    check(
        &["a/b", &format!("zeros zeros {size}")],
        expect!["it is far larger than such an archive can be"],
    );
}

fn built(add: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    add(&mut tar);
    tar.into_inner().unwrap().finish().unwrap()
}

fn add(tar: &mut tar::Builder<GzEncoder<Vec<u8>>>, kind: tar::EntryType, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_path("short").unwrap();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

#[test]
fn a_long_name_may_be_told_before_its_file() {
    use tar::EntryType;
    let (name, target) = ("d/".repeat(80) + "f", "t".repeat(120));
    let gnu = built(|tar| {
        add(tar, EntryType::GNULongName, format!("{name}\0").as_bytes());
        add(tar, EntryType::Regular, b"x");
        add(tar, EntryType::GNULongLink, target.as_bytes());
        add(tar, EntryType::Symlink, b"");
    });
    let pax = built(|tar| {
        tar.append_pax_extensions([("mtime", &b"1"[..]), ("path", name.as_bytes())]).unwrap();
        add(tar, EntryType::Regular, b"x");
        tar.append_pax_extensions([("linkpath", target.as_bytes())]).unwrap();
        add(tar, EntryType::Symlink, b"");
    });
    let told = [gnu, pax].map(|it| told(&it, Packing::TarGz));
    assert!(told[0].contains(&format!("{name} 644")), "{}", told[0]);
    assert!(told[0].contains(&format!("short -> {target}")), "{}", told[0]);
    assert_eq!(told[0], told[1]);
}

#[test]
fn what_is_told_of_a_file_before_it_comes_is_bounded() {
    use tar::EntryType;
    let long = vec![b'1'; usize::try_from(LONGEST_WORDS).unwrap() + 1];
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        let bytes = built(|tar| {
            add(tar, kind, &long);
            add(tar, EntryType::Regular, b"x");
        });
        expect!["what it says of a file is far too long"].assert_eq(&told(&bytes, Packing::TarGz));
    }
    let sizes = built(|tar| {
        tar.append_pax_extensions([("size", &b"512"[..])]).unwrap();
        add(tar, EntryType::Regular, b"x");
    });
    expect!["`short` has two sizes"].assert_eq(&told(&sizes, Packing::TarGz));
    let last = built(|tar| {
        add(tar, EntryType::Regular, b"x");
        add(tar, EntryType::GNULongName, b"of none");
    });
    expect!["it is damaged, or cut off"].assert_eq(&told(&last, Packing::TarGz));
}

#[test]
fn more_files_than_any_engine_has_are_refused() {
    let names: Vec<_> = (0..=MOST_ENTRIES).map(|it| it.to_string()).collect();
    check(
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
        expect!["it has more than 20000 files"],
    );
}

#[test]
fn what_is_cut_off_or_damaged_is_refused() {
    let whole = tar_of(&["llama-b1/llama-server 755", "llama-b1/b", "llama-b1/noise zeros 5000"]);
    for at in 0..whole.len() {
        let told = told(&whole[..at], Packing::TarGz);
        assert!(told.starts_with("it is "), "cut at {at}: {told}");
    }
    let mut flipped = whole.clone();
    let last = flipped.len() - 6;
    flipped[last] ^= 1;
    expect!["it is damaged, or cut off: corrupt gzip stream does not have a matching checksum"]
        .assert_eq(&told(&flipped, Packing::TarGz));
    expect!["it is damaged, or cut off: unexpected end of file"]
        .assert_eq(&told(b"<html>", Packing::TarGz));
    expect!["it is empty"].assert_eq(&told(&tar_of(&[]), Packing::TarGz));
}

/// A line an entry, as above.
fn zip_of(lines: &[&str]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for line in lines {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let options = zip::write::SimpleFileOptions::default();
        match (words.next().unwrap_or("644"), words.next()) {
            ("->", Some(target)) => zip.add_symlink(name, target, options).unwrap(),
            ("zeros", Some(size)) => {
                zip.start_file(name, options).unwrap();
                zip.write_all(&vec![0; size.parse().unwrap()]).unwrap();
            }
            (mode, _) => {
                let mode = u32::from_str_radix(mode, 8).unwrap();
                zip.start_file(name, options.unix_permissions(mode)).unwrap();
                zip.write_all(name.as_bytes()).unwrap();
            }
        }
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn the_same_holds_for_zip() {
    let told = |lines: &[&str]| told(&zip_of(lines), Packing::Zip);
    expect![[r#"
        LICENSE 644
        bin/
        bin/llama-server 755
        bin/x -> llama-server
    "#]]
    .assert_eq(&told(&["bin/llama-server 755", "bin/x -> llama-server", "LICENSE"]));
    expect!["`../evil` would be put outside"].assert_eq(&told(&["../evil"]));
    expect!["`/evil` would be put outside"].assert_eq(&told(&["/evil"]));
    expect!["the link `x` leads out of it"].assert_eq(&told(&["x -> ../evil"]));
    expect!["`d` is there twice"].assert_eq(&told(&["d -> .", "d/x"]));
    expect!["it is far larger than such an archive can be"]
        .assert_eq(&told(&["a", "zeros zeros 67108864"]));
    let whole = zip_of(&["a", "b"]);
    expect!["it is damaged, or cut off: invalid Zip archive: Unexpected end of zip::format::blocks::Zip32CDEBlock"].assert_eq(&super::tests::told(&whole[..whole.len() - 10], Packing::Zip));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_write_beside(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        told(&bytes, Packing::TarGz);
        told(&bytes, Packing::Zip);
    }

    #[test]
    fn a_flipped_byte_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let whole = tar_of(&["llama-b1/llama-server 755", "llama-b1/x -> llama-server"]);
        let mut flipped = whole.clone();
        let at = at.index(flipped.len());
        flipped[at] ^= 1 << bit;
        let (before, after) = (told(&whole, Packing::TarGz), told(&flipped, Packing::TarGz));
        // The head of gzip has a time and a name that mean nothing.
        prop_assert!(after.starts_with("it is ") || after == before, "{at}: {after}");
    }
}
