//! Which release there is: what is published of llama.cpp, and how it is asked for.
//!
//! Since August 2026 the builds `bN` are pre-releases, and the newest release proper has no programs: it
//! only names, in `nightly-tag.txt`, the build it stands for.

use std::fmt;

use anyhow::{Context, anyhow, bail, ensure};
use serde::Deserialize;

use crate::download::{Ask, Client, Sha256};
use crate::llama::engine::asset::build_of;

/// Where releases are published.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sources {
    /// The address of the repository in GitHub's API.
    pub(crate) api: String,
    /// The address of its releases, for when the API has no time for us.
    pub(crate) downloads: String,
}

/// Which one a person wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wish {
    /// What the newest release proper stands for.
    Stable,
    /// The newest build that has what this machine needs.
    Nightly,
    Build(u32),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Release {
    pub(crate) build: u32,
    pub(crate) files: Vec<Published>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Published {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) size: Option<u64>,
    pub(crate) digest: Option<Sha256>,
}

/// Pages of the list of releases, which has thirty on one. Builds come several times a day.
const PAGES: u32 = 8;

/// In a release proper, the file that names the build.
const TAG: &str = "nightly-tag.txt";

/// A list of thirty releases with all their files has some hundred kilobytes.
const LONGEST_LIST: u64 = 16 << 20;

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stable => f.write_str("the stable release"),
            Self::Nightly => f.write_str("the newest build"),
            Self::Build(build) => write!(f, "b{build}"),
        }
    }
}

/// What came of asking the API.
enum Asked<T> {
    There(T),
    NotThere,
    /// It has no time for us; the reason.
    Refused(String),
}

/// Finds the release. Of the builds, one that `suits` by the names of its files.
pub(crate) async fn resolve(
    client: &Client,
    sources: &Sources,
    wish: Wish,
    suits: &dyn Fn(&[&str]) -> bool,
) -> anyhow::Result<Release> {
    let found = match wish {
        Wish::Stable => stable(client, sources).await?,
        Wish::Nightly => nightly(client, sources, suits).await?,
        Wish::Build(build) => tagged(client, sources, build).await?,
    };
    let reason = match found {
        Asked::There(release) => return Ok(release),
        Asked::NotThere => {
            bail!("{wish} is not there\nhint: `--nightly` takes the newest build there is")
        }
        Asked::Refused(reason) => reason,
    };
    // The plain addresses of files know no lists, and no sums.
    let build = match wish {
        Wish::Build(build) => build,
        Wish::Stable => {
            let url = format!("{}/latest/download/{TAG}", sources.downloads);
            let named = build_named(client, &url).await;
            named.map_err(|_| anyhow!("{reason}"))?
        }
        Wish::Nightly => bail!("{reason}\nhint: try again later, or without `--nightly`"),
    };
    Ok(by_address(sources, build))
}

async fn stable(client: &Client, sources: &Sources) -> anyhow::Result<Asked<Release>> {
    let latest: Form = match json(client, &format!("{}/releases/latest", sources.api)).await? {
        Asked::There(it) => it,
        Asked::NotThere => return Ok(Asked::NotThere),
        Asked::Refused(reason) => return Ok(Asked::Refused(reason)),
    };
    match latest.assets.iter().find(|it| it.name == TAG) {
        Some(tag) => {
            let build = build_named(client, &checked(&tag.browser_download_url, sources)?).await?;
            tagged(client, sources, build).await
        }
        // As it was before, and is with mirrors that stayed so.
        None => match latest.release(sources)? {
            Some(release) => Ok(Asked::There(release)),
            None => bail!("the newest release `{}` names no build", latest.tag_name),
        },
    }
}

async fn nightly(
    client: &Client,
    sources: &Sources,
    suits: &dyn Fn(&[&str]) -> bool,
) -> anyhow::Result<Asked<Release>> {
    for page in 1..=PAGES {
        let url = format!("{}/releases?per_page=30&page={page}", sources.api);
        let list: Vec<Form> = match json(client, &url).await? {
            Asked::There(list) => list,
            Asked::NotThere => return Ok(Asked::NotThere),
            Asked::Refused(reason) => return Ok(Asked::Refused(reason)),
        };
        if list.is_empty() {
            break;
        }
        for form in list.iter().filter(|it| !it.draft) {
            let Some(release) = form.release(sources)? else { continue };
            if suits(&release.names()) {
                return Ok(Asked::There(release));
            }
        }
    }
    Ok(Asked::NotThere)
}

async fn tagged(client: &Client, sources: &Sources, build: u32) -> anyhow::Result<Asked<Release>> {
    let url = format!("{}/releases/tags/b{build}", sources.api);
    match json::<Form>(client, &url).await? {
        Asked::There(form) => match form.release(sources)? {
            Some(release) if release.build == build => Ok(Asked::There(release)),
            _ => bail!("asked for b{build}, the server answers with `{}`", form.tag_name),
        },
        Asked::NotThere => Ok(Asked::NotThere),
        Asked::Refused(reason) => Ok(Asked::Refused(reason)),
    }
}

