//! Runs the test programs of another architecture, and reports an outcome for every test.
//!
//! A program is run by an emulator (QEMU user-mode), by this machine's own processor, or by another machine over ssh.
//! Each of its processes gets a private home, temporary folder and working folder; where the kernel allows it, also a
//! network of its own. Time, memory, processes, open files, output and disk are limited. When a process ends, nothing
//! that it started is left. A test that takes its process down costs no other test its outcome: new processes run the
//! rest, and the test that caused the end is found.
//!
//! # Example
//!
//! Run every test of a libtest program, built with `cargo test --no-run --target s390x-unknown-linux-musl`:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use bringup_runner::jobs::Jobs;
//! use bringup_runner::model::limits::Limits;
//! use bringup_runner::runner::Runner;
//! use bringup_runner::sandbox::Sandbox;
//! use bringup_runner::scratch::Scratch;
//! use bringup_runner::suite::{Durations, Harness, Options, SuiteRun, TestProgram};
//!
//! fn main() -> anyhow::Result<()> {
//!     bringup_runner::interrupt::install()?;
//!     let path = Path::new("target/s390x-unknown-linux-musl/debug/deps/app-0123456789abcdef");
//!     let runner = Runner::under_qemu(Path::new("/usr/bin/qemu-s390x"), Path::new("/usr/s390x-linux-musl"))?;
//!     let sandbox = Sandbox::prepare(&runner, path)?;
//!     let limits = Limits {
//!         test_seconds: 60,
//!         slow_seconds: 30,
//!         program_seconds: 600,
//!         memory_mib: 2048,
//!         processes: 200,
//!         open_files: 1024,
//!         output_mib: 100,
//!         disk_mib: 1024,
//!     };
//!     let (limits, durations) = (|_: &str| limits, Durations::new());
//!     let jobs = Jobs::new(4, 0, |warning| eprintln!("{warning}"))?;
//!     let options = Options::new(jobs, &limits, &durations);
//!     let program = TestProgram {
//!         suite: "app".into(),
//!         name: "app".into(),
//!         path: path.into(),
//!         unit: true,
//!         harness: Harness::Libtest,
//!     };
//!     let folder = Scratch::new()?;
//!     let outcome = SuiteRun::new(&[program], &sandbox, &options, folder.path())?.run(&|_, _| ())?;
//!     for test in &outcome.tests {
//!         println!("{} {}", test.name, test.outcome.word());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! `examples/run_under_qemu.rs` is the same as a program.
//!
//! # Layers
//!
//! Each room uses only rooms above it in this list, and no two files import each other:
//!
//! 1. [`interrupt`]: Ctrl-C as an event; `process_tree`: what runs below a process.
//! 2. [`jobs`]: the budget of jobs, which compilers, make, cargo and emulators share.
//! 3. [`exec`]: the only place that starts processes.
//! 4. [`scratch`], [`files`], [`test_set`] and [`etc`]: folders, and files that go to another machine; `libtest`: the protocol
//!    of Rust's own harness.
//! 5. [`ssh`]: another machine; then [`runner`]: what starts a program of the target; then [`sandbox`]: what surrounds
//!    it.
//! 6. [`harness`]: what a process reports about its tests, and what its end means for them.
//! 7. [`one_test`]: one test in one process; [`suite`]: all tests of many programs.
#![warn(clippy::missing_errors_doc)]

pub mod etc;
pub mod exec;
pub mod files;
pub mod harness;
pub mod interrupt;
pub mod jobs;
mod libtest;
pub mod one_test;
mod process_tree;
pub mod runner;
pub mod sandbox;
pub mod scratch;
pub mod ssh;
pub mod suite;
pub mod test_set;

pub use bringup_model as model;
