//! From the settings about checks to the rules that the tools follow.

use crate::config;
use crate::conversation::Permission;
use crate::tools::{AfterEdit, CheckRules};
use crate::workspace::checks::Purpose;

/// What runs after an edit runs without being asked for, so no code of the project does where the
/// person wants to be asked.
pub(super) fn rules(settings: &config::Checks, permission: Permission) -> CheckRules {
    let config::Checks { check, lint, test, format, after_edit, attempts } = settings;
    let commands = [
        (Purpose::Check, check),
        (Purpose::Lint, lint),
        (Purpose::Test, test),
        (Purpose::Format, format),
    ];
    let commands = commands.into_iter().filter_map(|(it, line)| Some((it, line.clone()?)));
    let may_run = Permission::Auto <= permission;
    let after_edit = match (after_edit, may_run) {
        (config::AfterEdit::Never, _) => AfterEdit::Nothing,
        (_, false) => AfterEdit::File,
        (config::AfterEdit::Auto, true) => AfterEdit::QuickProject,
        (config::AfterEdit::Always, true) => AfterEdit::Project,
    };
    CheckRules { commands: commands.collect(), attempts: *attempts, after_edit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_to_be_asked_has_nothing_of_the_project_run_unasked() {
        let level = |after_edit, permission| {
            rules(&config::Checks { after_edit, ..Default::default() }, permission).after_edit
        };
        assert_eq!(level(config::AfterEdit::Always, Permission::Ask), AfterEdit::File);
        assert_eq!(level(config::AfterEdit::Auto, Permission::Ask), AfterEdit::File);
        assert_eq!(level(config::AfterEdit::Auto, Permission::Auto), AfterEdit::QuickProject);
        assert_eq!(level(config::AfterEdit::Always, Permission::Full), AfterEdit::Project);
        assert_eq!(level(config::AfterEdit::Never, Permission::Full), AfterEdit::Nothing);
    }

    #[test]
    fn a_command_of_the_person_has_its_purpose() {
        let settings = config::Checks { test: Some("make t".to_owned()), ..Default::default() };
        let rules = rules(&settings, Permission::Auto);
        assert_eq!(rules.commands, [(Purpose::Test, "make t".to_owned())]);
        assert_eq!(rules.attempts, 3);
    }
}
