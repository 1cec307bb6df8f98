//! Starting a child that is confined by what works on this machine.

use std::ffi::OsString;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::sync::Arc;

use crate::sandbox::Confinement;
#[cfg(target_os = "linux")]
use crate::sandbox::bubblewrap::Wrapper;
#[cfg(target_os = "linux")]
use crate::sandbox::enter::Passage;
use crate::sandbox::placeholders::Placeholders;
#[cfg(target_os = "linux")]
use crate::sandbox::plan::{Plan, plan, reduced};
#[cfg(target_os = "linux")]
use crate::sandbox::proxy::{self, Serving};
#[cfg(target_os = "linux")]
use crate::sandbox::report::Report;
#[cfg(target_os = "macos")]
use crate::sandbox::seatbelt;
#[cfg(target_os = "linux")]
use crate::sandbox::{Level, landlock};
#[cfg(target_os = "linux")]
use crate::sandbox::{Network, handover};

/// What is there for a command as long as it lives, and gone with it.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    _placeholders: Placeholders,
    #[cfg(target_os = "linux")]
    _proxy: Option<Serving>,
}

impl From<Placeholders> for Upkeep {
    fn from(placeholders: Placeholders) -> Self {
        Self { _placeholders: placeholders, ..Self::default() }
    }
}

/// Starts what `prepare` makes, which is given the program that confines it, if there is one.
#[cfg(target_os = "linux")]
pub(super) fn spawn(
    confinement: &Confinement,
    directory: &Path,
    prepare: impl FnOnce(Option<(&'static Path, Vec<OsString>)>) -> tokio::process::Command,
) -> io::Result<(tokio::process::Child, Upkeep)> {
    let exists = |it: &Path| it.symlink_metadata().is_ok_and(|it| !it.is_symlink());
    match confinement.level {
        Level::Namespaces => {
            let placeholders = placeholders(confinement)?;
            let mut command = prepare(None);
            let mut gate = None;
            let out = match &confinement.network {
                Network::None => None,
                Network::Hosts(it) => {
                    let (here, there) = handover::pair()?;
                    command.envs(proxy::variables());
                    gate = Some((it.clone(), here));
                    Some(there)
                }
            };
            let child = pass(command, plan(confinement, directory, out, &exists))?;
            // The child has become the command, so the socket has been handed out.
            let serving = gate.map(|(gate, here)| Serving::start(handover::receive(here)?, gate));
            Ok((child, Upkeep { _placeholders: placeholders, _proxy: serving.transpose()? }))
        }
        Level::Bubblewrap => {
            let placeholders = placeholders(confinement)?;
            let wrapper = Wrapper::new(&plan(confinement, directory, None, &exists))?;
            Ok((wrapper.spawn(prepare)?, placeholders.into()))
        }
        Level::Reduced => {
            // Held open until the child has them.
            let rules = landlock::rules(confinement)?;
            let child = pass(prepare(None), reduced(rules.as_raw_fd()))?;
            Ok((child, Upkeep::default()))
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn placeholders(confinement: &Confinement) -> io::Result<Placeholders> {
    Placeholders::make(&confinement.absent, confinement.stock.as_deref())
}

/// Starts a child that carries out `plan` before it becomes the command.
#[cfg(target_os = "linux")]
fn pass(mut command: tokio::process::Command, plan: Plan) -> io::Result<tokio::process::Child> {
    let plan = Arc::new(plan);
    let report = Arc::new(Report::new()?);
    let mut passage = Passage::new(Arc::clone(&plan), Arc::clone(&report));
    // SAFETY: between fork and exec a passage makes system calls and uses memory that it has.
    #[expect(unsafe_code, reason = "`pre_exec` is the only way to act between fork and exec")]
    unsafe {
        command.pre_exec(move || passage.pass());
    }
    command.spawn().map_err(|err| match report.failed().map(|it| &plan.steps[it]) {
        Some(step) if step.expects().is_some() && is_absence(&err) => moved(step),
        Some(step) => io::Error::new(
            err.kind(),
            format!("cannot confine the command: {step}: {}", plain(&err)),
        ),
        None => err,
    })
}

/// Something of the project was not where it had been seen, to be protected there.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Moved(String);

#[cfg(target_os = "linux")]
impl std::error::Error for Moved {}

#[cfg(target_os = "linux")]
impl std::fmt::Display for Moved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cannot confine the command: {}: it is not there any more; stop what moves files of \
             the project, and try again",
            self.0
        )
    }
}

#[cfg(target_os = "linux")]
pub(super) fn moved(doing: impl std::fmt::Display) -> io::Error {
    io::Error::other(Moved(doing.to_string()))
}

/// Whether something is gone, or something else is in its place, or the way to it was closed.
#[cfg(target_os = "linux")]
pub(super) fn is_absence(err: &io::Error) -> bool {
    use rustix::io::Errno;
    let known = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::ACCESS, Errno::STALE];
    known.iter().any(|it| err.raw_os_error() == Some(it.raw_os_error()))
}

/// Whether a command was not started because the project has changed since it was looked at, so that
/// another look may help.
#[cfg(target_os = "linux")]
pub(crate) fn has_moved(err: &io::Error) -> bool {
    err.get_ref().is_some_and(|it| it.is::<Moved>())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn has_moved(_: &io::Error) -> bool {
    false
}

/// There Seatbelt does what can be done, which the system brings.
#[cfg(target_os = "macos")]
pub(super) fn spawn(
    confinement: &Confinement,
    _: &Path,
    prepare: impl FnOnce(Option<(&'static Path, Vec<OsString>)>) -> tokio::process::Command,
) -> io::Result<(tokio::process::Child, Upkeep)> {
    let placeholders = placeholders(confinement)?;
    let profile = seatbelt::profile(confinement)?;
    let wrapper = (Path::new(seatbelt::PROGRAM), vec!["-p".into(), profile.into()]);
    Ok((prepare(Some(wrapper)).spawn()?, placeholders.into()))
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) fn spawn(
    _: &Confinement,
    _: &Path,
    _: impl FnOnce(Option<(&'static Path, Vec<OsString>)>) -> tokio::process::Command,
) -> io::Result<(tokio::process::Child, Upkeep)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// An error of the system in lower case and without its number.
#[cfg(target_os = "linux")]
pub(super) fn plain(err: &io::Error) -> String {
    let text = err.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
