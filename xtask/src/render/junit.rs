//! junit.xml, for CI.
//!
//! A CI job is red exactly when Bringup's exit code is not 0. So known failures are `skipped`, and results that require an
//! edit of expect.txt (improvement, stale: exit code 10) are failures of that type.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::outcome::{Outcome, Verdict};
use bringup_model::report::{Report, Run, Suite, Test};
use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::view::{UnexpectedKind, unexpected, visible, what_happened};

/// One test suite for each suite of each run, named `s390x.qemu.dynamic.std`, and one for its smoke checks.
pub fn render(report: &Report) -> Result<Vec<u8>> {
    let mut junit = quick_junit::Report::new("bringup");
    for run in &report.runs {
        if !run.smoke.is_empty() {
            junit.add_test_suite(smoke(run));
        }
        for tests in &run.suites {
            junit.add_test_suite(suite(report, run, tests));
        }
    }
    // Without this, a run that failed in a step would be invisible.
    for item in unexpected(report).iter().filter(|item| item.kind == UnexpectedKind::Incomplete) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type(item.kind.word());
        status.set_message(visible(item.detail.lines().next().unwrap_or_default()));
        status.set_description(visible(&item.detail));
        let mut suite = TestSuite::new(name(item.run, "run"));
        add(&mut suite, "completes", status, None);
        junit.add_test_suite(suite);
    }
    let mut bytes = Vec::new();
    junit.serialize(&mut bytes).context("writing the report as JUnit XML")?;
    Ok(bytes)
}

fn name(run: &Run, suite: &str) -> String {
    visible(&format!("{}.{}.{}.{suite}", run.target, run.runner_name(), run.link))
}

fn smoke(run: &Run) -> TestSuite {
    let mut suite = TestSuite::new(name(run, "smoke"));
    for check in &run.smoke {
        let mut status = TestCaseStatus::success();
        if check.outcome.is_failure() {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(UnexpectedKind::Smoke.word());
            status.set_message(visible(check.detail.lines().next().unwrap_or_default()));
            status.set_description(visible(&check.detail));
        } else if check.outcome != Outcome::Pass {
            status = TestCaseStatus::skipped();
            status.set_message(visible(&check.detail));
        }
        add(&mut suite, &check.check, status, None);
    }
    suite
}

fn suite(report: &Report, run: &Run, tests: &Suite) -> TestSuite {
    let mut suite = TestSuite::new(name(run, &tests.suite));
    suite.set_time(seconds(tests.wall_s));
    let pins = [("rust", &report.pins.rust), ("musl", &report.pins.musl), ("llvm", &report.pins.llvm)];
    let qemu = report.pins.qemu.iter().map(|version| ("qemu", version));
    for (pin, version) in pins.into_iter().chain(qemu) {
        suite.add_property(Property::new(pin, visible(version)));
    }
    for test in &tests.tests {
        add(&mut suite, &test.name, status(test), Some(test.wall_s));
    }
    suite
}

fn add(suite: &mut TestSuite, name: &str, status: TestCaseStatus, wall_s: Option<f64>) {
    let mut case = TestCase::new(visible(name), status);
    case.set_classname(suite.name.as_str());
    if let Some(wall_s) = wall_s {
        case.set_time(seconds(wall_s));
    }
    suite.add_test_case(case);
}

fn status(test: &Test) -> TestCaseStatus {
    let what = visible(&what_happened(test));
    let mut status = match (test.verdict, test.outcome) {
        (Verdict::Expected, Some(Outcome::Pass)) => return TestCaseStatus::success(),
        (Verdict::Expected, Some(Outcome::Ignored | Outcome::Skipped) | None) => {
            return with_message(TestCaseStatus::skipped(), &what);
        }
        (Verdict::Expected, _) => return with_message(TestCaseStatus::skipped(), &format!("expected {what}")),
        (Verdict::Flake, _) => return with_message(TestCaseStatus::skipped(), &format!("flaky {what}")),
        (Verdict::Improvement | Verdict::Stale, _) => {
            let why = format!("remove its entry from expect.txt: {what}");
            with_message(TestCaseStatus::non_success(NonSuccessKind::Failure), &why)
        }
        (Verdict::Regression, Some(Outcome::Crash | Outcome::Timeout)) => {
            with_message(TestCaseStatus::non_success(NonSuccessKind::Error), &what)
        }
        (Verdict::Regression, _) => with_message(TestCaseStatus::non_success(NonSuccessKind::Failure), &what),
    };
    status.set_type(test.verdict.word());
    if let Some(log) = &test.log {
        status.set_description(visible(&format!("log: {log}")));
    }
    status
}

fn with_message(mut status: TestCaseStatus, message: &str) -> TestCaseStatus {
    status.set_message(message);
    status
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
