//! Reads keys while the agent works, on a thread of its own: a key is heard, and shown, whatever the
//! rest of the program waits for.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::ui::attention::{Attention, call_later, entitle, entitle_again, lend_title};
use crate::ui::foot::Foot;
use crate::ui::keyboard::decode::{Decoder, Key};
use crate::ui::keyboard::keys::stop;
use crate::ui::keyboard::mode;
use crate::ui::keyboard::told::{QUESTION, Told};
use crate::ui::keyboard::typing::{Typing, Wish};

/// Does what a person wants; what they are to know of it, if it cannot be done.
pub(crate) type Heed = Box<dyn Fn(Wish) -> Option<&'static str> + Send>;

/// How long it takes to know that Escape was pressed by itself.
const DOUBT: Duration = Duration::from_millis(30);

/// How long the rest of what is being pasted is waited for.
const PASTE: Duration = Duration::from_millis(200);

/// How long an answer of the terminal is waited for before somebody else reads.
const ANSWER: Duration = Duration::from_millis(50);

/// Who has not pressed a key for so long does not type.
const REST: Duration = Duration::from_millis(700);

/// How often it is looked whether the window is as wide as it was.
const GLANCE: Duration = Duration::from_millis(250);

/// How often it is looked whether the terminal is ours again.
const AWAY: Duration = Duration::from_millis(250);

/// What is typed meanwhile, and by whom it is heeded. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Meanwhile(Arc<Shared>);

#[derive(Default)]
struct Shared {
    typing: Mutex<Typing>,
    foot: Foot,
    heed: Mutex<Option<Heed>>,
    reader: Mutex<Option<Reader>>,
    told: Arc<Told>,
    waiting: Mutex<Waiting>,
    /// When the newest key came.
    pressed: Mutex<Option<Instant>>,
}

/// The person who waits.
#[derive(Default)]
struct Waiting {
    since: Option<Instant>,
    attention: Option<Attention>,
    /// What the window is called meanwhile.
    title: Option<String>,
}

struct Reader {
    /// The thread ends when this is closed.
    wake: OwnedFd,
    thread: JoinHandle<()>,
}

impl Meanwhile {
    pub(super) fn foot(&self) -> &Foot {
        &self.0.foot
    }

