//! Bringup: builds a Rust cross toolchain for a musl architecture from a target spec file, and tests it under QEMU.

pub mod git;
pub mod model;
pub mod patch;
pub mod run;
pub mod step;
pub mod store;
