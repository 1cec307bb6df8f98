//! Events as JSON for other programs, in the shape that tools of this kind have settled on.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::conversation::{
    Answer, Call, Consent, Decision, End, Entry, Event, Front, Mark, Plan, PlanCheck, Question,
    Reply, Stage, Stakes, Status, StepStatus, Stop, Usage,
};
use crate::ui::outlet::Outlet;
use crate::ui::visible::{visible, visible_json};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum JsonForm {
    /// One object when all is done.
    Whole,
    /// One line an event.
    Stream,
}

/// What is known about a session before it begins.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) session: String,
    pub(crate) project: String,
    pub(crate) permission: String,
    pub(crate) tools: Vec<String>,
}

/// What is known of a turn when it is over, besides what was shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TurnEnd<'a> {
    /// Why it could not go on.
    pub(crate) error: Option<&'a str>,
    /// The answer in the form that was asked for.
    pub(crate) structured: Option<&'a Value>,
    pub(crate) took: Duration,
}

pub(crate) struct Json {
    form: JsonForm,
    out: Outlet,
    notes: Box<dyn Write>,
    opening: Opening,
    model: Option<String>,
    begun: bool,
    /// How many lines were written.
    lines: u64,
    /// What the result line will add up.
    usage: Usage,
    requests: u32,
    last_words: String,
    /// The last words of the turn, where it goes on behind them.
    answer: Option<String>,
    /// The next reply has a form, and is no word to anybody.
    is_form: bool,
    calls: Vec<Call>,
    denials: Vec<Value>,
    stop: Option<Stop>,
    /// The plan as it stands, if there is one.
    plan: Option<Plan>,
    /// The tokens that were in use when the window was found to be full.
    full: Option<u32>,
}

impl Json {
    pub(crate) fn new(
        form: JsonForm,
        out: Box<dyn Write>,
        notes: Box<dyn Write>,
        opening: Opening,
    ) -> Self {
        Self {
            form,
            out: Outlet::new(out),
            notes,
            opening,
            model: None,
            begun: false,
            lines: 0,
            usage: Usage::default(),
            requests: 0,
            last_words: String::new(),
            answer: None,
            is_form: false,
            calls: Vec::new(),
            denials: Vec::new(),
            stop: None,
            plan: None,
            full: None,
        }
    }

    /// Why lines are missing from the output, if some are; told once.
    pub(crate) fn trouble(&mut self) -> Option<std::io::Error> {
        self.out.trouble()
    }

    /// Writes a line of the session, which has a name of its own.
    fn line(&mut self, mut value: Value) {
        value["uuid"] = line_id(&self.opening.session, self.lines).into();
        self.lines += 1;
        self.out.write(&format!("{}\n", visible_json(&value.to_string())));
    }

    /// What comes first, however early something goes wrong, is the line that opens the session.
    fn event(&mut self, value: Value) {
        self.begin();
        if self.form == JsonForm::Stream {
            self.line(value);
        }
    }

    fn warn(&mut self, text: &str) {
        let _ = writeln!(self.notes, "warning: {}", visible(text));
    }

    fn begin(&mut self) {
        let begun = std::mem::replace(&mut self.begun, true);
        if begun || self.form != JsonForm::Stream {
            return;
        }
        let it = &self.opening;
        let init = json!({
            "type": "system", "subtype": "init", "session_id": it.session, "cwd": it.project,
            "model": self.model, "permissionMode": it.permission, "tools": it.tools,
            "mcp_servers": [], "slash_commands": [], "agent_version": env!("CARGO_PKG_VERSION"),
        });
        self.line(init);
    }

    fn reply(&mut self, reply: &Reply) {
        self.requests += 1;
        self.usage += reply.usage;
        if !std::mem::take(&mut self.is_form) {
            self.last_words.clone_from(&reply.text);
        }
        self.calls.clone_from(&reply.calls);
        self.spoken(reply, None);
    }

    /// What the model said, in this conversation or in one that is held for the call `parent`.
    fn spoken(&mut self, reply: &Reply, parent: Option<&str>) {
        let mut content = Vec::new();
        if !reply.reasoning.is_empty() {
            content.push(json!({"type": "thinking", "thinking": reply.reasoning}));
        }
        if !reply.text.is_empty() {
            content.push(json!({"type": "text", "text": reply.text}));
        }
        for call in &reply.calls {
            let (id, name) = (&call.id, &call.tool);
            content.push(json!({"type": "tool_use", "id": id, "name": name, "input": input(call)}));
        }
        let line = json!({
            "type": "assistant", "session_id": self.opening.session, "parent_tool_use_id": parent,
            "message": {
                "id": format!("msg_{}", self.lines), "type": "message", "role": "assistant",
                "model": self.model, "content": content, "stop_reason": end_reason(reply),
                "stop_sequence": null, "usage": usage(reply.usage),
            },
            "timings": timings(reply.usage),
        });
        self.event(line);
    }