/// What the files of a build are called whose name has no label of a version in it.
fn by_address(sources: &Sources, build: u32) -> Release {
    let targets = [
        "ubuntu-x64",
        "ubuntu-arm64",
        "ubuntu-s390x",
        "ubuntu-vulkan-x64",
        "ubuntu-vulkan-arm64",
        "macos-arm64",
        "macos-x64",
    ];
    let file = |target: &str| {
        let name = format!("llama-b{build}-bin-{target}.tar.gz");
        let url = format!("{}/download/b{build}/{name}", sources.downloads);
        Published { name, url, size: None, digest: None }
    };
    Release { build, files: targets.into_iter().map(file).collect() }
}

/// The build that a text names.
async fn build_named(client: &Client, url: &str) -> anyhow::Result<u32> {
    let answer = client.get(&Ask { most: 4096, ..Ask::new(url) }).await?;
    ensure!(answer.is_good(), "`{TAG}` of the newest release is not there ({})", answer.status);
    let text = String::from_utf8_lossy(&answer.body);
    build_of(text.trim()).with_context(|| {
        let start: String = text.trim().chars().take(40).collect();
        format!("the newest release names `{start}`, which is no build")
    })
}

async fn json<T: for<'a> Deserialize<'a>>(client: &Client, url: &str) -> anyhow::Result<Asked<T>> {
    let ask =
        Ask { accept: Some("application/vnd.github+json"), most: LONGEST_LIST, ..Ask::new(url) };
    let answer = match client.get(&ask).await {
        Ok(answer) => answer,
        Err(err) => return Ok(Asked::Refused(err.to_string())),
    };
    match answer.status {
        404 => Ok(Asked::NotThere),
        403 | 429 => {
            Ok(Asked::Refused("the list of releases is asked for too often from here".to_owned()))
        }
        _ if answer.is_good() => {
            let parsed = serde_json::from_slice(&answer.body);
            parsed
                .map(Asked::There)
                .with_context(|| format!("cannot understand the list of releases at `{url}`"))
        }
        status => Ok(Asked::Refused(format!("the list of releases is not to be had ({status})"))),
    }
}

impl Release {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.files.iter().map(|it| it.name.as_str()).collect()
    }

    pub(crate) fn file(&self, name: &str) -> Option<&Published> {
        self.files.iter().find(|it| it.name == name)
    }
}

/// A release in the form of the API.
#[derive(Debug, Deserialize)]
struct Form {
    tag_name: String,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    assets: Vec<FormOfFile>,
}

#[derive(Debug, Deserialize)]
struct FormOfFile {
    name: String,
    browser_download_url: String,
    size: Option<u64>,
    digest: Option<String>,
    /// `uploaded`, unless it is still on its way.
    state: Option<String>,
}

impl Form {
    /// `None` if it is not one of the builds.
    fn release(&self, sources: &Sources) -> anyhow::Result<Option<Release>> {
        let Some(build) = build_of(&self.tag_name) else { return Ok(None) };
        let whole =
            self.assets.iter().filter(|it| it.state.as_deref().is_none_or(|it| it == "uploaded"));
        let file = |it: &FormOfFile| -> anyhow::Result<Published> {
            let digest = it.digest.as_deref().map(str::parse).transpose();
            Ok(Published {
                name: it.name.clone(),
                url: checked(&it.browser_download_url, sources)?,
                size: it.size,
                digest: digest.with_context(|| format!("cannot check `{}`", it.name))?,
            })
        };
        Ok(Some(Release { build, files: whole.map(file).collect::<Result<_, _>>()? }))
    }
}

/// The address of a file. Whoever publishes over a safe connection does not send us to an unsafe one.
fn checked(url: &str, sources: &Sources) -> anyhow::Result<String> {
    let is_safe = url.starts_with("https://") || !sources.api.starts_with("https://");
    ensure!(is_safe, "the list of releases names `{url}`, which is not safe");
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(api: &str, form: &str, expected: Expect) {
        let sources = Sources { api: api.to_owned(), downloads: String::new() };
        let form: Form = serde_json::from_str(form).unwrap();
        let told = match form.release(&sources) {
            Ok(None) => "no build".to_owned(),
            Ok(Some(it)) => format!("b{}: {}", it.build, it.names().join(", ")),
            Err(err) => format!("{err:#}"),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn files_that_are_on_their_way_are_not_there() {
        check(
            "https://api.example.org",
            r#"{"tag_name": "b7", "assets": [
                {"name": "a", "browser_download_url": "https://x/a", "state": "uploaded", "size": 1},
                {"name": "b", "browser_download_url": "https://x/b", "state": "starter"},
                {"name": "c", "browser_download_url": "https://x/c", "digest": null}]}"#,
            expect!["b7: a, c"],
        );
        check("https://api.example.org", r#"{"tag_name": "v0.7.0"}"#, expect!["no build"]);
    }

    #[test]
    fn nobody_is_sent_from_a_safe_place_to_an_unsafe_one() {
        let form = r#"{"tag_name": "b7", "assets": [{"name": "a", "browser_download_url": "http://x/a"}]}"#;
        check(
            "https://api.example.org",
            form,
            expect!["the list of releases names `http://x/a`, which is not safe"],
        );
        check("http://127.0.0.1:1", form, expect!["b7: a"]);
    }
}
