//! What a target's programs are run with, settled before anything is built.

use std::sync::Arc;

use anyhow::Result;
use bringup_model::expectation::Expectations;
use bringup_model::isolation::Isolation;
use bringup_model::limits::LimitTable;
use bringup_model::target::Target;
use bringup_runner::ssh::Machine;

use super::request::Request;
use crate::build::Planner;
use crate::cli::RunnerKind;
use crate::host::emulator::Emulator;
use crate::project::{config, expect};
use crate::smoke;

/// What a target's programs are run with.
pub struct Prepared {
    /// The emulator; none for the other runners.
    pub emulator: Option<Emulator>,
    /// The machine that they run on, if it is not this one.
    pub machine: Option<Arc<Machine>>,
    /// How much isolation they get.
    pub isolation: Isolation,
    /// What is known of the target's tests.
    pub expectations: Expectations,
    /// What they may take.
    pub limits: LimitTable,
}

impl Prepared {
    /// The runner, as reports name it.
    pub fn runner(&self) -> &'static str {
        match (&self.emulator, &self.machine) {
            (Some(_), _) => "qemu",
            (None, Some(_)) => "ssh",
            (None, None) => "native",
        }
    }
}

/// Settles what the programs of each target are run with.
pub fn prepare(planner: &Planner<'_>, request: &Request, targets: &[Target]) -> Result<Vec<Prepared>> {
    let machine = request.machine()?;
    let prepare = |target: &Target| {
        let expectations = expect::load(&planner.project.root, &target.name)?;
        let emulator = match request.options.runner {
            RunnerKind::Qemu => Some(planner.emulators().find(&target.qemu.emulator, request.options.qemu.as_deref())?),
            RunnerKind::Native => {
                smoke::elf::check_native(target)?;
                None
            }
            RunnerKind::Ssh(_) => None,
        };
        let limits =
            config::limits(&planner.project.root, &target.name, planner.project.pins.limits, emulator.is_some())?;
        let isolation = request.options.isolation;
        Ok(Prepared { emulator, machine: machine.clone(), isolation, expectations, limits })
    };
    targets.iter().map(prepare).collect()
}
