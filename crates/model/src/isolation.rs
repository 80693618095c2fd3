//! How much of the isolation of test programs is wanted.

/// What surrounds test programs, as far as the kernel allows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Isolation {
    /// All of it
    #[default]
    Full,
    /// A network of their own only: no `binfmt_misc`, no loader in its place
    Network,
    /// Nothing: the host's own network
    None,
}

impl Isolation {
    /// Whether programs get a network of their own.
    pub fn network(self) -> bool {
        self != Self::None
    }

    /// Whether programs of the target can start each other.
    pub fn spawns(self) -> bool {
        self == Self::Full
    }

    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Network => "network",
            Self::None => "none",
        }
    }
}
