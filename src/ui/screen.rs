//! Events as lines of text: what the model says on one stream, all else on another.

mod background;
mod speech;
mod turn;

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::conversation::{
    Answer, Call, Consent, Decision, Entry, Event, Form, Front, Mark, Meaning, Piece, Plan,
    PlanCheck, Question, Reply, Stage, Stakes, StepStatus, Usage,
};
use crate::ui::answers::{no_option, question_in_full};
use crate::ui::call_line::call_line;
use crate::ui::hanging::hanging;
use crate::ui::markdown::Markdown;
use crate::ui::outcome::{EXCERPT, end_of, excerpt, result_line, stop_line, without};
use crate::ui::palette::{Paint, Role};
use crate::ui::plan;
use crate::ui::screen::speech::Thinking;
use crate::ui::screen::turn::{Turn, count_line, fitting};
use crate::ui::status::{Status, columns, reading, trying};
use crate::ui::streams::Streams;
use crate::ui::visible::{Pieces, visible, visible_line};
use crate::ui::{Amend, Keyboard, Line};

/// How to draw; decided once, from the terminal and the person's wishes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) width: usize,
    /// Colours on the stream of words; those of notes follow `colored`.
    pub(crate) colour_words: bool,
    /// The background is light.
    pub(crate) light: bool,
    /// The terminal is asked whether it is.
    pub(crate) asks: bool,
    /// The words are set for a terminal; else they pass as they are.
    pub(crate) layout: bool,
    /// A line may move while the person waits.
    pub(crate) live: bool,
    /// Notes go to a terminal and are broken between words.
    pub(crate) wraps: bool,
    /// The words go to a program that may show them where the notes are, and later than they.
    pub(crate) apart: bool,
    /// Show what the model thinks, and the count of each request.
    pub(crate) verbose: bool,
}

pub(crate) struct Screen {
    streams: Streams,
    style: Style,
    status: Status,
    /// Sets the words for a terminal.
    markdown: Option<Markdown>,
    /// What is not yet known to be seen, of words that are not set and of what is thought.
    seen: Pieces,
    /// Who answers questions; nobody when input is not a terminal.
    keyboard: Option<Keyboard>,
    /// Where a text of several lines is changed.
    editor: Option<Box<dyn Amend>>,
    /// The calls of the newest reply, to name them when they end.
    calls: HashMap<String, Call>,
    /// What the model is told of calls that the person changed: they know it.
    told: HashMap<String, String>,
    /// The calls of a conversation that is held beside this one.
    calls_beside: HashMap<String, Call>,
    /// Something is on the last line of the words.
    mid_line: bool,
    /// Its end is still to be written to the words: the notes had it first.
    owed: bool,
    thinking: Option<Thinking>,
    /// The call that is being written.
    calling: String,
    /// Pieces that came of what is being written and not shown.
    pieces: u32,
    /// Words were shown since the model was asked, which are void if it has to be asked again.
    spoke: bool,
    /// The model was asked and has not replied.
    asked: bool,
    /// The person knows that the model is being loaded.
    loading_told: bool,
    turn: Turn,
    window: Option<u32>,
    /// What the model thinks can be ended.
    can_hurry: bool,
    /// The plan as the person knows it.
    plan: Option<Plan>,
}

impl Screen {
    pub(crate) fn new(
        words: Box<dyn Write>,
        notes: Box<dyn Write>,
        style: Style,
        keyboard: Option<Keyboard>,
    ) -> Self {
        let foot = keyboard.as_ref().map(|it| it.foot().clone()).unwrap_or_default();
        foot.go_live(style.live);
        Self {
            status: Status::above(foot.clone(), style.live),
            streams: Streams::new(words, notes, (foot, style.layout)),
            style,
            markdown: style.layout.then(|| Markdown::new(style.colour_words, style.light)),
            seen: Pieces::default(),
            keyboard,
            editor: None,
            calls: HashMap::new(),
            told: HashMap::new(),
            calls_beside: HashMap::new(),
            mid_line: false,
            owed: false,
            thinking: None,
            calling: String::new(),
            pieces: 0,
            spoke: false,
            asked: false,
            loading_told: false,
            turn: Turn::default(),
            window: None,
            can_hurry: false,
            plan: None,
        }
    }

