//! Link modes.

use serde::{Deserialize, Serialize};

/// How a program is linked against the C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// Against libc.so, as a position-independent executable.
    Dynamic,
    /// Against libc.a, as a position-independent executable without an interpreter (static-pie).
    Static,
}

impl Link {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Dynamic, Self::Static];

    /// The word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Static => "static",
        }
    }

    /// The flag that selects the mode in rustc, independent of the target's default.
    pub fn rustc_flag(self) -> &'static str {
        match self {
            Self::Dynamic => "-Ctarget-feature=-crt-static",
            Self::Static => "-Ctarget-feature=+crt-static",
        }
    }

    /// The flag that selects the mode in the C driver.
    pub fn driver_flag(self) -> &'static str {
        match self {
            Self::Dynamic => "-pie",
            Self::Static => "-static-pie",
        }
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
