//! Ctrl-C and SIGTERM as an event that ends a wait.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

static PIPE: OnceLock<OwnedFd> = OnceLock::new();

/// The run was interrupted by the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted; run the same command again to continue after the last complete step")
    }
}

impl std::error::Error for Interrupted {}

/// Whether the error is an interrupt. After one, no fallback is tried.
pub fn is_interrupt(error: &anyhow::Error) -> bool {
    error.is::<Interrupted>()
}

/// Turns SIGINT, SIGTERM and SIGHUP into a readable pipe. A program calls this once, at its start.
///
/// # Errors
///
/// If the signals cannot be caught.
pub fn install() -> Result<()> {
    let (read, write) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).context("creating the pipe for signals")?;
    // The byte is never read, so every later wait returns at once.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        let end = write.try_clone().context("creating the pipe for signals")?;
        signal_hook::low_level::pipe::register(signal, end).with_context(|| format!("catching signal {signal}"))?;
    }
    PIPE.set(read).ok();
    Ok(())
}

/// The descriptor that is readable from the first signal on, if [`install`] was called.
pub fn fd() -> Option<BorrowedFd<'static>> {
    PIPE.get().map(AsFd::as_fd)
}

/// Whether a signal has come.
pub fn requested() -> bool {
    fd().is_some_and(|fd| {
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(n) if n > 0)
    })
}

/// Stops work after a signal.
///
/// # Errors
///
/// [`Interrupted`] once a signal has come.
pub fn check() -> Result<()> {
    if requested() { Err(Interrupted.into()) } else { Ok(()) }
}
