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
    /// The budget of jobs.
    pub jobs: Jobs,
    /// What a test, by its name in the suite, may take. Tests of different limits run in different processes.
    pub limits: &'a (dyn Fn(&str) -> Limits + Sync),
    /// Where the programs find their shared libraries.
    pub lib_dirs: Vec<PathBuf>,
    /// Whether a test, by its name in the suite, must not run.
    pub skip: &'a (dyn Fn(&str) -> bool + Sync),
    /// Only tests whose name contains this.
    pub filter: Option<String>,
    /// Only this part of them.
    pub partition: Option<Partition>,
    /// Tests that run at once in one process.
    pub threads: usize,
    /// How often every test runs, each time alone, if not just once.
    pub stress: Option<usize>,
    /// How long tests took before.
    pub durations: &'a Durations,
    /// Told of tests that take long, while they run, from any thread.
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
