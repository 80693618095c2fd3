//! The expectation files: in qemu/ for the emulator's faults, in targets/ for those of each target.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_model::bless::ExpectationFile;
use bringup_model::exit::{self, CodedError};
use bringup_model::expectation::{Expectations, Layer};
use bringup_model::suite;

use crate::project::config;
use crate::project::shown;

/// The suffix of the files in qemu/.
const ENDING: &str = ".expect.txt";
/// The name, without the suffix, of the file for all targets.
const ALL: &str = "all";

/// The expectation files of these targets, those of the emulator first. A missing file counts as empty.
pub fn files(root: &Path, targets: &[String]) -> Result<Vec<ExpectationFile>> {
    let qemu = |name: &str| root.join("qemu").join(format!("{name}{ENDING}"));
    let own = |name: &str| config::target_dir(root, name).join("expect.txt");
    let mut places = vec![(Layer::Emulator, None, qemu(ALL))];
    places.extend(targets.iter().map(|target| (Layer::Emulator, Some(target.clone()), qemu(target))));
    places.extend(targets.iter().map(|target| (Layer::Target, Some(target.clone()), own(target))));
    let read = |(layer, target, path): (Layer, Option<String>, PathBuf)| {
        let text = match fs_err::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(CodedError::error(exit::USAGE, format!("{}: it is not UTF-8", shown(root, &path))));
            }
            Err(error) => return Err(error.into()),
        };
        Ok(ExpectationFile { layer, target, name: shown(root, &path), text })
    };
    places.into_iter().map(read).collect()
}

/// The expectations for `target`.
pub fn load(root: &Path, target: &str) -> Result<Expectations> {
    let files = files(root, &[target.to_owned()])?;
    let files = files.iter().map(|file| (file.layer, file.name.as_str(), file.text.as_str()));
    let expectations = Expectations::parse(files).map_err(|error| CodedError::error(exit::USAGE, error.to_string()))?;
    expectations.check_suites(&suite::all()).map_err(|error| CodedError::error(exit::USAGE, error))?;
    Ok(expectations)
}

/// What the lint of expectations finds.
#[derive(Debug, Default)]
pub struct LintFindings {
    /// Faults, each with file and line.
    pub faults: Vec<String>,
    /// Suites that have entries, but whose lists of tests are not known.
    pub unchecked: Vec<&'static str>,
}

/// Finds what a run accepts but a reviewer should not: reasons that are still TODO, and entries for tests that no test
/// program lists. `listed` gives the tests that a suite's programs list, if they are known.
pub fn check(root: &Path, target: &str, listed: impl Fn(&str) -> Option<HashSet<String>>) -> Result<LintFindings> {
    let expectations = match load(root, target) {
        Ok(expectations) => expectations,
        Err(error) if crate::error::of_error(&error) == exit::USAGE => {
            return Ok(LintFindings { faults: vec![error.to_string()], ..LintFindings::default() });
        }
        Err(error) => return Err(error),
    };
    let mut found = LintFindings::default();
    for entry in expectations.entries() {
        let Some(line) = entry.todo else { continue };
        let fault = format!("{}:{line}: the reason is still TODO: say why, or give a bug's address", entry.file);
        if !found.faults.contains(&fault) {
            found.faults.push(fault);
        }
    }
    for suite in suite::all() {
        let entries: Vec<_> = expectations.entries().iter().filter(|entry| entry.suite == suite).collect();
        if entries.is_empty() {
            continue;
        }
        let Some(listed) = listed(suite) else {
            found.unchecked.push(suite);
            continue;
        };
        for entry in entries.into_iter().filter(|entry| entry.is_stale(&listed)) {
            let (place, pattern) = (entry.place(), entry.pattern());
            found.faults.push(format!("{place}: no test program of {target} lists `{suite} {pattern}`"));
        }
    }
    Ok(found)
}

/// Faults: files in qemu/ that are not named after a target.
pub fn check_names(root: &Path) -> Result<Vec<String>> {
    let entries = match fs_err::read_dir(root.join("qemu")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let known = config::target_names(root)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    let fault = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(ENDING)?;
        let wrong = name != ALL && !known.iter().any(|target| target == name);
        let hint = config::nearest(name, &known, "targets");
        wrong.then(|| format!("{}: there is no target `{name}`{hint}", shown(root, path)))
    };
    Ok(paths.iter().filter_map(fault).collect())
}
