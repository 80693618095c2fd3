//! Everything that runs: processes, test programs, and the schedule that keeps the processors busy.

pub mod exec;
pub mod interrupt;
