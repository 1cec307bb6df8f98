//! The one line that moves while the person waits, and leaves nothing behind.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::ui::visible::visible_line;

/// Draws on standard error, and only if that is a terminal.
pub(super) struct Status {
    bar: Option<ProgressBar>,
    live: bool,
}

impl Status {
    pub(super) fn new(live: bool) -> Self {
        Self { bar: None, live }
    }

    pub(super) fn show(&mut self, text: &str) {
        if !self.live {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {msg:.dim} {elapsed:.dim}");
            bar.set_style(style.expect("the template is constant"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(visible_line(text, 100));
    }

    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.clear();
    }
}
