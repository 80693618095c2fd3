//! `[baseline]`: the oldest supported processor, as C, Rust and LLVM state it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::instructions::{Instructions, InstructionsFile};
use crate::pattern::matches;
use crate::version::Version;

#[cfg(test)]
mod tests;

/// `[baseline]` as parsed, before validation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BaselineFile {
    text: String,
    has: BTreeMap<String, FeatureFile>,
    #[serde(default)]
    lacks: Vec<String>,
    #[serde(default)]
    instructions: InstructionsFile,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FeatureFile {
    #[serde(default)]
    c: Vec<String>,
    #[serde(default)]
    rust: Vec<String>,
    since_rust: Option<String>,
    probe: Option<String>,
    only: Option<BaselineLanguage>,
    reason: Option<String>,
}

/// A language whose compiler assumes a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaselineLanguage {
    /// C, as the target's C compiler is called.
    C,
    /// Rust, as the target's spec says.
    Rust,
}

/// The oldest supported processor.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// The processor and the float ABI, as a short text for people.
    pub text: String,
    /// What the processor has, by name.
    pub features: BTreeMap<String, BaselineFeature>,
    /// Patterns of C macros that must not be predefined, unless a feature names them.
    lacks: Vec<String>,
    /// What the disassembler must know of the processor.
    pub instructions: Instructions,
}

/// Something that the processor has, or a setting of the ABI.
#[derive(Debug, Clone)]
pub struct BaselineFeature {
    c: Vec<Macro>,
    rust: Vec<String>,
    /// The first version of rustc that tells of it.
    since_rust: Option<Version>,
    /// An assembly instruction that only runs on a processor with the feature.
    pub probe: Option<String>,
    /// The only language that uses the feature. The other one must not.
    only: Option<BaselineLanguage>,
}

/// A macro that clang must predefine.
#[derive(Debug, Clone)]
struct Macro {
    name: String,
    /// Its value; `None` for any.
    value: Option<String>,
}

impl BaselineFile {
    pub(super) fn validate(self) -> Result<Baseline, String> {
        if self.text.trim().is_empty() {
            return Err("[baseline] text: expected the minimum processor and the float ABI in a few words".into());
        }
        if self.has.is_empty() {
            return Err("[baseline.has]: expected at least one feature of the processor".into());
        }
        let mut features = BTreeMap::new();
        for (name, feature) in self.has {
            let feature = feature.validate().map_err(|why| format!("[baseline.has] {name}: {why}"))?;
            features.insert(name, feature);
        }
        for pattern in &self.lacks {
            Macro::parse(pattern).map_err(|why| format!("[baseline] lacks: {why}"))?;
        }
        Ok(Baseline { text: self.text, features, lacks: self.lacks, instructions: self.instructions.validate()? })
    }
}

impl FeatureFile {
    fn validate(self) -> Result<BaselineFeature, String> {
        let c = self.c.iter().map(|text| Macro::parse(text)).collect::<Result<Vec<_>, _>>()?;
        if c.is_empty() && self.rust.is_empty() {
            return Err("expected `c`, a list of macros, or `rust`, a list of target features".into());
        }
        if self.only.is_some() && (c.is_empty() || self.rust.is_empty()) {
            return Err("only: a difference requires `c` and `rust`, to see that one of them lacks the feature".into());
        }
        if self.since_rust.is_some() && self.rust.is_empty() {
            return Err("since-rust: only target features in `rust` have one".into());
        }
        let since_rust = self.since_rust.map(|text| text.parse().map_err(|why| format!("since-rust: {why}")));
        let since_rust = since_rust.transpose()?;
        match (&self.only, &self.reason) {
            (Some(_), None) => Err("only: a difference between C and Rust requires a `reason`".into()),
            (None, Some(_)) => Err("reason: only a difference between C and Rust (`only`) has one".into()),
            _ => Ok(BaselineFeature { c, rust: self.rust, since_rust, probe: self.probe, only: self.only }),
        }
    }
}

