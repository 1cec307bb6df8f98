//! A little of each language, and what of it is on the map.

use std::path::Path;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn read(file: &str, text: &str) -> Source {
    Source::read(text, Language::of(Path::new(file)).unwrap())
}

#[track_caller]
fn check(file: &str, text: &str, expected: Expect) {
    let found = read(file, text);
    let shown =
        found.definitions.iter().map(|it| format!("{} {}: {}\n", it.line, it.name, it.signature));
    let program = if found.is_program { "a program\n" } else { "" };
    expected.assert_eq(&(shown.collect::<String>() + program));
}

#[test]
fn rust() {
    check(
        "a.rs",
        r#"use std::{fmt, io};
/// fn not_this() {}
#[derive(Debug)]
pub(crate) struct Shelf<'a, const N: usize> { pub books: Vec<&'static str>, raw: *const Book }
struct Unit;
impl<'a> Shelf<'a, 3> {
    pub fn add(&mut self, title: &'static str) -> Result<(), io::Error> where Self: Sized {
        fn inner() {}
        let s = "fn fake() {";
        Ok(())
    }
}
pub trait Read { type Out; fn read(&self) -> Self::Out; }
pub const fn most() -> usize { 3 }
static MOST: usize = 3;
macro_rules! shelf { ($x:expr) => { fn made() {} }; }
fn main() {}
#[cfg(test)]
mod tests { fn helper() {} }
"#,
        expect![[r#"
            4 Shelf: pub(crate) struct Shelf<'a, const N: usize> { pub books: Vec<&'static str>, raw: *const Book }
            5 Unit: struct Unit
            7 add: pub fn add(&mut self, title: &'static str) -> Result<(), io::Error> where Self: Sized
            13 Read: pub trait Read { type Out; fn read(&self) -> Self::Out; }
            13 read: pub trait Read { type Out; fn read(&self) -> Self::Out; }
            14 most: pub const fn most() -> usize { 3 }
            15 MOST: static MOST: usize = 3
            16 shelf: macro_rules! shelf { ($x:expr) => { fn made() {} }; }
            17 main: fn main() {}
            a program
        "#]],
    );
}

#[test]
fn python() {
    check(
        "a.py",
        "class Shelf:\n    \"\"\"def no(): \"\"\"\n    def add(self, book):\n        def inner(): pass\n        \
         class Local: pass\n\n    @property\n    async def size(self) -> int:\n        return 1\n\n\
         def top(\n    a,\n): ...\nif __name__ == '__main__':\n    top()\n",
        expect![[r#"
            1 Shelf: class Shelf:
            3 add: def add(self, book):
            8 size: async def size(self) -> int:
            11 top: def top(
            a program
        "#]],
    );
}

#[test]
fn ruby() {
    check(
        "a.rb",
        "module Library\n  class Shelf\n    def self.open(path)\n    end\n    def add(book)\n    end\n  end\nend\n",
        expect![[r#"
            1 Library: module Library
            2 Shelf: class Shelf
            3 open: def self.open(path)
            5 add: def add(book)
        "#]],
    );
}

#[test]
fn javascript_and_typescript() {
    check(
        "a.ts",
        r"import type Foo from './foo'
import { type Bar, baz } from './bar'
export interface Shelf<T> { add(book: T): void; readonly size: number }
export type Title = string | { text: string }
const limit = 3
export const open = async (path: string): Promise<Shelf<string>> => {
  const local = 1
  function inner() {}
}
export default class Library extends Base {
  static kind = 'x'
  constructor(private path: string) { super() }
  get size(): number { return 1 }
  async load(name: string) { if (name) { other() } }
  static make() { return new Library('`') }
}
export function* walk() {}
describe('it', () => { function hidden() {} })
enum Color { Red }
namespace Deep { export function below() {} }
",
        expect![[r#"
            3 Shelf: export interface Shelf<T> { add(book: T): void; readonly size: number }
            4 Title: export type Title = string | { text: string }
            5 limit: const limit = 3
            6 open: export const open = async (path: string): Promise<Shelf<string>> =>
            10 Library: export default class Library extends Base
            11 kind: static kind = 'x'
            13 size: get size(): number { return 1 }
            14 load: async load(name: string) { if (name) { other() } }
            15 make: static make() { return new Library('`') }
            17 walk: export function* walk() {}
            19 Color: enum Color { Red }
            20 below: namespace Deep { export function below() {} }
        "#]],
    );
}

#[test]
fn go() {
    check(
        "a.go",
        "package main\n\nimport (\n\t\"fmt\"\n)\n\ntype Shelf struct {\n\tbooks []string\n\tdone func(int)\n\tnext Other\n}\n\n\
         type Reader interface {\n\tRead(p []byte) (int, error)\n}\n\nfunc (s *Shelf) Add(b string) error {\n\tx := func() {}\n\treturn nil\n}\n\n\
         func Map[T any](in []T) []T { return in }\n\nvar limit = 3\nconst Most = `func no() {`\n\nfunc main() {\n}\n",
        expect![[r#"
            7 Shelf: type Shelf struct
            13 Reader: type Reader interface
            17 Add: func (s *Shelf) Add(b string) error
            22 Map: func Map[T any](in []T) []T { return in }
            24 limit: var limit = 3
            25 Most: const Most = `func no() {`
            27 main: func main()
            a program
        "#]],
    );
}

#[test]
fn java() {
    check(
        "a.java",
        r#"package a.b;
import java.util.List;
@Entity("x")
public class Shelf<T extends Book> implements Iterable<T> {
    private final List<T> books = new ArrayList<>() { { add(null); } };
    public Shelf(List<T> books) { this.books = books; }
    @Get("/x") public static <U> U first(List<U> all) throws IOException {
        for (U it : all) { return it; }
        new Thread() { public void run() {} };
    }
    enum Kind { A, B }
    record Pair(int a, int b) {}
    public static void main(String[] args) {}
}
"#,
        expect![[r#"
            4 Shelf: public class Shelf<T extends Book> implements Iterable<T>
            6 Shelf: public Shelf(List<T> books) { this.books = books; }
            7 first: @Get("/x") public static <U> U first(List<U> all) throws IOException
            11 Kind: enum Kind { A, B }
            12 Pair: record Pair(int a, int b) {}
            13 main: public static void main(String[] args) {}
            a program
        "#]],
    );
}

#[test]
fn c_sharp() {
    check(
        "a.cs",
        "using System;\nnamespace Library {\n    [Serializable(1)]\n    public sealed class Shelf<T> where T : class {\n        \
         public int Size { get; set; }\n        public async Task<int> Add(T book) { if (book != null) { } return 1; }\n    }\n}\n",
        expect![[r#"
            4 Shelf: public sealed class Shelf<T> where T : class
            6 Add: public async Task<int> Add(T book) { if (book != null) { } return 1; }
        "#]],
    );
}

#[test]
fn c() {
    check(
        "a.c",
        r#"#include <stdio.h>
#define MOST 3
#define EACH(x, y) \
    for (x = 0; x < y; x++) {
typedef struct shelf { int books[MOST]; } shelf_t;
typedef unsigned long size;
enum color { RED = 1, GREEN };
static struct shelf *make_shelf(int size);
static struct shelf *
make_shelf(int size)
{
    struct shelf s = { 0 };
    if (size) { return NULL; }
}
int table[] = { 1, 2 };
int main(int argc, char **argv) { return 0; }
"#,
        expect![[r#"
            2 MOST: #define MOST 3
            3 EACH: #define EACH(x, y) \
            5 shelf: typedef struct shelf { int books[MOST]; } shelf_t
            5 shelf_t: typedef struct shelf { int books[MOST]; } shelf_t
            6 size: typedef unsigned long size
            7 color: enum color { RED = 1, GREEN }
            10 make_shelf: make_shelf(int size)
            16 main: int main(int argc, char **argv) { return 0; }
            a program
        "#]],
    );
}

#[test]
fn c_plus_plus() {
    check(
        "a.cpp",
        r#"extern "C" { int plain(void) { return 1; } }
namespace library {
template <class T> class EXPORT Shelf final : public Base<T> {
 public:
  explicit Shelf(int a) : a_(a), b_{2} {}
  int size() const override { return a_; }
};
template <typename T> T Shelf<T>::first(const T& a) noexcept { return a; }
enum class Color { Red };
}
"#,
        expect![[r#"
            1 plain: extern "C" { int plain(void) { return 1; } }
            3 Shelf: template <class T> class EXPORT Shelf final : public Base<T>
            5 Shelf: explicit Shelf(int a) : a_(a), b_{2} {}
            6 size: int size() const override { return a_; }
            8 first: template <typename T> T Shelf<T>::first(const T& a) noexcept { return a; }
            9 Color: enum class Color { Red }
        "#]],
    );
}

#[test]
fn kotlin_swift_and_php() {
    check(
        "a.kt",
        "data class Shelf(val books: List<String>) {\n    fun size() = books.size\n    companion object {\n        fun empty(): Shelf { return Shelf(listOf()) }\n    }\n}\nfun main() {}\n",
        expect![[r#"
            1 Shelf: data class Shelf(val books: List<String>)
            2 size: fun size() = books.size
            4 empty: fun empty(): Shelf { return Shelf(listOf()) }
            7 main: fun main() {}
            a program
        "#]],
    );
    check(
        "a.swift",
        "public struct Shelf: Codable {\n    var size: Int { books.count }\n    func add(_ book: Book) -> Bool {\n        let x = 1\n        return true\n    }\n}\n",
        expect![[r#"
            1 Shelf: public struct Shelf: Codable
            2 size: var size: Int { books.count }
            3 add: func add(_ book: Book) -> Bool
        "#]],
    );
    check(
        "a.php",
        "<?php\nnamespace App;\nuse function a\\b;\n# class No {}\n#[Route('/x')]\nfinal class Shelf {\n    const MOST = 3;\n    public function add(string $book): void { $f = function () {}; }\n}\n",
        expect![[r#"
            6 Shelf: final class Shelf
            7 MOST: const MOST = 3
            8 add: public function add(string $book): void { $f = function () {}; }
        "#]],
    );
}

#[test]
fn what_may_be_a_name_of_the_project_is_counted() {
    let text =
        "fn open() { open(shelf); /* Shelf */ \"Shelf\"; Shelf::new_one(x.open(), x.add_one()) }";
    let found = read("a.rs", text);
    let weight = |name| found.uses.iter().find(|it| it.0 == Name::of(name)).map(|it| it.1);
    assert_eq!(
        ["open", "Shelf", "new_one", "add_one", "shelf"].map(weight),
        [Some(2 * DIRECT), Some(DIRECT), Some(DIRECT), Some(OF_VALUE), None]
    );
}

#[test]
fn what_was_not_written_by_hand_has_lines_only() {
    let found = read("a.js", &format!("function a() {{}}\n{}\n", "function b(){}".repeat(500)));
    assert_eq!((found.definitions.len(), found.uses.len(), found.lines), (0, 0, 2));
}

/// Were the time to grow with the square of the length, this would not end.
#[test]
fn a_strange_text_takes_no_longer_than_another() {
    let n = 5_000;
    for piece in
        ["(\n", "}\n", "mod a {\n", "#define a \\\n", "/*", "`${\n", "def a(\n ", "'\n", "a.b\n"]
    {
        let text = piece.repeat(n) + &"}\n".repeat(n) + &")\n".repeat(n);
        for file in ["a.rs", "a.c", "a.ts", "a.py", "a.go"] {
            assert!(text.lines().count() <= read(file, &text).lines);
        }
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(
        words in prop::collection::vec(prop::sample::select(vec![
            "fn", "class", "def", "struct", "func", "typedef", "const", "main", "x", "é", "(", ")", "{", "}", "[", "]", ";",
            "=", "<", ">", "\n", "\n  ", "#", "define", "'", "\"", "`", "/", "//", "/*", "*/", "\\", "@", "!", "r#\"", ".", "::", "self.",
        ]), 0..60),
    ) {
        let text = words.join(" ") + &words.concat();
        for file in ["a.rs", "a.py", "a.rb", "a.ts", "a.go", "a.java", "a.c", "a.php", "a.kt"] {
            let lines = text.lines().count();
            let found = read(file, &text);
            prop_assert!(found.definitions.iter().all(|it| 0 < it.line && it.line <= lines));
            prop_assert!(found.definitions.is_sorted_by_key(|it| it.line));
        }
    }
}
