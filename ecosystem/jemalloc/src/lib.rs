//! jemalloc: configure, atomics of every size, and thread-locals; then as the allocator of everything.
#![cfg(test)]

use std::alloc::{Layout, alloc, dealloc, realloc};

#[global_allocator]
static GLOBAL: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[test]
fn alignments() {
    for power in 0..16 {
        for size in [1, 7, 64, 4097, 1 << 20] {
            let layout = Layout::from_size_align(size, 1 << power).unwrap();
            // SAFETY: the layout is not empty. The block is written within its size, and freed with its layout.
            unsafe {
                let block = alloc(layout);
                assert!(!block.is_null() && block.addr().is_multiple_of(1 << power), "{layout:?}");
                block.write_bytes(0xa5, size);
                let larger = realloc(block, layout, 2 * size);
                assert!(!larger.is_null() && larger.addr().is_multiple_of(1 << power), "{layout:?}");
                assert!((0..size).all(|i| larger.add(i).read() == 0xa5), "{layout:?}");
                dealloc(larger, Layout::from_size_align(2 * size, 1 << power).unwrap());
            }
        }
    }
}

/// Blocks of one thread are freed by another.
#[test]
fn threads() {
    let (send, receive) = std::sync::mpsc::channel::<Vec<u64>>();
    let makers: Vec<_> = (0..4u64)
        .map(|thread| {
            let send = send.clone();
            std::thread::spawn(move || (0..500).for_each(|i| send.send(vec![thread; i]).unwrap()))
        })
        .collect();
    drop(send);
    let sum: u64 = receive.iter().map(|block| block.iter().sum::<u64>()).sum();
    makers.into_iter().for_each(|maker| maker.join().unwrap());
    assert_eq!(sum, (0..4).sum::<u64>() * (0..500).sum::<u64>());
}
