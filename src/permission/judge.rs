//! What is to become of a call: `deny` over `ask` over `allow`, and where no rule speaks, the mode.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use crate::conversation::{Effect, Permission, Stakes};
use crate::permission::command::{
    Parts, are_harmless, is_only_its_script, parts, readings, stripped, touched,
};
use crate::permission::pattern::Doubt;
use crate::permission::read_only::is_read_only;
use crate::permission::rule::Which;
use crate::permission::shell::{Redirect, Simple, Unclear};
use crate::permission::subject::{Subject, normal};
use crate::permission::{Act, Rule, RuleOptions, suggest};
use crate::workspace::{Access, Leave, ProjectPath, Warden};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Allow,
    Ask(Stakes),
    /// With the reason, as a sentence to the model, and in a few words to the person.
    Refuse {
        why: String,
        gist: &'static str,
    },
}

/// The mode, the person's rules, and those they added since.
#[derive(Debug)]
pub(crate) struct Permissions {
    pub(crate) mode: Permission,
    root: PathBuf,
    rules: RuleOptions,
    granted: RwLock<Vec<Rule>>,
}

impl Permissions {
    /// `granted` are rules that were saved for this project; they allow.
    pub(crate) fn new(
        mode: Permission,
        root: &Path,
        rules: RuleOptions,
        granted: Vec<Rule>,
    ) -> Self {
        Self { mode, root: root.to_owned(), rules, granted: RwLock::new(granted) }
    }

