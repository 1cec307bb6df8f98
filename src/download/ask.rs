//! What is asked of a server, and what it answers.

use std::fmt;

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::HeaderMap;

/// The most that a small document may have, unless it is said otherwise.
const SMALL: u64 = 8 * 1024 * 1024;

/// A request that changes nothing at the server.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) url: String,
    /// For the host of `url` alone: no redirect takes it elsewhere.
    pub(crate) token: Option<Token>,
    /// The form of answer that is wanted, as in `application/json`.
    pub(crate) accept: Option<&'static str>,
    /// Bytes an answer may have that is kept in memory.
    pub(crate) most: u64,
}

impl Ask {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), token: None, accept: None, most: SMALL }
    }

    pub(crate) fn with_token(self, token: Option<&Token>) -> Self {
        Self { token: token.cloned(), ..self }
    }
}

/// What proves who asks. It is shown nowhere.
#[derive(Clone, PartialEq)]
pub(crate) struct Token(String);

impl Token {
    /// `None` for what is empty or could not stand in a header.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_fit = !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic());
        is_fit.then(|| Self(text.to_owned()))
    }

    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// An answer in whole. Any status but those that pass by waiting: these were waited for.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Where it came from, after all redirects.
    pub(crate) url: Url,
}

impl Answer {
    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header as text, if it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where it points to, if it is a redirect that was not followed.
    pub(crate) fn location(&self) -> Option<Url> {
        self.url.join(self.header("location")?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_nowhere() {
        let ask = Ask { token: Token::new(" hf_secret\n"), ..Ask::new("https://host/x") };
        assert!(!format!("{ask:?}").contains("secret"));
        assert_eq!(ask.token.unwrap().secret(), "hf_secret");
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_no_token() {
        for text in ["", "  ", "hf_a b", "hf_a\nX: y", "hf_ä"] {
            assert_eq!(Token::new(text), None, "{text}");
        }
    }
}
