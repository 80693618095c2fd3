//! What a function holds in registers across a caught panic, or across a backtrace, is there afterwards: integers, conditions,
//! and more reals than an architecture preserves registers for, so that all of those are in use.

use std::backtrace::Backtrace;
use std::cell::Cell;
use std::hint::black_box;
use std::panic;

/// Defines `$name`, which keeps a value for each of `$held` and two conditions while `during` runs, and says how many changed; and
/// `$busy`, which fills the same registers with others before it leaves through a panic.
macro_rules! hold {
    ($name:ident, $busy:ident, $number:ty: $($held:ident $factor:literal)*) => {
        #[inline(never)]
        fn $name(what: &str, unit: &Cell<$number>, during: impl FnOnce()) {
            let first = unit.get();
            $(let $held = black_box($factor as $number) * first;)*
            let (odd, small) = (black_box(first) != first, first < black_box(8 as $number));
            during();
            // All leave their registers before anything else can move them.
            $(let $held = black_box($held);)*
            let held = [$($held),*];
            let conditions = usize::from(odd) + usize::from(!small);
            // Not from `first`, which was in a register, too.
            let right = [$($factor as $number * unit.get()),*];
            let wrong = right.iter().zip(held).filter(|&(right, held)| *right != held).count();
            println!("{what}: {wrong} of {} values, {conditions} of 2 conditions wrong", held.len());
        }

        #[inline(never)]
        fn $busy(unit: $number) -> $number {
            $(let $held = black_box(-$factor as $number) - unit;)*
            leave(black_box(unit) == unit);
            $(let $held = black_box($held);)*
            [$($held),*].iter().sum()
        }
    };
}

#[inline(never)]
fn leave(now: bool) {
    if now {
        panic::resume_unwind(Box::new(1_u8));
    }
}

hold!(hold_reals, busy_with_reals, f64: a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10 k 11 l 12 m 13 n 14 o 15 p 16
    q 17 r 18 s 19 t 20 u 21 v 22 w 23 x 24 y 25 z 26 aa 27 ab 28 ac 29 ad 30 ae 31 af 32 ag 33 ah 34 ai 35 aj 36);
hold!(hold_ints, busy_with_ints, i64: a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10 k 11 l 12 m 13 n 14 o 15 p 16
    q 17 r 18 s 19 t 20 u 21 v 22 w 23 x 24);

/// Runs what panics.
fn caught<T>(work: impl FnOnce() -> T + panic::UnwindSafe) {
    assert!(panic::catch_unwind(|| drop(work())).is_err_and(|payload| payload.is::<u8>()));
}

/// Sums of four columns, which a compiler with vectors keeps in those while it calls.
#[inline(never)]
fn sum_columns(rows: &[[i32; 4]]) -> [i64; 4] {
    let mut sums = [0_i64; 4];
    for row in rows {
        for (sum, item) in sums.iter_mut().zip(row) {
            *sum += i64::from(*item) << (*item & 3);
        }
        caught(|| busy_with_reals(black_box(2.0)));
    }
    sums
}

fn main() {
    let (real, int) = (Cell::new(1.5), Cell::new(3));
    let (real, int) = (black_box(&real), black_box(&int));
    hold_reals("reals across a panic", real, || caught(|| busy_with_reals(black_box(2.0))));
    hold_ints("integers across a panic", int, || caught(|| busy_with_ints(black_box(2))));
    hold_reals("reals across a backtrace", real, || drop(black_box(Backtrace::force_capture())));
    hold_ints("integers across a backtrace", int, || drop(black_box(Backtrace::force_capture())));
    println!("sums across panics: {:?}", sum_columns(black_box(&[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])));
}
