//! What a target's programs run with, found before anything is built.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bringup_model::expectation::Expectations;
use bringup_model::limits::LimitTable;
use bringup_model::report::UsedEmulator;
use bringup_model::runner_spec::RunnerSpec;
use bringup_model::target::Target;
use bringup_runner::ssh::Machine;

use super::request::TrialRequest;
use crate::build::Planner;
use crate::build::step::commands;
use crate::host::emulator::Emulator;
use crate::project::{config, expect};
use crate::smoke;

/// What a target's programs run with.
pub(super) struct Prepared {
    pub(super) runner: PreparedRunner,
    /// The emulator as it was before any program ran.
    pub(super) emulator: Option<UsedEmulator>,
    pub(super) expectations: Expectations,
    pub(super) limits: LimitTable,
}

/// A runner that is ready for a target's programs.
pub(super) enum PreparedRunner {
    Qemu(Emulator),
    /// This machine.
    Native,
    /// A connected machine.
    Ssh(Arc<Machine>),
}

impl PreparedRunner {
    /// The emulator; none for the other runners.
    pub(super) fn emulator(&self) -> Option<&Emulator> {
        if let Self::Qemu(emulator) = self { Some(emulator) } else { None }
    }

    /// The machine that runs the programs; none if that is this machine.
    pub(super) fn machine(&self) -> Option<&Arc<Machine>> {
        if let Self::Ssh(machine) = self { Some(machine) } else { None }
    }
}

/// What the programs of each target run with, by the target's name.
pub(super) struct PreparedTargets(BTreeMap<String, Prepared>);

impl PreparedTargets {
    /// Finds the runner, the expectations and the limits of each target.
    pub(super) fn new(planner: &Planner<'_>, request: &TrialRequest) -> Result<Self> {
        let machine = request.connect()?;
        let prepare = |target: &Target| {
            let expectations = expect::load(&planner.project.root, &target.name)?;
            let runner = match (&request.runner, &machine) {
                (RunnerSpec::Qemu { path }, _) => {
                    let emulator = planner.emulators().find(&target.qemu.emulator, path.as_deref())?;
                    if path.is_none() {
                        commands::keep_settings(&planner.workspace.out, target, &emulator.path)?;
                    }
                    PreparedRunner::Qemu(emulator)
                }
                (_, Some(machine)) => PreparedRunner::Ssh(machine.clone()),
                (_, None) => {
                    smoke::elf::check_native(target)?;
                    PreparedRunner::Native
                }
            };
            let emulator = runner.emulator().map(Emulator::identity).transpose()?;
            let emulated = emulator.is_some();
            let limits = config::limits(&planner.project.root, &target.name, planner.project.pins.limits, emulated)?;
            Ok((target.name.clone(), Prepared { runner, emulator, expectations, limits }))
        };
        Ok(Self(request.targets.iter().map(prepare).collect::<Result<_>>()?))
    }

    /// What this target's programs run with.
    pub(super) fn of(&self, target: &Target) -> Result<&Prepared> {
        self.0.get(&target.name).with_context(|| format!("{} was not prepared", target.name))
    }
}
