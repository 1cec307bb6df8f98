//! The connection to the model: what the server is, and what has been sent to it.

use std::cell::Cell;

use tokio::time::Instant;

use crate::agent::Host;
use crate::conversation::{End, Event, Front, Reply};
use crate::llm::{self, AskError};
use crate::tools::Toolbox;

/// The connection to the model, and what has been sent over it.
pub(super) struct Line {
    pub(super) server: llm::Server,
    pub(super) request: llm::Request,
    /// What the server calls its model, where it tells.
    pub(super) model: Option<String>,
    /// Tokens that fit in one conversation, where the server tells.
    pub(super) window: Option<u32>,
    /// The server can count the tokens of a request.
    pub(super) counts: bool,
    /// The server can end what its model thinks.
    pub(super) can_hurry: bool,
    /// The server holds a reply to a schema.
    pub(super) holds_forms: bool,
    pub(super) gauge: llm::Gauge,
    /// Thoughts are left out from the next prompt on; `None` until the server was asked.
    pub(super) forgets: Option<bool>,
    /// What the server says of its model, until it was told.
    pub(super) greeting: Option<llm::Props>,
}

impl Line {
    /// Tells of the server what was not told yet.
    pub(super) fn greet(&mut self, front: &mut impl Front) {
        let Some(props) = self.greeting.take() else { return };
        let (model, window) = (props.model.as_deref(), props.window);
        front.show(&Event::Ready { model, window, can_hurry: props.llama });
        if props.tools == Some(false) {
            front.show(&Event::Warning(
                "this model's chat template knows no tools; it may talk about work instead of doing it",
            ));
        }
    }

    /// How many tokens the next request has, and the window, if no room is left for the answer. Where
    /// nobody has counted yet, the server is to say so.
    pub(super) async fn full(&mut self) -> Option<(u32, u32)> {
        let window = self.window?;
        let bytes = self.request.length();
        if !self.gauge.is_in_doubt(bytes, window) {
            return None;
        }
        self.count().await;
        let tokens = self.gauge.estimate(bytes)?;
        (llm::most(window) < tokens).then_some((tokens, window))
    }

    /// The tokens of the next request, if the server can tell.
    async fn count(&mut self) -> Option<u32> {
        let request = self.request.clone();
        let tokens = self.count_of(&request).await?;
        self.gauge.learn(request.length(), tokens);
        Some(tokens)
    }

    pub(super) async fn count_of(&mut self, request: &llm::Request) -> Option<u32> {
        if !self.counts {
            return None;
        }
        let counted = llm::count(&self.server, request).await;
        // One that cannot count says so here; what else is wrong it will say to the request itself.
        self.counts = counted.is_ok();
        counted.ok()
    }

    /// Whether the reply was cut off because the window was full, and not because the model finds no
    /// end: then there was much before it.
    pub(super) fn has_filled(&self, reply: &Reply) -> Option<(u32, u32)> {
        let (window, usage) = (self.window?, reply.usage);
        let is_full = reply.end == End::CutOff && window <= usage.total().saturating_add(SLACK);
        let prompt = usage.cached.saturating_add(usage.read);
        (is_full && window / 3 < prompt).then_some((prompt, window))
    }
}

/// Tokens by which a full window may seem not to be.
const SLACK: u32 = 8;

pub(super) async fn connect(
    host: &mut impl Host,
    on: &mut dyn FnMut(Event<'_>),
    constants: &llm::Constants,
    toolbox: &mut Toolbox,
) -> anyhow::Result<Result<Line, AskError>> {
    let server = host.server(on).await?;
    on(Event::Asked);
    let heard = Cell::new(Instant::now());
    let props = match watched(host, &heard, llm::props(&server)).await {
        Some(Ok(props)) => props,
        Some(Err(err)) => return Ok(Err(err)),
        None => return Ok(Err(hangs())),
    };
    if let Some(window) = props.window {
        toolbox.fit_window(window);
    }
    let mut constants = constants.clone();
    constants.llama = props.llama;
    if !props.llama {
        constants.model = constants.model.or(props.model.clone());
    }
    let request = llm::Request::new(&constants, toolbox.specs());
    let (window, counts, gauge) = (props.window, props.llama, llm::Gauge::default());
    let can_hurry = props.llama;
    let (model, holds_forms) = (props.model.clone(), true);
    let (forgets, greeting) = (None, Some(props));
    Ok(Ok(Line {
        server,
        request,
        model,
        window,
        counts,
        can_hurry,
        holds_forms,
        gauge,
        forgets,
        greeting,
    }))
}

/// What comes of it; `None` if the server hangs before it comes.
pub(super) async fn watched<T>(
    host: &mut impl Host,
    heard: &Cell<Instant>,
    it: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        it = it => Some(it),
        () = host.hang(heard) => None,
    }
}

pub(super) fn hangs() -> AskError {
    AskError::Broken("the model server hangs".to_owned())
}
