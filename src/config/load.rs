//! Lays the sources over each other; each value remembers where it came from.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;

use crate::config::document::{self, Assignment};
use crate::config::key::{Key, Keys};
use crate::config::project::{Verdict, joined, judge};
use crate::config::{Origin, Settings, value};

/// Everything settings can come from.
pub(crate) struct Sources {
    pub(crate) user: UserFile,
    /// The project's directory.
    pub(crate) project: Option<PathBuf>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) flags: Vec<Flag>,
    /// Where relative paths of the environment and the command line begin.
    pub(crate) directory: PathBuf,
    /// What `~` stands for, in paths that are read and in messages.
    pub(crate) home: Option<PathBuf>,
}

impl Sources {
    fn resolved(&self, key: &str, value: toml::Value) -> toml::Value {
        resolved(key, value, Some(&self.directory), self.home.as_deref())
    }
}

pub(crate) enum UserFile {
    None,
    /// Where it usually is; it may be missing.
    Usual(PathBuf),
    /// The person named it, so it must be there.
    Given(PathBuf),
}

/// What the person wrote on the command line: `name` sets `key` to `value`.
pub(crate) struct Flag {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) value: toml::Value,
}

/// A flag with a value that it cannot have: a mistake on the command line, not in a file.
#[derive(Debug)]
pub(crate) struct WrongFlag(String);

impl fmt::Display for WrongFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongFlag {}

pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    /// Each key there is, in the order of [`Settings`].
    pub(crate) values: Vec<Setting>,
    /// Sentences for the person.
    pub(crate) warnings: Vec<String>,
}

/// One key and what it is set to.
#[derive(Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    /// `None` if it is unset.
    pub(crate) value: Option<toml::Value>,
    pub(crate) origin: Origin,
    /// Not to be shown.
    pub(crate) secret: bool,
}

/// Where the project's file is, from its root.
const PROJECT_FILE: &str = ".agent/config.toml";

/// No settings file is longer than this.
const LONGEST: u64 = 1024 * 1024;

pub(crate) fn load(sources: Sources) -> anyhow::Result<Loaded> {
    let keys = Keys::all();
    let home = sources.home.as_deref();
    let mut layers = Layers::new(&keys);
    match &sources.user {
        UserFile::None => {}
        UserFile::Usual(path) => {
            layers.user(path, &read(path, home)?.unwrap_or_default(), home)?;
        }
        UserFile::Given(path) => {
            let text = read(path, home)?;
            let text = text.with_context(|| format!("there is no file `{}`", shown(path, home)))?;
            layers.user(path, &text, home)?;
        }
    }
    if let Some(root) = &sources.project {
        let text = read(&root.join(PROJECT_FILE), home)?.unwrap_or_default();
        layers.project(root, &text, home)?;
    }
    layers.environment(&sources)?;
    layers.flags(&sources)?;
    layers.finish()
}

/// The values so far.
struct Layers<'a> {
    keys: &'a Keys,
    values: Vec<Setting>,
    warnings: Vec<String>,
}

impl<'a> Layers<'a> {
    fn new(keys: &'a Keys) -> Self {
        let setting = |it: &Key| Setting {
            key: it.name.clone(),
            value: it.default.clone(),
            origin: Origin::Default,
            secret: it.secret,
        };
        let values = keys.keys.iter().map(setting).collect();
        Self { keys, values, warnings: Vec::new() }
    }

    fn user(&mut self, path: &Path, text: &str, home: Option<&Path>) -> anyhow::Result<()> {
        for Assignment { key, value, .. } in understand(path, text, self.keys, home)? {
            let value = resolved(&key, value, path.parent(), home);
            self.set(&key, value, Origin::User(path.to_owned()));
        }
        Ok(())
    }

