//@ link: static
//@ flags: -Cpanic=abort
// A static program without std takes the C library that its linker driver adds: libc.a, for a static program has no
// dynamic linker to load libc.so with.
#![no_std]
#![no_main]

use core::ffi::{c_char, c_int};

unsafe extern "C" {
    fn atoi(text: *const c_char) -> c_int;
}

#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    unsafe { atoi(c"7".as_ptr()) - 7 }
}

// Prebuilt core refers to it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
