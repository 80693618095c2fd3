//! Blessing: how expectation files must change so that a report's results become expected.
//!
//! The report's outcomes are judged again by the current files, so the files may have changed since the report was
//! made. An entry is removed only if its test passed, or if no test program lists the test. Entries without a result in
//! the report stay.

mod claim;
mod edit;
mod observe;

use std::collections::{BTreeMap, BTreeSet};

use claim::{Claim, RunMode, Wanted};
use edit::{Edits, NewBlock};
use observe::{NewTest, Observation, Observations, ObservedEntry, RunName};

use super::expectation::{Condition, Entry, Expectations, Layer, Versioned, Word};
use super::report::Report;

/// One expectation file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectationFile {
    /// Whether the file lists faults of the emulator or of the target.
    pub layer: Layer,
    /// The target that the file applies to; nothing if it applies to all.
    pub target: Option<String>,
    /// The file's name in messages.
    pub name: String,
    /// The file's contents; empty if the file does not exist.
    pub text: String,
}

/// What to bless.
#[derive(Debug, Clone, Copy)]
pub struct BlessRequest<'a> {
    /// The files of all targets; the emulator's files come first.
    pub files: &'a [ExpectationFile],
    /// The results to make expected.
    pub report: &'a Report,
    /// The targets whose expectations may change.
    pub targets: &'a [String],
    /// Every target of the project.
    pub all_targets: &'a [String],
    /// The layer that gets the entries of tests that have none.
    pub layer: Layer,
}

/// The result of blessing a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blessing {
    /// The files that change, with their new contents.
    pub files: Vec<ExpectationFile>,
    /// Tests whose results stay unexpected.
    pub unblessed: BTreeSet<Unblessed>,
}

/// A test whose result stays unexpected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unblessed {
    /// Why no entry can make the result expected.
    pub why: String,
    /// The target that the test ran on.
    pub target: String,
    /// The test's suite.
    pub suite: String,
    /// The test's name, or the entry's pattern.
    pub test: String,
}

/// Works out how the files must change.
///
/// # Errors
///
/// Fails if a file cannot be parsed or is missing, if the report lacks what conditions ask about a run, or if the new
/// files would not make the results expected.
pub fn bless(request: &BlessRequest) -> Result<Blessing, String> {
    let observed = observe::observe(request, request.files)?;
    let mut blessing = Blessing { files: Vec::new(), unblessed: observed.unblessed.clone() };
    let mut edits: BTreeMap<&str, Edits> = BTreeMap::new();
    for contradicted in observed.entries.values().filter(|entry| entry.is_contradicted()) {
        match revise(contradicted, &observed, request) {
            Ok(claims) => {
                let Entry { file: name, line, .. } = &contradicted.entry;
                let file = request.files.iter().find(|file| file.name == *name);
                let file = file.ok_or_else(|| format!("{name} is missing from the given files"))?;
                edits.entry(&file.name).or_default().lines.insert(*line, claims);
            }
            Err(why) => blessing.unblessed.extend(contradicted.unblessed(&why)),
        }
    }
    for target in request.targets {
        let file =
            request.files.iter().find(|file| file.layer == request.layer && file.target.as_ref() == Some(target));
        let file = file.ok_or_else(|| format!("there is no expectation file for {target}"))?;
        let expectations = observed.expectations.get(target).ok_or_else(|| format!("{target} has no expectations"))?;
        let mut blocks = Vec::new();
        for ((_, suite, test), new) in observed.new.iter().filter(|((of, ..), _)| of == target) {
            match add(suite, test, new, expectations, request.layer) {
                Ok(claims) => {
                    for claim in claims {
                        NewBlock::add(&mut blocks, suite, test, new.note(claim.word), claim);
                    }
                }
                Err(why) => {
                    let (target, suite, test) = (target.clone(), suite.clone(), test.clone());
                    blessing.unblessed.insert(Unblessed { why, target, suite, test });
                }
            }
        }
        if !blocks.is_empty() {
            edits.entry(&file.name).or_default().blocks = blocks;
        }
    }
    let edited = |file: &ExpectationFile| {
        let text = edits.get(file.name.as_str()).map_or_else(|| file.text.clone(), |edits| edits.apply(&file.text));
        ExpectationFile { text, ..file.clone() }
    };
    let mut files: Vec<ExpectationFile> = request.files.iter().map(edited).collect();
    check(request, &files, &blessing.unblessed)?;
    files.retain(|file| !request.files.contains(file));
    blessing.files = files;
    Ok(blessing)
}

