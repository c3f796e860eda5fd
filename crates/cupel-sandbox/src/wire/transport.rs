//! Sending and receiving messages with descriptors over a packet socket.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};

use super::encoding::{Message, Writer, decode, wipe};

/// Maximum length of a message, which is below the kernel's default size of a socket buffer.
pub(crate) const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// Maximum number of descriptors sent with one message.
pub(crate) const DESCRIPTORS_MAX: usize = 32;

/// Sends a message. Fails with `EPIPE` if the other side has closed the socket.
pub(crate) fn send<M: Message>(socket: BorrowedFd<'_>, message: &M, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    send_with(socket, message, descriptors, SendFlags::NOSIGNAL)
}

/// Sends a message without descriptors, unless that would block. Returns whether the message was sent.
pub(crate) fn send_now<M: Message>(socket: BorrowedFd<'_>, message: &M) -> io::Result<bool> {
    match send_with(socket, message, &[], SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

fn send_with<M: Message>(
    socket: BorrowedFd<'_>,
    message: &M,
    descriptors: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    let mut writer = Writer(Vec::with_capacity(message.room()));
    message.encode(&mut writer);
    if writer.0.len() > MESSAGE_BYTES_MAX || descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let sent = rustix::net::sendmsg(socket, &[IoSlice::new(&writer.0)], &mut control, flags);
    wipe(&mut writer.0);
    Ok(sent.map(drop)?)
}

/// Receives a message; returns `None` if the other side has closed the socket. Erases the message from the buffer.
pub(crate) fn receive<M: Message>(
    socket: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
    let Some((length, descriptors)) = receive_bytes(socket, buffer)? else { return Ok(None) };
    let bytes = &mut buffer[..length];
    let message = decode(bytes);
    // A cell begins as a copy of its lane's memory, which must not contain earlier requests.
    bytes.fill(0);
    std::hint::black_box(bytes);
    Ok(Some((message?, descriptors)))
}

/// Receives an undecoded message into the buffer, and returns its length and descriptors; `None` if the other side has
/// closed the socket.
pub(crate) fn receive_bytes(socket: BorrowedFd<'_>, buffer: &mut Vec<u8>) -> io::Result<Option<(usize, Vec<OwnedFd>)>> {
    // Fresh memory is zero already, and most messages need little of it.
    if buffer.len() < MESSAGE_BYTES_MAX {
        *buffer = vec![0; MESSAGE_BYTES_MAX];
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => break received,
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            Err(other) => return Err(other.into()),
        }
    };
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            descriptors.extend(fds);
        }
    }
    Ok(Some((received.bytes, descriptors)))
}

/// A connected pair of sockets, closed on exec.
pub(crate) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Waits until `socket` is readable or `timeout` has passed. Returns whether it is readable.
pub(crate) fn readable(socket: BorrowedFd<'_>, timeout: Duration) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let timeout = Timespec::try_from(timeout).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let n = poll(&mut [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)], Some(&timeout))?;
    Ok(n > 0)
}
