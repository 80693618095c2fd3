//! A library that a C program, or `dlopen`, can load.

use std::cell::Cell;
use std::ffi::c_int;

thread_local! {
    static CALLS: Cell<c_int> = const { Cell::new(0) };
}

/// How often this thread has called it.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_calls() -> c_int {
    CALLS.set(CALLS.get() + 1);
    CALLS.get()
}

/// -1 for a negative number, by way of a panic that is caught inside.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_root(n: c_int) -> c_int {
    std::panic::catch_unwind(|| n.checked_isqrt().unwrap()).unwrap_or(-1)
}
