//! Files that say what a project is, needs and offers to run: just enough of each format.

use serde_json::Value as Json;
use toml::{Table, Value};

#[derive(Debug, Default, PartialEq)]
pub(super) struct Manifest {
    /// What the project calls itself.
    pub(super) name: Option<String>,
    /// What can be started: programs, scripts, targets.
    pub(super) runs: Vec<String>,
    pub(super) needs: Vec<String>,
}

type Reader = fn(&str) -> Option<Manifest>;

const READERS: &[(&str, Reader)] = &[
    ("Cargo.toml", cargo),
    ("package.json", package_json),
    ("pyproject.toml", pyproject),
    ("requirements.txt", requirements),
    ("go.mod", go_mod),
    ("pom.xml", pom),
    ("build.gradle", gradle),
    ("build.gradle.kts", gradle),
    ("Gemfile", gemfile),
    ("composer.json", composer),
    ("CMakeLists.txt", cmake),
    ("Makefile", makefile),
    ("makefile", makefile),
    ("justfile", makefile),
];

pub(super) fn is_manifest(file_name: &str) -> bool {
    READERS.iter().any(|(name, _)| *name == file_name)
}

/// A manifest that cannot be understood says nothing.
pub(super) fn read(file_name: &str, text: &str) -> Manifest {
    let reader = READERS.iter().find(|(name, _)| *name == file_name).map(|it| it.1);
    reader.and_then(|it| it(text)).unwrap_or_default()
}

fn cargo(text: &str) -> Option<Manifest> {
    let all: Table = text.parse().ok()?;
    let keys =
        |it: Option<&Value>| names(it.and_then(Value::as_table).into_iter().flat_map(Table::keys));
    let package = all.get("package");
    let bins = all.get("bin").and_then(Value::as_array).into_iter().flatten();
    let mut needs = keys(all.get("dependencies"));
    needs.extend(keys(all.get("workspace").and_then(|it| it.get("dependencies"))));
    Some(Manifest {
        name: package.and_then(|it| text_at(it, "name")),
        runs: bins.filter_map(|it| text_at(it, "name")).map(|it| format!("bin {it}")).collect(),
        needs,
    })
}

fn text_at(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    names.cloned().collect()
}

fn package_json(text: &str) -> Option<Manifest> {
    let all: Json = serde_json::from_str(text).ok()?;
    let keys = |it: &str| names(all[it].as_object().into_iter().flat_map(serde_json::Map::keys));
    let mut runs = Vec::new();
    runs.extend(all["main"].as_str().map(|it| format!("main {it}")));
    runs.extend(all["bin"].as_str().map(|it| format!("bin {it}")));
    runs.extend(keys("bin").iter().map(|it| format!("bin {it}")));
    runs.extend(keys("scripts").iter().map(|it| format!("run {it}")));
    let needs = [keys("dependencies"), keys("devDependencies")].concat();
    Some(Manifest { name: all["name"].as_str().map(str::to_owned), runs, needs })
}

fn pyproject(text: &str) -> Option<Manifest> {
    let all: Table = text.parse().ok()?;
    let project = all.get("project");
    let poetry = all.get("tool").and_then(|it| it.get("poetry"));
    let table = |of: Option<&Value>, key: &str| {
        let found = of.and_then(|it| it.get(key)).and_then(Value::as_table);
        names(found.into_iter().flat_map(Table::keys))
    };
    let given = project.and_then(|it| it.get("dependencies")).and_then(Value::as_array);
    let given = given.into_iter().flatten().filter_map(Value::as_str);
    let mut needs: Vec<_> = given.filter_map(requirement).collect();
    needs.extend(table(poetry, "dependencies").into_iter().filter(|it| it != "python"));
    let mut runs = table(project, "scripts");
    runs.extend(table(poetry, "scripts"));
    let name = [project, poetry].into_iter().flatten().find_map(|it| text_at(it, "name"));
    Some(Manifest { name, runs: runs.iter().map(|it| format!("script {it}")).collect(), needs })
}

/// The name in `name[extra]>=1 ; marker`.
fn requirement(line: &str) -> Option<String> {
    let is_part = |it: char| it.is_alphanumeric() || "-_.".contains(it);
    let name: String = line.trim().chars().take_while(|it| is_part(*it)).collect();
    (name.starts_with(char::is_alphanumeric)).then_some(name)
}

fn requirements(text: &str) -> Option<Manifest> {
    let lines = text.lines().filter(|it| !it.contains("://"));
    Some(Manifest { needs: lines.filter_map(requirement).collect(), ..Manifest::default() })
}

fn go_mod(text: &str) -> Option<Manifest> {
    let (mut name, mut needs, mut is_in_group) = (None, Vec::new(), false);
    for line in text.lines().map(str::trim).filter(|it| !it.ends_with("// indirect")) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("module"), given) => name = given.map(str::to_owned),
            (Some("require"), Some("(")) => is_in_group = true,
            (Some(")"), _) => is_in_group = false,
            (Some("require"), Some(needed)) => needs.push(needed.to_owned()),
            (Some(needed), Some(_)) if is_in_group => needs.push(needed.to_owned()),
            _ => {}
        }
    }
    Some(Manifest { name, needs, runs: Vec::new() })
}

fn pom(text: &str) -> Option<Manifest> {
    let between = |text: &str| -> Option<String> {
        let (_, rest) = text.split_once("<artifactId>")?;
        Some(rest.split('<').next()?.trim().to_owned())
    };
    let needs = text.split("<dependency>").skip(1).filter_map(between).collect();
    // The artifact of the parent is not that of the project.
    let own = text.split_once("</parent>").map_or(text, |it| it.1);
    Some(Manifest { name: between(own), needs, runs: Vec::new() })
}

