//! Test sets in archives.

pub mod pack;
pub mod unpack;
