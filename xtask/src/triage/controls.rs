//! The controls of a failing test, chosen by the targets' properties.

use std::cmp::Reverse;

use anyhow::Result;
use bringup_model::isolation::Isolation;
use bringup_model::link::Link;
use bringup_model::target::Target;
use bringup_model::triage::Control;
use bringup_runner::interrupt::is_interrupt;

use super::prepare::{RunConfig, Triaged};
use super::variant::Variant;
use crate::build::Planner;
use crate::host::emulator::{self, Emulator};
use crate::smoke;

/// The opt-level of the control. Without optimization, there is no wrong optimization.
pub const OPT_LEVEL: &str = "0";

/// A control with its setting, or with the reason why there is none.
pub struct ControlChoice {
    pub control: Control,
    pub config: Result<RunConfig, String>,
}

/// Chooses the controls.
pub struct ControlChooser<'a> {
    pub planner: &'a Planner<'a>,
    pub triaged: &'a Triaged,
    /// The failing setting.
    pub base: &'a RunConfig,
    /// All targets.
    pub targets: &'a [Target],
    /// Whether to build for the controls.
    pub deep: bool,
    /// The number of steps that a target's programs lack; none if the target cannot be planned.
    pub lacking: &'a dyn Fn(&Target) -> Option<usize>,
    /// Emulators besides the failing one, or why they are unavailable.
    pub emulators: Vec<Result<Emulator, String>>,
}

