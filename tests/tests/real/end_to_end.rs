//! The real thing: a third-party crate built for s390x by the toolchain folder alone, and run under QEMU.
//!
//! `cargo test -p bringup-tests --features end-to-end --test real end_to_end::` builds the toolchain if it is not there.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and prints its figures"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use bringup_runner::exec::{Cmd, Output};

const TARGET: &str = "s390x";
const TRIPLE: &str = "s390x-alpine-linux-musl";

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn succeeds(cmd: &Cmd) -> Output {
    let output = cmd.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.finished.status.success(), "{}: {:?}\n{text}", cmd.display(), output.finished.status);
    output
}

fn bringup() -> Cmd {
    let cmd = Cmd::new(env!("CARGO_BIN_EXE_bringup")).arg("-C").arg(project());
    let kept = ["CARGO", "HOME", "RUSTUP_HOME", "XDG_CACHE_HOME", "BRINGUP_CACHE"];
    let cmd = kept.into_iter().chain(xtask::source::fetch::NETWORK_ENV.iter().copied()).fold(cmd, Cmd::inherit);
    cmd.timeout(Duration::from_mins(30))
}

fn emulator() -> PathBuf {
    // `fetch` says where the emulator is.
    let output = succeeds(&bringup().arg("doctor"));
    let text = String::from_utf8(output.stdout).unwrap();
    let name = format!("qemu-{TARGET} ");
    let line = text.lines().find(|line| line.contains(&name)).unwrap_or_else(|| panic!("no emulator in:\n{text}"));
    line.split_whitespace().last().unwrap().into()
}

#[test]
fn ripgrep_is_built_and_searches() {
    succeeds(&bringup().arg("fetch"));
    let built = succeeds(&bringup().args(["build", TARGET]));
    let toolchain = PathBuf::from(String::from_utf8(built.stdout).unwrap().trim());
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
    let cargo = xtask::source::fetch::NETWORK_ENV.iter().copied().fold(cargo, Cmd::inherit);
    let start = std::time::Instant::now();
    let finished = succeeds(&cargo).finished;
    let (wall, cpu) = (start.elapsed().as_secs_f64(), finished.cpu.as_secs_f64());
    println!("ripgrep for {TARGET}: {wall:.1} s wall, {cpu:.1} s CPU");

    let emulator = emulator();
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