    /// From now on this is allowed, too.
    pub(crate) fn grant(&self, rule: Rule) {
        self.granted.write().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// The rules that no tool is meant by, if these are all there are.
    pub(crate) fn strangers<'a>(&'a self, tools: &'a [&str]) -> impl Iterator<Item = &'a Rule> {
        let RuleOptions { allow, ask, deny } = &self.rules;
        [allow, ask, deny].into_iter().flatten().filter(|it| !tools.contains(&it.tool()))
    }

    pub(crate) fn judge(&self, act: Act<'_>) -> Verdict {
        let subject = Subject::of(act, &self.root);
        if let Some(rule) = self.first(&self.rules.deny, &subject) {
            return refused(format!("Refused: the user's rules forbid it (`{rule}`)."), RULE);
        }
        let parts = subject.command.or(subject.typed).map(parts);
        if let Some(Ok(parts)) = &parts
            && let Some(rule) = self.forbidden_part(&self.rules.deny, &subject, parts)
        {
            return refused(format!("Refused: the user's rules forbid it (`{rule}`)."), RULE);
        }
        if let Some(unclear) = unclear(&subject, parts.as_ref())
            && let Some(rule) = self.rules.deny.iter().find(|it| it.may_mean(&subject))
        {
            // Where a person decides, they see all of it; where nobody does, a doubt is a no.
            if self.mode == Permission::Ask && subject.act.args.is_some() {
                let why = format!("{unclear}, so the rule `{rule}` could not be held against it");
                return Verdict::Ask(Stakes { why, ..Stakes::default() });
            }
            return refused(
                format!(
                    "Refused: {unclear}, so the user's rule `{rule}` cannot be held. Say it in a \
                     plainer way."
                ),
                RULE,
            );
        }
        let changes = matches!(act.effect, Effect::Writes | Effect::Executes | Effect::Reaches);
        match self.mode {
            Permission::ReadOnly if changes => {
                return refused(
                    "Refused: this session may look but not change or run anything.".to_owned(),
                    "refused: read-only",
                );
            }
            Permission::Full => return Verdict::Allow,
            Permission::ReadOnly | Permission::Ask | Permission::Auto => {}
        }
        let allowed = match act.effect {
            Effect::Reads | Effect::Asks => true,
            Effect::Writes | Effect::Executes => {
                let command = parts.as_ref().filter(|_| subject.command.is_some());
                self.mode == Permission::Auto || self.is_allowed(&subject, command)
            }
            Effect::Reaches => self.is_allowed(&subject, parts.as_ref()),
        };
        if !allowed && self.mode == Permission::Auto {
            return match act.asked {
                Some(_) => refused(
                    "Refused: no rule of the user allows this host. Do without it, or ask the user."
                        .to_owned(),
                    "refused: no rule allows it",
                ),
                None => refused(
                    "Refused: only http and https are fetched, from a host that is written plainly."
                        .to_owned(),
                    "refused: no such address",
                ),
            };
        }
        if let Some(rule) = self.asking(&subject, parts.as_ref()) {
            let why = format!("the rule `{rule}` wants you to be asked");
            return Verdict::Ask(Stakes { why, ..Stakes::default() });
        }
        if allowed {
            return Verdict::Allow;
        }
        let always = suggest::rule(&act, &subject.paths);
        Verdict::Ask(Stakes { always, ..Stakes::default() })
    }

    /// The first of the rules that means the call as a whole.
    fn first<'a>(&self, rules: &'a [Rule], subject: &Subject<'_>) -> Option<&'a Rule> {
        rules.iter().find(|rule| match &rule.which {
            Which::All => rule.tool == subject.act.tool,
            Which::Path(glob) => {
                (rule.guards(subject.act.effect) || rule.tool == subject.act.tool)
                    && subject.paths.iter().any(|it| glob.touches(it))
            }
            Which::Host(host) => {
                rule.tool == subject.act.tool && subject.act.asked.is_some_and(|it| host.means(it))
            }
            Which::Command(_) => false,
        })
    }

    /// The first of the rules that means a part of a command: the program itself, a file it is told
    /// to write, or one that stands among its words.
    fn forbidden_part<'a>(
        &self,
        rules: &'a [Rule],
        subject: &Subject<'_>,
        parts: &Parts,
    ) -> Option<&'a Rule> {
        let readings: Vec<_> = parts.all().flat_map(|it| readings(&it.words)).collect();
        let file = |text: &str| normal(&self.root, &subject.directory, text);
        let words = parts.all().flat_map(|it| it.words.iter().skip(1)).map(|it| &*it.text);
        let redirected = parts.all().flat_map(|it| touched(&it.redirects));
        let redirected = redirected.map(|it| match it {
            Redirect::From(word) | Redirect::To(word) => &*word.text,
        });
        let files: Vec<String> = words.chain(redirected).filter_map(file).collect();
        rules.iter().find(|rule| match &rule.which {
            Which::Command(pattern) => {
                subject.is_of(&rule.tool) && readings.iter().any(|it| pattern.fits(it, Doubt::For))
            }
            // What a program does with a file that it is told of is not known.
            Which::Path(glob) => {
                rule.guards(Effect::Writes) && files.iter().any(|it| glob.touches(it))
            }
            Which::All | Which::Host(_) => false,
        })
    }

    fn asking(
        &self,
        subject: &Subject<'_>,
        parts: Option<&Result<Parts, Unclear>>,
    ) -> Option<&Rule> {
        let ask = &self.rules.ask;
        let whole = self.first(ask, subject);
        let part = || self.forbidden_part(ask, subject, parts?.as_ref().ok()?);
        let in_doubt = || {
            doubt(parts?)?;
            ask.iter().find(|it| it.may_mean(subject))
        };
        whole.or_else(part).or_else(in_doubt)
    }

    /// Whether rules, or the list of what only looks, cover all that the call does.
    fn is_allowed(&self, subject: &Subject<'_>, parts: Option<&Result<Parts, Unclear>>) -> bool {
        let granted = self.granted.read().unwrap_or_else(PoisonError::into_inner);
        let mut rules = self.rules.allow.iter().chain(granted.iter());
        let whole = rules.any(|rule| match &rule.which {
            Which::All => rule.tool == subject.act.tool,
            Which::Path(glob) => {
                let writes = subject.act.effect == Effect::Writes && rule.is_for_writing();
                (writes || rule.tool == subject.act.tool)
                    && !subject.strays
                    && !subject.paths.is_empty()
                    && subject.paths.iter().all(|it| glob.covers(it))
            }
            Which::Host(host) => {
                rule.tool == subject.act.tool && subject.act.asked.is_some_and(|it| host.means(it))
            }
            Which::Command(_) => false,
        });
        if whole {
            return true;
        }
        let Some(Ok(parts)) = parts else { return false };
        let rules: Vec<&Rule> = self.rules.allow.iter().chain(granted.iter()).collect();
        let parts = &parts.plain;
        !parts.is_empty() && parts.iter().all(|it| self.covers(&rules, subject, it))
    }

    fn covers(&self, rules: &[&Rule], subject: &Subject<'_>, part: &Simple) -> bool {
        let Simple { assignments, words, redirects } = part;
        let is_inside = |it: &str| normal(&self.root, &subject.directory, it).is_some();
        let redirects = touched(redirects).all(|it| match it {
            Redirect::From(word) => {
                word.literal().is_some_and(is_inside) && !self.keeps_files_unread()
            }
            Redirect::To(word) => word.literal().is_some_and(|it| {
                let path = normal(&self.root, &subject.directory, it);
                path.is_some_and(|it| rules.iter().any(|rule| rule.lets_write(&it)))
            }),
        });
        let named = |words: &[_]| {
            rules.iter().any(|rule| match &rule.which {
                Which::Command(pattern) => {
                    rule.tool == subject.act.tool && pattern.fits(words, Doubt::Against)
                }
                Which::All | Which::Path(_) | Which::Host(_) => false,
            })
        };
        let looks = || !self.keeps_files_unread() && is_read_only(stripped(words), &is_inside);
        let nothing = words.is_empty() && assignments.is_empty();
        let program = nothing
            || named(words)
            || named(stripped(words))
            || is_only_its_script(words)
            || looks();
        redirects && are_harmless(assignments) && program
    }

    /// Whether there are files that must not be read just so: then no command that reads is sure
    /// to leave them alone.
    fn keeps_files_unread(&self) -> bool {
        let RuleOptions { ask, deny, .. } = &self.rules;
        ask.iter()
            .chain(deny)
            .any(|it| matches!(it.which, Which::Path(_)) && it.guards(Effect::Reads))
    }

    /// What the rules and the mode say of a file, by its path alone.
    fn leave_of(&self, effect: Effect, path: &str) -> Leave {
        let meant = |rules: &[Rule]| {
            rules.iter().any(|it| match &it.which {
                Which::Path(glob) => it.guards(effect) && glob.touches(path),
                _ => false,
            })
        };
        if meant(&self.rules.deny) {
            return Leave::Never;
        }
        if self.mode == Permission::Full {
            return Leave::Free;
        }
        if meant(&self.rules.ask) {
            return Leave::Ask;
        }
        if self.mode == Permission::Auto || effect == Effect::Reads {
            return Leave::Free;
        }
        let granted = self.granted.read().unwrap_or_else(PoisonError::into_inner);
        let mut rules = self.rules.allow.iter().chain(granted.iter());
        if rules.any(|it| it.lets_write(path)) { Leave::Free } else { Leave::Ask }
    }
}

