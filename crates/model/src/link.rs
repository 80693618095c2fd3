//! Link modes.

use serde::{Deserialize, Serialize};

/// How a program is linked against the C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// With libc.so, as a position-independent executable.
    Dynamic,
    /// With libc.a, as a position-independent executable that needs no interpreter (static-pie).
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

    /// What asks rustc for it, whatever the target's default is.
    pub fn rustc_flag(self) -> &'static str {
        match self {
            Self::Dynamic => "-Ctarget-feature=-crt-static",
            Self::Static => "-Ctarget-feature=+crt-static",
        }
    }

    /// What asks the C driver for it.
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
