//! Measurements as a table that grows line by line.

use crate::cli::bench::Measured;
use crate::ui::visible;

pub(super) struct Table {
    width: usize,
    has_head: bool,
}

impl Table {
    pub(super) fn new<'a>(settings: impl Iterator<Item = &'a str>) -> Self {
        Self { width: settings.map(|it| it.chars().count()).max().unwrap_or(0), has_head: false }
    }

    pub(super) fn line(&mut self, it: &Measured) -> String {
        let mut text = String::new();
        let begin = |text: &mut String, first: &str| {
            if 0 < self.width {
                let width = self.width.max("setting".len());
                *text += &format!("{first:<width$}  ");
            }
        };
        if !std::mem::replace(&mut self.has_head, true) {
            begin(&mut text, "setting");
            text += &format!(
                "{:>6}  {:>9}  {:>11}  {:>9}  {:>6}\n",
                "prompt", "read/s", "first word", "written/s", "reused"
            );
        }
        begin(&mut text, &visible(&it.setting));
        text += &format!(
            "{:>6}  {:>9}  {:>11}  {:>9}  {:>6}\n",
            it.read,
            figure(it.read_per_second),
            time(it.first_ms),
            figure(it.written_per_second),
            format!("{:.0} %", it.reused * 100.0),
        );
        text
    }
}

fn figure(it: f64) -> String {
    match it {
        it if it <= 0.0 => "-".to_owned(),
        it if it < 100.0 => format!("{it:.1}"),
        it => format!("{it:.0}"),
    }
}

fn time(ms: f64) -> String {
    match ms {
        it if it < 10.0 => format!("{it:.1} ms"),
        it if it < 10_000.0 => format!("{it:.0} ms"),
        it => format!("{:.1} s", it / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_line_for_each_measurement() {
        let one = Measured {
            model: "m.gguf".to_owned(),
            setting: String::new(),
            load_ms: 1200.0,
            wanted: 512,
            read: 517,
            read_per_second: 812.44,
            first_ms: 640.2,
            written: 64,
            written_per_second: 41.26,
            reused: 0.994,
        };
        let mut plain = Table::new([""].into_iter());
        let slow = Measured { first_ms: 61_000.0, written_per_second: 0.0, ..one.clone() };
        let mut text = plain.line(&one) + &plain.line(&slow) + "\n";
        let mut varied = Table::new(["f16", "q8_0"].into_iter());
        text += &varied.line(&Measured { setting: "q8_0".to_owned(), first_ms: 3.25, ..one });
        expect![[r#"
            prompt     read/s   first word  written/s  reused
               517        812       640 ms       41.3    99 %
               517        812       61.0 s          -    99 %

            setting  prompt     read/s   first word  written/s  reused
            q8_0        517        812       3.2 ms       41.3    99 %
        "#]]
        .assert_eq(&text);
    }
}
