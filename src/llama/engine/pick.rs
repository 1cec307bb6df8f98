//! Which file of a release this machine should have: a pure function of the names and the machine.

use anyhow::{anyhow, bail};

use crate::llama::engine::asset::{Arch, Backend, Made, Os};
use crate::llama::engine::machine::{Libc, Machine, Vendor, dotted};

/// A file, and the one with its backend's libraries where these come apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pick<'a> {
    pub(crate) backend: Backend,
    pub(crate) name: &'a str,
    pub(crate) runtime: Option<&'a str>,
}

/// What of `names` may run here, the best first. With `wanted` there is nothing but that.
pub(crate) fn pick<'a>(
    names: &[&'a str],
    machine: &Machine,
    wanted: Option<Backend>,
) -> anyhow::Result<Vec<Pick<'a>>> {
    let (os, arch) = home(machine)?;
    let made = names.iter().filter_map(|it| Some((*it, Made::parse(it)?)));
    let ours: Vec<(&str, Made)> = made.filter(|(_, it)| it.os == os && it.arch == arch).collect();
    let order = match wanted {
        Some(backend) => vec![backend],
        None => worthwhile(machine, os, arch),
    };
    let mut hindrance = None;
    let mut picks = Vec::new();
    for backend in order {
        let mut fit: Vec<_> =
            ours.iter().filter(|(_, it)| it.backend == backend && !it.is_runtime).collect();
        fit.retain(|(_, it)| match hindered(it, machine) {
            Some(reason) => {
                hindrance = Some(reason);
                false
            }
            None => true,
        });
        // Without a driver nothing says what it can do, and whoever asked for it gets the newest.
        let best =
            fit.into_iter().max_by_key(|(name, it)| (&it.version, it.variant.is_none(), *name));
        let Some((name, best)) = best else { continue };
        let goes_with = |it: &&(&str, Made)| {
            it.1.is_runtime && it.1.backend == backend && it.1.version == best.version
        };
        let runtime = ours.iter().find(goes_with).map(|(name, _)| *name);
        picks.push(Pick { backend, name, runtime });
    }
    match (picks.is_empty(), hindrance, wanted) {
        (false, ..) => Ok(picks),
        (true, Some(reason), _) => Err(anyhow!(reason)),
        (true, None, Some(backend)) => {
            bail!("this release has nothing for `{backend}` on this machine{}", others(&ours))
        }
        (true, None, None) => {
            bail!(
                "this release has nothing for this machine\nhint: another may: `--nightly`, or `--version bN`"
            )
        }
    }
}

impl Machine {
    /// Whether anything is published for it.
    pub(crate) fn is_served(&self) -> anyhow::Result<()> {
        home(self).map(|_| ())
    }
}

/// The system and processor, if anything is published for them.
fn home(machine: &Machine) -> anyhow::Result<(Os, Arch)> {
    const BUILD: &str =
        "hint: build llama.cpp yourself, and set `llama.program` to its llama-server";
    let (Some(os), Some(arch)) = (machine.os, machine.arch) else {
        bail!("nobody publishes engines for this system or processor\n{BUILD}");
    };
    if os == Os::Linux && machine.libc == Libc::Musl {
        bail!(
            "the engines that are published need glibc, and this system has musl\n{BUILD}, or install \
             llama.cpp from your distribution"
        );
    }
    Ok((os, arch))
}

/// What is worth a try here, the best first. Whether it works is seen when it is tried.
fn worthwhile(machine: &Machine, os: Os, arch: Arch) -> Vec<Backend> {
    if os == Os::Mac {
        return match arch {
            Arch::Arm64 => vec![Backend::Metal],
            _ => vec![Backend::Cpu],
        };
    }
    let mut order = Vec::new();
    if machine.nvidia.is_some() {
        order.push(Backend::Cuda);
    }
    // ROCm runs on some of AMD's cards only, and which, no file says; Vulkan runs on all.
    if machine.has_vulkan
        && (machine.nvidia.is_some() || machine.cards.iter().any(|it| *it != Vendor::Other))
    {
        order.push(Backend::Vulkan);
    }
    order.push(Backend::Cpu);
    order
}

/// Why it cannot run here, as far as that is known beforehand.
fn hindered(made: &Made, machine: &Machine) -> Option<String> {
    if let (Libc::Glibc(major, minor), Os::Linux) = (machine.libc, made.os) {
        let (needed_major, needed_minor) = glibc_of(made);
        if (major, minor) < (needed_major, needed_minor) {
            return Some(format!(
                "the published engine needs glibc {needed_major}.{needed_minor} or newer, and this system has {major}.{minor}\n\
                 hint: build llama.cpp yourself, and set `llama.program` to its llama-server"
            ));
        }
    }
    if made.backend != Backend::Cuda {
        return None;
    }
    let driver = machine.nvidia.as_ref()?;
    let needed = driver_for(made.version.first().copied().unwrap_or_default())?;
    (driver.first().copied().unwrap_or_default() < needed).then(|| {
        format!(
            "CUDA {} needs NVIDIA's driver {needed} or newer, and this machine has {}\n\
             hint: install a newer driver, or take `--backend vulkan`",
            dotted(&made.version),
            dotted(driver)
        )
    })
}

