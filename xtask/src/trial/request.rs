//! What a run is asked to do.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use bringup_model::exit::{self, CodedError};
use bringup_model::isolation::Isolation;
use bringup_model::link::Link;
use bringup_model::partition::Partition;
use bringup_model::report::ProgramOrigin;
use bringup_model::runner_spec::RunnerSpec;
use bringup_model::suite::Ui;
use bringup_model::target::Target;
use bringup_runner::ssh::Machine;

/// Targets, how their programs run, and the tests to run.
pub(crate) struct TrialRequest {
    pub(crate) targets: Vec<Target>,
    /// Link modes, each once.
    pub(crate) links: Vec<Link>,
    pub(crate) runner: RunnerSpec,
    pub(crate) isolation: Isolation,
    pub(crate) selection: TestSelection,
    /// The archive that the test programs come from; none if Bringup builds them.
    pub(crate) archive: Option<PathBuf>,
}

/// Which smoke checks to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SmokeSelection {
    None,
    /// The audit and the small programs.
    Programs,
    /// These crates from the registry.
    Crates(Vec<String>),
}

/// What to run of every target.
#[derive(Debug, Clone)]
pub(crate) struct TestSelection {
    pub(crate) smoke: SmokeSelection,
    /// Suites to run, in order.
    pub(crate) suites: Vec<String>,
    /// Run only tests whose name contains this text.
    pub(crate) filter: Option<String>,
    pub(crate) partition: Option<Partition>,
    /// Number of tests that run at once in one process.
    pub(crate) threads: usize,
    /// Number of times that every test runs; none for a usual run.
    pub(crate) stress: Option<usize>,
    /// Whether to ignore recorded results.
    pub(crate) rerun: bool,
}

impl TestSelection {
    /// Whether every test of a suite runs, once. Only then are outcomes recorded or taken from a record.
    pub(crate) fn is_whole(&self) -> bool {
        self.filter.is_none() && self.partition.is_none() && self.stress.is_none()
    }

    /// Whether some suite has rustc's own tests.
    pub(crate) fn has_ui(&self) -> bool {
        self.suites.iter().any(|suite| Ui::of(suite).is_some())
    }

    /// Whether some suite has tests of the library.
    pub(crate) fn has_library(&self) -> bool {
        self.suites.iter().any(|suite| Ui::of(suite).is_none())
    }
}

impl TrialRequest {
    /// Where the test programs come from.
    pub(crate) fn origin(&self) -> ProgramOrigin {
        self.archive.clone().map_or(ProgramOrigin::Built, |file| ProgramOrigin::Archive { file })
    }

    /// Connects to the machine that runs the tests; none if that is this machine.
    pub(crate) fn connect(&self) -> Result<Option<Arc<Machine>>> {
        match &self.runner {
            RunnerSpec::Ssh { .. } if self.selection.smoke != SmokeSelection::None => {
                let why = "the smoke checks do not run on another machine\nhint: `test` runs the suites there";
                Err(CodedError::error(exit::USAGE, why))
            }
            RunnerSpec::Ssh { host, config } => Ok(Some(Arc::new(Machine::connect(host, config.as_deref())?))),
            RunnerSpec::Qemu { .. } | RunnerSpec::Native => Ok(None),
        }
    }
}
