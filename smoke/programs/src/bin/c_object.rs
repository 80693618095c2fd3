//! Rust calls C and C calls Rust, an unwinding panic passes through C, and both have thread-local values.

use std::ffi::c_int;
use std::{io, panic, thread};

#[repr(C)]
#[derive(Debug)]
struct Mixed {
    small: i8,
    real: f64,
    big: i64,
    single: f32,
}

unsafe extern "C" {
    safe fn c_twice(value: Mixed) -> Mixed;
    fn c_sort(values: *mut c_int, count: usize);
    safe fn c_count() -> c_int;
    safe fn c_fail() -> c_int;
}

unsafe extern "C-unwind" {
    safe fn c_apply(function: extern "C-unwind" fn(c_int) -> c_int, from: c_int, to: c_int) -> c_int;
}

// SAFETY: no other symbol of this program has the name.
#[unsafe(no_mangle)]
extern "C" fn rust_add(a: c_int, b: c_int) -> c_int {
    a + b
}

extern "C-unwind" fn square(n: c_int) -> c_int {
    n * n
}

extern "C-unwind" fn refuse_three(n: c_int) -> c_int {
    assert!(n != 3, "no threes");
    n
}

fn main() {
    println!("{:?}", c_twice(Mixed { small: -21, real: 0.75, big: -1 << 40, single: 1.5 }));
    println!("sum of squares: {}", c_apply(square, 1, 10));

    let mut values = [5, -1, 4, -9, 2];
    // SAFETY: the pointer and the length are those of an array.
    unsafe { c_sort(values.as_mut_ptr(), values.len()) };
    println!("sorted: {values:?}");

    let counts: Vec<_> = (0..3).map(|_| thread::spawn(|| (c_count(), c_count())).join().unwrap()).collect();
    println!("counts: {counts:?}, main thread {}", c_count());

    println!("errno: {} {:?}", c_fail(), io::Error::last_os_error().kind());

    panic::set_hook(Box::new(|_| ()));
    let caught = panic::catch_unwind(|| c_apply(refuse_three, 1, 5)).unwrap_err();
    println!("through C: {}", caught.downcast_ref::<&str>().unwrap_or(&"?"));
}
