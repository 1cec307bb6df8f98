//! From a path as a program printed it to one of the project.

use std::path::{Component, Path, PathBuf};

use crate::workspace::diagnostics::Findings;

/// What a printed path can mean.
pub(crate) struct Resolve<'a> {
    /// The project, as an absolute path.
    pub(crate) root: &'a Path,
    /// Where the program ran, from the root.
    pub(crate) ran_in: &'a Path,
    /// Whether there is a file at this path from the root.
    pub(crate) exists: &'a dyn Fn(&Path) -> bool,
}

impl Resolve<'_> {
    /// Gives all paths from the root of the project, as far as they lead to a file of it. Others
    /// stay as they are.
    pub(crate) fn apply(&self, findings: &mut Findings) {
        let files = findings.diagnostics.iter_mut().map(|it| &mut it.file);
        for file in files.chain(findings.tests.iter_mut().map(|it| &mut it.file)) {
            if let Some(path) = self.path(file) {
                *file = path;
            }
        }
    }

    fn path(&self, printed: &str) -> Option<String> {
        let printed = Path::new(printed);
        if printed.is_absolute() {
            let path = normal(printed.strip_prefix(self.root).ok()?)?;
            return Some(path.display().to_string());
        }
        // Cargo and others print from the root of a whole that the directory is a part of; Go
        // names a package before the file.
        let above = self.ran_in.ancestors().filter_map(|it| normal(&it.join(printed)));
        let parts: Vec<_> = printed.components().collect();
        let below =
            (1..parts.len()).map(|it| self.ran_in.join(parts[it..].iter().collect::<PathBuf>()));
        let mut candidates = above.chain(below.filter_map(|it| normal(&it)));
        candidates.find(|it| (self.exists)(it)).map(|it| it.display().to_string())
    }
}

/// Without `.` and `..`; `None` if it would climb out.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(it) => normal.push(it),
            Component::CurDir => {}
            Component::ParentDir => normal.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}