    fn result(&mut self, id: &str, text: &str, status: Status) {
        if status == Status::Refused
            && let Some(call) = self.calls.iter().find(|it| it.id == id)
        {
            let (id, name) = (&call.id, &call.tool);
            self.denials
                .push(json!({"tool_name": name, "tool_use_id": id, "tool_input": input(call)}));
        }
        self.returned((id, text, status), None);
    }

    /// What a call came to, in this conversation or in one that is held for the call `parent`.
    fn returned(&mut self, (id, text, status): (&str, &str, Status), parent: Option<&str>) {
        let result = json!({
            "type": "tool_result", "tool_use_id": id, "content": text,
            "is_error": status != Status::Done,
        });
        let line = json!({
            "type": "user", "session_id": self.opening.session, "parent_tool_use_id": parent,
            "message": {"role": "user", "content": [result]},
        });
        self.event(line);
    }

    fn made_room(&mut self, entry: &Entry) {
        let how = match entry {
            Entry::Condensed(it) => {
                self.usage += it.usage;
                if it.summary.is_empty() { "dropped" } else { "summed" }
            }
            _ => "pruned",
        };
        // Without a full window somebody has asked for it.
        let tokens = self.full.take();
        let line = json!({
            "type": "system", "subtype": "compact_boundary", "session_id": self.opening.session,
            "compact_metadata": {
                "trigger": if tokens.is_some() { "auto" } else { "manual" },
                "pre_tokens": tokens, "how": how,
            },
        });
        self.event(line);
    }

    fn planned(&mut self, plan: &Plan) {
        let line = json!({
            "type": "system", "subtype": "plan", "session_id": self.opening.session,
            "plan": plan_in_full(plan),
        });
        self.plan = Some(plan.clone());
        self.event(line);
    }

    fn marked(&mut self, mark: &Mark) {
        let Some(plan) = &mut self.plan else { return };
        plan.mark(mark);
        let line = json!({
            "type": "system", "subtype": "plan_step", "session_id": self.opening.session,
            "step": mark.step + 1, "of": plan.steps.len(),
            "what": plan.steps.get(mark.step).map(|it| &it.what),
            "status": mark.status.name(), "outcome": mark.gist,
        });
        self.event(line);
    }

    /// The last line of a turn: how it ended, or why it could not go on, and the answer in the form
    /// that was asked for, if one was. What follows is another turn.
    pub(crate) fn finish(&mut self, end: TurnEnd<'_>) {
        self.begin();
        let failed = self.plan.as_ref().and_then(failed_step);
        let TurnEnd { error, structured, took } = end;
        let subtype = match (error, self.stop) {
            (None, None) if failed.is_none() => "success",
            (None, Some(Stop::TurnLimit)) => "error_max_turns",
            (None, Some(Stop::TimeLimit)) => "error_max_time",
            (None, Some(Stop::CallLimit)) => "error_max_tool_calls",
            (None, Some(Stop::OtherForm)) => "error_max_structured_output_retries",
            _ => "error_during_execution",
        };
        let usage_of_turn = std::mem::take(&mut self.usage);
        let millis = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        let of_model = Duration::try_from_secs_f64(
            (usage_of_turn.read_ms + usage_of_turn.written_ms).max(0.0) / 1000.0,
        );
        let last_words = std::mem::take(&mut self.last_words);
        let words = self.answer.take().unwrap_or(last_words);
        let mut line = json!({
            "type": "result", "subtype": subtype, "is_error": subtype != "success",
            "result": error.or(failed.as_deref()).unwrap_or(&words),
            "stop_reason": self.stop.take().map(stop_reason),
            "session_id": self.opening.session, "num_turns": std::mem::take(&mut self.requests),
            "duration_ms": millis(took), "duration_api_ms": millis(of_model.unwrap_or_default()),
            "total_cost_usd": 0, "usage": usage(usage_of_turn), "timings": timings(usage_of_turn),
            "permission_denials": std::mem::take(&mut self.denials),
        });
        if let Some(value) = structured {
            line["structured_output"] = value.clone();
        }
        if let Some(plan) = &self.plan {
            line["plan"] = plan_in_full(plan);
        }
        self.line(line);
    }
}

