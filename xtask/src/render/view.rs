//! What all renderers for people show: the matrix, the unexpected results, the cost, and the hint.

mod hints;
mod notes;

use bringup_model::outcome::{Outcome, Verdict};
use bringup_model::report::{Report, Run, RunVerdict, SmokeCheck, Suite, Test};

use super::table::{Cell, Tone};

pub use self::hints::hints;
pub use self::notes::notes;
use bringup_model::text::counted;
pub use bringup_model::text::visible;

/// How to read the counts of a suite.
pub const LEGEND: &str = "suites: passed/failed/not run, where failed includes the expected failures";

/// The matrix: a header row, then a row for each run.
pub fn matrix(report: &Report) -> Vec<Vec<Cell>> {
    let mut suites: Vec<&str> = Vec::new();
    for suite in report.runs.iter().flat_map(|run| &run.suites) {
        if !suites.contains(&suite.suite.as_str()) {
            suites.push(&suite.suite);
        }
    }
    let header = ["target", "runner", "link", "smoke"].into_iter().chain(suites.iter().copied()).chain(["verdict"]);
    let mut rows = vec![header.map(Cell::plain).collect()];
    for run in &report.runs {
        let mut row: Vec<Cell> = [&run.target, run.runner_name().as_str(), run.link.word()].map(Cell::plain).into();
        row.push(smoke_cell(&run.smoke));
        row.extend(suites.iter().map(|name| suite_cell(run.suites.iter().find(|suite| suite.suite == *name))));
        row.push(Cell::new(run.verdict.word(), verdict_tone(run.verdict)));
        rows.push(row);
    }
    rows
}

fn smoke_cell(checks: &[SmokeCheck]) -> Cell {
    if checks.is_empty() {
        return Cell::plain("-");
    }
    let passed = checks.iter().filter(|check| check.outcome == Outcome::Pass).count();
    let failed = checks.iter().filter(|check| check.outcome.is_failure()).count();
    Cell::new(format!("{passed}/{failed}"), if failed > 0 { Tone::Bad } else { Tone::Good })
}

fn suite_cell(suite: Option<&Suite>) -> Cell {
    let Some(suite) = suite else { return Cell::plain("-") };
    let failed = suite.failures();
    let tone = match &suite.verdicts {
        verdicts if verdicts.regression > 0 => Tone::Bad,
        verdicts if verdicts.outdated() > 0 => Tone::Odd,
        _ => Tone::Good,
    };
    Cell::new(format!("{}/{failed}/{}", suite.passed, suite.unrun()), tone)
}

pub fn verdict_tone(verdict: RunVerdict) -> Tone {
    match verdict {
        RunVerdict::Expected => Tone::Good,
        RunVerdict::Flake | RunVerdict::Stale | RunVerdict::Improvement => Tone::Odd,
        RunVerdict::Regression | RunVerdict::Incomplete => Tone::Bad,
    }
}

/// The reason why a result is unexpected, in the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnexpectedKind {
    /// The test did worse than expected.
    Regression,
    /// The test did better than expected.
    Improvement,
    /// An expectation names no test.
    Stale,
    /// The test is flaky and failed this time. A known flake does not change the exit code, but is shown.
    Flake,
    /// A smoke check failed.
    Smoke,
    /// The run did not finish.
    Incomplete,
}

impl UnexpectedKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Regression => Verdict::Regression.word(),
            Self::Improvement => Verdict::Improvement.word(),
            Self::Stale => Verdict::Stale.word(),
            Self::Flake => Verdict::Flake.word(),
            Self::Smoke => "smoke",
            Self::Incomplete => RunVerdict::Incomplete.word(),
        }
    }

    pub fn tone(self) -> Tone {
        match self {
            Self::Regression | Self::Smoke | Self::Incomplete => Tone::Bad,
            Self::Improvement | Self::Stale | Self::Flake => Tone::Odd,
        }
    }

    fn of(verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Expected => None,
            Verdict::Regression => Some(Self::Regression),
            Verdict::Improvement => Some(Self::Improvement),
            Verdict::Stale => Some(Self::Stale),
            Verdict::Flake => Some(Self::Flake),
        }
    }
}

/// One unexpected result.
#[derive(Debug)]
pub struct UnexpectedResult<'a> {
    pub kind: UnexpectedKind,
    pub run: &'a Run,
    /// Further runs that one failed step left incomplete.
    pub also: Vec<&'a Run>,
    /// The suite; empty for a smoke check or an incomplete run.
    pub suite: &'a str,
    /// The test or the smoke check; empty for an incomplete run.
    pub name: &'a str,
    /// The outcome and its reason; may have several lines.
    pub detail: String,
    /// The file with the test's output, relative to the report's folder.
    pub log: Option<&'a str>,
}

