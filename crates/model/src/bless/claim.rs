//! What a line of an expectation file claims, and which lines say what is to be said of every way to run a test.

use std::collections::BTreeMap;
use std::fmt;

use crate::expectation::{Condition, Entry, Word};
use crate::link::Link;

/// A way to run a test, as far as lines tell them apart when they are rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunMode {
    /// Whether under the emulator.
    pub(super) emulated: bool,
    /// How it is linked.
    pub(super) link: Link,
}

impl RunMode {
    /// Those under the emulator first.
    pub(super) const ALL: [Self; 4] = [
        Self { emulated: true, link: Link::Dynamic },
        Self { emulated: true, link: Link::Static },
        Self { emulated: false, link: Link::Dynamic },
        Self { emulated: false, link: Link::Static },
    ];

    /// Whether an entry can hold in it.
    pub(super) fn admits(self, entry: &Entry) -> bool {
        entry.can_hold(&[Condition::Emulated(self.emulated), Condition::Link(self.link)])
    }
}

impl fmt::Display for RunMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.emulated { "under qemu" } else { "natively" }, self.link)
    }
}

/// What a line says besides its test: its word, and the conditions that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) word: Word,
    pub(super) conditions: Vec<Condition>,
}

impl Claim {
    /// A word without conditions.
    pub(super) fn plain(word: Word) -> Self {
        Self { word, conditions: Vec::new() }
    }

    /// Its conditions, as they stand at the end of a line.
    pub(super) fn tail(&self) -> String {
        self.conditions.iter().fold(String::new(), |tail, condition| format!("{tail}  {condition}"))
    }

    /// The line as it would be written without regard to others.
    pub(super) fn line(&self, suite: &str, test: &str) -> String {
        format!("{suite}  {test}  {}{}", self.word.text(), self.tail())
    }
}

/// What is wanted in one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// An entry with this word.
    Says(Word),
    /// No entry.
    Nothing,
    /// Whatever is wanted elsewhere.
    Alike,
}

impl Wanted {
    /// An entry with this word, or none.
    pub(super) fn from(word: Option<Word>) -> Self {
        word.map_or(Self::Nothing, Self::Says)
    }
}

/// Gives every cell that goes along with others what they have: first the other runner in the same link mode, then the other
/// link mode. Where there is none, it is `otherwise`.
pub(super) fn settle(wanted: &BTreeMap<RunMode, Wanted>, otherwise: Option<Word>) -> BTreeMap<RunMode, Option<Word>> {
    let other = |link: Link| if link == Link::Dynamic { Link::Static } else { Link::Dynamic };
    let settled = |cell: &RunMode| match wanted.get(cell) {
        Some(Wanted::Says(word)) => Some(Some(*word)),
        Some(Wanted::Nothing) => Some(None),
        Some(Wanted::Alike) | None => None,
    };
    let word = |&cell: &RunMode| {
        let (emulated, link) = (!cell.emulated, other(cell.link));
        let along = [cell, RunMode { emulated, ..cell }, RunMode { link, ..cell }, RunMode { emulated, link }];
        (cell, along.iter().find_map(settled).unwrap_or(otherwise))
    };
    wanted.keys().map(word).collect()
}

/// The fewest lines that say this: without conditions, or one for each link mode, or for each runner, or for each of both.
/// The one that keeps the word `old` comes first.
pub(super) fn compose(wanted: &BTreeMap<RunMode, Option<Word>>, old: Word) -> Vec<Claim> {
    type Split = fn(RunMode) -> Vec<Condition>;
    let kinds: [Split; 4] = [
        |_| Vec::new(),
        |cell| vec![Condition::Link(cell.link)],
        |cell| vec![Condition::Emulated(cell.emulated)],
        |cell| vec![Condition::Emulated(cell.emulated), Condition::Link(cell.link)],
    ];
    let mut claims = kinds.iter().find_map(|kind| by(wanted, *kind)).unwrap_or_default();
    claims.sort_by_key(|claim| claim.word != old);
    claims
}

/// One line for all cells that have the same conditions; nothing if they do not all want the same.
fn by(wanted: &BTreeMap<RunMode, Option<Word>>, conditions: fn(RunMode) -> Vec<Condition>) -> Option<Vec<Claim>> {
    let mut groups: Vec<(Vec<Condition>, Option<Word>)> = Vec::new();
    for (cell, word) in wanted {
        let conditions = conditions(*cell);
        match groups.iter().find(|(of, _)| *of == conditions) {
            Some((_, other)) if other != word => return None,
            Some(_) => {}
            None => groups.push((conditions, *word)),
        }
    }
    Some(groups.into_iter().filter_map(|(conditions, word)| Some(Claim { word: word?, conditions })).collect())
}
