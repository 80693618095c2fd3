//! Sources: fetching, unpacking and patching them.

pub mod archive;
pub mod fetch;
pub mod git;
pub mod patch;
pub mod registry;
