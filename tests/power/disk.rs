//! A disk that may lose its power: what is certain on it, and what may be there on top.
//!
//! It promises no more than POSIX does. The bytes of a file are certain after a sync of that file, a
//! name after a sync of its directory, and nothing else is. What is not certain may survive or not,
//! each part by itself and in any order, and of a write a part.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::support::random::Random;
use crate::tree::{Inode, Item, Kind, Tree};

/// Stands for a file, a directory or a link as long as a test lives; inodes are used again.
type Node = usize;

#[derive(Clone, Debug)]
pub struct Disk {
    /// As every program sees it.
    now: Tree,
    known: HashMap<Inode, Node>,
    certain: Vec<Certain>,
    pending: Vec<Pending>,
    /// Folders that nobody made and nobody removes.
    tops: BTreeMap<OsString, Node>,
}

#[derive(Clone, Debug)]
struct Certain {
    mode: u32,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Directory(BTreeMap<OsString, Node>),
    File(Vec<u8>),
    Link(PathBuf),
}

/// What no sync has covered yet.
#[derive(Clone, Debug)]
enum Pending {
    /// Of one system call, which the same sync of a directory makes certain.
    Names(Vec<Naming>),
    Bytes {
        node: Node,
        at: usize,
        bytes: Vec<u8>,
    },
    Length {
        node: Node,
        length: usize,
    },
    Mode {
        node: Node,
        mode: u32,
    },
}

#[derive(Clone, Debug)]
struct Naming {
    directory: Node,
    name: OsString,
    node: Option<Node>,
}

/// What a sync covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sync {
    All,
    /// Bytes and length, as `fdatasync` does.
    Data,
}

/// What becomes of a part that is not certain.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Kept,
    Lost,
    /// Half of the bytes are there, and the file ends.
    Torn,
    /// Half of the bytes are there, and the rest is zeros.
    HalfBlank,
    /// The length is there, and the bytes are zeros.
    Blank,
}

const FATES: [Fate; 5] = [Fate::Kept, Fate::Lost, Fate::Torn, Fate::HalfBlank, Fate::Blank];

/// A state that may be found when the power is back.
pub struct Survivor {
    pub how: &'static str,
    pub tree: Tree,
}

/// As many states are chosen at random.
const RANDOM: usize = 2;

impl Disk {
    /// All of it is certain.
    pub fn new(tree: Tree) -> Self {
        let mut disk = Self {
            now: Tree::default(),
            known: HashMap::new(),
            certain: Vec::new(),
            pending: Vec::new(),
            tops: BTreeMap::new(),
        };
        disk.change(tree);
        let inodes: Vec<_> = disk.known.keys().copied().collect();
        inodes.into_iter().for_each(|it| disk.sync(it, Sync::All));
        disk
    }

    /// What one system call has made of it.
    pub fn change(&mut self, after: Tree) {
        let before = std::mem::replace(&mut self.now, after.clone());
        let was: HashMap<_, _> = before.0.values().map(|it| (it.inode, it)).collect();
        let old_names = self.names(&before);
        let mut changes = Vec::new();
        let mut seen = BTreeSet::new();
        for item in after.0.values() {
            if !seen.insert(item.inode) {
                continue;
            }
            let is_same = |it: &&&Item| {
                std::mem::discriminant(&it.kind) == std::mem::discriminant(&item.kind)
            };
            let old = was.get(&item.inode).filter(is_same);
            let node = match old {
                Some(_) => self.known[&item.inode],
                None => self.make(item),
            };
            if old.is_some_and(|it| it.mode != item.mode) {
                changes.push(Pending::Mode { node, mode: item.mode });
            }
            if let Kind::File(new) = &item.kind {
                let old = match old.map(|it| &it.kind) {
                    Some(Kind::File(old)) => &old[..],
                    _ => &[],
                };
                changes.extend(written(node, old, new));
            }
        }
        self.known.retain(|inode, _| seen.contains(inode));
        let new_names = self.names(&after);
        let mut namings = Vec::new();
        for (place, node) in &old_names {
            if !new_names.contains_key(place) {
                namings.push(naming(place, None));
            } else if new_names[place] != *node {
                namings.push(naming(place, Some(new_names[place])));
            }
        }
        let made = new_names.iter().filter(|(place, _)| !old_names.contains_key(*place));
        namings.extend(made.map(|(place, node)| naming(place, Some(*node))));
        if !namings.is_empty() {
            self.pending.push(Pending::Names(namings));
        }
        self.pending.extend(changes);
    }

