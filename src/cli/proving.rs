//! Tests that were written, and what came of trying them.

use serde_json::{Value, json};

use crate::agent::{Desk, Finish, Proof, in_time};
use crate::cli::serving::Serving;
use crate::cli::{Exit, print};
use crate::conversation::Front;
use crate::tools::Claim;
use crate::ui::{Screen, visible, visible_line};

/// Writes tests, tries them, and says what came of it.
pub(super) async fn once(desk: &mut Desk<Serving, Screen>, prompt: String) -> anyhow::Result<Exit> {
    let (exit, proof) = alone(desk, prompt).await?;
    if let Some(why) = &proof.unbroken {
        desk.front().note(&format!(
            "the tests pass, but it was not tried whether they can fail: {}",
            visible(why)
        ));
    }
    print(&visible(&shown(&proof, &desk.left(&proof))))?;
    Ok(exit)
}

/// The same without a word.
pub(super) async fn alone<F: Front>(
    desk: &mut Desk<Serving, F>,
    prompt: String,
) -> anyhow::Result<(Exit, Proof)> {
    // For all of it: the trials between the turns take time as well.
    let (limit, interrupt) = (desk.max_time.take(), desk.interrupt());
    let (finish, proof) = in_time(limit, &interrupt, desk.prove(prompt)).await?;
    let is_good = !proof.held.is_empty() && desk.left(&proof).is_empty();
    let exit = match finish {
        _ if interrupt.is_time_up() => Exit::TimeLimit,
        Finish::Done if is_good => Exit::Done,
        Finish::Done => Exit::GaveUp,
        stopped @ Finish::Stopped(_) => stopped.into(),
    };
    Ok((exit, proof))
}

/// For programs.
pub(super) fn told<F: Front>(desk: &Desk<Serving, F>, proof: &Proof) -> Value {
    let failed = |(claim, why): &(Claim, String)| json!({"test": claim.test, "file": claim.file, "why": why});
    let left: Vec<_> = desk.left(proof).into_iter().map(|it| &it.test).collect();
    json!({
        "tests": proof.held, "taken_out": proof.failed.iter().map(failed).collect::<Vec<_>>(),
        "left": left, "not_broken": proof.unbroken,
    })
}

/// A line a test, and in which way the code was broken for it.
fn shown(proof: &Proof, left: &[&Claim]) -> String {
    let mut text = String::new();
    for it in &proof.held {
        text += &format!("{}  {}\n", it.file, it.test);
        if proof.unbroken.is_none() {
            let (old, new) = (visible_line(it.old.trim(), 60), visible_line(it.new.trim(), 60));
            text += &format!("    fails with `{new}` in place of `{old}` in {}\n", it.code);
        }
    }
    for (it, why) in &proof.failed {
        let fate = match () {
            () if left.contains(&it) => "still there, and worth nothing",
            () if proof.put_back.contains(&it.file) => "taken out, the file is as it was",
            () => "taken out",
        };
        let why = visible_line(why.lines().next().unwrap_or_default(), 120);
        text += &format!("{}  {}\n    {fate}: {why}\n", it.file, it.test);
    }
    if proof.held.is_empty() {
        text += "no test was kept\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn each_test_is_told_with_what_makes_it_fail() {
        let claim = |test: &str, file: &str| Claim {
            test: test.to_owned(),
            file: file.to_owned(),
            code: "a.py".to_owned(),
            old: "    return a + b\n".to_owned(),
            new: "    return a - b\n".to_owned(),
        };
        let (left, out) = (claim("test_left", "tests/a.py"), claim("test_out", "tests/b.py"));
        let failed = vec![
            (left.clone(), "it passes all the same\nmore".to_owned()),
            (out, "it does not pass:".to_owned()),
        ];
        let (held, put_back) =
            (vec![claim("test_sum", "tests/a.py")], vec!["tests/b.py".to_owned()]);
        let proof = Proof { held, failed, put_back, unbroken: None };
        expect![[r#"
            tests/a.py  test_sum
                fails with `return a - b` in place of `return a + b` in a.py
            tests/a.py  test_left
                still there, and worth nothing: it passes all the same
            tests/b.py  test_out
                taken out, the file is as it was: it does not pass:
        "#]]
        .assert_eq(&shown(&proof, &[&left]));
        expect!["no test was kept\n"].assert_eq(&shown(&Proof::default(), &[]));
    }
}
