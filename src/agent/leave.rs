//! Leave for a call: the person is shown what it would do, and what they say is a decision.

use crate::agent::{Host, Reach};
use crate::conversation::{Call, Changed, Consent, Decision, Event, Front, Stakes};
use crate::tools::Foresight;

impl<H: Host, F: Front> Reach<H, F> {
    /// `None` when the person stops the turn instead of deciding.
    pub(super) async fn leave_for(&mut self, call: &Call, stakes: &Stakes) -> Option<Decision> {
        let understood = self.understood(call);
        if let Some(commands) = self.toolbox.preview(&understood) {
            // What is allowed is what is run, and the call does not say it.
            self.front.show(&Event::Warning(&commands));
        }
        let foresight = self.toolbox.foresee(&understood);
        let (confined, changes) = (self.toolbox.hold(&understood), foresight.shown());
        let stakes = &Stakes { confined, changes, ..stakes.clone() };
        let stop = self.interrupt.fired();
        let consent = tokio::select! {
            biased;
            () = stop => None,
            consent = self.front.approve(&understood, stakes) => consent,
        };
        let decision = consent.map(|it| decided(it, &understood, &foresight));
        if let (Some(Decision::Always(rule)), Some(grants)) = (&decision, &self.grants)
            && let Err(err) = grants.add(rule)
        {
            let text = format!("the rule holds only as long as this program runs: {err:#}");
            self.front.show(&Event::Warning(&text));
        }
        decision
    }
}

/// What the person has decided: a call that they changed is theirs to the last byte.
fn decided(consent: Consent, call: &Call, foresight: &Foresight) -> Decision {
    match consent {
        Consent::Decided(decision) => decision,
        Consent::With(args) if args == call.args => Decision::Allowed,
        Consent::With(args) => {
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
