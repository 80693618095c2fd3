//! The supervisor: a process between us and each program that we start. It leaves no process of the program behind.
//!
//! It is forked, never executed. Orphans below it become its children (it is a "child subreaper"), so everything that
//! the program starts stays within its reach: in another session, in another group, or daemonized. It waits for the
//! program, gives the processes left behind a moment to end, kills the rest, and ends with the program's status. On
//! SIGTERM it kills everything at once; the kernel also sends that signal when our process ends.
//!
//! A program may kill its supervisor, which is its parent. So there are two of them: the outer one supervises the inner
//! one in the same way, and gets what runs below it if it is gone. If the outer one is killed, the kernel tells the inner
//! one. Only a program that kills both leaves processes behind.
//!
//! The program and the supervisors have their own process groups, so signals from a terminal reach none of them.
//!
//! A supervisor runs in a fork of a process with several threads, so it allocates nothing, takes no lock, and makes
//! only calls that are safe in a signal handler.
#![expect(unsafe_code, reason = "fork, signal masks and closing what others own have no safe form")]

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, getpid, getrlimit, kill_process,
    kill_process_group, setrlimit, wait, waitid, waitpid,
};

use super::LEAK_GRACE;
use crate::process_tree::SUPERVISOR;

/// How long it keeps killing what does not die, and waits for us to read what was left behind.
const PATIENCE: Duration = Duration::from_millis(900);

/// How a program is started below its supervisor.
pub struct Setup {
    /// Our process ID.
    pub harness: Pid,
    /// Written to when the program has left processes behind, which are killed at the next SIGTERM.
    pub report: OwnedFd,
    /// Whether standard error goes into standard output.
    pub merge_stderr: bool,
    /// How many files each process may have open at once.
    pub open_files: Option<u64>,
}

/// Makes `command` start the supervisors: `spawn` returns the outer one, and the program is the child of the inner one.
pub fn install(command: &mut Command, setup: Setup) {
    command.process_group(0);
    // SAFETY: `enter` keeps to what is allowed between fork and exec, see above.
    unsafe { command.pre_exec(move || enter(&setup)) };
}

/// Becomes the outer supervisor and the inner one, which do not return, and the program, which does.
fn enter(setup: &Setup) -> io::Result<()> {
    // First of all: a signal would run our handlers, which speak to the process that we were forked from.
    let mask = set_mask(libc::SIG_BLOCK, &all_signals())?;
    let outer = supervise(setup.harness)?;
    // Its end with the program's signal must not write a core either.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    if setup.merge_stderr {
        rustix::stdio::dup2_stderr(rustix::stdio::stdout())?;
    }
    if let Some(inner) = fork()? {
        Supervisor { program: inner, is_outer: true, report: &setup.report }.run();
    }
    let inner = supervise(outer)?;
    let (ready, not_ready) = pipe_with(PipeFlags::CLOEXEC)?;
    if let Some(program) = fork()? {
        Supervisor { program, is_outer: false, report: &setup.report }.run();
    }
    // A program that stopped us while std's own pipe is open here would stop our caller, too.
    drop(not_ready);
    rustix::io::retry_on_intr(|| rustix::io::read(&ready, &mut [0; 1]))?;
    rustix::process::setpgid(None, None)?;
    end_with(inner, Signal::KILL)?;
    if let Some(most) = setup.open_files {
        let most = most_open_files().map_or(most, |hard| hard.min(most));
        setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    heed_all_signals();
    set_mask(libc::SIG_SETMASK, &mask).map(drop)
}

/// Makes this process the parent of orphans below it, to be told when `parent` ends.
fn supervise(parent: Pid) -> io::Result<Pid> {
    end_with(parent, Signal::TERM)?;
    let me = getpid();
    rustix::process::set_child_subreaper(Some(me))?;
    Ok(me)
}

/// Makes the kernel send a signal when `parent` ends.
fn end_with(parent: Pid, signal: Signal) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(signal))?;
    // It may have died before that.
    if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
}

