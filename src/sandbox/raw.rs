//! System calls that `rustix` does not have, each with nothing but what it takes to make it safe.
//! All may be made between fork and exec.

#![expect(unsafe_code, reason = "system calls without a safe wrapper elsewhere")]

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, c_long, c_uint, sock_filter};
use rustix::io::Errno;
use rustix::process::Pid;

/// The result of a call that says -1 and leaves the reason in `errno`.
fn result(returned: c_long) -> rustix::io::Result<c_long> {
    if returned != -1 {
        return Ok(returned);
    }
    let errno = std::io::Error::last_os_error().raw_os_error();
    Err(Errno::from_raw_os_error(errno.unwrap_or(libc::EINVAL)))
}

/// `None` in the child. Not `fork` of the C library, which runs what others have registered.
pub(super) fn fork() -> rustix::io::Result<Option<Pid>> {
    // SAFETY: without flags the child has a copy of everything, as after a fork. There is one
    // thread here, and neither side uses what the C library keeps about threads.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
    Ok(Pid::from_raw(result(pid)? as i32))
}

pub(super) fn unshare(namespaces: c_int) -> rustix::io::Result<()> {
    // SAFETY: no memory and no file descriptor is named.
    result(unsafe { libc::unshare(namespaces) }.into()).map(drop)
}

/// Ends this process without running what others have registered for its end.
pub(super) fn exit(code: c_int) -> ! {
    // SAFETY: it does not return.
    unsafe { libc::_exit(code) }
}

/// Ends this process by `signal`, as its parent shall see it.
pub(super) fn end_by(signal: c_int) -> ! {
    set_signal(signal, libc::SIG_DFL);
    // SAFETY: a signal to the own process; no memory is named.
    unsafe { libc::kill(libc::getpid(), signal) };
    // There are signals that end nobody.
    exit(128 + signal)
}

pub(super) fn ignore(signal: c_int) {
    set_signal(signal, libc::SIG_IGN);
}

pub(super) fn default_signals() {
    (1..=64).for_each(|it| set_signal(it, libc::SIG_DFL));
}

fn set_signal(signal: c_int, disposition: libc::sighandler_t) {
    // SAFETY: both dispositions name no function of ours. Those that cannot be set are refused.
    unsafe { libc::signal(signal, disposition) };
}

pub(super) fn set_attributes(
    tree: BorrowedFd<'_>,
    attributes: u64,
    flags: c_uint,
) -> rustix::io::Result<()> {
    let wanted =
        libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = flags | libc::AT_EMPTY_PATH as c_uint;
    // SAFETY: the path ends in NUL, and the structure is as long as is said.
    result(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const wanted,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

pub(super) fn drop_from_bounding_set(capability: c_long) -> rustix::io::Result<()> {
    // SAFETY: no memory is named.
    result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }.into()).map(drop)
}

pub(super) fn start_loopback() -> rustix::io::Result<()> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: no memory is named.
    let socket = result(unsafe { libc::socket(libc::AF_INET, kind, 0) }.into())? as c_int;
    // SAFETY: zero is a valid value of each field.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[..2].copy_from_slice(&[b'l' as libc::c_char, b'o' as libc::c_char]);
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: the request is what this call takes, and lives until it returns.
    let done = result(unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw mut request) }.into());
    // SAFETY: it was opened above, and nobody else knows it.
    unsafe { libc::close(socket) };
    done.map(drop)
}

pub(super) fn filter(program: &[sock_filter]) -> rustix::io::Result<()> {
    let length = u16::try_from(program.len()).map_err(|_| Errno::TOOBIG)?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel copies the program, of which there is as much as is said.
    result(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
    })
    .map(drop)
}

pub(super) fn close_all() {
    close(0, RawFd::MAX, 0);
}

pub(super) fn close_all_but(kept: RawFd) {
    if 0 < kept {
        close(0, kept - 1, 0);
    }
    close(kept + 1, RawFd::MAX, 0);
}

/// All but the standard streams, when the command starts.
pub(super) fn close_later() {
    close(3, RawFd::MAX, libc::CLOSE_RANGE_CLOEXEC);
}

/// An error means that there was nothing to close.
fn close(first: RawFd, last: RawFd, flags: c_uint) {
    // SAFETY: who calls this uses none of these any more: it waits, and then ends or becomes
    // another program.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
}

/// The version of path rules that the kernel knows.
pub(super) fn landlock_version() -> rustix::io::Result<i64> {
    const VERSION: c_uint = 1;
    // SAFETY: asked for the version, the call takes no structure.
    result(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, VERSION)
    })
}

/// New rules that refuse all that is named, but for what is allowed later.
pub(super) fn landlock_rules(
    version: i64,
    files: u64,
    network: u64,
    scopes: u64,
) -> rustix::io::Result<OwnedFd> {
    let attributes = [files, network, scopes];
    let known = match version {
        ..4 => 1,
        4..6 => 2,
        _ => 3,
    };
    // SAFETY: the kernel reads as much of the array as is said, which is there.
    let rules = result(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, attributes.as_ptr(), known * 8, 0)
    })?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(rules as RawFd) })
}

pub(super) fn landlock_allow(
    rules: BorrowedFd<'_>,
    beneath: BorrowedFd<'_>,
    what: u64,
) -> rustix::io::Result<()> {
    #[repr(C, packed)]
    struct Beneath {
        allowed: u64,
        parent: i32,
    }
    const BENEATH: c_int = 1;
    let rule = Beneath { allowed: what, parent: beneath.as_raw_fd() };
    // SAFETY: the structure is what the kernel takes for a rule of this kind.
    result(unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, rules.as_raw_fd(), BENEATH, &raw const rule, 0)
    })
    .map(drop)
}

pub(super) fn landlock_enter(rules: RawFd) -> rustix::io::Result<()> {
    // SAFETY: no memory is named.
    result(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules, 0) }).map(drop)
}
