//! What a run is asked for, whichever verb asked.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bringup_model::exit::{self, CodedError};
use bringup_model::link::Link;
use bringup_model::partition::Partition;
use bringup_model::report::ProgramOrigin;
use bringup_model::runner_spec::RunnerSpec;
use bringup_model::suite::{self, Ui};
use bringup_runner::ssh::Machine;

use crate::cli::{Run, TargetNames, Test};

/// Targets, options and the tests to run.
pub struct Request<'a> {
    pub targets: &'a TargetNames,
    pub options: &'a Run,
    pub selection: Selection,
    /// The archive that the test programs come from, if they are not built here.
    pub archive: Option<&'a Path>,
}

/// What to run of every target.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Whether to run the smoke checks.
    pub smoke: bool,
    /// Suites to run, in order.
    pub suites: Vec<String>,
    /// Only tests whose name contains this.
    pub filter: Option<String>,
    /// Only this part of them.
    pub partition: Option<Partition>,
    /// Tests that run at once in one process.
    pub threads: usize,
    /// How often every test runs, if not just once.
    pub stress: Option<usize>,
    /// Whether to run also what is known from an earlier run.
    pub rerun: bool,
}

impl Selection {
    /// Whether every test of a suite runs, once: only then are the outcomes recorded, or taken from a record.
    pub fn is_whole(&self) -> bool {
        self.filter.is_none() && self.partition.is_none() && self.stress.is_none()
    }

    /// Whether tests of rustc's own are among the suites.
    pub fn has_ui(&self) -> bool {
        self.suites.iter().any(|suite| Ui::of(suite).is_some())
    }

    /// Whether tests of the library are among the suites.
    pub fn has_library(&self) -> bool {
        self.suites.iter().any(|suite| Ui::of(suite).is_none())
    }
}

impl<'a> Request<'a> {
    /// The smoke checks alone.
    pub fn smoke(targets: &'a TargetNames, options: &'a Run) -> Self {
        let selection = Selection {
            smoke: true,
            suites: Vec::new(),
            filter: None,
            partition: None,
            threads: 1,
            stress: None,
            rerun: options.rerun,
        };
        Self { targets, options, selection, archive: None }
    }

    /// Smoke checks and suites.
    pub fn everything(test: &'a Test) -> Self {
        let mut request = Self::smoke(&test.targets, &test.run);
        let all = || suite::library().into_iter().map(str::to_owned).collect();
        request.selection.suites = if test.suite.is_empty() { all() } else { test.suite.clone() };
        request.selection.filter.clone_from(&test.filter);
        request.selection.partition = test.partition;
        request.selection.threads = usize::from(test.test_threads);
        request.selection.stress = test.stress.map(usize::from);
        request
    }

    /// The suites alone.
    pub fn suites(test: &'a Test) -> Self {
        let mut request = Self::everything(test);
        request.selection.smoke = false;
        request
    }

    /// The link modes, each once, in the order of all of them.
    pub fn links(&self) -> impl Iterator<Item = Link> {
        let wanted = &self.options.link;
        Link::ALL.into_iter().filter(|link| wanted.is_empty() || wanted.contains(link))
    }

    /// Where the test programs come from.
    pub fn origin(&self) -> ProgramOrigin {
        self.archive.map_or(ProgramOrigin::Built, |file| ProgramOrigin::Archive { file: file.into() })
    }

    /// The runner that is asked for, and the machine that the tests are to run on, if it is not this one: connected to, before
    /// any work is done.
    pub fn runner(&self) -> Result<(RunnerSpec, Option<Arc<Machine>>)> {
        let spec = self.options.runner_spec()?;
        let machine = match &spec {
            RunnerSpec::Ssh { .. } if self.selection.smoke => {
                let why = "the smoke checks do not run on another machine\nhint: `test` runs the suites there";
                return Err(CodedError::error(exit::USAGE, why));
            }
            RunnerSpec::Ssh { host, config } => Some(Arc::new(Machine::connect(host, config.as_deref())?)),
            RunnerSpec::Qemu { .. } | RunnerSpec::Native => None,
        };
        Ok((spec, machine))
    }
}