/// The child in the parent; nothing in the child.
fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: this process has one thread, and its child keeps to the same rules.
    match unsafe { libc::fork() } {
        0 => Ok(None),
        id => Pid::from_raw(id).filter(|_| id > 0).map(Some).ok_or_else(io::Error::last_os_error),
    }
}

/// The most files that a program may be allowed to have open at once.
pub fn most_open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// What our own caller ignores, and we do not catch, would be ignored by the program, too.
fn heed_all_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: it only resets a disposition. Those that cannot be changed are at their default.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

struct Supervisor<'a> {
    /// The program; for the outer supervisor, the inner one.
    program: Pid,
    is_outer: bool,
    report: &'a OwnedFd,
}

/// Why a wait for the last process ended.
#[derive(PartialEq, Eq)]
enum WaitEnd {
    Alone,
    Late,
    Told,
}

impl Supervisor<'_> {
    fn run(&self) -> ! {
        // The pipes of output and std's own pipe would never end otherwise; and the program waits for the end of one.
        close_all_but(self.report.as_raw_fd());
        let _ = rustix::thread::set_name(SUPERVISOR);
        // Both sides do this, because either may come first.
        let _ = rustix::process::setpgid(Some(self.program), Some(self.program));
        let ended = self.await_end();
        if ended && await_stragglers(LEAK_GRACE) == WaitEnd::Late {
            let _ = rustix::io::write(self.report, b"!");
            await_stragglers(PATIENCE);
        } else if !ended && self.is_outer {
            // The inner one knows the program's group. What it does not kill in time is killed here.
            let _ = kill_process(self.program, Signal::TERM);
            await_stragglers(PATIENCE);
        }
        // Not taken yet: as a zombie it keeps its number, so that no other group can have it. A program that is killed
        // here has no status of its own.
        let status = (ended || self.is_outer).then(|| {
            waitid(WaitId::Pid(self.program), WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT)
        });
        self.sweep();
        end_as(status.and_then(Result::ok).flatten().as_ref())
    }

    /// Waits for the program's end, and takes orphans that end before. False if it is not to be waited for any longer.
    fn await_end(&self) -> bool {
        loop {
            while let Some(child) = ended_child() {
                if child == self.program {
                    return true;
                }
                let _ = waitpid(Some(child), WaitOptions::NOHANG);
            }
            if is_order(next_signal(None)) {
                return false;
            }
        }
    }

    /// Kills everything below. Children of those that are killed become ours, for the next round. What cannot be killed
    /// (it sleeps in the kernel, or is another user's) is given up at last.
    fn sweep(&self) {
        let end = Instant::now() + PATIENCE;
        while any_alive() && Instant::now() < end {
            // The group at once: one by one, a program that forks without end would be faster.
            let _ = kill_process_group(self.program, Signal::KILL);
            let _ = kill_children();
            next_signal(Some(Duration::from_millis(5)));
        }
        // Their processor time is ours once they are waited for.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}

/// Waits until no process is left below.
fn await_stragglers(limit: Duration) -> WaitEnd {
    let end = Instant::now() + limit;
    while any_alive() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return WaitEnd::Late;
        }
        if is_order(next_signal(Some(left))) {
            return WaitEnd::Told;
        }
    }
    WaitEnd::Alone
}

/// Ends this process as another one has ended; without one, as if killed.
fn end_as(status: Option<&WaitIdStatus>) -> ! {
    if let Some(code) = status.and_then(WaitIdStatus::exit_status) {
        // SAFETY: ends this process, without any of the handlers of the one that it was forked from.
        unsafe { libc::_exit(code) };
    }
    let signal = status.and_then(WaitIdStatus::terminating_signal).unwrap_or(libc::SIGKILL);
    // SAFETY: plain system calls. The signal is blocked until the last of them, and then does what it does by default.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::kill(libc::getpid(), signal);
        let mut mask = MaybeUninit::uninit();
        libc::sigemptyset(mask.as_mut_ptr());
        libc::sigaddset(mask.as_mut_ptr(), signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, mask.as_ptr(), null_mut());
        libc::_exit(128 + signal)
    }
}

