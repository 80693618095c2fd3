//! Suites: which tests of their programs run, in which processes, and in which order.

mod options;
mod process;
mod program;
mod queue;
mod run;
mod selection;
mod shard;

pub use self::options::{Durations, Options};
pub use self::program::{Harness, TestProgram};
pub use self::run::SuiteRun;
