//! Runs every test of a libtest program under a QEMU user-mode emulator and prints each test's outcome:
//!
//! ```sh
//! cargo test --no-run --target s390x-unknown-linux-musl cargo run --example run_under_qemu -- /usr/bin/qemu-s390x
//! /usr/s390x-linux-musl target/…/debug/deps/app-0123456789abcdef
//! ```
//!
//! The sysroot holds the target's loader and C library; further arguments are folders with more shared libraries.
//! The exit status is 1 if a test failed.
#![expect(clippy::print_stdout, reason = "the outcomes are this program's output")]
#![expect(clippy::print_stderr, reason = "warnings and failures are for the reader, not for a pipe")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use bringup_runner::interrupt;
use bringup_runner::jobs::Jobs;
use bringup_runner::model::limits::Limits;
use bringup_runner::runner::Runner;
use bringup_runner::sandbox::Sandbox;
use bringup_runner::scratch::Scratch;
use bringup_runner::suite::{Durations, Harness, Options, SuiteRun, TestProgram};

const LIMITS: Limits = Limits {
    test_seconds: 60,
    slow_seconds: 30,
    program_seconds: 1800,
    memory_mib: 2048,
    processes: 200,
    open_files: 1024,
    output_mib: 100,
    disk_mib: 1024,
};

fn main() -> Result<ExitCode> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [emulator, sysroot, program, lib_dirs @ ..] = arguments.as_slice() else {
        bail!("usage: run_under_qemu EMULATOR SYSROOT PROGRAM [LIBRARY-FOLDER…]");
    };
    interrupt::install()?;
    run(&Runner::under_qemu(emulator, sysroot)?, &std::path::absolute(program)?, lib_dirs)
}

fn run(runner: &Runner, program: &Path, lib_dirs: &[PathBuf]) -> Result<ExitCode> {
    let sandbox = Sandbox::prepare(runner, program)?;
    let name = program.file_name().context("the program's path has no file name")?.to_string_lossy().into_owned();
    let programs =
        [TestProgram { suite: name.clone(), name, path: program.to_owned(), unit: true, harness: Harness::Libtest }];
    let warn = |text: &str| eprintln!("{text}");
    let (limits, durations) = (|_: &str| LIMITS, Durations::new());
    let jobs = Jobs::new(std::thread::available_parallelism()?.get(), 0, |text| eprintln!("{text}"))?;
    let options = Options { lib_dirs: lib_dirs.to_vec(), warn: &warn, ..Options::new(jobs, &limits, &durations) };
    let folder = Scratch::new()?;
    let outcome = SuiteRun::new(&programs, &sandbox, &options, folder.path())?.run(&|_, _| ())?;
    interrupt::check()?;
    for note in sandbox.notes.iter().chain(&outcome.notes) {
        eprintln!("note: {note}");
    }
    for test in &outcome.tests {
        match &test.reason {
            Some(reason) => println!("{} {} ({reason})", test.name, test.outcome.word()),
            None => println!("{} {}", test.name, test.outcome.word()),
        }
    }
    let failures = outcome.tests.iter().filter(|test| test.outcome.is_failure()).count();
    eprintln!("{failures} of {} tests failed", outcome.tests.len());
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