/// The C library of the Ubuntu that it is built on.
fn glibc_of(made: &Made) -> (u32, u32) {
    match (made.arch, made.backend) {
        (Arch::X64, Backend::Cpu | Backend::Vulkan) => (2, 35),
        _ => (2, 39),
    }
}

/// The first driver that runs this CUDA. Of what comes after 13 we only know that it needs more.
fn driver_for(cuda: u32) -> Option<u32> {
    match cuda {
        0..=10 => None,
        11 => Some(450),
        12 => Some(525),
        13 => Some(580),
        _ => Some(u32::MAX),
    }
}

fn others(ours: &[(&str, Made)]) -> String {
    let mut backends: Vec<_> =
        ours.iter().filter(|it| !it.1.is_runtime).map(|it| it.1.backend).collect();
    backends.sort();
    backends.dedup();
    let names: Vec<_> = backends.iter().map(|it| it.name()).collect();
    if names.is_empty() { String::new() } else { format!("\nhint: there is {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// All that lies in a release of these days.
    const NAMES: &[&str] = &[
        "cudart-llama-b11669-bin-ubuntu-cuda-12.8-x64.tar.gz",
        "cudart-llama-b11669-bin-ubuntu-cuda-13.4-x64.tar.gz",
        "cudart-llama-b11669-bin-ubuntu-cuda-13.4-arm64.tar.gz",
        "cudart-llama-bin-win-cuda-12.4-x64.zip",
        "cudart-llama-bin-win-cuda-13.4-x64.zip",
        "llama-b11669-bin-android-arm64.tar.gz",
        "llama-b11669-bin-linux-arm64-snapdragon.tar.gz",
        "llama-b11669-bin-macos-arm64.tar.gz",
        "llama-b11669-bin-macos-x64.tar.gz",
        "llama-b11669-bin-ubuntu-arm64.tar.gz",
        "llama-b11669-bin-ubuntu-cuda-12.8-x64.tar.gz",
        "llama-b11669-bin-ubuntu-cuda-13.4-arm64.tar.gz",
        "llama-b11669-bin-ubuntu-cuda-13.4-x64.tar.gz",
        "llama-b11669-bin-ubuntu-openvino-2026.4.1-x64.tar.gz",
        "llama-b11669-bin-ubuntu-rocm-10.0-x64.tar.gz",
        "llama-b11669-bin-ubuntu-s390x.tar.gz",
        "llama-b11669-bin-ubuntu-sycl-fp16-x64.tar.gz",
        "llama-b11669-bin-ubuntu-sycl-fp32-x64.tar.gz",
        "llama-b11669-bin-ubuntu-vulkan-arm64.tar.gz",
        "llama-b11669-bin-ubuntu-vulkan-x64.tar.gz",
        "llama-b11669-bin-ubuntu-x64.tar.gz",
        "llama-b11669-bin-win-cpu-arm64.zip",
        "llama-b11669-bin-win-cpu-x64.zip",
        "llama-b11669-bin-win-cuda-13.4-x64.zip",
        "llama-b11669-bin-win-vulkan-x64.zip",
        "llama-b11669-ui.tar.gz",
        "llama-b11669-xcframework.zip",
    ];

    /// A machine in a few words, such as `linux x64 glibc=2.39 nvidia=580.65 vulkan amd`.
    fn machine(words: &str) -> Machine {
        let mut it = Machine {
            os: None,
            arch: None,
            libc: Libc::Unknown,
            nvidia: None,
            cards: Vec::new(),
            has_vulkan: false,
        };
        let version = |it: &str| it.split('.').map(|it| it.parse().unwrap()).collect::<Vec<u32>>();
        for word in words.split(' ') {
            match word.split_once('=').unwrap_or((word, "")) {
                ("linux", _) => it.os = Some(Os::Linux),
                ("macos", _) => it.os = Some(Os::Mac),
                ("x64", _) => it.arch = Some(Arch::X64),
                ("arm64", _) => it.arch = Some(Arch::Arm64),
                ("s390x", _) => it.arch = Some(Arch::S390x),
                ("riscv" | "freebsd", _) => {}
                ("musl", _) => it.libc = Libc::Musl,
                ("glibc", of) => it.libc = Libc::Glibc(version(of)[0], version(of)[1]),
                ("nvidia", of) => it.nvidia = Some(version(of)),
                ("vulkan", _) => it.has_vulkan = true,
                ("amd", _) => it.cards.push(Vendor::Amd),
                ("intel", _) => it.cards.push(Vendor::Intel),
                ("virtual", _) => it.cards.push(Vendor::Other),
                (other, _) => panic!("{other}"),
            }
        }
        it
    }

    fn told(names: &[&str], machine: &Machine, wanted: Option<Backend>) -> String {
        let short = |it: &str| it.replace("-b11669-bin", "");
        match pick(names, machine, wanted) {
            Ok(picks) => {
                let picks = picks.iter().map(|it| match it.runtime {
                    Some(runtime) => format!("{} with {}", short(it.name), short(runtime)),
                    None => short(it.name),
                });
                picks.collect::<Vec<_>>().join(", ")
            }
            Err(err) => format!("{err:#}"),
        }
    }

    #[track_caller]
    fn check(machines: &[&str], expected: Expect) {
        let lines =
            machines.iter().map(|it| format!("{it}: {}\n", told(NAMES, &machine(it), None)));
        expected.assert_eq(&lines.collect::<String>());
    }

    #[track_caller]
    fn check_wanted(words: &str, wanted: &[Backend], expected: Expect) {
        let it = machine(words);
        let lines =
            wanted.iter().map(|want| format!("{want}: {}\n", told(NAMES, &it, Some(*want))));
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn each_machine_gets_what_suits_it() {
        check(
            &[
                "linux x64 glibc=2.36",
                "linux x64 glibc=2.36 vulkan",
                "linux x64 glibc=2.36 vulkan virtual",
                "linux x64 glibc=2.36 vulkan intel",
                "linux x64 glibc=2.39 vulkan amd",
                "linux x64 glibc=2.39 amd",
                "linux x64 glibc=2.41 nvidia=580.65.6 vulkan",
                "linux x64 glibc=2.41 nvidia=550.54 vulkan",
                "linux x64 glibc=2.41 nvidia=470.1",
                "linux x64 glibc=2.35 nvidia=580.65.6 vulkan",
                "linux x64 nvidia=600.1",
                "linux arm64 glibc=2.39 nvidia=580.1",
                "linux arm64 glibc=2.39 nvidia=550.1 vulkan",
                "linux arm64 glibc=2.41",
                "linux s390x glibc=2.40",
                "macos arm64",
                "macos x64",
            ],
            expect![[r#"
                linux x64 glibc=2.36: llama-ubuntu-x64.tar.gz
                linux x64 glibc=2.36 vulkan: llama-ubuntu-x64.tar.gz
                linux x64 glibc=2.36 vulkan virtual: llama-ubuntu-x64.tar.gz
                linux x64 glibc=2.36 vulkan intel: llama-ubuntu-vulkan-x64.tar.gz, llama-ubuntu-x64.tar.gz
                linux x64 glibc=2.39 vulkan amd: llama-ubuntu-vulkan-x64.tar.gz, llama-ubuntu-x64.tar.gz
                linux x64 glibc=2.39 amd: llama-ubuntu-x64.tar.gz
                linux x64 glibc=2.41 nvidia=580.65.6 vulkan: llama-ubuntu-cuda-13.4-x64.tar.gz with cudart-llama-ubuntu-cuda-13.4-x64.tar.gz, llama-ubuntu-vulkan-x64.tar.gz, llama-ubuntu-x64.tar.gz
                linux x64 glibc=2.41 nvidia=550.54 vulkan: llama-ubuntu-cuda-12.8-x64.tar.gz with cudart-llama-ubuntu-cuda-12.8-x64.tar.gz, llama-ubuntu-vulkan-x64.tar.gz, llama-ubuntu-x64.tar.gz
                linux x64 glibc=2.41 nvidia=470.1: llama-ubuntu-x64.tar.gz
                linux x64 glibc=2.35 nvidia=580.65.6 vulkan: llama-ubuntu-vulkan-x64.tar.gz, llama-ubuntu-x64.tar.gz
                linux x64 nvidia=600.1: llama-ubuntu-cuda-13.4-x64.tar.gz with cudart-llama-ubuntu-cuda-13.4-x64.tar.gz, llama-ubuntu-x64.tar.gz
                linux arm64 glibc=2.39 nvidia=580.1: llama-ubuntu-cuda-13.4-arm64.tar.gz with cudart-llama-ubuntu-cuda-13.4-arm64.tar.gz, llama-ubuntu-arm64.tar.gz
                linux arm64 glibc=2.39 nvidia=550.1 vulkan: llama-ubuntu-vulkan-arm64.tar.gz, llama-ubuntu-arm64.tar.gz
                linux arm64 glibc=2.41: llama-ubuntu-arm64.tar.gz
                linux s390x glibc=2.40: llama-ubuntu-s390x.tar.gz
                macos arm64: llama-macos-arm64.tar.gz
                macos x64: llama-macos-x64.tar.gz
            "#]],
        );
    }

    #[test]
    fn where_nothing_can_run_the_next_step_is_named() {
        check(
            &[
                "linux x64 musl",
                "linux x64 glibc=2.31",
                "linux arm64 glibc=2.36",
                "linux riscv",
                "freebsd x64",
            ],
            expect![[r#"
                linux x64 musl: the engines that are published need glibc, and this system has musl
                hint: build llama.cpp yourself, and set `llama.program` to its llama-server, or install llama.cpp from your distribution
                linux x64 glibc=2.31: the published engine needs glibc 2.35 or newer, and this system has 2.31
                hint: build llama.cpp yourself, and set `llama.program` to its llama-server
                linux arm64 glibc=2.36: the published engine needs glibc 2.39 or newer, and this system has 2.36
                hint: build llama.cpp yourself, and set `llama.program` to its llama-server
                linux riscv: nobody publishes engines for this system or processor
                hint: build llama.cpp yourself, and set `llama.program` to its llama-server
                freebsd x64: nobody publishes engines for this system or processor
                hint: build llama.cpp yourself, and set `llama.program` to its llama-server
            "#]],
        );
    }

    #[test]
    fn what_the_person_wants_is_taken_or_refused() {
        use Backend::*;
        check_wanted(
            "linux x64 glibc=2.39",
            &[Cpu, Vulkan, Cuda, Rocm, Sycl, Openvino, Metal],
            expect![[r#"
                cpu: llama-ubuntu-x64.tar.gz
                vulkan: llama-ubuntu-vulkan-x64.tar.gz
                cuda: llama-ubuntu-cuda-13.4-x64.tar.gz with cudart-llama-ubuntu-cuda-13.4-x64.tar.gz
                rocm: llama-ubuntu-rocm-10.0-x64.tar.gz
                sycl: llama-ubuntu-sycl-fp32-x64.tar.gz
                openvino: llama-ubuntu-openvino-2026.4.1-x64.tar.gz
                metal: this release has nothing for `metal` on this machine
                hint: there is cpu, vulkan, cuda, rocm, sycl, openvino
            "#]],
        );
        check_wanted(
            "linux x64 glibc=2.36 nvidia=500.1",
            &[Cuda, Rocm],
            expect![[r#"
                cuda: the published engine needs glibc 2.39 or newer, and this system has 2.36
                hint: build llama.cpp yourself, and set `llama.program` to its llama-server
                rocm: the published engine needs glibc 2.39 or newer, and this system has 2.36
                hint: build llama.cpp yourself, and set `llama.program` to its llama-server
            "#]],
        );
        check_wanted(
            "linux x64 glibc=2.39 nvidia=500.1",
            &[Cuda],
            expect![[r#"
            cuda: CUDA 13.4 needs NVIDIA's driver 580 or newer, and this machine has 500.1
            hint: install a newer driver, or take `--backend vulkan`
        "#]],
        );
        check_wanted(
            "linux s390x glibc=2.39",
            &[Vulkan],
            expect![[r#"
            vulkan: this release has nothing for `vulkan` on this machine
            hint: there is cpu
        "#]],
        );
        check_wanted(
            "macos x64",
            &[Metal, Cpu],
            expect![[r#"
            metal: this release has nothing for `metal` on this machine
            hint: there is cpu
            cpu: llama-macos-x64.tar.gz
        "#]],
        );
    }

    #[test]
    fn labels_of_versions_may_change() {
        let names = [
            "llama-b2-bin-ubuntu-cuda-13.10-x64.tar.gz",
            "llama-b2-bin-ubuntu-cuda-13.9-x64.tar.gz",
            "cudart-llama-b2-bin-ubuntu-cuda-13.10-x64.tar.gz",
            "llama-b2-bin-ubuntu-cuda-14.0-x64.tar.gz",
            "llama-b2-bin-ubuntu-rocm-7.14-x64.tar.gz",
        ];
        let it = machine("linux x64 glibc=2.39 nvidia=590.1");
        expect!["llama-b2-bin-ubuntu-cuda-13.10-x64.tar.gz with cudart-llama-b2-bin-ubuntu-cuda-13.10-x64.tar.gz"].assert_eq(&told(&names, &it, None));
        expect!["llama-b2-bin-ubuntu-rocm-7.14-x64.tar.gz"].assert_eq(&told(
            &names,
            &it,
            Some(Backend::Rocm),
        ));
        expect![[r#"
            this release has nothing for this machine
            hint: another may: `--nightly`, or `--version bN`"#]]
        .assert_eq(&told(&[], &it, None));
    }
}
