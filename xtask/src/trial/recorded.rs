//! Outcomes of earlier runs, in out/outcomes/. The name of a record is the digest of everything that decides the outcomes: the
//! programs, the emulator, the host's kernel, the sandbox, the limits. Verdicts are not recorded, so a changed expectation
//! requires no new run.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;
use bringup_model::digest::{INPUTS_FILE, Inputs, hex};
use bringup_model::link::Link;
use bringup_model::outcome::{Outcome, SuiteOutcome};
use bringup_runner::suite::Durations;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::build::store::Store;

/// The folder of records, in `out/`.
pub const FOLDER: &str = "outcomes";
const FILE: &str = "outcomes.json";
/// The sha256 of the two other files of a record.
const DIGEST: &str = "sha256";

/// The first inputs of a suite's record. They identify the suite.
pub fn suite_inputs(suite: &str) -> Inputs {
    Inputs::new().add("kind", "suite").add("suite", suite)
}

/// The tests that a suite's programs list, from the newest complete record; none without a record. Takes no lock: a record
/// that is just being written is ignored.
pub fn listed(out: &Path, target: &str, suite: &str) -> Option<HashSet<String>> {
    let wanted = suite_inputs(suite);
    let is_wanted = |folder: &Path| {
        let inputs = fs_err::read(folder.join(INPUTS_FILE)).ok();
        let inputs = inputs.and_then(|text| serde_json::from_slice::<Inputs>(&text).ok());
        inputs.is_some_and(|inputs| inputs.entries().starts_with(wanted.entries()))
    };
    let mut records: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs_err::read_dir(out.join(FOLDER)).ok()?.flatten() {
        let name = entry.file_name();
        let of_target = name.to_string_lossy().rsplit_once('-').is_some_and(|(label, _)| label == target);
        let file = entry.path().join(FILE);
        if of_target
            && is_wanted(&entry.path())
            && let Ok(time) = fs_err::metadata(&file).and_then(|data| data.modified())
        {
            records.push((time, file));
        }
    }
    records.sort();
    records.iter().rev().find_map(|(_, file)| {
        let outcome: SuiteOutcome = serde_json::from_slice(&fs_err::read(file).ok()?).ok()?;
        let whole = outcome.complete && outcome.not_run == 0 && damage(file.parent()?).ok()?.is_none();
        whole.then(|| outcome.tests.into_iter().map(|test| test.name).collect())
    })
}

/// What is wrong with the files of a record; nothing if they are as they were written.
pub fn damage(folder: &Path) -> Result<Option<String>> {
    let due = folder.join(DIGEST);
    if !due.is_file() {
        return Ok(Some(format!("the file {DIGEST} is missing")));
    }
    let due = String::from_utf8_lossy(&fs_err::read(due)?).trim().to_owned();
    for file in [FILE, INPUTS_FILE] {
        if !folder.join(file).is_file() {
            return Ok(Some(format!("{file} is missing")));
        }
    }
    let now = digest(&fs_err::read(folder.join(FILE))?, &fs_err::read(folder.join(INPUTS_FILE))?);
    Ok((now != due).then(|| format!("{FILE} or {INPUTS_FILE} has changed: their sha256 was {due}, and is {now}")))
}

fn digest(outcomes: &[u8], inputs: &[u8]) -> String {
    let mut hash = Sha256::new();
    for bytes in [outcomes, inputs] {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hex(&hash.finalize())
}

/// A record of outcomes.
pub struct Record<'a> {
    store: &'a Store,
    folder: PathBuf,
    inputs: Inputs,
}

impl<'a> Record<'a> {
    /// The record for these inputs, on the target `label`.
    pub fn new(store: &'a Store, label: &str, inputs: Inputs) -> Self {
        let folder = store.root().join(FOLDER).join(format!("{label}-{}", inputs.digest().short()));
        Self { store, folder, inputs }
    }

    /// The recorded value; none if it is missing or unreadable, such as one of another version. `warn` gets what is wrong
    /// with a record that has changed since it was written.
    pub fn load<T: DeserializeOwned>(&self, warn: &dyn Fn(&str)) -> Option<T> {
        if !self.folder.join(DIGEST).exists() {
            return None;
        }
        let damage = damage(&self.folder).unwrap_or_else(|error| Some(format!("{error:#}")));
        if let Some(damage) = damage {
            warn(&format!("the record {} is not used: {damage}", self.folder.display()));
            return None;
        }
        serde_json::from_slice(&fs_err::read(self.folder.join(FILE)).ok()?).ok()
    }

    /// Replaces the recorded value.
    pub fn save<T: Serialize>(&self, outcomes: &T) -> Result<()> {
        let part = tempfile::Builder::new().prefix("outcomes-").tempdir_in(self.store.temporary())?;
        let [outcomes, inputs] = [serde_json::to_vec(outcomes)?, serde_json::to_vec_pretty(&self.inputs)?];
        fs_err::write(part.path().join(FILE), &outcomes)?;
        fs_err::write(part.path().join(INPUTS_FILE), &inputs)?;
        fs_err::write(part.path().join(DIGEST), digest(&outcomes, &inputs) + "\n")?;
        fs_err::create_dir_all(self.folder.parent().unwrap_or(&self.folder))?;
        if self.folder.exists() {
            fs_err::remove_dir_all(&self.folder)?;
        }
        fs_err::rename(part.path(), &self.folder)?;
        // The folder is the record now, so keep it.
        let _ = part.keep();
        Ok(())
    }
}

/// How long a target's tests took in the last run, from out/durations/. Decides only the order of tests.
pub struct RecordedDurations<'a> {
    store: &'a Store,
    path: PathBuf,
    suites: BTreeMap<String, Durations>,
}

impl<'a> RecordedDurations<'a> {
    /// Reads the durations of this link mode, or else of the other one.
    pub fn load(store: &'a Store, target: &str, link: Link) -> Self {
        let path = |link: Link| store.root().join("durations").join(format!("{target}-{link}.json"));
        let read = |link: Link| serde_json::from_slice(&fs_err::read(path(link)).ok()?).ok();
        let suites = std::iter::once(link).chain(Link::ALL).find_map(read).unwrap_or_default();
        Self { store, path: path(link), suites }
    }

    /// A suite's durations; empty if the suite never ran.
    pub fn of(&self, suite: &str) -> &Durations {
        static NONE: std::sync::LazyLock<Durations> = std::sync::LazyLock::new(Durations::new);
        self.suites.get(suite).unwrap_or(&NONE)
    }

    /// Adds the durations of an outcome and writes the file.
    pub fn update(mut self, suite: &str, outcome: &SuiteOutcome) -> Result<()> {
        let ran = outcome.tests.iter().filter(|test| !matches!(test.outcome, Outcome::Skipped | Outcome::Ignored));
        let known = self.suites.entry(suite.to_owned()).or_default();
        known.extend(ran.map(|test| (test.name.clone(), test.wall_s)));
        let part = tempfile::NamedTempFile::new_in(self.store.temporary())?;
        fs_err::write(part.path(), serde_json::to_vec(&self.suites)?)?;
        fs_err::create_dir_all(self.path.parent().unwrap_or(&self.path))?;
        part.persist(&self.path)?;
        Ok(())
    }
}
