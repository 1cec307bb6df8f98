//! Links that commands make, change and delete.

use super::*;

fn target(world: &World, path: &str) -> Option<PathBuf> {
    fs::read_link(world.at(path)).ok()
}

#[test]
fn what_a_command_does_to_links_is_taken_back_and_done_again() {
    let world = World::new(&[("a", "1\n"), ("b", "1\n")]);
    symlink("a", world.at("gone")).unwrap();
    symlink("a", world.at("moved")).unwrap();
    let said = world.turn(1).command(|| {
        symlink("nowhere", world.at("made")).unwrap();
        fs::remove_file(world.at("gone")).unwrap();
        fs::remove_file(world.at("moved")).unwrap();
        symlink("b", world.at("moved")).unwrap();
        fs::remove_file(world.at("b")).unwrap();
        symlink("a", world.at("b")).unwrap();
    });
    check(said, expect![""]);
    let world = world.again();
    check(
        world.reverse(UNDO),
        expect![[r#"
        turn 1
        b unlinked
        b +1 -0
        gone leads to a
        made unlinked
        moved leads to a
        0 more"#]],
    );
    assert_eq!(target(&world, "gone"), Some("a".into()));
    assert_eq!(target(&world, "moved"), Some("a".into()));
    assert_eq!(fs::read_to_string(world.at("b")).unwrap(), "1\n");
    assert!(world.at("made").symlink_metadata().is_err());
    check(
        world.reverse(REDO),
        expect![[r#"
        turn 1
        b removed, -1
        b leads to a
        gone unlinked
        made leads to nowhere
        moved leads to b
        0 more"#]],
    );
    assert_eq!(target(&world, "made"), Some("nowhere".into()));
    assert_eq!(target(&world, "moved"), Some("b".into()));
    assert_eq!(target(&world, "b"), Some("a".into()));
    assert_eq!(target(&world, "gone"), None);
}

#[test]
fn a_link_that_somebody_else_changed_is_left_alone() {
    let world = World::new(&[("a", "1\n")]);
    let names = ["l", "m", "n", "d/o"];
    fs::create_dir(world.at("d")).unwrap();
    world.turn(1).command(|| names.iter().for_each(|it| symlink("a", world.at(it)).unwrap()));
    for name in &names[..3] {
        fs::remove_file(world.at(name)).unwrap();
    }
    symlink("elsewhere", world.at("l")).unwrap();
    world.write("m", "mine\n");
    let outside = world.dir.path().join("outside");
    fs::rename(world.at("d"), &outside).unwrap();
    symlink(&outside, world.at("d")).unwrap();
    check(
        world.reverse(UNDO),
        expect![[r#"
        turn 1
        l left: it is another link now
        0 more"#]],
    );
    assert_eq!(target(&world, "l"), Some("elsewhere".into()));
    assert_eq!(fs::read_to_string(world.at("m")).unwrap(), "mine\n");
    assert_eq!(fs::read_link(outside.join("o")).unwrap(), PathBuf::from("a"));
}
