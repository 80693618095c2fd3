//! Why something cannot be had from a server, as opposed to having got something wrong.

use std::fmt;

/// A server does not give something.
#[derive(Debug)]
pub enum Unavailable {
    /// The network is forbidden.
    Offline,
    /// The server's answer is this status of HTTP.
    Status(u16),
    /// There is no answer, or not the whole of it.
    Network(String),
    /// The server has a release, but not all of it that is required.
    Lacking(String),
}

impl Unavailable {
    /// The one that caused an error.
    pub fn of(error: &anyhow::Error) -> Option<&Self> {
        error.chain().find_map(|cause| cause.downcast_ref())
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offline => f.write_str(super::OFFLINE),
            Self::Status(code) => write!(f, "the server answers with status {code}"),
            Self::Network(why) | Self::Lacking(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Unavailable {}
