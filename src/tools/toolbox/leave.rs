//! What a person should know of a call who has to allow it.

use crate::conversation::{Call, Effect, Outcome};
use crate::tools::foresight::Foreseen;
use crate::tools::seen::Seen;
use crate::tools::toolbox::{Tool, malformed};
use crate::tools::{Foresight, Toolbox, arguments, edit_file, write_file};

impl Toolbox {
    /// What the call would make of files as they are now, and nothing where it makes nothing of them;
    /// or how it would fail. The model is taken to have seen nothing by it.
    pub(crate) fn foresee(&self, call: &Call) -> Result<Foresight, Outcome> {
        let files = self.foreseen(&self.seen.apart(), call)?;
        Ok(Foresight { files })
    }

    /// What comes of a call that is sure to fail; `None` where it may not. Nothing is changed by it, and
    /// the model is told as if it had been run.
    pub(crate) fn in_vain(&self, call: &Call) -> Option<Outcome> {
        let understood = arguments::understand(call, &self.specs).ok()?;
        self.foresee(&understood.call).err()?;
        // What it is told now it has seen.
        let mut outcome = self.foreseen(&self.seen, &understood.call).err()?;
        self.hold_and_instruct(&understood.call, &mut outcome);
        outcome.text.insert_str(0, &understood.mention());
        Some(outcome)
    }

    fn foreseen(&self, seen: &Seen, call: &Call) -> Result<Vec<Foreseen>, Outcome> {
        let (workspace, budget) = (&*self.workspace, self.limits.result);
        let files = match self.find(&call.tool) {
            Some((Tool::EditFile, spec)) => {
                let args = arguments::parse(&call.args, spec).map_err(malformed)?;
                edit_file::foresee(workspace, seen, budget, args)
            }
            Some((Tool::WriteFile, spec)) => {
                let args = arguments::parse(&call.args, spec).map_err(malformed)?;
                write_file::foresee(workspace, seen, budget, args)
            }
            _ => Ok(Vec::new()),
        };
        files.map_err(|failure| Err(failure).into())
    }

    /// As much of the outcome as the model reads, with what is written for where it has come to.
    pub(super) fn hold_and_instruct(&self, call: &Call, outcome: &mut Outcome) {
        outcome.text = self.limits.result.hold(std::mem::take(&mut outcome.text));
        if let Some(instructed) = &self.instructed {
            instructed.tell(&self.workspace, call, outcome);
        }
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
