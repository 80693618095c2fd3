//! libc's functions and structures as nix and the crate libc declare them.
#![cfg(test)]

use std::os::fd::AsRawFd as _;

use nix::fcntl::{OFlag, open};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, SockaddrIn, bind, getsockname, recvmsg,
    sendmsg, socket, socketpair,
};
use nix::sys::stat::{Mode, fstat, utimensat, UtimensatFlags};
use nix::sys::time::TimeSpec;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{ForkResult, fork, getpid, pipe, read, write};

#[test]
fn files() {
    let path = std::env::temp_dir().join(format!("nix-{}", getpid()));
    let file = open(&path, OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_RDWR, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    nix::unistd::ftruncate(&file, (5 << 30) + 3).unwrap();
    // Whole seconds: QEMU 11.1 gives s390x programs no nanoseconds in `stat`.
    let times = TimeSpec::new(1_000_000_000, 0);
    utimensat(nix::fcntl::AT_FDCWD, &path, &times, &times, UtimensatFlags::FollowSymlink).unwrap();
    let status = fstat(&file).unwrap();
    assert_eq!((status.st_size, status.st_mode & 0o777), ((5 << 30) + 3, 0o600));
    assert_eq!((status.st_mtime, status.st_mtime_nsec), (1_000_000_000, 0));
    std::fs::remove_file(path).unwrap();
}

/// Alignment and padding of control messages differ between architectures.
#[test]
fn a_file_descriptor_in_a_message() {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::empty()).unwrap();
    let (reader, writer) = pipe().unwrap();
    let text = [std::io::IoSlice::new(b"x")];
    let sent = [writer.as_raw_fd()];
    sendmsg::<()>(ours.as_raw_fd(), &text, &[ControlMessage::ScmRights(&sent)], MsgFlags::empty(), None).unwrap();
    let (mut text, mut space) = ([0; 1], nix::cmsg_space!([std::os::fd::RawFd; 1]));
    let mut slices = [std::io::IoSliceMut::new(&mut text)];
    let message = recvmsg::<()>(theirs.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::empty()).unwrap();
    let received = message.cmsgs().unwrap().find_map(|message| match message {
        ControlMessageOwned::ScmRights(files) => files.first().copied(),
        _ => None,
    });
    // SAFETY: the message brought a descriptor that nobody else owns.
    let received = unsafe { <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(received.unwrap()) };
    write(&received, b"through").unwrap();
    let mut text = [0; 7];
    assert_eq!(read(&reader, &mut text).unwrap(), 7);
    assert_eq!(&text, b"through");
}

#[test]
fn an_address() {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
    bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    let address: SockaddrIn = getsockname(socket.as_raw_fd()).unwrap();
    assert_eq!(address.ip(), std::net::Ipv4Addr::LOCALHOST);
    assert_ne!(address.port(), 0);
}

#[test]
fn a_signal_and_a_child() {
    // SAFETY: the child only raises a signal.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            SigSet::from(Signal::SIGUSR1).thread_unblock().unwrap();
            raise(Signal::SIGUSR1).unwrap();
            std::process::abort();
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Signaled(child, Signal::SIGUSR1, false));
        }
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(clock_gettime(ClockId::CLOCK_REALTIME).unwrap().tv_sec().cast_unsigned().abs_diff(now as _) < 5);
}
