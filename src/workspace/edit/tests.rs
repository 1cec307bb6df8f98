//! A table for each level, and what holds whatever the text.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, old: &str, new: &str, expected: Expect) {
    let shown = match replace_once(text, old, new) {
        Err(miss) => format!("{miss:?}"),
        Ok(replaced) => {
            let latitudes = replaced.latitudes.iter().map(|it| format!(" [{it}]"));
            format!("{:?}{}", replaced.text, latitudes.collect::<String>())
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_piece_that_occurs_once_is_replaced() {
    check("a\nb\nc\n", "b\n", "B\nBB\n", expect![[r#""a\nB\nBB\nc\n""#]]);
}

#[test]
fn a_piece_that_occurs_twice_is_left_alone() {
    check("x = 1\ny\nx = 1\n", "x = 1", "x = 2", expect!["Several([1, 3])"]);
    check("aaa", "aa", "b", expect!["Several([1, 1])"]);
}

#[test]
fn lf_matches_in_a_file_with_crlf_and_crlf_is_written() {
    check("a\r\nb\r\nc\r\n", "a\nb", "a\nx\nb", expect![[r#""a\r\nx\r\nb\r\nc\r\n""#]]);
    check("a\r\nb\r\n", "b", "b\nc", expect![[r#""a\r\nb\r\nc\r\n""#]]);
}

#[test]
fn crlf_matches_in_a_file_with_lf_and_lf_is_written() {
    check("a\nb\n", "a\r\nb", "c\r\nd", expect![[r#""c\nd\n""#]]);
}

#[test]
fn in_a_file_with_both_endings_the_exact_text_matches() {
    check("a\nb\nc\r\nd\n", "c\r\nd", "e", expect![[r#""a\nb\ne\n""#]]);
}

#[test]
fn what_stands_before_the_byte_order_mark_and_lone_returns_stays() {
    check("\u{feff}a\rb\n", "b", "c", expect![[r#""\u{feff}a\rc\n""#]]);
}

#[test]
fn a_change_that_was_made_before_is_recognised() {
    check("one\nlet total = 2;\n", "let total = 1;", "let total = 2;", expect!["AlreadySo(2)"]);
}

#[test]
fn the_nearest_lines_are_shown_as_they_are() {
    check(
        "fn a() {\n    let x = 1;\n    done();\n}\n",
        "let x = 2;\ndone();",
        "",
        expect![[
            r#"Nowhere(Some(Nearest { line: 2, lines: ["    let x = 1;", "    done();"] }))"#
        ]],
    );
}

#[test]
fn what_is_like_nothing_in_the_file_has_no_nearest() {
    check("alpha\nbeta\n", "something else entirely", "", expect!["Nowhere(None)"]);
}

#[test]
fn in_many_long_lines_only_equal_ones_are_near() {
    let line = |it: usize| format!("{it:0>4}{}", "x".repeat(390));
    let text: Vec<_> = (0..2000).map(line).collect();
    let (text, old) = (text.join("\n"), line(2000));
    check(&text, &old, "", expect!["Nowhere(None)"]);
    let old = [&*line(7), &*line(8), &*old].join("\n");
    let Err(Miss::Nowhere(Some(nearest))) = replace_once(&text, &old, "") else {
        panic!("two of three lines are there");
    };
    assert_eq!(nearest.line, 8);
}

#[test]
fn white_space_behind_lines_and_look_alikes_are_overlooked() {
    check(
        "a  \nb\t\nc\n",
        "a\nb\n",
        "a\nB\n",
        expect![[r#""a  \nB\nc\n" [ignoring white space at the end of lines]"#]],
    );
    check(
        "say(“it’s”)\nb\n",
        "say(\"it's\")",
        "cry(\"it's\")",
        expect![[r#""cry(\"it's\")\nb\n" [ignoring which quotes, dashes and spaces are used]"#]],
    );
    check(
        "x = 1\nb\n",
        "x = 1  \n",
        "x = 2\n",
        expect![[r#""x = 2\nb\n" [ignoring white space at the end of lines]"#]],
    );
    check("foobar\nb\n", "foo \n", "x", expect!["Nowhere(None)"]);
    check("foobar\n", "foo ", "x", expect!["Nowhere(None)"]);
    check(
        "a – b\u{a0}c\n",
        "a - b c",
        "a - b",
        expect![[r#""a - b\n" [ignoring which quotes, dashes and spaces are used]"#]],
    );
}

#[test]
fn an_exact_place_wins_over_those_that_look_like_it() {
    check("say(“x”)\nsay(\"x\")\n", "say(\"x\")", "no", expect![[r#""say(“x”)\nno\n""#]]);
    check("say(“x”)\nsay(„x”)\nsay(‟x”)\n", "say(\"x\")", "no", expect!["Several([1, 2, 3])"]);
}

#[test]
fn lines_of_the_hunk_that_stay_keep_their_bytes() {
    check(
        "“a”  \nb \n“c”\n",
        "\"a\"\nb\n\"c\"\n",
        "\"a\"\nB\n\"c\"\n",
        expect![[r#""“a”  \nB\n“c”\n" [ignoring which quotes, dashes and spaces are used]"#]],
    );
}

#[test]
fn indentation_is_overlooked_if_it_differs_by_one_offset() {
    let python = "class A:\n    def f(self):\n        if x:\n            return 1\n";
    check(
        python,
        "if x:\n    return 1\n",
        "if y:\n    z()\n    return 1\n",
        expect![[
            r#""class A:\n    def f(self):\n        if y:\n            z()\n            return 1\n" [ignoring indentation; re-indented by 8 spaces]"#
        ]],
    );
    check(
        "f() {\n\tif (x)\n\t\treturn 1;\n}\n",
        "    if (x)\n        return 1;\n",
        "    if (x)\n        return 2;\n",
        expect![[
            r#""f() {\n\tif (x)\n\t\treturn 2;\n}\n" [ignoring indentation; a tab for each 4 spaces]"#
        ]],
    );
    check(
        "a\n  b\nc\n",
        "    a\n      b\n",
        "    a\n      B\n",
        expect![[r#""a\n  B\nc\n" [ignoring indentation; indented 4 spaces less]"#]],
    );
}

#[test]
fn indentation_that_differs_in_more_than_one_way_is_not_overlooked() {
    check(
        "if x:\n        a()\n    b()\n",
        "  if x:\n      a()\n  b()\n",
        "z",
        expect![[
            r#"Nowhere(Some(Nearest { line: 1, lines: ["if x:", "        a()", "    b()"] }))"#
        ]],
    );
    // The new line has not the indentation that would have to go.
    check(
        "a\n  b\n",
        "    a\n      b\n",
        "c\n",
        expect![[r#"Nowhere(Some(Nearest { line: 1, lines: ["a", "  b"] }))"#]],
    );
}

#[test]
fn lines_at_the_margin_get_the_indentation_of_a_piece_that_was_given_without() {
    let python = "class C:\n    def g(self):\n        self.v = 2\n";
    let told = || {
        expect![[
            r#""class C:\n    def g(self):\n        self.v = 2\n        self.w = 3\n" [without the indentation before it; the lines after the first re-indented by 8 spaces]"#
        ]]
    };
    check(python, "self.v = 2", "self.v = 2\nself.w = 3", told());
    check(python, "self.v = 2\n", "self.v = 2\nself.w = 3\n", told());
    check(
        python,
        "\nself.v = 2",
        "\nself.v = 2\nself.w = 3",
        expect![[
            r#""class C:\n    def g(self):\n        self.v = 2\n        self.w = 3\n" [without the blank line around it] [without the indentation before it; the lines after the first re-indented by 8 spaces]"#
        ]],
    );
    check(
        "f() {\r\n\tcall(“a”);\r\n}\r\n",
        "call(\"a\");",
        "if (x) {\n\tcall(\"a\");\n}\nelse\n\ty();",
        expect![[
            r#""f() {\r\n\tif (x) {\r\n\t\tcall(\"a\");\r\n\t}\r\n\telse\r\n\t\ty();\r\n}\r\n" [ignoring which quotes, dashes and spaces are used] [without the indentation before it; the lines after the first re-indented by 1 tab]"#
        ]],
    );
    // Made once, it is so.
    let made = replace_once(python, "self.v = 2", "self.v = 2\nself.w = 3").unwrap().text;
    check(&made, "self.v = 2", "self.v = 2\nself.w = 3", expect!["AlreadySo(3)"]);
}

#[test]
fn where_the_depth_of_further_lines_is_not_certain_nothing_is_written() {
    check(
        "def f():\n    return 1\n",
        "return 1",
        "return 2\n\ndef g():\n    return 3",
        expect![[r#"Margin(Nearest { line: 2, lines: ["    return 1"] })"#]],
    );
}

#[test]
fn several_places_with_other_indentation_are_left_alone() {
    check("  a\n    b\nx\n    a\n      b\n", " a\n   b\n", " a\n", expect!["Several([1, 4])"]);
}

#[test]
fn a_blank_line_too_many_is_dropped() {
    check("a\nb\nc\n", "\nb\n", "\nB\n", expect![[r#""a\nB\nc\n""#]]);
    check(
        "a\nb\nc\n",
        "b\n\n",
        "B\n",
        expect![[r#""a\nB\nc\n" [without the blank line around it]"#]],
    );
    check(
        "a\n  b\nc\n",
        "\n b\n\n",
        "\n B\n\n",
        expect![[r#""a\n  B\nc\n" [without the blank line around it]"#]],
    );
    check("a\n\nb\n", "\n\n", "x", expect![[r#""axb\n""#]]);
}

#[test]
fn lines_are_not_joined_where_old_has_a_blank_line_that_is_not_there() {
    let text = "bar()\nfoo()\nbaz()\n";
    let told = || expect![[r#""bar()\nFOO()\nbaz()\n" [without the blank line around it]"#]];
    for old in ["    \nfoo()\n", "\nfoo()\n"] {
        check(text, old, "FOO()\n", told());
    }
    check(text, "\nfoo()", "FOO()", told());
    check(
        "bar()\r\nfoo()\r\n",
        "\nfoo()",
        "FOO()",
        expect![[r#""bar()\r\nFOO()\r\n" [without the blank line around it]"#]],
    );
    for new in ["FOO()\n    ", "FOO()\n", "FOO()"] {
        check(text, "foo()\n    ", new, told());
        check(text, "foo()\n\n", new, told());
    }
    // A blank line that is there goes, and so does a line that is taken out whole.
    check("bar()\n\nfoo()\n", "\nfoo()\n", "FOO()\n", expect![[r#""bar()\nFOO()\n""#]]);
    check(
        "bar()\n  \nfoo()\n",
        "\nfoo()",
        "FOO()",
        expect![[r#""bar()\nFOO()\n" [ignoring white space at the end of lines]"#]],
    );
    check(text, "\nfoo()", "", expect![[r#""bar()\nbaz()\n""#]]);
    check(
        text,
        "\nfoo()\n",
        "",
        expect![[r#""bar()\nbaz()\n" [without the blank line around it]"#]],
    );
}

#[test]
fn a_line_end_is_not_parted() {
    check("a\r\nb\r\n", "\nb", "\nc", expect![[r#""a\r\nc\r\n""#]]);
    check("a\r\nb\r\n", "b\r", "c\r", expect![[r#""a\r\nc\r\n""#]]);
    check(
        "a\r\nb\r\n",
        "a\r",
        "c",
        expect![[r#""c\r\nb\r\n" [ignoring white space at the end of lines]"#]],
    );
}

#[test]
fn lines_that_were_added_before_are_not_added_again() {
    let once = "import os\ndef f():\n    pass\n";
    check(once, "def f():\n", "import os\ndef f():\n", expect!["AlreadySo(1)"]);
    check(once, "def f():", "def f():\n    pass", expect!["AlreadySo(2)"]);
    check(&once.replace('\n', "\r\n"), "def f():", "import os\ndef f():", expect!["AlreadySo(1)"]);
    // These stand elsewhere, or say too little to be known again.
    check(
        "import os\n\ndef f():\n",
        "def f():",
        "import os\ndef f():",
        expect![[r#""import os\n\nimport os\ndef f():\n""#]],
    );
    check(
        "    return value\n",
        "return value",
        "    return value",
        expect![[r#""        return value\n""#]],
    );
    check(
        "}\n// the end here\n",
        "// the end here",
        "}\n// the end here",
        expect![[r#""}\n}\n// the end here\n""#]],
    );
}

#[test]
fn what_is_left_out_stays() {
    let text = "fn a() {\n    one();\n    two();\n    three();\n}\n";
    check(
        text,
        "fn a() {\n...\n    three();\n",
        "fn b() {\n...\n    3();\n",
        expect![[
            r#""fn b() {\n    one();\n    two();\n    3();\n}\n" [around the lines left out]"#
        ]],
    );
    check(
        text,
        "    one();\n    // ...\n    three();",
        "    1();\n    // ... existing code ...\n    3();",
        expect![[r#""fn a() {\n    1();\n    two();\n    3();\n}\n" [around the lines left out]"#]],
    );
    check(text, "    three();\n...\n    one();\n", "\n...\n", expect!["Nowhere(None)"]);
    check(text, "fn a() {\n...\n}\n", "fn a() {}\n", expect!["Nowhere(None)"]);
}

#[test]
fn the_end_of_the_file_needs_no_line_end() {
    check("a\nb", "b\n", "c\n", expect![[r#""a\nc""#]]);
    check("a\r\nb", "a\nb\n", "a\nb\nc\n", expect![[r#""a\r\nb\r\nc""#]]);
}

#[test]
fn lone_carriage_returns_end_lines_where_nothing_else_does() {
    check("a\rb\rc", "a\nb", "a\nx\nb", expect![[r#""a\rx\rb\rc""#]]);
}

#[test]
fn whoever_writes_carriage_returns_gets_what_is_written() {
    check("a\r\nb\r\n", "a\r\nb\r\n", "a\nb\n", expect![[r#""a\nb\n""#]]);
}

#[test]
fn a_huge_text_takes_no_more_than_a_walk_through_it() {
    let line = "let some_value = compute(some_other_value);\n";
    let text = line.repeat(100_000);
    let old = line.repeat(2000) + "not there\n";
    check(&text, &old, "x", expect!["Nowhere(None)"]);
    let text = "x".repeat(4_000_000);
    check(&text, "xyx", "x", expect!["Nowhere(None)"]);
    let several = replace_once(&text, "xxx", "y").unwrap_err();
    assert!(matches!(several, Miss::Several(it) if it.len() == 1000));
}

proptest! {
    #[test]
    fn bytes_outside_the_piece_never_change(before in "[ab\r\n\u{feff}é]{0,12}", after in "[ab\r\n é]{0,12}", new in "[a\r\nx]{0,6}") {
        let text = format!("{before}MARK{after}");
        let changed = replace_once(&text, "MARK", &new).unwrap().text;
        prop_assert!(changed.starts_with(&before) && changed.ends_with(&after));
    }

    /// A piece without its indentation comes to the same as the whole lines, or to nothing.
    #[test]
    fn what_is_cut_from_its_line_is_as_deep_as_the_whole_line(
        indent in "[ \t]{1,4}", after in "[ab \n]{0,8}", depths in prop::collection::vec(0usize..3, 1..5),
        crlf: bool,
    ) {
        let new: Vec<_> = depths.iter().enumerate().map(|(nth, it)| format!("{}n{nth}(", "  ".repeat(*it))).collect();
        let new = format!("old()\n{}", new.join("\n"));
        let text = format!("a\n{indent}old()\n{after}");
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let whole: Vec<_> = new.lines().map(|it| format!("{indent}{it}")).collect();
        let expected = replace_once(&text, &format!("{indent}old()"), &whole.join("\n")).unwrap();
        match replace_once(&text, "old()", &new) {
            Ok(made) if made.latitudes.is_empty() => {
                prop_assert!(new.lines().skip(1).all(|it| it.starts_with(&indent)));
            }
            Ok(made) => prop_assert_eq!(made.text, expected.text),
            Err(miss) => prop_assert!(matches!(miss, Miss::Margin(_)), "{:?}", miss),
        }
    }

    #[test]
    fn no_text_makes_it_fail(text in ".{0,40}", old in ".{1,4}", new in ".{0,4}") {
        let _ = replace_once(&text, &old, &new);
    }

    #[test]
    fn the_reverse_edit_restores_the_text(
        before in "[abé \n]{0,12}", old in "[bcdé(\n ]{1,6}", new in "[bcdé)\n ]{1,6}", after in "[ab \n]{0,12}",
        crlf: bool, mark: bool,
    ) {
        // One line end that stays, or nobody would know which are usual.
        let text = format!("{}{before}({old}){after}\n", if mark { "\u{feff}" } else { "" });
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let (old, new) = (format!("({old})"), format!("({new})"));
        if let Ok(there) = replace_once(&text, &old, &new)
            && there.latitudes.is_empty()
            && let Ok(back) = replace_once(&there.text, &new, &old)
            && back.latitudes.is_empty()
        {
            prop_assert_eq!(back.text, text);
        }
    }

    #[test]
    fn what_is_there_twice_is_never_replaced(
        a in "[ab \r\n]{0,6}", old in "[a-c“ ]{1,4}", b in "[ab \r\n]{0,6}", c in "[ab \r\n]{0,6}",
    ) {
        let text = format!("{a}{old}\n{b}{old}\n{c}");
        // Where white space does not count, it stands there twice as well.
        for old in [old.clone(), old.replace('“', "\"")] {
            if !old.trim().is_empty() {
                prop_assert!(replace_once(&text, &old, "x").is_err(), "{:?}", text);
            }
        }
    }

    #[test]
    fn outside_the_lines_that_are_looked_for_nothing_changes(
        before in prop::collection::vec("[ab“]{0,3}[ \t]{0,2}\r?\n", 0..5),
        after in prop::collection::vec("[ab“]{0,3}[ \t]{0,2}\r?\n", 0..5),
        indent in "[ ]{0,4}",
    ) {
        let (before, after) = (before.concat(), after.concat());
        let text = format!("{before}{indent}if x:  \r\n{indent}    “y”\r\n{after}");
        let done = replace_once(&text, "if x:\n    \"y\"\n", "if x:\n    z\n").unwrap().text;
        let hunk = format!("{indent}if x:  \r\n{indent}    z\r\n");
        prop_assert_eq!(done, format!("{before}{hunk}{after}"));
    }
}