    fn project(&mut self, root: &Path, text: &str, home: Option<&Path>) -> anyhow::Result<()> {
        let path = root.join(PROJECT_FILE);
        for Assignment { key, value, position } in understand(&path, text, self.keys, home)? {
            let value = resolved(&key, value, path.parent(), home);
            let current = self.values.iter().find(|it| it.key == key);
            let current = current.and_then(|it| it.value.as_ref());
            if current == Some(&value) {
                continue;
            }
            match judge(&key, &value, current) {
                Verdict::Taken => self.set(&key, value, Origin::Project(path.clone())),
                Verdict::Added => {
                    let all = joined(current, value);
                    self.set(&key, all, Origin::Project(path.clone()));
                }
                Verdict::Ignored(reason) => self.warnings.push(format!(
                    "`{}`: {position}: `{key}` is ignored: {reason}",
                    shown(&path, home)
                )),
            }
        }
        Ok(())
    }

    /// An empty variable is as good as none. Other programs use the prefix too, so an unknown name
    /// is no error.
    fn environment(&mut self, sources: &Sources) -> anyhow::Result<()> {
        for (name, text) in &sources.environment {
            let Some(name) = name.to_str().filter(|it| it.starts_with("AGENT_")) else { continue };
            if text.is_empty() {
                continue;
            }
            match self.keys.keys.iter().find(|it| it.variable() == name) {
                Some(key) => {
                    let cannot = || format!("cannot understand the variable `{name}`");
                    let text = text.to_str().context("it is not UTF-8").with_context(cannot)?;
                    let value =
                        key.parse(text).map_err(|err| anyhow!("{err}")).with_context(cannot)?;
                    let value = sources.resolved(&key.name, value);
                    self.set(&key.name, value, Origin::Environment(name.to_owned()));
                }
                None => self.warnings.extend(near_miss(name, self.keys)),
            }
        }
        Ok(())
    }

    fn flags(&mut self, sources: &Sources) -> anyhow::Result<()> {
        for Flag { name, key, value } in &sources.flags {
            let check = match self.keys.get(key) {
                Some(key) => key.check(value),
                None => Err(self.keys.unknown(key)),
            };
            check.map_err(|err| WrongFlag(format!("cannot understand `{name}`: {err}")))?;
            let value = sources.resolved(key, value.clone());
            self.set(key, value, Origin::Flag(name.clone()));
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: toml::Value, origin: Origin) {
        if let Some(setting) = self.values.iter_mut().find(|it| it.key == key) {
            setting.value = Some(value);
            setting.origin = origin;
        }
    }

    fn finish(self) -> anyhow::Result<Loaded> {
        let Self { values, warnings, .. } = self;
        let set = values.iter().filter_map(|it| Some((it.key.as_str(), it.value.clone()?)));
        let settings = Settings::deserialize(value::document(set))
            .context("cannot make settings of values that are right each by itself")?;
        Ok(Loaded { settings, values, warnings })
    }
}

fn understand(
    path: &Path,
    text: &str,
    keys: &Keys,
    home: Option<&Path>,
) -> anyhow::Result<Vec<Assignment>> {
    document::read(text, keys).with_context(|| format!("cannot understand `{}`", shown(path, home)))
}

/// What is in the file `path`; `None` if there is none.
fn read(path: &Path, home: Option<&Path>) -> anyhow::Result<Option<String>> {
    let cannot = || format!("cannot read `{}`", shown(path, home));
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(err) if is_missing(&err) => Ok(None),
        Err(err) => Err(err).with_context(cannot),
    }
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    // Asked before it is opened: opening a pipe would wait for its other end.
    if !path.metadata()?.is_file() {
        bail!("it is not a file");
    }
    let mut text = String::new();
    File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if LONGEST < text.len() as u64 {
        bail!("it is longer than {LONGEST} bytes");
    }
    Ok(text)
}

fn is_missing(err: &anyhow::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    let kind = err.downcast_ref::<io::Error>().map(io::Error::kind);
    matches!(kind, Some(NotFound | NotADirectory))
}

