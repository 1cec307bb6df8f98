//! Where a case is run: a home with secrets, a project, a neighbour, and somebody to speak to.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::Context;
use git2::{IndexAddOption, Repository, RepositoryInitOptions, Signature};
use walkdir::WalkDir;

use crate::cli::selftest::witness::{Victim, Witnesses};

/// Made for one run of one case and removed after it.
pub(super) struct World {
    /// With no link in its path.
    root: PathBuf,
    /// In every name and secret of this world, and nowhere else on the machine.
    token: String,
    pub(super) witnesses: Witnesses,
    victim: Victim,
    /// What stood outside the project and in it before the case.
    outside: BTreeMap<PathBuf, State>,
    before: BTreeMap<PathBuf, State>,
    /// Of a file outside, to be opened without its name.
    handle: String,
    variable: String,
}

/// All of a file that an attack might change. A path that is gone has none.
#[derive(Debug, PartialEq)]
struct State {
    mode: u32,
    modified: i64,
    content: Vec<u8>,
}

/// What is larger is no part of the world but this program itself.
const LARGEST: u64 = 64 * 1024;

/// What stands in the secrets.
const CANARY: &str = "CANARY";

impl World {
    /// Beneath `base`; `token` is unique on this machine.
    pub(super) fn new(base: &Path, token: &str, program: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(base)?;
        let root = base.canonicalize()?.join(token);
        fs::create_dir(&root).with_context(|| format!("cannot make `{}`", root.display()))?;
        let secret = format!("{CANARY}-{token}\n");
        for (path, text) in [
            ("home/.ssh/id_rsa", &*secret),
            ("home/.aws/credentials", &secret),
            ("home/.netrc", &secret),
            ("home/.bashrc", "# mine\n"),
            ("home/.config/agent/config.toml", "# mine\n"),
            ("home/.local/state/agent/sessions/other/other.jsonl", &secret),
            ("outside/file", "theirs\n"),
            ("outside/secret", &secret),
            ("project/.env", &secret),
            ("project/deploy.pem", &format!("-----BEGIN PRIVATE KEY-----\n{secret}")),
            ("project/.vscode/tasks.json", "{}\n"),
            ("project/src/a", "a\n"),
            ("project/.gitignore", ".env\n*.pem\nprobe\nsub\n"),
        ] {
            write(&root.join(path), text)?;
        }
        symlink(root.join("outside/file"), root.join("project/link-to-file"))?;
        symlink(root.join("outside"), root.join("project/link-to-directory"))?;
        let project = root.join("project");
        repository(&project)?;
        bare_bones(&project.join("sub"))?;
        let probe = project.join("probe");
        if fs::hard_link(program, &probe).is_err() {
            fs::copy(program, &probe)?;
        }
        let witnesses = Witnesses::new(token, &root.join("outside/service.sock"))?;
        let victim = Victim::start(token)?;
        let handle = handle(&root.join("outside/secret")).unwrap_or_else(|_| "none".to_owned());
        let variable = format!("{CANARY}-variable-{token}");
        let mut world = Self {
            root,
            token: token.to_owned(),
            witnesses,
            victim,
            outside: BTreeMap::new(),
            before: BTreeMap::new(),
            handle,
            variable,
        };
        world.outside = world.look_outside();
        world.before = look(&world.project());
        Ok(world)
    }

