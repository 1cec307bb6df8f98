//! The map: the definitions that the rest of the project refers to most.
//!
//! A file that uses a name refers to the files that define it. Names that few files define and
//! that look chosen weigh more than `new` and `main`. The rank of a file is dealt out to its
//! definitions by how they are referred to.

use std::collections::{BTreeMap, HashMap};

use crate::tools::project_overview::rank::{Edge, rank};
use crate::tools::project_overview::source::{DIRECT, Definition, Name, Source};
use crate::workspace::ProjectPath;

/// A name that more files than this define says nothing about any of them.
const COMMON: usize = 5;

/// How much more a name weighs that was asked for, and a file that has it in its path.
const FOCUS: f64 = 50.0;

/// How much less a file counts that tests others: what tests use would otherwise lead over what the
/// program uses.
const TEST: f64 = 0.1;

/// How much more one weighs that looks like nothing else.
const CHOSEN: f64 = 5.0;

#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) path: ProjectPath,
    pub(super) source: Source,
}

/// A definition on the map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry<'a> {
    pub(super) path: &'a ProjectPath,
    pub(super) definition: &'a Definition,
}

/// All definitions, the most important first. `files` are sorted by path.
pub(super) fn important<'a>(files: &'a [Mapped], focus: &[String]) -> Vec<Entry<'a>> {
    let defined = defined(files);
    let edges = edges(files, &defined, focus);
    let plain: Vec<Edge> = edges.iter().map(|it| it.edge).collect();
    let favour: Vec<f64> = files.iter().map(|it| favour(it, focus)).collect();
    let ranks = rank(&plain, &favour);

    // What flows over an edge goes to the definitions that it points at.
    let mut handed_on = vec![0.0; files.len()];
    for edge in &plain {
        handed_on[edge.from] += edge.weight;
    }
    let mut scores: HashMap<(usize, Name), f64> = HashMap::new();
    for Reference { name, edge } in &edges {
        let flow = ranks[edge.from] * edge.weight / handed_on[edge.from];
        *scores.entry((edge.to, *name)).or_default() += flow;
    }

    let mut scored = Vec::new();
    for (n, file) in files.iter().enumerate() {
        let mut same: HashMap<&str, f64> = HashMap::new();
        for definition in &file.source.definitions {
            *same.entry(&definition.name).or_default() += 1.0;
        }
        for definition in &file.source.definitions {
            let of_name = scores.get(&(n, Name::of(&definition.name))).copied().unwrap_or_default();
            let of_name = of_name / same[definition.name.as_str()];
            // Of those that nobody refers to, the ones in important files come first.
            #[expect(clippy::cast_precision_loss, reason = "a file has not that many definitions")]
            let of_file = ranks[n] * 0.1 / file.source.definitions.len() as f64;
            let asked = if is_asked(&definition.name, focus) { 1.0 } else { 0.0 };
            let score = if is_test(file) { TEST } else { 1.0 } * (of_name + of_file);
            scored.push((asked + score, Entry { path: &file.path, definition }));
        }
    }
    // Equals stay in the order of the files.
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|(_, entry)| entry).collect()
}

/// As many of the first entries as fit, by file in the order of the paths, and how many those are.
pub(super) fn shown(entries: &[Entry<'_>], most: usize) -> (String, usize) {
    let mut by_file: BTreeMap<&ProjectPath, BTreeMap<usize, &str>> = BTreeMap::new();
    let (mut room, mut taken) = (most, 0);
    for entry in entries {
        let (line, signature) = (entry.definition.line, entry.definition.signature.as_str());
        let mut cost = format!("  {line}: {signature}\n").chars().count();
        if !by_file.contains_key(entry.path) {
            cost += entry.path.to_string().chars().count() + 1;
        }
        if room < cost {
            break;
        }
        // Several definitions may stand in one line.
        if by_file.entry(entry.path).or_default().insert(line, signature).is_none() {
            room -= cost;
        }
        taken += 1;
    }
    let mut text = String::new();
    for (path, lines) in by_file {
        text += &format!("{path}\n");
        text.extend(lines.iter().map(|(line, signature)| format!("  {line}: {signature}\n")));
    }
    (text, taken)
}

/// The files that define each name, in their order.
fn defined(files: &[Mapped]) -> HashMap<Name, Vec<(usize, &str)>> {
    let mut defined: HashMap<Name, Vec<(usize, &str)>> = HashMap::new();
    for (n, file) in files.iter().enumerate() {
        for definition in &file.source.definitions {
            let places = defined.entry(Name::of(&definition.name)).or_default();
            if places.last().is_none_or(|(last, _)| *last != n) {
                places.push((n, &definition.name));
            }
        }
    }
    defined
}

struct Reference {
    name: Name,
    edge: Edge,
}

fn edges(
    files: &[Mapped],
    defined: &HashMap<Name, Vec<(usize, &str)>>,
    focus: &[String],
) -> Vec<Reference> {
    let mut edges = Vec::new();
    for (from, file) in files.iter().enumerate() {
        for (name, times) in &file.source.uses {
            let Some(places) = defined.get(name) else { continue };
            let is_own = places.iter().any(|(to, _)| *to == from);
            if COMMON < places.len() || is_own {
                continue;
            }
            let weight = weight(places[0].1, places.len(), *times, focus);
            edges.extend(
                places
                    .iter()
                    .map(|(to, _)| Reference { name: *name, edge: Edge { from, to: *to, weight } }),
            );
        }
    }
    edges
}

/// How much it says that a file uses a name so much.
#[expect(clippy::cast_precision_loss, reason = "at most `COMMON`")]
fn weight(name: &str, places: usize, times: u32, focus: &[String]) -> f64 {
    let is_mixed = name.contains('_') || name.chars().skip(1).any(char::is_uppercase);
    let mut weight = (f64::from(times) / f64::from(DIRECT)).sqrt() / places as f64;
    if is_mixed && 8 <= name.len() {
        weight *= CHOSEN;
    }
    if name.starts_with('_') {
        weight /= 10.0;
    }
    if is_asked(name, focus) {
        weight *= FOCUS;
    }
    weight
}

fn favour(file: &Mapped, focus: &[String]) -> f64 {
    let path = file.path.to_string();
    let is_meant = focus.iter().any(|it| path.contains(it.as_str()))
        || file.source.definitions.iter().any(|it| is_asked(&it.name, focus));
    match (is_meant, is_test(file)) {
        (true, _) => FOCUS,
        (false, true) => TEST,
        (false, false) => 1.0,
    }
}

fn is_test(file: &Mapped) -> bool {
    file.path.as_path().iter().any(|it| {
        let it = it.to_string_lossy();
        let begins = ["test", "bench", "example", "spec"].iter().any(|no| it.starts_with(no));
        begins || ["_test.", ".test.", ".spec.", "Test."].iter().any(|no| it.contains(no))
    })
}

fn is_asked(name: &str, focus: &[String]) -> bool {
    focus.iter().any(|it| it == name)
}
