//! Test programs: what they are, and how their tests are had.

use std::path::PathBuf;
use std::sync::Arc;

use crate::harness::compiletest::UiSuite;

/// One test program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestProgram {
    /// Its suite.
    pub suite: String,
    /// Its name, as it stands in test names.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Whether its tests' names go without the program's: it holds a crate's own unit tests, or is the suite's only one.
    pub unit: bool,
    /// How its tests are had.
    pub harness: Harness,
}

/// What lists a program's tests and tells of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Harness {
    /// Nothing: it is one test.
    None,
    /// Rust's own.
    Libtest,
    /// rustc's own, which is a program of this machine and starts those of the target.
    Compiletest(Arc<UiSuite>),
}

impl TestProgram {
    /// A test's name in the suite.
    pub(super) fn full_name(&self, test: &str) -> String {
        if self.unit { test.to_owned() } else { format!("{}::{test}", self.name) }
    }

    /// Whether it is one test.
    pub(super) fn is_whole(&self) -> bool {
        self.harness == Harness::None
    }
}
