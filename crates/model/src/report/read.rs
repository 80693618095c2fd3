//! Reads a report of any known schema, and checks that it accounts for every test.

use anyhow::{Context as _, Result, bail, ensure};

use super::{Report, SCHEMA, Suite, v1};
use crate::outcome::{Outcome, Verdict};
use crate::schema::SchemaTag;

impl Report {
    /// Parses a report with this schema or `bringup-report/1`.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not a report, if the schema is unknown, or if the counts do not match the tests.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        // serde also reads a struct from a list.
        if bytes.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
            bail!("it is not a JSON object, so it is not a report of Bringup");
        }
        // The schema comes first, because the fields of another schema would give a misleading error.
        let tag: SchemaTag = serde_json::from_slice(bytes)?;
        let report = match tag.schema.as_deref() {
            Some(SCHEMA) => serde_json::from_slice(bytes)?,
            Some(v1::SCHEMA) => serde_json::from_slice::<v1::ReportV1>(bytes)?.try_into()?,
            Some(other) => bail!(
                "its schema `{other}` is unknown: this version reads `{SCHEMA}` and `{}`\n\
                 hint: read it with the Bringup that wrote it, or run the tests again",
                v1::SCHEMA
            ),
            None => bail!("it has no `schema` field, so it is not a report of Bringup"),
        };
        check_counts(&report)?;
        Ok(report)
    }
}

/// Checks that the outcomes add up to the number of listed tests, and that the counts match the tests.
fn check_counts(report: &Report) -> Result<()> {
    for run in &report.runs {
        for suite in &run.suites {
            check_suite(suite).with_context(|| format!("suite {} of {}", suite.suite, run.name()))?;
        }
    }
    Ok(())
}

fn check_suite(suite: &Suite) -> Result<()> {
    let Suite { listed, tests, verdicts, .. } = suite;
    let counted = suite.passed + suite.failures() + suite.unrun();
    ensure!(counted == *listed, "it lists {listed} tests, but its outcomes add up to {counted}");
    let of_outcome = |outcome| tests.iter().filter(|test| test.outcome == Some(outcome)).count();
    let of_verdict = |verdict| tests.iter().filter(|test| test.verdict == verdict).count();
    let stale = tests.iter().filter(|test| test.outcome.is_none()).count();
    let counts = [
        ("passed", suite.passed, of_outcome(Outcome::Pass)),
        ("failed", suite.failed, of_outcome(Outcome::Fail)),
        ("crashed", suite.crashed, of_outcome(Outcome::Crash)),
        ("timed_out", suite.timed_out, of_outcome(Outcome::Timeout)),
        ("missing", suite.missing, of_outcome(Outcome::Missing)),
        ("ignored", suite.ignored, of_outcome(Outcome::Ignored)),
        ("skipped", suite.skipped, of_outcome(Outcome::Skipped)),
        ("expected", verdicts.expected, of_verdict(Verdict::Expected)),
        ("regression", verdicts.regression, of_verdict(Verdict::Regression)),
        ("improvement", verdicts.improvement, of_verdict(Verdict::Improvement)),
        ("flake", verdicts.flake, of_verdict(Verdict::Flake)),
        ("stale", verdicts.stale, of_verdict(Verdict::Stale)),
        // A stale expectation has no outcome, and every listed test has one.
        ("stale", verdicts.stale, stale),
    ];
    for (name, said, found) in counts {
        ensure!(said == found, "it counts {said} tests as `{name}`, but lists {found}");
    }
    Ok(())
}
