//! Triage of one test: runs it under controls, from the cheap to the dear, until it is clear whose fault its failure is.

pub mod capture;
mod controls;
mod gdb;
mod place;
mod runs;
pub mod script;
mod symbols;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

pub use place::{Kind, Where};

use self::capture::Halt;
use self::controls::{Choice, Chooser};
use self::place::{Place, Workshop};
use self::runs::{Runs, load, not_had, row};
use self::script::reproduction;
use crate::build::Planner;
use crate::build::store::Store;
use crate::host::emulator::Emulator;
use crate::source::fetch::is_interrupt;
use bringup_model::exit::{self, CodedError};
use bringup_model::outcome::Outcome;
use bringup_model::target::Target;
use bringup_model::triage::{self, Control, ControlRow, DataLayout, Finding};
use bringup_runner::interrupt;
use bringup_runner::one_test::Ran;
use bringup_runner::scratch::Scratch;

/// How often the test is run again without any change, and how often if it hangs.
const AGAIN: usize = 10;
const AGAIN_HANGING: usize = 2;

/// How often it is run under each control.
const RUNS: usize = 3;

/// What is triaged, and how far to go.
pub struct Request {
    /// The test.
    pub kind: Kind,
    /// Where it fails.
    pub base: Where,
    /// More emulators to try.
    pub emulators: Vec<PathBuf>,
    /// Whether to build what controls need.
    pub deep: bool,
    /// How long one run may take.
    pub limit: Duration,
}

/// All that was found out.
pub struct Triage {
    /// The test, as people name it.
    pub title: String,
    /// The table, with the script that reproduces each row: what it takes, a line each, and the command last.
    pub rows: Vec<(ControlRow, Option<String>)>,
    /// What follows.
    pub finding: Finding,
    /// What the failing run printed.
    pub output: String,
    /// Its last system calls, or why there are none.
    pub calls: Option<Result<Vec<String>, String>>,
    /// Where it stood when it failed, or why that is not known; nothing for a test that fails in an orderly way.
    pub halt: Option<Result<Halt, String>>,
    /// What the failing setting lacks.
    pub notes: Vec<String>,
}

