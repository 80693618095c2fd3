//! Triage of one test: runs the test under controls, cheap ones first, until the cause of the failure is clear.

mod capture;
mod control_runs;
mod controls;
mod gdb;
pub mod page;
mod prepare;
mod runs;
pub mod script;
mod symbols;
mod variant;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

pub use prepare::{RunConfig, SMOKE, Triaged};
pub use variant::Variant;

use self::capture::Halt;
use self::control_runs::ControlRuns;
use self::prepare::TestBuilder;
use self::runs::{Runs, load, not_had, row};
use self::script::reproduction;
use crate::build::Planner;
use crate::build::store::Store;
use bringup_model::exit::{self, CodedError};
use bringup_model::outcome::Outcome;
use bringup_model::target::Target;
use bringup_model::triage::{self, Control, ControlRow, DataLayout, Finding};
use bringup_runner::interrupt;
use bringup_runner::one_test::Ran;
use bringup_runner::scratch::Scratch;

/// Repetitions without any change: of a failing test, and of one that hangs.
const AGAIN: usize = 10;
const AGAIN_HANGING: usize = 2;

/// The test to triage, and the effort to spend.
pub struct TriageRequest {
    pub triaged: Triaged,
    /// The setting in which it fails.
    pub base: RunConfig,
    /// Whether the emulator is named, by the user or by the last report, and so need not be the default.
    pub named_emulator: bool,
    /// Whether the last report says that the test failed in its suite. Then no other test is the cause.
    pub failed_in_suite: bool,
    /// Emulators to try as controls, besides those in bringup.toml.
    pub emulators: Vec<PathBuf>,
    /// Whether to build for the controls.
    pub deep: bool,
    /// Time limit of one run.
    pub limit: Duration,
}

/// A row, and the script that reproduces it: preparations, one a line, then the command.
pub type ReproducibleRow = (ControlRow, Option<String>);

/// The result of a triage.
pub struct Triage {
    /// `std net::tcp::tests::timeouts`
    pub title: String,
    /// The rows of the table.
    pub rows: Vec<ReproducibleRow>,
    pub finding: Finding,
    /// The output of the failing run.
    pub output: String,
    /// The last system calls, or why they are missing.
    pub calls: Option<Result<Vec<String>, String>>,
    /// Where the program stopped, or why that is unknown; none for a test that fails without a signal or a timeout.
    pub halt: Option<Result<Halt, String>>,
    /// The features that the sandbox of the failing run lacks.
    pub notes: Vec<String>,
}