/// A link that was planted after a call was judged leads to where the rules are the same.
impl Warden for Permissions {
    fn leave(&self, access: Access, path: &ProjectPath) -> Leave {
        let effect = match access {
            Access::Read => Effect::Reads,
            Access::Write => Effect::Writes,
        };
        self.leave_of(effect, &path.as_path().to_string_lossy())
    }
}

/// Tools that show what is in a file, and those that change it. A rule with a path speaks of the
/// file, whichever of them touches it.
const READERS: &[&str] = &["read_file", "search", "list_files", "find_files"];
const WRITERS: &[&str] = &["edit_file", "write_file"];

impl Rule {
    fn is_for_writing(&self) -> bool {
        WRITERS.contains(&&*self.tool)
    }

    /// Whether it forbids, or asks about, what touches files so: what must not be read is not
    /// written either.
    fn guards(&self, effect: Effect) -> bool {
        match effect {
            Effect::Reads => READERS.contains(&&*self.tool),
            Effect::Writes => self.is_for_writing() || READERS.contains(&&*self.tool),
            Effect::Asks | Effect::Executes | Effect::Reaches => false,
        }
    }

    /// The pattern of files whose content it is about, as it was written.
    pub(super) fn unreadable(&self) -> Option<&str> {
        let text = self.text().split_once('(')?.1.strip_suffix(')')?.trim();
        (matches!(self.which, Which::Path(_)) && self.guards(Effect::Reads)).then_some(text)
    }

    /// Whether it allows to write this file.
    fn lets_write(&self, path: &str) -> bool {
        self.is_for_writing()
            && match &self.which {
                Which::All => true,
                Which::Path(glob) => glob.covers(path),
                Which::Command(_) | Which::Host(_) => false,
            }
    }

    /// Whether it could mean the call, of which not enough is known.
    fn may_mean(&self, subject: &Subject<'_>) -> bool {
        match &self.which {
            Which::All => false,
            Which::Path(_) => subject.act.args.is_none() && self.guards(subject.act.effect),
            Which::Command(_) | Which::Host(_) => subject.is_of(&self.tool),
        }
    }
}

/// Why it is not known what the command does.
fn doubt(parts: &Result<Parts, Unclear>) -> Option<Unclear> {
    match parts {
        Ok(parts) => parts.doubt,
        Err(unclear) => Some(*unclear),
    }
}

/// Why it is not known what the call does.
fn unclear(subject: &Subject<'_>, parts: Option<&Result<Parts, Unclear>>) -> Option<String> {
    match parts.and_then(doubt) {
        Some(doubt) if subject.typed.is_some() => Some(format!("the input {doubt}")),
        Some(doubt) => Some(format!("the command {doubt}")),
        _ if subject.act.args.is_none() => {
            Some("the arguments cannot be understood as a JSON object".to_owned())
        }
        _ if subject.act.effect == Effect::Reaches && subject.act.asked.is_none() => {
            Some("the address cannot be understood".to_owned())
        }
        _ => None,
    }
}

const RULE: &str = "refused by a rule";

fn refused(why: String, gist: &'static str) -> Verdict {
    Verdict::Refuse { why, gist }
}

#[cfg(test)]
mod tests;
