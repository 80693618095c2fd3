//! Exit codes, and errors that decide them.

use std::fmt::Write as _;

/// One row of [`TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode {
    /// What the program ends with.
    pub code: u8,
    /// One word for it.
    pub name: &'static str,
    /// When a command ends with it.
    pub meaning: &'static str,
}

/// Makes the constants and the table of the same words.
macro_rules! exit_codes {
    ($($constant:ident = $code:literal, $name:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $constant: u8 = $code;)*

        /// Every exit code: `--help` and the documentation take theirs from here.
        pub const TABLE: &[ExitCode] = &[$(ExitCode { code: $code, name: $name, meaning: $meaning }),*];
    };
}

exit_codes! {
    EXPECTED = 0, "expected", "every result is as expected";
    USAGE = 2, "usage", "the command line, a configuration file or a report is wrong";
    NOTHING_RAN = 4, "nothing ran", "no test ran";
    OUTDATED = 10, "outdated", "no regressions, but something is out of date: expectations (improvements, stale entries, \
        or flakes that no expectation knows), or a patch that is no longer needed";
    HOST = 96, "host", "the host lacks something";
    REGRESSION = 100, "regression", "a result is worse than expected";
    STEP = 101, "failure", "a step failed, or the run is incomplete";
    INTERRUPTED = 130, "interrupted", "the user interrupted the command";
}

/// The exit codes, one on each line, as help texts show them.
pub fn help() -> String {
    TABLE.iter().map(|row| format!("{:>5}  {}", row.code, row.meaning)).collect::<Vec<_>>().join("\n")
}

/// The table for a document.
pub fn markdown() -> String {
    let mut text = "| code | name | when |\n|---|---|---|\n".to_owned();
    for ExitCode { code, name, meaning } in TABLE {
        let _ = writeln!(text, "| {code} | {name} | {meaning} |");
    }
    text
}

/// An error with an exit code of its own.
#[derive(Debug)]
pub struct CodedError {
    /// What the program ends with.
    pub code: u8,
    message: String,
}

impl CodedError {
    /// An error that ends the program with `code`.
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
