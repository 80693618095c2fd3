//! Exit codes; docs and `--help` name them.

use crate::model::report::Report;
use crate::run::interrupt::Interrupted;

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
    code: u8,
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

/// The exit code of a command that gave up.
pub fn of_error(error: &anyhow::Error) -> u8 {
    let interrupted = error.chain().any(<dyn std::error::Error>::is::<Interrupted>);
    let coded = error.chain().find_map(|cause| cause.downcast_ref::<Coded>());
    if interrupted { INTERRUPTED } else { coded.map_or(STEP, |coded| coded.code) }
}

/// The exit code of a run that was finished.
pub fn of_report(report: &Report) -> u8 {
    let worst = |verdict: &str| report.runs.iter().any(|run| run.verdict == verdict);
    if worst("incomplete") {
        STEP
    } else if worst("regression") {
        REGRESSION
    } else if worst("improvement") {
        IMPROVEMENT
    } else {
        EXPECTED
    }
}
