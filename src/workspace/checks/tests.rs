//! What is found in a project, and what would be run for it.

use expect_test::{Expect, expect};

use super::*;

/// A project of these files; a file without content holds a marker's least.
#[track_caller]
fn check(files: &[(&str, &str)], path: &str, expected: Expect) {
    check_for(files, path, None, &|_| true, expected);
}

#[track_caller]
fn check_for(
    files: &[(&str, &str)],
    path: &str,
    filter: Option<&str>,
    programs: &dyn Fn(&str) -> bool,
    expected: Expect,
) {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let file = dir.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
    let workspace = Workspace::open(dir.path(), Some(dir.path())).unwrap();
    let path = workspace.path(path).unwrap();
    let wanted = Wanted { path: Some(&path), filter };
    let mut text = String::new();
    for project in find(&workspace, &path, &Cancel::default()).unwrap() {
        text += &format!("{}: {}\n", project.dir, project.kinds().join(", "));
        for purpose in Purpose::ALL {
            for it in project.commands(&workspace, purpose, wanted, programs) {
                let missing = if it.is_installed { "" } else { "  (not installed)" };
                text += &format!("  {}: {}{missing}\n", purpose.name(), it.line);
            }
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn every_kind_has_its_commands() {
    for kind in &TABLE.kind {
        assert!(Purpose::ALL.iter().any(|it| !kind.steps(*it).is_empty()), "{}", kind.name);
    }
}

#[test]
fn a_crate_and_a_workspace_of_crates() {
    check(
        &[("Cargo.toml", "[package]"), ("src/lib.rs", "")],
        "src/lib.rs",
        expect![[r#"
        .: cargo
          check: cargo check --all-targets
          lint: cargo clippy --all-targets
          test: cargo test --no-fail-fast
          format: cargo fmt
    "#]],
    );
    check(
        &[("Cargo.toml", "[workspace]")],
        "",
        expect![[r#"
        .: cargo
          check: cargo check --workspace --all-targets
          lint: cargo clippy --workspace --all-targets
          test: cargo test --workspace --no-fail-fast
          format: cargo fmt
    "#]],
    );
}

#[test]
fn the_scripts_of_a_package_come_first() {
    let package = r#"{"scripts": {"test": "vitest run", "lint": "eslint ."}}"#;
    check(
        &[("package.json", package), ("tsconfig.json", "{}"), ("pnpm-lock.yaml", "")],
        "",
        expect![[r#"
            .: node
              check: tsc --noEmit --pretty false
              lint: pnpm run lint
              test: pnpm run test
        "#]],
    );
    let package = r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}, "devDependencies": {"jest": "30"}}"#;
    check(
        &[("package.json", package), ("eslint.config.mjs", ""), ("node_modules/.bin/jest", "")],
        "src",
        expect![[r#"
            .: node
              lint: eslint src
              test: node_modules/.bin/jest src
        "#]],
    );
}

#[test]
fn python_has_what_its_files_speak_of() {
    check(
        &[("a.py", "")],
        "",
        expect![[r#"
        .: python
          check: ruff check --output-format concise --select E9,F63,F7,F82
          lint: ruff check --output-format concise
          test: python3 -m pytest -q
          format: black .
    "#]],
    );
    let project = "[tool.mypy]\n[tool.ruff]\n[dependency-groups]\ndev = [\"pytest\"]";
    check(
        &[("pyproject.toml", project), (".venv/bin/mypy", ""), ("src/a.py", "")],
        "src/a.py",
        expect![[r#"
            .: python
              check: .venv/bin/mypy src/a.py
              lint: ruff check --output-format concise src/a.py
              test: python3 -m pytest -q src/a.py
              format: ruff format src/a.py
        "#]],
    );
}

#[test]
fn what_is_not_installed_is_said_or_not_thought_of() {
    let programs = |it: &str| it == "python3";
    check_for(
        &[("a.py", "")],
        "",
        None,
        &programs,
        expect![[r#"
            .: python
              check: python3 -m compileall -q --invalidation-mode checked-hash -x '/(\.venv|venv|env|node_modules)/' .
              test: python3 -m unittest
        "#]],
    );
    check_for(
        &[("pyproject.toml", "[tool.ruff]")],
        "",
        None,
        &programs,
        expect![[r#"
            .: python
              check: python3 -m compileall -q --invalidation-mode checked-hash -x '/(\.venv|venv|env|node_modules)/' .
              lint: ruff check --output-format concise  (not installed)
              test: python3 -m unittest
              format: ruff format  (not installed)
        "#]],
    );
}

#[test]
fn a_filter_goes_where_each_wants_it() {
    let filter = Some("two words");
    check_for(
        &[("Cargo.toml", "")],
        "",
        filter,
        &|_| true,
        expect![[r#"
        .: cargo
          check: cargo check --all-targets
          lint: cargo clippy --all-targets
          test: cargo test --no-fail-fast 'two words'
          format: cargo fmt
    "#]],
    );
    let package = r#"{"scripts": {"test": "vitest run"}}"#;
    check_for(
        &[("package.json", package)],
        "",
        filter,
        &|_| true,
        expect![[r#"
        .: node
          test: npm run test -- -t 'two words'
    "#]],
    );
    check_for(
        &[("go.mod", ""), ("calc/a.go", "")],
        "calc/a.go",
        filter,
        &|_| true,
        expect![[r#"
        .: go
          check: go vet ./calc
          lint: golangci-lint run ./calc
          test: go test ./calc -run 'two words'
          format: gofmt -l -w calc/a.go
    "#]],
    );
    check_for(
        &[("pom.xml", ""), ("mvnw", "")],
        "",
        filter,
        &|_| true,
        expect![[r#"
        .: maven
          check: ./mvnw -B -q test-compile
          test: ./mvnw -B test -Dtest='two words'
    "#]],
    );
}

#[test]
fn several_kinds_in_one_place_are_all_found() {
    let make = "test: build\n\techo\nlint:\n\techo\nall := 1\n";
    check(
        &[("Cargo.toml", ""), ("package.json", "{}"), ("Makefile", make), ("x.py", "")],
        "",
        expect![[r#"
            .: cargo, node, make
              check: cargo check --all-targets
              lint: cargo clippy --all-targets
              test: cargo test --no-fail-fast
              format: cargo fmt
        "#]],
    );
    check(
        &[("Makefile", make), ("a.c", "")],
        "",
        expect![[r#"
        .: make
          lint: make lint
          test: make test
    "#]],
    );
    check(
        &[("justfile", "@test *args: build\n  x\nfmt:\n  x\n")],
        "",
        expect![[r#"
        .: just
          test: just test
          format: just fmt
    "#]],
    );
}

#[test]
fn the_nearest_project_is_meant_and_below_an_empty_root_all() {
    let files =
        [("web/app/package.json", "{}"), ("core/Cargo.toml", ""), ("core/sub/Cargo.toml", "")];
    check(
        &files,
        "core/sub/src",
        expect![[r#"
        core/sub: cargo
          check: cargo check --all-targets
          lint: cargo clippy --all-targets
          test: cargo test --no-fail-fast
          format: cargo fmt
    "#]],
    );
    check(
        &files,
        "",
        expect![[r#"
            core: cargo
              check: cargo check --all-targets
              lint: cargo clippy --all-targets
              test: cargo test --no-fail-fast
              format: cargo fmt
            web/app: node
        "#]],
    );
    check(&[("README.md", "")], "", expect![]);
    let files = [("docs/readme.md", ""), ("core/Cargo.toml", ""), ("parts/a/go.mod", "")];
    check(&files, "docs", expect![]);
    check(
        &files,
        "parts",
        expect![[r#"
        parts/a: go
          check: go vet ./...
          lint: golangci-lint run ./...
          test: go test ./...
          format: gofmt -l -w .
    "#]],
    );
}

#[test]
fn a_script_in_a_project_of_another_kind_is_one_by_itself() {
    let files = [
        ("Cargo.toml", ""),
        ("scripts/a.py", ""),
        ("pkg/pyproject.toml", ""),
        ("pkg/src/b.py", ""),
    ];
    check(
        &files,
        "scripts/a.py",
        expect![[r#"
        scripts: python
          check: ruff check --output-format concise --select E9,F63,F7,F82 a.py
          lint: ruff check --output-format concise a.py
          test: python3 -m pytest -q a.py
          format: black a.py
    "#]],
    );
    check(
        &files,
        "pkg/src/b.py",
        expect![[r#"
        pkg: python
          check: ruff check --output-format concise --select E9,F63,F7,F82 src/b.py
          lint: ruff check --output-format concise src/b.py
          test: python3 -m pytest -q src/b.py
          format: black src/b.py
    "#]],
    );
}

#[test]
fn other_kinds() {
    check(
        &[("CMakeLists.txt", ""), ("build/CMakeCache.txt", "")],
        "",
        expect![[r#"
        .: cmake
          check: cmake --build build
          test: cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure
    "#]],
    );
    check(
        &[("build.gradle.kts", ""), ("gradlew", "")],
        "",
        expect![[r#"
        .: gradle
          check: ./gradlew --console=plain testClasses
          lint: ./gradlew --console=plain check -x test
          test: ./gradlew --console=plain test
    "#]],
    );
    check(
        &[("App.csproj", "")],
        "",
        expect![[r#"
        .: dotnet
          check: dotnet build --nologo -v quiet
          test: dotnet test --nologo
          format: dotnet format
    "#]],
    );
    check(
        &[("Gemfile", "gem 'rspec'\ngem 'rubocop'")],
        "spec/a_spec.rb",
        expect![[r#"
        .: ruby
          lint: bundle exec rubocop --format clang spec/a_spec.rb
          test: bundle exec rspec spec/a_spec.rb
          format: bundle exec rubocop -a --format clang spec/a_spec.rb
    "#]],
    );
    check(
        &[("composer.json", "{}"), ("phpunit.xml", ""), ("vendor/bin/phpunit", "")],
        "",
        expect![[r#"
        .: php
          test: vendor/bin/phpunit
    "#]],
    );
    check(
        &[("run.sh", "")],
        "",
        expect![[r#"
        .: shell
          lint: shellcheck -f gcc *.sh
    "#]],
    );
}

#[test]
fn a_word_is_one_word_to_a_shell() {
    assert_eq!(quoted("src/a.rs"), "src/a.rs");
    assert_eq!(quoted("it's $(x)"), r"'it'\''s $(x)'");
    assert_eq!(quoted(""), "''");
}
