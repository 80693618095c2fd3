//! Bindings that bindgen makes of a C header with the target's headers below it, against what the C compiler says.
#![cfg(test)]

#[allow(warnings, reason = "the code is generated")]
mod c {
    include!(concat!(env!("OUT_DIR"), "/c.rs"));
}

use std::mem::{align_of, offset_of, size_of};

#[test]
fn layouts() {
    let ours = [
        (size_of::<c::mixed>(), align_of::<c::mixed>(), offset_of!(c::mixed, h)),
        (size_of::<c::fields>(), align_of::<c::fields>(), 0),
        (size_of::<c::stat>(), align_of::<c::stat>(), offset_of!(c::stat, st_mtim)),
    ];
    for (which, ours) in (0..).zip(ours) {
        // SAFETY: the function accepts any number.
        let c::layout { size, align, offset } = unsafe { c::layout(which) };
        assert_eq!(ours, (size as usize, align as usize, offset as usize), "{which}");
    }
}

#[test]
fn bit_fields() {
    // No negative number: the accessors do not extend signs on any architecture (rust-lang/rust-bindgen issue 1160).
    // SAFETY: the function accepts these values.
    let fields = unsafe { c::fields(5, 60, 0x1_2345_6789, true) };
    assert_eq!((fields.a(), fields.b(), fields.c(), fields.d()), (5, 60, 0x1_2345_6789, true));
}

#[test]
fn a_structure_in_memory() {
    // SAFETY: all-zero bytes are a valid `mixed`.
    let mut mixed: [c::mixed; 3] = unsafe { std::mem::zeroed() };
    for (i, one) in (1..).zip(&mut mixed) {
        (one.a, one.b, one.c, one.d) = (i, -2, 300, 1 << 40);
        (one.e, one.g, one.h.tv_nsec, one.i) = (0.25, c::colour_GREEN, 999_999_999, 'x' as _);
    }
    let one = -2.0 + 300.0 + (1u64 << 40) as f64 + 0.25 + 7.0 + 999_999_999.0 + 120.0;
    // SAFETY: the array has three elements.
    assert_eq!(unsafe { c::sum(mixed.as_mut_ptr(), 3) }, 3.0 * one + 6.0);
    assert_eq!(c::ANSWER, 42);
}
