//! Archives of test programs.

pub mod pack;
pub mod unpack;
