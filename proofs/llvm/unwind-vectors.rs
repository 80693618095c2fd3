// Sums that a loop keeps in vector registers across caught panics come out right.
//@ link: dynamic static
//@ flags: -Copt-level=3

use std::hint::black_box;
use std::panic::{catch_unwind, resume_unwind};

#[inline(never)]
fn leave(now: bool) {
    if now {
        resume_unwind(Box::new(1_u8));
    }
}

/// Keeps other sums in the same registers and leaves through a panic.
#[inline(never)]
fn busy(rows: &[[i32; 4]]) -> [i64; 4] {
    let mut sums = [-1_i64; 4];
    for row in rows {
        for (sum, item) in sums.iter_mut().zip(row) {
            *sum -= i64::from(*item) << (*item & 3);
        }
        leave(black_box(row[0] == 5));
    }
    sums
}

#[inline(never)]
fn sum(rows: &[[i32; 4]]) -> [i64; 4] {
    let mut sums = [0_i64; 4];
    for row in rows {
        for (sum, item) in sums.iter_mut().zip(row) {
            *sum += i64::from(*item) << (*item & 3);
        }
        drop(catch_unwind(|| busy(rows)));
    }
    sums
}

fn main() {
    let rows = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]];
    assert_eq!(sum(black_box(&rows)), [30, 72, 168, 24]);
}
