//! What a line of an expectation file claims, and the fewest lines that state what is wanted in every mode.

use std::collections::BTreeMap;
use std::fmt;

use crate::expectation::{Condition, Entry, Word};
use crate::link::Link;

/// A way to run a test, as far as the conditions of new lines distinguish it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunMode {
    /// Whether the test runs under the emulator.
    pub(super) emulated: bool,
    /// How the test program is linked.
    pub(super) link: Link,
}

impl RunMode {
    /// Every mode; the emulated ones come first.
    pub(super) const ALL: [Self; 4] = [
        Self { emulated: true, link: Link::Dynamic },
        Self { emulated: true, link: Link::Static },
        Self { emulated: false, link: Link::Dynamic },
        Self { emulated: false, link: Link::Static },
    ];

    /// Whether an entry can apply in this mode.
    pub(super) fn admits(self, entry: &Entry) -> bool {
        entry.can_hold(&[Condition::Emulated(self.emulated), Condition::Link(self.link)])
    }
}

impl fmt::Display for RunMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.emulated { "under qemu" } else { "natively" }, self.link)
    }
}

/// What a line says about its test: a word, and the conditions under which it applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) word: Word,
    pub(super) conditions: Vec<Condition>,
}

impl Claim {
    /// A claim without conditions.
    pub(super) fn plain(word: Word) -> Self {
        Self { word, conditions: Vec::new() }
    }

    /// The conditions as they end a line.
    pub(super) fn tail(&self) -> String {
        self.conditions.iter().fold(String::new(), |tail, condition| format!("{tail}  {condition}"))
    }

    /// The whole line, without alignment to its neighbours.
    pub(super) fn line(&self, suite: &str, test: &str) -> String {
        format!("{suite}  {test}  {}{}", self.word.text(), self.tail())
    }
}

/// What is wanted in one mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// An entry with this word.
    Entry(Word),
    /// No entry.
    NoEntry,
    /// The same as in another mode.
    Inherit,
}

impl Wanted {
    /// An entry with this word, or none.
    pub(super) fn from(word: Option<Word>) -> Self {
        word.map_or(Self::NoEntry, Self::Entry)
    }
}

/// Resolves [`Wanted::Inherit`]: the same link mode with the other runner comes first, then the other link mode. If no
/// mode gives an answer, the result is `otherwise`.
pub(super) fn settle(wanted: &BTreeMap<RunMode, Wanted>, otherwise: Option<Word>) -> BTreeMap<RunMode, Option<Word>> {
    let other = |link: Link| if link == Link::Dynamic { Link::Static } else { Link::Dynamic };
    let settled = |mode: &RunMode| match wanted.get(mode) {
        Some(Wanted::Entry(word)) => Some(Some(*word)),
        Some(Wanted::NoEntry) => Some(None),
        Some(Wanted::Inherit) | None => None,
    };
    let word = |&mode: &RunMode| {
        let (emulated, link) = (!mode.emulated, other(mode.link));
        let candidates = [mode, RunMode { emulated, ..mode }, RunMode { link, ..mode }, RunMode { emulated, link }];
        (mode, candidates.iter().find_map(settled).unwrap_or(otherwise))
    };
    wanted.keys().map(word).collect()
}

/// The fewest claims that state what is wanted: one without conditions, or one for each link mode, each runner, or each
/// combination. The claim that keeps the word `old` comes first.
pub(super) fn compose(wanted: &BTreeMap<RunMode, Option<Word>>, old: Word) -> Vec<Claim> {
    type Split = fn(RunMode) -> Vec<Condition>;
    let splits: [Split; 4] = [
        |_| Vec::new(),
        |mode| vec![Condition::Link(mode.link)],
        |mode| vec![Condition::Emulated(mode.emulated)],
        |mode| vec![Condition::Emulated(mode.emulated), Condition::Link(mode.link)],
    ];
    let mut claims = splits.iter().find_map(|split| by(wanted, *split)).unwrap_or_default();
    claims.sort_by_key(|claim| claim.word != old);
    claims
}

/// One claim for all modes with the same conditions; nothing if those modes want different words.
fn by(wanted: &BTreeMap<RunMode, Option<Word>>, conditions: fn(RunMode) -> Vec<Condition>) -> Option<Vec<Claim>> {
    let mut groups: Vec<(Vec<Condition>, Option<Word>)> = Vec::new();
    for (mode, word) in wanted {
        let conditions = conditions(*mode);
        match groups.iter().find(|(of, _)| *of == conditions) {
            Some((_, other)) if other != word => return None,
            Some(_) => {}
            None => groups.push((conditions, *word)),
        }
    }
    Some(groups.into_iter().filter_map(|(conditions, word)| Some(Claim { word: word?, conditions })).collect())
}
