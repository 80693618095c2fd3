//! The runner that a command line selects.

use anyhow::Result;
use bringup_model::exit::{self, CodedError};
use bringup_model::runner_spec::RunnerSpec;

use super::RunArgs;

impl RunArgs {
    /// The runner with its options. Rejects `--ssh-config` for any runner but ssh.
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