/// Runs the controls. Fails on an interrupt, and if the test cannot run in the setting in which it fails.
pub fn run(planner: &Planner<'_>, store: &Store, targets: &[Target], request: &TriageRequest) -> Result<Triage> {
    let folder = Scratch::new()?;
    let programs = request.programs(&planner.workspace.out)?;
    let mut tests = TestBuilder::new(planner, store, request.triaged.clone())?;
    let base = &request.base;
    tests.plan(&base.target, base.variant)?;
    tests.build(&[(&base.target, base.variant)])?;
    let runs = Runs::new(folder.path(), request.limit);
    let title = request.triaged.title();

    let start = Instant::now();
    let made = tests.find(base, &runs.fresh()?).and_then(|()| tests.prepare(base, &programs));
    let prepared = made.with_context(|| format!("triaging {title} of {}", base.target.name))?;
    let jobs = tests.builder.jobs.clone();
    let handle = planner.workspace.console.step(&format!("triage {title}"));
    let first = runs.one(&prepared, Some(&jobs))?;
    if first.outcome == Outcome::Ignored {
        let target = &base.target.name;
        return Err(CodedError::error(
            exit::NOTHING_RAN,
            format!("{title} is ignored on {target}: there is nothing to triage"),
        ));
    }
    let command = Some(reproduction(planner, &request.triaged, &prepared));
    let mut rows = vec![(row(Control::Alone, &prepared.setting, std::slice::from_ref(&first), start), command.clone())];

    let mut ran = vec![first.clone()];
    let again = |rows: &mut Vec<ReproducibleRow>| -> Result<Vec<Ran>> {
        let start = Instant::now();
        // In sequence, because two runs might disturb each other. A test that hung once is tried in parallel, to save time.
        let again = match first.outcome {
            Outcome::Timeout => runs.beside_each_other(&prepared, AGAIN_HANGING, Some(&jobs))?,
            _ => (0..AGAIN).map(|_| runs.one(&prepared, Some(&jobs))).collect::<Result<_>>()?,
        };
        rows.push((row(Control::Repeated, &prepared.setting, &again, start), command.clone()));
        Ok(again)
    };
    ran.extend(again(&mut rows)?);
    if ran.iter().all(|ran| !ran.outcome.is_failure()) {
        let (row, loaded) = load(&runs, &prepared, jobs.total())?;
        let failed = loaded.iter().any(|ran| ran.outcome.is_failure());
        rows.push((row, command.clone()));
        ran.extend(loaded);
        if failed {
            // The test may also be flaky without load.
            ran.extend(again(&mut rows)?);
        }
    }
    handle.done(start.elapsed(), false);

    let others = targets.iter().filter(|target| target.elf.machine != base.target.elf.machine);
    let layouts: Vec<DataLayout> =
        others.map(|target| DataLayout { class: target.elf.class, big_endian: target.elf.big_endian }).collect();
    let judge = |rows: &[ReproducibleRow]| {
        let rows: Vec<ControlRow> = rows.iter().map(|(row, _)| row.clone()).collect();
        triage::judge(&title, &rows, &layouts)
    };
    let controls = ControlRuns {
        planner,
        targets,
        request,
        runs: &runs,
        programs: &programs,
        prepared: &prepared,
        first: &first,
        judge: &judge,
    };
    if ran.iter().all(|ran| !ran.outcome.is_failure()) {
        ran.extend(controls.after_others(&tests, &mut rows)?);
    }
    let failed: Vec<&Ran> = ran.iter().filter(|ran| ran.outcome.is_failure()).collect();
    let (mut calls, mut halt) = (None, None);
    if let Some(failure) = failed.first()
        && first.outcome.is_failure()
        && prepared.setting.emulator.is_some()
    {
        let handle = planner.workspace.console.step(&format!("capture {title}"));
        let start = Instant::now();
        calls = Some(as_text(capture::calls(&prepared, &runs.fresh()?, request.limit, &jobs))?);
        if matches!(failure.outcome, Outcome::Crash | Outcome::Timeout) {
            halt = Some(as_text(capture::halt(&prepared, failure.outcome, &runs.fresh()?, &jobs))?);
        }
        handle.done(start.elapsed(), false);
    }
    if failed.len() == ran.len() {
        controls.all(&mut tests, &mut rows)?;
    } else {
        let why = "the test does not always fail";
        rows.push((not_had(Control::Emulator, format!("no further controls: {why}"), Duration::ZERO), None));
    }
    Ok(Triage {
        finding: judge(&rows),
        title,
        rows,
        output: failed.first().map(|ran| ran.output.clone()).unwrap_or_default(),
        calls,
        halt,
        notes: prepared.sandbox.notes.clone(),
    })
}

impl TriageRequest {
    /// Creates the folder for programs of this triage.
    fn programs(&self, out: &Path) -> Result<PathBuf> {
        let folder = out.join("triage").join("programs").join(self.name());
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?;
        }
        if !matches!(self.triaged, Triaged::Test { .. }) {
            fs_err::create_dir_all(&folder)?;
        }
        Ok(folder)
    }

    /// The name for files: `s390x-std-net.tcp.tests.timeouts`.
    pub fn name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let title = self.triaged.title().replace("::", ".");
        format!("{}-{title}", self.base.target.name).chars().map(plain).collect()
    }
}

/// Turns an error into text, unless it is an interrupt.
fn as_text<T>(result: Result<T>) -> Result<Result<T, String>> {
    match result {
        Err(error) if crate::error::of_error(&error) == exit::INTERRUPTED => Err(error),
        other => {
            interrupt::check()?;
            Ok(other.map_err(|error| format!("{error:#}")))
        }
    }
}
