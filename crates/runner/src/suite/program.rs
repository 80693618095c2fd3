//! Test programs, and how their tests are listed and run.

use std::path::PathBuf;
use std::sync::Arc;

use crate::harness::compiletest::UiSuite;

/// One test program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestProgram {
    /// The suite that its tests belong to.
    pub suite: String,
    /// The program's name, which its tests' names begin with.
    pub name: String,
    /// The program's file.
    pub path: PathBuf,
    /// Whether its tests' names omit the program's: it contains a crate's unit tests, or is the suite's only program.
    pub unit: bool,
    /// The harness that lists and runs its tests.
    pub harness: Harness,
}

/// What lists a program's tests and reports on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Harness {
    /// None: the program is one test, which passes if it exits with status 0.
    None,
    /// Rust's own harness.
    Libtest,
    /// rustc's compiletest, which runs on this machine and starts programs of the target.
    Compiletest(Arc<UiSuite>),
}

impl TestProgram {
    /// The name in the suite of one of its tests.
    pub(super) fn full_name(&self, test: &str) -> String {
        if self.unit { test.to_owned() } else { format!("{}::{test}", self.name) }
    }

    /// Whether the program is one test.
    pub(super) fn is_whole(&self) -> bool {
        self.harness == Harness::None
    }
}