/// A child that has ended and was not waited for; the program before any that came later.
fn ended_child() -> Option<Pid> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is valid for writing, and all zeros is a value of its type; waitid sets the process' number or
    // leaves 0.
    let id = unsafe {
        libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options);
        info.assume_init().si_pid()
    };
    Pid::from_raw(id)
}

/// Whether a child lives. One that has ended cannot stop or go on any more: asked for that, the kernel says ECHILD when
/// there are none but such.
fn any_alive() -> bool {
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD))
}

/// Kills all children: the processes in /proc whose parent we are. They keep their numbers until we wait for them.
fn kill_children() -> rustix::io::Result<()> {
    let me = getpid();
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let proc = openat(CWD, c"/proc", flags | OFlags::DIRECTORY, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(&proc, &mut buffer);
    while let Some(entry) = entries.next() {
        let mut path = [0; 32];
        let Some((pid, path)) = stat_file(entry?.file_name(), &mut path) else { continue };
        let mut stat = [0; 512];
        let read = openat(&proc, path, flags, Mode::empty()).and_then(|file| rustix::io::read(file, &mut stat));
        if read.is_ok_and(|length| parent(&stat[..length]) == Some(me)) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    Ok(())
}

/// `123/stat` for the entry `123` of /proc; nothing for one that is no process.
fn stat_file<'a>(name: &CStr, path: &'a mut [u8; 32]) -> Option<(Pid, &'a CStr)> {
    let name = name.to_bytes();
    let number = number(name)?;
    let (head, rest) = path.split_at_mut_checked(name.len())?;
    head.copy_from_slice(name);
    rest.get_mut(..5)?.copy_from_slice(b"/stat");
    Some((number, CStr::from_bytes_until_nul(path).ok()?))
}

/// The parent, from `PID (NAME) STATE PARENT …`, see proc(5). The name may hold anything.
fn parent(stat: &[u8]) -> Option<Pid> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = stat.get(after_name + 2..)?.split(|byte| *byte == b' ');
    number(fields.nth(1)?)
}

fn number(digits: &[u8]) -> Option<Pid> {
    let add = |number: i32, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| i32::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    Pid::from_raw(digits.iter().try_fold(0, add)?)
}

fn close_all_but(kept: i32) {
    let kept = kept.unsigned_abs();
    let below = (kept > 0).then(|| (0, kept - 1));
    for (first, last) in below.into_iter().chain([(kept + 1, u32::MAX)]) {
        // SAFETY: nothing of what is closed is used again in this process, which never returns.
        let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0;
        if !closed {
            // Linux before 5.9.
            for fd in first..last.min(65536) {
                // SAFETY: as above.
                unsafe { libc::close(fd.cast_signed()) };
            }
        }
    }
}

/// Whether a signal says to end.
fn is_order(signal: i32) -> bool {
    matches!(signal, libc::SIGTERM | libc::SIGINT | libc::SIGHUP)
}

/// Waits for a signal that means something here; something else if the time is over.
fn next_signal(limit: Option<Duration>) -> i32 {
    let mut mask = MaybeUninit::uninit();
    let time = limit.map(|limit| libc::timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    });
    // SAFETY: the set is made empty before it is used; all pointers are to values on the stack, or null where that is
    // allowed.
    unsafe {
        libc::sigemptyset(mask.as_mut_ptr());
        for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            libc::sigaddset(mask.as_mut_ptr(), signal);
        }
        let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        libc::sigtimedwait(mask.as_ptr(), null_mut(), time)
    }
}

fn all_signals() -> libc::sigset_t {
    let mut mask = MaybeUninit::uninit();
    // SAFETY: sigfillset makes the set.
    unsafe {
        libc::sigfillset(mask.as_mut_ptr());
        mask.assume_init()
    }
}

/// Changes the signal mask, and gives the one before.
fn set_mask(how: i32, mask: &libc::sigset_t) -> io::Result<libc::sigset_t> {
    let mut before = MaybeUninit::uninit();
    // SAFETY: both sets are valid; the call sets the second where it succeeds.
    unsafe {
        if libc::sigprocmask(how, mask, before.as_mut_ptr()) == 0 {
            Ok(before.assume_init())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}
