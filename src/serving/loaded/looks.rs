//! Who only looks whether a model is there: it is loaded for them as long as they go on looking. However often
//! they do, one of them waits.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::serving::library::Wanted;
use crate::serving::loaded::Loaded;

/// Who has not looked again for so long, does not look any more.
const AGAIN: Duration = Duration::from_secs(5);

/// The models that are looked for, and when that was last.
#[derive(Default)]
pub(super) struct Looks(RefCell<Vec<(PathBuf, Rc<Cell<Instant>>)>>);

impl Looks {
    /// When it was looked for last, to be kept up; `None` if somebody waits already.
    fn begin(&self, path: &Path) -> Option<Rc<Cell<Instant>>> {
        let mut all = self.0.borrow_mut();
        if let Some((_, last)) = all.iter().find(|it| it.0 == path) {
            last.set(Instant::now());
            return None;
        }
        let last = Rc::new(Cell::new(Instant::now()));
        all.push((path.to_owned(), Rc::clone(&last)));
        Some(last)
    }

    fn end(&self, path: &Path) {
        self.0.borrow_mut().retain(|it| it.0 != path);
    }
}

impl Loaded {
    /// Has it loaded, for who looks now will ask soon.
    pub(in crate::serving) fn look_for(self: &Rc<Self>, wanted: Wanted) {
        let Some(last) = self.looks.begin(&wanted.path) else { return };
        let loaded = Rc::clone(self);
        tokio::task::spawn_local(async move {
            tokio::select! {
                // Whoever asks next is told how it went.
                _ = loaded.lease(&wanted) => {}
                () = given_up(&last) => {}
            }
            loaded.looks.end(&wanted.path);
        });
    }
}

async fn given_up(last: &Cell<Instant>) {
    while last.get().elapsed() < AGAIN {
        sleep_until(last.get() + AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_who_look_for_a_model_one_waits() {
        let (looks, one) = (Looks::default(), Path::new("one"));
        let last = looks.begin(one).expect("it is the first");
        let before = last.get();
        assert!(looks.begin(one).is_none() && before <= last.get());
        assert!(looks.begin(Path::new("two")).is_some());
        looks.end(one);
        assert!(looks.begin(one).is_some());
    }
}
