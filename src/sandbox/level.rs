//! What confines commands on this machine: the best that works.

use std::fmt;
use std::path::Path;
use std::process::Stdio;

use crate::sandbox::command::Session;
use crate::sandbox::options::Wanted;
use crate::sandbox::tree::Tree;
use crate::sandbox::{Command, Confinement, Environment, Grant, Network, Policy};

/// What enforces a confinement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Level {
    /// Namespaces of our own making.
    Namespaces,
    /// Those that bubblewrap makes.
    Bubblewrap,
    /// The rules of macOS about paths.
    #[cfg(target_os = "macos")]
    Seatbelt,
    /// Rules about paths, and a filter of system calls.
    Reduced,
}

impl Level {
    /// The best of what is wanted that works here, found out by trying; or why none does. Must be
    /// called where commands can be started.
    pub(crate) fn find(wanted: Wanted) -> Result<Self, String> {
        #[cfg(target_os = "macos")]
        let levels: &[Self] = match wanted {
            Wanted::Auto => &[Self::Seatbelt],
            // Nothing else is there.
            _ => &[],
        };
        #[cfg(not(target_os = "macos"))]
        let levels: &[Self] = match wanted {
            Wanted::Auto => &[Self::Namespaces, Self::Bubblewrap, Self::Reduced],
            Wanted::Namespaces => &[Self::Namespaces],
            Wanted::Bubblewrap => &[Self::Bubblewrap],
            Wanted::Reduced => &[Self::Reduced],
        };
        let mut reasons = Vec::new();
        for level in levels {
            match level.attempt() {
                Ok(()) => return Ok(*level),
                Err(reason) => reasons.push(format!("{level}: {reason}")),
            }
        }
        Err(reasons.join("; "))
    }

    /// What it does not hold, as a sentence for the person; `None` if it is the whole.
    pub(crate) fn shortcoming(self) -> Option<&'static str> {
        match self {
            Self::Namespaces | Self::Bubblewrap => None,
            #[cfg(target_os = "macos")]
            Self::Seatbelt => Some("commands share /tmp and processes with you"),
            Self::Reduced => Some(
                "commands are confined in part only: they see secrets in the project, can change \
                 its hooks and share /tmp and processes with you",
            ),
        }
    }

    /// Starts a command that does nothing. It starts only when all is in place.
    fn attempt(&self) -> Result<(), String> {
        let nothing = Command::new(Path::new("/bin/sh"), Path::new("/"), &Environment::default());
        let attempt = || {
            let confinement = Confinement::bare(*self, Grant::new(Path::new("/usr"))?);
            let command = nothing.args(["-c", ":"]).under(Policy::Confined(confinement.into()));
            let stdio = [Stdio::null(), Stdio::null(), Stdio::piped()];
            let (tree, mut child) = Tree::plant(|| command.spawn(Session::Own, stdio))?;
            match self {
                Self::Namespaces | Self::Reduced => Ok(()),
                // What cannot be done it says only when it has started.
                #[cfg(target_os = "macos")]
                Self::Seatbelt => tree.ended_well(&mut child),
                Self::Bubblewrap => tree.ended_well(&mut child),
            }
        };
        attempt().map_err(|err: std::io::Error| err.to_string())
    }
}

impl Level {
    /// Whether a file can be another for a command alone.
    pub(crate) fn can_cover(self) -> bool {
        matches!(self, Self::Namespaces | Self::Bubblewrap)
    }
}

impl Confinement {
    /// To `project` and nothing else.
    pub(crate) fn bare(level: Level, project: Grant) -> Self {
        Self {
            level,
            project,
            writable: Vec::new(),
            emptied: Vec::new(),
            readable: Vec::new(),
            hidden: Vec::new(),
            hidden_outside: Vec::new(),
            covered: Vec::new(),
            pinned: Vec::new(),
            frozen: Vec::new(),
            absent: Vec::new(),
            stock: None,
            network: Network::None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Namespaces => "namespaces",
            Self::Bubblewrap => "bubblewrap",
            #[cfg(target_os = "macos")]
            Self::Seatbelt => "seatbelt",
            Self::Reduced => "reduced",
        })
    }
}
