//! Takes secrets out of a session that is given away.
//!
//! What is found is found by its form, by the name it is assigned to, or because it is known to be a
//! secret of this machine. Rather too much goes than too little; what has no form and no name is not
//! found, so whoever gives a session away reads it first.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::{Captures, Regex, RegexBuilder};
use serde_json::Value;

use crate::conversation::{Decision, Entry, Mark, Outcome, Plan, PlanCheck, PlanStep, Reply};
use crate::session::Held;

/// What stands where a secret stood.
const MARK: &str = "[redacted]";

/// A shorter value of a variable is found everywhere, and is no secret worth the name.
const SHORTEST: usize = 8;

/// What only this machine knows to be private.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    /// Shown as `~`.
    home: Option<String>,
    /// Values of variables with secret names, the longest first.
    known: Vec<String>,
}

impl Secrets {
    /// From the home and the environment of the person.
    pub(crate) fn new<'a>(
        home: Option<&Path>,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let home = home.filter(|it| it.parent().is_some()).map(|it| it.display().to_string());
        let home = home.map(|it| it.trim_end_matches('/').to_owned());
        let secret = |(name, value): &(&str, &str)| {
            // Where one stands is no secret, whatever its name ends with.
            is_secret(name) && !matches!(*name, "PWD" | "OLDPWD") && SHORTEST <= value.len()
        };
        let named = variables.into_iter().filter(secret).map(|(_, value)| value.to_owned());
        let mut known: Vec<_> = named.filter(|it| home.as_ref() != Some(it)).collect();
        known.sort_by_key(|it| std::cmp::Reverse(it.len()));
        Self { home, known }
    }

    /// The same session without what nobody else should read.
    pub(crate) fn taken_from(&self, held: Held) -> Held {
        let project = held.project.map(|it| PathBuf::from(self.text(&it.to_string_lossy())));
        let entries = held.entries.into_iter().map(|it| self.entry(it)).collect();
        Held { title: self.text(&held.title), project, entries, ..held }
    }

    fn entry(&self, entry: Entry) -> Entry {
        match entry {
            Entry::Opened { system } => Entry::Opened { system: self.text(&system) },
            Entry::Prompt(words) => Entry::Prompt(self.text(&words)),
            Entry::Reply(reply) => {
                let mut reply = Reply {
                    text: self.text(&reply.text),
                    spoken: self.text(&reply.spoken),
                    reasoning: self.text(&reply.reasoning),
                    ..reply
                };
                reply.calls.iter_mut().for_each(|it| it.args = self.arguments(&it.args));
                Entry::Reply(reply)
            }
            Entry::Decided { call, decision } => {
                let decision = match decision {
                    Decision::Always(rule) => Decision::Always(self.text(&rule)),
                    Decision::Changed(mut it) => {
                        it.call.args = self.arguments(&it.call.args);
                        it.left_out = self.text(&it.left_out);
                        Decision::Changed(it)
                    }
                    Decision::Denied(words) => Decision::Denied(self.text(&words)),
                    decision => decision,
                };
                Entry::Decided { call, decision }
            }
            Entry::Result { call, outcome } => {
                let outcome = Outcome {
                    text: self.text(&outcome.text),
                    gist: self.text(&outcome.gist),
                    notices: outcome.notices.iter().map(|it| self.text(it)).collect(),
                    ..outcome
                };
                Entry::Result { call, outcome }
            }
            Entry::Note(text) => Entry::Note(self.text(&text)),
            Entry::Condensed(mut condensed) => {
                condensed.summary = self.text(&condensed.summary);
                Entry::Condensed(condensed)
            }
            Entry::Wanted { form, words } => Entry::Wanted { form, words: self.text(&words) },
            Entry::Planned(plan) => Entry::Planned(self.plan(plan)),
            Entry::Marked(mark) => {
                let (gist, text) = (self.text(&mark.gist), self.text(&mark.text));
                Entry::Marked(Mark { gist, text, ..mark })
            }
            Entry::Planning
            | Entry::Started { .. }
            | Entry::Stopped(_)
            | Entry::Full { .. }
            | Entry::Pruned(_) => entry,
        }
    }

    fn plan(&self, plan: Plan) -> Plan {
        let texts = |it: Vec<String>| it.iter().map(|it| self.text(it)).collect();
        let step = |it: PlanStep| PlanStep {
            what: self.text(&it.what),
            files: texts(it.files),
            check: match it.check {
                PlanCheck::Command(line) => PlanCheck::Command(self.text(&line)),
                PlanCheck::Look(words) => PlanCheck::Look(self.text(&words)),
                PlanCheck::Nothing => PlanCheck::Nothing,
            },
            gist: self.text(&it.gist),
            status: it.status,
        };
        Plan {
            stage: plan.stage,
            goal: self.text(&plan.goal),
            steps: plan.steps.into_iter().map(step).collect(),
            risks: texts(plan.risks),
        }
    }

    /// Arguments are JSON, in whose strings quotation marks are not what they seem.
    fn arguments(&self, args: &str) -> String {
        match serde_json::from_str(args) {
            Ok(value) => self.value(value).to_string(),
            Err(_) => self.text(args),
        }
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|it| self.value(it)).collect(),
            Value::Object(fields) => {
                let field = |(name, value): (String, Value)| {
                    let hidden = is_secret(&name) && (value.is_string() || value.is_number());
                    let value = if hidden { MARK.into() } else { self.value(value) };
                    (self.text(&name), value)
                };
                fields.into_iter().map(field).collect()
            }
            value => value,
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.known {
            text = text.replace(value, MARK);
        }
        for form in FORMS.iter() {
            text = form.take_from(&text);
        }
        match &self.home {
            Some(home) => without_home(&text, home),
            None => text,
        }
    }
}

