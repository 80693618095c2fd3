//! Runs test programs of another architecture: processes, jobs, sandbox, harnesses and suites.

pub mod exec;
pub mod files;
pub mod harness;
pub mod interrupt;
pub mod jobs;
pub mod one_test;
mod process_tree;
pub mod runner;
pub mod sandbox;
pub mod scratch;
pub mod ssh;
pub mod suite;
pub mod test_set;
