//! What a shell cannot try: this program tries it, from inside, by the bare calls of the kernel.
//!
//! A probe that could do what it tried leaves the file `breach`. It is run by `agent selftest`
//! alone, confined or, as a control, not; none does harm to what is not part of its world.

#![expect(unsafe_code, reason = "an attacker does not use safe wrappers")]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use libc::c_long;

/// Tries what `name` says. An error means that it could not be done.
pub(super) fn probe(name: &str, args: &[String]) -> io::Result<()> {
    let arg = |n: usize| args.get(n).map(String::as_str).unwrap_or_default();
    let tried = match name {
        "tcp" => TcpStream::connect(arg(0)).and_then(|mut it| it.write_all(arg(1).as_bytes())),
        "udp" => udp(arg(0), arg(1)),
        "unix" => UnixStream::connect(arg(0)).and_then(|mut it| it.write_all(arg(1).as_bytes())),
        "abstract" => abstract_socket(arg(0), arg(1)),
        "socket" => socket(arg(0), arg(1)),
        "listen" => listen(arg(0), arg(1)),
        "loopback" => loopback(),
        "seize" => seize(arg(0)),
        "linger" => linger(None),
        "late" => linger(Some("late")),
        "descriptors" => descriptors(arg(0), arg(1)),
        "limit" => limit(arg(0)),
        "remount" => remount(arg(0)),
        "remounted" => Ok(()),
        "unmount" => unmount(arg(0)),
        "namespace" => namespace(),
        "uring" => uring(),
        "facilities" => facilities(),
        "handle" => open_handle(arg(0)),
        "device" => device(arg(0)),
        "disk" => disk(),
        "crash" => crash(),
        "type" => type_into_terminal(),
        "privileges" => privileges(),
        "doors" => doors(),
        "locks" => locks(),
        "terminal" => terminal(),
        "socket-file" => socket_file(arg(0)),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    tried.and_then(|()| fs::write("breach", name))
}

/// One call of the kernel.
fn call(number: c_long, args: [usize; 6]) -> io::Result<i64> {
    let [a, b, c, d, e, f] = args;
    // SAFETY: every pointer among the arguments leads to memory of this function's caller that is
    // as large as the call takes it for; a wrong one would be answered by an error.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// A text as the kernel takes it.
fn text(it: &str) -> Vec<u8> {
    [it.as_bytes(), b"\0"].concat()
}

fn address<T>(it: &[T]) -> usize {
    it.as_ptr() as usize
}

fn refused(why: &str) -> io::Error {
    io::Error::other(why.to_owned())
}

fn udp(to: &str, token: &str) -> io::Result<()> {
    UdpSocket::bind("127.0.0.1:0")?.send_to(token.as_bytes(), to).map(drop)
}

fn abstract_socket(name: &str, token: &str) -> io::Result<()> {
    let mut stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
    stream.write_all(token.as_bytes())
}

fn socket(family: &str, kind: &str) -> io::Result<()> {
    let number = |it: &str| it.parse::<usize>().unwrap_or_default();
    call(libc::SYS_socket, [number(family), number(kind), 0, 0, 0, 0]).map(drop)
}

/// Waits to be called, or to be let go.
fn listen(port: &str, token: &str) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port.parse().unwrap_or_default()))?;
    listener.set_nonblocking(true)?;
    fs::write("listening", "")?;
    while !Path::new("go").exists() {
        if let Ok((mut stream, _)) = listener.accept() {
            return stream.write_all(token.as_bytes());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(refused("nobody called"))
}

fn loopback() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut out = TcpStream::connect(listener.local_addr()?)?;
    out.write_all(b"x")?;
    drop(out);
    let mut heard = String::new();
    listener.accept()?.0.read_to_string(&mut heard)?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.send_to(b"y", socket.local_addr()?)?;
    let mut datagram = [0; 1];
    socket.recv(&mut datagram)?;
    if heard == "x" && &datagram == b"y" { Ok(()) } else { Err(refused("not heard")) }
}

/// Takes hold of a process so that it ends with us.
fn seize(process: &str) -> io::Result<()> {
    const EXIT_KILL: usize = 0x0010_0000;
    let process = process.parse().map_err(io::Error::other)?;
    call(libc::SYS_ptrace, [libc::PTRACE_SEIZE as usize, process, 0, EXIT_KILL, 0, 0]).map(drop)
}

/// Stays until it is let go, and then writes, if it has something to write.
fn linger(late: Option<&str>) -> io::Result<()> {
    fs::write("lingering", "")?;
    while !Path::new("go").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    late.map_or(Ok(()), |it| fs::write(it, ""))
}

