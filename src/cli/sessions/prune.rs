//! `agent sessions prune`: old sessions go.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::bail;

use crate::cli::args::sessions::Prune;
use crate::cli::sessions::{delete, table};
use crate::cli::surroundings::Surroundings;
use crate::cli::{WrongUsage, note};
use crate::session::{Store, Summary};
use crate::ui::visible;

/// Deletes the old sessions of a project; a table of those that went, or would.
pub(super) fn prune(
    around: &Surroundings,
    store: &Store,
    project: &Path,
    wanted: &Prune,
    now: SystemTime,
) -> anyhow::Result<String> {
    if wanted.older_than.is_none() && wanted.keep.is_none() {
        bail!(WrongUsage(
            "it is not said which sessions are old\n\
             hint: `--older-than DAYS`, `--keep N`, or both"
                .to_owned()
        ));
    }
    let mut gone = Vec::new();
    for summary in old(store.list(Some(project))?, wanted, now) {
        let deleted = if wanted.dry_run { Ok(()) } else { delete(around, store, &summary) };
        match deleted {
            Ok(()) => gone.push(summary),
            // One that is in use is not old, whatever its file says.
            Err(err) => note(&format!("warning: {}", visible(&format!("{err:#}")))),
        }
    }
    let (did, count) = (if wanted.dry_run { "would delete" } else { "deleted" }, gone.len());
    let end = format!("{did} {count} session{}\n", if count == 1 { "" } else { "s" });
    Ok(if gone.is_empty() { end } else { table(&gone, now, false) + &end })
}

/// Those that go, of all, which are newest first. What has a name was meant to be kept.
fn old(all: Vec<Summary>, wanted: &Prune, now: SystemTime) -> Vec<Summary> {
    let unnamed = all.into_iter().filter(|it| it.name.is_none());
    let is_old = |it: &Summary| match wanted.older_than {
        None => true,
        Some(days) => {
            let limit = Duration::from_secs(days.saturating_mul(86_400));
            now.duration_since(it.modified).is_ok_and(|it| limit < it)
        }
    };
    unnamed.skip(wanted.keep.unwrap_or(0)).filter(is_old).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Sessions of one to five days ago, the third with a name.
    #[track_caller]
    fn check(older_than: Option<u64>, keep: Option<usize>, expected: Expect) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100 * 86_400);
        let summary = |days: u64| Summary {
            id: format!("day-{days}"),
            name: (days == 3).then(|| "kept".to_owned()),
            project: None,
            title: String::new(),
            modified: now - Duration::from_secs(days * 86_400 + 1),
            prompts: 1,
            path: "x".into(),
        };
        let all = (1..=5).map(summary).collect();
        let wanted = Prune { older_than, keep, dry_run: true };
        let ids: Vec<_> = old(all, &wanted, now).into_iter().map(|it| it.id).collect();
        expected.assert_eq(&ids.join(" "));
    }

    #[test]
    fn what_is_old_goes_but_for_what_has_a_name() {
        check(Some(2), None, expect!["day-2 day-4 day-5"]);
        check(Some(0), None, expect!["day-1 day-2 day-4 day-5"]);
        check(Some(u64::MAX), None, expect![]);
    }

    #[test]
    fn so_many_of_the_newest_stay() {
        check(None, Some(2), expect!["day-4 day-5"]);
        check(None, Some(0), expect!["day-1 day-2 day-4 day-5"]);
        check(Some(1), Some(3), expect!["day-5"]);
    }
}
