//! Triage of one test: runs the test under controls, cheap ones first, until the cause of the failure is clear.

mod capture;
mod controls;
mod gdb;
pub mod page;
mod prepare;
mod runs;
pub mod script;
mod symbols;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

pub use prepare::{RunConfig, Triaged};

use self::capture::Halt;
use self::controls::{ControlChoice, ControlChooser};
use self::prepare::{PreparedTest, TestBuilder};
use self::runs::{Runs, load, not_had, row};
use self::script::reproduction;
use crate::build::Planner;
use crate::build::store::Store;
use crate::host::emulator::Emulator;
use bringup_model::exit::{self, CodedError};
use bringup_model::outcome::Outcome;
use bringup_model::target::Target;
use bringup_model::triage::{self, Control, ControlRow, DataLayout, Finding};
use bringup_runner::interrupt;
use bringup_runner::interrupt::is_interrupt;
use bringup_runner::one_test::Ran;
use bringup_runner::scratch::Scratch;

/// Repetitions without any change: of a failing test, and of one that hangs.
const AGAIN: usize = 10;
const AGAIN_HANGING: usize = 2;

/// Repetitions under each control.
const RUNS: usize = 3;

/// The test to triage, and the effort to spend.
pub struct TriageRequest {
    pub triaged: Triaged,
    /// The setting in which it fails.
    pub base: RunConfig,
    /// Emulators to try as controls, besides those in bringup.toml.
    pub emulators: Vec<PathBuf>,
    /// Whether to build for the controls.
    pub deep: bool,
    /// Time limit of one run.
    pub limit: Duration,
}

