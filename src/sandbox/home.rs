//! What commands find of the homes of people: tools and their libraries, and no secrets.
//!
//! A home is emptied, and what is known to hold tool chains and packages is put back, read-only.
//! A list of what may be seen: a list of secrets is never complete.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::sandbox::{Entry, Environment, Grant};

/// Homes and their like, as commands shall find them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Homes {
    pub(crate) emptied: Vec<PathBuf>,
    pub(crate) readable: Vec<Grant>,
    pub(crate) hidden: Vec<Entry>,
}

/// Where people have their homes, whoever runs the agent.
const PLACES: &[&str] = &["/root", "/home", "/Users"];

/// What of a home is put back, if it is there.
const TOOLS: &[&str] = &[
    ".asdf",
    ".bun",
    ".cabal",
    ".cargo",
    ".config/git",
    ".deno",
    ".elan",
    ".fnm",
    ".gem",
    ".ghcup",
    ".gitconfig",
    ".gradle",
    ".ivy2",
    ".jbang",
    ".juliaup",
    ".local/bin",
    ".local/lib",
    ".local/pipx",
    ".local/share/fnm",
    ".local/share/mise",
    ".local/share/pipx",
    ".local/share/pnpm",
    ".local/share/rtx",
    ".local/share/uv",
    ".local/share/virtualenvs",
    ".m2",
    ".npm",
    ".nuget",
    ".nvm",
    ".opam",
    ".pub-cache",
    ".pyenv",
    ".rbenv",
    ".rustup",
    ".rvm",
    ".sdkman",
    ".stack",
    ".swiftly",
    ".volta",
    ".yarn",
    ".cache/ms-playwright",
    ".cache/pip",
    ".cache/pypoetry",
    ".cache/uv",
    ".cache/yarn",
    "bin",
    "go",
    "miniconda3",
    "anaconda3",
    "micromamba",
];

/// What of that is a secret all the same.
const SECRETS: &[&str] = &[
    ".cabal/config",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".config/git/credentials",
    ".gem/credentials",
    ".gradle/gradle.properties",
    ".ivy2/.credentials",
    ".local/share/uv/credentials",
    ".m2/settings-security.xml",
    ".m2/settings.xml",
    ".nuget/NuGet/NuGet.Config",
    ".pub-cache/credentials.json",
    ".yarn/berry/.yarnrc.yml",
];

/// What the system keeps for root, for when we are root.
const SYSTEM: &[&str] = &[
    "/etc/NetworkManager/system-connections",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/kubernetes",
    "/etc/krb5.keytab",
    "/etc/letsencrypt",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssl/private",
    "/etc/wireguard",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/kubelet",
];

/// Variables that name directories of tools.
const VARIABLES: &[&str] = &[
    "CARGO_HOME",
    "GOMODCACHE",
    "GOPATH",
    "GOROOT",
    "JAVA_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
    "RUSTUP_HOME",
    "VIRTUAL_ENV",
];

/// Emptied for every command, and so in need of what PATH names in them.
const EMPTIED: &[&str] = &["/run", "/tmp", "/var/tmp"];

impl Homes {
    /// What is there of the home of the person and of others, for programs that are found by
    /// `environment`.
    pub(crate) fn look(home: Option<&Path>, environment: &Environment) -> Self {
        let real = |it: &Path| it.canonicalize().ok().filter(|it| it.is_dir());
        let mut emptied: BTreeSet<PathBuf> =
            PLACES.iter().filter_map(|it| real(Path::new(it))).collect();
        // A home that is the root of everything is that of a system user.
        let home = home.and_then(real).filter(|it| it.parent().is_some());
        emptied.extend(home.clone());

        let mut wanted: BTreeSet<PathBuf> = BTreeSet::new();
        let mut homes: BTreeSet<PathBuf> = home.into_iter().collect();
        for directory in search_path(environment) {
            let within =
                emptied.iter().any(|it| directory.starts_with(it)) || is_emptied(&directory);
            if within {
                homes.extend(home_of(&directory));
                wanted.insert(prefix(&directory, &homes));
            }
        }
        let named = VARIABLES.iter().filter_map(|it| environment.get(it)).map(PathBuf::from);
        wanted.extend(named.filter(|it| it.is_absolute() && !homes.contains(it)));
        wanted.extend(homes.iter().flat_map(|home| TOOLS.iter().map(|it| home.join(it))));
        // What holds the project, or a home, would bring back what was emptied.
        wanted.retain(|it| !homes.iter().any(|home| home.starts_with(it)));
        let readable: Vec<_> = wanted.iter().filter_map(|it| Grant::new(it).ok()).collect();

        let secrets = homes.iter().flat_map(|home| SECRETS.iter().map(|it| home.join(it)));
        let elsewhere = environment.get("CARGO_HOME").map(PathBuf::from).into_iter();
        let of_cargo = SECRETS.iter().filter_map(|it| it.strip_prefix(".cargo/"));
        let elsewhere = elsewhere.flat_map(|at| of_cargo.clone().map(move |it| at.join(it)));
        let is_root = rustix::process::geteuid().is_root();
        let system = SYSTEM.iter().filter(|_| is_root).map(PathBuf::from);
        let mut hidden: Vec<_> = secrets.chain(elsewhere).flat_map(|it| entries(&it)).collect();
        hidden.extend(system.filter_map(|it| entry(&it)));
        Self { emptied: emptied.into_iter().collect(), readable, hidden }
    }
}

