//! Exit codes, and errors that decide them.

/// Everything as expected.
pub const EXPECTED: u8 = 0;
/// The command line is wrong, or a file that says what to do.
pub const USAGE: u8 = 2;
/// No test ran.
pub const NOTHING_RAN: u8 = 4;
/// Only improvements or stale expectations.
pub const IMPROVEMENT: u8 = 10;
/// The host lacks something.
pub const HOST: u8 = 96;
/// A regression.
pub const REGRESSION: u8 = 100;
/// A step failed.
pub const STEP: u8 = 101;
/// Ctrl-C or a termination signal.
pub const INTERRUPTED: u8 = 130;

/// An error with an exit code of its own.
#[derive(Debug)]
pub struct Coded {
    /// What the program ends with.
    pub code: u8,
    message: String,
}

impl Coded {
    /// An error that ends the program with `code`.
    pub fn error(code: u8, message: impl Into<String>) -> anyhow::Error {
        Self { code, message: message.into() }.into()
    }
}

impl std::fmt::Display for Coded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}