/// Runs the controls. Fails if the test cannot be run where it is said to fail, and on an interrupt.
pub fn run(planner: &Planner<'_>, store: &Store, targets: &[Target], request: &Request) -> Result<Triage> {
    let folder = Scratch::new()?;
    let programs = request.programs(planner)?;
    let mut workshop = Workshop::new(planner, store, request.kind.clone())?;
    let base = &request.base;
    workshop.plan(&base.target, base.opt_level)?;
    workshop.build(&[(&base.target, base.opt_level)])?;
    let runs = Runs::new(folder.path(), request.limit);
    let title = request.kind.title();

    let start = Instant::now();
    let made = workshop.find(base, &runs.fresh()?).and_then(|()| workshop.place(base, &programs));
    let place = made.with_context(|| format!("triaging {title} of {}", base.target.name))?;
    let jobs = workshop.builder.jobs.clone();
    let handle = planner.workspace.console.step(&format!("triage {title}"));
    let first = runs.one(&place, Some(&jobs))?;
    if first.outcome == Outcome::Ignored {
        let target = &base.target.name;
        return Err(CodedError::error(
            exit::NOTHING_RAN,
            format!("{title} is ignored on {target}: there is nothing to triage"),
        ));
    }
    let command = Some(reproduction(planner, &request.kind, &place));
    let mut rows = vec![(row(Control::Alone, &place.setting, std::slice::from_ref(&first), start), command.clone())];

    let mut ran = vec![first.clone()];
    let again = |rows: &mut Vec<(ControlRow, Option<String>)>| -> Result<Vec<Ran>> {
        let start = Instant::now();
        // One after the other, for two might meet; but what hangs twice does so for its own sake.
        let again = match first.outcome {
            Outcome::Timeout => runs.beside_each_other(&place, AGAIN_HANGING, Some(&jobs))?,
            _ => (0..AGAIN).map(|_| runs.one(&place, Some(&jobs))).collect::<Result<_>>()?,
        };
        rows.push((row(Control::Repeated, &place.setting, &again, start), command.clone()));
        Ok(again)
    };
    ran.extend(again(&mut rows)?);
    if ran.iter().all(|ran| !ran.outcome.is_failure()) {
        let (row, loaded) = load(&runs, &place, jobs.total())?;
        let failed = loaded.iter().any(|ran| ran.outcome.is_failure());
        rows.push((row, command.clone()));
        ran.extend(loaded);
        if failed {
            // It may as well be one that fails now and then by itself.
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
        && place.setting.emulator.is_some()
    {
        let handle = planner.workspace.console.step(&format!("capture {title}"));
        let start = Instant::now();
        calls = Some(told(capture::calls(&place, &runs.fresh()?, request.limit, &jobs))?);
        if matches!(failure.outcome, Outcome::Crash | Outcome::Timeout) {
            halt = Some(told(capture::halt(&place, failure.outcome, &runs.fresh()?, &jobs))?);
        }
        handle.done(start.elapsed(), false);
    }
    if failed.len() == ran.len() {
        let round = Round { planner, targets, request, runs: &runs, programs: &programs, place: &place, first: &first };
        let opt_level = round.cheap(&mut workshop, &mut rows)?;
        if request.deep || !judge(&rows).diagnosis.is_settled() {
            round.under_controls(&mut workshop, &[opt_level], &mut rows)?;
        } else {
            let why = "what is known by now does not ask for it".to_owned();
            rows.push((not_had(Control::OptLevel, why, Duration::ZERO), None));
        }
    } else {
        let why = "it does not fail each time without any change";
        rows.push((not_had(Control::Emulator, format!("nor any further control: {why}"), Duration::ZERO), None));
    }
    Ok(Triage {
        finding: judge(&rows),
        title,
        rows,
        output: failed.first().map(|ran| ran.output.clone()).unwrap_or_default(),
        calls,
        halt,
        notes: place.sandbox.notes.clone(),
    })
}

impl Request {
    /// Where programs are kept that are made for this triage.
    fn programs(&self, planner: &Planner<'_>) -> Result<PathBuf> {
        let folder = planner.workspace.out.join("triage").join("programs").join(self.name());
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?;
        }
        if matches!(self.kind, Kind::Proof { .. }) {
            fs_err::create_dir_all(&folder)?;
        }
        Ok(folder)
    }

    /// As files are called: `s390x-std-net.tcp.tests.timeouts`.
    pub fn name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let title = self.kind.title().replace("::", ".");
        format!("{}-{title}", self.base.target.name).chars().map(plain).collect()
    }
}

/// What every control of a test has in common.
struct Round<'a> {
    planner: &'a Planner<'a>,
    targets: &'a [Target],
    request: &'a Request,
    runs: &'a Runs,
    programs: &'a std::path::Path,
    /// The failing one.
    place: &'a Place,
    /// How it failed there.
    first: &'a Ran,
}