/// The claims that replace an entry; none if the entry must go.
fn revise(observed: &ObservedEntry, all: &Observations, request: &BlessRequest) -> Result<Vec<Claim>, String> {
    let entry = &observed.entry;
    let ran = all.modes(&observed.targets, &entry.suite);
    if observed.for_all {
        for mode in ran.iter().filter(|mode| mode.admits(entry)) {
            let lacks = |target: &&String| !all.modes(std::slice::from_ref(target), &entry.suite).contains(mode);
            if let Some(target) = request.all_targets.iter().find(lacks) {
                return Err(format!("{} is for all targets, and {target} did not run {mode}", entry.file));
            }
        }
    }
    if observed.observations.values().flatten().all(|(_, observation)| *observation == Observation::Stale) {
        return Ok(Vec::new());
    }
    let of_version = |condition: &&Condition| matches!(condition, Condition::Of(..));
    if let Some(condition) = entry.conditions.iter().find(of_version) {
        let pins = &request.report.pins;
        let version = match condition {
            Condition::Of(Versioned::Rust, ..) => &pins.rust,
            _ => pins.qemu.as_deref().unwrap_or_default(),
        };
        return Err(format!(
            "its entry `{}` is for `{condition}`, and the report covers only version {version}; change it by hand",
            entry.word.text()
        ));
    }
    let mut wanted: BTreeMap<RunMode, Wanted> = BTreeMap::new();
    for mode in RunMode::ALL.into_iter().filter(|mode| mode.admits(entry)) {
        let word = match observed.observations.get(&mode) {
            Some(observations) => Wanted::from(agreed(entry, mode, observations)?),
            // The entry's other conditions exclude it there.
            None if ran.contains(&mode) => Wanted::Inherit,
            // Without a result the entry stays. The rarely used native runner follows the emulator.
            None if mode.emulated => Wanted::Entry(entry.word),
            None => Wanted::Inherit,
        };
        wanted.insert(mode, word);
    }
    let claims = claim::compose(&claim::settle(&wanted, Some(entry.word)), entry.word);
    let touched = !claims.is_empty() && claims != [Claim::plain(entry.word)];
    if entry.word == Word::Skip && touched {
        return Err("a `skip` is never changed automatically; change it by hand".into());
    }
    Ok(claims)
}

/// The word that all runs of one mode support; none if they show that the entry must go.
fn agreed(entry: &Entry, mode: RunMode, observations: &[(RunName, Observation)]) -> Result<Option<Word>, String> {
    let word = |observation: &Observation| match observation {
        Observation::Holds => Some(entry.word),
        Observation::Passes | Observation::Stale => None,
        Observation::Differs(word) => Some(*word),
    };
    let (first, rest) = observations.split_first().ok_or("no run covers it")?;
    let Some(other) = rest.iter().find(|(_, observation)| word(observation) != word(&first.1)) else {
        return Ok(word(&first.1));
    };
    let differ = |name: fn(&RunName) -> &str| {
        let [one, another] =
            [first, other].map(|(run, observation)| format!("{} on {}", observation.text(), name(run)));
        format!("disagree ({mode}): {one}, {another}")
    };
    Err(if first.0.target == other.0.target {
        format!("the runners {}", differ(|run| &run.runner))
    } else {
        format!("{} is for all targets, and the targets {}", entry.file, differ(|run| &run.target))
    })
}