/// Makes a file beneath whatever directory was left open.
fn descriptors(name: &str, token: &str) -> io::Result<()> {
    let name = text(name);
    for descriptor in 3..256 {
        let flags = (libc::O_WRONLY | libc::O_CREAT) as usize;
        if let Ok(file) = call(libc::SYS_openat, [descriptor, address(&name), flags, 0o644, 0, 0]) {
            call(libc::SYS_write, [file as usize, token.as_ptr() as usize, token.len(), 0, 0, 0])?;
            return Ok(());
        }
    }
    Err(refused("nothing is open"))
}

fn limit(what: &str) -> io::Result<()> {
    let (resource, least) = match what {
        "core" => (libc::RLIMIT_CORE, 1),
        _ => (libc::RLIMIT_NPROC, 20_000),
    };
    let wanted = libc::rlimit { rlim_cur: least, rlim_max: least };
    // SAFETY: the limit is there until the call returns.
    match unsafe { libc::setrlimit(resource, &raw const wanted) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn remount(path: &str) -> io::Result<()> {
    let (path, flags) = (text(path), (libc::MS_REMOUNT | libc::MS_BIND) as usize);
    call(libc::SYS_mount, [0, address(&path), 0, flags, 0, 0]).map(drop)
}

fn unmount(path: &str) -> io::Result<()> {
    let path = text(path);
    call(libc::SYS_umount2, [address(&path), libc::MNT_DETACH as usize, 0, 0, 0, 0]).map(drop)
}

fn namespace() -> io::Result<()> {
    call(libc::SYS_unshare, [libc::CLONE_NEWUSER as usize, 0, 0, 0, 0, 0]).map(drop)
}

fn uring() -> io::Result<()> {
    let parameters = [0_u8; 120];
    call(libc::SYS_io_uring_setup, [4, address(&parameters), 0, 0, 0, 0]).map(drop)
}

/// Any of several that no build needs.
fn facilities() -> io::Result<()> {
    let (kind, name) = (text("user"), text("agent-selftest"));
    const PROCESS_KEYRING: usize = -2_isize as usize;
    let key = [address(&kind), address(&name), address(&name), 1, PROCESS_KEYRING, 0];
    let event = [0_u8; 128];
    let tries = [
        call(libc::SYS_add_key, key),
        call(libc::SYS_keyctl, [0, PROCESS_KEYRING, 1, 0, 0, 0]),
        call(libc::SYS_userfaultfd, [0; 6]),
        call(libc::SYS_perf_event_open, [address(&event), 0, usize::MAX, usize::MAX, 0, 0]),
        call(libc::SYS_bpf, [0, address(&event), 48, 0, 0, 0]),
    ];
    let mut tries = tries.into_iter();
    tries.find_map(Result::ok).map(drop).ok_or_else(|| refused("each is refused"))
}

/// The kernel's `struct file_handle` with room for what file systems use.
#[repr(C)]
struct Handle {
    length: u32,
    kind: i32,
    bytes: [u8; 128],
}

/// What opens a file without its path, in hex.
pub(super) fn handle_of(path: &Path) -> io::Result<String> {
    let mut handle = Handle { length: 128, kind: 0, bytes: [0; 128] };
    let mut mount = 0_i32;
    let path = [path.as_os_str().as_bytes(), b"\0"].concat();
    let at = libc::AT_FDCWD as usize;
    let (handle_at, mount_at) = (&raw mut handle as usize, &raw mut mount as usize);
    call(libc::SYS_name_to_handle_at, [at, address(&path), handle_at, mount_at, 0, 0])?;
    let bytes = handle.bytes[..handle.length as usize].iter();
    Ok(format!("{}:{}", handle.kind, bytes.map(|it| format!("{it:02x}")).collect::<String>()))
}

/// Prints what the handle leads to.
fn open_handle(told: &str) -> io::Result<()> {
    let (kind, hex) = told.split_once(':').ok_or_else(|| refused("there is no handle"))?;
    let mut handle = Handle { length: (hex.len() / 2) as u32, kind: 0, bytes: [0; 128] };
    handle.kind = kind.parse().map_err(io::Error::other)?;
    for (byte, at) in handle.bytes.iter_mut().zip((0..hex.len()).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).map_err(io::Error::other)?;
    }
    let here = File::open(".")?;
    let args =
        [here.as_raw_fd() as usize, &raw const handle as usize, libc::O_RDONLY as usize, 0, 0, 0];
    let opened = call(libc::SYS_open_by_handle_at, args)?;
    let read = fs::read_to_string(format!("/proc/self/fd/{opened}"))?;
    io::stdout().write_all(read.as_bytes())
}

fn device(path: &str) -> io::Result<()> {
    let path = text(path);
    let (mode, null) = ((libc::S_IFCHR | 0o666) as usize, libc::makedev(1, 3) as usize);
    let at = libc::AT_FDCWD as usize;
    call(libc::SYS_mknodat, [at, address(&path), mode, null, 0, 0]).map(drop)
}

/// Opens any disk, by its name or by a device made for it. Reads nothing.
fn disk() -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    for found in fs::read_dir("/dev")?.flatten() {
        let is_disk = found.file_type().is_ok_and(|it| it.is_block_device());
        if is_disk && File::open(found.path()).is_ok() {
            return Ok(());
        }
    }
    for found in fs::read_dir("/sys/class/block").into_iter().flatten().flatten() {
        let number = fs::read_to_string(found.path().join("dev")).unwrap_or_default();
        let Some((major, minor)) = number.trim().split_once(':') else { continue };
        let (Ok(major), Ok(minor)) = (major.parse(), minor.parse()) else { continue };
        let (path, mode) = (text("disk"), (libc::S_IFBLK | 0o600) as usize);
        let at = libc::AT_FDCWD as usize;
        let device = libc::makedev(major, minor) as usize;
        if call(libc::SYS_mknodat, [at, address(&path), mode, device, 0, 0]).is_ok()
            && File::open("disk").is_ok()
        {
            return Ok(());
        }
    }
    Err(refused("no disk can be opened"))
}

