//! `agent models search`: what the hub has that could run here.

use anyhow::{Context, anyhow};
use serde_json::json;

use crate::cli::args::{SearchModels, SearchSort};
use crate::cli::models::pull::{options, place, run};
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, WrongUsage, print};
use crate::download::Client;
use crate::models::hub::{Found, Hub, Search, Sort};
use crate::ui::{visible, visible_json, visible_line};

pub(super) fn search(around: &Surroundings, wanted: &SearchModels) -> anyhow::Result<Exit> {
    let place = place(around)?;
    let client = Client::new(&options(around)).context("cannot ask the hub")?;
    let hub = Hub { client: &client, place: &place };
    let words = wanted.words.join(" ");
    if words.trim().is_empty() {
        return Err(anyhow!(WrongUsage("nothing is searched for".to_owned())));
    }
    let sort = match wanted.sort {
        SearchSort::Downloads => Sort::Downloads,
        SearchSort::Likes => Sort::Likes,
        SearchSort::Updated => Sort::Updated,
        SearchSort::Trending => Sort::Trending,
    };
    let search = Search { words, sort, limit: wanted.limit.get() };
    run(async {
        let found = hub.search(&search).await.context("cannot search the hub")?;
        let text = if wanted.json { lines(&found) } else { table(&found, &search.words) };
        print(&text)?;
        Ok(Exit::Done)
    })
}

fn lines(found: &[Found]) -> String {
    let line = |it: &Found| {
        let line = json!({
            "repo": it.repo, "downloads": it.downloads, "likes": it.likes, "updated": it.updated,
            "gated": it.is_gated, "architecture": it.architecture, "parameters": it.parameters,
            "context": it.context,
        });
        format!("{}\n", visible_json(&line.to_string()))
    };
    found.iter().map(line).collect()
}

fn table(found: &[Found], words: &str) -> String {
    if found.is_empty() {
        return format!("no repository with GGUF files fits `{}`\n", visible(words));
    }
    let rows = found.iter().map(|it| {
        let gated = if it.is_gated { " (gated)" } else { "" };
        [
            format!("{}{gated}", visible_line(&it.repo, 70)),
            it.parameters.map(count).unwrap_or_default(),
            it.context.map(|it| format!("{}k", it / 1024)).unwrap_or_default(),
            count(it.downloads),
            count(it.likes),
            visible_line(it.updated.get(..10).unwrap_or_default(), 10),
        ]
    });
    let head = ["REPOSITORY", "PARAMETERS", "CONTEXT", "DOWNLOADS", "LIKES", "UPDATED"];
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|it| it[column].chars().count()).max();
    let widths: Vec<_> = (0..head.len()).map(|it| width(it).unwrap_or_default()).collect();
    let line = |row: &[String; 6]| {
        let mut line = format!("{:<w$}", row[0], w = widths[0]);
        for (cell, w) in row.iter().zip(&widths).skip(1) {
            line += &format!("  {cell:>w$}", w = *w);
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    };
    rows.iter().map(line).collect()
}

/// Three digits at most: `4.0B` parameters, `1.2M` downloads.
fn count(number: u64) -> String {
    const STEPS: [(u64, &str); 3] = [(1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")];
    match STEPS.into_iter().find(|(unit, _)| *unit <= number) {
        Some((unit, name)) if number < unit * 100 => {
            let tenths = number / (unit / 10);
            format!("{}.{}{name}", tenths / 10, tenths % 10)
        }
        Some((unit, name)) => format!("{}{name}", number / unit),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_table_has_what_one_chooses_by() {
        let found = Found {
            repo: "org/a-GGUF".to_owned(),
            downloads: 1_234_567,
            likes: 999,
            updated: "2026-10-01T12:00:00.000Z".to_owned(),
            is_gated: false,
            architecture: Some("qwen3".to_owned()),
            parameters: Some(4_022_468_096),
            context: Some(262_144),
        };
        let gated = Found {
            repo: "org/\x1b[31mb".to_owned(),
            is_gated: true,
            parameters: None,
            context: None,
            updated: String::new(),
            ..found.clone()
        };
        expect![[r#"
            REPOSITORY          PARAMETERS  CONTEXT  DOWNLOADS  LIKES     UPDATED
            org/a-GGUF                4.0B     256k       1.2M    999  2026-10-01
            org/␛[31mb (gated)                            1.2M    999
        "#]]
        .assert_eq(&table(&[found, gated], "x"));
        assert_eq!(table(&[], "x"), "no repository with GGUF files fits `x`\n");
    }
}
