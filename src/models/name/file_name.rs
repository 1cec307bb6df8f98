//! A model file's path in its repository, taken apart.

use crate::models::name::{Part, Quant};

/// What the path `UD-Q4_K_XL/Qwen3-235B-UD-Q4_K_XL-00001-of-00003.gguf` says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileName {
    pub(crate) role: Role,
    /// What the model is called, without quant and part.
    pub(crate) base: String,
    pub(crate) quant: Option<Quant>,
    pub(crate) part: Option<Part>,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Role {
    Model,
    /// What makes pictures and sounds into something that a model understands.
    Projector,
    /// A small model that guesses ahead of a large one.
    Draft,
    /// What of the weights matters most: made while quantizing, of no use to a server.
    Importance,
    /// What is added to a model's weights.
    Adapter,
    /// A vocabulary without weights.
    Vocabulary,
}

impl FileName {
    /// `None` if it is no GGUF file by its name.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let (folders, name) =
            path.rsplit_once('/').map_or(("", path), |(folders, name)| (folders, name));
        let end = name.len().checked_sub(5).filter(|it| *it != 0)?;
        let (stem, ending) = name.split_at_checked(end)?;
        if !ending.eq_ignore_ascii_case(".gguf") {
            return None;
        }
        let (stem, part) = Part::cut(stem);
        let role = Role::of(stem);
        let (quant, base) = match Quant::within(stem) {
            Some((quant, range)) => {
                let marks = |it: char| "-_. ".contains(it);
                let (before, after) = (&stem[..range.start], &stem[range.end..]);
                let [before, after] = [before, after].map(|it| it.trim_matches(marks));
                let between = if before.is_empty() || after.is_empty() { "" } else { "-" };
                (Some(quant), format!("{before}{between}{after}"))
            }
            None => {
                let folder = folders.rsplit('/').next().unwrap_or_default();
                (Quant::within(folder).map(|it| it.0), stem.to_owned())
            }
        };
        Some(Self { role, base, quant, part })
    }
}

impl Role {
    fn of(stem: &str) -> Self {
        let stem = stem.to_ascii_lowercase();
        let words: Vec<_> = stem.split(['-', '_', '.']).collect();
        let first = words.first().copied().unwrap_or_default();
        match first {
            "mmproj" => Self::Projector,
            "mtp" | "eagle3" | "dflash" | "dspark" | "eagle" => Self::Draft,
            "imatrix" => Self::Importance,
            "lora" | "adapter" => Self::Adapter,
            "ggml" if words.get(1) == Some(&"vocab") => Self::Vocabulary,
            _ if words.contains(&"mmproj") => Self::Projector,
            _ if words.contains(&"imatrix") && Quant::within(&stem).is_none() => Self::Importance,
            _ if words.last() == Some(&"lora") => Self::Adapter,
            _ => Self::Model,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `path => role base quant part` in a line each.
    const CASES: &str = include_str!("cases.txt");

    fn told(path: &str) -> String {
        let Some(name) = FileName::of(path) else { return "none".to_owned() };
        let quant = name.quant.map_or("-".to_owned(), |it| it.to_string());
        let role = format!("{:?}", name.role).to_lowercase();
        let part = name.part.map(|it| format!(" {}/{}", it.number, it.count)).unwrap_or_default();
        format!("{role} {} {quant}{part}", name.base)
    }

    #[test]
    fn names_are_taken_apart_as_the_table_says() {
        let lines: Vec<_> =
            CASES.lines().filter(|it| !it.is_empty() && !it.starts_with('#')).collect();
        assert!(150 <= lines.len(), "{} cases", lines.len());
        let wrong = lines.iter().filter_map(|line| {
            let (path, expected) = line.split_once(" => ").expect("a case has two sides");
            let told = told(path);
            (told != expected).then(|| format!("{path} => {told}\n"))
        });
        assert_eq!(wrong.collect::<String>(), "");
    }

    proptest::proptest! {
        #[test]
        fn no_name_is_too_odd(path in r"(\PC|[-_./QK0-9]){0,24}(\.gguf)?") {
            let _ = told(&path);
        }
    }
}
