// Reals that a function holds in registers across a caught panic are there afterwards.
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

macro_rules! reals {
    ($($real:ident $factor:literal)*) => {
        /// Fills the registers before it leaves.
        #[inline(never)]
        fn busy(unit: f64) -> f64 {
            $(let $real = black_box(-$factor as f64) - unit;)*
            leave(black_box(unit) == unit);
            $(let $real = black_box($real);)*
            [$($real),*].iter().sum()
        }

        /// How many of the reals are wrong afterwards.
        #[inline(never)]
        fn hold(unit: f64) -> usize {
            $(let $real = black_box($factor as f64) * unit;)*
            drop(catch_unwind(|| busy(black_box(2.0))));
            // All leave their registers before anything else can move them.
            $(let $real = black_box($real);)*
            let right = [$($factor as f64 * 1.5),*];
            right.iter().zip([$($real),*]).filter(|&(right, held)| *right != held).count()
        }
    };
}

reals!(a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10 k 11 l 12 m 13 n 14 o 15 p 16 q 17 r 18 s 19 t 20 u 21 v 22 w 23
    x 24 y 25 z 26 aa 27 ab 28 ac 29 ad 30 ae 31 af 32 ag 33 ah 34 ai 35 aj 36);

fn main() {
    let wrong = hold(black_box(1.5));
    assert!(wrong == 0, "{wrong} of 36 reals are wrong after a panic");
}
