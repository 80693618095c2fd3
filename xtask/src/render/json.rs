//! report.json.

use std::path::Path;

use anyhow::{Context as _, Result};
use bringup_model::report::Report;

/// The report's JSON text.
pub fn write(report: &Report) -> Result<Vec<u8>> {
    report.to_json().context("writing the report as JSON")
}

/// Reads a report of this version or an older one. `file` is only for messages.
pub fn read(bytes: &[u8], file: &Path) -> Result<Report> {
    Report::parse(bytes).with_context(|| format!("reading {}", file.display()))
}