/// The result of a triage.
pub struct Triage {
    /// `std net::tcp::tests::timeouts`
    pub title: String,
    /// The rows of the table. Each has the script that reproduces it: preparations, one a line, then the command.
    pub rows: Vec<(ControlRow, Option<String>)>,
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
    tests.plan(&base.target, base.opt_level)?;
    tests.build(&[(&base.target, base.opt_level)])?;
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
    let again = |rows: &mut Vec<(ControlRow, Option<String>)>| -> Result<Vec<Ran>> {
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
    let failed: Vec<&Ran> = ran.iter().filter(|ran| ran.outcome.is_failure()).collect();
    handle.done(start.elapsed(), false);

    let others = targets.iter().filter(|target| target.elf.machine != base.target.elf.machine);
    let layouts: Vec<DataLayout> =
        others.map(|target| DataLayout { class: target.elf.class, big_endian: target.elf.big_endian }).collect();
    let judge = |rows: &[(ControlRow, Option<String>)]| {
        let rows: Vec<ControlRow> = rows.iter().map(|(row, _)| row.clone()).collect();
        triage::judge(&title, &rows, &layouts)
    };
    let (mut calls, mut halt) = (None, None);
    if let Some(failure) = failed.first()
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
        let controls = ControlRuns {
            planner,
            targets,
            request,
            runs: &runs,
            programs: &programs,
            prepared: &prepared,
            first: &first,
        };
        let opt_level = controls.cheap(&mut tests, &mut rows)?;
        if request.deep || !judge(&rows).diagnosis.is_settled() {
            controls.under_controls(&mut tests, &[opt_level], &mut rows)?;
        } else {
            let why = "the other controls already give a verdict".to_owned();
            rows.push((not_had(Control::OptLevel, why, Duration::ZERO), None));
        }
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
        if matches!(self.triaged, Triaged::Proof { .. }) {
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

/// Runs controls of a failing test.
struct ControlRuns<'a> {
    planner: &'a Planner<'a>,
    targets: &'a [Target],
    request: &'a TriageRequest,
    runs: &'a Runs,
    programs: &'a std::path::Path,
    /// The failing test.
    prepared: &'a PreparedTest,
    /// The first failing run.
    first: &'a Ran,
}

impl ControlRuns<'_> {
    /// Runs every control except the opt-level, and returns that one. Other targets are built only with `deep`.
    fn cheap(&self, tests: &mut TestBuilder, rows: &mut Vec<(ControlRow, Option<String>)>) -> Result<ControlChoice> {
        let base = &self.request.base;
        let mut lacking = BTreeMap::new();
        for target in self.targets {
            match tests.plan(target, None) {
                Ok(steps) => drop(lacking.insert(target.name.clone(), steps)),
                Err(error) if crate::error::of_error(&error) == exit::INTERRUPTED => return Err(error),
                Err(error) => self.planner.workspace.console.warn(&format!("{}: {error:#}", target.name)),
            }
        }
        let chooser = ControlChooser {
            planner: self.planner,
            triaged: &self.request.triaged,
            base,
            targets: self.targets,
            deep: self.request.deep,
            lacking: &|target| lacking.get(&target.name).copied(),
            emulators: self.emulators()?,
        };
        let choices = chooser.choose()?;
        self.under_controls(tests, &choices, rows)?;
        Ok(chooser.opt_level())
    }

    fn emulators(&self) -> Result<Vec<Result<Emulator, String>>> {
        let Some(ours) = &self.request.base.emulator else { return Ok(Vec::new()) };
        let target = &self.request.base.target;
        let mut given = self.request.emulators.clone();
        // The emulator that is the default.
        given.extend(self.planner.emulators().find(&target.qemu.emulator, None).ok().map(|emulator| emulator.path));
        let found = self.planner.emulators().controls(&target.qemu.emulator, ours, &given)?;
        Ok(found.into_iter().map(|found| found.map_err(|(origin, why)| format!("{origin}: {why:#}"))).collect())
    }

    /// Builds what the controls require, then runs the test under each, in parallel.
    fn under_controls(
        &self,
        tests: &mut TestBuilder,
        choices: &[ControlChoice],
        rows: &mut Vec<(ControlRow, Option<String>)>,
    ) -> Result<()> {
        let start = Instant::now();
        let mut wanted = Vec::new();
        for choice in choices {
            if let Ok(at) = &choice.config
                && tests.plan(&at.target, at.opt_level).is_ok()
            {
                wanted.push((&at.target, at.opt_level));
            }
        }
        tests.build(&wanted)?;
        let building = start.elapsed();
        let tests = &*tests;
        let done: Vec<Result<(ControlRow, Option<String>)>> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                choices.iter().map(|choice| scope.spawn(move || self.control(tests, choice, building))).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<_>>| {
                thread.join().unwrap_or_else(|_| Err(anyhow!("a control's thread panicked")))
            };
            threads.into_iter().map(join).collect()
        });
        for row in done {
            rows.push(row?);
        }
        Ok(())
    }

    /// Runs one control. An error becomes the row's text, unless it is an interrupt.
    fn control(
        &self,
        tests: &TestBuilder,
        choice: &ControlChoice,
        building: Duration,
    ) -> Result<(ControlRow, Option<String>)> {
        let start = Instant::now();
        let at = match &choice.config {
            Ok(at) => at,
            Err(why) => return Ok((not_had(choice.control, why.clone(), Duration::ZERO), None)),
        };
        let shared = if at.opt_level.is_some() { building } else { Duration::ZERO };
        let label = format!("triage {}: {} on {}", self.request.triaged.title(), choice.control.word(), at.target.name);
        let handle = self.planner.workspace.console.step(&label);
        let ran = self.ran(tests, at, choice.control);
        handle.done(start.elapsed(), false);
        match ran {
            Ok((mut row, command)) => {
                row.wall_s = (start.elapsed() + shared).as_secs_f64();
                row.control = choice.control;
                Ok((row, Some(command)))
            }
            Err(error) if is_interrupt(&error) || crate::error::of_error(&error) == exit::INTERRUPTED => Err(error),
            Err(error) => {
                let why = format!("{error:#}").lines().next().unwrap_or_default().to_owned();
                Ok((not_had(choice.control, why, start.elapsed()), None))
            }
        }
    }

    fn ran(&self, tests: &TestBuilder, at: &RunConfig, control: Control) -> Result<(ControlRow, String)> {
        let start = Instant::now();
        let prepared = tests.prepare(at, self.programs)?;
        if control == Control::Isolation && prepared.setting.lacking == self.prepared.setting.lacking {
            let notes = prepared.sandbox.notes.join("; ");
            let why = if prepared.sandbox.own_kind { "the host runs the target's programs itself" } else { &notes };
            return Err(anyhow!("this host has no other isolation: {why}"));
        }
        let mut all = Vec::new();
        for _ in 0..RUNS {
            let ran = self.runs.one(&prepared, Some(&tests.builder.jobs))?;
            self.refuse_another_kind(&ran)?;
            all.push(ran);
            if all.iter().any(|ran| ran.outcome == Outcome::Timeout) {
                break;
            }
        }
        Ok((row(control, &prepared.setting, &all, start), reproduction(self.planner, &self.request.triaged, &prepared)))
    }

    /// Fails if this run stopped earlier than the failing one: then it says nothing about the failure.
    fn refuse_another_kind(&self, ran: &Ran) -> Result<()> {
        let why = || ran.reason.as_deref().and_then(|why| why.lines().next()).unwrap_or_default();
        match ran.outcome {
            Outcome::Ignored => bail!("the test is ignored there"),
            Outcome::Missing if self.first.outcome != Outcome::Missing => bail!("the test is missing there: {}", why()),
            _ if self.first.started && !ran.started && ran.outcome.is_failure() => {
                bail!("the program fails there before its tests: {}", why())
            }
            _ => Ok(()),
        }
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
