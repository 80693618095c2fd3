//! The controls of a failing test: builds what they require and runs them, cheap ones first.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use bringup_model::exit;
use bringup_model::link::Link;
use bringup_model::outcome::Outcome;
use bringup_model::target::Target;
use bringup_model::triage::{self, Control, ControlRow, Finding};
use bringup_runner::interrupt::is_interrupt;
use bringup_runner::jobs::Jobs;
use bringup_runner::one_test::Ran;

use super::controls::{ControlChoice, ControlChooser};
use super::prepare::{PreparedTest, RunConfig, TestBuilder, Triaged};
use super::runs::{Runs, not_had, row};
use super::script::reproduction;
use super::variant::{PatchCounts, Variant};
use super::{ReproducibleRow, TriageRequest};
use crate::build::Planner;
use crate::host::emulator::Emulator;

/// Repetitions under each control.
const RUNS: usize = 3;

/// The most tests that may end the process before the test itself runs.
const MOST_ENDS: usize = 3;

/// Runs controls of a failing test.
pub(super) struct ControlRuns<'a> {
    pub(super) planner: &'a Planner<'a>,
    pub(super) targets: &'a [Target],
    pub(super) request: &'a TriageRequest,
    pub(super) runs: &'a Runs,
    pub(super) programs: &'a Path,
    /// The failing test.
    pub(super) prepared: &'a PreparedTest,
    /// The first failing run.
    pub(super) first: &'a Ran,
    /// Derives a finding from the rows.
    pub(super) judge: &'a (dyn Fn(&[ReproducibleRow]) -> Finding + Sync),
}

/// How to look for the patch that makes a test fail.
struct Search {
    /// The number of patches.
    count: usize,
    /// Whether to go on after the first run, which is without any patch.
    bisect: bool,
}