impl Front for Json {
    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Ready { model, .. } => {
                self.model = model.map(str::to_owned);
                self.begin();
            }
            // Stopped before it began, or owed by a turn that broke off: nothing was said.
            Event::Recorded(Entry::Reply(reply))
                if reply.end == End::Cancelled && reply.is_empty() => {}
            Event::Recorded(Entry::Reply(reply)) => self.reply(reply),
            Event::Recorded(Entry::Result { call, outcome }) => {
                self.result(call, &outcome.text, outcome.status);
                outcome.notices.iter().for_each(|it| self.warn(it));
            }
            // Told after its last words, the model is to say them in another form; these are the result.
            Event::Recorded(Entry::Note(_)) if self.answer.is_none() && self.calls.is_empty() => {
                self.answer = Some(self.last_words.clone()).filter(|it| !it.is_empty());
            }
            Event::Recorded(Entry::Stopped(stop)) => self.stop = Some(*stop),
            Event::Recorded(Entry::Full { tokens, .. }) => self.full = Some(*tokens),
            Event::Recorded(entry @ (Entry::Pruned(_) | Entry::Condensed(_))) => {
                self.made_room(entry);
            }
            Event::Recorded(Entry::Wanted { .. }) => self.is_form = true,
            Event::Recorded(Entry::Planned(plan)) => self.planned(plan),
            Event::Recorded(Entry::Marked(mark)) => self.marked(mark),
            Event::Beside { call, entry: Entry::Reply(reply) } => {
                self.requests += 1;
                self.usage += reply.usage;
                self.spoken(reply, Some(&call.id));
            }
            Event::Beside { call, entry: Entry::Result { call: id, outcome } } => {
                self.returned((id, &outcome.text, outcome.status), Some(&call.id));
            }
            Event::Warning(text) => self.warn(text),
            Event::Retrying { reason, .. } => {
                let line = json!({
                    "type": "system", "subtype": "api_retry", "error": reason,
                    "session_id": self.opening.session,
                });
                self.event(line);
            }
            Event::Loading(_)
            | Event::Asked
            | Event::Condensing
            | Event::Trying { .. }
            | Event::Forming(_)
            | Event::Reading(_)
            | Event::Said(_)
            | Event::Understood(_)
            | Event::Recorded(_)
            | Event::Beside { .. }
            | Event::Ended => {}
        }
    }

    fn is_gone(&self) -> bool {
        self.out.is_gone()
    }

    async fn approve(&mut self, _: &Call, _: &Stakes) -> Option<Consent> {
        Some(Consent::Decided(Decision::Nobody))
    }

    async fn ask(&mut self, _: &Question) -> Option<Answer> {
        Some(Answer::Nobody)
    }
}

/// The arguments as an object where they are one, else as the model wrote them.
fn input(call: &Call) -> Value {
    serde_json::from_str(&call.args).unwrap_or_else(|_| Value::String(call.args.clone()))
}

fn plan_in_full(plan: &Plan) -> Value {
    let steps = plan.steps.iter().map(|it| {
        let mut step = json!({
            "what": it.what, "files": it.files, "status": it.status.name(), "outcome": it.gist,
        });
        match &it.check {
            PlanCheck::Nothing => {}
            PlanCheck::Command(command) => step["run"] = command.as_str().into(),
            PlanCheck::Look(what) => step["look"] = what.as_str().into(),
        }
        step
    });
    let steps: Vec<_> = steps.collect();
    let (stage, goal) = (plan.stage.name(), &plan.goal);
    json!({"stage": stage, "goal": goal, "steps": steps, "risks": plan.risks})
}

/// Which step ended the work on a plan, and why.
fn failed_step(plan: &Plan) -> Option<String> {
    let at = plan.current().filter(|_| plan.stage == Stage::Accepted)?;
    let step = &plan.steps[at];
    let (n, of) = (at + 1, plan.steps.len());
    (step.status == StepStatus::Failed)
        .then(|| format!("step {n} of {of} is not done: {} ({})", step.what, step.gist))
}

fn usage(it: Usage) -> Value {
    json!({
        "input_tokens": it.read, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": it.cached, "output_tokens": it.written,
    })
}

/// As llama-server counts: tokens that were read and written, and how long that took.
fn timings(it: Usage) -> Value {
    let rounded = |millis: f64| (millis * 1000.0).round() / 1000.0;
    json!({
        "cache_n": it.cached, "prompt_n": it.read, "prompt_ms": rounded(it.read_ms),
        "predicted_n": it.written, "predicted_ms": rounded(it.written_ms),
    })
}

fn end_reason(reply: &Reply) -> Option<&'static str> {
    match reply.end {
        End::Finished if reply.calls.is_empty() => Some("end_turn"),
        End::Finished => Some("tool_use"),
        End::CutOff => Some("max_tokens"),
        End::Cancelled => None,
    }
}

/// A name for a line that no other has, in the form of a UUID.
fn line_id(session: &str, nth: u64) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let half = |which: u8| {
        let mut hasher = DefaultHasher::new();
        (session, nth, which).hash(&mut hasher);
        hasher.finish()
    };
    let (high, low) = (half(0), half(1));
    // Version 8 is whatever its maker says.
    format!(
        "{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff
    )
}

fn stop_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::Cancelled => "cancelled",
        Stop::TurnLimit => "max_turns",
        Stop::EmptyReplies => "empty_replies",
        Stop::MalformedCalls => "malformed_calls",
        Stop::RepeatedCalls => "repeated_calls",
        Stop::CutOff => "max_tokens",
        Stop::TimeLimit => "max_time",
        Stop::CallLimit => "max_tool_calls",
        Stop::OtherForm => "max_structured_output_retries",
        Stop::NoPlan => "no_plan",
    }
}

#[cfg(test)]
mod tests;
