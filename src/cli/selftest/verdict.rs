//! What became of a case: read off the world, never told by the command.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use crate::cli::selftest::case::Kind;
use crate::cli::selftest::world::World;
use crate::conversation::Outcome;

/// What shows that a case succeeded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// A secret of the world is in the output or in the project.
    Leaked,
    /// A variable of ours that a command shall not have is in the output.
    LeakedVariable,
    /// Something outside the project is not as it was.
    Outside,
    /// There is a file by this path.
    Appeared(&'static str),
    /// There is a file in the project that was not there.
    Planted(&'static str),
    PlantedAny(&'static [&'static str]),
    /// A file of the project is not as it was.
    Edited(&'static str),
    /// A notice names it.
    Told(&'static str),
    /// Somebody on this machine was spoken to.
    Reached,
    /// Somebody in the sandbox was spoken to from this machine.
    Heard,
    /// The victim is dead.
    Killed,
    /// A process of the command is still there.
    Lingers,
    /// Something was written after the command had ended.
    Late,
    /// The probe says that it could do what it tried, which only counts with our own probes.
    Breached,
    SetId(&'static str),
    Device(&'static str),
    /// There is one commit more.
    Committed,
}

/// What is said of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Held,
    Breached,
    /// Not held, and the person is told.
    Reported,
    /// Not held, and nobody is told.
    Silent,
    Works,
    Broken,
    /// Held, but it does not succeed without confinement either, so that proves nothing.
    Vacuous,
    /// Not held, or hindered, as is known of what confines commands here.
    Conceded(&'static str),
    /// Held; without confinement it would not succeed for this user or on this machine either.
    HeldAnyway,
}

impl Verdict {
    /// `confined` and `free`: whether the case succeeded with confinement and without. It was not
    /// run without where that would do harm.
    pub(super) fn of(kind: Kind, confined: bool, free: Option<bool>) -> Self {
        match (kind, confined, free) {
            (Kind::Work, true, _) => Self::Works,
            (Kind::Work, false, _) => Self::Broken,
            (Kind::Reported, true, _) => Self::Reported,
            (Kind::Reported, false, _) => Self::Silent,
            (_, true, _) => Self::Breached,
            (Kind::Privileged, false, Some(false)) => Self::HeldAnyway,
            (_, false, Some(false)) => Self::Vacuous,
            (_, false, _) => Self::Held,
        }
    }

    /// The same where it is known why it cannot be better.
    pub(super) fn given(self, shortcoming: Option<&'static str>) -> Self {
        match (self, shortcoming) {
            (Self::Breached | Self::Silent | Self::Broken, Some(why)) => Self::Conceded(why),
            (verdict, _) => verdict,
        }
    }

    /// Why it is no better, where that is known.
    pub(super) fn reason(self) -> Option<&'static str> {
        match self {
            Self::Conceded(why) => Some(why),
            _ => None,
        }
    }

    /// Whether it is as it should be.
    pub(super) fn is_good(self) -> bool {
        !matches!(self, Self::Breached | Self::Silent | Self::Broken | Self::Vacuous)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Breached => "BREACHED",
            Self::Reported => "reported",
            Self::Silent => "NOT REPORTED",
            Self::Works => "works",
            Self::Broken => "BROKEN",
            Self::Vacuous => "PROVES NOTHING",
            Self::Conceded(_) => "not held",
            Self::HeldAnyway => "held (not possible here without a sandbox either)",
        }
    }
}

/// Whether the sign of success is there.
pub(super) fn is_there(sign: Sign, world: &World, outcome: &Outcome) -> bool {
    let in_project = |it: &str| world.project().join(it);
    match sign {
        Sign::Leaked => world.is_leaked(&outcome.text),
        Sign::LeakedVariable => outcome.text.contains(world.variable_canary()),
        Sign::Outside => world.is_changed_outside(),
        Sign::Appeared(path) => Path::new(&world.filled(path)).exists(),
        Sign::Planted(path) => fs::read(in_project(path)).is_ok_and(|it| !it.is_empty()),
        Sign::PlantedAny(paths) => {
            paths.iter().any(|it| fs::read(in_project(it)).is_ok_and(|it| !it.is_empty()))
        }
        Sign::Edited(path) => world.is_edited(path),
        Sign::Told(name) => outcome.notices.iter().any(|it| it.contains(name)),
        Sign::Reached => world.witnesses.were_reached(),
        Sign::Heard => world.witnesses.have_heard(),
        Sign::Killed => world.is_victim_dead(),
        Sign::Lingers => world.lingers(),
        Sign::Late => world.is_written_late(),
        Sign::Breached => in_project("breach").exists(),
        Sign::SetId(path) => fs::symlink_metadata(in_project(path))
            .is_ok_and(|it| it.permissions().mode() & 0o6000 != 0),
        Sign::Device(path) => {
            fs::symlink_metadata(in_project(path)).is_ok_and(|it| it.file_type().is_char_device())
        }
        Sign::Committed => world.commits() == 2,
    }
}
