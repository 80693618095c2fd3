//! Expectation files: what is known to go wrong, and why.
//!
//! ```text
//! # Bug: https://…            every block says a bug or a reason
//! std  net::tcp::tests::timeouts   fail  qemu>=11.1
//! ```
//!
//! There are two layers: qemu/ holds the emulator's faults and counts under the emulator only, targets/ the target's.

mod condition;
mod parse;

use std::collections::HashSet;

pub use condition::Condition;
pub use parse::{ParseError, split_word};

use super::link::Link;
use super::outcome::Outcome;
use super::version::Version;
use condition::can_hold;
use parse::{parse_entry, parse_file};

/// What is known of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It reports a failure.
    Fail,
    /// Its program dies.
    Crash,
    /// It does not end.
    Timeout,
    /// It comes and goes.
    Flake,
    /// It must not run: it harms the run.
    Skip,
}

impl Word {
    const ALL: [Self; 5] = [Self::Fail, Self::Crash, Self::Timeout, Self::Flake, Self::Skip];

    /// As written in the file.
    pub fn text(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Flake => "flake",
            Self::Skip => "skip",
        }
    }

    /// The one outcome that fulfils it; none for a flake, which may do anything, and for a skip, which does nothing.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Fail => Some(Outcome::Fail),
            Self::Crash => Some(Outcome::Crash),
            Self::Timeout => Some(Outcome::Timeout),
            Self::Flake | Self::Skip => None,
        }
    }
}

/// Whose fault the entries of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The emulator's: they count only under it.
    Emulator,
    /// The target's.
    Target,
}

/// How tests are run: what conditions are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSetting {
    /// The emulator's version; none with another runner.
    pub qemu: Option<Version>,
    /// How the programs are linked.
    pub link: Link,
    /// Whether programs of the target can start each other on this host.
    pub spawns: bool,
}

/// One line of an expectation file, with its block's comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Suite.
    pub suite: String,
    /// Test name; without the `*` of a wildcard.
    pub name: String,
    /// Whether every test whose name begins with `name` is meant.
    pub wildcard: bool,
    /// What is known.
    pub word: Word,
    /// Why: the block's bug and reason.
    pub why: String,
    /// The line of the block that says `TODO` instead of why.
    pub todo: Option<usize>,
    /// The file, as it was called when it was read.
    pub file: String,
    /// Line number, from 1.
    pub line: usize,
    /// Where it holds: where all of them do. An entry of the emulator's layer has that it is emulated.
    pub conditions: Vec<Condition>,
}

impl Entry {
    /// Reads one line, without a block around it: the entry has no place and no reason.
    pub fn parse(line: &str) -> Result<Self, String> {
        parse_entry(line.trim()).map_err(|(_, message)| message)
    }

    /// `targets/s390x/expect.txt:12`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// The test as the file writes it.
    pub fn pattern(&self) -> String {
        format!("{}{}", self.name, if self.wildcard { "*" } else { "" })
    }

    /// Whether it names none of the tests that the programs of its suite list.
    pub fn is_stale(&self, listed: &HashSet<String>) -> bool {
        if self.wildcard {
            !listed.iter().any(|test| test.starts_with(&self.name))
        } else {
            !listed.contains(&self.name)
        }
    }

    /// Whether it is about the test of this name.
    pub fn covers(&self, test: &str) -> bool {
        if self.wildcard { test.starts_with(&self.name) } else { test == self.name }
    }

    /// Whether it can hold where all of `conditions` do.
    pub fn can_hold(&self, conditions: &[Condition]) -> bool {
        can_hold(&self.conditions, conditions)
    }

    /// Whether both can be about the same test of the same run.
    pub fn meets(&self, other: &Self) -> bool {
        let tests = match (self.wildcard, other.wildcard) {
            (false, false) => self.name == other.name,
            (true, false) => other.name.starts_with(&self.name),
            (false, true) => self.name.starts_with(&other.name),
            (true, true) => self.name.starts_with(&other.name) || other.name.starts_with(&self.name),
        };
        self.suite == other.suite && tests && self.can_hold(&other.conditions)
    }

    /// What is wrong with having this one beside an earlier one.
    fn conflict(&self, earlier: &Self) -> Option<String> {
        if !self.meets(earlier) {
            return None;
        }
        let (place, pattern) = (earlier.place(), earlier.pattern());
        let said = format!("{place} says `{}` of `{} {pattern}`", earlier.word.text(), earlier.suite);
        if self.word != earlier.word {
            Some(format!("a contradiction: {said}, and both can hold at once"))
        } else if self.pattern() == pattern {
            Some(format!("a duplicate: {said}, and both can hold at once"))
        } else {
            None
        }
    }
}

/// All entries that one target knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    entries: Vec<Entry>,
}

impl Expectations {
    /// Reads the files given as layer, name and text. The error shows the line at fault.
    pub fn parse<'a>(files: impl IntoIterator<Item = (Layer, &'a str, &'a str)>) -> Result<Self, ParseError> {
        let mut entries: Vec<Entry> = Vec::new();
        for (layer, file, text) in files {
            for mut entry in parse_file(file, text)? {
                if layer == Layer::Emulator {
                    entry.conditions.push(Condition::Emulated(true));
                    if !entry.can_hold(&[]) {
                        let message = "it can never hold: entries of qemu/ count under the emulator only";
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

    /// All of them, in the files' order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Fails on the first entry of a suite that is not one of `known`: it would never be looked at.
    pub fn check_suites(&self, known: &[&str]) -> Result<(), String> {
        match self.entries.iter().find(|entry| !known.contains(&entry.suite.as_str())) {
            Some(entry) => {
                Err(format!("{}: unknown suite `{}`: expected one of {}", entry.place(), entry.suite, known.join(", ")))
            }
            None => Ok(()),
        }
    }

    /// The entries that hold for a suite in a setting.
    pub fn active<'a>(&'a self, suite: &str, setting: &RunSetting) -> ActiveEntries<'a> {
        let holds =
            |entry: &&Entry| entry.suite == suite && entry.conditions.iter().all(|condition| condition.holds(setting));
        ActiveEntries { entries: self.entries.iter().filter(holds).collect() }
    }
}

/// The entries that count in one suite's run.
#[derive(Debug, Clone)]
pub struct ActiveEntries<'a> {
    entries: Vec<&'a Entry>,
}

impl<'a> ActiveEntries<'a> {
    /// What is known of a test: its exact entry, or else the longest wildcard that covers it.
    pub fn find(&self, name: &str) -> Option<&'a Entry> {
        let covering = self.entries.iter().filter(|entry| entry.covers(name));
        covering.max_by_key(|entry| (!entry.wildcard, entry.name.len())).copied()
    }

    /// Whether a test must not run.
    pub fn skips(&self, name: &str) -> bool {
        self.find(name).is_some_and(|entry| entry.word == Word::Skip)
    }

    /// All of them, in the files' order.
    pub fn iter(&self) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().copied()
    }
}

#[cfg(test)]
mod tests;
