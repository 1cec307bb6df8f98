//! Each test is a text and the screen it makes, however the text is split.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn printed(pieces: &[&str], width: usize, is_coloured: bool) -> String {
    let mut markdown = Markdown::new(is_coloured, false);
    let mut shown: String = pieces.iter().map(|it| markdown.feed(it, width)).collect();
    shown += &markdown.pause();
    if markdown.is_mid_line() { shown + "\n" } else { shown }
}

/// Attributes as `<1>`, and `</>` for their end.
fn tagged(shown: &str) -> String {
    let mut text = String::new();
    for (n, part) in shown.split('\x1b').enumerate() {
        match part.strip_prefix('[').and_then(|it| it.split_once('m')) {
            Some(("0", rest)) => text += &format!("</>{rest}"),
            Some((codes, rest)) => text += &format!("<{codes}>{rest}"),
            None => text += if n == 0 { part } else { "<?>" },
        }
    }
    text
}

#[track_caller]
fn check_in(width: usize, is_coloured: bool, text: &str, expected: Expect) {
    let whole = printed(&[text], width, is_coloured);
    for at in (0..=text.len()).filter(|it| text.is_char_boundary(*it)) {
        let split = printed(&[&text[..at], &text[at..]], width, is_coloured);
        assert_eq!(split, whole, "split at byte {at}");
    }
    expected.assert_eq(&tagged(&whole));
}

#[track_caller]
fn check(text: &str, expected: Expect) {
    check_in(40, true, text, expected);
}

#[track_caller]
fn check_plain(text: &str, expected: Expect) {
    check_in(40, false, text, expected);
}

