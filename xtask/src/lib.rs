//! Bringup: builds a Rust cross toolchain for a musl architecture from a target spec file, and tests it under QEMU.

pub mod model;
pub mod run;
pub mod smoke;
pub mod step;
pub mod store;
