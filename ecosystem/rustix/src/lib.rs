//! Raw system calls, without libc: numbers, structures and calling conventions of each architecture.
#![cfg(test)]

use std::io::{Read as _, Write as _};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, SeekFrom, StatxFlags, UTIME_OMIT, openat, statx, utimensat};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, getpid, getppid, kill_process, waitpid, WaitOptions, Signal};
use rustix::time::{ClockId, clock_gettime, clock_getres};

#[test]
fn files() {
    let path = std::env::temp_dir().join(format!("rustix-{}", getpid().as_raw_nonzero()));
    let file = openat(CWD, &path, OFlags::CREATE | OFlags::EXCL | OFlags::RDWR, Mode::RUSR | Mode::WUSR).unwrap();
    // An offset above 4 GiB.
    let offset = (5u64 << 30) + 3;
    assert_eq!(rustix::io::pwrite(&file, b"end", offset).unwrap(), 3);
    assert_eq!(rustix::fs::seek(&file, SeekFrom::End(-2)).unwrap(), offset + 1);
    let mut text = [0; 8];
    assert_eq!(rustix::io::read(&file, &mut text).unwrap(), 2);
    assert_eq!(&text[..2], b"nd");
    let status = statx(&file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).unwrap();
    assert_eq!((status.stx_size, status.stx_mode & 0o777), (offset + 3, 0o600));
    assert_eq!(rustix::fs::fstat(&file).unwrap().st_size as u64, offset + 3);
    // After 2038.
    let times = rustix::fs::Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: 4_102_444_800, tv_nsec: 5 },
    };
    utimensat(CWD, &path, &times, AtFlags::empty()).unwrap();
    let status = statx(&file, "", AtFlags::EMPTY_PATH, StatxFlags::MTIME).unwrap();
    assert_eq!((status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec), (4_102_444_800, 5));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn sockets_and_poll() {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    let mut polled = [PollFd::new(&ours, PollFlags::IN)];
    let short = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    assert_eq!(poll(&mut polled, Some(&short)).unwrap(), 0);
    std::fs::File::from(theirs).write_all(b"text").unwrap();
    assert_eq!(poll(&mut polled, None).unwrap(), 1);
    let mut text = String::new();
    std::fs::File::from(ours).read_to_string(&mut text).unwrap();
    assert_eq!(text, "text");
}

#[test]
fn processes() {
    let mut child = std::process::Command::new("/proc/self/exe").arg("--list").stdout(std::process::Stdio::null()).spawn();
    // Where programs of the target cannot start each other, only the numbers are compared.
    if let Ok(child) = &mut child {
        let id = Pid::from_child(child);
        let _ = kill_process(id, Signal::KILL);
        assert!(waitpid(Some(id), WaitOptions::empty()).unwrap().is_some());
    }
    assert_eq!(getpid().as_raw_nonzero().get().cast_unsigned(), std::process::id());
    assert_eq!(getppid().map(|id| id.as_raw_nonzero().get().cast_unsigned()), Some(std::os::unix::process::parent_id()));
}

#[test]
fn clocks() {
    let [before, after] = [0, 1].map(|_| clock_gettime(ClockId::Monotonic));
    assert!((before.tv_sec, before.tv_nsec) <= (after.tv_sec, after.tv_nsec));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(clock_gettime(ClockId::Realtime).tv_sec.cast_unsigned().abs_diff(now) < 5);
    assert!(clock_getres(ClockId::Realtime).tv_nsec > 0);
}
