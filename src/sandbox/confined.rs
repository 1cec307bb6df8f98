//! Starting a child that is confined by what works on this machine.

use std::io;
use std::path::Path;

use crate::sandbox::Confinement;
use crate::sandbox::placeholders::Placeholders;
#[cfg(target_os = "linux")]
use crate::sandbox::proxy::{self, Serving};

/// What is there for a command as long as it lives, and gone with it.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    _placeholders: Placeholders,
    #[cfg(target_os = "linux")]
    _proxy: Option<Serving>,
}

#[cfg(target_os = "linux")]
pub(super) fn spawn(
    mut command: tokio::process::Command,
    confinement: &Confinement,
    directory: &Path,
) -> io::Result<(tokio::process::Child, Upkeep)> {
    use std::os::fd::AsRawFd;
    use std::sync::Arc;

    use crate::sandbox::enter::Passage;
    use crate::sandbox::plan::{plan, reduced};
    use crate::sandbox::report::Report;
    use crate::sandbox::{Level, Network, handover, landlock};

    // Held open until the child has them.
    let mut rules = None;
    let mut gate = None;
    let (plan, placeholders) = match confinement.level {
        Level::Namespaces => {
            let placeholders = Placeholders::make(&confinement.absent)?;
            let exists = |it: &Path| it.symlink_metadata().is_ok_and(|it| !it.is_symlink());
            let out = match &confinement.network {
                Network::None => None,
                Network::Hosts(it) => {
                    let (here, there) = handover::pair()?;
                    command.envs(proxy::variables());
                    gate = Some((it.clone(), here));
                    Some(there)
                }
            };
            (plan(confinement, directory, out, &exists), placeholders)
        }
        Level::Reduced => {
            let rules = rules.insert(landlock::rules(confinement)?);
            (reduced(rules.as_raw_fd()), Placeholders::default())
        }
    };
    let plan = Arc::new(plan);
    let report = Arc::new(Report::new()?);
    let mut passage = Passage::new(Arc::clone(&plan), Arc::clone(&report));
    // SAFETY: between fork and exec a passage makes system calls and uses memory that it has.
    #[expect(unsafe_code, reason = "`pre_exec` is the only way to act between fork and exec")]
    unsafe {
        command.pre_exec(move || passage.pass());
    }
    let child = command.spawn().map_err(|err| match report.failed() {
        Some(step) => io::Error::new(
            err.kind(),
            format!("cannot confine the command: {}: {}", plan.steps[step], plain(&err)),
        ),
        None => err,
    })?;
    drop(rules);
    // The child has become the command, so the socket has been handed out.
    let serving = gate.map(|(gate, here)| Serving::start(handover::receive(here)?, gate));
    Ok((child, Upkeep { _placeholders: placeholders, _proxy: serving.transpose()? }))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn spawn(
    _: tokio::process::Command,
    _: &Confinement,
    _: &Path,
) -> io::Result<(tokio::process::Child, Upkeep)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// An error of the system in lower case and without its number.
#[cfg(target_os = "linux")]
fn plain(err: &io::Error) -> String {
    let text = err.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
