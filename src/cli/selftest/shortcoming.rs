//! What each way of confining is known not to hold, and why: data, so that a test of this machine
//! says what is news and what is not.

use crate::sandbox::Level;

/// Cases by their ids, and why they come through where nothing better works.
type Shortcomings = &'static [(&'static [&'static str], &'static str)];

const REDUCED: Shortcomings = &[
    (&["R11"], "all processes of the machine are visible"),
    (
        &["R08", "R09", "R14"],
        "path rules cannot take a file away that lies in a directory which can be read",
    ),
    (&["W07"], "path rules know neither modes nor times of files"),
    (&["W12", "W13"], "`/tmp` and its kind are shared"),
    (
        &[
            "G01", "G02", "G03", "G04", "G05", "G07", "G08", "G09", "G10", "G11", "G12", "G13",
            "G15",
        ],
        "path rules cannot close a part of a directory which can be written to; the person is told",
    ),
    (&["F04"], "path rules know nothing of socket files, so no command makes or reaches one"),
    (&["N08"], "there is no network at all, not even its own"),
    (&["P04", "P05"], "the agent ends what a command leaves, the kernel does not; not seen here"),
];

/// Why a case comes through at this level, if it is known that it may.
pub(super) fn known(level: Level, case: &str) -> Option<&'static str> {
    let all = match level {
        Level::Namespaces | Level::Bubblewrap => &[],
        Level::Reduced => REDUCED,
        #[cfg(target_os = "macos")]
        Level::Seatbelt => &[],
    };
    all.iter().find(|(ids, _)| ids.contains(&case)).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::selftest::case::CASES;

    #[test]
    fn each_names_a_case() {
        let named = REDUCED.iter().flat_map(|(ids, _)| *ids);
        for id in named {
            assert!(CASES.iter().any(|it| it.id == *id), "there is no case {id}");
        }
    }
}
