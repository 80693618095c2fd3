//! The C corpus: programs that print a line `NAME VALUE` for each value that they compute, and the lines that a target
//! must print.
//!
//! A name is made of words with `/` between them. A feature is something that only some targets have, such as a float
//! format. Its name is a word, or several with `+` between them. A line belongs to a feature if its name has all of the
//! feature's words, and a target must print exactly the lines of which it has all features.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use crate::link::Link;

/// How many faults of a program are listed.
const LISTED: usize = 20;

/// The ways in which each program is compiled: their names, and clang's flag.
pub const LEVELS: [(&str, &str); 3] = [("O0", "-O0"), ("O2", "-O2"), ("Os", "-Os")];

/// `[corpus]` of target.toml: what is special about the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusSettings {
    /// The features that the target lacks, each with the reason.
    #[serde(default)]
    pub without: BTreeMap<String, String>,
    /// Values that may be wrong because of a fault that cannot be mended here: words of their names, joined by `+`, each
    /// with the cause. The link mode counts as a word of every name.
    #[serde(default)]
    pub wrong: BTreeMap<String, String>,
    /// More ways to compile some of the programs.
    #[serde(default, rename = "variant")]
    pub variants: Vec<CorpusVariant>,
}

/// One more way to compile some programs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusVariant {
    /// The name, as in `corpus/atomic/outline`.
    pub name: String,
    /// The C compiler's flags, the level of optimisation included.
    pub flags: Vec<String>,
    /// The programs.
    pub programs: Vec<String>,
    /// What the flags are for.
    pub reason: String,
}

impl CorpusSettings {
    /// Checks what does not depend on the corpus.
    ///
    /// # Errors
    ///
    /// Returns one sentence about the first key that breaks a rule.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if let Some((feature, _)) = self.without.iter().find(|(_, reason)| reason.trim().is_empty()) {
            return Err(format!("[corpus.without] {feature}: the reason is empty"));
        }
        if let Some((words, _)) = self.wrong.iter().find(|(_, reason)| reason.trim().is_empty()) {
            return Err(format!("[corpus.wrong] {words}: the reason is empty"));
        }
        let mut names: BTreeSet<&str> = LEVELS.iter().map(|(name, _)| *name).collect();
        for variant in &self.variants {
            let fault = |what: &str| Err(format!("[[corpus.variant]] {}: {what}", variant.name));
            if variant.name.is_empty() || !variant.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                return fault("the name may have letters, digits and `-` only");
            }
            if !names.insert(&variant.name) {
                return fault("the name is taken");
            }
            if variant.programs.is_empty() || variant.flags.is_empty() {
                return fault("expected flags and programs");
            }
            if variant.reason.trim().is_empty() {
                return fault("the reason is empty");
            }
        }
        Ok(())
    }

    /// Whether the target lacks the feature, by its own name or because of a part of it.
    pub fn lacks(&self, feature: &str) -> bool {
        self.without.contains_key(feature) || self.lacks_part(feature)
    }

    /// Whether the target lacks one of several words of a feature, so that nothing is to be said of the feature itself.
    pub fn lacks_part(&self, feature: &str) -> bool {
        feature.contains('+') && feature.split('+').any(|word| self.without.contains_key(word))
    }

    /// The entries of `wrong` that hold in this link mode.
    pub fn wrong_in(&self, link: Link) -> impl Iterator<Item = (&str, &str)> {
        let elsewhere = move |words: &str| Link::ALL.iter().any(|&it| it != link && has_word(words, '+', it.word()));
        let entries = self.wrong.iter().map(|(words, reason)| (words.as_str(), reason.as_str()));
        entries.filter(move |(words, _)| !elsewhere(words))
    }

    /// Takes out of `faults` those of values that may be wrong. Returns the keys of `wrong` that allow them.
    pub fn excuse(&self, link: Link, faults: &mut Vec<LineFault>) -> BTreeSet<&str> {
        let mut used = BTreeSet::new();
        faults.retain(|fault| {
            let LineFault::Value { name, .. } = fault else { return true };
            let name = format!("{}/{name}", link.word());
            let key = self.wrong_in(link).map(|(words, _)| words).find(|words| has_all(&name, words));
            used.extend(key);
            key.is_none()
        });
        used
    }

    /// Checks the names of features and programs against the corpus.
    ///
    /// # Errors
    ///
    /// Returns one sentence about the first name that the corpus lacks.
    pub fn check(&self, features: &[String], programs: &[&str]) -> Result<(), String> {
        if let Some(unknown) = self.without.keys().find(|feature| !features.contains(feature)) {
            return Err(format!("[corpus.without] {unknown}: the corpus has no such feature"));
        }
        for variant in &self.variants {
            if let Some(unknown) = variant.programs.iter().find(|name| !programs.contains(&name.as_str())) {
                return Err(format!("[[corpus.variant]] {}: the corpus has no program `{unknown}`", variant.name));
            }
        }
        Ok(())
    }
}