impl Round<'_> {
    /// The controls that need no std of their own, or all but that of the opt-level if it goes deep. Gives that one back.
    fn cheap(&self, workshop: &mut Workshop, rows: &mut Vec<(ControlRow, Option<String>)>) -> Result<Choice> {
        let base = &self.request.base;
        let mut lacking = BTreeMap::new();
        for target in self.targets {
            match workshop.plan(target, None) {
                Ok(steps) => drop(lacking.insert(target.name.clone(), steps)),
                Err(error) if crate::error::of_error(&error) == exit::INTERRUPTED => return Err(error),
                Err(error) => self.planner.workspace.console.warn(&format!("{}: {error:#}", target.name)),
            }
        }
        let chooser = Chooser {
            planner: self.planner,
            kind: &self.request.kind,
            base,
            targets: self.targets,
            deep: self.request.deep,
            lacking: &|target| lacking.get(&target.name).copied(),
            emulators: self.emulators()?,
        };
        let choices = chooser.choose()?;
        self.under_controls(workshop, &choices, rows)?;
        Ok(chooser.opt_level())
    }

    fn emulators(&self) -> Result<Vec<Result<Emulator, String>>> {
        let Some(ours) = &self.request.base.emulator else { return Ok(Vec::new()) };
        let target = &self.request.base.target;
        let mut given = self.request.emulators.clone();
        // What would be used if none had been named.
        given.extend(self.planner.emulators().find(&target.qemu.emulator, None).ok().map(|emulator| emulator.path));
        let found = self.planner.emulators().controls(&target.qemu.emulator, ours, &given)?;
        Ok(found.into_iter().map(|found| found.map_err(|(origin, why)| format!("{origin}: {why:#}"))).collect())
    }

    /// Builds what these need and runs the test under each, side by side.
    fn under_controls(
        &self,
        workshop: &mut Workshop,
        choices: &[Choice],
        rows: &mut Vec<(ControlRow, Option<String>)>,
    ) -> Result<()> {
        let start = Instant::now();
        let mut wanted = Vec::new();
        for choice in choices {
            if let Ok(at) = &choice.place
                && workshop.plan(&at.target, at.opt_level).is_ok()
            {
                wanted.push((&at.target, at.opt_level));
            }
        }
        workshop.build(&wanted)?;
        let building = start.elapsed();
        let workshop = &*workshop;
        let done: Vec<Result<(ControlRow, Option<String>)>> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                choices.iter().map(|choice| scope.spawn(move || self.control(workshop, choice, building))).collect();
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

    /// One row. What goes wrong is what the row says, but for an interrupt.
    fn control(
        &self,
        workshop: &Workshop,
        choice: &Choice,
        building: Duration,
    ) -> Result<(ControlRow, Option<String>)> {
        let start = Instant::now();
        let at = match &choice.place {
            Ok(at) => at,
            Err(why) => return Ok((not_had(choice.control, why.clone(), Duration::ZERO), None)),
        };
        let shared = if at.opt_level.is_some() { building } else { Duration::ZERO };
        let label = format!("triage {}: {} on {}", self.request.kind.title(), choice.control.word(), at.target.name);
        let handle = self.planner.workspace.console.step(&label);
        let ran = self.ran(workshop, at, choice.control);
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

    fn ran(&self, workshop: &Workshop, at: &Where, control: Control) -> Result<(ControlRow, String)> {
        let start = Instant::now();
        let place = workshop.place(at, self.programs)?;
        if control == Control::Isolation && place.setting.lacking == self.place.setting.lacking {
            let notes = place.sandbox.notes.join("; ");
            let why = if place.sandbox.own_kind { "the host takes the target's programs for its own" } else { &notes };
            return Err(anyhow!("this host gives no other: {why}"));
        }
        let mut all = Vec::new();
        for _ in 0..RUNS {
            let ran = self.runs.one(&place, Some(&workshop.builder.jobs))?;
            self.refuse_another_kind(&ran)?;
            all.push(ran);
            if all.iter().any(|ran| ran.outcome == Outcome::Timeout) {
                break;
            }
        }
        Ok((row(control, &place.setting, &all, start), reproduction(self.planner, &self.request.kind, &place)))
    }

    /// An error if this run says nothing about the failure, because it did not come as far.
    fn refuse_another_kind(&self, ran: &Ran) -> Result<()> {
        let why = || ran.reason.as_deref().and_then(|why| why.lines().next()).unwrap_or_default();
        match ran.outcome {
            Outcome::Ignored => bail!("the test is ignored there"),
            Outcome::Missing if self.first.outcome != Outcome::Missing => bail!("the test is missing there: {}", why()),
            _ if self.first.started && !ran.started && ran.outcome.is_failure() => {
                bail!("the program does not come as far as its tests there: {}", why())
            }
            _ => Ok(()),
        }
    }
}

/// An error in words, unless it is an interrupt.
fn told<T>(result: Result<T>) -> Result<Result<T, String>> {
    match result {
        Err(error) if crate::error::of_error(&error) == exit::INTERRUPTED => Err(error),
        other => {
            interrupt::check()?;
            Ok(other.map_err(|error| format!("{error:#}")))
        }
    }
}
