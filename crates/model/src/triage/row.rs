//! The table's rows: where the test ran, and what came of it.

use std::fmt;

use crate::link::Link;
use crate::outcome::{Outcome, Tries};
use crate::version::Version;

/// Where and how a test runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The target's name.
    pub target: String,
    /// Its machine, as its ELF files name it.
    pub machine: String,
    /// Its word size: 32 or 64.
    pub class: u8,
    /// Its byte order.
    pub big_endian: bool,
    /// The emulator's version; none natively.
    pub emulator: Option<Version>,
    /// How the program is linked.
    pub link: Link,
    /// std's and the program's opt-level, where it is not the usual one.
    pub opt_level: Option<String>,
    /// What the sandbox does not give: `binfmt_misc`, `network of its own`.
    pub lacking: Vec<String>,
}

impl Setting {
    /// What it lacks and the other does not.
    pub fn lacks_beside(&self, other: &Self) -> Vec<&str> {
        self.lacking.iter().filter(|name| !other.lacking.contains(name)).map(String::as_str).collect()
    }

    /// What the sandbox gives that it did not give to `base`, and the other way round: `with a and b`, `without c`.
    pub fn isolation_beside(&self, base: &Self) -> Vec<String> {
        let (with, without) = (base.lacks_beside(self), self.lacks_beside(base));
        let named = [("with", with), ("without", without)].into_iter().filter(|(_, names)| !names.is_empty());
        named.map(|(word, names)| format!("{word} {}", names.join(" and "))).collect()
    }
}

/// What a row of the table is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Control {
    /// As in the run, alone and single-threaded.
    Alone,
    /// The same again, several times.
    Repeated,
    /// Many copies at once.
    Load,
    /// With other isolation.
    Isolation,
    /// Another version of the emulator.
    Emulator,
    /// The target that this machine runs, natively.
    Native,
    /// The same target under the emulator.
    Emulated,
    /// The other link mode.
    Link,
    /// A target of the same word size and byte order.
    SameKind,
    /// A target of the other byte order.
    OtherOrder,
    /// A target of the other word size.
    OtherWord,
    /// std and the test built at another opt-level.
    OptLevel,
}

impl Control {
    /// In a few words, for the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Repeated => "again",
            Self::Load => "under load",
            Self::Isolation => "isolation",
            Self::Emulator => "other emulator",
            Self::Native => "natively",
            Self::Emulated => "same, emulated",
            Self::Link => "other link mode",
            Self::SameKind => "same kind of target",
            Self::OtherOrder => "other byte order",
            Self::OtherWord => "other word size",
            Self::OptLevel => "other opt-level",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlRow {
    /// What it is there for.
    pub control: Control,
    /// Where the test ran; nothing where that was not settled before the control was found not to be had.
    pub setting: Option<Setting>,
    /// What came of it.
    pub seen: ControlResult,
    /// Seconds that it took, building included.
    pub wall_s: f64,
}

/// What came of a control.
#[derive(Debug, Clone, PartialEq)]
pub enum ControlResult {
    /// The test ran.
    Ran {
        /// How often, and how often it failed.
        tries: Tries,
        /// Its outcome; that of the first failure, if there was one.
        outcome: Outcome,
        /// Why, for a failure, where known.
        reason: Option<String>,
    },
    /// The control could not be had, and why.
    Unavailable(String),
}

impl ControlRow {
    pub(super) fn tries(&self) -> Option<Tries> {
        match &self.seen {
            ControlResult::Ran { tries, .. } => Some(*tries),
            ControlResult::Unavailable(_) => None,
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
            Self::Unavailable(why) => write!(f, "not had: {why}"),
            Self::Ran { tries, outcome, reason } => {
                f.write_str(outcome.word())?;
                if tries.runs > 1 {
                    let count = if tries.failures == 0 { tries.runs } else { tries.failures };
                    write!(f, ", {count} of {} runs", tries.runs)?;
                }
                match reason.as_deref().and_then(|reason| reason.lines().next()) {
                    Some(reason) => write!(f, " ({reason})"),
                    None => Ok(()),
                }
            }
        }
    }
}
