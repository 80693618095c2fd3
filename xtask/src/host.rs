//! The host: what it has, what it lacks, and the emulators.

pub mod emulator;
pub mod install;
pub mod survey;
pub mod tools;
