//! Leave for a call: the person is shown what it would do, and what they say is a decision.

use crate::agent::{Host, Reach};
use crate::conversation::{Call, Changed, Consent, Decision, Event, Front, Outcome, Stakes};
use crate::tools::Foresight;

impl<H: Host, F: Front> Reach<H, F> {
    /// `None` when the person stops the turn instead of deciding.
    pub(super) async fn leave_for(&mut self, call: &Call, stakes: &Stakes) -> Option<Decision> {
        let understood = self.understood(call);
        let foresight = self.toolbox.foresee(&understood).unwrap_or_default();
        let decision = self.decision(understood, foresight, stakes.clone()).await;
        if let (Some(Decision::Always(rule)), Some(grants)) = (&decision, &self.grants)
            && let Err(err) = grants.add(rule)
        {
            let text = format!("the rule holds only as long as this program runs: {err:#}");
            self.front.show(&Event::Warning(&text));
        }
        decision
    }

    /// Asks, and once more about what the person has made of the call, as often as they change it.
    async fn decision(
        &mut self,
        asked: Call,
        mut foresight: Foresight,
        mut stakes: Stakes,
    ) -> Option<Decision> {
        let mut call = asked.clone();
        loop {
            if let Some(commands) = self.toolbox.preview(&call) {
                // What is allowed is what is run, and the call does not say it.
                self.front.show(&Event::Warning(&commands));
            }
            (stakes.confined, stakes.changes) = (self.toolbox.hold(&call), foresight.shown());
            let stop = self.interrupt.fired();
            let consent = tokio::select! {
                biased;
                () = stop => None,
                consent = self.front.approve(&call, &stakes) => consent,
            };
            let args = match consent? {
                Consent::Amended(args) => args,
                Consent::Decided(Decision::Allowed) => {
                    return Some(decided(Consent::With(call.args), &asked, &foresight));
                }
                consent => return Some(decided(consent, &asked, &foresight)),
            };
            let changed = Call { args, ..asked.clone() };
            match self.toolbox.foresee(&self.understood(&changed)) {
                Ok(foreseen) => {
                    (call, foresight) = (changed, foreseen);
                    // No rule was thought of for what is the person's own.
                    (stakes.always, stakes.is_changed) = (None, true);
                }
                Err(Outcome { text, .. }) => {
                    let text = format!("as you changed it, it cannot be made: {}", text.trim_end());
                    self.front.show(&Event::Warning(&text));
                }
            }
        }
    }

    /// What comes of a call that is sure to fail, about which nobody has to be asked. Where a rule wants
    /// that, it may be for what is in the file, which the outcome would tell.
    pub(super) fn fails(&self, call: &Call, stakes: &Stakes) -> Option<Outcome> {
        stakes.why.is_empty().then(|| self.toolbox.in_vain(call))?
    }
}

/// What the person has decided: a call that they changed is theirs to the last byte.
fn decided(consent: Consent, call: &Call, foresight: &Foresight) -> Decision {
    match consent {
        Consent::Decided(decision) => decision,
        Consent::With(args) if args == call.args => Decision::Allowed,
        Consent::With(args) | Consent::Amended(args) => {
            let (call, left_out) = (Call { args, ..call.clone() }, String::new());
            Decision::Changed(Changed { call, left_out }.into())
        }
        Consent::Part(taken) if taken.iter().all(|it| *it) => Decision::Allowed,
        Consent::Part(taken) => match foresight.part(call, &taken) {
            Some(changed) => Decision::Changed(changed.into()),
            None => Decision::Denied(String::new()),
        },
    }
}