    /// Texts that a line cannot hold are changed there.
    pub(crate) fn amend_with(&mut self, editor: Box<dyn Amend>) {
        self.editor = Some(editor);
    }

    pub(super) fn keyboard(&self) -> Option<Keyboard> {
        self.keyboard.clone()
    }

    /// The text as the person leaves it in their editor.
    pub(super) async fn edit(&self, name: &str, text: &str) -> Result<String, String> {
        // The keys are the editor's.
        let _paused = self.keyboard.as_ref().map(Keyboard::pause);
        match &self.editor {
            Some(editor) => editor.amend(name, text).await,
            None => Err("it has several lines, or hides something, and there is no editor".into()),
        }
    }

    /// Lines that belong to no event, broken between words.
    pub(crate) fn note(&mut self, text: &str) {
        match self.style.wraps {
            true => self.exact(&hanging(text, self.width())),
            false => self.exact(text),
        }
    }

    /// The same for lines in which each blank counts.
    pub(crate) fn exact(&mut self, text: &str) {
        self.end_words();
        self.streams.tell(&format!("{text}\n"));
    }

    /// Draws in these colours from now on.
    pub(crate) fn wear(&mut self, style: Style) {
        self.end_words();
        self.style = Style { verbose: self.style.verbose, ..style };
        let layout = self.markdown.is_some();
        self.markdown = layout.then(|| Markdown::new(style.colour_words, style.light));
    }

    pub(crate) fn is_verbose(&self) -> bool {
        self.style.verbose
    }

    /// Shows what the model thinks, or only how long.
    pub(crate) fn be_verbose(&mut self, verbose: bool) {
        self.style.verbose = verbose;
    }

    /// Puts a text into the clipboard of the terminal, which may ask the person or refuse.
    pub(crate) fn copy(&mut self, text: &str) {
        if self.style.live {
            self.streams.order(&clipboard(text));
        }
    }

    /// A call is run that nobody else tells of.
    pub(crate) fn wait_for(&mut self, call: &Call) {
        self.status.show(&call_line(call, usize::MAX));
    }

    /// Columns there are now: a terminal can be made wider while a command runs.
    pub(crate) fn width(&self) -> usize {
        let now = columns().filter(|_| self.style.live || self.style.wraps);
        now.unwrap_or(self.style.width)
    }

    /// Makes calls known that were made before this program began.
    pub(crate) fn recall(&mut self, reply: &Reply) {
        self.calls = reply.calls.iter().map(|it| (it.id.clone(), it.clone())).collect();
    }

    /// The same for a plan.
    pub(crate) fn recall_plan(&mut self, plan: Option<Plan>) {
        self.plan = plan;
    }

    fn planned(&mut self, plan: &Plan) {
        if plan::is_news(self.plan.as_ref(), plan) {
            match plan.stage {
                // What is agreed to will be run.
                Stage::Proposed => self.exact(&plan::checklist(plan)),
                Stage::Noted | Stage::Accepted => self.note(&plan::outline(plan)),
            }
        }
        self.plan = Some(plan.clone());
    }

    fn marked(&mut self, mark: &Mark) {
        let Some(plan) = &mut self.plan else { return };
        plan.mark(mark);
        let line = plan::mark_line(plan, mark);
        if mark.status == StepStatus::Checking {
            let check = plan.steps.get(mark.step).map(|it| &it.check);
            if let Some(PlanCheck::Command(command)) = check {
                self.status.show(&format!("checking: {}", visible_line(command, 200)));
            }
        }
        if let Some(line) = line {
            self.note(&line);
        }
        let text = visible(&mark.text);
        let lines: Vec<&str> = text.lines().collect();
        if mark.status == StepStatus::Failed && 1 < lines.len() {
            self.exact(&end_of(&lines, EXCERPT));
        }
    }

    /// Why words are missing from the stream of words, if some are; told once.
    pub(crate) fn trouble(&mut self) -> Option<std::io::Error> {
        self.pay();
        self.streams.trouble()
    }

