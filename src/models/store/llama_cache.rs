//! The cache that llama.cpp had before it shared one: files side by side, whose names begin with their
//! repository's.

use std::path::Path;

use crate::models::name::FileName;
use crate::models::store::{File, Found, Keeper, is_partial, models, names, partial};

pub(super) fn scan(cache: &Path, all: &mut Vec<Found>) {
    let names = names(cache);
    // Which underscore ends the owner's name and which the repository's, the file does not say; a
    // manifest beside it does: `manifest=owner=repo=tag.json`.
    let repos = names.iter().filter_map(|it| {
        let mut parts = it.strip_prefix("manifest=")?.split('=');
        Some((parts.next()?, parts.next()?))
    });
    let mut repos: Vec<_> = repos.collect();
    repos.sort();
    repos.dedup();
    let family = |name: &str| {
        let of = repos.iter().find_map(|(owner, repo)| {
            let rest = name.strip_prefix(&format!("{owner}_{repo}_"))?;
            Some((format!("{owner}/{repo}"), rest.to_owned()))
        });
        of.unwrap_or_else(|| {
            let base = FileName::of(name).map_or(name.to_owned(), |it| it.base);
            (base, name.to_owned())
        })
    };
    for name in &names {
        let path = cache.join(name);
        if name.ends_with(".gguf") {
            let (family, relative) = family(name);
            // The parts of a model are of one family and come one after the other.
            let others = names.iter().filter(|it| it.ends_with(".gguf"));
            let parts: Vec<_> = others.filter(|it| is_sibling(name, it)).collect();
            if parts.first() == Some(&name) {
                let rest = name.len() - relative.len();
                let files = parts.iter().map(|it| File::new(it[rest..].to_owned(), cache.join(it)));
                models(&family, Keeper::LlamaCache, files.collect(), all);
            }
        } else if is_partial(name) {
            let (family, _) = family(name);
            let family = family.split(".gguf").next().unwrap_or_default();
            all.extend(partial(family, Keeper::LlamaCache, vec![path]));
        }
    }
}

fn is_sibling(name: &str, other: &str) -> bool {
    use crate::models::name::Part;
    match (Part::of(name), Part::of(other)) {
        (Some(one), Some(two)) => one.count == two.count && two.sibling(other, one.number) == name,
        _ => name == other,
    }
}
