//! `[runtimes]` of target.toml, and how the runtimes may differ from upstream's build.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// `[runtimes]`: what the target changes of upstream's build of the runtimes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtimes {
    /// Flags for compiling the builtins, after those of `[c]`.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Settings of upstream's CMake files that build the builtins.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// How the builtins differ from upstream's on purpose.
    #[serde(default, rename = "difference")]
    pub differences: Vec<IntendedDifference>,
}

impl Runtimes {
    /// The settings of CMake, each as `NAME=VALUE`.
    pub fn settings(&self) -> impl Iterator<Item = String> {
        self.settings.iter().map(|(name, value)| format!("{name}={value}"))
    }
}

/// `[[runtimes.difference]]`: symbols that differ on purpose.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntendedDifference {
    /// How they differ.
    pub kinds: Vec<DifferenceKind>,
    /// The symbols. Each must differ in each of these ways.
    pub symbols: Vec<String>,
    /// Why.
    pub reason: String,
}

/// How a symbol of ours differs from upstream's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Only upstream defines it.
    Missing,
    /// Only ours defines it.
    Extra,
    /// Only one of the libraries requires it from elsewhere.
    Required,
    /// Both define it, with another type, binding or visibility, or in an object of another ABI.
    Abi,
    /// Both define it, with other machine code. Another calling convention shows here.
    Code,
}

/// A difference that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolDifference {
    /// How the symbol differs.
    pub kind: DifferenceKind,
    /// The symbol.
    pub symbol: String,
    /// What differs, with both values.
    pub detail: String,
}

/// Differences of a target, held against the intended ones.
#[derive(Debug, Default)]
pub struct JudgedDifferences {
    /// Differences that are intended, each with its reason.
    pub intended: Vec<(SymbolDifference, String)>,
    /// Differences that nothing intends.
    pub unintended: Vec<SymbolDifference>,
}

impl IntendedDifference {
    /// Checks the rules that serde cannot express.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { kinds, symbols, reason } = self;
        if symbols.is_empty() || kinds.is_empty() {
            return Err("[[runtimes.difference]]: `symbols` or `kinds` is empty".into());
        }
        if reason.trim().is_empty() {
            return Err(format!("[[runtimes.difference]] {}: `reason` is empty", symbols.join(", ")));
        }
        Ok(())
    }

    /// The differences that the entry names and that are not among those that were found.
    pub fn stale<'a>(&'a self, found: &'a [SymbolDifference]) -> impl Iterator<Item = (DifferenceKind, &'a str)> {
        let pairs = self.symbols.iter().flat_map(|symbol| self.kinds.iter().map(move |kind| (*kind, symbol.as_str())));
        pairs.filter(|(kind, symbol)| !found.iter().any(|it| it.kind == *kind && it.symbol == *symbol))
    }
}

impl JudgedDifferences {
    /// Holds differences against the target's own entries and those of all targets.
    pub fn new(found: &[SymbolDifference], entries: &[&IntendedDifference]) -> Self {
        let mut judged = Self::default();
        for difference in found {
            let intends = |entry: &&&IntendedDifference| {
                entry.kinds.contains(&difference.kind) && entry.symbols.contains(&difference.symbol)
            };
            match entries.iter().find(intends) {
                Some(entry) => judged.intended.push((difference.clone(), entry.reason.clone())),
                None => judged.unintended.push(difference.clone()),
            }
        }
        judged
    }
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Required => "required",
            Self::Abi => "abi",
            Self::Code => "code",
        })
    }
}

impl fmt::Display for SymbolDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.symbol, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(kind: DifferenceKind, symbol: &str) -> SymbolDifference {
        SymbolDifference { kind, symbol: symbol.into(), detail: String::new() }
    }

    #[test]
    fn a_difference_is_intended_by_kind_and_symbol() {
        let text = "[[difference]]\nkinds = ['code', 'abi']\nsymbols = ['a', 'b']\nreason = 'why'\n";
        let runtimes: Runtimes = toml::from_str(text).expect("valid");
        let entry = &runtimes.differences[0];
        let found = [
            difference(DifferenceKind::Code, "a"),
            difference(DifferenceKind::Missing, "b"),
            difference(DifferenceKind::Extra, "c"),
        ];
        let judged = JudgedDifferences::new(&found, &[entry]);
        assert_eq!(judged.intended, [(found[0].clone(), "why".into())]);
        assert_eq!(judged.unintended, found[1..]);
        let stale: Vec<_> = entry.stale(&found).collect();
        assert_eq!(stale, [(DifferenceKind::Abi, "a"), (DifferenceKind::Code, "b"), (DifferenceKind::Abi, "b")]);
    }
}
