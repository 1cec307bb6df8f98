//! How letters look: a few attributes at once, as a terminal is told.

use std::fmt::Write;

use crate::ui::palette::Role;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ink(u8);

/// Each attribute and what it is to a terminal.
const CODES: &[(Ink, &str)] = &[
    (Ink::BOLD, "1"),
    (Ink::DIM, "2"),
    (Ink::ITALIC, "3"),
    (Ink::UNDERLINED, "4"),
    (Ink::STRUCK, "9"),
];

/// What looks as the person's theme has it.
const ROLES: &[(Ink, Role)] = &[(Ink::CODE, Role::Code), (Ink::HEADING, Role::Heading)];

pub(super) const PLAIN: &str = "\x1b[0m";

impl Ink {
    pub(super) const NONE: Self = Self(0);
    pub(super) const BOLD: Self = Self(1);
    pub(super) const DIM: Self = Self(2);
    pub(super) const ITALIC: Self = Self(4);
    pub(super) const UNDERLINED: Self = Self(8);
    pub(super) const STRUCK: Self = Self(16);
    pub(super) const CODE: Self = Self(32);
    pub(super) const HEADING: Self = Self(64);

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Makes what follows look so.
    pub(super) fn begin(self, out: &mut String) {
        let codes = CODES.iter().filter(|(ink, _)| self.0 & ink.0 != 0);
        let roles = ROLES.iter().filter(|(ink, _)| self.0 & ink.0 != 0);
        let roles: Vec<String> = roles.map(|(_, role)| role.look().codes()).collect();
        let roles = roles.iter().map(|it| &**it).filter(|it| !it.is_empty());
        let codes: Vec<&str> = codes.map(|(_, code)| *code).chain(roles).collect();
        if !codes.is_empty() {
            let _ = write!(out, "\x1b[{}m", codes.join(";"));
        }
    }

    pub(super) fn end(self, out: &mut String) {
        if self != Self::NONE {
            out.push_str(PLAIN);
        }
    }
}
