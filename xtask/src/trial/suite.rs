//! One suite of a trial: its outcomes, new or recorded, and their verdicts.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use bringup_model::digest::Inputs;
use bringup_model::exit::{self, CodedError};
use bringup_model::expectation::{ActiveEntries, Entry, RunSetting, Word};
use bringup_model::judge::{self, JudgeError, JudgedSuite};
use bringup_model::outcome::SuiteOutcome;
use bringup_model::report;
use bringup_model::suite::Ui;
use bringup_runner::harness::compiletest::UiSuite;
use bringup_runner::interrupt::Interrupted;
use bringup_runner::sandbox::Sandbox;
use bringup_runner::scratch::Scratch;
use bringup_runner::suite::{Harness, Options, SuiteRun, TestProgram};
use bringup_runner::test_set::ProgramEntry;

use super::Trial;
use super::recorded::{self, Record, RecordedDurations};

/// Retries of an unexpected result.
const RETRIES: usize = 3;

/// The most unexpected results of a suite that are retried. With more, something is broken as a whole.
const MOST_RETRIES: usize = 100;

/// The environment of a trial's programs.
pub(super) struct TestEnvironment {
    pub(super) sandbox: Sandbox,
    /// The inputs that decide an outcome, besides the programs.
    pub(super) inputs: Inputs,
    /// The conditions of expectations refer to it.
    pub(super) setting: RunSetting,
    /// Folder for the output of failed tests, relative to the report's folder.
    pub(super) logs: String,
}