fn gradle(text: &str) -> Option<Manifest> {
    let needed = |line: &str| {
        let line = line.trim();
        let kinds = ["implementation", "api", "compileOnly", "runtimeOnly", "testImplementation"];
        let rest = kinds.iter().find_map(|it| line.strip_prefix(it))?;
        let quoted = rest.split(['"', '\'']).nth(1)?;
        Some(quoted.split(':').take(2).collect::<Vec<_>>().join(":"))
    };
    Some(Manifest { needs: text.lines().filter_map(needed).collect(), ..Manifest::default() })
}

fn gemfile(text: &str) -> Option<Manifest> {
    let needed = |line: &str| {
        let rest = line.trim().strip_prefix("gem ")?;
        rest.split(['"', '\'']).nth(1).map(str::to_owned)
    };
    Some(Manifest { needs: text.lines().filter_map(needed).collect(), ..Manifest::default() })
}

fn composer(text: &str) -> Option<Manifest> {
    let all: Json = serde_json::from_str(text).ok()?;
    let keys = |it: &str| names(all[it].as_object().into_iter().flat_map(serde_json::Map::keys));
    Some(Manifest {
        name: all["name"].as_str().map(str::to_owned),
        runs: keys("scripts").iter().map(|it| format!("run {it}")).collect(),
        needs: [keys("require"), keys("require-dev")].concat(),
    })
}

fn cmake(text: &str) -> Option<Manifest> {
    let called = |line: &str, function: &str| {
        let line = line.trim();
        let rest = line.get(function.len()..)?.trim_start().strip_prefix('(')?;
        let is_called = line[..function.len()].eq_ignore_ascii_case(function);
        let name = rest.split([' ', ')']).find(|it| !it.is_empty())?;
        is_called.then(|| name.to_owned())
    };
    let all =
        |function: &str| text.lines().filter_map(|it| called(it, function)).collect::<Vec<_>>();
    Some(Manifest {
        name: all("project").into_iter().next(),
        runs: all("add_executable").iter().map(|it| format!("bin {it}")).collect(),
        needs: all("find_package"),
    })
}

fn makefile(text: &str) -> Option<Manifest> {
    let target = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let name = name.split_whitespace().next()?;
        let is_part = |it: char| it.is_alphanumeric() || "-_".contains(it);
        let is_target = !line.starts_with([' ', '\t']) && !rest.starts_with('=');
        (is_target && name.chars().all(is_part)).then(|| format!("make {name}"))
    };
    Some(Manifest { runs: text.lines().filter_map(target).collect(), ..Manifest::default() })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(file: &str, text: &str, expected: Expect) {
        let Manifest { name, runs, needs } = read(file, text);
        let name = name.unwrap_or_default();
        expected.assert_eq(&format!("{name} | {} | {}", runs.join(", "), needs.join(", ")));
    }

    #[test]
    fn each_format_says_what_it_needs_and_runs() {
        check(
            "Cargo.toml",
            "[package]\nname = 'shelf'\n[[bin]]\nname = 'open'\n[dependencies]\nserde = '1'\nlog = { version = '1' }\n[dev-dependencies]\nx = '1'",
            expect!["shelf | bin open | log, serde"],
        );
        check(
            "package.json",
            r#"{"name": "shelf", "main": "a.js", "bin": {"open": "b.js"}, "scripts": {"test": "x"}, "dependencies": {"react": "1"}}"#,
            expect!["shelf | main a.js, bin open, run test | react"],
        );
        check(
            "pyproject.toml",
            "[project]\nname = 'shelf'\ndependencies = ['httpx[http2]>=1', 'rich ; x']\n[project.scripts]\nopen = 'a:b'",
            expect!["shelf | script open | httpx, rich"],
        );
        check(
            "requirements.txt",
            "# x\nflask==1\n-r other\ngit+https://x\n",
            expect![" |  | flask"],
        );
        check(
            "go.mod",
            "module a.b/shelf\ngo 1.22\nrequire x.y/z v1\nrequire (\n\ta.b/c v1\n\td.e/f v2 // indirect\n)\n",
            expect!["a.b/shelf |  | x.y/z, a.b/c"],
        );
        check(
            "pom.xml",
            "<project><parent><artifactId>p</artifactId></parent><artifactId>shelf</artifactId><dependency><artifactId>junit</artifactId></dependency>",
            expect!["shelf |  | junit"],
        );
        check(
            "build.gradle.kts",
            "dependencies {\n  implementation(\"a.b:c:1\")\n}",
            expect![" |  | a.b:c"],
        );
        check("Gemfile", "gem 'rails', '7'\n", expect![" |  | rails"]);
        check(
            "composer.json",
            r#"{"name": "a/b", "require": {"php": "8"}}"#,
            expect!["a/b |  | php"],
        );
        check(
            "CMakeLists.txt",
            "project(shelf CXX)\nfind_package(ZLIB)\nadd_executable(open a.c)",
            expect!["shelf | bin open | ZLIB"],
        );
        check(
            "Makefile",
            "CC := gcc\nall: x\n\techo a: b\n.PHONY: all\ntest: all\n",
            expect![" | make all, make test | "],
        );
    }

    #[test]
    fn what_is_broken_says_nothing() {
        for (file, _) in READERS {
            let _ = read(file, "{[(\u{e9}:");
            let _ = read(file, "é".repeat(20).as_str());
        }
        assert_eq!(read("package.json", "{"), Manifest::default());
    }
}
