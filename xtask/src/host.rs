//! The host: its tools, their installation, and the emulators.

pub mod emulator;
pub mod install;
pub mod survey;
pub mod tools;