/// Whether whatever has this name is a secret.
fn is_secret(name: &str) -> bool {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| expression(&format!(r"^(?i:[\w.-]*?)(?:{SECRET_NAME})$")));
    NAME.is_match(name)
}

/// The home as `~`, but not where it is only the beginning of another name.
fn without_home(text: &str, home: &str) -> String {
    let mut parts = text.split(home);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let goes_on = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-');
        shown += if part.starts_with(goes_on) { home } else { "~" };
        shown += part;
    }
    shown
}

/// What names of secrets end in, in any spelling.
const SECRET_NAME: &str = r"(?i:passw(?:or)?d|passphrase|passwort|pwd|secret|credentials?|token|bearer|api[_-]?key|(?:access|account|auth|encryption|license|master|private|secret|session|signing|ssh)[_-]?key(?:[_-]?id)?|connection[_-]?string|client[_-]?secret|webhook[_-]?url|database[_-]?url)(?:_\d+|[_-](?:value|hash|base64|b64|prod|dev|test))?";

/// What stands behind such a name without quotation marks and is none: a reference to where the secret
/// is, a type, a word of a language, a small number, a call.
const NO_SECRET: &str = r"^(?:\$[A-Za-z_{(]|[\[{(<]|&(?:'|str|mut)|\*+$|%[A-Z{]|(?:std::)?env[.!:(]|process\.env|os\.(?:environ|getenv)|(?i:true|false|null|nil|none|undefined|todo)$|(?:self|this)[.$]|(?:Option|String|str|string|int|integer|number|bool|boolean|any|bytes|Bytes|char|[iu](?:8|16|32|64|size)|float|object|text|Token|Tokens|Vec|Secret|SecretString)(?:$|[<\[|?])|\d{1,3}$|[A-Za-z_][\w.:]*\($)";

