//! The background of the terminal, which it is asked for when the first turn begins.

use crate::ui::{Keyboard, Screen};

impl Screen {
    /// Has the terminal say it, if that would change anything.
    pub(super) fn ask_background(&self) {
        if let (true, Some(keyboard)) = (self.style.asks, &self.keyboard) {
            keyboard.ask_background();
        }
    }

    /// What comes from now on stands out from it.
    pub(super) fn follow_background(&mut self) {
        let keyboard = self.keyboard.as_ref().filter(|_| self.style.asks);
        let Some(is_light) = keyboard.and_then(Keyboard::background_is_light) else { return };
        if is_light != self.style.light {
            self.style.light = is_light;
            if let Some(markdown) = &mut self.markdown {
                markdown.stand_out_from(is_light);
            }
        }
    }
}