/// The lines that a program must print on a target, in order.
#[derive(Debug)]
pub struct ExpectedLines<'a> {
    lines: Vec<(&'a str, &'a str)>,
}

/// Whether the name has all of these words, joined by `+`.
fn has_all(name: &str, words: &str) -> bool {
    words.split('+').all(|word| has_word(name, '/', word))
}

fn has_word(text: &str, separator: char, word: &str) -> bool {
    text.split(separator).any(|it| it == word)
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineFault {
    /// A value is not the expected one.
    Value {
        /// The line's name.
        name: String,
        /// What it must be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A line is missing.
    Missing {
        /// The line's name.
        name: String,
        /// What its value must be.
        expected: String,
    },
    /// A name was printed twice.
    Twice(String),
    /// Nothing is known of this line.
    Unexpected(String),
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { name, expected, got } => write!(f, "{name}: expected {expected}, got {got}"),
            Self::Missing { name, expected } => write!(f, "{name}: missing, expected {expected}"),
            Self::Twice(name) => write!(f, "{name}: printed twice"),
            Self::Unexpected(line) => write!(f, "unexpected line `{line}`"),
        }
    }
}

impl<'a> ExpectedLines<'a> {
    /// The lines of `text` that do not belong to one of the features that are `lacking`.
    ///
    /// # Errors
    ///
    /// Returns a sentence about a line without a value, about a name that is there twice, or that no line is left.
    pub fn new<'f>(text: &'a str, lacking: impl Iterator<Item = &'f String>) -> Result<Self, String> {
        let lacking: Vec<&String> = lacking.collect();
        let mut lines = Vec::new();
        let mut seen = BTreeSet::new();
        for line in text.lines() {
            let (name, value) = line.split_once(' ').ok_or_else(|| format!("`{line}` has no value"))?;
            if !seen.insert(name) {
                return Err(format!("`{name}` is there twice"));
            }
            if !lacking.iter().any(|feature| has_all(name, feature)) {
                lines.push((name, value));
            }
        }
        if lines.is_empty() { Err("no line is left for this target".into()) } else { Ok(Self { lines }) }
    }

    /// The number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none; there always is one.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What is wrong with the lines that a program printed; nothing if all is right.
    pub fn faults(&self, printed: &str) -> Vec<LineFault> {
        let mut values: BTreeMap<&str, &str> = BTreeMap::new();
        let mut faults = Vec::new();
        let known: BTreeSet<&str> = self.lines.iter().map(|(name, _)| *name).collect();
        for line in printed.lines() {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            if !known.contains(name) {
                faults.push(LineFault::Unexpected(line.into()));
            } else if values.insert(name, value).is_some() {
                faults.push(LineFault::Twice(name.into()));
            }
        }
        for &(name, expected) in &self.lines {
            let (name, expected) = (name.to_owned(), expected.to_owned());
            match values.get(name.as_str()) {
                Some(value) if *value == expected => {}
                Some(&got) => faults.push(LineFault::Value { name, expected, got: got.into() }),
                None => faults.push(LineFault::Missing { name, expected }),
            }
        }
        faults
    }
}

