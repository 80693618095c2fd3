//! Bringup: builds a Rust cross toolchain for a musl architecture from a target spec file, and tests it under QEMU.

pub mod model;
pub mod render;
pub mod report_ops;
pub mod run;
pub mod step;
pub mod store;
