//! A test set: the test programs of one target in both link modes, and what they need to run. It does not matter
//! whether they were built here or came in an archive. The layout in an archive and on another machine is the same.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bringup_model::link::Link;
use serde::{Deserialize, Serialize};

use crate::files::{Content, Files, below, files_below};

/// The name of the list of programs, in their folder.
pub const PROGRAMS: &str = "programs.json";

/// The folders of its parts in an archive and on another machine.
const PROGRAMS_FOLDER: &str = "programs";
const SYSROOT_FOLDER: &str = "sysroot";
const LIBRARIES_FOLDER: &str = "lib";

/// One entry in the list of programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramEntry {
    /// The suite that its tests belong to.
    pub suite: String,
    /// The name of cargo's target.
    pub name: String,
    /// Its file, relative to the folder of the link mode.
    pub file: PathBuf,
    /// Whether it contains a crate's unit tests, whose names omit the program's.
    pub unit: bool,
    /// Whether it has libtest's harness.
    pub harness: bool,
}

impl ProgramEntry {
    /// The program's path for a link mode in the folder of programs.
    pub fn path(&self, folder: &Path, link: Link) -> PathBuf {
        folder.join(link.word()).join(&self.file)
    }
}

/// Reads the list in a folder of programs.
///
/// # Errors
///
/// If the list cannot be read, or names a file outside its folder.
pub fn read_list(folder: &Path) -> Result<Vec<ProgramEntry>> {
    let list = folder.join(PROGRAMS);
    let reading = || format!("reading {}", list.display());
    let programs: Vec<ProgramEntry> = serde_json::from_slice(&fs_err::read(&list)?).with_context(reading)?;
    // The list may come from an untrusted archive.
    let leads_out = |file: &Path| !file.components().all(|part| matches!(part, Component::Normal(_)));
    if let Some(program) = programs.iter().find(|program| leads_out(&program.file)) {
        bail!("reading {}: `{}` leads out of its folder", list.display(), program.file.display());
    }
    Ok(programs)
}

/// The test programs of one target, and what they need to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestSet {
    /// Digest of the target's programs of all suites, and of everything that they were built from.
    pub digest: String,
    /// The folders of programs, each with its list.
    pub programs: Vec<PathBuf>,
    /// The folder of the loader and the C library, laid out as on a target system.
    pub sysroot: PathBuf,
    /// The folder of the other shared libraries.
    pub libraries: PathBuf,
}

impl TestSet {
    /// A test set in a folder with the layout of [`TestSet::files`].
    pub fn laid_out(folder: &Path, digest: String) -> Self {
        let [programs, sysroot, libraries] =
            [PROGRAMS_FOLDER, SYSROOT_FOLDER, LIBRARIES_FOLDER].map(|name| folder.join(name));
        Self { digest, programs: vec![programs], sysroot, libraries }
    }

    /// The digest as it occurs in folder names and reports.
    pub fn short_digest(&self) -> &str {
        self.digest.get(..16).unwrap_or(&self.digest)
    }

    /// The C library's file: an ELF file of the target, in either link mode.
    pub fn libc(&self) -> PathBuf {
        self.sysroot.join("usr/lib/libc.so")
    }

    /// The programs, sorted by suite and file, each with its folder.
    ///
    /// # Errors
    ///
    /// If a list cannot be read, or names a file outside its folder.
    pub fn list(&self) -> Result<Vec<(ProgramEntry, &Path)>> {
        let mut all = Vec::new();
        for folder in &self.programs {
            all.extend(read_list(folder)?.into_iter().map(|program| (program, folder.as_path())));
        }
        all.sort_by(|(a, _), (b, _)| (&a.suite, &a.file).cmp(&(&b.suite, &b.file)));
        Ok(all)
    }

    /// Every file that another machine needs, by its path there, sorted.
    ///
    /// # Errors
    ///
    /// If the list of programs or a folder cannot be read, or a name is not UTF-8.
    pub fn files(&self) -> Result<Files> {
        let programs = self.list()?;
        let entries: Vec<&ProgramEntry> = programs.iter().map(|(program, _)| program).collect();
        let list = serde_json::to_string_pretty(&entries)?;
        let mut files = vec![(format!("{PROGRAMS_FOLDER}/{PROGRAMS}"), Content::Text(list))];
        for (program, folder) in &programs {
            for link in Link::ALL {
                let path = program.path(folder, link);
                files.push((format!("{PROGRAMS_FOLDER}/{}", below(&path, folder)?), Content::File(path)));
            }
        }
        for (name, folder) in [(SYSROOT_FOLDER, &self.sysroot), (LIBRARIES_FOLDER, &self.libraries)] {
            for path in files_below(folder)? {
                if is_shared_library(&path) {
                    files.push((format!("{name}/{}", below(&path, folder)?), Content::File(path)));
                }
            }
        }
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(files)
    }
}

/// A path of the target system, inside the sysroot.
pub(crate) fn in_sysroot(sysroot: &Path, path: &str) -> PathBuf {
    sysroot.join(path.trim_start_matches('/'))
}

/// `libc.so`, `ld-musl-x.so.1`, ….
fn is_shared_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').skip(1).any(|part| part == "so")
}
