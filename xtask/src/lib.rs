//! Bringup: builds a Rust cross toolchain for a musl architecture from a target spec file, and tests it under QEMU.
//!
//! docs/architecture.md describes the flow of data and where a change belongs.

mod build;
mod claims;
pub mod cli;
mod command;
mod console;
mod dist;
mod error;
mod host;
pub mod project;
mod prove;
pub mod render;
pub mod smoke;
mod source;
mod triage;
mod trial;

use std::process::ExitCode;

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version are not errors: they go to standard output.
            let code = if error.use_stderr() { bringup_model::exit::USAGE } else { bringup_model::exit::EXPECTED };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let done = bringup_runner::interrupt::install().and_then(|()| command::dispatch(&cli));
    let code = done.unwrap_or_else(|error| {
        let code = error::of_error(&error);
        // An interrupt is not the fault of what it interrupted.
        let told = if code == bringup_model::exit::INTERRUPTED {
            bringup_runner::interrupt::Interrupted.into()
        } else {
            error::disk::explain(error, None)
        };
        console::show_error(&told);
        code
    });
    ExitCode::from(code)
}
