//! What a target's programs are run with, settled before anything is built.

use std::sync::Arc;

use anyhow::Result;
use bringup_model::expectation::Expectations;
use bringup_model::isolation::Isolation;
use bringup_model::limits::LimitTable;
use bringup_model::runner_spec::RunnerSpec;
use bringup_model::target::Target;
use bringup_runner::ssh::Machine;

use super::request::Request;
use crate::build::Planner;
use crate::host::emulator::Emulator;
use crate::project::{config, expect};
use crate::smoke;

/// What a target's programs are run with.
pub struct Prepared {
    /// The runner that was asked for.
    pub spec: RunnerSpec,
    /// That runner, ready for use.
    pub runner: PreparedRunner,
    /// How much isolation they get.
    pub isolation: Isolation,
    /// What is known of the target's tests.
    pub expectations: Expectations,
    /// What they may take.
    pub limits: LimitTable,
}

/// A runner that is ready for a target's programs.
pub enum PreparedRunner {
    /// An emulator that was found.
    Qemu(Emulator),
    /// This machine.
    Native,
    /// A machine that is connected.
    Ssh(Arc<Machine>),
}

impl PreparedRunner {
    /// The emulator; none for the other runners.
    pub fn emulator(&self) -> Option<&Emulator> {
        if let Self::Qemu(emulator) = self { Some(emulator) } else { None }
    }

    /// The machine that the programs run on, if it is not this one.
    pub fn machine(&self) -> Option<&Arc<Machine>> {
        if let Self::Ssh(machine) = self { Some(machine) } else { None }
    }
}

/// Settles what the programs of each target are run with.
pub fn prepare(planner: &Planner<'_>, request: &Request, targets: &[Target]) -> Result<Vec<Prepared>> {
    let (spec, machine) = request.runner()?;
    let prepare = |target: &Target| {
        let expectations = expect::load(&planner.project.root, &target.name)?;
        let runner = match (&spec, &machine) {
            (RunnerSpec::Qemu { path }, _) => {
                PreparedRunner::Qemu(planner.emulators().find(&target.qemu.emulator, path.as_deref())?)
            }
            (_, Some(machine)) => PreparedRunner::Ssh(machine.clone()),
            (_, None) => {
                smoke::elf::check_native(target)?;
                PreparedRunner::Native
            }
        };
        let emulated = runner.emulator().is_some();
        let limits = config::limits(&planner.project.root, &target.name, planner.project.pins.limits, emulated)?;
        let isolation = request.options.isolation;
        Ok(Prepared { spec: spec.clone(), runner, isolation, expectations, limits })
    };
    targets.iter().map(prepare).collect()
}
