//! Times after 2038, by the libc crate and by std: both must know that `time_t` has 64 bits.

use std::fs::File;
use std::os::fd::FromRawFd as _;
use std::time::{Duration, SystemTime};

/// In the year 2128. A `time_t` of 32 bits ends in 2038.
const LATE: &str = "5000000000";

fn main() {
    println!("time_t: {} bytes", size_of::<libc::time_t>());
    println!("timespec: {} bytes", size_of::<libc::timespec>());

    // libc takes the time by a pointer, and writes it by one.
    let late: libc::time_t = LATE.parse().expect("time_t has 64 bits");
    // SAFETY: All bytes zero are a valid `tm`, and both pointers are valid.
    let year = unsafe {
        let mut parts: libc::tm = std::mem::zeroed();
        assert!(!libc::gmtime_r(&raw const late, &raw mut parts).is_null());
        assert_eq!(libc::timegm(&raw mut parts), late);
        parts.tm_year + 1900
    };
    println!("year: {year}");

    // std refuses a time that does not fit.
    // SAFETY: The name is a C string, and the descriptor belongs to the file alone.
    let file = unsafe { File::from_raw_fd(libc::memfd_create(c"late".as_ptr(), libc::MFD_CLOEXEC)) };
    let late = SystemTime::UNIX_EPOCH + Duration::from_secs(LATE.parse().expect("a number"));
    file.set_modified(late).expect("std's time_t has 64 bits");
    println!("modified late: {}", file.metadata().and_then(|found| found.modified()).expect("a time") == late);
}
