//! Thread-local values: one for each thread, initialized once, destroyed at the thread's end.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

static MADE: AtomicUsize = AtomicUsize::new(0);
static DESTROYED: AtomicUsize = AtomicUsize::new(0);

struct Counted(Vec<u64>);

impl Drop for Counted {
    fn drop(&mut self) {
        DESTROYED.fetch_add(1, SeqCst);
    }
}

#[repr(align(64))]
struct Aligned(Cell<u8>);

thread_local! {
    static LAZY: RefCell<Counted> = {
        MADE.fetch_add(1, SeqCst);
        RefCell::new(Counted(Vec::new()))
    };
    static CONSTANT: Cell<u64> = const { Cell::new(7) };
    static ALIGNED: Aligned = const { Aligned(Cell::new(1)) };
}

fn sum_of_thread(n: u64) -> u64 {
    for i in 0..100 {
        LAZY.with_borrow_mut(|lazy| lazy.0.push(n * i));
        CONSTANT.set(CONSTANT.get() + n);
    }
    let aligned = ALIGNED.with(|value| (&raw const *value).addr() % 64 == 0 && value.0.get() == 1);
    assert!(aligned, "a thread-local value of alignment 64 is at another address, or not its own");
    LAZY.with_borrow(|lazy| lazy.0.iter().sum::<u64>()) + CONSTANT.get()
}

fn main() {
    const THREADS: u64 = 32;
    let sum: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || sum_of_thread(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("sum: {sum}");
    println!("made {}, destroyed {}", MADE.load(SeqCst), DESTROYED.load(SeqCst));
    println!("main thread's own: {}", CONSTANT.get());
}
