//! Expectation files: what is known to go wrong, and why.
//!
//! ```text
//! # Bug: https://…            every block says a bug or a reason
//! std  net::tcp::tests::timeouts   fail  qemu>=11.1
//! ```
//!
//! There are two layers: qemu/ holds the emulator's faults and counts under the emulator only, targets/ the target's.

use std::collections::HashMap;
use std::fmt;

use super::link::Link;
use super::outcome::Outcome;
use super::version::Version;

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
pub struct Setting {
    /// The runner, as reports name it.
    pub runner: &'static str,
    /// The emulator's version; none with another runner.
    pub qemu: Option<Version>,
    /// How the programs are linked.
    pub link: Link,
    /// Whether programs of the target can start each other on this host.
    pub spawns: bool,
}

/// Where an entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Qemu(&'static str, Version),
    Link(Link),
    Runner(String),
    Spawns(bool),
}

impl Condition {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("qemu") {
            // Longer operators first: `<` also begins `<=`.
            for operator in ["<=", ">=", "<", ">"] {
                if let Some(version) = rest.strip_prefix(operator) {
                    return Ok(Self::Qemu(operator, version.parse()?));
                }
            }
        }
        match text.split_once('=') {
            Some(("link", "dynamic")) => Ok(Self::Link(Link::Dynamic)),
            Some(("link", "static")) => Ok(Self::Link(Link::Static)),
            Some(("runner", runner @ ("qemu" | "native" | "ssh"))) => Ok(Self::Runner(runner.into())),
            Some(("spawn", answer @ ("yes" | "no"))) => Ok(Self::Spawns(answer == "yes")),
            _ => Err(format!(
                "unknown condition `{text}`: expected e.g. qemu<11.2, qemu>=11.1, link=static, runner=native or spawn=no"
            )),
        }
    }

    fn holds(&self, setting: &Setting) -> bool {
        match self {
            Self::Qemu(operator, than) => setting.qemu.as_ref().is_some_and(|version| match *operator {
                "<" => version < than,
                "<=" => version <= than,
                ">" => version > than,
                _ => version >= than,
            }),
            Self::Link(link) => *link == setting.link,
            Self::Runner(runner) => runner == setting.runner,
            Self::Spawns(spawns) => *spawns == setting.spawns,
        }
    }
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
    /// The file, as it was called when it was read.
    pub file: String,
    /// Line number, from 1.
    pub line: usize,
    conditions: Vec<Condition>,
}

impl Entry {
    /// `targets/s390x/expect.txt:12`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// The test as the file writes it.
    pub fn pattern(&self) -> String {
        format!("{}{}", self.name, if self.wildcard { "*" } else { "" })
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
        let mut seen = HashMap::new();
        for (layer, file, text) in files {
            for mut entry in parse_file(file, text)? {
                if layer == Layer::Emulator {
                    entry.conditions.push(Condition::Runner("qemu".into()));
                }
                if let Some(first) = seen.insert((entry.suite.clone(), entry.pattern()), entry.place()) {
                    let message = format!("`{} {}` is already in {first}", entry.suite, entry.pattern());
                    let line = text.lines().nth(entry.line - 1).unwrap_or_default();
                    return Err(ParseError::at(file, entry.line, line, line.trim(), message));
                }
                entries.push(entry);
            }
        }
        Ok(Self { entries })
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
    pub fn active<'a>(&'a self, suite: &str, setting: &Setting) -> Active<'a> {
        let holds =
            |entry: &&Entry| entry.suite == suite && entry.conditions.iter().all(|condition| condition.holds(setting));
        Active { entries: self.entries.iter().filter(holds).collect() }
    }
}

/// The entries that count in one suite's run.
#[derive(Debug, Clone)]
pub struct Active<'a> {
    entries: Vec<&'a Entry>,
}

