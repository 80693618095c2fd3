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

/// Every exit code with what it means.
pub const CODES: &[(u8, &str)] = &[
    (EXPECTED, "all results are as expected"),
    (USAGE, "the command line or a configuration file is wrong"),
    (NOTHING_RAN, "no test ran"),
    (IMPROVEMENT, "no regressions, but the expectation files are out of date"),
    (HOST, "the host lacks something"),
    (REGRESSION, "a test or a check regressed"),
    (STEP, "a step failed"),
    (INTERRUPTED, "interrupted"),
];

/// The exit codes, one on each line, as help texts show them.
pub fn help() -> String {
    CODES.iter().map(|(code, meaning)| format!("{code:>5}  {meaning}")).collect::<Vec<_>>().join("\n")
}

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
