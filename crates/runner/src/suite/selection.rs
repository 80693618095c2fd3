//! Selects tests of a suite, by the filter and the partition.

use std::collections::HashSet;

use anyhow::{Result, bail};
use bringup_model::outcome::TestOutcome;
use bringup_model::partition;

use super::options::Options;
use super::program::TestProgram;

/// The tests that a program lists, or the outcome of a program that cannot list them.
pub(super) type Listed = Result<Vec<String>, TestOutcome>;

/// A test that was selected.
pub(super) struct Selected {
    /// The index of its program.
    pub program: usize,
    /// Its name in its program; `None` if the program is the test, or could not list its tests.
    pub test: Option<String>,
    /// Its name in the suite.
    pub full: String,
    /// The outcome of a program that could not list its tests. It stands for all of them.
    pub unlisted: Option<TestOutcome>,
}

/// Collects the tests that programs list.
pub(super) struct Selector<'a> {
    options: &'a Options<'a>,
    seen: HashSet<String>,
    selected: Vec<Selected>,
}

/// The tests to run, and those of other parts.
pub(super) struct Chosen {
    /// Tests to run, sorted by name.
    pub ours: Vec<Selected>,
    /// Names of tests of other parts.
    pub elsewhere: Vec<String>,
    /// Digest of the names of both groups.
    pub names: String,
    /// Whether both groups together are all tests of all programs.
    pub complete: bool,
}

impl<'a> Selector<'a> {
    pub fn new(options: &'a Options<'a>) -> Self {
        Self { options, seen: HashSet::new(), selected: Vec::new() }
    }

    pub fn add(&mut self, index: usize, program: &TestProgram, listed: Listed) -> Result<()> {
        let whole = |unlisted| vec![(program.name.clone(), None, unlisted)];
        let named = match listed {
            Err(outcome) => whole(Some(outcome)),
            Ok(_) if program.is_whole() => whole(None),
            Ok(tests) => tests.into_iter().map(|test| (program.full_name(&test), Some(test), None)).collect(),
        };
        for (full, test, unlisted) in named {
            if !self.seen.insert(full.clone()) {
                bail!(
                    "suite {}: two tests are named {full}; the second is in {}",
                    program.suite,
                    program.path.display()
                );
            }
            // The filter may mean a test of a program that cannot list its tests.
            if unlisted.is_some() || self.options.filter.as_ref().is_none_or(|text| full.contains(text)) {
                self.selected.push(Selected { program: index, test, full, unlisted });
            }
        }
        Ok(())
    }

    pub fn choose(mut self) -> Chosen {
        self.selected.sort_by(|a, b| a.full.cmp(&b.full));
        let names = partition::digest(self.selected.iter().map(|test| test.full.as_str()));
        let complete = self.options.filter.is_none() && self.selected.iter().all(|test| test.unlisted.is_none());
        let is_ours = |place: usize, test: &Selected| {
            self.options.partition.is_none_or(|partition| partition.has(place, &test.full))
        };
        let numbered = self.selected.into_iter().enumerate();
        let (ours, others): (Vec<_>, Vec<_>) = numbered.partition(|(place, test)| is_ours(*place, test));
        Chosen {
            ours: ours.into_iter().map(|(_, test)| test).collect(),
            elsewhere: others.into_iter().map(|(_, test)| test.full).collect(),
            names,
            complete,
        }
    }
}
