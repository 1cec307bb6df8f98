//! Paths that variables of the environment name, and above all where the tools of the hub keep what they
//! fetch. Who fetches and who looks for it read them here, or one would put it where the other does not
//! look.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The path in a variable, with `~` for the home. One that would change with the working directory is none.
pub(super) fn path(value: &OsStr, home: Option<&Path>) -> Option<PathBuf> {
    let path = Path::new(value);
    let path = match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    };
    Some(path).filter(|it| it.is_absolute())
}

/// Where all that is kept for programs can be fetched again.
pub(super) fn caches(
    named: &dyn Fn(&str) -> Option<PathBuf>,
    home: Option<&Path>,
) -> Option<PathBuf> {
    named("XDG_CACHE_HOME").or_else(|| home.map(|it| it.join(".cache")))
}

/// Where the tools of the hub have their token and their cache.
pub(super) fn hub_home(
    named: &dyn Fn(&str) -> Option<PathBuf>,
    home: Option<&Path>,
) -> Option<PathBuf> {
    named("HF_HOME").or_else(|| caches(named, home).map(|it| it.join("huggingface")))
}

/// The cache that they share.
pub(super) fn hub_cache(
    named: &dyn Fn(&str) -> Option<PathBuf>,
    home: Option<&Path>,
) -> Option<PathBuf> {
    let own = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"].into_iter().find_map(named);
    own.or_else(|| hub_home(named, home).map(|it| it.join("hub")))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::models::Places;
    use crate::models::hub::Place;

    /// What is fetched is looked for, whatever the variables say.
    #[test]
    fn a_pull_goes_where_models_are_looked_for() {
        let home = Some(Path::new("/h"));
        let names =
            ["LLAMA_CACHE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"];
        let values = ["", "/a", "~/b", "~", "c", "./d"];
        for (name, value) in names.iter().flat_map(|it| values.map(|value| (*it, value))) {
            let value = OsString::from(value);
            let to = |it: &str| (it == name).then(|| value.clone());
            let from = |it: &str| (it == name).then_some(value.as_os_str());
            let cache = Place::of(&to, home).unwrap().cache;
            let hubs = Places::of(from, home, Vec::new()).hubs;
            assert_eq!(hubs.first(), Some(&cache), "{name}={}", value.display());
        }
    }
}
