//! Panics are caught, and unwinding runs destructors in order and keeps what is in registers.

use std::hint::black_box;
use std::panic::{self, AssertUnwindSafe};

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}{}", self.0, if std::thread::panicking() { " while panicking" } else { "" });
    }
}

#[inline(never)]
fn inner(depth: u32) -> u32 {
    let _inner = Noisy("inner");
    assert!(depth != 3, "reached depth {depth}");
    depth
}

#[inline(never)]
fn outer(depth: u32) -> u32 {
    let _first = Noisy("first");
    let _second = Noisy("second");
    inner(depth) + 1
}

/// Values that are live across the call sit in callee-saved registers, which the unwinder must restore.
#[inline(never)]
fn survivors(seed: u64) -> (u64, f64) {
    let [a, b, c] = [3, 4, 5].map(|n| black_box(seed * n));
    let [x, y, z] = [2.0, 4.0, 8.0].map(|n| black_box(seed as f64 / n));
    let caught = panic::catch_unwind(|| panic::resume_unwind(Box::new(black_box(1_u8))));
    let late = u64::from(caught.is_err());
    (late + a - b + c, x + y + z + late as f64)
}

fn main() {
    panic::set_hook(Box::new(|info| {
        let located = info.location().is_some_and(|place| place.file().ends_with("unwind.rs"));
        println!("hook: {}, located {located}", info.payload_as_str().unwrap_or("?"));
    }));

    println!("no panic: {}", outer(black_box(1)));
    let caught = panic::catch_unwind(|| outer(black_box(3))).unwrap_err();
    println!("caught: {}", caught.downcast_ref::<String>().map_or("?", String::as_str));

    let mut reached = false;
    let nested = panic::catch_unwind(AssertUnwindSafe(|| {
        let again = panic::catch_unwind(|| panic!("first")).unwrap_err();
        reached = true;
        panic::resume_unwind(again);
    }));
    println!("resumed: {}, reached: {reached}", nested.unwrap_err().downcast_ref::<&str>().unwrap_or(&"?"));

    let joined = std::thread::spawn(|| -> () {
        let _noisy = Noisy("in a thread");
        panic!("in a thread");
    })
    .join();
    println!("thread: {}", joined.unwrap_err().downcast_ref::<&str>().unwrap_or(&"?"));

    let (ints, reals) = survivors(black_box(720_720));
    println!("survivors: {ints} {reals}");
}
