//! The exit code of a command, from its error or its report.

pub mod disk;

use bringup_model::exit::{CodedError, EXPECTED, INTERRUPTED, OUTDATED, REGRESSION, STEP};
use bringup_model::report::{Report, RunVerdict};
use bringup_runner::interrupt::Interrupted;

/// The exit code of a command that failed with this error.
pub fn of_error(error: &anyhow::Error) -> u8 {
    let interrupted = error.chain().any(<dyn std::error::Error>::is::<Interrupted>);
    let coded = error.chain().find_map(|cause| cause.downcast_ref::<CodedError>());
    if interrupted { INTERRUPTED } else { coded.map_or(STEP, |coded| coded.code) }
}

/// The exit code of a completed run.
pub fn of_report(report: &Report) -> u8 {
    match report.worst() {
        Some(RunVerdict::Incomplete) => STEP,
        Some(RunVerdict::Regression) => REGRESSION,
        Some(RunVerdict::Flake | RunVerdict::Stale | RunVerdict::Improvement) => OUTDATED,
        Some(RunVerdict::Expected) | None => EXPECTED,
    }
}
