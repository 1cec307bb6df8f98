//! What the processes of one command tell each other: a page of memory that they share.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

/// How far a plan came, and how the command ended. It is written on the other side of a fork, so
/// it lies in memory that both sides see.
#[derive(Debug)]
pub(super) struct Report {
    page: NonNull<Page>,
}

/// Zero is what nobody has written.
struct Page {
    /// One more than the number of the step that failed.
    failed: AtomicU32,
    ended: AtomicU32,
    status: AtomicI32,
}

// SAFETY: the page is only reached through atomics, and unmapped when nobody has it any more.
#[expect(unsafe_code, reason = "a raw pointer says nothing about threads by itself")]
unsafe impl Send for Report {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "a raw pointer says nothing about threads by itself")]
unsafe impl Sync for Report {}

const LENGTH: usize = size_of::<Page>();

impl Report {
    pub(super) fn new() -> std::io::Result<Self> {
        let (may, how) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: new memory at an address of the kernel's choice overlaps nothing; it is zero.
        #[expect(unsafe_code, reason = "memory that a child shares has to be mapped")]
        let page = unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), LENGTH, may, how) }?;
        let page = NonNull::new(page.cast()).ok_or(std::io::ErrorKind::OutOfMemory)?;
        Ok(Self { page })
    }

    fn page(&self) -> &Page {
        // SAFETY: the page is mapped as long as `self` is, and zero is a valid atomic.
        #[expect(unsafe_code, reason = "the memory is mapped by hand")]
        unsafe {
            self.page.as_ref()
        }
    }

    pub(super) fn fail(&self, step: usize) {
        self.page().failed.store(step as u32 + 1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) -> Option<usize> {
        self.page().failed.load(Ordering::Relaxed).checked_sub(1).map(|it| it as usize)
    }

    pub(super) fn end(&self, status: i32) {
        self.page().status.store(status, Ordering::Relaxed);
        self.page().ended.store(1, Ordering::Release);
    }

    pub(super) fn status(&self) -> Option<i32> {
        let ended = self.page().ended.load(Ordering::Acquire) == 1;
        ended.then(|| self.page().status.load(Ordering::Relaxed))
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nobody can reach it any more.
        #[expect(unsafe_code, reason = "what is mapped by hand is unmapped by hand")]
        let _ = unsafe { rustix::mm::munmap(self.page.as_ptr().cast(), LENGTH) };
    }
}
