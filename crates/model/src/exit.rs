//! Exit codes, and errors that carry one.

use std::fmt::Write as _;

/// One row of [`TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode {
    /// The exit code.
    pub code: u8,
    /// A short name for the code.
    pub name: &'static str,
    /// When a command exits with the code.
    pub meaning: &'static str,
}

/// Defines the constants and the table from one list.
macro_rules! exit_codes {
    ($($constant:ident = $code:literal, $name:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $constant: u8 = $code;)*

        /// Every exit code. `--help` and the documentation are generated from this table.
        pub const TABLE: &[ExitCode] = &[$(ExitCode { code: $code, name: $name, meaning: $meaning }),*];
    };
}

exit_codes! {
    EXPECTED = 0, "expected", "every result is as expected";
    USAGE = 2, "usage", "the command line, a configuration file or a report is wrong";
    NOTHING_RAN = 4, "nothing ran", "no test ran";
    OUTDATED = 10, "outdated", "no regressions, but something is out of date: expectations (improvements, stale entries, \
        or flakes that their expectation does not fit), or a patch that is no longer needed";
    HOST = 96, "host", "the host lacks something";
    REGRESSION = 100, "regression", "a result is worse than expected";
    STEP = 101, "failure", "a step failed, or the run is incomplete";
    INTERRUPTED = 130, "interrupted", "the user interrupted the command";
}

/// The exit codes for help texts, one on each line.
pub fn help() -> String {
    TABLE.iter().map(|row| format!("{:>5}  {}", row.code, row.meaning)).collect::<Vec<_>>().join("\n")
}

/// The exit codes as a Markdown table.
pub fn markdown() -> String {
    let mut text = "| code | name | when |\n|---|---|---|\n".to_owned();
    for ExitCode { code, name, meaning } in TABLE {
        let _ = writeln!(text, "| {code} | {name} | {meaning} |");
    }
    text
}

/// An error that decides the exit code.
#[derive(Debug)]
pub struct CodedError {
    /// The exit code.
    pub code: u8,
    message: String,
}

impl CodedError {
    /// An error that makes the program exit with `code`.
    pub fn error(code: u8, message: impl Into<String>) -> anyhow::Error {
        Self { code, message: message.into() }.into()
    }
}

impl std::fmt::Display for CodedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CodedError {}