impl<'a> Active<'a> {
    /// What is known of a test: its exact entry, or else the longest wildcard that covers it.
    pub fn find(&self, name: &str) -> Option<&'a Entry> {
        let exact = self.entries.iter().find(|entry| !entry.wildcard && entry.name == name);
        let covering = self.entries.iter().filter(|entry| entry.wildcard && name.starts_with(&entry.name));
        exact.or_else(|| covering.max_by_key(|entry| entry.name.len())).copied()
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

/// What is wrong with an expectation file, where, and the line itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError(String);

impl ParseError {
    fn at(file: &str, number: usize, line: &str, part: &str, message: impl fmt::Display) -> Self {
        let start = line.find(part).unwrap_or(0);
        let column = line[..start].chars().count();
        let carets = "^".repeat(part.chars().count().max(1));
        let gutter = " ".repeat(number.to_string().len());
        // A tab takes no fixed width: repeat it, so that the caret still stands under its word.
        let indent: String = line[..start].chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        Self(format!(
            "{file}:{number}:{}: {message}\n{gutter} |\n{number} | {line}\n{gutter} | {indent}{carets}",
            column + 1
        ))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

/// The comment above a block of entries.
#[derive(Default)]
struct Block {
    why: Vec<String>,
    /// Whether the last line was a `Bug:` or `Reason:`, which the next one may go on with.
    open: bool,
    has_entries: bool,
}

impl Block {
    fn comment(&mut self, text: &str) -> Result<(), String> {
        if self.has_entries {
            *self = Self::default();
        }
        let (key, value) = text.split_once(':').map_or(("", text), |(key, value)| (key.trim(), value.trim()));
        match key {
            "Bug" | "Reason" if value.is_empty() => return Err(format!("`{key}:` says nothing")),
            "Bug" | "Reason" => self.why.push(value.into()),
            _ if self.open && !text.is_empty() && !is_key(key) => {
                if let Some(last) = self.why.last_mut() {
                    *last = format!("{last} {text}");
                }
                return Ok(());
            }
            _ => {}
        }
        self.open = matches!(key, "Bug" | "Reason");
        Ok(())
    }
}

/// `Since` and the like, as opposed to a sentence with a colon in it.
fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase()) && key.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
}

fn parse_file(file: &str, text: &str) -> Result<Vec<Entry>, ParseError> {
    let mut entries = Vec::new();
    let mut block = Block::default();
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        let fail = |part: &str, message: String| ParseError::at(file, index + 1, line, part, message);
        if trimmed.is_empty() {
            block = Block::default();
        } else if let Some(comment) = trimmed.strip_prefix('#') {
            block.comment(comment.trim()).map_err(|message| fail(trimmed, message))?;
        } else {
            let mut entry = parse_entry(trimmed).map_err(|(part, message)| fail(part, message))?;
            if block.why.is_empty() {
                let message =
                    "nothing says why: put `# Bug: …` or `# Reason: …` above it, without a blank line between";
                return Err(fail(trimmed, message.into()));
            }
            block.has_entries = true;
            entry.why = block.why.join("; ");
            entry.file = file.into();
            entry.line = index + 1;
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// `suite name word condition…`; the name may have blanks in it, so it is what the rest leaves over.
fn parse_entry(line: &str) -> Result<Entry, (&str, String)> {
    let (suite, mut rest) =
        line.split_once(char::is_whitespace).ok_or((line, "expected `suite test word`".to_owned()))?;
    let mut conditions = Vec::new();
    let word = loop {
        let (before, last) = rest.rsplit_once(char::is_whitespace).unwrap_or(("", rest));
        rest = before.trim_end();
        if last.contains(['<', '>', '=']) {
            conditions.insert(0, Condition::parse(last).map_err(|message| (last, message))?);
        } else {
            let word = Word::ALL.into_iter().find(|word| word.text() == last);
            let unknown = || format!("unknown word `{last}`: expected fail, crash, timeout, flake or skip");
            break word.ok_or_else(|| (last, unknown()))?;
        }
    };
    let name = rest.trim();
    if name.is_empty() {
        return Err((line, "expected `suite test word`: the test is missing".into()));
    }
    let prefix = name.strip_suffix('*');
    if prefix.unwrap_or(name).contains('*') {
        return Err((name, "a `*` may only stand at the end of a name".into()));
    }
    if prefix.is_some() && !matches!(word, Word::Flake | Word::Skip) {
        let message = format!("a `*` is for skip and flake only: name each test that is expected to {}", word.text());
        return Err((name, message));
    }
    Ok(Entry {
        suite: suite.into(),
        name: prefix.unwrap_or(name).into(),
        wildcard: prefix.is_some(),
        word,
        why: String::new(),
        file: String::new(),
        line: 0,
        conditions,
    })
}

#[cfg(test)]
mod tests;
