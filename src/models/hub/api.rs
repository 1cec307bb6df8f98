//! The hub's API: what there is, what a repository holds, what is said of a file.

use anyhow::{Context, anyhow, bail};
use reqwest::Url;
use serde::Deserialize;

use crate::download::{Answer, Ask, Client, Sha256, Token};
use crate::models::hub::place::Place;
use crate::models::hub::reference::is_repo;
use crate::models::hub::trouble::{Refusal, check_online};

/// Pages of one list that are read at most; a thousand files each.
const MOST_PAGES: usize = 100;

pub(crate) struct Hub<'a> {
    pub(crate) client: &'a Client,
    pub(crate) place: &'a Place,
}

/// A file in a repository.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) size: u64,
    /// Of large files; small ones have a hash of git's.
    pub(crate) sha256: Option<Sha256>,
    /// What the cache calls the content.
    pub(crate) blob: String,
}

/// What the hub says of a file without sending it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    pub(crate) commit: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<Sha256>,
}

#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) words: String,
    pub(crate) sort: Sort,
    pub(crate) limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sort {
    Downloads,
    Likes,
    Updated,
    Trending,
}

/// A repository that was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) repo: String,
    pub(crate) downloads: u64,
    pub(crate) likes: u64,
    /// As the hub writes it: `2026-10-01T12:00:00.000Z`.
    pub(crate) updated: String,
    pub(crate) is_gated: bool,
    pub(crate) architecture: Option<String>,
    pub(crate) parameters: Option<u64>,
    pub(crate) context: Option<u64>,
}

impl Hub<'_> {
    /// The commit that a revision of a repository is at, and the name the repository has now.
    pub(crate) async fn commit(
        &self,
        repo: &str,
        revision: &str,
    ) -> anyhow::Result<(String, String)> {
        let path = format!("/api/models/{repo}/revision/{revision}");
        let answer = self.get(self.at(&path, &[])?, repo).await?;
        let model: Model = understood(&answer)?;
        let commit = model.sha.filter(|it| is_commit(it));
        let commit = commit.ok_or_else(|| anyhow!("the hub does not say which commit it is"))?;
        if !is_repo(&model.id) {
            bail!("the hub calls `{repo}` `{}`, which is no name of a repository", model.id);
        }
        Ok((model.id, commit))
    }

    /// All files of a commit.
    pub(crate) async fn tree(&self, repo: &str, commit: &str) -> anyhow::Result<Vec<Entry>> {
        let path = format!("/api/models/{repo}/tree/{commit}");
        let mut next = Some(self.at(&path, &[("recursive", "true")])?);
        let (mut entries, mut pages) = (Vec::new(), 0);
        while let Some(url) = next {
            pages += 1;
            if MOST_PAGES < pages {
                bail!("`{repo}` has more files than can be read");
            }
            let answer = self.get(url, repo).await?;
            let page: Vec<TreeEntry> = understood(&answer)?;
            entries.extend(page.into_iter().filter(|it| it.kind == "file").map(TreeEntry::entry));
            next = self.next_page(&answer);
        }
        Ok(entries)
    }

    /// What is said of one file at a commit, which also tells whether it may be had.
    pub(crate) async fn facts(
        &self,
        repo: &str,
        commit: &str,
        path: &str,
    ) -> anyhow::Result<Facts> {
        check_online(self.place)?;
        let ask = Ask::new(self.file(repo, commit, path)?).with_token(self.token());
        let answer = self.client.head(&ask).await?;
        if !answer.is_good() && answer.location().is_none() {
            return Err(Refusal::of(&answer).told(self.place, repo));
        }
        let header = |name: &str| answer.header(name).map(|it| it.trim_matches('"').to_owned());
        Ok(Facts {
            commit: header("x-repo-commit"),
            size: header("x-linked-size").and_then(|it| it.parse().ok()),
            sha256: header("x-linked-etag").and_then(|it| it.parse().ok()),
        })
    }

    /// Repositories with models that fit the words.
    pub(crate) async fn search(&self, search: &Search) -> anyhow::Result<Vec<Found>> {
        let sort = match search.sort {
            Sort::Downloads => "downloads",
            Sort::Likes => "likes",
            Sort::Updated => "lastModified",
            Sort::Trending => "trendingScore",
        };
        let limit = search.limit.to_string();
        let mut fields = vec![
            ("search", search.words.as_str()),
            ("filter", "gguf"),
            ("sort", sort),
            ("direction", "-1"),
            ("limit", &limit),
        ];
        let told = ["gguf", "downloads", "likes", "lastModified", "gated"];
        fields.extend(told.iter().map(|it| ("expand[]", *it)));
        let mut next = Some(self.at("/api/models", &fields)?);
        let mut found = Vec::new();
        while let Some(url) = next.filter(|_| found.len() < search.limit) {
            let answer = self.get(url, "models").await?;
            let page: Vec<Model> = understood(&answer)?;
            found.extend(page.into_iter().map(Model::found));
            next = self.next_page(&answer);
        }
        found.truncate(search.limit);
        Ok(found)
    }

    /// The address of a file's bytes.
    pub(crate) fn file(&self, repo: &str, commit: &str, path: &str) -> anyhow::Result<String> {
        let mut url = self.at("", &[])?;
        let segments = url.path_segments_mut();
        let mut segments = segments.map_err(|()| anyhow!("`HF_ENDPOINT` is no address"))?;
        segments.pop_if_empty();
        segments.extend(repo.split('/')).extend(["resolve", commit]).extend(path.split('/'));
        drop(segments);
        Ok(url.into())
    }

    pub(crate) fn token(&self) -> Option<&Token> {
        self.place.token.as_ref().map(|it| &it.token)
    }

    fn at(&self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Url> {
        let endpoint = &self.place.endpoint;
        let mut url = Url::parse(&format!("{endpoint}{path}")).with_context(|| {
            format!("cannot understand `{endpoint}` as the address of a hub (HF_ENDPOINT)")
        })?;
        if !fields.is_empty() {
            url.query_pairs_mut().extend_pairs(fields);
        }
        Ok(url)
    }

    async fn get(&self, url: Url, repo: &str) -> anyhow::Result<Answer> {
        check_online(self.place)?;
        let ask = Ask {
            accept: Some("application/json"),
            most: 64 * 1024 * 1024,
            ..Ask::new(url.clone()).with_token(self.token().filter(|_| self.is_of_the_hub(&url)))
        };
        let answer = self.client.get(&ask).await.context("cannot ask the hub")?;
        if !answer.is_good() {
            return Err(Refusal::of(&answer).told(self.place, repo));
        }
        Ok(answer)
    }

    /// The page behind this one, from the hub or from where it has led us.
    fn next_page(&self, answer: &Answer) -> Option<Url> {
        let next = next_link(answer.header("link")?)?;
        let next = answer.url.join(next).ok()?;
        (next.origin() == answer.url.origin() || self.is_of_the_hub(&next)).then_some(next)
    }

    /// Whether the token may go there. Where a redirect has led is another's house.
    fn is_of_the_hub(&self, url: &Url) -> bool {
        self.at("", &[]).is_ok_and(|it| it.origin() == url.origin())
    }
}