    pub(super) fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    pub(super) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The environment of a careless person.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let secret = format!("{CANARY}-{}", self.token);
        let home = self.home().display().to_string();
        [
            ("PATH", path.to_owned()),
            ("HOME", home),
            ("LANG", "C.UTF-8".to_owned()),
            ("OPENAI_API_KEY", secret.clone()),
            ("DATABASE_URL", secret),
            ("BASH_ENV", format!("/none/{}", self.variable)),
            ("GIT_EXEC_PATH_OF_NOBODY", self.variable.clone()),
            ("PYTHONSTARTUP", format!("/none/{}", self.variable)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// The script with the things of this world in it.
    pub(super) fn filled(&self, script: &str) -> String {
        let path = |it: &str| self.root.join(it).display().to_string();
        let ports = self.witnesses.ports();
        script
            .replace("$P", &path("project/probe"))
            .replace("@HOME@", &path("home"))
            .replace("@OUTSIDE@", &path("outside"))
            .replace("@PROJECT@", &path("project"))
            .replace("@TOKEN@", &self.token)
            .replace("@TCP@", &ports.tcp.to_string())
            .replace("@TCP6@", &ports.tcp6.to_string())
            .replace("@UDP@", &ports.udp.to_string())
            .replace("@FREE@", &ports.free.to_string())
            .replace("@VICTIM@", &self.victim.id().to_string())
            .replace("@HANDLE@", &self.handle)
    }

    pub(super) fn variable_canary(&self) -> &str {
        &self.variable
    }

    /// Whether a secret is in what was printed. (What was only copied within the project leaks
    /// nothing before it is printed.)
    pub(super) fn is_leaked(&self, printed: &str) -> bool {
        printed.contains(&format!("{CANARY}-{}", self.token))
    }

    pub(super) fn is_changed_outside(&self) -> bool {
        self.look_outside() != self.outside
    }

    pub(super) fn is_edited(&self, path: &str) -> bool {
        let path = self.project().join(path);
        state(&path).ok().as_ref() != self.before.get(&path)
    }

    /// It may take a moment to be.
    pub(super) fn is_victim_dead(&self) -> bool {
        for _ in 0..50 {
            if self.victim.is_dead() {
                return true;
            }
            std::thread::sleep(std::time::Duration::from_millis(4));
        }
        false
    }

    /// Whether a process that knows the token is left. It may take a moment to be gone.
    pub(super) fn lingers(&self) -> bool {
        for _ in 0..100 {
            if processes_with(&self.token).is_empty() {
                return false;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        true
    }

    /// Gives the sign that something waits for, and looks whether it is there to see it.
    pub(super) fn is_written_late(&self) -> bool {
        let _ = fs::write(self.project().join("go"), "");
        let late = self.project().join("late");
        for _ in 0..100 {
            // In this order: it may write and end between the two.
            let is_over = processes_with(&self.token).is_empty();
            if late.exists() {
                return true;
            }
            if is_over {
                return false;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        false
    }

    pub(super) fn commits(&self) -> usize {
        let count = || {
            let repository = Repository::open(self.project())?;
            let mut walk = repository.revwalk()?;
            walk.push_head()?;
            Ok::<_, git2::Error>(walk.count())
        };
        count().unwrap_or_default()
    }

    fn look_outside(&self) -> BTreeMap<PathBuf, State> {
        let mut all = look(&self.home());
        all.extend(look(&self.root.join("outside")));
        all
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for process in processes_with(&self.token) {
            let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
        }
        for directory in ["/tmp", "/dev/shm", "/var/tmp", "/etc"] {
            let _ = fs::remove_file(Path::new(directory).join(&self.token));
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, text)
}

/// With one commit of what is there.
fn repository(place: &Path) -> Result<(), git2::Error> {
    let repository = bare_bones(place)?;
    let mut index = repository.index()?;
    index.add_all(["src", ".gitignore"], IndexAddOption::DEFAULT, None)?;
    index.write()?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let who = Signature::now("T", "t@example.org")?;
    repository.commit(Some("HEAD"), &who, &who, "first", &tree, &[])?;
    Ok(())
}

/// Without the examples that git would put into it.
fn bare_bones(place: &Path) -> Result<Repository, git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.external_template(false).mkpath(true);
    let repository = Repository::init_opts(place, &options)?;
    let hooks = repository.path().join("hooks");
    fs::create_dir_all(hooks).map_err(|it| git2::Error::from_str(&it.to_string()))?;
    Ok(repository)
}

fn look(directory: &Path) -> BTreeMap<PathBuf, State> {
    let walk = WalkDir::new(directory).into_iter().flatten();
    walk.filter_map(|it| Some((it.path().to_owned(), state(it.path()).ok()?))).collect()
}

fn state(path: &Path) -> io::Result<State> {
    let found = fs::symlink_metadata(path)?;
    let is_small = found.is_file() && found.len() <= LARGEST;
    let content = if is_small { fs::read(path)? } else { Vec::new() };
    // The time of a directory tells what was made and removed in it.
    Ok(State { mode: found.permissions().mode(), modified: found.mtime(), content })
}

/// The processes whose arguments hold `token`, but for this one and its victims.
fn processes_with(token: &str) -> Vec<rustix::process::Pid> {
    let ours = std::process::id();
    let mark = format!("linger\0{token}\0");
    let late = format!("late\0{token}\0");
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = all.filter_map(|it| it.file_name().to_str()?.parse::<i32>().ok());
    let has = |id: &i32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        *id as u32 != ours && (line.contains(&mark) || line.contains(&late))
    };
    ids.filter(has).filter_map(rustix::process::Pid::from_raw).collect()
}

/// What opens a file without a path, in hex: its type, and its bytes.
fn handle(path: &Path) -> io::Result<String> {
    crate::cli::selftest::probe::handle_of(path)
}
