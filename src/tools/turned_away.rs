//! What is said of hosts that a command asked for and that are not allowed.

use crate::conversation::Outcome;

/// How many are named.
const MOST: usize = 8;

/// To the person, who can allow them, and to the model, for which there is no sense in trying again.
pub(super) fn tell(hosts: &[String], outcome: &mut Outcome) {
    if hosts.is_empty() {
        return;
    }
    let named: Vec<_> = hosts.iter().take(MOST).map(String::as_str).collect();
    let mut named = named.join(", ");
    let left_out = hosts.len().saturating_sub(MOST);
    if 0 < left_out {
        named += &format!(" and {left_out} more");
    }
    outcome.notices.push(format!(
        "the command asked for {named}, which is not allowed; `sandbox.hosts` allows hosts"
    ));
    if !outcome.text.is_empty() && !outcome.text.ends_with('\n') {
        outcome.text.push('\n');
    }
    outcome.text += &format!("[no network to {named}: not among the hosts that the user allows]\n");
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::Status;

    #[track_caller]
    fn check(hosts: &[&str], expected: Expect) {
        let hosts: Vec<_> = hosts.iter().map(|it| (*it).to_owned()).collect();
        let mut outcome = Outcome::new(Status::Failed, "[exit 1]", "exit 1");
        tell(&hosts, &mut outcome);
        expected.assert_eq(&format!("{}\n{}", outcome.text, outcome.notices.join("\n")));
    }

    #[test]
    fn the_model_and_the_person_are_told_of_hosts_that_were_turned_away() {
        check(
            &[],
            expect![[r#"
            [exit 1]
        "#]],
        );
        check(
            &["a.org:443"],
            expect![[r#"
            [exit 1]
            [no network to a.org:443: not among the hosts that the user allows]

            the command asked for a.org:443, which is not allowed; `sandbox.hosts` allows hosts"#]],
        );
        let many = ["a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1", "h:1", "i:1", "j:1"];
        check(
            &many,
            expect![[r#"
            [exit 1]
            [no network to a:1, b:1, c:1, d:1, e:1, f:1, g:1, h:1 and 2 more: not among the hosts that the user allows]

            the command asked for a:1, b:1, c:1, d:1, e:1, f:1, g:1, h:1 and 2 more, which is not allowed; `sandbox.hosts` allows hosts"#]],
        );
    }
}
