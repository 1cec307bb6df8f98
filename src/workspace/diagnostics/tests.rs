//! What real programs printed, and what is understood of it.

use std::path::Path;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// An output that was kept in `tests/data/diagnostics`.
macro_rules! kept {
    ($name:literal) => {
        include_str!(concat!("../../../tests/data/diagnostics/", $name, ".txt"))
    };
}

#[track_caller]
fn check(output: &str, expected: Expect) {
    let mut found = understand(output);
    let names = |it: &Path| !it.starts_with("example.org") && !it.starts_with("sample");
    let resolve = Resolve { root: Path::new("/proj"), ran_in: Path::new(""), exists: &names };
    resolve.apply(&mut found);
    expected.assert_eq(&shown(&found));
}

fn shown(found: &Findings) -> String {
    let mut text = String::new();
    if let Some(tally) = found.tally {
        text += &format!("{} failed, {} passed\n", tally.failed, tally.passed);
    }
    found.diagnostics.iter().for_each(|it| text += &format!("{it}\n"));
    found.tests.iter().for_each(|it| text += &format!("{it}\n"));
    text
}

#[test]
fn errors_of_rustc_have_their_label() {
    check(
        kept!("rustc"),
        expect![[r#"
        src/lib.rs:3:9: error[E0308] mismatched types: expected `i32`, found `u64`
        src/lib.rs:3:7: error[E0277] cannot add `u64` to `i32`: no implementation for `i32 + u64`
        src/lib.rs:7:24: error[E0308] mismatched types: expected `String`, found `&str`
        src/lib.rs:8:5: error[E0425] cannot find function `missing` in this scope: not found in this scope
    "#]],
    );
}

#[test]
fn rustc_says_the_same_in_its_other_forms() {
    check(
        kept!("rustc_short"),
        expect![[r#"
        src/lib.rs:3:9: error[E0308] mismatched types: expected `i32`, found `u64`
        src/lib.rs:3:7: error[E0277] cannot add `u64` to `i32`: no implementation for `i32 + u64`
        src/lib.rs:7:24: error[E0308] mismatched types: expected `String`, found `&str`
        src/lib.rs:8:5: error[E0425] cannot find function `missing` in this scope: not found in this scope
    "#]],
    );
    check(
        kept!("rustc_json"),
        expect![[r#"
        src/lib.rs:3:9: error[E0308] mismatched types: expected `i32`, found `u64`
        src/lib.rs:3:7: error[E0277] cannot add `u64` to `i32`: no implementation for `i32 + u64`
    "#]],
    );
}

#[test]
fn a_syntax_error_of_rust() {
    check(
        kept!("rustc_syntax"),
        expect![[r#"
        src/lib.rs:1:15: error this file contains an unclosed delimiter
    "#]],
    );
}

#[test]
fn lints_of_clippy_have_their_name() {
    check(
        kept!("clippy"),
        expect![[r#"
        src/lib.rs:2:9: warning[unused_variables] unused variable: `unused`
        src/lib.rs:7:5: warning[clippy::needless_return] unneeded `return` statement
        src/lib.rs:7:12: warning[clippy::unnecessary_cast] casting to the same type is unnecessary (`usize` -> `usize`)
    "#]],
    );
}

#[test]
fn tests_of_cargo_say_where_they_panicked() {
    check(
        kept!("cargo_test"),
        expect![[r#"
        3 failed, 1 passed
        src/lib.rs:2:9: warning[unused_variables] unused variable: `unused`
        FAILED tests::it_is_some
          Error: "went wrong"
        FAILED tests::it_panics
          note: test did not panic as expected at src/lib.rs:26:8
        FAILED tests::it_adds (src/lib.rs:16)
          assertion `left == right` failed: one and two
            left: -1
           right: 3
    "#]],
    );
}

#[test]
fn gcc_and_the_linker() {
    check(
        kept!("gcc"),
        expect![[r#"
        b.c:2:35: error ‘y’ undeclared (first use in this function)
        b.c:2:20: warning[-Wunused-variable] unused variable ‘unused’
        b.c:3:27: warning[-Wformat=] format ‘%s’ expects argument of type ‘char *’, but argument 2 has type ‘int’
        b.c:3:48: error expected ‘;’ before ‘}’ token
        b.c:2:42: warning[-Wreturn-type] control reaches end of non-void function
        a.c:2:10: error nope.h: No such file or directory
    "#]],
    );
    check(
        kept!("ld"),
        expect![[r#"
        l.c: error undefined reference to `f'
    "#]],
    );
}

#[test]
fn javac_names_its_lints() {
    check(
        kept!("javac"),
        expect![[r#"
        Main.java:3: error incompatible types: String cannot be converted to int
        Main.java:4: error cannot find symbol
          symbol:   method undefined()
          location: class Main
        Main.java:4: warning[rawtypes] found raw type: List
        Main.java:4: warning[rawtypes] found raw type: ArrayList
        Main.java:4: warning[unchecked] unchecked call to add(E) as a member of the raw type List
    "#]],
    );
}

#[test]
fn mypy_with_and_without_a_terminal() {
    check(
        kept!("mypy"),
        expect![[r#"
        calc.py:10: error[return-value] Incompatible return value type (got "float", expected "str")
    "#]],
    );
    check(
        kept!("mypy_pretty"),
        expect![[r#"
        calc.py:10:12: error[return-value] Incompatible return value type (got "float", expected "str")
    "#]],
    );
}

#[test]
fn all_forms_of_ruff_say_the_same() {
    check(
        kept!("ruff_concise"),
        expect![[r#"
        calc.py:1:8: warning[F401] `os` imported but unused
        calc.py:2:8: warning[F401] `sys` imported but unused
        tests/test_calc.py:1:1: warning[I001] Import block is un-sorted or un-formatted
    "#]],
    );
    check(
        kept!("ruff_full"),
        expect![[r#"
        calc.py:1:8: warning[F401] `os` imported but unused
        calc.py:2:8: warning[F401] `sys` imported but unused
        tests/test_calc.py:1:1: warning[I001] Import block is un-sorted or un-formatted
    "#]],
    );
    check(
        kept!("ruff_json"),
        expect![[r#"
        calc.py:1:8: warning[F401] `os` imported but unused
        calc.py:2:8: warning[F401] `sys` imported but unused
        tests/test_calc.py:1:1: warning[I001] Import block is un-sorted or un-formatted
    "#]],
    );
    check(
        kept!("ruff_syntax"),
        expect![[r#"
        bad.py:1:7: error[invalid-syntax] Expected a parameter or the end of the parameter list
        bad.py:1:8: error[invalid-syntax] Expected `)`, found newline
    "#]],
    );
}

#[test]
fn pyright_says_the_same_as_json() {
    check(
        kept!("pyright"),
        expect![[r#"
        calc.py:10:12: error[reportReturnType] Type "float" is not assignable to return type "str"
           "float" is not assignable to "str"
        tests/test_calc.py:1:8: error[reportMissingImports] Import "pytest" could not be resolved
    "#]],
    );
    check(
        kept!("pyright_json"),
        expect![[r#"
        calc.py:10:12: error[reportReturnType] Type "float" is not assignable to return type "str"
            "float" is not assignable to "str"
        tests/test_calc.py:1:8: error[reportMissingImports] Import "pytest" could not be resolved
    "#]],
    );
}

#[test]
fn pytest_with_its_tracebacks() {
    check(
        kept!("pytest"),
        expect![[r#"
        7 failed, 3 passed
        FAILED tests/test_calc.py::test_add (tests/test_calc.py:6)
          assert -1 == 3
           +  where -1 = add(1, 2)
        FAILED tests/test_calc.py::TestHalf::test_half (calc.py:10)
          ZeroDivisionError: division by zero
        FAILED tests/test_calc.py::TestHalf::test_some[2] (tests/test_calc.py:15)
          AssertionError: only one
          assert 2 == 1
        FAILED u/test_unit.py::Sums::test_boom (u/test_unit.py:9)
          ValueError: boom
        FAILED u/test_unit.py::Sums::test_sub (u/test_unit.py:13)
          AssertionError: False is not true
        FAILED u/test_unit.py::Sums::test_sum (u/test_unit.py:6)
          AssertionError: 2 != 3 : sums
        FAILED tests/test_calc.py::test_error (tests/test_calc.py:24)
          RuntimeError: no fixture
    "#]],
    );
}

#[test]
fn pytest_with_less() {
    check(
        kept!("pytest_short"),
        expect![[r#"
        7 failed, 3 passed
        FAILED tests/test_calc.py::test_add (tests/test_calc.py:6)
          assert -1 == 3
           +  where -1 = add(1, 2)
        FAILED tests/test_calc.py::TestHalf::test_half (calc.py:10)
          ZeroDivisionError: division by zero
        FAILED tests/test_calc.py::TestHalf::test_some[2] (tests/test_calc.py:15)
          AssertionError: only one
          assert 2 == 1
        FAILED u/test_unit.py::Sums::test_boom (u/test_unit.py:9)
          ValueError: boom
        FAILED u/test_unit.py::Sums::test_sub (u/test_unit.py:13)
          AssertionError: False is not true
        FAILED u/test_unit.py::Sums::test_sum (u/test_unit.py:6)
          AssertionError: 2 != 3 : sums
        FAILED tests/test_calc.py::test_error (tests/test_calc.py:24)
          RuntimeError: no fixture
    "#]],
    );
    check(
        kept!("pytest_none"),
        expect![[r#"
        7 failed, 3 passed
        FAILED tests/test_calc.py::test_add (tests/test_calc.py)
          assert -1 == 3
        FAILED tests/test_calc.py::TestHalf::test_half (tests/test_calc.py)
          ZeroDivisionError: division by zero
        FAILED tests/test_calc.py::TestHalf::test_some[2] (tests/test_calc.py)
          AssertionError: only one
        FAILED u/test_unit.py::Sums::test_boom (u/test_unit.py)
          ValueError: boom
        FAILED u/test_unit.py::Sums::test_sub (u/test_unit.py)
          AssertionError: False is not true
        FAILED u/test_unit.py::Sums::test_sum (u/test_unit.py)
          AssertionError: 2 != 3 : sums
        FAILED tests/test_calc.py::test_error (tests/test_calc.py)
          RuntimeError: no fixture
    "#]],
    );
    check(
        kept!("pytest_collect"),
        expect![[r#"
        1 failed, 0 passed
        FAILED tests/test_bad.py (tests/test_bad.py:1)
          ModuleNotFoundError: No module named 'nowhere'
    "#]],
    );
}

#[test]
fn unittest_names_its_tests() {
    check(
        kept!("unittest"),
        expect![[r#"
        3 failed, 0 passed
        FAILED test_boom (u.test_unit.Sums.test_boom) (u/test_unit.py:9)
          ValueError: boom
        FAILED test_sub (u.test_unit.Sums.test_sub) (n=1) (u/test_unit.py:13)
          AssertionError: False is not true
        FAILED test_sum (u.test_unit.Sums.test_sum) (u/test_unit.py:6)
          AssertionError: 2 != 3 : sums
    "#]],
    );
}

#[test]
fn a_file_that_python_cannot_read() {
    check(
        kept!("py_c"),
        expect![[r#"
        bad.py:1: error[SyntaxError] invalid syntax
    "#]],
    );
    check(
        kept!("py_compile"),
        expect![[r#"
        bad.py:1: error[SyntaxError] invalid syntax
    "#]],
    );
    check(
        kept!("compileall"),
        expect![[r#"
        bad.py:1: error[SyntaxError] invalid syntax
    "#]],
    );
}

#[test]
fn eslint_says_the_same_as_json() {
    check(
        kept!("eslint_stylish"),
        expect![[r#"
        src/a.js:1:7: warning[no-unused-vars] 'x' is assigned a value but never used
        src/a.js:1:12: error[semi] Missing semicolon
        src/a.js:2:10: warning[no-unused-vars] 'f' is defined but never used
        src/a.js:2:23: error[no-undef] 'y' is not defined
        src/b.js:1:1: error Parsing error: The keyword 'let' is reserved
    "#]],
    );
    check(
        kept!("eslint_json"),
        expect![[r#"
        src/a.js:1:7: warning[no-unused-vars] 'x' is assigned a value but never used.
        src/a.js:1:12: error[semi] Missing semicolon.
        src/a.js:2:10: warning[no-unused-vars] 'f' is defined but never used.
        src/a.js:2:23: error[no-undef] 'y' is not defined.
        src/b.js:1:1: error Parsing error: The keyword 'let' is reserved
    "#]],
    );
}

#[test]
fn the_compiler_of_typescript() {
    check(
        kept!("tsc"),
        expect![[r#"
        src/c.ts:1:7: error[TS2322] Type 'string' is not assignable to type 'number'.
        src/c.ts:3:12: error[TS2339] Property 'b' does not exist on type '{ a: string; }'.
        src/c.ts:5:5: error[TS2322] Type 'number' is not assignable to type 'string'.
    "#]],
    );
    check(
        kept!("tsc_pretty"),
        expect![[r#"
        src/c.ts:1:7: error[TS2322] Type 'string' is not assignable to type 'number'.
        src/c.ts:3:12: error[TS2339] Property 'b' does not exist on type '{ a: string; }'.
        src/c.ts:5:5: error[TS2322] Type 'number' is not assignable to type 'string'.
    "#]],
    );
}

#[test]
fn a_file_that_node_cannot_read() {
    check(
        kept!("node_check"),
        expect![[r#"
        src/b.js:1:7: error[SyntaxError] Unexpected token '='
    "#]],
    );
}

#[test]
fn tests_of_node() {
    check(
        kept!("node_test_tap"),
        expect![[r#"
        2 failed, 1 passed
        FAILED adds (t/sum.test.js:3)
          Expected values to be strictly equal:
          2 !== 3
        FAILED group > throws (t/sum.test.js:5)
          boom
    "#]],
    );
    check(
        kept!("node_test_spec"),
        expect![[r#"
        2 failed, 1 passed
        FAILED adds (t/sum.test.js:3)
          AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:
          2 !== 3
        FAILED throws (t/sum.test.js:5)
          Error: boom
    "#]],
    );
}

#[test]
fn jest_names_its_tests() {
    check(
        kept!("jest"),
        expect![[r#"
        2 failed, 1 passed
        FAILED adds (j/sum.test.js:2)
          expect(received).toBe(expected) // Object.is equality
          Expected: 3
          Received: 2
        FAILED group › throws (j/sum.test.js:5)
          boom
    "#]],
    );
}

#[test]
fn vitest_names_its_tests() {
    check(
        kept!("vitest"),
        expect![[r#"
        2 failed, 1 passed
        FAILED v/sum.test.mjs > adds (v/sum.test.mjs:3)
          AssertionError: expected 2 to be 3 // Object.is equality
          - Expected
          + Received
          - 3
          + 2
        FAILED v/sum.test.mjs > group > throws (v/sum.test.mjs:6)
          Error: boom
    "#]],
    );
}

#[test]
fn mocha_names_its_tests() {
    check(
        kept!("mocha"),
        expect![[r#"
        2 failed, 1 passed
        FAILED group adds (m/sum.js:3)
          AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:
          2 !== 3
          + expected - actual
          -2
          +3
        FAILED group throws (m/sum.js:4)
          Error: boom
    "#]],
    );
}

#[test]
fn the_compiler_of_go() {
    check(
        kept!("go_build"),
        expect![[r#"
        calc/sub.go:3:8: error imported and not used: "os"
        calc/sub.go:6:9: error undefined: undefined
    "#]],
    );
    check(
        kept!("go_vet"),
        expect![[r#"
        calc/calc.go:6:2: error fmt.Printf format %d has arg "x" of wrong type string
    "#]],
    );
    check(
        kept!("go_syntax"),
        expect![[r#"
        calc/sub.go:2:9: error syntax error: unexpected {, expecting )
    "#]],
    );
    check(
        kept!("gofmt"),
        expect![[r#"
        calc/sub.go:2:9: error expected ')', found '{'
        calc/sub.go:2:11: error expected ')', found 'EOF'
        calc/sub.go:2:11: error expected ';', found 'EOF'
        calc/sub.go:2:11: error missing ',' in parameter list
    "#]],
    );
    check(
        kept!("go_test_build"),
        expect![[r#"
        calc/sub.go:3:8: error imported and not used: "os"
        calc/sub.go:6:9: error undefined: undefined
    "#]],
    );
}

#[test]
fn tests_of_go() {
    check(
        kept!("go_test"),
        expect![[r#"
        4 failed, 0 passed
        FAILED TestAdd (calc/calc_test.go:7)
          Add(1, 2) = -1, want 3
        FAILED TestTable/one (calc/calc_test.go:12)
          not one
        FAILED TestPanic (calc/calc_test.go:18)
          panic: assignment to entry in nil map [recovered]
    "#]],
    );
    check(
        kept!("go_test_json"),
        expect![[r#"
        4 failed, 1 passed
        FAILED TestAdd (calc/calc_test.go:7)
          Add(1, 2) = -1, want 3
        FAILED TestTable/one (calc/calc_test.go:12)
          not one
        FAILED TestPanic (calc/calc_test.go:18)
          panic: assignment to entry in nil map [recovered]
    "#]],
    );
}

#[test]
fn shells_and_shellcheck() {
    check(
        kept!("shellcheck_gcc"),
        expect![[r#"
        s.sh:3:6: note[SC2086] Double quote to prevent globbing and word splitting.
        s.sh:3:9: warning[SC3014] In POSIX sh, == in place of = is undefined.
        s.sh:4:8: note[SC2086] Double quote to prevent globbing and word splitting.
        s.sh:6:1: note[SC2012] Use find instead of ls to better handle non-alphanumeric filenames.
        s.sh:6:4: note[SC2035] Use ./*glob* or -- *glob* so names with dashes won't become options.
        s.sh:6:18: note[SC2162] read without -r will mangle backslashes.
    "#]],
    );
    check(
        kept!("shellcheck_tty"),
        expect![[r#"
        s.sh:3:6: note[SC2086] Double quote to prevent globbing and word splitting.
        s.sh:3:9: warning[SC3014] In POSIX sh, == in place of = is undefined.
        s.sh:4:8: note[SC2086] Double quote to prevent globbing and word splitting.
        s.sh:6:1: note[SC2012] Use find instead of ls to better handle non-alphanumeric filenames.
        s.sh:6:4: note[SC2035] Use ./*glob* or -- *glob* so names with dashes won't become options.
        s.sh:6:18: note[SC2162] read without -r will mangle backslashes.
    "#]],
    );
    check(
        kept!("shellcheck_json"),
        expect![[r#"
        s.sh:3:6: note[SC2086] Double quote to prevent globbing and word splitting.
        s.sh:3:9: warning[SC3014] In POSIX sh, == in place of = is undefined.
        s.sh:4:8: note[SC2086] Double quote to prevent globbing and word splitting.
        s.sh:6:1: note[SC2012] Use find instead of ls to better handle non-alphanumeric filenames.
        s.sh:6:4: note[SC2035] Use ./*glob* or -- *glob* so names with dashes won't become options.
        s.sh:6:18: note[SC2162] read without -r will mangle backslashes.
    "#]],
    );
    check(
        kept!("bash_n"),
        expect![[r#"
        bad.sh:4: error syntax error: unexpected end of file
    "#]],
    );
}

#[test]
fn ruby_and_its_tests() {
    check(
        kept!("rspec"),
        expect![[r#"
        2 failed, 1 passed
        FAILED add adds (spec/calc_spec.rb:4)
          Failure/Error: expect(add(1, 2)).to eq(3)
            expected: 3
                 got: -1
            (compared using ==)
        FAILED add fails (spec/calc_spec.rb:7)
          Failure/Error: raise "boom"
          RuntimeError:
            boom
    "#]],
    );
    check(
        kept!("minitest"),
        expect![[r#"
        2 failed, 0 passed
        FAILED TestAdd#test_add (mini_test.rb:4)
          Expected: 3
            Actual: -1
        FAILED TestAdd#test_boom (mini_test.rb:7)
          RuntimeError: boom
    "#]],
    );
    check(
        kept!("rubocop"),
        expect![[r#"
        calc.rb:1:1: note[Style/FrozenStringLiteralComment] Missing frozen string literal comment.
        calc.rb:1:9: note[Naming/MethodParameterName] Method parameter must be at least 3 characters long.
        calc.rb:1:12: note[Naming/MethodParameterName] Method parameter must be at least 3 characters long.
        calc.rb:2:3: warning[Lint/UselessAssignment] Useless assignment to variable - x.
    "#]],
    );
    check(
        kept!("ruby_c"),
        expect![[r#"
        bad.rb:2: error syntax error, unexpected integer literal, expecting ')'
    "#]],
    );
}

#[test]
fn php_and_its_tests() {
    check(
        kept!("php_l"),
        expect![[r#"
        bad.php:2: error syntax error, unexpected token "{", expecting variable
    "#]],
    );
    check(
        kept!("phpunit"),
        expect![[r#"
        2 failed, 1 passed
        FAILED CalcTest::testBoom (CalcTest.php:5)
          RuntimeException: boom
        FAILED CalcTest::testAdd (CalcTest.php:4)
          Failed asserting that -1 is identical to 3.
    "#]],
    );
}

#[test]
fn maven_and_gradle() {
    check(
        "[INFO] Compiling 1 source file\n\
         [ERROR] /proj/src/main/java/org/example/Calc.java:[3,22] incompatible types: String cannot be converted to int\n\
         [ERROR] Failed to execute goal",
        expect![[r#"
            src/main/java/org/example/Calc.java:3:22: error incompatible types: String cannot be converted to int
        "#]],
    );
    check(
        "[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.05 s <<< FAILURE! -- in org.example.CalcTest\n\
         [ERROR] org.example.CalcTest.adds -- Time elapsed: 0.01 s <<< FAILURE!\n\
         org.opentest4j.AssertionFailedError: expected: <3> but was: <-1>\n\
         \tat org.junit.jupiter.api.AssertionUtils.fail(AssertionUtils.java:55)\n\
         \tat org.example.CalcTest.adds(CalcTest.java:10)\n\
         \n\
         [INFO] Results:\n\
         [ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0\n",
        expect![[r#"
            1 failed, 1 passed
            FAILED org.example.CalcTest.adds (CalcTest.java:10)
              org.opentest4j.AssertionFailedError: expected: <3> but was: <-1>
        "#]],
    );
    check(
        "> Task :test FAILED\n\nCalcTest > adds() FAILED\n    org.opentest4j.AssertionFailedError: expected: <3> but was: <-1>\n        at app//org.example.CalcTest.adds(CalcTest.java:10)\n\n2 tests completed, 1 failed\n",
        expect![[r#"
            FAILED CalcTest > adds() (CalcTest.java:10)
              org.opentest4j.AssertionFailedError: expected: <3> but was: <-1>
        "#]],
    );
}

#[test]
fn dotnet_builds_and_tests() {
    check(
        "/proj/Program.cs(3,9): error CS0103: The name 'x' does not exist in the current context [/proj/sample.csproj]\n",
        expect![[r#"
            Program.cs:3:9: error[CS0103] The name 'x' does not exist in the current context
        "#]],
    );
    check(
        "  Failed Sample.CalcTest.Adds [12 ms]\n  Error Message:\n   Assert.Equal() Failure\nExpected: 3\nActual:   -1\n  Stack Trace:\n     at Sample.CalcTest.Adds() in /proj/CalcTest.cs:line 10\n\nFailed!  - Failed:     1, Passed:     2, Skipped:     0, Total:     3, Duration: 5 ms\n",
        expect![[r#"
            1 failed, 2 passed
            FAILED Sample.CalcTest.Adds (CalcTest.cs:10)
                 Assert.Equal() Failure
              Expected: 3
              Actual:   -1
        "#]],
    );
}

#[test]
fn cmake_and_ctest() {
    check(
        "CMake Error at CMakeLists.txt:3 (add_executable):\n  Cannot find source file:\n\n    nope.c\n\n\nCMake Error: cannot generate\n",
        expect![[r#"
            CMakeLists.txt:3: error Cannot find source file: nope.c
        "#]],
    );
    check(
        "1/2 Test #1: adds ....***Failed\n\n50% tests passed, 1 tests failed out of 2\n\nThe following tests FAILED:\n\t  1 - adds (Failed)\nErrors while running CTest\n",
        expect![[r#"
            1 failed, 1 passed
            FAILED adds
              Failed
        "#]],
    );
}

#[test]
fn what_has_no_known_form_is_left_alone() {
    check("", expect![""]);
    check("hello\n12:30:45 started\nhttp://localhost:8080/ is up\nerror: no\n", expect![""]);
    check("a note: see src/lib.rs:3:5\nat 10:20 all went well\n", expect![""]);
}

#[test]
fn colours_are_not_part_of_a_message() {
    check(
        "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: broken\n \u{1b}[34m-->\u{1b}[0m src/a.rs:1:2\r\n\u{1b}]8;;x\u{7}\n",
        expect![[r#"
            src/a.rs:1:2: error broken
        "#]],
    );
}

#[test]
fn a_place_is_spoken_for_once() {
    check(
        "src/a.rs:1:2: error[E1]: broken\nsrc/a.rs:1:2: error[E1]: broken\n",
        expect![[r#"
            src/a.rs:1:2: error[E1] broken
        "#]],
    );
}

#[test]
fn a_path_is_found_from_where_the_program_ran() {
    let exists =
        |it: &Path| ["part/src/a.rs", "calc/a_test.go"].iter().any(|one| it == Path::new(one));
    let path = |printed: &str, ran_in: &str| {
        let mut found = Findings::default();
        found.tests.push(FailedTest { file: printed.to_owned(), ..FailedTest::default() });
        let ran_in = Path::new(ran_in);
        Resolve { root: Path::new("/proj"), ran_in, exists: &exists }.apply(&mut found);
        found.tests.remove(0).file
    };
    assert_eq!(path("src/a.rs", "part"), "part/src/a.rs");
    assert_eq!(path("part/src/a.rs", "part"), "part/src/a.rs");
    assert_eq!(path("./src/../src/a.rs", "part"), "part/src/a.rs");
    assert_eq!(path("example.org/sample/calc/a_test.go", ""), "calc/a_test.go");
    assert_eq!(path("/proj/part/src/a.rs", "part"), "part/src/a.rs");
    assert_eq!(path("/usr/include/stdio.h", ""), "/usr/include/stdio.h");
    assert_eq!(path("../../etc/x.c", ""), "../../etc/x.c");
}

/// Lines that mean something to one format or another.
fn pieces() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "error[E0308]: x",
        " --> a.rs:1:2",
        "test a ... FAILED",
        "---- a stdout ----",
        "failures:",
        "TAP version 13",
        "not ok 1 - a",
        "  ---",
        "  ...",
        "# Subtest: a",
        "--- FAIL: A (0.0s)",
        "FAIL\tp/q\t0.1s",
        "=====",
        "FAIL: a (b)",
        "Ran 1 tests",
        "____ a ____",
        "E   x",
        "FAILED a.py::b - c",
        "1 failed in 0.1s",
        "  ● a",
        "FAIL a.js",
        " FAIL  a",
        "⎯⎯",
        "✖ a",
        "  1) a",
        "  1 failing",
        "a.c:1:2: error: x [-W]",
        "In a.sh line 3:",
        "^-- SC1 (info): x",
        "\u{1b}[31m",
        "{",
        "[",
        "[{\"filename\":1}]",
        "  File \"a\", line 1",
        "é:1:1: error: é [é]",
        "a(1,2): error X: y",
        "Tests: 1, Assertions: 1",
        "1) A::b",
        "2 runs, 1 f, 1 e",
        "",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "\\PC{0,12}"]
}

proptest! {
    #[test]
    fn no_output_is_too_odd(lines in prop::collection::vec(pieces(), 0..24)) {
        let found = understand(&lines.join("\n"));
        let _ = shown(&found);
    }
}

/// A heading before each line is where a format could look at all that follows again and again; it
/// would show in how long the tests take.
#[test]
fn a_long_output_is_read_once() {
    for line in [
        "error: x",
        "not ok 1\n---",
        "  1) a\n  1 failing",
        "[",
        "Ran 1",
        "--- FAIL: a (0)",
        "a.c:1:1: error: x",
        "✖ a",
        "CMake Error at a:1",
        "FAIL: a\n=====",
    ] {
        let output = format!("TAP version 13\n{line}\n").repeat(100_000 / (line.len() + 16));
        let _ = understand(&output);
    }
}
