//! How full the window is, as the person sees it.

use crate::conversation::{Context, Part};

/// The whole window, in characters, where there is room.
const BAR: u32 = 40;

/// What stands before a bar.
const BEFORE: usize = 26;

/// A line for each part, none wider than `width`, and how much of the newest requests the server had to read.
pub(crate) fn context(context: &Context, width: usize) -> String {
    let bar = u32::try_from(width.saturating_sub(BEFORE)).map_or(BAR, |it| it.min(BAR));
    let used = context.used();
    let whole = context.window.unwrap_or(used).max(1);
    let about = if context.counted { "" } else { "about " };
    let mut text = match context.window {
        Some(window) => {
            let percent = u64::from(used) * 100 / u64::from(whole);
            format!("{about}{} of {} tokens, {percent} %", grouped(used), grouped(window))
        }
        None => format!("{about}{} tokens; the server does not tell its window", grouped(used)),
    };
    for (part, tokens) in &context.parts {
        text += &line(name(*part), *tokens, (whole, bar));
    }
    if let Some(free) = context.window.map(|it| it.saturating_sub(used)) {
        text += &line("free", free, (whole, bar));
        if 0 < context.answer {
            text +=
                &format!("\n  {} of what is free are kept for the answer", grouped(context.answer));
        }
    }
    if let Some(hits) = hits(context) {
        text += &format!("\n{hits}");
    }
    text
}

fn line(name: &str, tokens: u32, (whole, bar): (u32, u32)) -> String {
    let cells = (u64::from(tokens) * u64::from(bar)).div_ceil(u64::from(whole)) as usize;
    let line = format!("  {name:<13}{:>9}  {}", grouped(tokens), "█".repeat(cells));
    format!("\n{}", line.trim_end())
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Tools => "tools",
        Part::System => "system",
        Part::Instructions => "instructions",
        Part::Conversation => "conversation",
        Part::Plan => "plan",
        Part::Results => "results",
    }
}

fn hits(context: &Context) -> Option<String> {
    let cached: u64 = context.recent.iter().map(|it| u64::from(it.cached)).sum();
    let read: u64 = context.recent.iter().map(|it| u64::from(it.read)).sum();
    let percent = (cached * 100).checked_div(cached + read)?;
    let each = context.recent.iter().map(|it| grouped(it.read)).collect::<Vec<_>>().join(", ");
    let requests = match context.recent.len() {
        1 => "the last request".to_owned(),
        n => format!("the last {n} requests"),
    };
    Some(format!("of {requests} {percent} % came from the server's cache; read anew: {each}"))
}

/// As in `12,345`.
pub(super) fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if 0 < at && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::Usage;

    #[track_caller]
    fn check(window: Option<u32>, counted: bool, expected: Expect) {
        let parts = vec![
            (Part::Tools, 1019),
            (Part::System, 187),
            (Part::Conversation, 4),
            (Part::Plan, 300),
            (Part::Results, 2500),
        ];
        let usage = |cached, read| Usage { cached, read, ..Usage::default() };
        let recent = vec![usage(0, 1210), usage(1210, 2500)];
        expected.assert_eq(&context(&Context { window, parts, answer: 1365, counted, recent }, 80));
    }

    #[test]
    fn each_part_has_a_bar() {
        check(
            Some(8192),
            true,
            expect![[r#"
                4,010 of 8,192 tokens, 48 %
                  tools            1,019  █████
                  system             187  █
                  conversation         4  █
                  plan               300  ██
                  results          2,500  █████████████
                  free             4,182  █████████████████████
                  1,365 of what is free are kept for the answer
                of the last 2 requests 24 % came from the server's cache; read anew: 1,210, 2,500"#]],
        );
    }

    #[test]
    fn what_nobody_counted_says_so() {
        check(
            None,
            false,
            expect![[r#"
                about 4,010 tokens; the server does not tell its window
                  tools            1,019  ███████████
                  system             187  ██
                  conversation         4  █
                  plan               300  ███
                  results          2,500  █████████████████████████
                of the last 2 requests 24 % came from the server's cache; read anew: 1,210, 2,500"#]],
        );
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