    fn recorded(&mut self, entry: &Entry) {
        match entry {
            Entry::Reply(reply) => self.reply(reply),
            Entry::Started { call } => {
                if let Some(call) = self.calls.get(call) {
                    self.status.begin(&call_line(call, usize::MAX));
                }
            }
            Entry::Result { call, outcome } => {
                let (told, call) = (self.told.remove(call), self.calls.remove(call));
                self.note(&result_line(call.as_ref(), outcome, self.width()));
                let excerpt = excerpt(call.as_ref(), &without(told.as_deref(), outcome));
                if !excerpt.is_empty() {
                    self.exact(&excerpt);
                }
                outcome.notices.iter().for_each(|it| self.warn(it));
            }
            Entry::Stopped(stop) => {
                if let Some(keyboard) = &self.keyboard {
                    keyboard.cut();
                }
                self.note(&stop_line(*stop).attention());
            }
            Entry::Prompt(_) => self.turn = Turn { began: Some(Instant::now()), ..Turn::default() },
            Entry::Pruned(it) if it.most < usize::MAX => self.made_room("results were shortened"),
            Entry::Pruned(_) => self.made_room("older results were left out"),
            Entry::Condensed(condensed) => {
                self.turn.sum += condensed.usage;
                self.made_room(match condensed.summary.is_empty() {
                    false => "the conversation so far was summed up",
                    true => "the beginning of the conversation was left out",
                });
            }
            Entry::Planned(plan) => self.planned(plan),
            Entry::Marked(mark) => self.marked(mark),
            Entry::Decided { call, decision: Decision::Changed(changed) } => {
                self.calls.insert(call.clone(), changed.call.clone());
                self.told.insert(call.clone(), changed.in_words());
            }
            Entry::Opened { .. }
            | Entry::Decided { .. }
            | Entry::Full { .. }
            | Entry::Planning
            | Entry::Wanted { .. } => {}
            Entry::Note(_) => self.said_meanwhile(entry.meanwhile()),
        }
    }

    /// The model was told what the person said.
    fn said_meanwhile(&mut self, words: Option<&str>) {
        let Some(words) = words else { return };
        self.exact(&format!("› {}", visible(words)));
        if let Some(keyboard) = &self.keyboard {
            keyboard.has_said();
        }
    }

    /// What is looked at to answer a question: a line each, a little to the right.
    fn beside(&mut self, entry: &Entry) {
        match entry {
            Entry::Reply(reply) => {
                self.turn.sum += reply.usage;
                let calls = reply.calls.iter().map(|it| (it.id.clone(), it.clone()));
                self.calls_beside = calls.collect();
            }
            Entry::Started { call } => {
                if let Some(call) = self.calls_beside.get(call) {
                    self.status.show(&call_line(call, usize::MAX));
                }
            }
            Entry::Result { call, outcome } => {
                let call = self.calls_beside.remove(call);
                let width = self.width().saturating_sub(2);
                self.note(&format!("  {}", result_line(call.as_ref(), outcome, width)));
            }
            _ => {}
        }
    }

    fn made_room(&mut self, how: &str) {
        self.note(&format!("  made room in the window: {how}").quiet());
    }

    fn warn(&mut self, text: &str) {
        self.note(&format!("{} {}", "warning:".as_role(Role::Warning), visible(text)));
    }

    fn reply(&mut self, reply: &Reply) {
        self.end_words();
        self.asked = false;
        self.recall(reply);
        let last = reply.usage;
        if last == Usage::default() {
            // A reply that was stopped has no figures.
            return;
        }
        self.turn.sum += last;
        self.turn.last = last;
        if self.style.verbose {
            let line =
                format!("  {} cached, {} read, {} written", last.cached, last.read, last.written);
            self.note(&line.quiet());
        }
    }

    fn retrying(&mut self, reason: &str, wait: Duration) {
        let void = if self.spoke { "; what it said is void" } else { "" };
        let (reason, wait) = (visible_line(reason, 200), wait.as_secs_f32());
        self.note(&format!("{reason}{void}; asking again in {wait:.1} s").attention());
    }

    /// Said once where no line can move.
    fn loading(&mut self) {
        let text = "the model is being loaded";
        if self.style.live {
            self.status.show(text);
        } else if !std::mem::replace(&mut self.loading_told, true) {
            self.note(text);
        }
    }