impl Macro {
    /// Reads `NAME` or `NAME VALUE`.
    fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once(' ') {
            Some((name, value)) => (name, Some(value.trim().to_owned())),
            None => (text, None),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '*';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(format!("`{text}` is not a macro's name, with its value if that matters"));
        }
        Ok(Self { name: name.into(), value })
    }

    /// How the predefined macros contradict this one.
    fn fault(&self, macros: &BTreeMap<String, String>) -> Option<String> {
        let Self { name, value } = self;
        match (macros.get(name), value) {
            (None, None) => Some(format!("clang does not predefine {name}")),
            (None, Some(value)) => Some(format!("clang does not predefine {name}, expected {value}")),
            (Some(found), Some(value)) if found != value => {
                Some(format!("clang predefines {name} as {found}, expected {value}"))
            }
            _ => None,
        }
    }
}

impl BaselineFeature {
    fn is_of(&self, language: BaselineLanguage) -> bool {
        self.only.is_none_or(|only| only == language)
    }
}

impl Baseline {
    /// What clang's predefined macros and the baseline say differently, one sentence each, with the key.
    pub fn c_faults(&self, macros: &BTreeMap<String, String>) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, feature) in &self.features {
            if feature.is_of(BaselineLanguage::C) {
                let wrong = feature.c.iter().filter_map(|it| it.fault(macros));
                faults.extend(wrong.map(|why| format!("[baseline.has] {name}: {why}")));
            } else if let Some(found) = feature.c.iter().find(|it| it.fault(macros).is_none()) {
                faults.push(format!("[baseline.has] {name}: only Rust has it, but clang predefines {}", found.name));
            }
        }
        let named = |name: &str| {
            let of_c = self.features.values().filter(|feature| feature.is_of(BaselineLanguage::C));
            of_c.flat_map(|feature| &feature.c).any(|it| it.name == name)
        };
        for (name, value) in macros {
            if let Some(pattern) = self.lacks.iter().find(|pattern| matches(pattern, name))
                && !named(name)
            {
                faults.push(format!("[baseline] lacks: {pattern}, but clang predefines {name} as {value}"));
            }
        }
        faults
    }

    /// What the enabled target features of this rustc and the baseline say differently, one sentence each, with the key.
    /// `known` has the features that rustc knows. A rustc whose version is not known counts as a new one.
    pub fn rust_faults(
        &self,
        rustc: Option<&Version>,
        enabled: &BTreeSet<String>,
        known: &BTreeSet<String>,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expected = BTreeSet::new();
        let is_later = |since: &Version| rustc.is_some_and(|rustc| rustc < since);
        for (name, feature) in self.features.iter().filter(|(_, it)| !it.since_rust.as_ref().is_some_and(is_later)) {
            for it in &feature.rust {
                let has = enabled.contains(it);
                if !known.contains(it) && !has {
                    faults.push(format!("[baseline.has] {name}: rustc knows no target feature `{it}`"));
                } else if feature.is_of(BaselineLanguage::Rust) && !has {
                    faults.push(format!("[baseline.has] {name}: rustc does not enable the target feature `{it}`"));
                } else if !feature.is_of(BaselineLanguage::Rust) && has {
                    let why = format!("only C has it, but rustc enables the target feature `{it}`");
                    faults.push(format!("[baseline.has] {name}: {why}"));
                }
                expected.insert(it);
            }
        }
        let beyond = enabled.iter().filter(|it| !expected.contains(it));
        faults.extend(
            beyond.map(|it| format!("[baseline.has]: rustc enables the target feature `{it}`, which no entry names")),
        );
        faults
    }

    /// The features that a program can try, with the instruction that tries them.
    pub fn probes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.features.iter().filter_map(|(name, feature)| Some((name.as_str(), feature.probe.as_deref()?)))
    }
}