    fn make(&mut self, item: &Item) -> Node {
        let what = match &item.kind {
            Kind::Directory => What::Directory(BTreeMap::new()),
            Kind::File(_) => What::File(Vec::new()),
            Kind::Link(target) => What::Link(target.clone()),
        };
        self.certain.push(Certain { mode: item.mode, what });
        let node = self.certain.len() - 1;
        self.known.insert(item.inode, node);
        node
    }

    /// Directory and name of all that has one.
    fn names(&mut self, tree: &Tree) -> BTreeMap<(Node, OsString), Node> {
        let mut names = BTreeMap::new();
        for (path, item) in &tree.0 {
            let Some(&node) = self.known.get(&item.inode) else { continue };
            let name = path.file_name().expect("nothing in a tree is without a name").to_owned();
            match path.parent().and_then(|it| tree.0.get(it)) {
                Some(above) => drop(names.insert((self.known[&above.inode], name), node)),
                None => drop(self.tops.insert(name, node)),
            }
        }
        names
    }

    /// A sync of the file or the directory has come to its end.
    pub fn sync(&mut self, inode: Inode, sync: Sync) {
        // What has no name any more is nobody's.
        let Some(&synced) = self.known.get(&inode) else { return };
        let mut left = Vec::new();
        for mut pending in std::mem::take(&mut self.pending) {
            if let Pending::Names(namings) = &mut pending {
                let (ours, others) = std::mem::take(namings)
                    .into_iter()
                    .partition::<Vec<_>, _>(|it| it.directory == synced);
                apply(&mut self.certain, &Pending::Names(ours), Fate::Kept);
                *namings = others;
            }
            match &pending {
                Pending::Names(namings) if namings.is_empty() => {}
                Pending::Bytes { node, .. } | Pending::Length { node, .. } if *node == synced => {
                    apply(&mut self.certain, &pending, Fate::Kept);
                }
                Pending::Mode { node, .. } if *node == synced && sync == Sync::All => {
                    apply(&mut self.certain, &pending, Fate::Kept);
                }
                _ => left.push(pending),
            }
        }
        self.pending = left;
    }

    pub fn now(&self) -> &Tree {
        &self.now
    }

    /// States that may be found if the power is lost now.
    pub fn survivors(&self, random: &mut Random) -> Vec<Survivor> {
        let is_name = |it: &Pending| matches!(it, Pending::Names(_));
        let split = |names, rest| {
            self.pending.iter().map(|it| if is_name(it) { names } else { rest }).collect()
        };
        let last_write = self.pending.iter().rposition(|it| matches!(it, Pending::Bytes { .. }));
        let but = |at: Option<usize>, fate, others| {
            let mut fates = vec![others; self.pending.len()];
            if let Some(at) = at.filter(|it| *it < fates.len()) {
                fates[at] = fate;
            }
            fates
        };
        let last = self.pending.len().checked_sub(1);
        let mut ways = vec![
            ("only what is certain", split(Fate::Lost, Fate::Lost)),
            ("all of it", split(Fate::Kept, Fate::Kept)),
            ("names without contents", split(Fate::Kept, Fate::Lost)),
            ("names with zeros for contents", split(Fate::Kept, Fate::Blank)),
            ("contents without names", split(Fate::Lost, Fate::Kept)),
            ("the last write torn", but(last_write, Fate::Torn, Fate::Kept)),
            ("the last write half zeros", but(last_write, Fate::HalfBlank, Fate::Kept)),
            ("all but the first", but(Some(0), Fate::Lost, Fate::Kept)),
            ("only the last", but(last, Fate::Kept, Fate::Lost)),
        ];
        let mut chosen = || FATES[random.below(FATES.len() as u64) as usize];
        for _ in 0..RANDOM {
            ways.push(("a random choice", self.pending.iter().map(|_| chosen()).collect()));
        }
        ways.into_iter().map(|(how, fates)| Survivor { how, tree: self.survive(&fates) }).collect()
    }

