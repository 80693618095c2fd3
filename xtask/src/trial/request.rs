//! What a run is asked to do.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use bringup_model::exit::{self, CodedError};
use bringup_model::isolation::Isolation;
use bringup_model::link::Link;
use bringup_model::report::ProgramOrigin;
pub(crate) use bringup_model::report::TestSelection;
use bringup_model::runner_spec::RunnerSpec;
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

impl TrialRequest {
    /// Where the test programs come from.
    pub(crate) fn origin(&self) -> ProgramOrigin {
        self.archive.clone().map_or(ProgramOrigin::Built, |file| ProgramOrigin::Archive { file })
    }

    /// Connects to the machine that runs the tests; none if that is this machine.
    pub(crate) fn connect(&self) -> Result<Option<Arc<Machine>>> {
        match &self.runner {
            RunnerSpec::Ssh { .. } if self.selection.smoke || !self.selection.crates.is_empty() => {
                let why = "the smoke checks do not run on another machine\nhint: `test` runs the suites there";
                Err(CodedError::error(exit::USAGE, why))
            }
            RunnerSpec::Ssh { host, config } => Ok(Some(Arc::new(Machine::connect(host, config.as_deref())?))),
            RunnerSpec::Qemu { .. } | RunnerSpec::Native => Ok(None),
        }
    }
}
