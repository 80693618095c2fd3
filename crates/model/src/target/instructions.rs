//! `[baseline.instructions]`: which instructions the baseline has, in LLVM's words, and which others are allowed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::pattern::matches_any;

#[cfg(test)]
mod tests;

/// The most mnemonics that a fault of the audit lists.
const SHOWN: usize = 20;

/// `[baseline.instructions]` as parsed, before validation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct InstructionsFile {
    cpu: Option<String>,
    features: Vec<String>,
    rust_cpu: Option<String>,
    halfword_features: Vec<String>,
    newest_cpu: Option<String>,
    newest_features: Vec<String>,
    newer: Vec<String>,
    data: Vec<Data>,
    allow: Vec<Allowed>,
}

/// Which instructions the baseline has.
#[derive(Debug, Clone)]
pub struct Instructions {
    /// The baseline in LLVM's words.
    pub baseline: Processor,
    /// The baseline of Rust, if it is another one.
    pub rust: Processor,
    /// Features that LLVM also requires to decode an instruction that is printed in units of two bytes.
    pub halfword_features: Vec<String>,
    /// A processor that has more than the baseline, for the names of the instructions that the baseline does not have.
    pub newest: Processor,
    /// Patterns of mnemonics that the baseline does not have, where LLVM decodes them for every processor.
    newer: Vec<String>,
    data: Vec<Data>,
    allow: Vec<Allowed>,
}

/// A processor in LLVM's words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Processor {
    /// The value of `--mcpu`; `None` for LLVM's default.
    pub cpu: Option<String>,
    /// The values of `--mattr`: `+lse`, `-neon`.
    pub features: Vec<String>,
}

/// Functions that have numbers between their instructions, where ELF files do not tell the two apart. A number can
/// read like any instruction, and changes with the layout of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    /// Patterns of symbols.
    symbols: Vec<String>,
    reason: String,
}

/// Instructions beyond the baseline that are allowed in some functions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    /// Patterns of mnemonics.
    instructions: Vec<String>,
    /// Patterns of symbols.
    symbols: Vec<String>,
    reason: String,
}

/// An instruction beyond the baseline, where it occurs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BeyondBaseline {
    /// The instruction's name.
    pub mnemonic: String,
    /// The symbol before it.
    pub symbol: String,
    /// The file, with the member if it is a library.
    pub file: String,
}

impl InstructionsFile {
    pub(super) fn validate(self) -> Result<Instructions, String> {
        let key = "[baseline.instructions]";
        for (name, features) in [
            ("features", &self.features),
            ("halfword-features", &self.halfword_features),
            ("newest-features", &self.newest_features),
        ] {
            if let Some(wrong) = features.iter().find(|it| !it.starts_with(['+', '-'])) {
                return Err(format!("{key} {name}: `{wrong}` begins neither with + nor with -"));
            }
        }
        for it in &self.allow {
            if it.instructions.is_empty() || it.symbols.is_empty() || it.reason.trim().is_empty() {
                return Err("[[baseline.instructions.allow]]: expected instructions, symbols and a reason".into());
            }
        }
        for it in &self.data {
            if it.symbols.is_empty() || it.reason.trim().is_empty() {
                return Err("[[baseline.instructions.data]]: expected symbols and a reason".into());
            }
        }
        let rust_cpu = self.rust_cpu.or_else(|| self.cpu.clone());
        Ok(Instructions {
            baseline: Processor { cpu: self.cpu, features: self.features.clone() },
            rust: Processor { cpu: rust_cpu, features: self.features },
            halfword_features: self.halfword_features,
            newest: Processor { cpu: self.newest_cpu, features: self.newest_features },
            newer: self.newer,
            data: self.data,
            allow: self.allow,
        })
    }
}

impl Processor {
    /// The arguments of LLVM's tools that select the processor. `more` has further features.
    pub fn args(&self, more: &[String]) -> Vec<String> {
        let cpu = self.cpu.iter().map(|cpu| format!("--mcpu={cpu}"));
        let features: Vec<&str> = self.features.iter().chain(more).map(String::as_str).collect();
        cpu.chain((!features.is_empty()).then(|| format!("--mattr={}", features.join(",")))).collect()
    }
}

impl Instructions {
    /// Whether the baseline lacks an instruction of this name, although LLVM decodes it for every processor.
    pub fn is_newer(&self, mnemonic: &str) -> bool {
        matches_any(&self.newer, mnemonic)
    }

    /// Whether the function of this name has numbers between its instructions.
    pub fn has_data(&self, symbol: &str) -> bool {
        self.data.iter().any(|it| it.has(symbol))
    }

    /// What is wrong with these instructions beyond the baseline: those that no entry allows, and entries that allow
    /// none of them or that name none of `with_data`, the functions for which [`Self::has_data`] held. One sentence
    /// for each fault.
    pub fn faults(&self, found: &BTreeSet<BeyondBaseline>, with_data: &BTreeSet<String>) -> Vec<String> {
        let mut used = vec![false; self.allow.len()];
        let mut places: BTreeMap<&str, Vec<&BeyondBaseline>> = BTreeMap::new();
        for it in found {
            let mut allowed = false;
            for (entry, used) in self.allow.iter().zip(&mut used) {
                if entry.allows(it) {
                    (allowed, *used) = (true, true);
                }
            }
            if !allowed {
                places.entry(&it.mnemonic).or_default().push(it);
            }
        }
        let line = |(mnemonic, places): (&&str, &Vec<&BeyondBaseline>)| {
            let more = if places.len() > 1 { format!(" and {} more places", places.len() - 1) } else { String::new() };
            let BeyondBaseline { symbol, file, .. } = places[0];
            format!("`{mnemonic}` is beyond the baseline: in {symbol} of {file}{more}")
        };
        let mut faults: Vec<String> = places.iter().take(SHOWN).map(line).collect();
        if places.len() > SHOWN {
            faults.push(format!("{} more instructions are beyond the baseline", places.len() - SHOWN));
        }
        let unused = self.allow.iter().zip(used).filter(|(_, used)| !used);
        faults.extend(unused.map(|(it, _)| {
            let (instructions, symbols) = (it.instructions.join(", "), it.symbols.join(", "));
            format!("[[baseline.instructions.allow]]: no {instructions} occurs in {symbols} any more: remove the entry")
        }));
        let unused = self.data.iter().filter(|it| !with_data.iter().any(|symbol| it.has(symbol)));
        faults.extend(unused.map(|it| {
            let symbols = it.symbols.join(", ");
            format!("[[baseline.instructions.data]]: there is no {symbols} any more: remove the entry")
        }));
        faults
    }
}

impl Data {
    fn has(&self, symbol: &str) -> bool {
        matches_any(&self.symbols, symbol)
    }
}

impl Allowed {
    fn allows(&self, it: &BeyondBaseline) -> bool {
        matches_any(&self.instructions, &it.mnemonic) && matches_any(&self.symbols, &it.symbol)
    }
}
