//! The run that `bringup`, `smoke` and `test` ask for.

use anyhow::Result;
use bringup_model::exit::{self, CodedError};
use bringup_model::link::Link;
use bringup_model::suite;
use bringup_model::target::Target;

use crate::build::Planner;
use crate::cli::{RunArgs, SmokeArgs, TestArgs};
use crate::smoke::corpus::Corpus;
use crate::smoke::crates;
use crate::trial::request::{TestSelection, TrialRequest};

/// The smoke checks alone, or a part of them, or crates instead.
pub(super) fn smoke(planner: &Planner<'_>, options: &SmokeArgs) -> Result<TrialRequest> {
    let crates = crates::chosen(&planner.project.root, &options.crates)?;
    let targets = options.targets.read(planner.project, &planner.workspace.console)?;
    let has_corpus = check_corpus(planner, &targets)?;
    if options.corpus && !has_corpus {
        return Err(CodedError::error(exit::USAGE, "--corpus: the project has no folder smoke/corpus"));
    }
    let selection = TestSelection {
        smoke: crates.is_empty() && !options.corpus,
        corpus: options.corpus,
        crates,
        suites: Vec::new(),
        filter: None,
        partition: None,
        threads: 1,
        stress: None,
        rerun: options.run.rerun,
    };
    request(targets, &options.run, selection)
}

/// Smoke checks and suites.
pub(super) fn everything(planner: &Planner<'_>, options: &TestArgs) -> Result<TrialRequest> {
    let targets = options.targets.read(planner.project, &planner.workspace.console)?;
    check_corpus(planner, &targets)?;
    request(targets, &options.run, TestSelection { smoke: true, ..selection(options) })
}

/// Fails unless the C corpus has what the targets' `[corpus]` names. Returns whether there is a corpus.
pub(super) fn check_corpus(planner: &Planner<'_>, targets: &[Target]) -> Result<bool> {
    let Some(corpus) = Corpus::read(&planner.project.root.join("smoke"))? else { return Ok(false) };
    targets.iter().try_for_each(|target| corpus.check(target))?;
    Ok(true)
}

/// The suites alone.
pub(super) fn suites(planner: &Planner<'_>, options: &TestArgs) -> Result<TrialRequest> {
    suites_of(options.targets.read(planner.project, &planner.workspace.console)?, options)
}

/// The suites alone, of these targets instead of those that the options name.
pub(super) fn suites_of(targets: Vec<Target>, options: &TestArgs) -> Result<TrialRequest> {
    request(targets, &options.run, selection(options))
}

fn request(targets: Vec<Target>, options: &RunArgs, selection: TestSelection) -> Result<TrialRequest> {
    // Each once, in the usual order.
    let links = Link::ALL.into_iter().filter(|link| options.link.is_empty() || options.link.contains(link));
    Ok(TrialRequest {
        targets,
        links: links.collect(),
        runner: options.runner_spec()?,
        isolation: options.isolation,
        selection,
        archive: None,
    })
}

fn selection(options: &TestArgs) -> TestSelection {
    let all = || suite::library().into_iter().map(str::to_owned).collect();
    TestSelection {
        smoke: false,
        corpus: false,
        crates: Vec::new(),
        suites: if options.suite.is_empty() { all() } else { options.suite.clone() },
        filter: options.filter.clone(),
        partition: options.partition,
        threads: usize::from(options.test_threads),
        stress: options.stress.map(usize::from),
        rerun: options.run.rerun,
    }
}