    fn ended(&mut self) {
        self.end_words();
        self.asked = false;
        if self.turn.sum != Usage::default() {
            let turn = std::mem::take(&mut self.turn);
            let took = turn.began.map(|it| it.elapsed());
            let line = count_line(&turn, self.window, took.unwrap_or_default());
            let line = fitting(line, self.width());
            self.note(&line.quiet());
        }
        self.pay();
    }
}

impl Front for Screen {
    fn show(&mut self, event: &Event<'_>) {
        self.follow_background();
        if !matches!(event, Event::Said(_)) {
            let untold = self.streams.foot.untold();
            untold.iter().for_each(|it| self.note(it));
        }
        match event {
            // A server that was asked runs already.
            Event::Loading(None) if self.asked => self.loading(),
            Event::Loading(None) => self.status.show("starting the model server"),
            Event::Loading(Some(part)) => {
                self.status.show(&format!("loading the model, {:.0} %", part * 100.0));
            }
            Event::Ready { window, can_hurry, .. } => {
                self.window = *window;
                self.can_hurry = *can_hurry;
                self.status.clear();
            }
            Event::Asked => {
                self.ask_background();
                self.end_answer();
                self.asked = true;
                self.spoke = false;
                self.status.begin("waiting for the model");
            }
            Event::Forming(Form::Plan) => self.status.show("writing the plan"),
            Event::Forming(Form::Verdict) => self.status.show("looking whether it holds"),
            Event::Trying { test, is_broken } => self.status.show(&trying(test, *is_broken)),
            Event::Condensing => self.status.show("making room: summing up what was said"),
            Event::Reading(progress) => {
                self.status.show(&reading(*progress, self.status.elapsed()));
            }
            Event::Said(Piece::Text(text)) => self.say(text),
            Event::Said(Piece::Reasoning(text)) => self.think(text),
            Event::Said(Piece::Call(name)) => {
                self.end_words();
                self.calling = format!("calling {name}");
                self.pieces = 0;
                self.status.begin(&self.calling);
            }
            Event::Said(Piece::Arguments(_)) => {
                let calling = std::mem::take(&mut self.calling);
                self.write_on(&calling);
                self.calling = calling;
            }
            Event::Understood(call) => {
                self.calls.insert(call.id.clone(), (*call).clone());
            }
            Event::Retrying { reason, wait } => self.retrying(reason, *wait),
            Event::Recorded(entry) => self.recorded(entry),
            Event::Beside { entry, .. } => self.beside(entry),
            Event::Warning(text) => self.warn(text),
            Event::Ended => self.ended(),
        }
    }

    fn is_gone(&self) -> bool {
        self.streams.is_gone()
    }

    async fn approve(&mut self, call: &Call, stakes: &Stakes) -> Option<Consent> {
        self.leave(call, stakes).await
    }

    async fn ask(&mut self, question: &Question) -> Option<Answer> {
        self.end_words();
        self.note(&question_in_full(question));
        let Some(keyboard) = self.keyboard.clone() else {
            self.note("  there is no terminal to ask at");
            return Some(Answer::Nobody);
        };
        let prompt = match question.options.is_empty() {
            true => "  your answer: ",
            false => "  a number, or your own words: ",
        };
        let mut doubted = None;
        loop {
            match keyboard.question(prompt).await {
                Line::Entered(line) => match question.meaning(&line) {
                    Meaning::Nothing => {}
                    Meaning::Said(words) => return Some(Answer::Said(words)),
                    Meaning::NoOption(words) if doubted.as_ref() == Some(&words) => {
                        return Some(Answer::Said(words));
                    }
                    Meaning::NoOption(words) => {
                        self.note(&no_option(question, &words));
                        doubted = Some(words);
                    }
                },
                Line::Interrupted | Line::Edit(_) | Line::End | Line::Failed(_) => return None,
            }
        }
    }
}

/// What a terminal takes as a text for its clipboard: nothing in it can end the sequence.
fn clipboard(text: &str) -> String {
    format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text))
}

#[cfg(test)]
mod tests;
