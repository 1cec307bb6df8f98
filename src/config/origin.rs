//! Where a value came from, and what counts more than what.

use std::fmt;
use std::path::PathBuf;

use crate::config::Loaded;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Origin {
    Default,
    User(PathBuf),
    Project(PathBuf),
    /// The name of the variable.
    Environment(String),
    /// The name of the flag.
    Flag(String),
    /// The person, in the middle of a conversation.
    Here,
}

impl Loaded {
    /// Whether `key` was set by something that counts more than what set `other`.
    pub(crate) fn counts_more(&self, key: &str, other: &str) -> bool {
        let rank = |key: &str| {
            let origin = &self.values.iter().find(|it| it.key == key)?.origin;
            // Two files, two variables or two flags count the same, whatever their names.
            Some(match origin {
                Origin::Default => 0,
                Origin::User(_) => 1,
                Origin::Project(_) => 2,
                Origin::Environment(_) => 3,
                Origin::Flag(_) => 4,
                Origin::Here => 5,
            })
        };
        rank(key) > rank(other)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::User(path) | Self::Project(path) => write!(f, "{}", path.display()),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
            Self::Here => f.write_str("this conversation"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Flag, Sources, UserFile, load};

    #[test]
    fn a_flag_counts_more_than_a_variable_and_two_flags_count_the_same() {
        let flag = |key: &str, value: &str| Flag {
            name: "--flag".into(),
            key: key.into(),
            value: value.into(),
        };
        let check = |environment: &[(&str, &str)], flags: Vec<Flag>| {
            let environment =
                environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
            let sources = Sources {
                user: UserFile::None,
                project: None,
                environment,
                flags,
                directory: "/".into(),
                home: None,
            };
            load(sources).unwrap().counts_more("model", "server.url")
        };
        let url = [("AGENT_SERVER_URL", "http://host")];
        assert!(!check(&[], vec![]));
        assert!(!check(&url, vec![]));
        assert!(check(&url, vec![flag("model", "m.gguf")]));
        assert!(!check(&url, vec![flag("model", "m.gguf"), flag("server.url", "http://host")]));
    }
}
