//! Suites: their programs, which tests of them run, in which processes, and in which order.

pub(crate) mod process;
mod program;
pub mod queue;
pub mod schedule;
mod selection;
mod shard;

pub use self::program::{Harness, TestProgram};