impl Homes {
    /// Hides directories that no emptied one holds.
    pub(crate) fn hide_directories(&mut self, directories: &[PathBuf]) {
        let shown = |it: &PathBuf| !self.emptied.iter().any(|around| it.starts_with(around));
        let directories = directories.iter().filter_map(|it| it.canonicalize().ok());
        let shown: Vec<_> = directories.filter(shown).collect();
        self.hidden.extend(shown.into_iter().map(Entry::Directory));
    }
}

impl Homes {
    /// Whether a command finds nothing at `path` but what was put back.
    pub(crate) fn is_emptied(&self, path: &Path) -> bool {
        let always = EMPTIED.iter().chain(&["/dev", "/proc"]).map(Path::new);
        always.chain(self.emptied.iter().map(PathBuf::as_path)).any(|it| path.starts_with(it))
    }
}

/// What is at `path`, there and where it really is: what is put back has the name that leads to
/// it, and what is no home can be read by its own as well.
fn entries(path: &Path) -> Vec<Entry> {
    let Some(real) = entry(path).filter(|_| path.is_absolute()) else { return Vec::new() };
    let named = match &real {
        Entry::File(_) => Entry::File(path.to_owned()),
        Entry::Directory(_) => Entry::Directory(path.to_owned()),
    };
    if real.path() == path { vec![real] } else { vec![named, real] }
}

/// What is at `path`, where it really is.
pub(super) fn entry(path: &Path) -> Option<Entry> {
    let path = path.canonicalize().ok()?;
    Some(if path.is_dir() { Entry::Directory(path) } else { Entry::File(path) })
}

fn search_path(environment: &Environment) -> Vec<PathBuf> {
    let path = environment.get("PATH").map(|it| it.as_bytes()).unwrap_or_default();
    let entries = path.split(|it| *it == b':').map(|it| Path::new(std::ffi::OsStr::from_bytes(it)));
    entries.filter(|it| it.is_absolute()).map(Path::to_owned).collect()
}

fn is_emptied(path: &Path) -> bool {
    EMPTIED.iter().any(|it| path.starts_with(it) && path != Path::new(it))
}

/// The home that a directory lies in, where homes usually are.
fn home_of(directory: &Path) -> Option<PathBuf> {
    let parts: Vec<_> = directory.iter().collect();
    let place = Path::new("/").join(parts.get(1)?);
    match place.to_str()? {
        "/root" => Some(place),
        "/home" | "/Users" => Some(place.join(parts.get(2)?)),
        _ => None,
    }
}

/// What programs in `directory` need besides: what was installed together with them.
fn prefix(directory: &Path, homes: &BTreeSet<PathBuf>) -> PathBuf {
    let is_bin = directory.file_name().is_some_and(|it| it == "bin" || it == "shims");
    match directory.parent() {
        Some(parent) if is_bin && !is_broad(parent, homes) => parent.to_owned(),
        _ => directory.to_owned(),
    }
}

/// Whether a directory holds more than one tool.
fn is_broad(directory: &Path, homes: &BTreeSet<PathBuf>) -> bool {
    directory.components().count() < 3
        || EMPTIED.iter().any(|it| directory == Path::new(it))
        || homes.contains(directory)
        || directory.file_name().is_some_and(|it| it == ".local")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_brings_what_was_installed_with_it_but_not_the_home() {
        let homes = BTreeSet::from([PathBuf::from("/home/me")]);
        for (directory, expected) in [
            ("/home/me/.nvm/v20/bin", "/home/me/.nvm/v20"),
            ("/home/me/.local/bin", "/home/me/.local/bin"),
            ("/home/me/bin", "/home/me/bin"),
            ("/home/me/tool", "/home/me/tool"),
            ("/run/current-system/sw/bin", "/run/current-system/sw"),
            ("/tmp/bin", "/tmp/bin"),
        ] {
            assert_eq!(prefix(Path::new(directory), &homes), Path::new(expected));
        }
    }

    #[test]
    fn what_a_link_leads_to_is_hidden_by_both_its_names() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path().canonicalize().unwrap();
        let (home, data) = (place.join("home"), place.join("data"));
        for directory in [&home, &data] {
            std::fs::create_dir(directory).unwrap();
        }
        let cargo = data.join("credentials.toml");
        std::fs::write(&cargo, "").unwrap();
        std::os::unix::fs::symlink(&data, home.join(".cargo")).unwrap();
        let uv = home.join(".local/share/uv/credentials");
        std::fs::create_dir_all(&uv).unwrap();
        let hidden = |home: &Path, environment: &Environment| {
            let homes = Homes::look(Some(home), environment);
            let ours = homes.hidden.iter().map(Entry::path).filter(|it| it.starts_with(&place));
            ours.map(Path::to_owned).collect::<Vec<_>>()
        };
        let linked = home.join(".cargo/credentials.toml");
        assert_eq!(hidden(&home, &Environment::default()), [linked, cargo.clone(), uv]);
        let named = Environment::default().with("CARGO_HOME", &data);
        assert_eq!(hidden(&place.join("none"), &named), [cargo]);
    }

    #[test]
    fn a_home_is_known_by_where_it_lies() {
        for (directory, expected) in [
            ("/home/me/.cargo/bin", Some("/home/me")),
            ("/root", Some("/root")),
            ("/usr/bin", None),
            ("/home", None),
        ] {
            assert_eq!(home_of(Path::new(directory)).as_deref(), expected.map(Path::new));
        }
    }
}
