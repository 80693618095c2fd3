//! How a suite is run.

use std::collections::HashMap;
use std::path::PathBuf;

use bringup_model::limits::Limits;
use bringup_model::partition::Partition;

use crate::jobs::Jobs;

/// Seconds that tests took, by their names in the suite.
pub type Durations = HashMap<String, f64>;

/// How a suite is run.
#[derive(Clone)]
pub struct Options<'a> {
    /// The budget of jobs: twice as many worker threads wait for a job each.
    pub jobs: Jobs,
    /// The limits of a test, by its name in the suite. Tests with different limits run in different processes. The
    /// empty name gives the usual limits.
    pub limits: &'a (dyn Fn(&str) -> Limits + Sync),
    /// Folders that are searched for the programs' shared libraries.
    pub lib_dirs: Vec<PathBuf>,
    /// Whether to skip a test, by its name in the suite.
    pub skip: &'a (dyn Fn(&str) -> bool + Sync),
    /// Run only tests whose name contains this text.
    pub filter: Option<String>,
    /// Run only this part of the selected tests.
    pub partition: Option<Partition>,
    /// How many tests run at once in one process.
    pub threads: usize,
    /// Run every test this many times, each time alone.
    pub stress: Option<usize>,
    /// How long tests took in an earlier run; slow ones start first.
    pub durations: &'a Durations,
    /// Called from any thread with a warning about a test that takes long, while it runs.
    pub warn: &'a (dyn Fn(&str) + Sync),
}

impl<'a> Options<'a> {
    /// Every test runs once, one at a time in each process.
    pub fn new(jobs: Jobs, limits: &'a (dyn Fn(&str) -> Limits + Sync), durations: &'a Durations) -> Self {
        Self {
            jobs,
            limits,
            lib_dirs: Vec::new(),
            skip: &|_| false,
            filter: None,
            partition: None,
            threads: 1,
            stress: None,
            durations,
            warn: &|_| (),
        }
    }
}
