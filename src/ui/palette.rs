//! What each thing that is drawn looks like: looks by roles, which a theme of the person's own may change.

use std::sync::atomic::{AtomicU64, Ordering};

use colored::control::SHOULD_COLORIZE;

/// What is drawn, by what it means to the person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Role {
    Good,
    Bad,
    Quiet,
    Attention,
    Warning,
    Error,
    Hint,
    Strong,
    Heading,
    Code,
    Added,
    Removed,
    Place,
    Prompt,
}

/// Each with its name in a theme, and how it looks without one.
pub(super) const ROLES: &[(Role, &str, Look)] = &[
    (Role::Good, "good", Look::of(2)),
    (Role::Bad, "bad", Look::of(1)),
    (Role::Quiet, "quiet", Look::PLAIN.with(Look::DIM)),
    (Role::Attention, "attention", Look::of(3)),
    (Role::Warning, "warning", Look::of(3).with(Look::BOLD)),
    (Role::Error, "error", Look::of(1).with(Look::BOLD)),
    (Role::Hint, "hint", Look::of(6).with(Look::BOLD)),
    (Role::Strong, "strong", Look::PLAIN.with(Look::BOLD)),
    (Role::Heading, "heading", Look::of(5)),
    (Role::Code, "code", Look::of(6)),
    (Role::Added, "added", Look::of(2)),
    (Role::Removed, "removed", Look::of(1)),
    (Role::Place, "place", Look::of(6)),
    (Role::Prompt, "prompt", Look::of(6).with(Look::BOLD)),
];

/// Attributes in the low bits; above them a colour, one of sixteen or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Look(u64);

/// There is one terminal, and one palette on it. Looked up for each word: no lock.
static WORN: [AtomicU64; ROLES.len()] = {
    let mut worn = [const { AtomicU64::new(0) }; ROLES.len()];
    let mut at = 0;
    while at < ROLES.len() {
        worn[at] = AtomicU64::new(ROLES[at].2.0);
        at += 1;
    }
    worn
};

/// From now on what is drawn looks so; what is not named looks as without a theme.
pub(crate) fn wear(looks: &[(Role, Look)]) {
    for (at, (role, _, usual)) in ROLES.iter().enumerate() {
        let own = looks.iter().rfind(|(it, _)| it == role).map(|(_, look)| *look);
        WORN[at].store(own.unwrap_or(*usual).0, Ordering::Relaxed);
    }
}

impl Role {
    pub(super) fn look(self) -> Look {
        Look(WORN[self as usize].load(Ordering::Relaxed))
    }
}

/// What a terminal is told for each attribute, in the order of their bits.
const ATTRIBUTES: [&str; 4] = ["1", "2", "3", "4"];
const NAMED: u64 = 1 << 8;
const EXACT: u64 = 2 << 8;

pub(super) const RESET: &str = "\x1b[0m";

impl Look {
    pub(super) const PLAIN: Self = Self(0);
    pub(super) const BOLD: Self = Self(1);
    pub(super) const DIM: Self = Self(2);
    pub(super) const ITALIC: Self = Self(4);
    pub(super) const UNDERLINED: Self = Self(8);

    /// One of the sixteen colours that each terminal has.
    pub(super) const fn of(colour: u8) -> Self {
        Self(NAMED | (colour as u64) << 16)
    }

    pub(super) const fn exact(red: u8, green: u8, blue: u8) -> Self {
        Self(EXACT | (red as u64) << 32 | (green as u64) << 24 | (blue as u64) << 16)
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has_colour(self) -> bool {
        self.0 & (NAMED | EXACT) != 0
    }

    /// What a terminal is told, without what is around it.
    pub(super) fn codes(self) -> String {
        let mut codes = String::new();
        let mut push = |code: &str| {
            if !codes.is_empty() {
                codes.push(';');
            }
            codes += code;
        };
        for (at, code) in ATTRIBUTES.iter().enumerate() {
            if self.0 & (1 << at) != 0 {
                push(code);
            }
        }
        let colour = (self.0 >> 16).to_be_bytes();
        match self.0 & (NAMED | EXACT) {
            NAMED if colour[7] < 8 => push(&format!("{}", 30 + colour[7])),
            NAMED => push(&format!("{}", 82 + colour[7])),
            EXACT => push(&format!("38;2;{};{};{}", colour[5], colour[6], colour[7])),
            _ => {}
        }
        codes
    }
}

/// Text in the look of a role, where notes have colours.
pub(crate) trait Paint: AsRef<str> {
    fn good(&self) -> String {
        self.paint(Role::Good.look())
    }
    fn bad(&self) -> String {
        self.paint(Role::Bad.look())
    }
    fn quiet(&self) -> String {
        self.paint(Role::Quiet.look())
    }
    fn attention(&self) -> String {
        self.paint(Role::Attention.look())
    }
    fn strong(&self) -> String {
        self.paint(Role::Strong.look())
    }
    fn as_role(&self, role: Role) -> String {
        self.paint(role.look())
    }
    fn paint(&self, look: Look) -> String {
        let text = self.as_ref();
        let codes = look.codes();
        if codes.is_empty() || text.is_empty() || !SHOULD_COLORIZE.should_colorize() {
            return text.to_owned();
        }
        // What is painted already ends in the middle of it.
        let text = text.replace(RESET, &format!("{RESET}\x1b[{codes}m"));
        format!("\x1b[{codes}m{text}{RESET}")
    }
}

impl<T: AsRef<str> + ?Sized> Paint for T {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_stand_in_their_order() {
        for (at, (role, name, _)) in ROLES.iter().enumerate() {
            assert_eq!(*role as usize, at, "{name}");
        }
    }

    #[test]
    fn a_look_is_told_as_a_terminal_knows_it() {
        assert_eq!(Look::PLAIN.codes(), "");
        assert_eq!(Look::of(1).with(Look::BOLD).codes(), "1;31");
        assert_eq!(Look::of(12).codes(), "94");
        assert_eq!(Look::exact(1, 20, 255).with(Look::ITALIC).codes(), "3;38;2;1;20;255");
        let all = [Look::BOLD, Look::DIM, Look::ITALIC, Look::UNDERLINED];
        assert_eq!(all.into_iter().fold(Look::of(0), Look::with).codes(), "1;2;3;4;30");
    }
}
