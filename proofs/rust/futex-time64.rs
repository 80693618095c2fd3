// Timed waits do not end early on a 32-bit target with a 64-bit time_t.

use std::sync::{Condvar, Mutex};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

fn check(what: &str, wait: impl Fn(Duration)) {
    let timeout = Duration::from_millis(150);
    // Several in a row: rounded down to a second, an end that is just past one is not noticed.
    for _ in 0..5 {
        let start = Instant::now();
        wait(timeout);
        let waited = start.elapsed();
        assert!(waited >= timeout, "{what} of {timeout:?} ended after {waited:?}");
    }
}

fn main() {
    check("park_timeout", park_timeout);
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    check("Condvar::wait_timeout", |timeout| {
        drop(condvar.wait_timeout(mutex.lock().unwrap(), timeout).unwrap());
    });
}
