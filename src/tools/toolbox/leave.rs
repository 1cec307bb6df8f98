//! What a person should know of a call who has to allow it.

use crate::conversation::{Call, Effect};
use crate::tools::toolbox::Tool;
use crate::tools::{Foresight, Toolbox, arguments, edit_file, write_file};

impl Toolbox {
    /// What the call would make of files as they are now; nothing where it makes nothing of them, or
    /// would fail.
    pub(crate) fn foresee(&self, call: &Call) -> Foresight {
        let (workspace, budget) = (&*self.workspace, self.limits.result);
        let files = match self.find(&call.tool) {
            Some((Tool::EditFile, spec)) => arguments::parse(&call.args, spec)
                .ok()
                .and_then(|it| edit_file::foresee(workspace, &self.seen, budget, it)),
            Some((Tool::WriteFile, spec)) => arguments::parse(&call.args, spec)
                .ok()
                .and_then(|it| write_file::foresee(workspace, &self.seen, budget, it)),
            _ => None,
        };
        Foresight { files: files.unwrap_or_default() }
    }

    /// What holds a call while it runs, in a few words; nothing where it runs no program.
    pub(crate) fn hold(&self, call: &Call) -> String {
        let spec = self.specs.iter().find(|it| it.name == call.tool);
        match spec.is_some_and(|it| it.effect == Effect::Executes) {
            true => self.shell.hold(),
            false => String::new(),
        }
    }
}
