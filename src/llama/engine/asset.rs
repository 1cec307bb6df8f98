//! One file of a release, known by its name alone: for which system, processor and device it was built.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What computes.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Backend {
    /// The processor
    Cpu,
    /// Any graphics card with a Vulkan driver
    Vulkan,
    /// Graphics cards by NVIDIA
    Cuda,
    /// Graphics cards by AMD
    Rocm,
    /// The graphics of a Mac
    Metal,
    /// Graphics by Intel
    Sycl,
    /// Processors, graphics and NPUs by Intel
    Openvino,
}

impl Backend {
    fn known(word: &str) -> Option<Self> {
        Some(match word {
            "cpu" => Self::Cpu,
            "vulkan" => Self::Vulkan,
            "cuda" => Self::Cuda,
            "rocm" | "hip" => Self::Rocm,
            "sycl" => Self::Sycl,
            "openvino" => Self::Openvino,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Vulkan => "vulkan",
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
            Self::Metal => "metal",
            Self::Sycl => "sycl",
            Self::Openvino => "openvino",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Os {
    Linux,
    Mac,
    Windows,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Arch {
    X64,
    Arm64,
    S390x,
}

/// How its files are packed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Packing {
    TarGz,
    Zip,
}

/// What a name says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Made {
    pub(crate) os: Os,
    pub(crate) arch: Arch,
    pub(crate) backend: Backend,
    /// Of the backend's own libraries, such as 13.4; the labels change from release to release.
    pub(crate) version: Vec<u32>,
    /// What is said besides, such as `fp16`.
    pub(crate) variant: Option<String>,
    /// Holds the libraries of the backend, and no programs.
    pub(crate) is_runtime: bool,
    pub(crate) packing: Packing,
}

impl Made {
    /// Understands `llama-b11669-bin-ubuntu-cuda-13.4-x64.tar.gz` and its kin; `None` for whatever else
    /// lies in a release.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (stem, packing) = match (name.strip_suffix(".tar.gz"), name.strip_suffix(".zip")) {
            (Some(stem), _) => (stem, Packing::TarGz),
            (_, Some(stem)) => (stem, Packing::Zip),
            _ => return None,
        };
        let (before, target) = stem.split_once("-bin-")?;
        let is_runtime = before.starts_with("cudart-");
        let before = before.strip_prefix("cudart-").unwrap_or(before);
        if before != "llama" && build_of(before.strip_prefix("llama-")?).is_none() {
            return None;
        }
        let mut words = target.split('-');
        let os = match words.next()? {
            "ubuntu" | "linux" => Os::Linux,
            "macos" => Os::Mac,
            "win" => Os::Windows,
            _ => return None,
        };
        let arch = match words.next_back()? {
            "x64" => Arch::X64,
            "arm64" => Arch::Arm64,
            "s390x" => Arch::S390x,
            _ => return None,
        };
        let backend = match (words.next(), os, arch) {
            (Some(word), _, _) => Backend::known(word)?,
            (None, Os::Mac, Arch::Arm64) => Backend::Metal,
            (None, _, _) => Backend::Cpu,
        };
        let (mut version, mut variant) = (Vec::new(), None);
        for word in words {
            match numbers(word) {
                Some(numbers) if version.is_empty() => version = numbers,
                _ if variant.is_none() => variant = Some(word.to_owned()),
                _ => return None,
            }
        }
        Some(Self { os, arch, backend, version, variant, is_runtime, packing })
    }
}

/// The number of a build, from a tag such as `b11669`.
pub(crate) fn build_of(tag: &str) -> Option<u32> {
    let digits = tag.strip_prefix('b')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

fn numbers(word: &str) -> Option<Vec<u32>> {
    word.split('.').map(|it| it.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: Expect) {
        let line = |name: &&str| match Made::parse(name) {
            Some(it) => format!(
                "{:?} {:?} {} {:?} {}{}{:?}\n",
                it.os,
                it.arch,
                it.backend,
                it.version,
                it.variant.map(|it| it + " ").unwrap_or_default(),
                if it.is_runtime { "runtime " } else { "" },
                it.packing
            ),
            None => format!("({name})\n"),
        };
        expected.assert_eq(&names.iter().map(line).collect::<String>());
    }

    #[test]
    fn the_name_says_for_what_it_was_built() {
        check(
            &[
                "llama-b11669-bin-ubuntu-x64.tar.gz",
                "llama-b11669-bin-ubuntu-vulkan-arm64.tar.gz",
                "llama-b11669-bin-ubuntu-cuda-13.4-x64.tar.gz",
                "cudart-llama-b11669-bin-ubuntu-cuda-13.4-x64.tar.gz",
                "cudart-llama-bin-win-cuda-13.4-x64.zip",
                "llama-b11669-bin-ubuntu-rocm-10.0-x64.tar.gz",
                "llama-b11669-bin-ubuntu-sycl-fp16-x64.tar.gz",
                "llama-b11669-bin-ubuntu-openvino-2026.4.1-x64.tar.gz",
                "llama-b11669-bin-macos-arm64.tar.gz",
                "llama-b11669-bin-macos-x64.tar.gz",
                "llama-b11669-bin-win-cpu-arm64.zip",
                "llama-b4000-bin-ubuntu-x64.zip",
            ],
            expect![[r#"
                Linux X64 cpu [] TarGz
                Linux Arm64 vulkan [] TarGz
                Linux X64 cuda [13, 4] TarGz
                Linux X64 cuda [13, 4] runtime TarGz
                Windows X64 cuda [13, 4] runtime Zip
                Linux X64 rocm [10, 0] TarGz
                Linux X64 sycl [] fp16 TarGz
                Linux X64 openvino [2026, 4, 1] TarGz
                Mac Arm64 metal [] TarGz
                Mac X64 cpu [] TarGz
                Windows Arm64 cpu [] Zip
                Linux X64 cpu [] Zip
            "#]],
        );
    }

    #[test]
    fn what_is_for_nobody_here_is_passed_over() {
        check(
            &[
                "nightly-tag.txt",
                "llama-b11669-xcframework.zip",
                "llama-b11669-ui.tar.gz",
                "llama-b11669-bin-linux-arm64-snapdragon.tar.gz",
                "llama-b11669-bin-android-arm64.tar.gz",
                "llama-b11669-bin-ubuntu-quantum-x64.tar.gz",
                "llama-bx-bin-ubuntu-x64.tar.gz",
                "evil-b1-bin-ubuntu-x64.tar.gz",
                "llama-b11669-bin-ubuntu-x64.tar.gz.sig",
                "llama-b11669-bin-.tar.gz",
                "-bin-ubuntu-x64.zip",
            ],
            expect![[r#"
                (nightly-tag.txt)
                (llama-b11669-xcframework.zip)
                (llama-b11669-ui.tar.gz)
                (llama-b11669-bin-linux-arm64-snapdragon.tar.gz)
                (llama-b11669-bin-android-arm64.tar.gz)
                (llama-b11669-bin-ubuntu-quantum-x64.tar.gz)
                (llama-bx-bin-ubuntu-x64.tar.gz)
                (evil-b1-bin-ubuntu-x64.tar.gz)
                (llama-b11669-bin-ubuntu-x64.tar.gz.sig)
                (llama-b11669-bin-.tar.gz)
                (-bin-ubuntu-x64.zip)
            "#]],
        );
    }

    #[test]
    fn only_b_and_a_number_is_a_build() {
        let builds = ["b11669", "b0", "b", "11669", "v0.7.0", "b-1", "b99999999999", "b+1"];
        let builds = builds.map(build_of);
        assert_eq!(builds, [Some(11669), Some(0), None, None, None, None, None, None]);
    }
}
