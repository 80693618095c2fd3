// std handles times beyond 2038 on a 32-bit musl, and calls none of the functions that musl keeps for 32-bit times.

use std::ffi::{c_char, c_int, c_uint};
use std::fs::{self, File};
use std::os::fd::FromRawFd;
use std::os::linux::fs::MetadataExt;
use std::thread::sleep;
use std::time::{Duration, Instant, UNIX_EPOCH};

unsafe extern "C" {
    fn memfd_create(name: *const c_char, flags: c_uint) -> c_int;
}

const OLD: &str = " clock_gettime clock_nanosleep fstat futimens lstat stat utimensat ";

fn main() {
    // Not every file system on a disk has such times, but the kernel's own does.
    let file = unsafe { File::from_raw_fd(memfd_create(c"time64".as_ptr(), 0)) };
    let year_2100 = UNIX_EPOCH + Duration::from_secs(4_102_444_800);
    file.set_modified(year_2100).unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!((metadata.modified().unwrap(), metadata.st_mtime()), (year_2100, 4_102_444_800));

    sleep(Duration::from_millis(1));
    assert!(Instant::now().elapsed() < Duration::from_secs(60));
    let exe = fs::read("/proc/self/exe").unwrap();
    for name in OLD.split_whitespace() {
        let symbol = [b"\0", name.as_bytes(), b"\0"].concat();
        assert!(!exe.windows(symbol.len()).any(|bytes| bytes == symbol), "uses {name}");
    }
}