/// The claims that make the failures of a test without an entry expected.
fn add(
    suite: &str,
    test: &str,
    new: &NewTest,
    expectations: &Expectations,
    layer: Layer,
) -> Result<Vec<Claim>, String> {
    if layer == Layer::Emulator && new.failures.keys().any(|mode| !mode.emulated) {
        return Err("it also fails natively, so the emulator is not at fault".into());
    }
    let entries: Vec<&Entry> =
        expectations.entries().iter().filter(|entry| entry.suite == suite && entry.covers(test)).collect();
    let has_entry = |mode: RunMode| entries.iter().any(|entry| mode.admits(entry));
    let flaky = new.failures.values().flatten().all(|(word, _)| *word == Word::Flake);
    let mut wanted: BTreeMap<RunMode, Wanted> = BTreeMap::new();
    for mode in RunMode::ALL.into_iter().filter(|mode| mode.emulated || layer == Layer::Target) {
        let fails_on_runner = new.failures.keys().any(|other| other.emulated == mode.emulated);
        let runs = new.runs.get(&mode).copied().unwrap_or_default();
        let word = match new.failures.get(&mode).map(Vec::as_slice) {
            // A flaky test may pass in some of the runs.
            Some([(word, _), more @ ..])
                if more.iter().any(|(other, _)| other != word) || (more.len() + 1 < runs && *word != Word::Flake) =>
            {
                return Err(format!("the runners disagree ({mode})"));
            }
            Some([(word, _), ..]) => Wanted::Entry(*word),
            _ if new.settled.contains(&mode) || (runs == 0 && has_entry(mode)) => Wanted::NoEntry,
            // A test that is flaky in one link mode may be flaky in the other.
            _ if flaky && fails_on_runner => Wanted::Entry(Word::Flake),
            _ if runs > 0 || mode.emulated => Wanted::NoEntry,
            _ => Wanted::Inherit,
        };
        wanted.insert(mode, word);
    }
    let claims = claim::compose(&claim::settle(&wanted, None), Word::Fail);
    if test.chars().any(char::is_control) {
        return Err("its name contains control characters, so no entry can name it".into());
    }
    for claim in &claims {
        let line = claim.line(suite, test);
        let mut entry = Entry::parse(&line).map_err(|error| format!("no entry can name it: {error}"))?;
        if (entry.suite.as_str(), entry.name.as_str(), entry.wildcard) != (suite, test, false) {
            return Err("no entry can name it: the entry would name another test".into());
        }
        if layer == Layer::Emulator {
            entry.conditions.push(Condition::Emulated(true));
        }
        if let Some(other) = entries.iter().find(|other| other.meets(&entry)) {
            let (file, word) = (&other.file, other.word.text());
            return Err(format!(
                "its entry `{word}` in {file} has conditions that do not hold in this run; change it by hand"
            ));
        }
    }
    Ok(claims)
}

/// Checks that the new files can be parsed, and that they leave only the reported tests unexpected.
fn check(request: &BlessRequest, files: &[ExpectationFile], unblessed: &BTreeSet<Unblessed>) -> Result<(), String> {
    for target in request.all_targets {
        observe::expectations(files, target)?;
    }
    let observed = observe::observe(request, files)?;
    let contradicted = observed.entries.values().filter(|entry| entry.is_contradicted());
    let entries = contradicted.flat_map(|entry| entry.unblessed(""));
    let new =
        observed.new.into_keys().map(|(target, suite, test)| Unblessed { why: String::new(), target, suite, test });
    let is_reported = |one: &Unblessed| {
        let same =
            |other: &Unblessed| (&one.target, &one.suite, &one.test) == (&other.target, &other.suite, &other.test);
        unblessed.iter().any(same)
    };
    match entries.chain(observed.unblessed).chain(new).find(|one| !is_reported(one)) {
        Some(Unblessed { target, suite, test, .. }) => {
            Err(format!("the new files would not make `{suite} {test}` of {target} expected"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
