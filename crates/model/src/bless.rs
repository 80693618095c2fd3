//! Blessing: what expectation files must say for what a report shows to be expected.
//!
//! The report's outcomes are judged anew against the files as they are, so it does not matter how the files have changed
//! since it was made. What was not seen stays as it is: an entry is given up only where its test passed.

mod claim;
mod edit;
mod observe;

use std::collections::{BTreeMap, BTreeSet};

use claim::{Claim, RunMode, Wanted};
use edit::{Edits, NewBlock};
use observe::{NewTest, Observation, Observations, ObservedEntry, RunName};

use super::expectation::{Condition, Entry, Expectations, Layer, Word};
use super::report::Report;

/// One expectation file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectationFile {
    /// Whose faults it lists.
    pub layer: Layer,
    /// The target that it is for; nothing if it is for all.
    pub target: Option<String>,
    /// As it is called in messages.
    pub name: String,
    /// What is in it; nothing if it is not there.
    pub text: String,
}

/// What is to be blessed.
#[derive(Debug, Clone, Copy)]
pub struct BlessRequest<'a> {
    /// The files of all targets, those of the emulator first.
    pub files: &'a [ExpectationFile],
    /// What was seen.
    pub report: &'a Report,
    /// The targets whose expectations are rewritten.
    pub targets: &'a [String],
    /// Every target that there is.
    pub known: &'a [String],
    /// Where tests go that have no entry yet.
    pub layer: Layer,
}

/// What comes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blessing {
    /// The files that change, as they are to be.
    pub files: Vec<ExpectationFile>,
    /// What stays unexpected.
    pub left: BTreeSet<Unblessed>,
}

/// A test that is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unblessed {
    /// Why.
    pub why: String,
    /// Whose test.
    pub target: String,
    /// In which suite.
    pub suite: String,
    /// Its name, or that of the entry.
    pub test: String,
}