/// All unexpected results, regressions first.
pub fn unexpected(report: &Report) -> Vec<UnexpectedResult<'_>> {
    let mut items = Vec::new();
    for run in &report.runs {
        for suite in &run.suites {
            items.extend(suite.tests.iter().filter_map(|test| {
                let (suite, name) = (suite.suite.as_str(), test.name.as_str());
                let kind = UnexpectedKind::of(test.verdict)?;
                let (detail, log) = (what_happened(test), test.log.as_deref());
                Some(UnexpectedResult { kind, run, also: Vec::new(), suite, name, detail, log })
            }));
        }
        for check in run.smoke.iter().filter(|check| check.outcome.is_failure()) {
            let (name, detail) = (check.check.as_str(), check.detail.clone());
            let (kind, also) = (UnexpectedKind::Smoke, Vec::new());
            items.push(UnexpectedResult { kind, run, also, suite: "", name, detail, log: None });
        }
        if run.verdict == RunVerdict::Incomplete || run.error.is_some() {
            let detail = run.error.clone().unwrap_or_else(|| "no error was recorded".into());
            items.push(UnexpectedResult {
                kind: UnexpectedKind::Incomplete,
                run,
                also: Vec::new(),
                suite: "",
                name: "",
                detail,
                log: None,
            });
        }
    }
    // The sort is stable, so results of a kind keep the report's order.
    items.sort_by_key(|item| item.kind);
    items
}

/// All unexpected results, but each error of a step once: it stands for all runs that require the step.
pub fn unexpected_once(report: &Report) -> Vec<UnexpectedResult<'_>> {
    let mut once: Vec<UnexpectedResult<'_>> = Vec::new();
    for item in unexpected(report) {
        let same = |known: &&mut UnexpectedResult<'_>| {
            known.kind == UnexpectedKind::Incomplete && (known.kind, &known.detail) == (item.kind, &item.detail)
        };
        match once.iter_mut().find(same) {
            Some(known) => known.also.push(item.run),
            None => once.push(item),
        }
    }
    once
}

impl UnexpectedResult<'_> {
    /// The names of its runs.
    pub fn runs(&self) -> String {
        let names: Vec<String> = std::iter::once(&self.run).chain(&self.also).map(|run| run.name()).collect();
        names.join(", ")
    }
}

/// The outcome with its reason: `crash: SIGSEGV`.
pub fn what_happened(test: &Test) -> String {
    let what = test.outcome.map_or("no test program lists it", Outcome::word);
    let what = test.tries.map_or_else(|| what.to_owned(), |tries| format!("{what} (failed {tries})"));
    match (&test.reason, test.verdict) {
        (None, _) => what,
        // The reason is that of an expectation that does not hold.
        (Some(reason), Verdict::Improvement | Verdict::Stale) => format!("{what}; its entry says: {reason}"),
        (Some(reason), _) => format!("{what}: {reason}"),
    }
}

/// The cost of one step or suite.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// `musl s390x`, `patch rust`, `suite std s390x qemu dynamic`.
    pub name: String,
    pub wall_s: f64,
    pub cpu_s: f64,
    pub cached: bool,
}

/// How much of the processors' time was used; none if nothing was done.
pub fn share(report: &Report) -> Option<String> {
    let cpu: f64 = costs(report).iter().filter(|cost| !cost.cached).map(|cost| cost.cpu_s).sum();
    if cpu == 0.0 || report.wall_s == 0.0 {
        return None;
    }
    // The machines of a merged report worked at the same time.
    let jobs = report.hosts.iter().map(|host| host.jobs).max()?;
    let wall = report.wall_s;
    #[expect(clippy::cast_precision_loss, reason = "nobody has that many processors")]
    let share = 100.0 * cpu / (wall * jobs as f64);
    Some(format!(
        "total: {wall:.0} s elapsed, {cpu:.0} s of processor time, {share:.0} % of {}",
        counted(jobs, "job", "jobs")
    ))
}

/// The cost of each step and suite. A shared step is listed once, as built if any run built it.
pub fn costs(report: &Report) -> Vec<Cost> {
    let mut costs: Vec<Cost> = Vec::new();
    for run in &report.runs {
        for step in &run.steps {
            let name = format!("{} {}", step.step, step.label);
            let cost = Cost { name, wall_s: step.wall_s, cpu_s: step.cpu_s, cached: step.cached };
            match costs.iter_mut().find(|known| known.name == cost.name) {
                Some(known) if known.cached && !cost.cached => *known = cost,
                Some(_) => {}
                None => costs.push(cost),
            }
        }
        costs.extend(run.suites.iter().map(|suite| Cost {
            name: format!("suite {} {}", suite.suite, run.name()),
            wall_s: suite.wall_s,
            cpu_s: suite.cpu_s,
            cached: suite.cached,
        }));
    }
    costs
}