/// The address in `<https://…>; rel="next"`.
fn next_link(header: &str) -> Option<&str> {
    let links = header.split(",");
    let next = links.map(str::trim).find(|it| it.contains("rel=\"next\""))?;
    Some(next.strip_prefix('<')?.split_once('>')?.0)
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|it| it.is_ascii_hexdigit())
}

fn understood<'a, T: Deserialize<'a>>(answer: &'a Answer) -> anyhow::Result<T> {
    serde_json::from_slice(&answer.body).with_context(|| {
        format!(
            "cannot understand what `{}` says\nhint: is HF_ENDPOINT the address of a hub?",
            answer.url.host_str().unwrap_or_default()
        )
    })
}

/// The wire's form of a repository.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    id: String,
    sha: Option<String>,
    #[serde(default)]
    downloads: u64,
    #[serde(default)]
    likes: u64,
    #[serde(default)]
    last_modified: String,
    /// `false`, or who lets people in.
    #[serde(default)]
    gated: serde_json::Value,
    gguf: Option<Gguf>,
}

#[derive(Deserialize)]
struct Gguf {
    architecture: Option<String>,
    total: Option<u64>,
    context_length: Option<u64>,
}

impl Model {
    fn found(self) -> Found {
        let gguf =
            self.gguf.unwrap_or(Gguf { architecture: None, total: None, context_length: None });
        Found {
            repo: self.id,
            downloads: self.downloads,
            likes: self.likes,
            updated: self.last_modified,
            is_gated: !matches!(
                self.gated,
                serde_json::Value::Null | serde_json::Value::Bool(false)
            ),
            architecture: gguf.architecture,
            parameters: gguf.total,
            context: gguf.context_length,
        }
    }
}

#[derive(Deserialize)]
struct TreeEntry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    oid: String,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

impl TreeEntry {
    fn entry(self) -> Entry {
        let (size, blob) = self.lfs.map_or((self.size, self.oid), |it| (it.size, it.oid));
        Entry { path: self.path, size, sha256: blob.parse().ok(), blob }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_links() {
        let header =
            r#"<https://hub/a?cursor=1>; rel="prev", <https://hub/a?cursor=3>; rel="next""#;
        assert_eq!(next_link(header), Some("https://hub/a?cursor=3"));
        assert_eq!(next_link(r#"<https://hub/a>; rel="prev""#), None);
        assert_eq!(next_link(""), None);
    }
}
