//! report.json.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::model::report::{Report, SCHEMA};

/// The report as it is stored: fields in the model's order, runs and tests in the report's.
pub fn write(report: &Report) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(report).context("writing the report as JSON")?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads what [`write`] wrote. `file` is only for messages.
pub fn read(bytes: &[u8], file: &Path) -> Result<Report> {
    #[derive(Deserialize)]
    struct Tag {
        schema: Option<String>,
    }
    let reading = || format!("reading {}", file.display());
    // The schema first: another version's fields would only give a misleading error.
    let tag: Tag = serde_json::from_slice(bytes).with_context(reading)?;
    match tag.schema.as_deref() {
        Some(SCHEMA) => {}
        Some(other) => {
            bail!(
                "{}: it has the schema `{other}`, this version reads `{SCHEMA}`\n\
                 hint: read it with the Bringup that wrote it, or run the tests again",
                reading()
            )
        }
        None => bail!("{}: it has no `schema` field, so it is not a report of Bringup", reading()),
    }
    let report: Report = serde_json::from_slice(bytes).with_context(reading)?;
    check_counts(&report).with_context(reading)?;
    Ok(report)
}

/// No test may vanish: the outcomes add up to what the test programs list.
fn check_counts(report: &Report) -> Result<()> {
    for run in &report.runs {
        for suite in &run.suites {
            let counted = suite.passed + suite.failures() + suite.unrun();
            ensure!(
                counted == suite.listed,
                "suite {} of {} lists {} tests, but its outcomes add up to {counted}",
                suite.suite,
                super::view::run_name(run),
                suite.listed
            );
        }
    }
    Ok(())
}
