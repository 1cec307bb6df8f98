//! What this machine has to compute with, found out by reading files: nothing is started for it.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::llama::engine::asset::{Arch, Os};

/// Plain data, so that any machine can be put on paper in a test.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Machine {
    /// `None` where nobody publishes engines for it.
    pub(crate) os: Option<Os>,
    pub(crate) arch: Option<Arch>,
    pub(crate) libc: Libc,
    /// The version of NVIDIA's driver.
    pub(crate) nvidia: Option<Vec<u32>>,
    /// Vendors of the graphics cards there are.
    pub(crate) cards: Vec<Vendor>,
    /// The library that finds Vulkan drivers is there.
    pub(crate) has_vulkan: bool,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Vendor {
    Amd,
    Intel,
    Nvidia,
    Other,
}

/// The C library that programs find here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Libc {
    Glibc(u32, u32),
    Musl,
    /// Not asked for on this system, or not found where it usually is.
    Unknown,
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd => "AMD",
            Self::Intel => "Intel",
            Self::Nvidia => "NVIDIA",
            Self::Other => "another maker",
        })
    }
}

/// Where libraries are, on the systems we know.
const LIBRARIES: &[&str] = &[
    "lib64",
    "usr/lib64",
    "lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "lib/s390x-linux-gnu",
    "usr/lib/s390x-linux-gnu",
    "lib",
    "usr/lib",
    "usr/local/lib",
    "run/opengl-driver/lib",
];

/// A library says its version in its first few megabytes, or not at all.
const LONGEST_LIBRARY: u64 = 8 << 20;

impl Machine {
    /// Looks at the machine whose files lie beneath `root`.
    pub(crate) fn look(root: &Path) -> Self {
        let os = match std::env::consts::OS {
            "linux" => Some(Os::Linux),
            "macos" => Some(Os::Mac),
            _ => None,
        };
        let arch = match std::env::consts::ARCH {
            "x86_64" => Some(Arch::X64),
            "aarch64" => Some(Arch::Arm64),
            "s390x" => Some(Arch::S390x),
            _ => None,
        };
        let libc = if os == Some(Os::Linux) { libc(root) } else { Libc::Unknown };
        let folders = || LIBRARIES.iter().map(|it| root.join(it));
        Self {
            os,
            arch,
            libc,
            nvidia: nvidia(root),
            cards: cards(root),
            has_vulkan: folders().any(|it| it.join("libvulkan.so.1").exists()),
        }
    }

    /// What it computes with, in a few words.
    pub(crate) fn graphics(&self) -> String {
        let mut words: Vec<_> = self.cards.iter().map(Vendor::to_string).collect();
        if let Some(driver) = &self.nvidia {
            words.push(format!("NVIDIA driver {}", dotted(driver)));
        }
        words.push(if self.has_vulkan { "Vulkan" } else { "no Vulkan" }.to_owned());
        if self.cards.is_empty() && self.nvidia.is_none() {
            words.insert(0, "no graphics card found".to_owned());
        }
        words.join(", ")
    }
}

pub(super) fn dotted(version: &[u32]) -> String {
    version.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// The version of the driver, as the kernel says it.
fn nvidia(root: &Path) -> Option<Vec<u32>> {
    let text = read_start(&root.join("proc/driver/nvidia/version"), 4096)?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|it| it.starts_with("NVRM version"))?;
    line.split_whitespace().find_map(|word| {
        let numbers: Option<Vec<u32>> = word.split('.').map(|it| it.parse().ok()).collect();
        numbers.filter(|it| 2 <= it.len())
    })
}

fn cards(root: &Path) -> Vec<Vendor> {
    let entries = std::fs::read_dir(root.join("sys/class/drm")).into_iter().flatten().flatten();
    let is_card =
        |name: &str| name.strip_prefix("renderD").is_some_and(|it| it.parse::<u32>().is_ok());
    let nodes = entries.filter(|it| it.file_name().to_str().is_some_and(is_card));
    let vendor = |node: PathBuf| {
        let id = read_start(&node.join("device/vendor"), 64)?;
        Some(match String::from_utf8_lossy(&id).trim() {
            "0x1002" => Vendor::Amd,
            "0x8086" => Vendor::Intel,
            "0x10de" => Vendor::Nvidia,
            _ => Vendor::Other,
        })
    };
    let mut found: Vec<_> = nodes.filter_map(|it| vendor(it.path())).collect();
    found.sort();
    found.dedup();
    found
}