/// The value, and if it is a path, where that leads from the directory of its file. The name of a
/// program without a slash stays one.
fn resolved(
    key: &str,
    value: toml::Value,
    directory: Option<&Path>,
    home: Option<&Path>,
) -> toml::Value {
    let path = match (key, value.as_str()) {
        ("system_prompt", Some(path)) => path,
        // Words, unless they are the name of a file.
        ("append_system_prompt", Some(path)) if !path.contains('\n') => path,
        ("llama.program", Some(path)) if path.contains('/') => path,
        ("model", Some(path)) if path.ends_with(".gguf") || path.starts_with(['/', '~', '.']) => {
            path
        }
        _ => return value,
    };
    let whole = match (path.strip_prefix("~/"), home, directory) {
        (Some(rest), Some(home), _) => home.join(rest),
        (_, _, Some(directory)) => directory.join(path),
        _ => return value,
    };
    if key == "append_system_prompt" && !whole.is_file() {
        return value;
    }
    whole.to_str().map_or(value, toml::Value::from)
}

/// A path as the person would write it.
fn shown(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|it| path.strip_prefix(it).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

fn near_miss(name: &str, keys: &Keys) -> Option<String> {
    let distance = |it: &String| strsim::osa_distance(name, it);
    let nearest = keys.keys.iter().map(Key::variable).min_by_key(distance)?;
    (distance(&nearest) <= 2)
        .then(|| format!("the variable `{name}` is ignored: did you mean `{nearest}`?"))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::config::value::tests::parse;
    use crate::conversation::Permission;

    fn nothing() -> Sources {
        Sources {
            user: UserFile::None,
            project: None,
            environment: Vec::new(),
            flags: Vec::new(),
            directory: "/here".into(),
            home: Some("/home/me".into()),
        }
    }

    /// Laid over each other in this order: `user: <toml>`, `project: <toml>`, `NAME=value`,
    /// `--flag key=value`; one a line, `;` for a new line in a file.
    fn layered(script: &str) -> anyhow::Result<Loaded> {
        let keys = Keys::all();
        let mut layers = Layers::new(&keys);
        let home = Some(Path::new("/home/me"));
        for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
            if let Some(text) = line.strip_prefix("user:") {
                let path = Path::new("/home/me/.config/agent/config.toml");
                layers.user(path, &text.trim().replace(';', "\n"), home)?;
            } else if let Some(text) = line.strip_prefix("project:") {
                layers.project(Path::new("/p"), &text.trim().replace(';', "\n"), home)?;
            } else if let Some((name, text)) = line.strip_prefix("--").and(line.split_once(' ')) {
                let (key, text) = text.split_once('=').unwrap();
                let value = parse(key, text).unwrap_or(text.into());
                let flags = vec![Flag { name: name.into(), key: key.into(), value }];
                layers.flags(&Sources { flags, ..nothing() })?;
            } else {
                let (name, text) = line.split_once('=').unwrap();
                let environment = vec![(name.into(), text.into())];
                layers.environment(&Sources { environment, ..nothing() })?;
            }
        }
        layers.finish()
    }

    /// All that is not a default.
    #[track_caller]
    fn check(script: &str, expected: Expect) {
        expected.assert_eq(&match layered(script) {
            Ok(Loaded { values, warnings, .. }) => {
                let set = values.iter().filter(|it| it.origin != Origin::Default);
                let line = |it: &Setting| {
                    format!("{} = {} ({})\n", it.key, it.value.as_ref().unwrap(), it.origin)
                };
                let warnings = warnings.iter().map(|it| format!("warning: {it}\n"));
                set.map(line).chain(warnings).collect()
            }
            Err(err) => format!("error: {err:#}"),
        });
    }

    #[test]
    fn each_layer_lies_over_the_ones_before() {
        check("", expect![]);
        check(
            "user: max_turns = 5",
            expect![[r#"
            max_turns = 5 (/home/me/.config/agent/config.toml)
        "#]],
        );
        check(
            "user: max_turns = 5\nproject: max_turns = 4",
            expect![[r#"
            max_turns = 4 (/p/.agent/config.toml)
        "#]],
        );
        check(
            "user: max_turns = 5\nproject: max_turns = 4\nAGENT_MAX_TURNS=6",
            expect![[r#"
            max_turns = 6 (AGENT_MAX_TURNS)
        "#]],
        );
        check(
            "AGENT_MAX_TURNS=6\n--max-turns max_turns=7",
            expect![[r#"
            max_turns = 7 (--max-turns)
        "#]],
        );
    }

    #[test]
    fn a_project_only_narrows() {
        check(
            "project: permission = 'full'",
            expect![[r#"
            warning: `/p/.agent/config.toml`: line 1, column 1: `permission` is ignored: a project may only allow less than you do
        "#]],
        );
        check(
            "project: permission = 'ask'",
            expect![[r#"
            permission = "ask" (/p/.agent/config.toml)
        "#]],
        );
        check(
            "user: permission = 'full'\nproject: permission = 'auto'",
            expect![[r#"
            permission = "auto" (/p/.agent/config.toml)
        "#]],
        );
        check(
            "project: max_turns = 1000",
            expect![[r#"
            warning: `/p/.agent/config.toml`: line 1, column 1: `max_turns` is ignored: a project may only set it lower than you do
        "#]],
        );
        check(
            "project: commands.timeout = 1;llama.args = ['-x'];model = 'm'",
            expect![[r#"
            commands.timeout = 1 (/p/.agent/config.toml)
            warning: `/p/.agent/config.toml`: line 2, column 7: `llama.args` is ignored: which program is run, and how, is yours to say
            warning: `/p/.agent/config.toml`: line 3, column 1: `model` is ignored: which model you work with is yours to say
        "#]],
        );
    }

    #[test]
    fn what_a_project_repeats_is_no_news() {
        check(
            "user: model = 'm'\nproject: model = 'm';max_turns = 100",
            expect![[r#"
            model = "m" (/home/me/.config/agent/config.toml)
        "#]],
        );
    }

    #[test]
    fn the_person_may_be_wider_than_the_project() {
        check(
            "project: permission = 'read-only'\n--permission permission=full",
            expect![[r#"
            permission = "full" (--permission)
        "#]],
        );
        check(
            "project: permission = 'read-only'\nAGENT_PERMISSION=auto",
            expect![[r#"
            permission = "auto" (AGENT_PERMISSION)
        "#]],
        );
    }

    #[test]
    fn variables_of_other_software_are_not_ours() {
        check("AGENT_FORCE=1\nAGENTS=2\nMAX_TURNS=3\nAGENT_MODEL=", expect![]);
        check(
            "AGENT_MAX_TURN=3",
            expect![[r#"
            warning: the variable `AGENT_MAX_TURN` is ignored: did you mean `AGENT_MAX_TURNS`?
        "#]],
        );
    }

    #[test]
    fn a_value_that_is_wrong_is_an_error_wherever_it_comes_from() {
        check(
            "AGENT_MAX_TURNS=some",
            expect![
                "error: cannot understand the variable `AGENT_MAX_TURNS`: `max_turns` must be a whole number from 1, not `some`"
            ],
        );
        check(
            "--max-turns max_turns=some",
            expect![[
                r#"error: cannot understand `--max-turns`: `max_turns` must be a whole number from 1, not `"some"`"#
            ]],
        );
        check(
            "--set max_turn=3",
            expect![
                "error: cannot understand `--set`: unknown key `max_turn`; did you mean `max_turns`?"
            ],
        );
        check(
            "user: ;;tempratur = 1",
            expect![
                "error: cannot understand `~/.config/agent/config.toml`: line 3, column 1: unknown key `tempratur`; did you mean `sampling.temperature`?"
            ],
        );
        check(
            "project: max_turns = 'x'",
            expect![[
                r#"error: cannot understand `/p/.agent/config.toml`: line 1, column 13: `max_turns` must be a whole number from 1, not `"x"`"#
            ]],
        );
    }

    #[test]
    fn a_path_leads_from_the_file_that_names_it() {
        check(
            "user: system_prompt = 'system.md'",
            expect![[r#"
            system_prompt = "/home/me/.config/agent/system.md" (/home/me/.config/agent/config.toml)
        "#]],
        );
        check(
            "user: system_prompt = '~/s.md';llama.program = 'llama-server'",
            expect![[r#"
            system_prompt = "/home/me/s.md" (/home/me/.config/agent/config.toml)
            llama.program = "llama-server" (/home/me/.config/agent/config.toml)
        "#]],
        );
        check(
            "user: llama.program = 'bin/llama-server'",
            expect![[r#"
            llama.program = "/home/me/.config/agent/bin/llama-server" (/home/me/.config/agent/config.toml)
        "#]],
        );
        check(
            "AGENT_SYSTEM_PROMPT=system.md",
            expect![[r#"
                system_prompt = "/here/system.md" (AGENT_SYSTEM_PROMPT)
            "#]],
        );
    }

    #[test]
    fn a_file_may_be_missing_unless_the_person_named_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        let sources = |user| Sources {
            user,
            project: Some(dir.path().join("p")),
            environment: vec![],
            flags: vec![],
            directory: dir.path().to_owned(),
            home: Some(dir.path().to_owned()),
        };
        assert!(load(sources(UserFile::None)).is_ok());
        assert!(load(sources(UserFile::Usual(path.clone()))).is_ok());
        let err = load(sources(UserFile::Given(path.clone()))).err().unwrap();
        expect!["there is no file `~/config.toml`"].assert_eq(&format!("{err:#}"));

        std::fs::write(&path, "\n\n tempratur = 1").unwrap();
        let err = load(sources(UserFile::Usual(path.clone()))).err().unwrap();
        expect!["cannot understand `~/config.toml`: line 3, column 2: unknown key `tempratur`; did you mean `sampling.temperature`?"].assert_eq(&format!("{err:#}"));

        std::fs::write(&path, b"model = '\xff'").unwrap();
        let err = load(sources(UserFile::Usual(path.clone()))).err().unwrap();
        expect!["cannot read `~/config.toml`: stream did not contain valid UTF-8"]
            .assert_eq(&format!("{err:#}"));

        std::fs::create_dir_all(dir.path().join("p").join(PROJECT_FILE)).unwrap();
        let err = load(sources(UserFile::None)).err().unwrap();
        expect!["cannot read `~/p/.agent/config.toml`: it is not a file"]
            .assert_eq(&format!("{err:#}"));
    }

    #[test]
    fn the_settings_are_what_was_set() {
        let loaded = layered("user: ui.color = 'never'\nAGENT_SAMPLING_TOP_K=7").unwrap();
        let mut expected = Settings::default();
        expected.ui.color = crate::config::Color::Never;
        expected.sampling.top_k = Some(7);
        assert!(loaded.settings == expected);
        assert!(layered("").unwrap().settings == Settings::default());
    }

    fn permission() -> impl Strategy<Value = Option<Permission>> {
        use Permission::*;
        prop::option::of(prop::sample::select(vec![ReadOnly, Ask, Auto, Full]))
    }

    proptest! {
        #[test]
        fn no_project_widens_what_the_person_allows(
            user in permission(), project in permission(), turns in 1..300u32, seconds in 1..300u32,
        ) {
            let line = |it: Option<Permission>| it.map_or(String::new(), |it| {
                format!("permission = {};", toml::Value::try_from(it).unwrap())
            });
            let alone = layered(&format!("user: {}", line(user))).unwrap().settings;
            let both = layered(&format!(
                "user: {}\nproject: {}max_turns = {turns};commands.timeout = {seconds}",
                line(user), line(project),
            )).unwrap().settings;
            // Whatever stands for an unset permission, `ask` is the least of it.
            for unset in [Permission::Ask, Permission::Auto] {
                prop_assert!(both.permission.unwrap_or(unset) <= alone.permission.unwrap_or(unset));
            }
            if let (Some(user), Some(project)) = (user, project) {
                prop_assert_eq!(both.permission, Some(user.min(project)));
            }
            prop_assert_eq!(both.max_turns, alone.max_turns.min(turns));
            prop_assert_eq!(both.commands.timeout, alone.commands.timeout.min(seconds));
            prop_assert!(both.model == alone.model && both.server == alone.server);
            prop_assert!(both.llama == alone.llama);
        }
    }
}
