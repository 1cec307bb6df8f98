//! The body of a chat request. It only ever grows: what was sent once is sent again byte for byte,
//! so that the server finds it in its cache, and only what is new costs anything here too. Only
//! where the transcript says that room was made is it written anew.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use serde::Serialize;

use crate::conversation::{Call, Entry, Reply, ToolSpec, view};

/// What is the same in each request of a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Constants {
    /// For servers that serve several.
    pub(crate) model: Option<String>,
    /// Names and values of the sampling parameters that are set.
    pub(crate) sampling: Vec<(String, serde_json::Value)>,
    /// The server is llama-server, so what only it understands may be asked for.
    pub(crate) llama: bool,
}

/// A conversation in the form of the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// All before the messages.
    head: Bytes,
    /// Full blocks, shared with the bodies on their way.
    sealed: Vec<Bytes>,
    open: Vec<u8>,
    /// What the user said last. Many a template refuses a user who speaks twice in a row, so this is
    /// a message of its own only when somebody else speaks.
    user: Option<String>,
    /// How many entries of the transcript are in it.
    taken: usize,
    has_messages: bool,
    /// The calls of the newest reply, for the names that results are sent with.
    calls: Vec<(String, String)>,
    /// What was found out for the newest reply, where it wrote its calls as text.
    findings: Option<Findings>,
    /// What the answer shall look like, as it stands behind the messages.
    form: String,
    /// The server is one that can move what it has read.
    moves: bool,
    /// Room was made since the model spoke last: what is left has moved up.
    has_moved: bool,
}

/// The results of calls that were written as text. They go back as words too, in one message:
/// templates refuse results of calls that they have not seen, and a user who speaks twice in a row.
#[derive(Clone, Debug)]
struct Findings {
    missing: usize,
    text: String,
}

/// What was read in another place is taken over only if it is as many tokens that are the same.
const SHORTEST_MOVED: u32 = 256;

/// Blocks of this size are not copied again.
const BLOCK: usize = 64 * 1024;

