//! Which tool is meant by a name, where only one can be.

use crate::tools::arguments::alias::key;

/// Tools of others that do the same with the same arguments, by their names without case and
/// underscores.
const ALIASES: &[(&str, &[&str])] = &[
    (
        "read_file",
        &[
            "read",
            "cat",
            "view",
            "viewfile",
            "openfile",
            "open",
            "readfiles",
            "readmanyfiles",
            "readtextfile",
            "getfilecontents",
            "fileread",
        ],
    ),
    (
        "write_file",
        &["write", "createfile", "create", "writetofile", "savefile", "filewrite", "newfile"],
    ),
    (
        "edit_file",
        &[
            "edit",
            "strreplace",
            "replace",
            "searchreplace",
            "searchandreplace",
            "multiedit",
            "fileedit",
            "replacestring",
            "replacestringinfile",
        ],
    ),
    ("list_files", &["ls", "list", "listdir", "listdirectory", "listfolder", "readdir", "tree"]),
    ("find_files", &["glob", "globfiles", "findfile", "fileglobsearch", "fileglob"]),
    ("search", &["grep", "grepsearch", "ripgrep", "rg", "searchfilecontent", "searchcode"]),
    (
        "run_command",
        &[
            "bash",
            "shell",
            "sh",
            "executecommand",
            "runshellcommand",
            "runterminalcmd",
            "runterminalcommand",
            "runinterminal",
            "execshellcommand",
            "shellcommand",
            "exec",
            "execute",
            "terminal",
            "runbash",
            "executebash",
            "cmd",
        ],
    ),
    ("update_plan", &["plan", "todowrite", "todo", "writetodos", "updatetodos", "updatetodolist"]),
];

/// Under which models name the tools they are given.
const NAMESPACES: &[&str] =
    &["functions", "function", "tools", "tool", "default_api", "default", "api"];

/// The one of `known` that is meant by `name`. An exact name always means itself.
pub(crate) fn resolve<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let exact = |name: &str| known.clone().find(|it| *it == name);
    if let Some(it) = exact(name) {
        return Some(it);
    }
    let name = bare(name);
    let wanted = key(name);
    let same: Vec<_> = known.clone().filter(|it| key(it) == wanted).collect();
    match same[..] {
        [it] => Some(it),
        [] => {
            let row = ALIASES.iter().find(|(_, others)| others.contains(&&*wanted));
            row.and_then(|(target, _)| exact(target))
        }
        _ => exact(name),
    }
}

/// Without what is around it: a namespace, brackets, a number, a token of the chat format.
fn bare(name: &str) -> &str {
    let mut name = name.split("<|").next().unwrap_or_default().trim();
    name = name.strip_suffix("()").unwrap_or(name);
    if let Some((before, number)) = name.rsplit_once(':')
        && !number.is_empty()
        && number.bytes().all(|it| it.is_ascii_digit())
    {
        name = before;
    }
    match name.split_once(['.', ':', '/']) {
        Some((space, rest)) if NAMESPACES.contains(&space) => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::tools::toolbox::specs;

    #[track_caller]
    fn check(names: &str, expected: Expect) {
        let specs = specs();
        let shown = names.split(", ").map(|name| {
            let meant = resolve(name, specs.iter().map(|it| it.name.as_str()));
            format!("{name} = {}\n", meant.unwrap_or("?"))
        });
        expected.assert_eq(&shown.collect::<String>());
    }

    #[test]
    fn the_same_name_in_another_spelling_is_the_same_tool() {
        check(
            "read_file, Read_File, readFile, ReadFile, read-file, readfile, READ_FILE",
            expect![[r#"
                read_file = read_file
                Read_File = read_file
                readFile = read_file
                ReadFile = read_file
                read-file = read_file
                readfile = read_file
                READ_FILE = read_file
            "#]],
        );
    }

    #[test]
    fn what_is_around_a_name_is_no_part_of_it() {
        check(
            "functions.read_file, functions.read_file:0, default_api:read_file, tools/search, search(), run_command<|channel|>commentary",
            expect![[r#"
                functions.read_file = read_file
                functions.read_file:0 = read_file
                default_api:read_file = read_file
                tools/search = search
                search() = search
                run_command<|channel|>commentary = run_command
            "#]],
        );
    }

    #[test]
    fn tools_of_others_that_do_the_same_are_known() {
        check(
            "bash, Bash, shell, execute_command, grep, Grep, glob, ls, LS, cat, view, open_file, str_replace, Edit, MultiEdit, create_file, Write",
            expect![[r#"
                bash = run_command
                Bash = run_command
                shell = run_command
                execute_command = run_command
                grep = search
                Grep = search
                glob = find_files
                ls = list_files
                LS = list_files
                cat = read_file
                view = read_file
                open_file = read_file
                str_replace = edit_file
                Edit = edit_file
                MultiEdit = edit_file
                create_file = write_file
                Write = write_file
            "#]],
        );
    }

    #[test]
    fn what_may_mean_something_else_is_not_guessed() {
        check(
            "search_files, file_search, find, str_replace_editor, github.search, python, delete_file, read_fil, , .",
            expect![[r#"
                search_files = ?
                file_search = ?
                find = ?
                str_replace_editor = ?
                github.search = ?
                python = ?
                delete_file = ?
                read_fil = ?
                 = ?
                . = ?
            "#]],
        );
    }

    #[test]
    fn each_alias_means_one_tool_that_there_is() {
        let mut all: Vec<&str> = Vec::new();
        for (target, others) in ALIASES {
            assert!(specs().iter().any(|it| it.name == *target), "{target}");
            assert!(others.iter().all(|it| key(it) == **it), "{target}");
            all.extend(*others);
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "an alias stands twice");
    }

    proptest! {
        #[test]
        fn a_name_that_is_known_means_itself(known in prop::collection::vec("[a-zA-Z_.:]{1,8}", 1..5), extra in ".{0,12}") {
            for name in &known {
                prop_assert_eq!(resolve(name, known.iter().map(|it| &**it)), Some(&**name));
            }
            let _ = resolve(&extra, known.iter().map(|it| &**it));
        }
    }
}
