//! Sources: fetched, unpacked, patched.

pub mod archive;
pub mod fetch;
pub mod git;
pub mod patch;