    pub(super) fn typing(&self) -> MutexGuard<'_, Typing> {
        lock(&self.0.typing)
    }

    pub(super) fn told(&self) -> Arc<Told> {
        self.0.told.clone()
    }

    /// Waits until the person does not type any more: what is half typed goes to the draft whole, and its end
    /// answers no question.
    pub(super) async fn rest(&self) {
        while self.is_heeded() {
            let Some(pressed) = *lock(&self.0.pressed) else { return };
            let left = REST.saturating_sub(pressed.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    /// Only now is an answer taken from among the keys.
    pub(super) fn ask_background(&self) {
        if self.is_heeded() && mode::is_ours() && self.0.told.is_to_be_asked() {
            self.0.foot.order(QUESTION);
        }
    }

    /// Begins to heed keys.
    pub(super) fn begin(&self, heed: Heed) {
        *lock(&self.0.heed) = Some(heed);
        lock(&self.0.waiting).since = Some(Instant::now());
        self.show_title(true);
        self.go_on();
    }

    pub(super) fn attend(&self, attention: Attention) {
        lock(&self.0.waiting).attention = Some(attention);
    }

    pub(super) fn entitle(&self, title: Option<String>) {
        lock(&self.0.waiting).title = title;
        self.show_title(false);
    }

    fn show_title(&self, is_busy: bool) {
        if let Some(title) = &lock(&self.0.waiting).title {
            let busy = if is_busy { "… " } else { "" };
            let words = format!("{busy}{title}");
            match mode::is_ours() {
                true => self.0.foot.order(&entitle(&words)),
                false => call_later(&words),
            }
        }
    }

    /// Calls the person, who has waited for this.
    pub(super) fn call(&self, for_what: &str) {
        let waiting = lock(&self.0.waiting);
        let Some((since, attention)) = waiting.since.zip(waiting.attention.as_ref()) else {
            return;
        };
        if attention.is_due(since.elapsed(), self.0.told.is_away()) {
            let words = format!("{}: {for_what}", attention.place);
            self.0.foot.order(&attention.bell.call(&words));
        }
    }

    /// The person is here, and waits from now on.
    pub(super) fn was_answered(&self) {
        self.0.told.is_here();
        lock(&self.0.waiting).since = Some(Instant::now());
    }

    pub(super) fn end(&self) {
        // What waits goes on without them.
        if !self.typing().waits() {
            self.call("it is your turn");
        }
        self.show_title(false);
        self.pause();
        *lock(&self.0.heed) = None;
        self.typing().remark("");
    }

    /// Somebody else has the terminal; whether that changes anything.
    pub(super) fn pause(&self) -> bool {
        let Some(Reader { wake, thread }) = lock(&self.0.reader).take() else { return false };
        drop(wake);
        // One that broke down has read nothing more.
        let _ = thread.join();
        self.0.foot.clear();
        mode::give_back();
        true
    }

    /// The terminal is free again.
    pub(super) fn go_on(&self) {
        let mut reader = lock(&self.0.reader);
        if reader.is_some() || lock(&self.0.heed).is_none() || !mode::is_at_hand() {
            return;
        }
        mode::take(self.counts_focus());
        let Ok((end, wake)) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC) else {
            // Without it the keys wait for the next prompt.
            return mode::give_back();
        };
        let shared = self.clone();
        let thread = std::thread::spawn(move || shared.read(&end));
        *reader = Some(Reader { wake, thread });
        self.show();
    }

    fn counts_focus(&self) -> bool {
        lock(&self.0.waiting).attention.as_ref().is_some_and(|it| !it.always)
    }

    /// The terminal is ours again, and the cursor at the beginning of a line.
    fn come_back(&self) {
        mode::take(self.counts_focus());
        self.0.foot.begin();
        if let Some(title) = entitle_again() {
            self.0.foot.order(&title);
        }
    }

    fn show(&self) {
        let line = self.typing().line();
        self.0.foot.show(&line);
    }

    pub(super) fn is_heeded(&self) -> bool {
        lock(&self.0.reader).is_some()
    }

    pub(super) fn cut(&self) {
        self.typing().cut();
        if self.is_heeded() {
            self.show();
        }
    }

    /// What stood there for the moment is over.
    pub(super) fn forget_remark(&self) {
        self.typing().remark("");
        if self.is_heeded() {
            self.show();
        }
    }

    fn read(&self, end: &OwnedFd) {
        let mut decoder = Decoder::default();
        let mut bytes = [0; 4096];
        let mut was_ours = mode::is_ours();
        loop {
            let is_ours = mode::is_ours();
            if is_ours && !was_ours {
                // A job that runs is put before the shell without a word.
                self.come_back();
                self.show();
            }
            was_ours = is_ours;
            let patience = match is_ours {
                true if decoder.is_in_answer() => Some(PASTE),
                true if decoder.is_in_doubt() => Some(DOUBT),
                true => Some(GLANCE),
                false => Some(AWAY),
            };
            let Ready { keys, end, resumed } = wait(end, is_ours, patience);
            if end {
                return self.finish(decoder);
            }
            if resumed {
                // If it is not, it is looked after above.
                was_ours = false;
                continue;
            }
            if !keys {
                self.0.foot.refit();
                self.press(decoder.settle().into_iter().collect());
                continue;
            }
            match rustix::io::read(std::io::stdin(), &mut bytes) {
                Ok(0) => return,
                Ok(n) => self.press(decoder.feed(&bytes[..n])),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return,
            }
        }
    }

    /// What is being pasted is read to its end: half of it is no use to whoever reads next. An answer
    /// that is on its way is no line either.
    fn finish(&self, mut decoder: Decoder) {
        let mut bytes = [0; 4096];
        let until = Instant::now() + ANSWER;
        loop {
            let patience = match self.0.told.is_waited_for() {
                _ if decoder.is_pasting() => PASTE,
                true => until.saturating_duration_since(Instant::now()),
                false => break,
            };
            if patience.is_zero() || !is_readable(patience) {
                break;
            }
            match rustix::io::read(std::io::stdin(), &mut bytes) {
                Ok(n) if 0 < n => self.press(decoder.feed(&bytes[..n])),
                _ => break,
            }
        }
        if self.0.told.is_waited_for() {
            self.0.told.is_late();
        }
    }

    fn press(&self, keys: Vec<Key>) {
        let keys: Vec<Key> = keys.into_iter().filter_map(|it| self.0.told.hear(it)).collect();
        if keys.is_empty() {
            return;
        }
        *lock(&self.0.pressed) = Some(Instant::now());
        for key in keys {
            let wish = self.typing().press(key);
            match wish {
                None => {}
                Some(Wish::Suspend) => self.suspend(),
                Some(wish) => {
                    let answer = lock(&self.0.heed).as_ref().and_then(|heed| heed(wish));
                    if let Some(answer) = answer {
                        self.typing().remark(answer);
                    }
                }
            }
        }
        self.show();
    }

    fn suspend(&self) {
        self.0.foot.clear();
        mode::lend();
        lend_title();
        stop();
        if mode::is_ours() {
            self.come_back();
        }
    }
}

struct Ready {
    keys: bool,
    end: bool,
    /// The program stood still, and goes on.
    resumed: bool,
}

fn wait(end: &OwnedFd, is_ours: bool, patience: Option<Duration>) -> Ready {
    let stdin = std::io::stdin();
    let wanted = if is_ours { PollFlags::IN } else { PollFlags::empty() };
    let bell = mode::resumed().map_or(end, |(bell, _)| bell);
    let mut fds = [
        PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(stdin.as_fd(), wanted),
        PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN),
    ];
    let patience = patience.and_then(|it| Timespec::try_from(it).ok());
    // An interrupted wait has found nothing.
    let _ = poll(&mut fds, patience.as_ref());
    let [is_ended, keys, is_resumed] = [0, 1, 2].map(|it: usize| !fds[it].revents().is_empty());
    let resumed = is_resumed && !is_ended;
    if resumed {
        let _ = rustix::io::read(bell, &mut [0; 64]);
    }
    Ready { keys: is_ours && keys, end: is_ended, resumed }
}

fn is_readable(patience: Duration) -> bool {
    let stdin = std::io::stdin();
    let mut fds = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
    let patience = Timespec::try_from(patience).ok();
    poll(&mut fds, patience.as_ref()).is_ok_and(|it| 0 < it)
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
