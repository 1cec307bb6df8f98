//! What the records add up to: which turns can be taken back, which can be done again, and what the
//! model does not know yet. A pure fold; the disk is the business of others.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::ProjectPath;
use crate::workspace::history::digest::Image;
use crate::workspace::history::link::Target;
use crate::workspace::history::record::{Changes, Record, Touch, Way};

#[derive(Debug, Default)]
pub(super) struct Acts {
    /// Turns whose changes stand, each once, oldest first.
    done: Vec<Act>,
    /// Turns that were taken back, each once, newest first.
    undone: Vec<Act>,
    /// A reversal that has begun. Still here when the records end, the program died in it.
    begun: Option<(Way, u64, Changes)>,
    /// What was changed behind the model's back, and which way.
    untold: BTreeMap<ProjectPath, Way>,
    /// What each file was before it was first touched.
    first: BTreeMap<ProjectPath, Option<Image>>,
    /// Those that nothing touched before the newest edit or reversal.
    fresh: Vec<ProjectPath>,
    next_step: u64,
    /// What came last was done by a tool, not by a reversal.
    ends_in_work: bool,
    /// The files of the newest edit or reversal: only at these can a process have died.
    newest: Vec<ProjectPath>,
}

/// The changes of one turn, or of its reversal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Act {
    pub(super) turn: u64,
    /// A reversal went before that left these files alone.
    pub(super) is_rest: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    number: Option<u64>,
    /// It was announced, and then not done, or not in full.
    failed: bool,
    changes: Changes,
}

/// One file in one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touched<'a> {
    pub(super) touch: &'a Touch,
    pub(super) failed: bool,
}

impl Acts {
    pub(super) fn take(&mut self, record: Record) {
        match record {
            Record::Step { step, turn, by: _, changes } => {
                self.undone.clear();
                self.ends_in_work = true;
                self.begun = None;
                self.next_step = self.next_step.max(step + 1);
                self.remember(&changes);
                let step = Step { number: Some(step), failed: false, changes };
                join(&mut self.done, Way::Undo, turn, step);
            }
            Record::Void { step, is_taken_back: true } => {
                // Who makes the same change later makes his own.
                for act in &mut self.done {
                    act.steps.retain(|it| it.number != Some(step));
                }
                self.done.retain(|it| !it.steps.is_empty());
                if self.next_step == step + 1 {
                    self.first.retain(|path, _| !self.fresh.contains(path));
                }
            }
            Record::Void { step, is_taken_back: false } => {
                let steps = self.done.iter_mut().flat_map(|it| &mut it.steps);
                steps.filter(|it| it.number == Some(step)).for_each(|it| it.failed = true);
            }
            Record::Reversal { way, turn, changes } => {
                self.remember(&changes);
                self.ends_in_work = false;
                match &mut self.begun {
                    // The rest of one in which the program died.
                    Some((begun, of, all)) if (*begun, *of) == (way, turn) => {
                        all.files.extend(changes.files);
                        all.folders.extend(changes.folders);
                        all.links.extend(changes.links);
                    }
                    begun => *begun = Some((way, turn, changes)),
                }
            }
            Record::Settled { left } => {
                let Some((way, turn, changes)) = self.begun.take() else { return };
                for path in changes.paths() {
                    // There and back again is nothing to tell.
                    if self.untold.insert(path.clone(), way).is_some_and(|it| it != way) {
                        self.untold.remove(path);
                    }
                }
                let (from, to, back) = match way {
                    Way::Undo => (&mut self.done, &mut self.undone, Way::Redo),
                    Way::Redo => (&mut self.undone, &mut self.done, Way::Undo),
                };
                let Some(at) = from.iter().position(|it| it.turn == turn) else { return };
                // Later ones were passed over: what was left alone still is, what failed is gone.
                let passed = from.split_off(at + 1);
                let Some(act) = from.pop() else { return };
                let left: BTreeSet<_> = left.into_iter().map(|it| it.0).collect();
                from.extend(act.only(&left));
                from.extend(passed.into_iter().filter(|it| it.is_rest));
                if changes.paths().next().is_some() {
                    join(to, back, turn, Step { number: None, failed: false, changes });
                }
            }
            Record::Told => self.untold.clear(),
        }
    }

    fn remember(&mut self, changes: &Changes) {
        self.newest = changes.files.iter().map(|it| it.path.0.clone()).collect();
        self.fresh.clear();
        for it in &changes.files {
            if let Entry::Vacant(first) = self.first.entry(it.path.0.clone()) {
                first.insert(it.before);
                self.fresh.push(it.path.0.clone());
            }
        }
    }

    /// What reversals would reverse, one after the other.
    pub(super) fn newest(&self, way: Way) -> impl Iterator<Item = &Act> {
        match way {
            Way::Undo => self.done.iter().rev(),
            Way::Redo => self.undone.iter().rev(),
        }
    }

    pub(super) fn first(&self) -> impl Iterator<Item = (&ProjectPath, Option<&Image>)> {
        self.first.iter().map(|(path, image)| (path, image.as_ref()))
    }