impl ControlRuns<'_> {
    /// Runs the controls, cheap ones first. What is dear runs only if it can change the verdict.
    pub(super) fn all(&self, tests: &mut TestBuilder, rows: &mut Vec<ReproducibleRow>) -> Result<()> {
        let base = &self.request.base;
        let opt_level = self.cheap(tests, rows)?;
        if !self.request.failed_in_suite && matches!(self.request.triaged, Triaged::Test { .. }) {
            self.after_others(tests, rows)?;
        }
        let settled = "the other controls already give a verdict";
        if (self.judge)(rows).diagnosis.may_be_patches() {
            let all = tests.patches.counts();
            if all.total() == 0 {
                rows.push((not_had(Control::Patches, "no patch is applied".into(), Duration::ZERO), None));
            }
            let link = self.link_for_another_musl(rows);
            if let Some(link) = link {
                let at = |musl| PatchCounts { musl, ..all };
                self.search(tests, rows, &Search { count: all.musl, bisect: true }, |musl| {
                    let variant = Variant { patches: Some(at(musl)), relinked: true, ..base.variant };
                    RunConfig { link, variant, ..base.clone() }
                })?;
            }
            let untried = link.is_none() || all.llvm + all.rust > 0;
            if untried && (self.judge)(rows).diagnosis.may_be_patches() {
                // A program in C needs no std.
                let bisect = self.request.deep || !self.request.triaged.has_std();
                self.search(tests, rows, &Search { count: all.total(), bisect }, |count| {
                    let variant = Variant { patches: Some(all.first(count)), ..base.variant };
                    RunConfig { variant, ..base.clone() }
                })?;
            }
        } else {
            rows.push((not_had(Control::Patches, settled.into(), Duration::ZERO), None));
        }
        if (self.judge)(rows).diagnosis.may_be_code() {
            self.under_controls(tests, &[opt_level], rows)
        } else {
            rows.push((not_had(Control::OptLevel, settled.into(), Duration::ZERO), None));
            Ok(())
        }
    }

    /// The link mode in which the program runs with another musl: it need not be built anew if it loads libc.so, and a
    /// program in C is quickly built anew.
    fn link_for_another_musl(&self, rows: &[ReproducibleRow]) -> Option<Link> {
        let base = &self.request.base;
        if base.link == Link::Dynamic || !self.request.triaged.has_std() {
            return Some(base.link);
        }
        let linked = rows.iter().rev().find(|(row, _)| row.control == Control::Link)?;
        (compared(rows, &linked.0) == Some(true)).then_some(Link::Dynamic)
    }

    /// Runs the test without any patch, and if that makes it pass, finds the patch that makes it fail: with the patches
    /// up to this one it fails, and with one less it passes.
    fn search(
        &self,
        tests: &mut TestBuilder,
        rows: &mut Vec<ReproducibleRow>,
        search: &Search,
        config: impl Fn(usize) -> RunConfig,
    ) -> Result<()> {
        let (mut without, mut with, mut kept) = (0, search.count, 0);
        while without < with {
            let choice = ControlChoice { control: Control::Patches, config: Ok(config(kept)) };
            self.under_controls(tests, &[choice], rows)?;
            match rows.last().and_then(|(row, _)| compared(rows, row)) {
                // It fails even without the patches that were left out.
                Some(true) => with = kept,
                // If it does not get as far as without a change, a patch below is required for that.
                Some(false) | None => without = kept,
            }
            if with - without <= 1 || !search.bisect {
                break;
            }
            kept = usize::midpoint(without, with);
        }
        Ok(())
    }

    /// Runs the test after the tests before it. Returns the runs.
    pub(super) fn after_others(&self, tests: &TestBuilder, rows: &mut Vec<ReproducibleRow>) -> Result<Vec<Ran>> {
        if !matches!(self.request.triaged, Triaged::Test { .. }) {
            return Ok(Vec::new());
        }
        let config = Ok(RunConfig { after_others: true, ..self.request.base.clone() });
        let (row, ran) = self.control(tests, &ControlChoice { control: Control::Company, config }, Duration::ZERO)?;
        rows.push(row);
        Ok(ran)
    }

    /// Runs every control that costs little, and returns the opt-level. Other targets are built only with `deep`.
    fn cheap(&self, tests: &mut TestBuilder, rows: &mut Vec<ReproducibleRow>) -> Result<ControlChoice> {
        let base = &self.request.base;
        let mut lacking = BTreeMap::new();
        for target in self.targets {
            match tests.plan(target, Variant::default()) {
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
        rows: &mut Vec<ReproducibleRow>,
    ) -> Result<()> {
        let start = Instant::now();
        let mut wanted = Vec::new();
        for choice in choices {
            if let Ok(at) = &choice.config
                && tests.plan(&at.target, at.variant).is_ok()
            {
                wanted.push((&at.target, at.variant));
            }
        }
        tests.build(&wanted)?;
        let building = start.elapsed();
        let tests = &*tests;
        let done: Vec<Result<(ReproducibleRow, Vec<Ran>)>> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                choices.iter().map(|choice| scope.spawn(move || self.control(tests, choice, building))).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<_>>| {
                thread.join().unwrap_or_else(|_| Err(anyhow!("a control's thread panicked")))
            };
            threads.into_iter().map(join).collect()
        });
        for row in done {
            rows.push(row?.0);
        }
        Ok(())
    }

    /// Runs one control. An error becomes the row's text, unless it is an interrupt.
    fn control(
        &self,
        tests: &TestBuilder,
        choice: &ControlChoice,
        building: Duration,
    ) -> Result<(ReproducibleRow, Vec<Ran>)> {
        let start = Instant::now();
        let at = match &choice.config {
            Ok(at) => at,
            Err(why) => return Ok(((not_had(choice.control, why.clone(), Duration::ZERO), None), Vec::new())),
        };
        let shared = if at.variant == Variant::default() { Duration::ZERO } else { building };
        let label = format!("triage {}: {} on {}", self.request.triaged.title(), choice.control.word(), at.target.name);
        let handle = self.planner.workspace.console.step(&label);
        let ran = self.ran(tests, at, choice.control);
        handle.done(start.elapsed(), false);
        match ran {
            Ok((mut row, command, ran)) => {
                row.wall_s = (start.elapsed() + shared).as_secs_f64();
                Ok(((row, Some(command)), ran))
            }
            Err(error) if is_interrupt(&error) || crate::error::of_error(&error) == exit::INTERRUPTED => Err(error),
            Err(error) => {
                let why = format!("{error:#}").lines().next().unwrap_or_default().to_owned();
                Ok(((not_had(choice.control, why, start.elapsed() + shared), None), Vec::new()))
            }
        }
    }

    fn ran(&self, tests: &TestBuilder, at: &RunConfig, control: Control) -> Result<(ControlRow, String, Vec<Ran>)> {
        let start = Instant::now();
        let mut prepared = tests.prepare(at, self.programs)?;
        if control == Control::Isolation && prepared.setting.lacking == self.prepared.setting.lacking {
            let notes = prepared.sandbox.notes.join("; ");
            let why = if prepared.sandbox.own_kind { "the host runs the target's programs itself" } else { &notes };
            return Err(anyhow!("this host has no other isolation: {why}"));
        }
        let jobs = Some(&tests.builder.jobs);
        let mut all = Vec::new();
        if control == Control::Company {
            all.push(self.after_survivors(&mut prepared, jobs)?);
            // A result as without the other tests needs no proof.
            if all[0].outcome.is_failure() != self.first.outcome.is_failure() {
                all.push(self.runs.one(&prepared, jobs)?);
            }
        }
        while control != Control::Company && all.len() < RUNS {
            let ran = self.runs.one(&prepared, jobs)?;
            self.refuse_another_kind(&ran)?;
            all.push(ran);
            if all.iter().any(|ran| ran.outcome == Outcome::Timeout) {
                break;
            }
        }
        let script = reproduction(self.planner, &self.request.triaged, &prepared);
        Ok((row(control, &prepared.setting, &all, start), script, all))
    }

    /// A run after the tests before it. A test that ends the process is left out of the next try.
    fn after_survivors(&self, prepared: &mut PreparedTest, jobs: Option<&Jobs>) -> Result<Ran> {
        for _ in 0..MOST_ENDS {
            let ran = self.runs.one(prepared, jobs)?;
            let Some(other) = &ran.ended_in else {
                self.refuse_another_kind(&ran)?;
                return Ok(ran);
            };
            prepared.subject.before.retain(|test| test != other);
            prepared.setting.company = prepared.subject.before.len();
        }
        bail!("the tests before it end the process: {MOST_ENDS} of them were left out, one after the other")
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

/// How a row compares with the failing run; see [`triage::compare`].
fn compared(rows: &[ReproducibleRow], row: &ControlRow) -> Option<bool> {
    let rows: Vec<ControlRow> = rows.iter().map(|(row, _)| row.clone()).collect();
    triage::compare(&rows, row)
}