impl ControlChooser<'_> {
    /// Every control that needs no other build of the target, in the order of the table.
    pub fn choose(&self) -> Result<Vec<ControlChoice>> {
        let mut choices = self.isolation();
        if self.base.emulator.is_some() {
            choices.extend(self.other_emulators());
        }
        choices.extend(self.machine()?);
        let link = if self.base.link == Link::Dynamic { Link::Static } else { Link::Dynamic };
        choices.push(ControlChoice { control: Control::Link, config: Ok(RunConfig { link, ..self.base.clone() }) });
        choices.extend(self.architectures()?);
        Ok(choices)
    }

    /// The control with another opt-level of std.
    pub fn opt_level(&self) -> ControlChoice {
        let config = if self.triaged.has_std() {
            let variant = Variant { opt_level: Some(OPT_LEVEL), ..self.base.variant };
            Ok(RunConfig { variant, ..self.base.clone() })
        } else {
            Err("the program is in C and has no std".into())
        };
        ControlChoice { control: Control::OptLevel, config }
    }

    /// The isolation levels to compare with. For `Full` that is `Network`, in which programs cannot start each other.
    fn isolation(&self) -> Vec<ControlChoice> {
        let others: &[Isolation] = match self.base.isolation {
            Isolation::Full => &[Isolation::Network],
            Isolation::Network => &[Isolation::Full],
            Isolation::None => &[Isolation::Network, Isolation::Full],
        };
        let choice = |isolation: &Isolation| {
            let config = RunConfig { isolation: *isolation, ..self.base.clone() };
            ControlChoice { control: Control::Isolation, config: Ok(config) }
        };
        others.iter().map(choice).collect()
    }

    fn other_emulators(&self) -> Vec<ControlChoice> {
        let config = |emulator: &Result<Emulator, String>| match emulator {
            Ok(emulator) => Ok(RunConfig { emulator: Some(emulator.clone()), ..self.base.clone() }),
            Err(why) => Err(why.clone()),
        };
        let choices = self
            .emulators
            .iter()
            .map(|emulator| ControlChoice { control: Control::Emulator, config: config(emulator) });
        let choices: Vec<ControlChoice> = choices.collect();
        if choices.is_empty() {
            let why = "no other version is known; add one with [[qemu.control]] in bringup.toml or with --control-qemu"
                .into();
            return vec![ControlChoice { control: Control::Emulator, config: Err(why) }];
        }
        choices
    }

    /// This machine's own target, natively and under the emulator.
    fn machine(&self) -> Result<Vec<ControlChoice>> {
        let own = |target: &&Target| smoke::elf::check_native(target).is_ok();
        let Some(target) = self.targets.iter().find(own) else {
            let none =
                |control| ControlChoice { control, config: Err("no target is of this machine's architecture".into()) };
            return Ok(vec![none(Control::Native), none(Control::Emulated)]);
        };
        let mut choices = Vec::new();
        for (control, emulated) in [(Control::Native, false), (Control::Emulated, true)] {
            let same = target.name == self.base.target.name && emulated == self.base.emulator.is_some();
            if !same {
                choices.push(ControlChoice { control, config: self.on(target, emulated)? });
            }
        }
        Ok(choices)
    }

    /// A target of the same word size and byte order, one of the other byte order, and one of the other word size.
    fn architectures(&self) -> Result<Vec<ControlChoice>> {
        let ours = &self.base.target.elf;
        let same_class = |target: &Target| target.elf.class == ours.class;
        let same_order = |target: &Target| target.elf.big_endian == ours.big_endian;
        let same_kind = |target: &Target| same_class(target) && same_order(target);
        let picks = [
            (Control::SameKind, self.pick(&same_kind, &same_kind)),
            (Control::OtherOrder, self.pick(&|target| !same_order(target), &same_class)),
            (Control::OtherWord, self.pick(&|target| !same_class(target), &same_order)),
        ];
        let mut choices = Vec::new();
        for (control, picked) in picks {
            let config = match picked {
                Ok(target) => self.on(target, true)?,
                Err(why) => Err(why),
            };
            choices.push(ControlChoice { control, config });
        }
        Ok(choices)
    }

    /// The best target for a control. It differs from the failing one only in the wanted property, has another machine, and has
    /// most of its steps built. This machine's own target is the second choice among built targets, because another control
    /// uses it anyway.
    fn pick(&self, fits: &dyn Fn(&Target) -> bool, better: &dyn Fn(&Target) -> bool) -> Result<&Target, String> {
        let base = &self.base.target;
        let candidates: Vec<&Target> =
            self.targets.iter().filter(|target| target.name != base.name && fits(target)).collect();
        let rank = |target: &&&Target| {
            let own = smoke::elf::check_native(target).is_ok();
            let work = if own && self.deep { Some(0) } else { (self.lacking)(target) };
            let other_machine = target.elf.machine != base.elf.machine;
            (better(target), other_machine, Reverse(work), !own, Reverse(target.name.clone()))
        };
        let usable = candidates.iter().filter(|target| self.is_usable(target));
        match usable.max_by_key(rank) {
            Some(target) => Ok(target),
            None if candidates.is_empty() => Err("there is no such target".into()),
            None => {
                let names: Vec<&str> = candidates.iter().map(|target| target.name.as_str()).collect();
                Err(format!("{} would fit, but is not built; --deep builds it", names.join(" or ")))
            }
        }
    }

    fn is_usable(&self, target: &Target) -> bool {
        (self.lacking)(target).is_some_and(|steps| steps == 0 || self.deep)
    }

    /// The setting of the same test on another target.
    fn on(&self, target: &Target, emulated: bool) -> Result<Result<RunConfig, String>> {
        if !self.is_usable(target) {
            return Ok(Err(format!("{} is not built; --deep builds it", target.name)));
        }
        let emulator = if emulated {
            match beside(self.planner, self.base.emulator.as_ref(), target) {
                Ok(emulator) => Some(emulator),
                Err(error) if is_interrupt(&error) => return Err(error),
                Err(error) => return Ok(Err(format!("{error:#}"))),
            }
        } else {
            None
        };
        Ok(Ok(RunConfig { target: target.clone(), emulator, ..self.base.clone() }))
    }
}

/// An emulator for another target: of the same version, from the same folder, else the default one.
fn beside(planner: &Planner<'_>, ours: Option<&Emulator>, target: &Target) -> Result<Emulator> {
    let folder = ours.and_then(|ours| ours.path.parent());
    let same = folder.and_then(|folder| emulator::in_folder(folder, &target.qemu.emulator));
    same.map_or_else(|| planner.emulators().find(&target.qemu.emulator, None), Ok)
}
