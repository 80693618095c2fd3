//! Everything that runs: processes, test programs, and the schedule that keeps the processors busy.

pub mod alone;
pub mod compiletest;
pub mod exec;
pub mod interrupt;
pub mod jobs;
pub mod libtest;
mod process;
mod program;
pub mod queue;
pub mod runner;
pub mod sandbox;
pub mod schedule;
pub mod scratch;
mod selection;
mod shard;
pub mod ssh;
