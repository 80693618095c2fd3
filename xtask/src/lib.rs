//! Bringup: builds a Rust cross toolchain for a musl architecture from a target spec file, and tests it under QEMU.

pub mod archive;
pub mod emulator;
pub mod fetch;
pub mod model;
pub mod run;
pub mod step;
pub mod store;
