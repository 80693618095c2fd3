//! Test programs: what they are, and how their tests are had.

use std::path::PathBuf;
use std::sync::Arc;

use super::compiletest::Compiletest;

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
    Compiletest(Arc<Compiletest>),
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

/// The program, by its number, and the test in it, of a name in the suite; nothing for the name of a program that could not list
/// its tests.
pub(super) fn find(programs: &[TestProgram], name: &str) -> Option<(usize, Option<String>)> {
    if programs.iter().any(|program| !program.is_whole() && program.name == name) {
        return None;
    }
    let of = |program: &TestProgram| {
        if program.is_whole() {
            return (program.name == name).then_some(None);
        }
        let test = if program.unit { Some(name) } else { name.strip_prefix(&program.name)?.strip_prefix("::") };
        test.map(|test| Some(test.to_owned()))
    };
    // A crate's own unit tests are looked at last: their names may begin with anything.
    let numbered = || programs.iter().enumerate();
    let order = numbered().filter(|(_, program)| !program.unit).chain(numbered().filter(|(_, program)| program.unit));
    order.into_iter().find_map(|(index, program)| Some((index, of(program)?)))
}
