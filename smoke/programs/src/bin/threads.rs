//! Threads: spawn and join, mutex and condition variable, channels, a barrier, scopes, a time limit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

fn main() {
    let total = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (1..=8)
        .map(|n| {
            let total = Arc::clone(&total);
            thread::spawn(move || {
                for _ in 0..1000 {
                    *total.lock().unwrap() += n;
                }
                n
            })
        })
        .collect();
    let joined: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    println!("joined {joined}, total {}", total.lock().unwrap());

    let (sender, receiver) = mpsc::sync_channel(2);
    let producer = thread::spawn(move || (0..100).for_each(|n| sender.send(n).unwrap()));
    println!("received {}", receiver.iter().sum::<i32>());
    producer.join().unwrap();

    let (ready, wake) = (Mutex::new(false), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            *ready.lock().unwrap() = true;
            wake.notify_all();
        });
        let seen = wake.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
        println!("woken: {seen}");
    });

    let (barrier, leaders) = (Barrier::new(4), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| leaders.fetch_add(barrier.wait().is_leader().into(), Ordering::SeqCst));
        }
    });
    println!("leaders: {}", leaders.into_inner());

    let (_open, silent) = mpsc::channel::<()>();
    let (start, limit) = (Instant::now(), Duration::from_millis(50));
    let late = silent.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
    println!("timed out: {late}, not early: {}", start.elapsed() >= limit);

    let named = thread::Builder::new().name("smoke".into()).stack_size(1 << 20);
    let name = named.spawn(|| thread::current().name().map(str::to_owned)).unwrap().join().unwrap();
    println!("name: {}", name.unwrap_or_default());
}
