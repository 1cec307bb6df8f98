//! A theme of the person's own: a file with a look for each role.

use crate::ui::palette::{Look, ROLES, Role};

/// What a theme file says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Theme {
    /// Whether code stands out from a light background; what the terminal says where it is not said.
    pub(crate) is_light: Option<bool>,
    pub(crate) looks: Vec<(Role, Look)>,
}

const COLOURS: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

impl Theme {
    /// What is wrong with it, with its line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|err: toml::de::Error| {
            let before = err.span().map_or("", |it| text.get(..it.start).unwrap_or_default());
            format!("line {}: {}", before.matches('\n').count() + 1, err.message())
        })?;
        let mut theme = Self::default();
        for (name, value) in &table {
            let wrong = |why: String| format!("line {}: {why}", line_of(text, name));
            let Some(words) = value.as_str() else {
                return Err(wrong(format!("`{name}` must be a text, such as `\"bold green\"`")));
            };
            if name == "base" {
                theme.is_light = Some(match words {
                    "light" => true,
                    "dark" => false,
                    _ => return Err(wrong(format!("`base` is `dark` or `light`, not `{words}`"))),
                });
                continue;
            }
            let Some((role, ..)) = ROLES.iter().find(|it| it.1 == name) else {
                let names: Vec<_> = ROLES.iter().map(|it| it.1).collect();
                let names = names.join("`, `");
                return Err(wrong(format!("there is no `{name}`; there are `base`, `{names}`")));
            };
            theme.looks.push((*role, look(words).map_err(wrong)?));
        }
        Ok(theme)
    }
}

/// `bold green`, `#a0b0c0 italic`; nothing, for letters as they are.
fn look(words: &str) -> Result<Look, String> {
    let mut look = Look::PLAIN;
    for word in words.split_whitespace() {
        let part = match word {
            "bold" => Look::BOLD,
            "dim" => Look::DIM,
            "italic" => Look::ITALIC,
            "underline" => Look::UNDERLINED,
            word => {
                let colour = named(word).or_else(|| exact(word));
                let colour = colour.ok_or_else(|| {
                    let names = COLOURS.join("`, `");
                    format!(
                        "`{word}` is no colour; there are `{names}`, `bright-red` and so on, \
                         `#rrggbb`, and `bold`, `dim`, `italic`, `underline`"
                    )
                })?;
                if look.has_colour() {
                    return Err(format!("`{words}` names two colours"));
                }
                colour
            }
        };
        look = look.with(part);
    }
    Ok(look)
}

fn named(word: &str) -> Option<Look> {
    let (name, more) = match word.strip_prefix("bright-") {
        Some(name) => (name, 8),
        None => (word, 0),
    };
    let at = COLOURS.iter().position(|it| *it == name)?;
    Some(Look::of(u8::try_from(at).ok()? + more))
}

fn exact(word: &str) -> Option<Look> {
    let digits = word.strip_prefix('#').filter(|it| it.len() == 6)?;
    if !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some(Look::exact(red, green, blue))
}

/// The line that sets it, counted from 1.
fn line_of(text: &str, name: &str) -> usize {
    let sets = |line: &str| {
        let line = line.trim_start().trim_start_matches(['"', '\'', '[']);
        let rest = line.strip_prefix(name)?.trim_start_matches(['"', '\'', ']']).trim_start();
        (rest.is_empty() || rest.starts_with(['=', '.', '#'])).then_some(())
    };
    text.lines().position(|it| sets(it).is_some()).map_or(1, |it| it + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_says_how_roles_look() {
        let theme = Theme::parse(
            "base = 'light'\ngood = 'bold bright-green'\ncode = '#0a141e dim'\nprompt = ''\n",
        );
        let theme = theme.unwrap();
        assert_eq!(theme.is_light, Some(true));
        let looks: Vec<_> = theme.looks.iter().map(|(role, it)| (*role, it.codes())).collect();
        let expected = [
            (Role::Code, "2;38;2;10;20;30".to_owned()),
            (Role::Good, "1;92".to_owned()),
            (Role::Prompt, String::new()),
        ];
        assert!(expected.iter().all(|it| looks.contains(it)) && looks.len() == 3, "{looks:?}");
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let told = Theme::parse(text).unwrap_err();
        assert!(told.starts_with(why), "{told}");
    }

    #[test]
    fn what_it_cannot_mean_is_told_with_its_line() {
        refused(
            "good = 'green'\n\nbadd = 'red'\n",
            "line 3: there is no `badd`; there are `base`, `good`",
        );
        refused("# good\n good='pink'", "line 2: `pink` is no colour; there are `black`");
        refused("code = '#12345g'", "line 1: `#12345g` is no colour");
        refused("code = 'red blue'", "line 1: `red blue` names two colours");
        refused("base = 'grey'", "line 1: `base` is `dark` or `light`, not `grey`");
        refused("good = 1", "line 1: `good` must be a text");
        refused("[good]\nx = 1", "line 1: `good` must be a text");
        refused("good = 'green'\nbad =", "line 2: ");
    }
}
