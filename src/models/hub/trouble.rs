//! Why the hub says no, and what a person does about it.

use anyhow::anyhow;

use crate::download::{Answer, DownloadError};
use crate::models::hub::place::Place;

/// What the hub calls the reasons why it refuses something.
pub(super) struct Refusal<'a> {
    pub(super) status: u16,
    pub(super) code: Option<&'a str>,
    pub(super) message: Option<&'a str>,
}

impl<'a> Refusal<'a> {
    pub(super) fn of(answer: &'a Answer) -> Self {
        let (code, message) = (answer.header("x-error-code"), answer.header("x-error-message"));
        Self { status: answer.status, code, message }
    }

    /// One sentence for each, with its next step.
    pub(super) fn told(&self, place: &Place, repo: &str) -> anyhow::Error {
        let endpoint = &place.endpoint;
        let message = self.message.unwrap_or_default();
        let from = place.token.as_ref().map(|it| it.from.as_str());
        let is_wrong_token = message.to_lowercase().contains("invalid credentials")
            || message.to_lowercase().contains("invalid username");
        match (self.status, self.code, from) {
            (401 | 403, _, Some(from)) if is_wrong_token => anyhow!(
                "the hub does not accept the token from `{from}`\n\
                 hint: make another at {endpoint}/settings/tokens, or unset it for what is public"
            ),
            (401 | 403, Some("GatedRepo"), None) => anyhow!(
                "`{repo}` is only for those who agreed to its terms\n\
                 hint: agree at {endpoint}/{repo}, then set HF_TOKEN to a token of yours \
                 ({endpoint}/settings/tokens)"
            ),
            (401 | 403, Some("GatedRepo"), Some(from)) => anyhow!(
                "`{repo}` is only for those who agreed to its terms, and whose token is in `{from}` \
                 has not\n\
                 hint: agree at {endpoint}/{repo}; some owners let people in by hand, which takes time"
            ),
            (404, Some("RevisionNotFound"), _) => anyhow!(
                "`{repo}` has no such revision\nhint: its branches are at {endpoint}/{repo}/tree/main"
            ),
            (401 | 404, _, None) => anyhow!(
                "there is no `{repo}` at the hub, or it is private\n\
                 hint: look for it with `agent models search`; for what is private set HF_TOKEN"
            ),
            (404, _, Some(from)) => anyhow!(
                "there is no `{repo}` at the hub, or the token from `{from}` may not see it\n\
                 hint: look for it with `agent models search`"
            ),
            (401 | 403, _, Some(from)) => anyhow!(
                "the token from `{from}` gives no access to `{repo}`\n\
                 hint: {endpoint}/settings/tokens says what it may read"
            ),
            (status, _, _) => {
                let reason = if message.is_empty() { "no reason given" } else { message };
                anyhow!("the hub refused it ({status}): {reason}")
            }
        }
    }
}

/// The same of a file's bytes, where only the error is left.
pub(super) fn of_file(err: DownloadError, place: &Place, repo: &str) -> anyhow::Error {
    match &err {
        DownloadError::Refused { status, code: Some(code), message, .. } => {
            Refusal { status: *status, code: Some(code), message: Some(message) }.told(place, repo)
        }
        _ => anyhow!(err),
    }
}

/// Before anything is asked.
pub(super) fn check_online(place: &Place) -> anyhow::Result<()> {
    if place.is_offline {
        return Err(anyhow!(
            "the hub may not be asked: HF_HUB_OFFLINE is set\nhint: unset it, or set it to 0"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::download::Token;
    use crate::models::hub::place::Credential;

    #[track_caller]
    fn check(status: u16, code: &str, message: &str, has_token: bool, expected: Expect) {
        let credential =
            Credential { token: Token::new("hf_x").unwrap(), from: "HF_TOKEN".to_owned() };
        let place = Place {
            endpoint: "https://hub".to_owned(),
            token: has_token.then_some(credential),
            is_offline: false,
            cache: "/cache".into(),
        };
        let refusal = Refusal { status, code: Some(code), message: Some(message) };
        expected.assert_eq(&refusal.told(&place, "org/repo").to_string());
    }

    #[test]
    fn each_reason_has_its_next_step() {
        check(
            401,
            "GatedRepo",
            "Access to model org/repo is restricted",
            false,
            expect![[r#"
                `org/repo` is only for those who agreed to its terms
                hint: agree at https://hub/org/repo, then set HF_TOKEN to a token of yours (https://hub/settings/tokens)"#]],
        );
        check(
            403,
            "GatedRepo",
            "Access to model org/repo is restricted",
            true,
            expect![[r#"
                `org/repo` is only for those who agreed to its terms, and whose token is in `HF_TOKEN` has not
                hint: agree at https://hub/org/repo; some owners let people in by hand, which takes time"#]],
        );
        check(
            401,
            "RepoNotFound",
            "Repository not found",
            false,
            expect![[r#"
                there is no `org/repo` at the hub, or it is private
                hint: look for it with `agent models search`; for what is private set HF_TOKEN"#]],
        );
        check(
            404,
            "RepoNotFound",
            "Repository not found",
            true,
            expect![[r#"
                there is no `org/repo` at the hub, or the token from `HF_TOKEN` may not see it
                hint: look for it with `agent models search`"#]],
        );
        check(
            401,
            "",
            "Invalid credentials in Authorization header",
            true,
            expect![[r#"
                the hub does not accept the token from `HF_TOKEN`
                hint: make another at https://hub/settings/tokens, or unset it for what is public"#]],
        );
        check(
            404,
            "RevisionNotFound",
            "Invalid rev id: v9",
            false,
            expect![[r#"
                `org/repo` has no such revision
                hint: its branches are at https://hub/org/repo/tree/main"#]],
        );
        check(400, "", "what", false, expect!["the hub refused it (400): what"]);
    }
}
