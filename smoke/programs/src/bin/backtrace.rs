//! A backtrace names functions, and says the file and the line from the line tables.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::hint::black_box;

#[inline(never)]
fn deepest_function() -> (String, Vec<u32>) {
    (Backtrace::force_capture().to_string(), vec![line!()])
}

#[inline(never)]
fn function_between() -> (String, Vec<u32>) {
    let ((trace, mut lines), line) = (black_box(deepest_function()), line!());
    lines.push(line);
    (trace, lines)
}

fn main() {
    let (trace, lines) = function_between();
    let mut complete = true;
    for (name, line) in ["deepest_function", "function_between"].into_iter().zip(lines) {
        let named = trace.lines().any(|text| text.ends_with(name));
        let located = trace.contains(&format!("/backtrace.rs:{line}:"));
        println!("{name}: named {named}, located {located}");
        complete &= named && located;
    }
    if !complete {
        eprintln!("{trace}");
    }

    // SAFETY: no other thread is running.
    unsafe { std::env::set_var("RUST_BACKTRACE", "1") };
    println!("RUST_BACKTRACE=1: {}", Backtrace::capture().status() == BacktraceStatus::Captured);
}
