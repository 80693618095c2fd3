//! The runner, with the options that say more of it.

use anyhow::Result;
use bringup_model::exit::{self, CodedError};
use bringup_model::runner_spec::RunnerSpec;

use super::Run;

impl Run {
    /// The runner that is asked for. `--ssh-config` for another runner than ssh is refused.
    pub fn runner_spec(&self) -> Result<RunnerSpec> {
        match &self.runner {
            RunnerSpec::Ssh { host, .. } => Ok(RunnerSpec::Ssh { host: host.clone(), config: self.ssh_config.clone() }),
            _ if self.ssh_config.is_some() => {
                Err(CodedError::error(exit::USAGE, "--ssh-config is for --runner ssh:HOST only"))
            }
            RunnerSpec::Qemu { .. } => Ok(RunnerSpec::Qemu { path: self.qemu.clone() }),
            RunnerSpec::Native => Ok(RunnerSpec::Native),
        }
    }
}