impl Request {
    pub(crate) fn new(constants: &Constants, tools: &[ToolSpec]) -> Self {
        let mut head = serde_json::Map::new();
        if let Some(model) = &constants.model {
            head.insert("model".to_owned(), model.as_str().into());
        }
        head.insert("stream".to_owned(), true.into());
        head.insert("stream_options".to_owned(), serde_json::json!({"include_usage": true}));
        if constants.llama {
            head.insert("return_progress".to_owned(), true.into());
            // Or it could not be told that enough was thought.
            head.insert("reasoning_control".to_owned(), true.into());
        }
        for (name, value) in &constants.sampling {
            head.insert(name.clone(), value.clone());
        }
        let mut open = serde_json::to_vec(&head).expect("a map with text keys is JSON");
        open.pop();
        if !tools.is_empty() {
            let functions = tools
                .iter()
                .map(|it| format!(r#"{{"type":"function","function":{}}}"#, it.definition));
            let functions = functions.collect::<Vec<_>>().join(",");
            open.extend_from_slice(format!(r#","tools":[{functions}]"#).as_bytes());
        }
        open.extend_from_slice(br#","messages":["#);
        Self { moves: constants.llama, ..Self::begun(open.into()) }
    }

    fn begun(head: Bytes) -> Self {
        Self {
            moves: false,
            has_moved: false,
            open: head.to_vec(),
            head,
            sealed: Vec::new(),
            user: None,
            taken: 0,
            has_messages: false,
            calls: Vec::new(),
            findings: None,
            form: String::new(),
        }
    }

    /// Takes the entries that have come since the last time.
    pub(crate) fn extend(&mut self, entries: &[Entry]) {
        let mut from = self.taken.min(entries.len());
        if let Some(cut) = entries[from..].iter().rposition(Entry::is_cut) {
            from += cut + 1;
            *self = Self { has_moved: true, ..self.emptied() };
            view(&entries[..from]).iter().for_each(|it| self.take(&it.entry));
        }
        entries[from..].iter().for_each(|it| self.take(it));
        self.has_moved &= !entries[from..].iter().any(|it| matches!(it, Entry::Reply(_)));
        self.taken = entries.len();
    }

    /// The same request with nothing said yet.
    pub(crate) fn emptied(&self) -> Self {
        Self { moves: self.moves, ..Self::begun(self.head.clone()) }
    }

    /// The same request with more words of the user at its end. What is in the server's cache stays
    /// its beginning.
    pub(crate) fn with_words(&self, words: &str) -> Self {
        let mut more = self.clone();
        more.say(words);
        more
    }

    /// The same request, to be answered by JSON that keeps to this schema and by no call. All of that
    /// stands behind the messages: what the server has in its cache is still the beginning.
    pub(crate) fn in_form(&self, schema: &str) -> Self {
        Self { form: form(schema), ..self.clone() }
    }

    /// Its length in bytes.
    pub(crate) fn length(&self) -> usize {
        let sealed: usize = self.sealed.iter().map(Bytes::len).sum();
        sealed + self.open.len() + self.user.as_deref().map_or(0, str::len)
    }

    fn say(&mut self, words: &str) {
        match &mut self.user {
            Some(said) => said.extend(["\n\n", words]),
            None => self.user = Some(words.to_owned()),
        }
    }

    fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Opened { system } => {
                if !system.is_empty() {
                    self.push(&Message {
                        role: "system",
                        content: system.into(),
                        ..Message::default()
                    });
                }
            }
            Entry::Prompt(text) | Entry::Note(text) | Entry::Wanted { words: text, .. } => {
                self.say(text);
            }
            Entry::Reply(reply) => {
                self.push(&Message::from(reply));
                self.calls =
                    reply.calls.iter().map(|it| (it.id.clone(), it.tool.clone())).collect();
                self.findings = (!reply.spoken.is_empty()).then(|| Findings::of(&self.calls));
            }
            Entry::Result { call, outcome } => {
                let name =
                    self.calls.iter().find(|(id, _)| id == call).map(|(_, name)| name.clone());
                if let Some(mut findings) = self.findings.take() {
                    findings.add(name.as_deref().unwrap_or_default(), &outcome.text);
                    match findings.missing {
                        0 => self.say(&findings.text),
                        _ => self.findings = Some(findings),
                    }
                    return;
                }
                self.push(&Message {
                    role: "tool",
                    tool_call_id: Some(call),
                    name: name.as_deref(),
                    content: (&*outcome.text).into(),
                    ..Message::default()
                });
            }
            Entry::Decided { .. }
            | Entry::Started { .. }
            | Entry::Stopped(_)
            | Entry::Full { .. }
            | Entry::Pruned(_)
            | Entry::Condensed(_)
            | Entry::Planning
            | Entry::Planned(_)
            | Entry::Marked(_) => {}
        }
    }

    fn push(&mut self, message: &Message<'_>) {
        if let Some(said) = self.user.take() {
            self.write(&Message::of_user(&said));
        }
        self.write(message);
        if self.open.len() >= BLOCK {
            self.sealed.push(std::mem::take(&mut self.open).into());
        }
    }

    fn write(&mut self, message: &Message<'_>) {
        write(&mut self.open, message, self.has_messages);
        self.has_messages = true;
    }

    /// The whole body as it stands.
    pub(crate) fn body(&self) -> Body {
        let moved = match self.moves && self.has_moved {
            true => format!(r#","n_cache_reuse":{SHORTEST_MOVED}"#),
            false => String::new(),
        };
        self.ending(self.user.as_deref(), format!("]{}{moved}}}", self.form).as_bytes())
    }

    /// The body before the user has spoken, for a server that shall only read it: the shortest answer
    /// is one token.
    pub(crate) fn body_ahead(&self) -> Body {
        self.ending(Some(self.user.as_deref().unwrap_or_default()), br#"],"max_tokens":1}"#)
    }

    fn ending(&self, user: Option<&str>, end: &[u8]) -> Body {
        let mut blocks: VecDeque<Bytes> = self.sealed.iter().cloned().collect();
        let mut last = self.open.clone();
        if let Some(said) = user {
            write(&mut last, &Message::of_user(said), self.has_messages);
        }
        last.extend_from_slice(end);
        blocks.push_back(last.into());
        Body(blocks)
    }
}

/// The end of a request whose answer shall keep to a schema.
fn form(schema: &str) -> String {
    format!(
        r#","tool_choice":"none","response_format":{{"type":"json_schema","json_schema":{{"name":"answer","strict":true,"schema":{schema}}}}}"#
    )
}

fn write(to: &mut Vec<u8>, message: &Message<'_>, has_messages: bool) {
    if has_messages {
        to.push(b',');
    }
    serde_json::to_writer(to, message).expect("memory takes any message");
}

impl Findings {
    fn of(calls: &[(String, String)]) -> Self {
        let text = "[You wrote the call as text. Use the tool-call format.]";
        Self { missing: calls.len(), text: text.to_owned() }
    }

    fn add(&mut self, tool: &str, result: &str) {
        self.missing = self.missing.saturating_sub(1);
        self.text += &format!("\n\nResult of {tool}:\n{result}");
    }
}

#[derive(Default, Serialize)]
struct Message<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    content: Cow<'a, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reasoning_content: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: String,
}

impl<'a> Message<'a> {
    fn of_user(words: &'a str) -> Self {
        Self { role: "user", content: words.into(), ..Self::default() }
    }
}

impl<'a> From<&'a Reply> for Message<'a> {
    fn from(reply: &'a Reply) -> Self {
        let call = |it: &'a Call| ToolCall {
            id: &it.id,
            kind: "function",
            function: Function { name: &it.tool, arguments: arguments(&it.args) },
        };
        // Calls that were text stay text: in another form they would not be what the server has in
        // its cache.
        let (content, calls) = match &*reply.spoken {
            "" => (Cow::from(&reply.text), &reply.calls[..]),
            spoken => (Cow::from(format!("{}{spoken}", reply.text)), &[][..]),
        };
        Self {
            role: "assistant",
            content,
            reasoning_content: &reply.reasoning,
            tool_calls: calls.iter().map(call).collect(),
            ..Self::default()
        }
    }
}

/// Arguments as a server takes them back. Templates parse them, and one call that is not an object
/// would make the server refuse this conversation for ever; so such a call goes as an object that
/// quotes it.
fn arguments(args: &str) -> String {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(args) {
        Ok(_) => args.to_owned(),
        Err(_) if args.trim().is_empty() => "{}".to_owned(),
        Err(_) => serde_json::json!({ "malformed": args }).to_string(),
    }
}

/// A body in blocks whose length is known before it is sent.
#[derive(Debug)]
pub(crate) struct Body(VecDeque<Bytes>);

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|it| Ok(Frame::data(it))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|it| it.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests;
