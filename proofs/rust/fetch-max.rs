// The atomic maximum and minimum of each width compile for a processor without conditional moves, and are right.

use std::hint::black_box;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64};

macro_rules! check {
    ($($atomic:ty: $low:expr, $high:expr;)*) => {$(
        let value = black_box(<$atomic>::new($low));
        assert_eq!(value.fetch_max($high, SeqCst), $low);
        assert_eq!(value.fetch_max($low, SeqCst), $high);
        assert_eq!(value.fetch_min($low, SeqCst), $high);
        assert_eq!(value.fetch_min($high, SeqCst), $low);
        assert_eq!(value.into_inner(), $low);
    )*};
}

fn main() {
    check! {
        AtomicI8: -2, 1;
        AtomicU8: 1, 0xfe;
        AtomicI16: -2, 1;
        AtomicU16: 1, 0xfffe;
        AtomicI32: -2, 1;
        AtomicU32: 1, 0xffff_fffe;
        AtomicI64: -2, 1;
        AtomicU64: 1, 0xffff_ffff_ffff_fffe;
    }
}