#[test]
fn words_are_wrapped_at_the_width() {
    check(
        "The quick brown fox jumps over the lazy dog, and then it sleeps.\nA line of its own.\n\n\nA paragraph.",
        expect![[r#"
            The quick brown fox jumps over the lazy
            dog, and then it sleeps.
            A line of its own.

            A paragraph.
        "#]],
    );
}

#[test]
fn emphasis_code_and_links_are_seen() {
    check(
        "So *it* is **very *much* so**, `a * b` and ~~not~~ __this__ [here](https://a.b/c) <https://x.y>.",
        expect![[r#"
            So <3>it</> is <1>very</> <1;3>much</> <1>so</>, <36>a</><36> *</><36> b</> and <9>not</>
            <1>this</> <4>here</> <2>(https://a.b/c)</> <4>https://x.y</>.
        "#]],
    );
}

#[test]
fn what_only_looks_like_a_mark_stays() {
    check(
        "2 * 3 * 4, snake_case_name, **never closed, `nor this, a[0](x, \\*kept\\* ~1~ <b>",
        expect![[r#"
            2 * 3 * 4, snake_case_name, **never
            closed, `nor this, a[0](x, *kept* ~1~
            <b>
        "#]],
    );
}

#[test]
fn emphasis_may_go_over_lines_but_not_over_paragraphs() {
    check(
        "**one\ntwo** three\n\n**four\n\nfive**",
        expect![[r#"
        <1>one</>
        <1>two</> three

        **four

        five**
    "#]],
    );
}

#[test]
fn headings_and_rules() {
    check(
        "# One\n## Two `x` ##\n### Three\ntext\n\n---\n#hashtag\n***",
        expect![[r#"
        <1;4;35>One</>
        <1;35>Two</> <1;36;35>x</>
        <1>Three</>
        text

        <2>────────────────────────────────────────</>
        #hashtag
        <2>────────────────────────────────────────</>
    "#]],
    );
}

#[test]
fn lists_are_nested_numbered_and_ticked() {
    check(
        "Do:\n- one which is so long that it does not fit on one line\n  - [x] done\n  - [ ] to do\n    more of it\n* two\n\n10. ten\n    - inside\n\n    a paragraph of ten\n11. eleven\n\nOut.",
        expect![[r#"
            Do:
            • one which is so long that it does not
              fit on one line
              [x] done
              [ ] to do
                  more of it
            • two

            10. ten
                • inside

                a paragraph of ten
            11. eleven

            Out.
        "#]],
    );
}

#[test]
fn quotes_hold_what_others_hold() {
    check(
        "> quoted words which are so many that they are wrapped\n> - an item\n>\n> > deeper\n\nout",
        expect![[r#"
            <2>│ </>quoted words which are so many that
            <2>│ </>they are wrapped
            <2>│ </>• an item
            <2>│ </>
            <2>│ </><2>│ </>deeper

            out
        "#]],
    );
}

#[test]
fn code_is_coloured_by_the_line_and_never_wrapped() {
    check(
        "Look:\n```rust\nfn main() {}\n```\n~~~\n*no* mark, and a line that is longer than the screen is\n\n\n~~~\n- item\n  ```\n  in it\n    deeper\n  ```\nend",
        expect![[r#"
            Look:
            <2>```rust</>
            <38;2;180;142;173>fn<38;2;192;197;206> <38;2;143;161;179>main<38;2;192;197;206>(<38;2;192;197;206>)<38;2;192;197;206> <38;2;192;197;206>{<38;2;192;197;206>}<38;2;192;197;206></>
            <2>```</>
            <2>~~~</>
            *no* mark, and a line that is longer than the screen is


            <2>~~~</>
            • item
              <2>```</>
              in it
                deeper
              <2>```</>
            end
        "#]],
    );
}

#[test]
fn columns_keep_their_words_whole_and_else_become_a_list() {
    let table = "| Option | Description | Default |\n|---|---|---|\n\
                 | `--permission` | What may happen without asking | unset |\n\
                 | `--model` | Which model is worked with | the best that is here |\nend";
    check_in(
        60,
        false,
        table,
        expect![[r#"
        Option         │ Description          │ Default
        ───────────────┼──────────────────────┼─────────────────────
        `--permission` │ What may happen      │ unset
                       │ without asking       │
        `--model`      │ Which model is       │ the best that is
                       │ worked with          │ here
        end
    "#]],
    );
    check_in(
        40,
        false,
        table,
        expect![[r#"
        Option         │ Description │ Default
        ───────────────┼─────────────┼──────────
        `--permission` │ What may    │ unset
                       │ happen      │
                       │ without     │
                       │ asking      │
        `--model`      │ Which model │ the best
                       │ is worked   │ that is
                       │ with        │ here
        end
    "#]],
    );
    check_in(
        24,
        true,
        table,
        expect![[r#"
        <1>Option:</> <36>--permission</>
        <1>Description:</> What may
        happen without asking
        <1>Default:</> unset

        <1>Option:</> <36>--model</>
        <1>Description:</> Which model
        is worked with
        <1>Default:</> the best that
        is here
        end
    "#]],
    );
}

#[test]
fn a_table_is_fitted() {
    check(
        "| name | what it is |\n|---|--:|\n| `a` | **one** |\n| b \\| c | a text that is too long for the screen |\nend",
        expect![[r#"
            <1>name</> <2> │ </>                      <1>what</><1> it</><1> is</>
            <2>──────┼─────────────────────────────────</>
            <36>a</>    <2> │ </>                             <1>one</>
            b | c<2> │ </> a text that is too long for the
                 <2> │ </>                          screen
            end
        "#]],
    );
    check(
        "| no table\n| at all |\nend",
        expect![[r#"
        | no table
        | at all |
        end
    "#]],
    );
}

#[test]
fn wide_and_combining_letters_have_their_width() {
    check(
        "中文字符在終端機裡佔兩格，所以一行放不下這麼多字。下一句。\ne\u{301}a\u{308} 👍 ❤\u{fe0f} x",
        expect![[r#"
            中文字符在終端機裡佔兩格，所以一行放不下
            這麼多字。下一句。
            éä 👍 ❤️ x
        "#]],
    );
    check_in(
        20,
        true,
        "| 名 | x |\n|--|--|\n| 中文 | e\u{301} |\n",
        expect![[r#"
        <1>名</>  <2> │ </><1>x</>
        <2>─────┼──</>
        中文<2> │ </>é
    "#]],
    );
}

#[test]
fn without_colours_the_marks_stay() {
    check_plain(
        "# One\nSo *it* is **so**, `a` [b](c)\n> - [x] q\n\n| a | b |\n|---|---|\n| `c` | d |\n```rust\nfn a() {}\n```",
        expect![[r#"
            # One
            So *it* is **so**, `a` [b](c)
            │ [x] q

            a   │ b
            ────┼──
            `c` │ d
            ```rust
            fn a() {}
            ```
        "#]],
    );
}

#[test]
fn what_is_too_long_for_a_line_can_be_copied() {
    check_in(
        20,
        true,
        "see https://example.org/a/very/long/address here",
        expect![[r#"
        see
        https://example.org/a/very/long/address
        here
    "#]],
    );
}

/// T01 to T12.
#[test]
fn nothing_in_the_text_acts() {
    check(
        "\x1b]0;t\x07 **\x1b[2J** `\x1b[8m`\r\n| \x1b[1m | a |\n|--|--|\nover\rwritten\u{202e}",
        expect![[r#"
            ␛]0;t␇ <1>␛[2J</> <36>␛[8m</>
            <1>␛[1m</><2> │ </><1>a</>
            <2>─────┼──</>
            over␍written\u{202e}
        "#]],
    );
}

#[test]
fn a_note_in_the_middle_leaves_code_code() {
    let mut markdown = Markdown::new(true, false);
    let mut shown = markdown.feed("```\none\ntw", 40);
    shown += &markdown.pause();
    shown += &markdown.feed("o\n*three*\n```\nfour", 40);
    shown += &markdown.pause();
    expect![[r#"
        <2>```</>
        one
        tw
        o
        *three*
        <2>```</>
        four"#]]
    .assert_eq(&tagged(&shown));
}

fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "word ",
        " ",
        "\n",
        "\n\n",
        "*",
        "**",
        "_",
        "`",
        "```",
        "~~~\n",
        "# ",
        "- ",
        "1. ",
        "> ",
        "| a | b |\n",
        "|--|:-:|\n",
        "|",
        "[a](b)",
        "[",
        "](",
        ")",
        "---\n",
        "<https://a>",
        "\\",
        "    ",
        "\t",
        "中",
        "e\u{301}",
        "\u{fe0f}",
        "\x1b[1m",
        "\r\n",
        "\r",
        "\u{202e}",
        "[ ] ",
        "~~",
        "!",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_screen(
        text in texts(),
        cuts in prop::collection::vec(0_usize..200, 0..6),
        width in 10_usize..60,
        is_coloured: bool,
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|it| text.is_char_boundary(*it)).collect();
        cuts.push(text.len());
        cuts.sort_unstable();
        let mut begin = 0;
        let pieces = cuts.iter().filter(|it| **it <= text.len()).map(|end| {
            let piece = &text[begin..*end];
            begin = *end;
            piece
        });
        let pieces: Vec<&str> = pieces.collect();
        prop_assert_eq!(printed(&pieces, width, is_coloured), printed(&[&text], width, is_coloured));
    }

    #[test]
    fn no_control_byte_of_the_text_comes_through(text in any::<String>(), is_coloured: bool) {
        let shown = tagged(&printed(&[&text], 40, is_coloured));
        prop_assert!(!shown.contains("<?>"));
        prop_assert!(!shown.chars().any(|it| it.is_control() && it != '\n' && it != '\t'));
    }

    #[test]
    fn every_letter_of_plain_words_comes_through(text in "[a-z éß中\n.,]{0,200}") {
        let letters = |it: &str| it.chars().filter(|it| !it.is_whitespace()).collect::<String>();
        prop_assert_eq!(letters(&printed(&[&text], 30, true)), letters(&text));
    }
}
