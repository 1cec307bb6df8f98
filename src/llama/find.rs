//! Which llama-server to run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::Access;

/// Where a person may have said which one, and where it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    /// `program` of the options.
    pub(crate) configured: Option<&'a Path>,
    /// The value of `$LLAMA_SERVER`.
    pub(crate) named: Option<&'a Path>,
    /// The engine that we installed and use.
    pub(crate) installed: Option<&'a Path>,
    /// The value of `$PATH`.
    pub(crate) path: &'a OsStr,
}

/// A llama-server, and who says that it is to be this one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) program: PathBuf,
    pub(crate) whence: Whence,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Whence {
    Configured,
    Variable,
    Installed,
    Path,
}

const NAME: &str = "llama-server";

/// What was said decides, even if it is wrong: to run another program in its place would hide the
/// mistake. An engine that was installed by us was asked for, and tried; what is in `PATH` is there
/// for whatever reason.
pub(crate) fn find(places: &Places<'_>) -> anyhow::Result<Found> {
    let (program, whence) = if let Some(program) = places.configured {
        let found = said(program, places.path);
        (found.context("cannot use `program` of the configuration")?, Whence::Configured)
    } else if let Some(program) = places.named {
        (said(program, places.path).context("cannot use `$LLAMA_SERVER`")?, Whence::Variable)
    } else if let Some(program) = places.installed {
        (program.to_owned(), Whence::Installed)
    } else {
        (search(Path::new(NAME), places.path)?, Whence::Path)
    };
    Ok(Found { program, whence })
}

/// A program by its absolute path, or by a name that is searched for. A path relative to the
/// working directory would let a project bring the program along that is run.
fn said(program: &Path, path: &OsStr) -> anyhow::Result<PathBuf> {
    if program.is_absolute() {
        check(program)?;
        return Ok(program.to_owned());
    }
    if program.components().count() != 1 || program.file_name().is_none() {
        bail!("`{}` is relative\nhint: give the whole path", program.display());
    }
    search(program, path)
}

fn search(name: &Path, path: &OsStr) -> anyhow::Result<PathBuf> {
    let dirs = || std::env::split_paths(path).filter(|it| it.is_absolute());
    let found = dirs().map(|it| it.join(name)).find(|it| check(it).is_ok());
    found.with_context(|| {
        format!(
            "cannot find `{}` in the directories of `$PATH`\n\
             hint: `agent engine install` gets one; or install llama.cpp with your package manager, \
             or set `$LLAMA_SERVER` to the path of its llama-server",
            name.display()
        )
    })
}

/// Whether this is a program that we may run.
fn check(program: &Path) -> anyhow::Result<()> {
    let name = program.display();
    let metadata = program.metadata().with_context(|| format!("cannot find `{name}`"))?;
    if metadata.is_dir() {
        bail!("`{name}` is a directory\nhint: name the program in it, `{name}/{NAME}`");
    }
    rustix::fs::access(program, Access::EXEC_OK)
        .with_context(|| format!("`{name}` is not a program that may be run"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use expect_test::{Expect, expect};

    use super::*;

    /// Searches below a directory with the programs `a/llama-server` and `b/mine`, and `b/text`.
    /// In what is said, `~` is that directory.
    #[track_caller]
    fn check(configured: &str, named: &str, path: &str, expected: Expect) {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().to_str().unwrap();
        for (name, mode) in [("a/llama-server", 0o755), ("b/mine", 0o755), ("b/text", 0o644)] {
            let file = temp.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let [configured, named, path] = [configured, named, path].map(|it| it.replace('~', root));
        let places = Places {
            configured: (!configured.is_empty()).then_some(Path::new(&configured)),
            named: (!named.is_empty()).then_some(Path::new(&named)),
            installed: None,
            path: OsStr::new(&path),
        };
        let told = match find(&places) {
            Ok(found) => found.program.display().to_string(),
            Err(err) => format!("{err:#}"),
        };
        expected.assert_eq(&told.replace(root, "~"));
    }

    #[test]
    fn the_path_is_searched_in_order() {
        check("", "", "~/b:~/a", expect!["~/a/llama-server"]);
    }

    #[test]
    fn what_is_configured_comes_before_what_is_named() {
        check("~/b/mine", "~/a/llama-server", "", expect!["~/b/mine"]);
        check("", "~/b/mine", "~/a", expect!["~/b/mine"]);
    }

    #[test]
    fn what_we_installed_comes_before_the_path_and_behind_what_was_said() {
        let installed = Some(Path::new("/engine/llama-server"));
        let named = Some(Path::new("/bin/sh"));
        let path = OsStr::new("");
        let whence = |it: Places<'_>| find(&it).map(|it| it.whence).ok();
        let there = Places { configured: None, named: None, installed, path };
        assert_eq!(whence(there), Some(Whence::Installed));
        assert_eq!(whence(Places { named, ..there }), Some(Whence::Variable));
        assert_eq!(whence(Places { configured: named, ..there }), Some(Whence::Configured));
        assert_eq!(whence(Places { installed: None, ..there }), None);
    }

    #[test]
    fn a_bare_name_is_searched_for() {
        check("mine", "", "~/a:~/b", expect!["~/b/mine"]);
    }

    #[test]
    fn what_was_said_is_not_replaced() {
        check(
            "~/c/mine",
            "",
            "~/a",
            expect![
                "cannot use `program` of the configuration: cannot find `~/c/mine`: No such file or directory (os error 2)"
            ],
        );
        check(
            "",
            "~/b/text",
            "~/a",
            expect![
                "cannot use `$LLAMA_SERVER`: `~/b/text` is not a program that may be run: Permission denied (os error 13)"
            ],
        );
        check(
            "~/a",
            "",
            "~/a",
            expect![[r#"
            cannot use `program` of the configuration: `~/a` is a directory
            hint: name the program in it, `~/a/llama-server`"#]],
        );
    }

    #[test]
    fn the_working_directory_is_never_searched() {
        check(
            "",
            "",
            ":.:bin",
            expect![[r#"
                cannot find `llama-server` in the directories of `$PATH`
                hint: `agent engine install` gets one; or install llama.cpp with your package manager, or set `$LLAMA_SERVER` to the path of its llama-server"#]],
        );
        check(
            "./llama-server",
            "",
            "~/a",
            expect![[r#"
            cannot use `program` of the configuration: `./llama-server` is relative
            hint: give the whole path"#]],
        );
        check(
            "bin/llama-server",
            "",
            "~/a",
            expect![[r#"
            cannot use `program` of the configuration: `bin/llama-server` is relative
            hint: give the whole path"#]],
        );
    }

    #[test]
    fn a_search_in_vain_tells_where_it_looked() {
        check(
            "",
            "",
            "~/b:~/c",
            expect![[r#"
                cannot find `llama-server` in the directories of `$PATH`
                hint: `agent engine install` gets one; or install llama.cpp with your package manager, or set `$LLAMA_SERVER` to the path of its llama-server"#]],
        );
    }
}