    fn survive(&self, fates: &[Fate]) -> Tree {
        let mut nodes = self.certain.clone();
        for (pending, fate) in self.pending.iter().zip(fates) {
            apply(&mut nodes, pending, *fate);
        }
        let mut tree = Tree::default();
        for (name, node) in &self.tops {
            shown(&nodes, Path::new(name), *node, &mut tree);
        }
        tree
    }
}

fn naming(place: &(Node, OsString), node: Option<Node>) -> Naming {
    Naming { directory: place.0, name: place.1.clone(), node }
}

/// How one content becomes another.
fn written(node: Node, old: &[u8], new: &[u8]) -> Vec<Pending> {
    let mut changes = Vec::new();
    if new.len() < old.len() {
        changes.push(Pending::Length { node, length: new.len() });
    }
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let end = match old.len() {
        length if length < new.len() => new.len(),
        _ => (same..new.len()).rev().find(|&it| old[it] != new[it]).map_or(same, |it| it + 1),
    };
    if same < end {
        changes.push(Pending::Bytes { node, at: same, bytes: new[same..end].to_owned() });
    }
    changes
}

fn apply(nodes: &mut [Certain], pending: &Pending, fate: Fate) {
    if fate == Fate::Lost {
        return;
    }
    match pending {
        Pending::Names(namings) => {
            for Naming { directory, name, node } in namings {
                let What::Directory(names) = &mut nodes[*directory].what else { continue };
                match node {
                    Some(node) => drop(names.insert(name.clone(), *node)),
                    None => drop(names.remove(name)),
                }
            }
        }
        Pending::Bytes { node, at, bytes } => {
            let What::File(content) = &mut nodes[*node].what else { return };
            let half = bytes.len() / 2;
            let mut bytes = bytes.clone();
            match fate {
                Fate::Torn => bytes.truncate(half),
                Fate::HalfBlank => bytes[half..].fill(0),
                Fate::Blank => bytes.fill(0),
                Fate::Kept | Fate::Lost => {}
            }
            let end = at + bytes.len();
            content.resize(content.len().max(end), 0);
            content[*at..end].copy_from_slice(&bytes);
        }
        Pending::Length { node, length } => {
            if let What::File(content) = &mut nodes[*node].what {
                content.resize(*length, 0);
            }
        }
        Pending::Mode { node, mode } => nodes[*node].mode = *mode,
    }
}

fn shown(nodes: &[Certain], path: &Path, node: Node, tree: &mut Tree) {
    let Certain { mode, what } = &nodes[node];
    let kind = match what {
        What::Directory(_) => Kind::Directory,
        What::File(bytes) => Kind::File(bytes.as_slice().into()),
        What::Link(target) => Kind::Link(target.clone()),
    };
    tree.0.insert(path.to_owned(), Item { inode: node as Inode, mode: *mode, kind });
    if let What::Directory(names) = what {
        let inside = |(name, node): (&OsString, &Node)| {
            shown(nodes, &path.join(AsRef::<OsStr>::as_ref(name)), *node, tree);
        };
        names.iter().for_each(inside);
    }
}

mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// A disk with the file `old` in the folder `project`, and what is done there, a word each:
    /// `a=text` writes a file, `a>b` renames one, `-a` removes one, `!a` syncs one, `!` the folder.
    #[track_caller]
    fn check(script: &str, expected: Expect) {
        let mut tree = Tree::default();
        let folder = Item { inode: 1, mode: 0o755, kind: Kind::Directory };
        tree.0.insert("project".into(), folder);
        let file = |inode, text: &str| Item {
            inode,
            mode: 0o644,
            kind: Kind::File(text.as_bytes().into()),
        };
        let at = |name: &str| Path::new("project").join(name);
        tree.0.insert(at("old"), file(2, "old"));
        let mut disk = Disk::new(tree.clone());
        for (word, fresh) in script.split(' ').zip(3..) {
            if let Some(name) = word.strip_prefix('!') {
                let path = if name.is_empty() { "project".into() } else { at(name) };
                disk.sync(tree.0[&path].inode, Sync::Data);
                continue;
            }
            if let Some((name, text)) = word.split_once('=') {
                let inode = tree.0.get(&at(name)).map_or(fresh, |it| it.inode);
                tree.0.entry(at(name)).or_insert(file(inode, ""));
                disk.change(tree.clone());
                tree.0.insert(at(name), file(inode, text));
            } else if let Some((from, to)) = word.split_once('>') {
                let moved = tree.0.remove(&at(from)).expect("it is there");
                tree.0.insert(at(to), moved);
            } else {
                tree.0.remove(&at(&word[1..])).expect("it is there");
            }
            disk.change(tree.clone());
        }
        let survivors = disk.survivors(&mut Random(1));
        let left = |it: &Survivor| {
            let all = it.tree.below("project").map(|(path, item)| {
                let Kind::File(bytes) = &item.kind else { panic!("only files are made") };
                let name = path.strip_prefix("project").expect("it is below").display().to_string();
                format!("{name}={}", String::from_utf8_lossy(bytes).replace('\0', "0"))
            });
            all.collect::<Vec<_>>().join(" ")
        };
        let chosen = survivors.iter().filter(|it| it.how != "a random choice");
        let lines = chosen.map(|it| format!("{}: {}\n", it.how, left(it)));
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn what_is_synced_is_certain() {
        check(
            "new=text !new ! old=changed !old -new !",
            expect![[r#"
                only what is certain: old=changed
                all of it: old=changed
                names without contents: old=changed
                names with zeros for contents: old=changed
                contents without names: old=changed
                the last write torn: old=changed
                the last write half zeros: old=changed
                all but the first: old=changed
                only the last: old=changed
            "#]],
        );
    }

    #[test]
    fn a_name_is_certain_only_by_its_folder() {
        check(
            "new=text !new",
            expect![[r#"
                only what is certain: old=old
                all of it: new=text old=old
                names without contents: new=text old=old
                names with zeros for contents: new=text old=old
                contents without names: old=old
                the last write torn: new=text old=old
                the last write half zeros: new=text old=old
                all but the first: old=old
                only the last: new=text old=old
            "#]],
        );
    }

    #[test]
    fn a_file_that_takes_the_place_of_another_without_a_sync_may_be_empty() {
        check(
            "new=text new>old !",
            expect![[r#"
                only what is certain: old=
                all of it: old=text
                names without contents: old=
                names with zeros for contents: old=0000
                contents without names: old=text
                the last write torn: old=te
                the last write half zeros: old=te00
                all but the first: old=
                only the last: old=text
            "#]],
        );
    }

    #[test]
    fn what_is_written_later_may_be_there_earlier() {
        check(
            "a=one ! b=two",
            expect![[r#"
                only what is certain: a= old=old
                all of it: a=one b=two old=old
                names without contents: a= b= old=old
                names with zeros for contents: a=000 b=000 old=old
                contents without names: a=one old=old
                the last write torn: a=one b=t old=old
                the last write half zeros: a=one b=t00 old=old
                all but the first: a= b=two old=old
                only the last: a= old=old
            "#]],
        );
    }

    #[test]
    fn what_is_written_over_may_be_of_both() {
        check(
            "old=new",
            expect![[r#"
                only what is certain: old=old
                all of it: old=new
                names without contents: old=old
                names with zeros for contents: old=000
                contents without names: old=new
                the last write torn: old=nld
                the last write half zeros: old=n00
                all but the first: old=old
                only the last: old=new
            "#]],
        );
    }
}
