//! What is left alone because it is somebody else's, or may be.

use super::*;

#[test]
fn what_was_left_alone_can_be_taken_back_later() {
    let world = World::new(&[("a", "1\n"), ("b", "1\n"), ("c", "1\n")]);
    world.turn(1).edit("a", Some("2\n")).unwrap();
    world.turn(2).edit("b", Some("2\n")).unwrap();
    world.edit("c", Some("2\n")).unwrap();
    let after = world.all();
    world.write("b", "mine\n");
    check(
        world.reverse(UNDO),
        expect![[r#"
        turn 2
        b left: it was changed since, in the same lines
        c +1 -1
        1 more"#]],
    );
    // It does not bar the way.
    check(
        world.reverse(UNDO),
        expect![[r#"
        turn 1
        a +1 -1
        passed 1 of 2
        0 more"#]],
    );
    let world = world.again();
    check(
        world.reverse(UNDO),
        expect![[r#"
        stuck in turn 2
        b left: it was changed since, in the same lines
        0 more"#]],
    );
    let listed = world.workspace.history().unwrap().changed().unwrap();
    check(
        format!("{listed:?}"),
        expect![[r#"[Changed { turn: 2, files: [ProjectPath("b")], is_rest: true }]"#]],
    );
    world.write("b", "2\n");
    check(
        world.reverse(UNDO),
        expect![[r#"
        turn 2
        b +1 -1
        0 more"#]],
    );
    check(world.reverse(UNDO), expect!["nothing"]);
    assert_eq!(fs::read_to_string(world.at("b")).unwrap(), "1\n");
    // Turn by turn, as it was done.
    check(
        world.reverse(REDO),
        expect![[r#"
        turn 1
        a +1 -1
        1 more"#]],
    );
    check(
        world.reverse(REDO),
        expect![[r#"
        turn 2
        b +1 -1
        c +1 -1
        0 more"#]],
    );
    assert_eq!(world.all(), after);
}

#[test]
fn what_somebody_else_changed_later_survives() {
    let world = World::new(&[("a", "1\n2\n3\n4\n5\n"), ("b", "b\n")]);
    world.turn(1).edit("a", Some("1\n2\nX\n4\n5\n")).unwrap();
    world.edit("b", Some("B\n")).unwrap();
    world.edit("c", Some("c\n")).unwrap();
    world.write("a", "0\n1\n2\nX\n4\n5\n");
    world.write("c", "c\nmine\n");
    fs::remove_file(world.at("b")).unwrap();
    check(
        world.reverse(UNDO),
        expect![[r#"
            turn 1
            a +1 -1, merged
            b left: it was deleted since
            c left: it was changed since, in the same lines
            0 more"#]],
    );
    assert_eq!(fs::read_to_string(world.at("a")).unwrap(), "0\n1\n2\n3\n4\n5\n");
}

/// H14.
#[test]
fn no_link_that_was_planted_is_followed() {
    let world = World::new(&[("a", "1\n"), ("d/b", "1\n"), ("e/f", "1\n"), ("g", "1\n")]);
    for path in ["a", "d/b", "e/f", "g"] {
        world.turn(1).edit(path, Some("secret\n")).unwrap();
    }
    let secret = world.dir.path().join("secret");
    fs::remove_file(world.at("a")).unwrap();
    symlink(&secret, world.at("a")).unwrap();
    fs::remove_dir_all(world.at("d")).unwrap();
    symlink(world.dir.path(), world.at("d")).unwrap();
    fs::write(world.dir.path().join("b"), "secret\n").unwrap();
    fs::remove_file(world.at("e/f")).unwrap();
    fs::hard_link(&secret, world.at("e/f")).unwrap();
    fs::remove_file(world.at("g")).unwrap();
    fs::create_dir(world.at("g")).unwrap();
    check(
        world.reverse(UNDO),
        expect![[r#"
            turn 1
            a left: a symbolic link leads there now
            d/b left: a symbolic link leads there now
            e/f left: it is a hard link to another file now
            g left: it is no file any more
            0 more"#]],
    );
    for name in ["secret", "b"] {
        assert_eq!(fs::read_to_string(world.dir.path().join(name)).unwrap(), "secret\n");
    }
}
