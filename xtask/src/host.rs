//! The host: its tools, their installation, and the emulators.

pub mod emulator;
pub mod install;
mod release;
pub mod survey;
pub mod tools;
