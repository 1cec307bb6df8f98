//! What was announced and did not come about as it was announced.

use super::*;

#[test]
fn what_a_person_does_after_an_edit_was_refused_is_theirs() {
    let world = World::new(&[("a", "1\n"), ("b", "1\n")]);
    fs::set_permissions(world.at("a"), fs::Permissions::from_mode(0o444)).unwrap();
    assert!(world.turn(1).edit("a", Some("2\n")).is_err());
    // This one is only found out while it is made.
    let changes = [world.change("new/c", Some("2\n")), world.change("b", Some("2\n"))];
    world.write("b", "mine\n");
    assert!(world.turn(2).workspace.apply(&changes).is_err());
    assert!(!world.at("new").exists());
    fs::set_permissions(world.at("a"), fs::Permissions::from_mode(0o644)).unwrap();
    for path in ["a", "b", "new/c"] {
        world.write(path, "2\n");
    }
    let after = world.all();
    assert_eq!(world.workspace.differences().unwrap(), []);
    let world = world.again();
    check(world.reverse(UNDO), expect!["nothing"]);
    assert_eq!(world.all(), after);
}

#[test]
fn a_turn_that_failed_in_part_can_be_rehearsed() {
    let world = World::new(&[("a", "1\n")]);
    world.turn(1).edit("a", Some("2\n")).unwrap();
    let void = Record::Void { step: 0, is_taken_back: false };
    world.workspace.history().unwrap().state().ledger.as_mut().unwrap().add(void).unwrap();
    check(
        world.reverse(Reversal { rehearse: true, ..UNDO }),
        expect![[r#"
            turn 1
            a +1 -1
            0 more"#]],
    );
}

#[test]
fn a_file_that_grew_too_large_is_not_shown_as_deleted() {
    let world = World::new(&[("a", "1\n")]);
    world.turn(1).edit("a", Some("2\n")).unwrap();
    let file = fs::File::options().write(true).open(world.at("a")).unwrap();
    file.set_len(crate::workspace::LARGEST + 1).unwrap();
    assert_eq!(world.workspace.differences().unwrap(), []);
}
