//! The second best: bubblewrap, where nobody but it may make namespaces, as some systems have it.
//!
//! It is given the steps of our own plan in its own words. It takes directories by their names, so
//! what is granted is looked at just before it starts rather than held; and it ends a command by
//! signal with a code.

use std::ffi::{CStr, CString, OsString};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use libc::sock_filter;
use rustix::fs::MemfdFlags;
use rustix::io::Errno;

use crate::sandbox::confined::{is_absence, moved, plain};
use crate::sandbox::enter;
use crate::sandbox::plan::{Plan, Step};
use crate::sandbox::policy::FileId;

/// Where systems have it. One found by PATH could be anybody's, the project's too.
const PLACES: &[&str] = &["/usr/bin/bwrap", "/bin/bwrap"];

const SET_ID: u32 = 0o6000;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Bubblewrap, ready to start one command.
#[derive(Debug)]
pub(super) struct Wrapper {
    program: &'static Path,
    /// What it is told, and the filter that it puts before the command. Both are open in it alone.
    told: OwnedFd,
    filter: OwnedFd,
    /// What has to be there as it is known, by the names that bubblewrap will take it by.
    grants: Vec<(CString, Option<FileId>)>,
}

impl Wrapper {
    pub(super) fn new(plan: &Plan) -> io::Result<Self> {
        let filter = plan.steps.iter().find_map(|it| match it {
            Step::Filter { program } => Some(memory(&as_bytes(program))),
            _ => None,
        });
        let filter = filter.ok_or(io::ErrorKind::InvalidInput)??;
        let mut text = Vec::new();
        for word in words(plan, filter.as_raw_fd()) {
            text.extend_from_slice(word.as_bytes_with_nul());
        }
        let grants = plan.steps.iter().filter_map(|it| match it {
            Step::Take { place, id: Some(id), .. } => Some((place.clone(), Some(*id))),
            step => step.expects().map(|at| (at.clone(), None)),
        });
        Ok(Self { program: program()?, told: memory(&text)?, filter, grants: grants.collect() })
    }

    /// Starts what `prepare` makes of it.
    pub(super) fn spawn(
        self,
        prepare: impl FnOnce(Option<(&'static Path, Vec<OsString>)>) -> tokio::process::Command,
    ) -> io::Result<tokio::process::Child> {
        let told = self.told.as_raw_fd().to_string();
        let args = vec!["--args".into(), told.into(), "--".into()];
        let mut command = prepare(Some((self.program, args)));
        // SAFETY: between fork and exec it makes system calls and uses memory that it has.
        #[expect(unsafe_code, reason = "`pre_exec` is the only way to act between fork and exec")]
        unsafe {
            command.pre_exec(move || self.pass());
        }
        // Its other failures it tells the command's reader.
        command.spawn().map_err(|err| {
            let is_exchanged = err.raw_os_error() == Some(Errno::STALE.raw_os_error());
            if is_absence(&err) && !is_exchanged {
                return moved("looking at what is to be covered");
            }
            let text = format!("cannot confine the command: {}", plain(&err));
            io::Error::new(err.kind(), text)
        })
    }

    /// Between fork and exec: system calls only.
    fn pass(&self) -> io::Result<()> {
        for (path, id) in &self.grants {
            enter::check(path, *id)?;
        }
        enter::limit()?;
        for kept in [&self.told, &self.filter] {
            rustix::io::fcntl_setfd(kept, rustix::io::FdFlags::empty())?;
        }
        Ok(())
    }
}

/// The program, if it is the system's own and has no rights that we have not.
fn program() -> io::Result<&'static Path> {
    let there = |it: &&Path| it.exists();
    let found = PLACES.iter().map(Path::new).find(there);
    let path = found.ok_or_else(|| io::Error::other("it is not installed"))?;
    let state = path.metadata()?;
    match distrust(state.uid(), state.permissions().mode()) {
        Some(why) => Err(io::Error::other(format!("`{}` {why}", path.display()))),
        None => Ok(path),
    }
}

/// Why a program with this owner and mode is not used.
fn distrust(owner: u32, mode: u32) -> Option<&'static str> {
    if mode & SET_ID != 0 {
        return Some("runs with the rights of another user");
    }
    let is_the_systems = owner == 0 && mode & WRITABLE_BY_OTHERS == 0;
    (!is_the_systems).then_some("can be changed by others than root")
}

