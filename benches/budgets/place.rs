//! Where the program is measured: a small project and a large one, both under version control.

use crate::support::home::Home;

pub(crate) const SMALL: usize = 60;
pub(crate) const LARGE: usize = 20_000;

/// A home whose project has so many files.
pub(crate) fn home(files: usize) -> Home {
    let home = Home::new();
    for n in 0..files {
        let text = format!("// File {n}.\npub fn number() -> u32 {{\n    {n}\n}}\n");
        home.file(&format!("project/src/part{}/file{n}.rs", n / 100), &text);
    }
    home.git(&["init", "--quiet"]);
    home.git(&["add", "--all"]);
    home.git(&["commit", "--quiet", "--message", "all of it"]);
    home
}

/// What is read in the runs; there in every project.
pub(crate) const FILE: &str = "src/part0/file0.rs";

/// As in `a project of 60 files`.
pub(crate) fn sizes() -> [(&'static str, usize); 2] {
    [("60 files", SMALL), ("20,000 files", LARGE)]
}
