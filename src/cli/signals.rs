//! The signals that a person or the system sends us.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::agent::Interrupt;
use crate::cli::Exit;
use crate::sandbox::kill_all;
use crate::ui;

/// Fires the interrupt on the first signal; the second ends the program at once. Signals other than
/// Ctrl-C mean the program and not only the turn.
///
/// They are heard on a thread of their own: the main one may be held up where nobody reads what it
/// writes, and no signal could end that.
pub(super) fn listen(interrupt: &Interrupt, leave: &Interrupt) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop for signals")?;
    let entered = runtime.enter();
    let hear = |kind| signal(kind).context("cannot listen for signals");
    let mut stop = hear(SignalKind::interrupt())?;
    let mut end = hear(SignalKind::terminate())?;
    let mut hang_up = hear(SignalKind::hangup())?;
    let mut quit = hear(SignalKind::quit())?;
    let mut go_on = hear(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
    outlive_limits();
    drop(entered);
    let (interrupt, leave) = (interrupt.clone(), leave.clone());
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                let means_the_program = tokio::select! {
                    _ = stop.recv() => false,
                    _ = end.recv() => true,
                    _ = hang_up.recv() => true,
                    // Who wants no more than an end gets it, but in a terminal that is theirs again.
                    _ = quit.recv() => end_at_once(QUIT),
                    _ = go_on.recv() => {
                        ui::take_again();
                        continue;
                    }
                };
                let first = interrupt.fire();
                let first = if means_the_program { leave.fire() } else { first };
                if !first {
                    end_at_once(Exit::Cancelled.code().into());
                }
            }
        });
    });
    Ok(())
}

/// What a shell makes of an end by that signal.
const QUIT: i32 = 128 + 3;

fn end_at_once(code: i32) -> ! {
    kill_all();
    ui::abandon();
    std::process::exit(code);
}

/// To write past a limit on file sizes shall be an error like any other, not our death. Must be called
/// inside a runtime.
pub(super) fn outlive_limits() {
    let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
}
