//! Calls that the person changed.

use super::*;
use crate::agent::step::tell_changes;

#[test]
fn what_the_person_changed_runs_as_they_changed_it() {
    let script = "user x\nreply\ncall 1 edit\ncall 2 edit\nchange 1 shell";
    check(script, expect!["run 1 shell"]);
    let Next::Run(calls) = next(&rules(Permission::Ask), &parse(script)) else { panic!() };
    assert_eq!(calls[0].args, r#"{"by":"me"}"#);
    check(&format!("{script}\nstart 1\nresult 1"), expect!["approve 2 edit"]);
    check("user x\nreply\ncall 1 edit\ncall 2 read\nchange 1 read", expect!["run 1 read 2 read"]);
}

/// A deny rule that the call of the model did not fall under, but what the person made of it does.
#[test]
fn what_the_person_changed_is_judged_again() {
    check_ruled(
        Permission::Ask,
        "deny shell",
        "user x\nreply\ncall 1 edit\nchange 1 shell",
        expect!["answer 1 Refused: Refused: the user's rules forbid it (`shell`)."],
    );
}

/// The model asked for something else, and is told so whatever came of it.
#[test]
fn the_model_is_told_what_the_person_changed() {
    let told = |script: &str| {
        let outcome = Outcome::new(Status::Done, "well\n", "");
        let mut results = [Entry::Result { call: "1".to_owned(), outcome }];
        tell_changes(&parse(script), &mut results);
        let [Entry::Result { outcome, .. }] = results else { panic!() };
        outcome.text
    };
    let changed = "user x\nreply\ncall 1 edit\nchange 1 shell";
    expect![[r#"
        [The user changed this call before they allowed it, to: shell {"by":"me"}]
        well
    "#]]
    .assert_eq(&told(changed));
    assert_eq!(told("user x\nreply\ncall 1 edit\nallow 1"), "well\n");
}