/// One form that secrets have. The group `secret` is what goes; without one, all of it.
struct Form {
    expression: Regex,
    /// Values that may stand there without quotation marks and are none.
    but: Option<Regex>,
}

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    // Each of these begins in a way that nothing else does.
    let tokens = [
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
        r"gh[pousr]_[A-Za-z0-9]{20,}",
        r"github_pat_[A-Za-z0-9_]{20,}",
        r"gl(?:pat|ptt|dt|rt|cbt|soat)-[\w-]{20,}",
        r"sk-[A-Za-z0-9_-]{16,}",
        r"(?:gsk|xai|pplx|nvapi|r8|co|hf|api_org)[_-][A-Za-z0-9_-]{30,}",
        r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
        r"whsec_[A-Za-z0-9+/=]{16,}",
        r"xox[abeoprs]-[\w-]{10,}",
        r"xapp-[\w-]{10,}",
        r"AIza[\w-]{35}",
        r"ya29\.[\w-]{20,}",
        r"GOCSPX-[\w-]{20,}",
        r"npm_[A-Za-z0-9]{30,}",
        r"pypi-[\w-]{16,}",
        r"cio[A-Za-z0-9]{32}",
        r"do[opr]_v1_[a-f0-9]{40,}",
        r"SG\.[\w-]{16,}\.[\w-]{16,}",
        r"(?:SK|AC)[0-9a-f]{32}",
        r"\d{8,10}:AA[\w-]{32,}",
        r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?",
        r"AGE-SECRET-KEY-1[A-Z0-9]{40,}",
        r"hv[sbr]\.[\w-]{20,}",
        r"dapi[0-9a-f]{32}",
        r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
        r"dckr_(?:pat|oat)_[\w-]{20,}",
        r"(?:lin_api|ntn|figd|dop|dp\.(?:pt|st|ct))[_.][\w-]{20,}",
        r"AccountKey=[A-Za-z0-9+/=]{20,}",
    ];
    let tokens = format!(r"\b(?:{})", tokens.join("|"));
    // Behind a name; in quotation marks, escaped or not, to their end.
    let assigned = format!(
        r#"\b(?:[\w.-]*?)(?:{SECRET_NAME})(?:\\?["'`])?(?:\s*(?:=>|:=|=|:)\s*|\s+=\s+)(?:\\?"(?P<a>[^"\\\n]+)|\\?'(?P<b>[^'\\\n]+)|`(?P<c>[^`\n]+)|(?P<secret>[^\s"'`,;)\]}}\\]+))"#
    );
    let forms = [
        (
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
            None,
        ),
        (&*assigned, Some(NO_SECRET)),
        (&*tokens, None),
        (r"https://hooks\.slack\.com/(?:services|workflows)/(?P<secret>[\w/+-]+)", None),
        (r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/(?P<secret>[\w/-]+)", None),
        (r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:(?P<secret>[^\s/@]+)@", None),
        (
            r#"(?i)\bauthorization(?:\\?["'])?\s*[:=]\s*(?:\\?["'])?(?:bearer|basic|token|digest|negotiate)?\s*(?P<secret>[^\s"'\\]+)"#,
            None,
        ),
        (r"(?i)\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9._~+/=-]{16,})", None),
        (r"(?i)\bcookie\s*:\s*(?P<secret>[^\r\n]+)", None),
        (
            r#"(?i)(?:^|\s)--?(?:password|passwd|passphrase|token|secret|api-key|access-key|auth-token)(?:=|\s+)(?P<secret>[^\s"'-][^\s"']*)"#,
            None,
        ),
        (r"(?:^|\s)curl\s[^\n]*?(?:-u|--user)[= ]?(?P<secret>[^\s:]+:\S+)", None),
        (r"(?m)\b(?:machine|default)\s[^\n]*?\bpassword\s+(?P<secret>\S+)", None),
    ];
    let form = |(text, but): (&str, Option<&str>)| Form {
        expression: expression(text),
        but: but.map(expression),
    };
    forms.into_iter().map(form).collect()
});

fn expression(text: &str) -> Regex {
    RegexBuilder::new(text).size_limit(32 << 20).build().expect("our expressions are well formed")
}

impl Form {
    fn take_from(&self, text: &str) -> String {
        let replaced = self.expression.replace_all(text, |found: &Captures<'_>| {
            let whole = &found[0];
            let group = ["secret", "a", "b", "c"].into_iter().find_map(|it| found.name(it));
            let Some(secret) = group else { return MARK.to_owned() };
            let is_mark = MARK.strip_prefix(secret.as_str()).is_some_and(|it| it.len() < 2);
            let is_bare = found.name("secret").is_some();
            let is_none = self.but.as_ref().filter(|_| is_bare && !secret.as_str().contains(MARK));
            if is_mark || is_none.is_some_and(|it| it.is_match(secret.as_str())) {
                return whole.to_owned();
            }
            let from = secret.start() - found.get_match().start();
            format!("{}{MARK}{}", &whole[..from], &whole[from + secret.len()..])
        });
        replaced.into_owned()
    }
}

#[cfg(test)]
mod tests;