/// Some of the faults, a line each, and how many there are.
pub fn summary(faults: &[LineFault], lines: usize) -> String {
    let listed = faults.iter().take(LISTED).map(|fault| format!("\n  {fault}"));
    let more = (faults.len() > LISTED).then(|| format!("\n  and {} more", faults.len() - LISTED));
    let listed: String = listed.chain(more).collect();
    format!("{} of {lines} values are wrong{listed}", faults.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "add/f32/0 3f800000\nadd/f16/0 3c00\nconvert/f16/i128/0 0001\nadd/i128/0 0002\n";

    fn faults(lacking: &[&str], printed: &str) -> Vec<String> {
        let lacking: Vec<String> = lacking.iter().map(|feature| (*feature).to_owned()).collect();
        let faults = ExpectedLines::new(TEXT, lacking.iter()).unwrap().faults(printed);
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_line_belongs_to_a_feature_if_its_name_has_all_words() {
        assert_eq!(faults(&["f16"], "add/f32/0 3f800000\nadd/i128/0 0002\n"), [""; 0]);
        assert_eq!(faults(&["f16+i128"], "add/f32/0 3f800000\nadd/f16/0 3c00\nadd/i128/0 0002\n"), [""; 0]);
        // A part of a word is none.
        assert_eq!(faults(&["f1", "i12"], TEXT), [""; 0]);
        let all = ["f16", "f32", "i128"].map(String::from);
        assert_eq!(ExpectedLines::new(TEXT, all.iter()).unwrap_err(), "no line is left for this target");
    }

    #[test]
    fn every_fault_has_the_name_of_its_line() {
        let printed = "add/f32/0 3f800001\nadd/f16/0 3c00\nadd/f16/0 3c00\nadd/i128/0 0002\nadd/f80/0 1\nnothing\n";
        assert_eq!(
            faults(&[], printed),
            [
                "add/f16/0: printed twice",
                "unexpected line `add/f80/0 1`",
                "unexpected line `nothing`",
                "add/f32/0: expected 3f800000, got 3f800001",
                "convert/f16/i128/0: missing, expected 0001",
            ]
        );
        // The order is free.
        assert_eq!(faults(&["f16"], "add/i128/0 0002\nadd/f32/0 3f800000\n"), [""; 0]);
    }

    #[test]
    fn an_expected_line_has_one_value() {
        let lines = |text| ExpectedLines::new(text, std::iter::empty()).map(|lines| lines.len());
        assert_eq!(lines("a 1\nb\n").unwrap_err(), "`b` has no value");
        assert_eq!(lines("a 1\na 1\n").unwrap_err(), "`a` is there twice");
        assert_eq!(lines("").unwrap_err(), "no line is left for this target");
    }

    #[test]
    fn a_summary_is_short() {
        let faults: Vec<LineFault> = (0..23).map(|i| LineFault::Twice(format!("{i}"))).collect();
        let text = summary(&faults, 30);
        assert!(text.starts_with("23 of 30 values are wrong\n  0: printed twice\n"), "{text}");
        assert!(text.ends_with("19: printed twice\n  and 3 more"), "{text}");
    }

    #[test]
    fn a_known_cause_excuses_wrong_values_and_nothing_else() {
        let ours = settings("[wrong]\n'f16+convert' = 'c'\n'f32+dynamic' = 'd'\n").unwrap();
        let lines = ExpectedLines::new(TEXT, std::iter::empty()).unwrap();
        let after = |printed: &str| {
            let mut faults = lines.faults(printed);
            let used = ours.excuse(Link::Dynamic, &mut faults).into_iter().collect::<Vec<_>>();
            (faults.iter().map(ToString::to_string).collect::<Vec<_>>(), used.join(" "))
        };
        assert_eq!(after(TEXT), (vec![], String::new()));
        assert_eq!(after(&TEXT.replace("0001", "0005")), (vec![], "f16+convert".into()));
        // A missing line is no wrong value.
        let printed = "add/f32/0 0\nadd/f16/0 0\nadd/i128/0 0002\n";
        let faults = ["add/f16/0: expected 3c00, got 0", "convert/f16/i128/0: missing, expected 0001"];
        assert_eq!(after(printed), (faults.map(String::from).to_vec(), "f32+dynamic".into()));
        let entries = |link| ours.wrong_in(link).map(|(words, _)| words).collect::<Vec<_>>();
        assert_eq!(entries(Link::Dynamic), ["f16+convert", "f32+dynamic"]);
        assert_eq!(entries(Link::Static), ["f16+convert"]);
        let mut faults = lines.faults(&TEXT.replace("3f800000", "0"));
        assert!(ours.excuse(Link::Static, &mut faults).is_empty());
    }

    fn settings(text: &str) -> Result<CorpusSettings, String> {
        let settings: CorpusSettings = toml::from_str(text).unwrap();
        settings.validate().map(|()| settings)
    }

    #[test]
    fn settings_have_reasons_and_known_names() {
        let error = |text: &str| settings(text).unwrap_err();
        assert_eq!(error("[without]\nf80 = ' '"), "[corpus.without] f80: the reason is empty");
        assert_eq!(error("[wrong]\nf80 = ''"), "[corpus.wrong] f80: the reason is empty");
        let variant = |name: &str, rest: &str| format!("[[variant]]\nname = '{name}'\nflags = ['-O1']\n{rest}\n");
        let good = "programs = ['float']\nreason = 'r'";
        assert!(error(&variant("O2", good)).ends_with("O2: the name is taken"));
        assert!(error(&variant("a/b", good)).contains("letters, digits"));
        assert!(error(&variant("a", "programs = []\nreason = 'r'")).ends_with("expected flags and programs"));
        assert!(error(&variant("a", "programs = ['float']\nreason = ''")).ends_with("the reason is empty"));

        let ours = settings(&format!("[without]\nf80 = 'r'\n{}", variant("a", good))).unwrap();
        assert_eq!(ours.check(&["f80".into()], &["float"]), Ok(()));
        assert!(ours.check(&[], &["float"]).unwrap_err().contains("no such feature"));
        assert!(ours.check(&["f80".into()], &["flaot"]).unwrap_err().contains("no program `float`"));
    }
}
