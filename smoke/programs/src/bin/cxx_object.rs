//! C++ from Rust: exceptions through frames of Rust, panics through frames of C++, and destructors on both sides.

use std::cell::Cell;
use std::io::Write as _;
use std::panic::{catch_unwind, set_hook};

type Callback = extern "C-unwind" fn(i32);

unsafe extern "C-unwind" {
    fn cxx_catch(callback: Callback, value: i32) -> i32;
    fn cxx_throw(value: i32);
    fn cxx_through(callback: Callback, value: i32);
    fn cxx_thread(callback: Callback, value: i32);
}

/// C and Rust have buffers of their own, so both are emptied after each line.
fn say(text: &str) {
    println!("{text}");
    std::io::stdout().flush().expect("writing");
}

struct Guard(&'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        say(&format!("Rust drops {}", self.0));
    }
}

extern "C-unwind" fn call_throw(value: i32) {
    let _guard = Guard("a frame under an exception");
    unsafe { cxx_throw(value) };
}

extern "C-unwind" fn panics(value: i32) {
    let _guard = Guard("the panicking frame");
    assert!(value < 5, "{value} is too much");
}

thread_local! {
    static COUNT: Cell<i32> = const { Cell::new(10) };
}

extern "C-unwind" fn count(value: i32) {
    COUNT.set(COUNT.get() + value);
    say(&format!("Rust counts {}", COUNT.get()));
}

unsafe extern "C" {
    fn setvbuf(stream: *mut u8, buffer: *mut u8, mode: i32, size: usize) -> i32;
    static stdout: *mut u8;
}

fn main() {
    // C's stream writes each line at once.
    unsafe { setvbuf(stdout, std::ptr::null_mut(), 2, 0) };
    set_hook(Box::new(|_| {}));

    let caught = unsafe { [cxx_catch(call_throw, 2), cxx_catch(call_throw, 3)] };
    say(&format!("caught: {caught:?}"));

    for value in [4, 5] {
        let result = catch_unwind(|| unsafe { cxx_through(panics, value) });
        let text = result.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default());
        say(&format!("panicked: {text:?}"));
    }

    unsafe { cxx_thread(count, 5) };
    count(7);
}
