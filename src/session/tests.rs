//! A journal of every kind of record, cut at every byte.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::conversation::{
    Call, Condensed, Decision, End, Entry, Outcome, Pruned, Reply, Status, Stop, Usage,
};
use crate::session::{Store, document, markdown, page};

/// What can be in a session, in an order in which it could have come.
fn entries() -> Vec<Entry> {
    let call =
        |id: &str| Call { id: id.into(), tool: "shell".into(), args: "{\"a\":\"é\n\"}".into() };
    let usage = Usage { cached: 1, read: 2, written: 3, read_ms: 0.5, written_ms: 1.5 };
    let reply = Reply {
        text: "I look. ✓\n{\"seq\":1,".into(),
        spoken: "<tool_call>".into(),
        reasoning: "hm 😀".into(),
        calls: vec![call("1"), call("2")],
        end: End::Finished,
        usage,
        model: "m.gguf".into(),
    };
    let decided = |call: &str, decision| Entry::Decided { call: call.into(), decision };
    let outcome = |status| Outcome::new(status, "one\ntwo\u{7}", "2 lines");
    let result = |call: &str, status| Entry::Result { call: call.into(), outcome: outcome(status) };
    vec![
        Entry::Opened { system: "You are".into() },
        Entry::Prompt("mend \"it\"\n".into()),
        Entry::Reply(reply),
        decided("1", Decision::Always("shell(x)".into())),
        Entry::Started { call: "1".into() },
        result("1", Status::Done),
        decided("2", Decision::Denied("no".into())),
        result("2", Status::Refused),
        Entry::Full { tokens: 9, window: 10 },
        Entry::Pruned(Pruned { kept: 1, most: 100 }),
        Entry::Condensed(Condensed { summary: "so far".into(), kept: 1, usage }),
        Entry::Note("go on".into()),
        Entry::Stopped(Stop::TimeLimit),
    ]
}

#[test]
fn what_was_whole_before_a_cut_is_there_and_the_loss_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    let store = Store { root: dir.path().to_owned(), clock };
    let (project, id) = (Path::new("/p"), "20260102-030405-abcd");
    let mut journal = store.create(project, id).unwrap();
    let entries = entries();
    journal.append(&entries.iter().collect::<Vec<_>>()).unwrap();
    let path = journal.path().to_owned();
    drop(journal);

    let whole = std::fs::read(&path).unwrap();
    let torn = path.with_extension("torn");
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let lines = whole[..cut].iter().filter(|it| **it == b'\n').count();
        // A line is whole without the newline that ends it.
        let is_whole_line = cut < whole.len() && whole[cut] == b'\n';
        let is_at_end = cut == 0 || whole[cut - 1] == b'\n' || is_whole_line;
        let there = (lines + usize::from(is_whole_line)).saturating_sub(1);

        let summary = store.exactly(id, None).unwrap();
        let held = store.held(&summary).unwrap();
        assert_eq!(held.entries, entries[..there], "cut at byte {cut}");
        assert_eq!(held.times, vec![1000; there], "cut at byte {cut}");
        assert_eq!(held.damage.is_none(), is_at_end, "cut at byte {cut}: {}", held.damage);
        for text in [markdown(&held.title, &held.entries), document(&held), page(&held)] {
            assert!(!text.is_empty(), "cut at byte {cut}");
        }

        let opened = store.open(&summary).unwrap();
        assert_eq!(opened.transcript.entries(), &entries[..there], "cut at byte {cut}");
        assert_eq!(opened.damage.to_string(), held.damage.to_string(), "cut at byte {cut}");
        drop(opened);
        // What is lost to the session is not lost to the person.
        let aside = std::fs::read(&torn).unwrap_or_default();
        assert_eq!(!aside.is_empty(), !is_at_end, "cut at byte {cut}");
        let kept = std::fs::read(&path).unwrap();
        let put_back = [&kept[..], &aside].concat();
        // A newline that was lost was made again.
        let expected = &whole[..cut + usize::from(is_whole_line)];
        assert_eq!(put_back, expected, "cut at byte {cut}");
        let _ = std::fs::remove_file(&torn);
    }
}