/// The plan as bubblewrap takes it. `filter` is what it finds the filter by.
fn words(plan: &Plan, filter: RawFd) -> Vec<CString> {
    let mut words = Words::default();
    words.add(&[c"--die-with-parent", c"--unshare-user", c"--unshare-pid", c"--unshare-net"]);
    words.add(&[c"--unshare-ipc", c"--unshare-uts", c"--unshare-cgroup-try"]);
    words.add(&[c"--cap-drop", c"ALL", c"--seccomp"]);
    words.0.push(CString::new(filter.to_string()).expect("a number has no NUL"));
    let mut taken = vec![None; plan.slots];
    for step in &plan.steps {
        match step {
            Step::Take { slot, place, attributes, .. } => {
                let is_read_only = attributes & libc::MOUNT_ATTR_RDONLY != 0;
                taken[*slot] = Some((place, is_read_only));
            }
            Step::Root => words.add(&[c"--ro-bind", c"/", c"/", c"--dev", c"/dev"]),
            Step::Processes => {
                words.add(&[c"--perms", c"1777", c"--tmpfs", c"/dev/shm"]);
                words.add(&[c"--remount-ro", c"/dev", c"--proc", c"/proc"]);
                for part in enter::GUARDED {
                    words.add(&[c"--ro-bind-try", part, part]);
                }
            }
            // Its own devices stand there.
            step if place(step).is_some_and(is_device) => {}
            Step::Empty { at, options } => {
                words.add(&[c"--perms", &mode(options), c"--tmpfs", at]);
            }
            Step::Directory { at } => words.add(&[c"--dir", at]),
            Step::Link { at, to } => words.add(&[c"--symlink", to, at]),
            Step::Put { slot, at } => match taken[*slot] {
                Some((place, true)) => words.add(&[c"--ro-bind", place, at]),
                Some((place, false)) => words.add(&[c"--bind", place, at]),
                None => {}
            },
            Step::Pin { at } => words.add(&[c"--bind", at, at]),
            Step::Freeze { at } => words.add(&[c"--ro-bind", at, at]),
            Step::HideFile { at, .. } => words.add(&[c"--dev-bind", c"/dev/null", at]),
            Step::HideDirectory { at, .. } => {
                words.add(&[c"--perms", c"0000", c"--tmpfs", at, c"--remount-ro", at]);
            }
            Step::ReadOnly { at } => words.add(&[c"--remount-ro", at]),
            Step::Go { to } => words.add(&[c"--chdir", to]),
            // It does these by itself, makes the file that it binds to, or was told above.
            Step::Isolate
            | Step::BeFirst
            | Step::File { .. }
            | Step::Terminals
            | Step::Loopback
            | Step::Listen { .. }
            | Step::Renounce
            | Step::Begin
            | Step::Limits
            | Step::Restrict { .. }
            | Step::Filter { .. } => {}
        }
    }
    words.0
}

#[derive(Default)]
struct Words(Vec<CString>);

impl Words {
    fn add(&mut self, words: &[&CStr]) {
        self.0.extend(words.iter().map(|it| (*it).to_owned()));
    }
}

/// Where a step of the part that makes the root does something.
fn place(step: &Step) -> Option<&CString> {
    match step {
        Step::Empty { at, .. }
        | Step::Directory { at }
        | Step::File { at }
        | Step::Link { at, .. }
        | Step::Put { at, .. }
        | Step::ReadOnly { at } => Some(at),
        _ => None,
    }
}

fn is_device(at: &CString) -> bool {
    at.as_bytes() == b"/dev" || at.as_bytes().starts_with(b"/dev/")
}

/// The mode among the options of a file system.
fn mode(options: &CString) -> CString {
    let mut parts = options.as_bytes().split(|it| *it == b',');
    let mode = parts.find_map(|it| it.strip_prefix(b"mode=")).unwrap_or(b"755");
    CString::new(mode).expect("it was part of a text without NUL")
}

/// A program of the filter as the kernel reads it.
fn as_bytes(program: &[sock_filter]) -> Vec<u8> {
    let bytes = program.iter().flat_map(|it| {
        let [a, b] = it.code.to_ne_bytes();
        let [c, d, e, f] = it.k.to_ne_bytes();
        [a, b, it.jt, it.jf, c, d, e, f]
    });
    bytes.collect()
}

/// A file without a name that holds `content`.
fn memory(content: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create(c"agent", MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::sandbox::plan::plan;
    use crate::sandbox::{Confinement, Entry, Grant, Level};

    #[track_caller]
    fn check(confinement: &Confinement, expected: Expect) {
        let plan = plan(confinement, Path::new("/usr/lib"), None, &|_| true);
        let words = words(&plan, 9);
        let words: Vec<_> = words.iter().map(|it| it.to_str().unwrap()).collect();
        expected.assert_eq(&words.join(" ").replace(" --", "\n--"));
    }

    #[test]
    fn it_is_told_the_steps_of_the_plan() {
        let mut confinement =
            Confinement::bare(Level::Bubblewrap, Grant::new(Path::new("/usr")).unwrap());
        confinement.emptied = vec!["/home".into()];
        confinement.pinned = vec!["/usr/.git".into()];
        confinement.frozen = vec!["/usr/.git/config".into()];
        confinement.hidden = vec![Entry::File("/usr/.env".into()), Entry::Directory("/k".into())];
        check(
            &confinement,
            expect![[r#"
            --die-with-parent
            --unshare-user
            --unshare-pid
            --unshare-net
            --unshare-ipc
            --unshare-uts
            --unshare-cgroup-try
            --cap-drop ALL
            --seccomp 9
            --ro-bind / /
            --dev /dev
            --perms 1777
            --tmpfs /dev/shm
            --remount-ro /dev
            --proc /proc
            --ro-bind-try /proc/sys /proc/sys
            --ro-bind-try /proc/sysrq-trigger /proc/sysrq-trigger
            --ro-bind-try /proc/irq /proc/irq
            --ro-bind-try /proc/bus /proc/bus
            --ro-bind-try /proc/fs /proc/fs
            --perms 755
            --tmpfs /run
            --perms 1777
            --tmpfs /tmp
            --perms 755
            --tmpfs /home
            --bind /usr /usr
            --perms 1777
            --tmpfs /var/tmp
            --bind /usr/.git /usr/.git
            --ro-bind /usr/.git/config /usr/.git/config
            --dev-bind /dev/null /usr/.env
            --perms 0000
            --tmpfs /k
            --remount-ro /k
            --chdir /usr/lib"#]],
        );
    }

    #[test]
    fn only_a_program_of_the_system_is_used() {
        let check = |owner, mode| distrust(owner, mode).unwrap_or("used").to_owned();
        expect![[r#"
            used
            runs with the rights of another user
            runs with the rights of another user
            can be changed by others than root
            can be changed by others than root"#]]
        .assert_eq(
            &[
                check(0, 0o100_755),
                check(0, 0o104_755),
                check(0, 0o102_755),
                check(0, 0o100_775),
                check(1000, 0o100_755),
            ]
            .join("\n"),
        );
    }
}