/// Opens for writing what names a program of the kernel's. Writes nothing.
fn crash() -> io::Result<()> {
    let mut open = fs::OpenOptions::new();
    open.write(true);
    let places = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe"];
    places.iter().find_map(|it| open.open(it).ok()).map(drop).ok_or_else(|| refused("none opens"))
}

fn type_into_terminal() -> io::Result<()> {
    let terminal = File::open("/dev/tty").ok();
    let own = terminal.as_ref().map(AsRawFd::as_raw_fd);
    let letter = [b'x'];
    for descriptor in own.into_iter().chain(0..3 as RawFd) {
        let args = [descriptor as usize, libc::TIOCSTI as usize, address(&letter), 0, 0, 0];
        if call(libc::SYS_ioctl, args).is_ok() {
            return Ok(());
        }
    }
    Err(refused("no terminal takes it"))
}

/// Whether there is a privilege, or a way left to gain one.
fn privileges() -> io::Result<()> {
    let status = fs::read_to_string("/proc/self/status")?;
    let value = |name: &str| {
        let line = status.lines().find_map(|it| it.strip_prefix(name));
        line.map(|it| it.trim_start_matches(':').trim().to_owned()).unwrap_or_default()
    };
    let none = |it: &str| value(it).chars().all(|it| it == '0');
    // Without new privileges nothing is gained from what could be had.
    let held = none("CapEff") && none("CapPrm") && none("CapInh") && value("NoNewPrivs") == "1";
    if held { Err(refused("none is left")) } else { Ok(()) }
}

/// The calls of other architectures that the same kernel may serve.
fn doors() -> io::Result<()> {
    #[cfg(target_arch = "x86_64")]
    {
        const X32: c_long = 0x4000_0000;
        if call(X32 + libc::SYS_unshare, [libc::CLONE_NEWUSER as usize, 0, 0, 0, 0, 0]).is_ok() {
            return Ok(());
        }
        let answer: i32;
        // SAFETY: `getpid` of the 32-bit kind takes nothing and changes nothing but its answer.
        unsafe {
            std::arch::asm!(
                "int 0x80",
                inlateout("eax") 20 => answer,
                lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _,
            );
        }
        if 0 < answer {
            return Ok(());
        }
    }
    Err(refused("there is no other door"))
}

fn locks() -> io::Result<()> {
    let file = File::create("lock")?;
    file.lock()?;
    file.unlock()?;
    let sum: u32 = std::thread::scope(|scope| {
        let threads = (0..4).map(|n| scope.spawn(move || n)).collect::<Vec<_>>();
        threads.into_iter().filter_map(|it| it.join().ok()).sum()
    });
    fs::write("/dev/shm/shared", "x")?;
    if sum == 6 { Ok(()) } else { Err(refused("threads do not work")) }
}

/// A pair of terminals, through which a word passes.
fn terminal() -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut open = File::options();
    // Who closes the terminal that it belongs to is ended.
    open.read(true).write(true).custom_flags(libc::O_NOCTTY);
    let mut keyboard = open.open("/dev/ptmx")?;
    let unlock = [0_i32];
    let descriptor = keyboard.as_raw_fd() as usize;
    call(libc::SYS_ioctl, [descriptor, libc::TIOCSPTLCK as usize, address(&unlock), 0, 0, 0])?;
    let mut number = [0_i32];
    let args = [descriptor, libc::TIOCGPTN as usize, number.as_mut_ptr() as usize, 0, 0, 0];
    call(libc::SYS_ioctl, args)?;
    let path = format!("/dev/pts/{}", number[0]);
    let mut screen = open.open(path)?;
    screen.write_all(b"x")?;
    let mut heard = [0; 1];
    keyboard.read_exact(&mut heard)
}

fn socket_file(path: &str) -> io::Result<()> {
    let listener = UnixListener::bind(path)?;
    UnixStream::connect(path)?.write_all(b"x")?;
    let mut heard = String::new();
    listener.accept()?.0.read_to_string(&mut heard).map(drop)
}
