//! `[runtimes]` of target.toml, and how the runtimes may differ from upstream's build.

use std::fmt;

use serde::Deserialize;

/// `[runtimes]`: what the target changes of upstream's build of the runtimes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtimes {
    /// Flags for compiling the builtins, after those of `[c]`.
    #[serde(default)]
    pub flags: Vec<String>,
    /// How the builtins differ from upstream's on purpose.
    #[serde(default, rename = "difference")]
    pub differences: Vec<IntendedDifference>,
}

/// `[[runtimes.difference]]`: symbols that differ on purpose.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntendedDifference {
    /// How they differ.
    pub kind: DifferenceKind,
    /// The symbols; each must differ.
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
pub struct Difference {
    /// How the symbol differs.
    pub kind: DifferenceKind,
    /// The symbol.
    pub symbol: String,
    /// What differs, with both values.
    pub detail: String,
}

/// Differences, held against those that target.toml intends.
#[derive(Debug, Default)]
pub struct JudgedDifferences {
    /// Differences that are intended, each with its reason.
    pub intended: Vec<(Difference, String)>,
    /// Differences that nothing intends.
    pub unintended: Vec<Difference>,
    /// Intended differences that do not occur.
    pub stale: Vec<(DifferenceKind, String)>,
}

impl Runtimes {
    /// Checks the rules that serde cannot express.
    pub(super) fn check(&self) -> Result<(), String> {
        for IntendedDifference { kind, symbols, reason } in &self.differences {
            if symbols.is_empty() {
                return Err(format!("[[runtimes.difference]] {kind}: `symbols` is empty"));
            }
            if reason.trim().is_empty() {
                return Err(format!("[[runtimes.difference]] {kind} {}: `reason` is empty", symbols.join(", ")));
            }
        }
        Ok(())
    }

    /// Holds differences against the intended ones.
    pub fn judge(&self, found: Vec<Difference>) -> JudgedDifferences {
        let mut judged = JudgedDifferences::default();
        for entry in &self.differences {
            let occurs = |symbol: &&String| found.iter().any(|it| it.kind == entry.kind && it.symbol == **symbol);
            let stale = entry.symbols.iter().filter(|symbol| !occurs(symbol));
            judged.stale.extend(stale.map(|symbol| (entry.kind, symbol.clone())));
        }
        for difference in found {
            let intends = |entry: &&IntendedDifference| {
                entry.kind == difference.kind && entry.symbols.contains(&difference.symbol)
            };
            match self.differences.iter().find(intends) {
                Some(entry) => judged.intended.push((difference, entry.reason.clone())),
                None => judged.unintended.push(difference),
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

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.symbol, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(kind: DifferenceKind, symbol: &str) -> Difference {
        Difference { kind, symbol: symbol.into(), detail: String::new() }
    }

    #[test]
    fn a_difference_is_intended_by_kind_and_symbol() {
        let text = "[[difference]]\nkind = 'code'\nsymbols = ['a', 'b']\nreason = 'why'\n";
        let runtimes: Runtimes = toml::from_str(text).expect("valid");
        let found = vec![
            difference(DifferenceKind::Code, "a"),
            difference(DifferenceKind::Missing, "b"),
            difference(DifferenceKind::Extra, "c"),
        ];
        let judged = runtimes.judge(found.clone());
        assert_eq!(judged.intended, [(found[0].clone(), "why".into())]);
        assert_eq!(judged.unintended, found[1..]);
        assert_eq!(judged.stale, [(DifferenceKind::Code, "b".into())]);
    }
}
