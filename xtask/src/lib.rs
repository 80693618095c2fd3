//! Bringup: builds a Rust cross toolchain for a musl architecture from a target spec file, and tests it under QEMU.
//!
//! docs/architecture.md tells the way of the data and where a change goes.

pub mod archive;
pub mod cli;
pub mod command;
pub mod config;
pub mod disk;
pub mod dist;
pub mod emulator;
pub mod exit;
pub mod expect;
pub mod fetch;
pub mod git;
pub mod host;
pub mod install;
pub mod model;
pub mod patch;
pub mod prove;
pub mod recorded;
pub mod render;
pub mod report_ops;
pub mod run;
pub mod session;
pub mod smoke;
pub mod spec;
pub mod step;
pub mod store;
pub mod test_set;
pub mod triage;
pub mod trial;

use std::process::ExitCode;

use clap::Parser as _;

/// Parses the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version are no errors, and go to standard output.
            let code = if error.use_stderr() { exit::USAGE } else { exit::EXPECTED };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let done = run::interrupt::install().and_then(|()| command::dispatch(&cli));
    let code = done.unwrap_or_else(|error| {
        let code = exit::of_error(&error);
        // What was going on when the user stopped it is not at fault.
        let told =
            if code == exit::INTERRUPTED { run::interrupt::Interrupted.into() } else { disk::explain(error, None) };
        render::progress::show_error(&told);
        code
    });
    ExitCode::from(code)
}
