//! From a request's line to what is meant: a pure function.

use std::fmt::Write;

/// What is asked of the server.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Route {
    Health,
    /// The models that are here.
    Models,
    Status,
    Unload,
    Stop,
    /// Of a model: the one of the address, or the one that the body names.
    Model {
        name: Option<String>,
        path: String,
    },
    Unknown,
}

/// What is passed on. Whatever else llama-server can do is not for everybody who asks a model
/// something: it writes files, or loads others.
const ANSWERS: &[&str] = &[
    "/apply-template",
    "/chat/completions",
    "/completion",
    "/completions",
    "/detokenize",
    "/embedding",
    "/embeddings",
    "/infill",
    "/rerank",
    "/reranking",
    "/tokenize",
    "/v1/chat/completions",
    "/v1/chat/completions/control",
    "/v1/chat/completions/input_tokens",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/rerank",
    "/v1/reranking",
    "/v1/responses",
    "/v1/responses/input_tokens",
];

/// What a model tells of itself.
const LOOKS: &[&str] = &["/props", "/slots", "/v1/models"];

const MODEL: &str = "/model/";

/// Where a model has an address of its own, for programs that cannot name one: what follows is as at
/// a server of this model alone.
pub(crate) fn path_of_model(name: &str) -> String {
    let mut path = MODEL.to_owned();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                path.push(byte.into());
            }
            _ => write!(path, "%{byte:02X}").expect("a text takes any text"),
        }
    }
    path
}

pub(super) fn route(method: &str, path: &str, query: Option<&str>) -> Route {
    let (name, path) = match path.strip_prefix(MODEL) {
        Some(rest) => {
            let (name, _) = rest.split_once('/').unwrap_or((rest, ""));
            (Some(decoded(name)), &rest[name.len()..])
        }
        None => (None, path),
    };
    let is_of_model = match method {
        "POST" => ANSWERS.contains(&path),
        "GET" => LOOKS.contains(&path) && (name.is_some() || path != "/v1/models"),
        _ => false,
    };
    match (method, path, &name) {
        _ if is_of_model => {
            let asked = |it: &str| it.strip_prefix("model=").map(decoded);
            let name = name.or_else(|| query?.split('&').find_map(asked));
            Route::Model { name, path: path.to_owned() }
        }
        ("GET" | "HEAD", "/health" | "/v1/health", _) => Route::Health,
        ("GET", "/v1/models" | "/models", None) => Route::Models,
        ("GET", "/agent/status", None) => Route::Status,
        ("POST", "/agent/unload", None) => Route::Unload,
        ("POST", "/agent/stop", None) => Route::Stop,
        _ => Route::Unknown,
    }
}

/// Without `%XX`; what is not such a thing stays as it is.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, more @ ..] = rest {
        let hex = more.get(..2).filter(|_| *first == b'%');
        let hex = hex.filter(|it| it.iter().all(u8::is_ascii_hexdigit));
        let byte = hex.and_then(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &more[2..] } else { more };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Expect) {
        let (method, target) = line.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').map_or((target, None), |it| (it.0, Some(it.1)));
        expected.assert_eq(&format!("{:?}", route(method, path, query)));
    }

    #[test]
    fn a_model_is_named_by_the_body_the_address_or_the_query() {
        check(
            "POST /v1/chat/completions",
            expect![[r#"Model { name: None, path: "/v1/chat/completions" }"#]],
        );
        check(
            "POST /model/a%2Fb%3AQ4/v1/chat/completions",
            expect![[r#"Model { name: Some("a/b:Q4"), path: "/v1/chat/completions" }"#]],
        );
        check("GET /model/a/props", expect![[r#"Model { name: Some("a"), path: "/props" }"#]]);
        check("GET /props?x=1&model=b", expect![[r#"Model { name: Some("b"), path: "/props" }"#]]);
        check(
            "GET /model/a/v1/models",
            expect![[r#"Model { name: Some("a"), path: "/v1/models" }"#]],
        );
    }

    #[test]
    fn what_is_ours_is_not_passed_on() {
        check("GET /health", expect!["Health"]);
        check("GET /v1/models", expect!["Models"]);
        check("GET /agent/status", expect!["Status"]);
        check("POST /agent/stop", expect!["Stop"]);
    }

    #[test]
    fn what_writes_files_or_loads_others_is_unknown() {
        for line in [
            "POST /slots/0?action=save",
            "POST /models/load",
            "GET /tools",
            "POST /props",
            "DELETE /v1/chat/completions",
            "GET /model/a/agent/status",
            "POST /model/a/agent/stop",
            "GET /model/a",
            "GET /",
        ] {
            check(line, expect!["Unknown"]);
        }
    }

    proptest! {
        #[test]
        fn any_name_survives_its_address(name in ".{0,40}") {
            let path = path_of_model(&name) + "/props";
            let expected = Route::Model { name: Some(name), path: "/props".to_owned() };
            prop_assert_eq!(route("GET", &path, None), expected);
        }
    }
}
