//! A listening socket on its way out of the namespace of a command.
//!
//! A socket belongs to the network it was made in, whoever holds it: what connects inside is
//! accepted outside, and there is no other way between the two.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

/// How many connections wait to be accepted.
const BACKLOG: i32 = 128;

/// The end that receives, and the one to hand out by.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (family, flags) = (AddressFamily::UNIX, SocketFlags::CLOEXEC);
    Ok(rustix::net::socketpair(family, SocketType::STREAM, flags, None)?)
}

/// Listens at `port` of the loopback and hands that out. Made between fork and exec: it allocates
/// nothing.
pub(super) fn listen(to: BorrowedFd<'_>, port: u16) -> rustix::io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    rustix::net::listen(&socket, BACKLOG)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let handed = [socket.as_fd()];
    // The space is for one.
    control.push(SendAncillaryMessage::ScmRights(&handed));
    let flags = SendFlags::NOSIGNAL;
    rustix::net::sendmsg(to, &[IoSlice::new(b".")], &mut control, flags).map(drop)
}

/// What was handed out, which must have happened.
pub(super) fn receive(from: OwnedFd) -> io::Result<TcpListener> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut slices = [IoSliceMut::new(&mut byte)];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    rustix::net::recvmsg(from, &mut slices, &mut control, flags)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut handed) = message
            && let Some(socket) = handed.next()
        {
            return Ok(socket.into());
        }
    }
    Err(io::Error::other("the command has handed out no socket"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn what_connects_inside_is_accepted_outside() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (here, there) = pair().unwrap();
        listen(there.as_fd(), free).unwrap();
        let listener = receive(here).unwrap();
        let mut inside = TcpStream::connect(("127.0.0.1", free)).unwrap();
        listener.set_nonblocking(false).unwrap();
        listener.accept().unwrap().0.write_all(b"hello").unwrap();
        let mut heard = String::new();
        inside.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "hello");
    }

    #[test]
    fn where_nothing_was_handed_out_nothing_is_waited_for() {
        let (here, _there) = pair().unwrap();
        assert_eq!(receive(here).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
