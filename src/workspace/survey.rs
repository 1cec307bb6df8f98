//! What of the project commands must not see or change, and what has come into being.

use std::path::PathBuf;

/// Looks at the project again and again.
#[derive(Debug)]
pub(crate) struct Survey {
    root: PathBuf,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) hidden: Vec<PathBuf>,
    pub(crate) pinned: Vec<PathBuf>,
    pub(crate) frozen: Vec<PathBuf>,
    /// With whether it would be a directory.
    pub(crate) absent: Vec<(PathBuf, bool)>,
    pub(crate) news: Vec<String>,
}

impl Survey {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn look(&mut self) -> View {
        let git = self.root.join(".git");
        let mut view = View::default();
        if git.is_dir() {
            for name in ["config", "hooks", "info"] {
                let path = git.join(name);
                if path.exists() {
                    view.frozen.push(path);
                } else {
                    view.absent.push((path, name != "config"));
                }
            }
            view.pinned.push(git);
        }
        view
    }
}
