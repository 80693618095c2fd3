//! Exit codes; docs and `--help` name them.

use crate::config::UnknownTarget;
use crate::host::MissingTools;
use crate::model::report::Report;
use crate::run::interrupt::Interrupted;

/// Everything as expected.
pub const EXPECTED: u8 = 0;
/// The command line is wrong.
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

/// The exit code of a command that gave up.
pub fn of_error(error: &anyhow::Error) -> u8 {
    let is = |check: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(check);
    if is(|cause| cause.is::<Interrupted>()) {
        INTERRUPTED
    } else if is(|cause| cause.is::<MissingTools>()) {
        HOST
    } else if is(|cause| cause.is::<UnknownTarget>()) {
        USAGE
    } else if is(|cause| cause.is::<NothingRan>()) {
        NOTHING_RAN
    } else {
        STEP
    }
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

/// The selection holds no test.
#[derive(Debug)]
pub struct NothingRan(pub String);

impl std::fmt::Display for NothingRan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NothingRan {}
