//! The real thing: a third-party crate built for s390x by the toolchain folder alone, and run under QEMU.
//!
//! `cargo test -p bringup-tests --features end-to-end --test real end_to_end::` builds the toolchain if it is not there.

#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::path::PathBuf;
use std::time::Duration;

use bringup_runner::exec::Cmd;

use crate::driver::{bringup, emulator, printed, succeeds, with_network};

const TARGET: &str = "s390x";
const TRIPLE: &str = "s390x-alpine-linux-musl";

#[test]
fn ripgrep_is_built_and_searches() {
    succeeds(&bringup(&["fetch"]));
    let toolchain = PathBuf::from(printed(&bringup(&["build", TARGET])).trim());
    let work = tempfile::tempdir().unwrap();

    // jemalloc comes with it: the C compiler is put to the test as well.
    let cargo = Cmd::new(toolchain.join("bin/cargo"))
        .args(["install", "ripgrep", "--version", "15.1.0", "--locked", "--target", TRIPLE])
        .arg("--root")
        .arg(work.path())
        .arg("--target-dir")
        .arg(work.path().join("target"))
        .env("CARGO_HOME", work.path().join("cargo"))
        .dir("/");
    let start = std::time::Instant::now();
    let finished = succeeds(&with_network(cargo)).finished;
    let (wall, cpu) = (start.elapsed().as_secs_f64(), finished.cpu.as_secs_f64());
    println!("ripgrep for {TARGET}: {wall:.1} s wall, {cpu:.1} s CPU");

    let emulator = emulator(TARGET);
    let rg = |args: &[&str]| {
        let cmd = Cmd::new(&emulator).arg("-L").arg(toolchain.join("sysroot")).arg(work.path().join("bin/rg"));
        cmd.args(args).dir(work.path()).timeout(Duration::from_mins(1)).output().unwrap()
    };
    let version = rg(&["--version"]);
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("ripgrep 15.1.0"), "{version:?}");

    std::fs::write(work.path().join("poem.txt"), "one\nthe needle\nthree\n").unwrap();
    let found = rg(&["--line-number", "ne{2}dle", "poem.txt"]);
    assert_eq!((found.finished.status.code(), found.stdout.as_slice()), (Some(0), &b"2:the needle\n"[..]));
    let missed = rg(&["absent", "poem.txt"]);
    assert_eq!((missed.finished.status.code(), missed.stdout.len()), (Some(1), 0));
}
