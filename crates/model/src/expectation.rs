//! Expectation files: the known failures, and why they happen.
//!
//! ```text
//! # Bug: https://…            every block states a bug or a reason
//! std  net::tcp::tests::timeouts   fail  qemu>=11.1
//! ```
//!
//! There are two layers. Files in qemu/ list faults of the emulator, and apply only under the emulator. Files in targets/
//! list faults of the target.

mod condition;
mod parse;

use std::collections::HashSet;

pub use condition::{Condition, Versioned};
pub use parse::{ParseError, split_word};

use super::link::Link;
use super::outcome::Outcome;
use super::version::Version;
use condition::can_hold;
use parse::{parse_entry, parse_file};

/// The known result of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The test reports a failure.
    Fail,
    /// The test's program crashes.
    Crash,
    /// The test runs into its time limit.
    Timeout,
    /// The test sometimes fails.
    Flake,
    /// The test must not run, because it disturbs the run.
    Skip,
}

impl Word {
    const ALL: [Self; 5] = [Self::Fail, Self::Crash, Self::Timeout, Self::Flake, Self::Skip];

    /// The word in the file.
    pub fn text(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Flake => "flake",
            Self::Skip => "skip",
        }
    }

    /// The one outcome that matches the word; none for a flake, which may have any, and for a skip, which has none.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Fail => Some(Outcome::Fail),
            Self::Crash => Some(Outcome::Crash),
            Self::Timeout => Some(Outcome::Timeout),
            Self::Flake | Self::Skip => None,
        }
    }
}

/// The component at fault, for all entries of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The emulator; the entries apply only under the emulator.
    Emulator,
    /// The target.
    Target,
}

/// How a run executes its tests, for the evaluation of conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSetting {
    /// The emulator's version; nothing with another runner.
    pub qemu: Option<Version>,
    /// The version of the Rust under test; nothing if its number is not known, as of an archive from a channel.
    pub rust: Option<Version>,
    /// How the test programs are linked.
    pub link: Link,
    /// Whether programs of the target can start each other on this host.
    pub spawns: bool,
}

/// One line of an expectation file, with the comment of its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The test's suite.
    pub suite: String,
    /// The test's name, without the `*` of a wildcard.
    pub name: String,
    /// Whether the entry covers every test whose name starts with `name`.
    pub wildcard: bool,
    /// The known result.
    pub word: Word,
    /// The block's bug and reason.
    pub why: String,
    /// The number of the line, from 1, with `TODO` instead of a bug or reason.
    pub todo: Option<usize>,
    /// The file's name, as the caller gave it.
    pub file: String,
    /// The entry's line number, from 1.
    pub line: usize,
    /// The entry applies where all conditions hold. In the emulator's layer, each entry has the condition `runner=qemu`.
    pub conditions: Vec<Condition>,
}

impl Entry {
    /// Parses one line without its block, so the entry has no file, line or reason.
    ///
    /// # Errors
    ///
    /// Returns one sentence about the part of the line that is wrong.
    pub fn parse(line: &str) -> Result<Self, String> {
        parse_entry(line.trim()).map_err(|(_, message)| message)
    }

    /// `targets/s390x/expect.txt:12`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// The test as in the file, with the `*` of a wildcard.
    pub fn pattern(&self) -> String {
        format!("{}{}", self.name, if self.wildcard { "*" } else { "" })
    }

    /// Whether the entry covers none of the tests that the programs of its suite list.
    pub fn is_stale(&self, listed: &HashSet<String>) -> bool {
        if self.wildcard {
            !listed.iter().any(|test| test.starts_with(&self.name))
        } else {
            !listed.contains(&self.name)
        }
    }

    /// Whether the entry covers the test with this name.
    pub fn covers(&self, test: &str) -> bool {
        if self.wildcard { test.starts_with(&self.name) } else { test == self.name }
    }

    /// Whether the entry can apply where all of `conditions` hold.
    pub fn can_hold(&self, conditions: &[Condition]) -> bool {
        can_hold(&self.conditions, conditions)
    }