/// Works out how the files must change. Fails if they are faulty, or if the report lacks what is needed to judge it anew.
pub fn bless(request: &BlessRequest) -> Result<Blessing, String> {
    let seen = observe::look(request, request.files)?;
    let mut blessing = Blessing { files: Vec::new(), left: seen.left.clone() };
    let mut edits: BTreeMap<&str, Edits> = BTreeMap::new();
    for known in seen.known.values().filter(|known| known.is_contradicted()) {
        match revise(known, &seen, request) {
            Ok(claims) => {
                let file = request.files.iter().find(|file| file.name == known.entry.file);
                let file = file.ok_or_else(|| format!("{} was not given", known.entry.file))?;
                edits.entry(&file.name).or_default().lines.insert(known.entry.line, claims);
            }
            Err(why) => blessing.left.extend(known.lefts(&why)),
        }
    }
    for target in request.targets {
        let file =
            request.files.iter().find(|file| file.layer == request.layer && file.target.as_ref() == Some(target));
        let file = file.ok_or_else(|| format!("there is no expectation file for {target}"))?;
        let mut blocks = Vec::new();
        for ((of, suite, test), new) in seen.new.iter().filter(|((of, ..), _)| of == target) {
            let expectations = seen.expectations.get(of).ok_or_else(|| format!("{of} has no expectations"))?;
            match add(suite, test, new, expectations, request.layer) {
                Ok(claims) => {
                    for claim in claims {
                        NewBlock::add(&mut blocks, suite, test, new.note(claim.word), claim);
                    }
                }
                Err(why) => {
                    let (target, suite, test) = (of.clone(), suite.clone(), test.clone());
                    blessing.left.insert(Unblessed { why, target, suite, test });
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
    let files: Vec<ExpectationFile> = request.files.iter().map(edited).collect();
    check(request, &files, &blessing.left)?;
    blessing.files =
        files.into_iter().zip(request.files).filter(|(new, old)| new != *old).map(|(new, _)| new).collect();
    Ok(blessing)
}

/// What an entry must say instead; nothing if it must go.
fn revise(known: &ObservedEntry, seen: &Observations, request: &BlessRequest) -> Result<Vec<Claim>, String> {
    let entry = &known.entry;
    let ran = seen.cells(&known.targets, &entry.suite);
    if known.for_all {
        for cell in ran.iter().filter(|cell| cell.admits(entry)) {
            let lacks = |target: &&String| !seen.cells(std::slice::from_ref(target), &entry.suite).contains(cell);
            if let Some(target) = request.known.iter().find(lacks) {
                return Err(format!("{} is for all targets, and {target} was not looked at {cell}", entry.file));
            }
        }
    }
    if known.seen.values().flatten().all(|(_, sight)| *sight == Observation::Gone) {
        return Ok(Vec::new());
    }
    let of_version = |condition: &&Condition| matches!(condition, Condition::Qemu(..));
    if let Some(condition) = entry.conditions.iter().find(of_version) {
        let version = request.report.pins.qemu.as_deref().unwrap_or_default();
        return Err(format!(
            "its entry `{}` is for `{condition}`, and no version was looked at but {version}; change it by hand",
            entry.word.text()
        ));
    }
    let mut wanted: BTreeMap<RunMode, Wanted> = BTreeMap::new();
    for cell in RunMode::ALL.into_iter().filter(|cell| cell.admits(entry)) {
        let word = match known.seen.get(&cell) {
            Some(sights) => Wanted::from(agreed(entry, cell, sights)?),
            // It does not hold there, for its other conditions.
            None if ran.contains(&cell) => Wanted::Alike,
            // What was not seen stays, but the runner that is seldom used goes along with the other.
            None if cell.emulated => Wanted::Says(entry.word),
            None => Wanted::Alike,
        };
        wanted.insert(cell, word);
    }
    let claims = claim::compose(&claim::settle(&wanted, Some(entry.word)), entry.word);
    let touched = !claims.is_empty() && claims != [Claim::plain(entry.word)];
    if entry.word == Word::Skip && touched {
        return Err("a skip is not changed: only a person knows what it protects from".into());
    }
    Ok(claims)
}

/// What all runs of one kind show of an entry.
fn agreed(entry: &Entry, cell: RunMode, sights: &[(RunName, Observation)]) -> Result<Option<Word>, String> {
    let word = |sight: &Observation| match sight {
        Observation::Holds => Some(entry.word),
        Observation::Passes | Observation::Gone => None,
        Observation::Does(word) => Some(*word),
    };
    let (first, rest) = sights.split_first().ok_or("no run tells of it")?;
    let Some(other) = rest.iter().find(|(_, sight)| word(sight) != word(&first.1)) else { return Ok(word(&first.1)) };
    let differ = |name: fn(&RunName) -> &str| {
        let [one, another] = [first, other].map(|(of, sight)| format!("{} on {}", sight.text(), name(of)));
        format!("{cell} they differ: {one}, {another}")
    };
    Err(if first.0.target == other.0.target {
        format!("there is more than one runner, and {}", differ(|of| &of.runner))
    } else {
        format!("{} is for all targets, and {}", entry.file, differ(|of| &of.target))
    })
}

/// What must be said of a test that has no entry where it did not pass.
fn add(
    suite: &str,
    test: &str,
    new: &NewTest,
    expectations: &Expectations,
    layer: Layer,
) -> Result<Vec<Claim>, String> {
    if layer == Layer::Emulator && new.seen.keys().any(|cell| !cell.emulated) {
        return Err("it fails natively too, so that it is not the emulator's fault".into());
    }
    let entries: Vec<&Entry> =
        expectations.entries().iter().filter(|entry| entry.suite == suite && entry.covers(test)).collect();
    let claimed = |cell: RunMode| entries.iter().any(|entry| cell.admits(entry));
    let flaky = new.seen.values().flatten().all(|(word, _)| *word == Word::Flake);
    let mut wanted: BTreeMap<RunMode, Wanted> = BTreeMap::new();
    for cell in RunMode::ALL.into_iter().filter(|cell| cell.emulated || layer == Layer::Target) {
        let of_runner = new.seen.keys().any(|other| other.emulated == cell.emulated);
        let runs = new.ran.get(&cell).copied().unwrap_or_default();
        let word = match new.seen.get(&cell).map(Vec::as_slice) {
            // What comes and goes passes in some.
            Some([(word, _), more @ ..])
                if more.iter().any(|(other, _)| other != word) || (more.len() + 1 < runs && *word != Word::Flake) =>
            {
                return Err(format!("there is more than one runner, and {cell} they differ"));
            }
            Some([(word, _), ..]) => Wanted::Says(*word),
            _ if new.claimed.contains(&cell) || (runs == 0 && claimed(cell)) => Wanted::Nothing,
            // What comes and goes in one link mode may do so in the other.
            _ if flaky && of_runner => Wanted::Says(Word::Flake),
            _ if runs > 0 || cell.emulated => Wanted::Nothing,
            _ => Wanted::Alike,
        };
        wanted.insert(cell, word);
    }
    let claims = claim::compose(&claim::settle(&wanted, None), Word::Fail);
    if test.chars().any(char::is_control) {
        return Err("its name cannot be written: it has control characters".into());
    }
    for claim in &claims {
        let line = claim.line(suite, test);
        let mut entry = Entry::parse(&line).map_err(|error| format!("its name cannot be written: {error}"))?;
        if (entry.suite.as_str(), entry.name.as_str(), entry.wildcard) != (suite, test, false) {
            return Err("its name cannot be written: it would be read as another".into());
        }
        if layer == Layer::Emulator {
            entry.conditions.push(Condition::Emulated(true));
        }
        if let Some(other) = entries.iter().find(|other| other.meets(&entry)) {
            let (file, word) = (&other.file, other.word.text());
            return Err(format!(
                "its entry `{word}` in {file} has conditions that do not hold here; change it by hand"
            ));
        }
    }
    Ok(claims)
}

/// That the files as they are to be can be read, and leave nothing unexpected but what was left.
fn check(request: &BlessRequest, files: &[ExpectationFile], left: &BTreeSet<Unblessed>) -> Result<(), String> {
    for target in request.known {
        observe::expectations(files, target)?;
    }
    let seen = observe::look(request, files)?;
    let known = seen.known.values().filter(|known| known.is_contradicted()).flat_map(|known| known.lefts(""));
    let new = seen.new.into_keys().map(|(target, suite, test)| Unblessed { why: String::new(), target, suite, test });
    let is_left = |one: &Unblessed| {
        left.iter().any(|other| (&one.target, &one.suite, &one.test) == (&other.target, &other.suite, &other.test))
    };
    match known.chain(seen.left).chain(new).find(|one| !is_left(one)) {
        Some(Unblessed { target, suite, test, .. }) => {
            Err(format!("the rewritten files would not make `{suite} {test}` of {target} expected"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