    pub(super) fn untold(&self, way: Way) -> impl Iterator<Item = &ProjectPath> {
        self.untold.iter().filter(move |(_, it)| **it == way).map(|(path, _)| path)
    }

    pub(super) fn newest_files(&self) -> &[ProjectPath] {
        &self.newest
    }

    pub(super) fn ends_in_work(&self) -> bool {
        self.ends_in_work
    }

    pub(super) fn next_step(&self) -> u64 {
        self.next_step
    }
}

/// Adds what was done in a turn to those that a reversal would take `way`, in their order.
fn join(acts: &mut Vec<Act>, way: Way, turn: u64, step: Step) {
    let is_before = |it: &Act| match way {
        Way::Undo => it.turn < turn,
        Way::Redo => turn < it.turn,
    };
    let at = acts.iter().rposition(is_before).map_or(0, |it| it + 1);
    match acts.get_mut(at).filter(|it| it.turn == turn) {
        Some(act) => {
            act.is_rest = false;
            act.steps.push(step);
        }
        None => acts.insert(at, Act { turn, is_rest: false, steps: vec![step] }),
    }
}

impl Act {
    /// Each file with what was done to it, newest first.
    pub(super) fn files(&self) -> BTreeMap<&ProjectPath, Vec<Touched<'_>>> {
        let mut files: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for step in self.steps.iter().rev() {
            for touch in step.changes.files.iter().rev() {
                let touched = Touched { touch, failed: step.failed };
                files.entry(&touch.path.0).or_default().push(touched);
            }
        }
        files
    }

    /// Each link with where it led before, and where it has led since.
    pub(super) fn links(&self) -> BTreeMap<&ProjectPath, (Option<&Target>, Option<&Target>)> {
        let mut links: BTreeMap<_, (Option<&Target>, Option<&Target>)> = BTreeMap::new();
        for it in self.steps.iter().flat_map(|it| &it.changes.links) {
            let link = links.entry(&it.path.0).or_insert((it.before.as_ref(), None));
            link.1 = it.after.as_ref();
        }
        links
    }

    pub(super) fn paths(&self) -> Vec<ProjectPath> {
        let paths: BTreeSet<_> = self.steps.iter().flat_map(|it| it.changes.paths()).collect();
        paths.into_iter().cloned().collect()
    }

    /// Whether all of it was announced, and nothing done.
    pub(super) fn has_failed(&self) -> bool {
        self.steps.iter().all(|it| it.failed)
    }

    /// The directories it made, those within others first.
    pub(super) fn folders(&self) -> Vec<&ProjectPath> {
        let folders = self.steps.iter().flat_map(|it| &it.changes.folders).map(|it| &it.0);
        let mut folders: Vec<_> = folders.collect();
        folders.sort_by_key(|it| std::cmp::Reverse(it.depth()));
        folders
    }

    /// What it did to these files; `None` if that is nothing.
    fn only(mut self, files: &BTreeSet<ProjectPath>) -> Option<Self> {
        for step in &mut self.steps {
            step.changes.files.retain(|it| files.contains(&it.path.0));
            step.changes.links.retain(|it| files.contains(&it.path.0));
        }
        let is_empty = |it: &Step| it.changes.paths().next().is_none();
        // A directory is removed when nothing is in it any more, which may be in the end only.
        self.steps.retain(|it| !is_empty(it) || !it.changes.folders.is_empty());
        self.is_rest = true;
        (!self.steps.iter().all(is_empty)).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::workspace::history::digest::Digest;
    use crate::workspace::history::record::{By, Name};

    fn name(path: &str) -> Name {
        Name(ProjectPath::plain(PathBuf::from(path)))
    }

    fn changes(paths: &[&str]) -> Changes {
        let after = Some(Image { digest: Digest::of(b"new"), mode: None });
        let touch = |it: &&str| Touch { path: name(it), before: None, after, links: 1 };
        Changes { files: paths.iter().map(touch).collect(), ..Changes::default() }
    }

    fn step(step: u64, turn: u64, paths: &[&str]) -> Record {
        Record::Step { step, turn, by: By::Edit, changes: changes(paths) }
    }

    fn reversal(way: Way, paths: &[&str]) -> Record {
        reversal_of(1, way, paths)
    }

    fn reversal_of(turn: u64, way: Way, paths: &[&str]) -> Record {
        Record::Reversal { way, turn, changes: changes(paths) }
    }

    fn void(step: u64, is_taken_back: bool) -> Record {
        Record::Void { step, is_taken_back }
    }

    fn settled(left: &[&str]) -> Record {
        Record::Settled { left: left.iter().map(|it| name(it)).collect() }
    }

    #[track_caller]
    fn check(records: Vec<Record>, expected: Expect) {
        let mut acts = Acts::default();
        records.into_iter().for_each(|it| acts.take(it));
        let shown = |all: &[Act]| {
            let act = |it: &Act| {
                let files = it.files();
                let file = |(path, touched): (&&ProjectPath, &Vec<Touched<'_>>)| {
                    let failed = if touched.iter().any(|it| it.failed) { "?" } else { "" };
                    format!("{path}{failed}×{}", touched.len())
                };
                let rest = if it.is_rest { " rest" } else { "" };
                format!(
                    "{}{rest}[{}]",
                    it.turn,
                    files.iter().map(file).collect::<Vec<_>>().join(" ")
                )
            };
            all.iter().map(act).collect::<Vec<_>>().join(" ")
        };
        let untold = |way| acts.untold(way).map(|it| it.to_string()).collect::<Vec<_>>().join(" ");
        expected.assert_eq(&format!(
            "done {}; undone {}; untold undo {} redo {}",
            shown(&acts.done),
            shown(&acts.undone),
            untold(Way::Undo),
            untold(Way::Redo)
        ));
    }

    #[test]
    fn the_steps_of_a_turn_are_one_act() {
        check(
            vec![step(0, 1, &["a", "b"]), step(1, 1, &["a"]), step(2, 2, &["c"])],
            expect!["done 1[a×2 b×1] 2[c×1]; undone ; untold undo  redo "],
        );
    }

    #[test]
    fn what_is_undone_can_be_redone_until_something_new_is_done() {
        let mut records = vec![step(0, 1, &["a"]), reversal(Way::Undo, &["a"]), settled(&[])];
        check(records.clone(), expect!["done ; undone 1[a×1]; untold undo a redo "]);
        let mut redone = records.clone();
        redone.extend([reversal(Way::Redo, &["a"]), settled(&[])]);
        check(redone, expect!["done 1[a×1]; undone ; untold undo  redo "]);
        records.push(step(1, 2, &["b"]));
        check(records, expect!["done 2[b×1]; undone ; untold undo a redo "]);
    }

    #[test]
    fn what_the_model_was_told_is_not_told_again() {
        let undo =
            vec![step(0, 1, &["a"]), reversal(Way::Undo, &["a"]), settled(&[]), Record::Told];
        check(undo.clone(), expect!["done ; undone 1[a×1]; untold undo  redo "]);
        let redo = [reversal(Way::Redo, &["a"]), settled(&[])];
        check(
            undo.into_iter().chain(redo).collect(),
            expect!["done 1[a×1]; undone ; untold undo  redo a"],
        );
    }

    #[test]
    fn what_could_not_be_undone_stays_to_be_undone() {
        check(
            vec![step(0, 1, &["a", "b"]), reversal(Way::Undo, &["a", "b"]), settled(&["b"])],
            expect!["done 1 rest[b×1]; undone 1[a×1 b×1]; untold undo a b redo "],
        );
    }

    #[test]
    fn what_is_undone_later_is_redone_with_its_turn() {
        let mut records =
            vec![step(0, 1, &["a", "b"]), reversal(Way::Undo, &["a"]), settled(&["b"])];
        records.extend([reversal(Way::Undo, &["b"]), settled(&[])]);
        check(records.clone(), expect!["done ; undone 1[a×1 b×1]; untold undo a b redo "]);
        records.extend([reversal(Way::Redo, &["a"]), settled(&["b"])]);
        check(records, expect!["done 1[a×1]; undone 1 rest[b×1]; untold undo b redo "]);
    }

    #[test]
    fn what_is_left_alone_keeps_its_place_among_the_turns() {
        let mut records = vec![step(0, 1, &["a"]), step(1, 2, &["a", "b"])];
        records.extend([reversal_of(2, Way::Undo, &["b"]), settled(&["a"])]);
        records.extend([reversal_of(1, Way::Undo, &["a"]), settled(&[])]);
        check(
            records.clone(),
            expect!["done 2 rest[a×1]; undone 2[b×1] 1[a×1]; untold undo a b redo "],
        );
        records.extend([reversal_of(1, Way::Redo, &["a"]), settled(&[])]);
        records.extend([reversal_of(2, Way::Redo, &["b"]), settled(&[])]);
        check(records, expect!["done 1[a×1] 2[a×1 b×1]; undone ; untold undo  redo "]);
    }

    #[test]
    fn an_undo_in_which_the_program_died_is_gone_on_with() {
        let mut records = vec![step(0, 1, &["a", "b"]), reversal(Way::Undo, &["a", "b"])];
        check(records.clone(), expect!["done 1[a×1 b×1]; undone ; untold undo  redo "]);
        records.extend([reversal(Way::Undo, &["b"]), settled(&[])]);
        check(records, expect!["done ; undone 1[a×1 b×2]; untold undo a b redo "]);
    }

    #[test]
    fn an_edit_that_failed_is_known_as_such() {
        check(
            vec![step(0, 1, &["a"]), step(1, 1, &["b"]), void(1, false)],
            expect!["done 1[a×1 b?×1]; undone ; untold undo  redo "],
        );
    }

    #[test]
    fn an_edit_of_which_nothing_is_left_never_was() {
        let records = [step(0, 1, &["a"]), step(1, 2, &["a", "b"]), void(1, true)];
        check(records.to_vec(), expect!["done 1[a×1]; undone ; untold undo  redo "]);
        let mut acts = Acts::default();
        records.into_iter().for_each(|it| acts.take(it));
        let first: Vec<_> = acts.first().map(|(path, _)| path.to_string()).collect();
        assert_eq!(first, ["a"]);
    }
}