    /// Whether both entries can apply to the same test of the same run.
    pub fn meets(&self, other: &Self) -> bool {
        let tests = match (self.wildcard, other.wildcard) {
            (false, false) => self.name == other.name,
            (true, false) => other.name.starts_with(&self.name),
            (false, true) => self.name.starts_with(&other.name),
            (true, true) => self.name.starts_with(&other.name) || other.name.starts_with(&self.name),
        };
        self.suite == other.suite && tests && self.can_hold(&other.conditions)
    }

    /// Why this entry conflicts with an earlier one, if it does.
    fn conflict(&self, earlier: &Self) -> Option<String> {
        if !self.meets(earlier) {
            return None;
        }
        let (place, pattern) = (earlier.place(), earlier.pattern());
        let said = format!("{place} says `{}` for `{} {pattern}`", earlier.word.text(), earlier.suite);
        if self.word != earlier.word {
            Some(format!("a contradiction: {said}, and both can apply at once"))
        } else if self.pattern() == pattern {
            Some(format!("a duplicate: {said}, and both can apply at once"))
        } else {
            None
        }
    }
}

/// All entries that apply to one target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    entries: Vec<Entry>,
}

impl Expectations {
    /// Parses files, each given as layer, name and text.
    ///
    /// # Errors
    ///
    /// Fails on the first line that cannot be parsed, can never apply, or conflicts with an earlier entry. The error shows
    /// that line.
    pub fn parse<'a>(files: impl IntoIterator<Item = (Layer, &'a str, &'a str)>) -> Result<Self, ParseError> {
        let mut entries: Vec<Entry> = Vec::new();
        for (layer, file, text) in files {
            for mut entry in parse_file(file, text)? {
                if layer == Layer::Emulator {
                    entry.conditions.push(Condition::Emulated(true));
                    if !entry.can_hold(&[]) {
                        let message = "it can never apply: entries in qemu/ apply only under the emulator";
                        return Err(ParseError::of_entry(&entry, text, message));
                    }
                }
                if let Some(message) = entries.iter().find_map(|earlier| entry.conflict(earlier)) {
                    return Err(ParseError::of_entry(&entry, text, message));
                }
                entries.push(entry);
            }
        }
        Ok(Self { entries })
    }

    /// All entries, in the files' order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Checks that every entry names one of the suites in `known`; no run would use any other entry.
    ///
    /// # Errors
    ///
    /// Returns one sentence about the first entry with an unknown suite.
    pub fn check_suites(&self, known: &[&str]) -> Result<(), String> {
        match self.entries.iter().find(|entry| !known.contains(&entry.suite.as_str())) {
            Some(entry) => {
                Err(format!("{}: unknown suite `{}`: expected one of {}", entry.place(), entry.suite, known.join(", ")))
            }
            None => Ok(()),
        }
    }

    /// The entries that apply to a suite in this setting.
    pub fn active<'a>(&'a self, suite: &str, setting: &RunSetting) -> ActiveEntries<'a> {
        let holds =
            |entry: &&Entry| entry.suite == suite && entry.conditions.iter().all(|condition| condition.holds(setting));
        ActiveEntries { entries: self.entries.iter().filter(holds).collect() }
    }
}

/// The entries that apply to one suite in one run.
#[derive(Debug, Clone)]
pub struct ActiveEntries<'a> {
    entries: Vec<&'a Entry>,
}

impl<'a> ActiveEntries<'a> {
    /// The entry for a test: the one with its exact name, or else the longest wildcard that covers it.
    pub fn find(&self, name: &str) -> Option<&'a Entry> {
        let covering = self.entries.iter().filter(|entry| entry.covers(name));
        covering.max_by_key(|entry| (!entry.wildcard, entry.name.len())).copied()
    }

    /// Whether an entry forbids the test to run.
    pub fn skips(&self, name: &str) -> bool {
        self.find(name).is_some_and(|entry| entry.word == Word::Skip)
    }

    /// All of these entries, in the files' order.
    pub fn iter(&self) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().copied()
    }
}

#[cfg(test)]
mod tests;
