//! Tests that the model wrote, kept only if they are worth something: each has to pass, and to fail
//! when the code under it is broken. What does not is told and mended, and at last taken out.

use serde_json::{Value, json};

use crate::agent::turn::{Finish, World};
use crate::agent::{Desk, Form, Host};
use crate::conversation::{Call, Event, Front, Stop};
use crate::permission::Verdict;
use crate::tools::{Claim, Trial};

/// So often the model is told what is wrong with its tests, before they are taken out.
const MENDS: usize = 2;

/// What the tests have come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Proof {
    /// They pass, and fail when the code is broken as it says.
    pub(crate) held: Vec<Claim>,
    /// They do not, for this reason.
    pub(crate) failed: Vec<(Claim, String)>,
    /// Files with tests that the model did not take out: they are what they were before.
    pub(crate) put_back: Vec<String>,
    /// Why none could be made to fail here, where that is so.
    pub(crate) unbroken: Option<String>,
}

/// The form in which the model says what tests it wrote.
pub(crate) fn claims_form() -> anyhow::Result<Form> {
    let text = json!({"type": "string"});
    let test = json!({
        "type": "object", "additionalProperties": false,
        "required": ["test", "file", "code", "old", "new"],
        "properties": {"test": text, "file": text, "code": text, "old": text, "new": text},
    });
    Form::new(json!({
        "type": "object", "additionalProperties": false, "required": ["tests"],
        "properties": {"tests": {"type": "array", "items": test}},
    }))
}

impl<H: Host, F: Front> Desk<H, F> {
    /// Has the model write tests, told in `words` what for, and proves them. Whoever calls it has
    /// given the desk the form for what was written.
    pub(crate) async fn prove(&mut self, words: String) -> anyhow::Result<(Finish, Proof)> {
        let mut proof = Proof { unbroken: self.reach.toolbox.cannot_break(), ..Proof::default() };
        let mut words = words;
        for mend in 0..=MENDS {
            let finish = self.prompt(words).await?;
            if finish != Finish::Done {
                return Ok((finish, proof));
            }
            let claims = claims(self.formed.as_ref());
            if !self.examine(&claims, &mut proof).await {
                return Ok((Finish::Stopped(self.reach.reason(Stop::Cancelled)), proof));
            }
            if proof.failed.is_empty() && !claims.is_empty() || mend == MENDS {
                break;
            }
            words = complaint(&proof);
        }
        let finish = self.take_out(&mut proof).await?;
        Ok((finish, proof))
    }

    /// Tries each of the tests; false if the person stopped it.
    async fn examine(&mut self, claims: &[Claim], proof: &mut Proof) -> bool {
        let known = std::mem::take(&mut proof.held);
        proof.failed.clear();
        let mut passing = Vec::new();
        for claim in claims {
            if let Some(why) = self.may_not_run(claim) {
                proof.failed.push((claim.clone(), why));
                continue;
            }
            match self.try_out(claim, false).await {
                Trial::Held => passing.push(claim),
                Trial::Failed(why) => proof.failed.push((claim.clone(), why)),
                Trial::Stopped => return false,
            }
        }
        // All that pass are tried before the first is broken: each change of the code is built anew.
        for claim in passing {
            let is_known = proof.unbroken.is_some() || known.contains(claim);
            let trial = if is_known { Trial::Held } else { self.try_out(claim, true).await };
            match trial {
                Trial::Held => proof.held.push(claim.clone()),
                Trial::Failed(why) => proof.failed.push((claim.clone(), why)),
                Trial::Stopped => return false,
            }
        }
        true
    }

    async fn try_out(&mut self, claim: &Claim, is_broken: bool) -> Trial {
        self.front().show(&Event::Trying { test: &claim.test, is_broken });
        let (toolbox, stop) = (&self.reach.toolbox, self.reach.interrupt.fired());
        match is_broken {
            false => toolbox.runs(claim, stop).await,
            true => toolbox.can_fail(claim, stop).await,
        }
    }

    /// Why the person's rules keep the test from being run.
    fn may_not_run(&self, claim: &Claim) -> Option<String> {
        let args = json!({"kind": "test", "path": claim.file}).to_string();
        let call = Call { id: "trial".to_owned(), tool: "check".to_owned(), args };
        match self.rules.judge(&call) {
            Verdict::Allow => None,
            Verdict::Refuse { why, .. } => Some(why),
            Verdict::Ask(_) => Some("nobody is there to allow that it is run".to_owned()),
        }
    }

    /// Has the tests removed that came to nothing.
    async fn take_out(&mut self, proof: &mut Proof) -> anyhow::Result<Finish> {
        if proof.failed.is_empty() {
            return Ok(Finish::Done);
        }
        let (form, formed) = (self.form.take(), self.formed.take());
        let named: Vec<_> =
            proof.failed.iter().map(|(it, _)| format!("`{}` in `{}`", it.test, it.file)).collect();
        let words =
            format!("Take these tests out again, and change nothing else: {}.", named.join(", "));
        let finish = self.prompt(words).await;
        (self.form, self.formed) = (form, formed);
        let finish = finish?;
        let toolbox = &self.reach.toolbox;
        for (claim, _) in proof.failed.iter().filter(|(it, _)| toolbox.stands(it)) {
            let is_shared = proof.held.iter().any(|it| it.file == claim.file);
            if !is_shared
                && !proof.put_back.contains(&claim.file)
                && toolbox.put_back(&claim.file).is_ok()
            {
                proof.put_back.push(claim.file.clone());
            }
        }
        Ok(finish)
    }

    /// Tests that came to nothing and stand there all the same, beside others that are good.
    pub(crate) fn left<'a>(&self, proof: &'a Proof) -> Vec<&'a Claim> {
        let failed = proof.failed.iter().map(|(it, _)| it);
        failed.filter(|it| self.reach.toolbox.stands(it)).collect()
    }
}

fn claims(formed: Option<&Value>) -> Vec<Claim> {
    let tests = formed.and_then(|it| it.get("tests")).cloned();
    tests.and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default()
}

/// What the model is told of tests that are not worth their place yet.
fn complaint(proof: &Proof) -> String {
    if proof.failed.is_empty() {
        return "There is no test in your list. Write the tests, and name each.".to_owned();
    }
    let mut text = "Not every test is worth its place yet:\n".to_owned();
    for (claim, why) in &proof.failed {
        text += &format!("- `{}`: {}\n", claim.test, why.trim_end());
    }
    text + "Mend each of them, or name a better way to break the code for it. Then give the whole list \
            again, with those that are good."
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn claim(test: &str) -> Claim {
        let text = |it: &str| it.to_owned();
        let (file, code) = (text("tests/a.py"), text("a.py"));
        Claim { test: text(test), file, code, old: text("+"), new: text("-") }
    }

    #[test]
    fn the_model_is_told_of_each_test_what_is_wrong_with_it() {
        let failed = vec![
            (claim("test_sum"), "it passes all the same\n".to_owned()),
            (claim("test_none"), "it was not run".to_owned()),
        ];
        let proof = Proof { held: vec![claim("test_good")], failed, ..Proof::default() };
        expect![[r#"
            Not every test is worth its place yet:
            - `test_sum`: it passes all the same
            - `test_none`: it was not run
            Mend each of them, or name a better way to break the code for it. Then give the whole list again, with those that are good."#]]
        .assert_eq(&complaint(&proof));
        expect!["There is no test in your list. Write the tests, and name each."]
            .assert_eq(&complaint(&Proof::default()));
    }
}