impl Trial<'_> {
    /// Runs a suite, or reads its recorded outcomes, and judges them. Adds notes to the run, and how programs contradicted
    /// themselves.
    pub(super) fn suite(
        &self,
        suite: &str,
        environment: &TestEnvironment,
        notes: &mut Vec<String>,
        contradictions: &mut Vec<String>,
    ) -> Result<JudgedSuite> {
        let active = self.subject.prepared.expectations.active(suite, &environment.setting);
        let record = self.record(suite, environment, &active);
        let judge = |outcome: &SuiteOutcome| judge::judge(outcome, &active, &environment.logs);
        let warn = |text: &str| self.context.planner.workspace.console.warn(text);
        let known = if self.selection().is_whole() && !self.selection().rerun { record.load(&warn) } else { None };
        let settled = known.and_then(|outcome: SuiteOutcome| {
            let judged = judge(&outcome).ok().filter(JudgedSuite::is_settled)?;
            Some((outcome, judged))
        });
        let cached = settled.is_some();
        let (outcome, mut judged) = if let Some(settled) = settled {
            self.context.planner.workspace.console.cached();
            settled
        } else {
            let running = || format!("running suite {suite} of {}", self.subject.target.name);
            let outcome = self.run_suite(suite, environment, &active).with_context(running)?;
            // After an interrupt no file is read to its end, and nothing is recorded.
            if !outcome.interrupted {
                self.check_emulator()?;
            }
            if self.selection().is_whole() && outcome.not_run == 0 && outcome.contradictions.is_empty() {
                record.save(&outcome)?;
            }
            let judged = judge(&outcome).map_err(|error| self.refused(error))?;
            (outcome, judged)
        };
        notes.extend(outcome.notes);
        contradictions.extend(outcome.contradictions);
        judged.suite.cached = cached;
        let (of, names) = (outcome.listed + outcome.elsewhere.len(), outcome.names);
        judged.suite.part = self.selection().partition.map(|partition| report::Part { partition, of, names });
        self.keep_logs(&judged)?;
        Ok(judged)
    }

    /// Turns the judge's error into an error of the run. If no test ran, the exit code says so.
    pub(super) fn refused(&self, error: JudgeError) -> anyhow::Error {
        match error {
            JudgeError::NothingRan(_) => {
                CodedError::error(exit::NOTHING_RAN, format!("{}: {error}", self.subject.target.name))
            }
            other => anyhow!(other),
        }
    }

    /// The record of this suite's outcomes.
    fn record(&self, suite: &str, environment: &TestEnvironment, active: &ActiveEntries) -> Record<'_> {
        let subject = self.subject;
        let digest = Ui::of(suite).and(subject.ui.as_ref()).map_or(&subject.tests.digest, |ui| &ui.digest);
        let inputs = recorded::suite_inputs(suite).add("test programs", digest.as_str());
        let inputs = inputs.append(&environment.inputs).list("limits", subject.prepared.limits.inputs(suite));
        let skipped = active.iter().filter(|entry| entry.word == Word::Skip).map(Entry::pattern);
        Record::new(self.context.store, &subject.target.name, inputs.list("skip", skipped))
    }

    fn run_suite(&self, suite: &str, environment: &TestEnvironment, active: &ActiveEntries) -> Result<SuiteOutcome> {
        let (subject, context, selection) = (self.subject, self.context, self.selection());
        let name = &subject.target.name;
        let limits = &subject.prepared.limits;
        let durations = RecordedDurations::load(context.store, name, self.link);
        let options = Options {
            jobs: subject.prepared.runner.machine().map_or(context.jobs, |machine| &machine.jobs).clone(),
            limits: &|test| limits.for_test(suite, test),
            lib_dirs: vec![subject.tests.libraries.clone()],
            skip: &|test| active.skips(test),
            filter: selection.filter.clone(),
            partition: selection.partition,
            threads: selection.threads,
            stress: selection.stress,
            durations: durations.of(suite),
            warn: &|text| context.planner.workspace.console.warn(&format!("{name}: {text}")),
        };
        let programs = self.programs(suite)?;
        // The path is short, because tests create sockets in it.
        let work = Scratch::new().context("creating a working folder for the tests")?;
        let handle = context.planner.workspace.console.step(&format!("test {name} {} {suite}", self.link));
        let start = Instant::now();
        let progress = |done, listed| handle.tests(done, listed);
        let run = SuiteRun::new(&programs, &environment.sandbox, &options, work.path())?;
        let mut outcome = run.run(&progress)?;
        if selection.stress.is_none() {
            retry(&run, &mut outcome, active)?;
        }
        if outcome.not_run == 0 {
            handle.done(start.elapsed(), false);
        }
        durations.update(suite, &outcome)?;
        Ok(outcome)
    }

    fn programs(&self, suite: &str) -> Result<Vec<TestProgram>> {
        let tests = &self.subject.tests;
        if let (Some(ui), Some(tests)) = (Ui::of(suite), &self.subject.ui) {
            let harness = Harness::Compiletest(Arc::new(UiSuite::new(tests, ui, self.link)?));
            let (path, name) = (tests.program.clone(), "compiletest".into());
            return Ok(vec![TestProgram { suite: suite.into(), name, path, unit: true, harness }]);
        }
        let of_suite = tests.list()?.into_iter().filter(|(program, _)| program.suite == suite);
        let with_path = |(program, folder): (ProgramEntry, &Path)| TestProgram {
            path: program.path(folder, self.link),
            suite: program.suite,
            name: program.name,
            unit: program.unit,
            harness: if program.harness { Harness::Libtest } else { Harness::None },
        };
        Ok(of_suite.map(with_path).collect())
    }

    fn keep_logs(&self, judged: &JudgedSuite) -> Result<()> {
        for log in &judged.logs {
            let path = self.context.report_folder.join(&log.path);
            if let Some(parent) = path.parent() {
                fs_err::create_dir_all(parent)?;
            }
            fs_err::write(path, &log.text)?;
        }
        Ok(())
    }
}

/// Retries unexpected results, each test alone, to tell flakes from real failures.
fn retry(run: &SuiteRun, outcome: &mut SuiteOutcome, active: &ActiveEntries) -> Result<()> {
    let names = judge::worth_a_retry(outcome, active);
    if names.len() > MOST_RETRIES {
        let (suite, count) = (&outcome.suite, names.len());
        outcome.notes.push(format!("{suite}: {count} unexpected results, too many to retry each"));
        return Ok(());
    }
    match run.again(outcome, &names, RETRIES) {
        // Keep the results so far.
        Err(error) if error.is::<Interrupted>() => Ok(()),
        result => result,
    }
}
