//! Who stands outside and sees whether somebody comes: listeners, and a victim.

use std::fs;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Listeners of this machine. Each notes whether the token reached it.
pub(super) struct Witnesses {
    token: String,
    tcp: TcpListener,
    tcp6: Option<TcpListener>,
    udp: UdpSocket,
    unix: UnixListener,
    hidden: UnixListener,
    free: u16,
    heard: Arc<AtomicBool>,
}

/// Where they listen, and where nobody does.
pub(super) struct Ports {
    pub(super) tcp: u16,
    pub(super) tcp6: u16,
    pub(super) udp: u16,
    pub(super) free: u16,
}

impl Witnesses {
    pub(super) fn new(token: &str, socket: &Path) -> io::Result<Self> {
        let name = std::os::unix::net::SocketAddr::from_abstract_name(token)?;
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        let (unix, hidden) = (UnixListener::bind(socket)?, UnixListener::bind_addr(&name)?);
        // A machine may have no IPv6.
        let tcp6 = TcpListener::bind("[::1]:0").ok();
        // Nobody else is given it at once: the kernel goes round.
        let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        for it in [&tcp].into_iter().chain(&tcp6) {
            it.set_nonblocking(true)?;
        }
        udp.set_nonblocking(true)?;
        unix.set_nonblocking(true)?;
        hidden.set_nonblocking(true)?;
        let heard = Arc::new(AtomicBool::new(false));
        Ok(Self { token: token.to_owned(), tcp, tcp6, udp, unix, hidden, free, heard })
    }

    pub(super) fn ports(&self) -> Ports {
        let port = |it: io::Result<SocketAddr>| it.map_or(0, |it| it.port());
        Ports {
            tcp: port(self.tcp.local_addr()),
            tcp6: self.tcp6.as_ref().map_or(0, |it| port(it.local_addr())),
            udp: port(self.udp.local_addr()),
            free: self.free,
        }
    }

    /// Whether the token has come to one of them. What comes is there when its sender has ended.
    pub(super) fn were_reached(&self) -> bool {
        let mut came = Vec::new();
        let mut buffer = [0; 512];
        while let Ok(n) = self.udp.recv(&mut buffer) {
            came.extend_from_slice(&buffer[..n]);
        }
        for listener in [&self.tcp].into_iter().chain(&self.tcp6) {
            while let Ok((mut stream, _)) = listener.accept() {
                let _ = stream.set_nonblocking(false);
                let _ = stream.read_to_end(&mut came);
            }
        }
        for listener in [&self.unix, &self.hidden] {
            while let Ok((mut stream, _)) = listener.accept() {
                let _ = stream.set_nonblocking(false);
                let _ = stream.read_to_end(&mut came);
            }
        }
        String::from_utf8_lossy(&came).contains(&self.token)
    }

    pub(super) fn have_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Tries to reach who listens in the project, as soon as it says that it does, and lets it go.
    pub(super) fn call_in(&self, project: &Path) -> impl FnOnce() + Send + 'static {
        let (listening, go) = (project.join("listening"), project.join("go"));
        let (port, token, heard) = (self.free, self.token.clone(), Arc::clone(&self.heard));
        let over = project.join("over");
        move || {
            while !listening.exists() {
                if over.exists() {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
                let mut said = String::new();
                let _ = stream.read_to_string(&mut said);
                heard.store(said.contains(&token), Ordering::Relaxed);
            }
            let _ = fs::write(go, "");
        }
    }
}

/// A process of this machine that does nothing.
pub(super) struct Victim(std::process::Child);

impl Victim {
    /// With the token in its arguments, so that who lists processes finds it.
    #[expect(clippy::disallowed_methods, reason = "it stands for a program that is not ours")]
    pub(super) fn start(token: &str) -> io::Result<Self> {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", "while read -r line; do :; done"]).arg(format!("CANARY-{token}"));
        command.env_clear().env("SECRET", format!("CANARY-{token}"));
        command.stdin(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().map(Self)
    }

    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(super) fn is_dead(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ") || stat.contains(") X ")
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
