//! The rows of a triage table: the setting of each control, and its result.

use std::fmt;

use super::DataLayout;
use super::manner::Manner;
use crate::link::Link;
use crate::outcome::{Outcome, Tries};
use crate::version::Version;

/// Where and how a test runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The target's name.
    pub target: String,
    /// The target's machine, as its ELF files name it.
    pub machine: String,
    /// The target's word size in bits: 32 or 64.
    pub class: u8,
    /// Whether the target's byte order is big-endian.
    pub big_endian: bool,
    /// The emulator; nothing natively.
    pub emulator: Option<EmulatorBuild>,
    /// How the program is linked.
    pub link: Link,
    /// The opt-level of std and the program; nothing for the default.
    pub opt_level: Option<String>,
    /// The features that the sandbox does not provide: `binfmt_misc`, `network of its own`.
    pub lacking: Vec<String>,
    /// The patches that are left out, besides those that the failing run leaves out, each as `musl/0001-title.patch`.
    pub without: Vec<String>,
    /// Number of tests that ran before this one in the same process.
    pub company: usize,
}

/// An emulator: its version, and the folder of its programs. Emulators of one folder are one build, for all targets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EmulatorBuild {
    /// The version that it reports.
    pub version: Version,
    /// Its folder. A program that only starts another emulator reports the other one's version from its own folder.
    pub folder: String,
}

impl Setting {
    /// The target's word size and byte order.
    pub(super) fn layout(&self) -> DataLayout {
        DataLayout { class: self.class, big_endian: self.big_endian }
    }

    /// The features that this setting lacks and `other` has.
    pub fn lacks_beside(&self, other: &Self) -> Vec<&str> {
        self.lacking.iter().filter(|name| !other.lacking.contains(name)).map(String::as_str).collect()
    }

    /// The features that this setting has and `base` lacks, and the reverse: `with a and b`, `without c`.
    pub fn isolation_beside(&self, base: &Self) -> Vec<String> {
        let (with, without) = (base.lacks_beside(self), self.lacks_beside(base));
        let named = [("with", with), ("without", without)].into_iter().filter(|(_, names)| !names.is_empty());
        named.map(|(word, names)| format!("{word} {}", names.join(" and "))).collect()
    }
}

/// What a control changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Control {
    /// Nothing: the test runs as in the failing run, alone and single-threaded.
    Alone,
    /// Nothing: the test runs several more times.
    Repeated,
    /// Many copies run at once.
    Load,
    /// The isolation.
    Isolation,
    /// The version of the emulator.
    Emulator,
    /// The tests that run before it in its suite run first, in the same process.
    Company,
    /// The target: the one that this machine runs natively.
    Native,
    /// The target: the one that this machine could run natively, under the emulator.
    Emulated,
    /// The link mode.
    Link,
    /// The target: another one with the same word size and byte order.
    SameKind,
    /// The target: one with the other byte order.
    OtherOrder,
    /// The target: one with the other word size.
    OtherWord,
    /// The patches: without some of ours.
    Patches,
    /// The opt-level of std and the test.
    OptLevel,
}

impl Control {
    /// A short label for the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Repeated => "again",
            Self::Load => "under load",
            Self::Isolation => "isolation",
            Self::Emulator => "other emulator",
            Self::Company => "after others",
            Self::Native => "natively",
            Self::Emulated => "same, emulated",
            Self::Link => "other link mode",
            Self::SameKind => "same kind of target",
            Self::OtherOrder => "other byte order",
            Self::OtherWord => "other word size",
            Self::Patches => "without patches",
            Self::OptLevel => "other opt-level",
        }
    }
}

/// One row of a triage table.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlRow {
    /// What the control changes.
    pub control: Control,
    /// The setting of the control; nothing if the control was unavailable before its setting was known.
    pub setting: Option<Setting>,
    /// The result of the control.
    pub result: ControlResult,
    /// Elapsed seconds, including builds.
    pub wall_s: f64,
}

/// The result of a control.
#[derive(Debug, Clone, PartialEq)]
pub enum ControlResult {
    /// The test ran.
    Ran {
        /// Number of runs.
        runs: usize,
        /// How each failed run failed.
        failures: Vec<Manner>,
    },
    /// The control could not run, for this reason.
    Unavailable(String),
}

impl ControlRow {
    /// Number of runs and failures; nothing if the control was unavailable.
    pub fn tries(&self) -> Option<Tries> {
        match &self.result {
            ControlResult::Ran { runs, failures } => Some(Tries { runs: *runs, failures: failures.len() }),
            ControlResult::Unavailable(_) => None,
        }
    }

    /// How the failed runs failed.
    pub fn manners(&self) -> &[Manner] {
        match &self.result {
            ControlResult::Ran { failures, .. } => failures,
            ControlResult::Unavailable(_) => &[],
        }
    }

    pub(super) fn fails(&self) -> bool {
        self.tries().is_some_and(|tries| tries.failures == tries.runs)
    }

    pub(super) fn passes(&self) -> bool {
        self.tries().is_some_and(|tries| tries.failures == 0)
    }
}

impl fmt::Display for ControlResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "unavailable: {why}"),
            Self::Ran { runs, failures } => {
                let first = failures.first();
                f.write_str(first.map_or(Outcome::Pass, |first| first.outcome).word())?;
                if *runs > 1 {
                    let count = if failures.is_empty() { *runs } else { failures.len() };
                    write!(f, ", {count} of {runs} runs")?;
                }
                match first.and_then(Manner::line) {
                    Some(reason) => write!(f, " ({reason})"),
                    None => Ok(()),
                }
            }
        }
    }
}
