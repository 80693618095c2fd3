//! The isolation level for test programs.

use serde::{Deserialize, Serialize};

/// The isolation level for test programs, as far as the kernel supports it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Isolation {
    /// Private network and `binfmt_misc`, the target's own loader
    #[default]
    Full,
    /// Private network only
    Network,
    /// No isolation: the host's network
    None,
}

impl Isolation {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Full, Self::Network, Self::None];

    /// Whether programs run in a private network.
    pub fn network(self) -> bool {
        self != Self::None
    }

    /// Whether programs of the target can start each other.
    pub fn spawns(self) -> bool {
        self == Self::Full
    }

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Network => "network",
            Self::None => "none",
        }
    }
}