/// Which C library there is. The loader of glibc says its version in words, and where it does not,
/// the library itself does.
fn libc(root: &Path) -> Libc {
    let folders = || LIBRARIES.iter().map(|it| root.join(it));
    let loaders = ["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "ld64.so.1", "libc.so.6"];
    for name in loaders {
        let said = folders().filter_map(|it| read_start(&it.join(name), LONGEST_LIBRARY));
        if let Some((major, minor)) = said.filter_map(|it| release_in(&it)).next() {
            return Libc::Glibc(major, minor);
        }
    }
    let is_musl = |it: PathBuf| {
        let names = std::fs::read_dir(it).into_iter().flatten().flatten();
        names.map(|it| it.file_name()).any(|it| it.to_string_lossy().starts_with("ld-musl-"))
    };
    if folders().any(is_musl) { Libc::Musl } else { Libc::Unknown }
}

/// `2.36` in `… stable release version 2.36.`
fn release_in(library: &[u8]) -> Option<(u32, u32)> {
    let sign = b"release version ";
    let at = memchr::memmem::find(library, sign)? + sign.len();
    let rest = &library[at..library.len().min(at + 16)];
    let text = String::from_utf8_lossy(rest);
    let mut numbers = text.split(|it: char| !it.is_ascii_digit()).map(|it| it.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn read_start(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Looks at a machine that has these files.
    #[track_caller]
    fn check(files: &[(&str, &str)], expected: Expect) {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let it = Machine::look(root.path());
        let libc = libc(root.path());
        expected.assert_eq(&format!("{libc:?}; {}", it.graphics()));
    }

    #[test]
    fn the_loader_says_which_glibc_it_is() {
        check(
            &[(
                "lib64/ld-linux-x86-64.so.2",
                "\0ld.so (Debian GLIBC 2.36-9) stable release version 2.36.\n\0",
            )],
            expect!["Glibc(2, 36); no graphics card found, no Vulkan"],
        );
        check(
            &[
                ("lib64/ld-linux-x86-64.so.2", "\0says nothing"),
                (
                    "usr/lib64/libc.so.6",
                    "GNU C Library (GNU libc) development release version 2.40.9000.",
                ),
            ],
            expect!["Glibc(2, 40); no graphics card found, no Vulkan"],
        );
    }

    #[test]
    fn musl_is_known_by_its_loader() {
        check(
            &[("lib/ld-musl-x86_64.so.1", "")],
            expect!["Musl; no graphics card found, no Vulkan"],
        );
        check(&[], expect!["Unknown; no graphics card found, no Vulkan"]);
    }

    #[test]
    fn cards_drivers_and_vulkan_are_found_by_their_files() {
        check(
            &[
                (
                    "proc/driver/nvidia/version",
                    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (x@y)  Sun Jul 27\nGCC version: gcc 13.3.0\n",
                ),
                ("sys/class/drm/renderD128/device/vendor", "0x10de\n"),
                ("sys/class/drm/renderD129/device/vendor", "0x8086\n"),
                ("sys/class/drm/card0/device/vendor", "0x1002\n"),
                ("usr/lib/x86_64-linux-gnu/libvulkan.so.1", ""),
            ],
            expect!["Unknown; Intel, NVIDIA, NVIDIA driver 580.65.6, Vulkan"],
        );
        check(
            &[("sys/class/drm/renderD128/device/vendor", "0x1002\n")],
            expect!["Unknown; AMD, no Vulkan"],
        );
    }

    #[test]
    fn odd_files_are_no_cards_and_no_drivers() {
        check(
            &[
                ("proc/driver/nvidia/version", "NVRM version: none"),
                ("sys/class/drm/renderDx/device/vendor", "0x10de"),
                ("sys/class/drm/renderD128/other", ""),
            ],
            expect!["Unknown; no graphics card found, no Vulkan"],
        );
    }
}
