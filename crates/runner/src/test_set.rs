//! A test set: the test programs of one target in both link modes, and what they need to run. It is the same value whether
//! they were built here or came in an archive, and has the same layout in an archive and on another machine.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bringup_model::link::Link;
use serde::{Deserialize, Serialize};

use crate::files::{below, files_below};

/// The list of programs, in their folder.
pub const PROGRAMS: &str = "programs.json";

/// Where its parts are in an archive and on another machine.
const PROGRAMS_FOLDER: &str = "programs";
const SYSROOT_FOLDER: &str = "sysroot";
const LIBRARIES_FOLDER: &str = "lib";

/// One test program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramEntry {
    /// Its suite.
    pub suite: String,
    /// cargo's name of it.
    pub name: String,
    /// Its file, relative to the link mode's folder in the step's.
    pub file: PathBuf,
    /// Whether it holds a crate's own unit tests, whose names go without the program's.
    pub unit: bool,
    /// Whether it speaks libtest's protocol.
    pub harness: bool,
}

impl ProgramEntry {
    /// The program of a link mode in the step's folder.
    pub fn path(&self, folder: &Path, link: Link) -> PathBuf {
        folder.join(link.word()).join(&self.file)
    }
}

/// Test programs and what they need to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestSet {
    /// Digest of the step `test_programs`, which covers the toolchain.
    pub digest: String,
    /// The programs and the list of them.
    pub programs: PathBuf,
    /// Where the loader and the C library are, as on a target system.
    pub sysroot: PathBuf,
    /// Where the other shared libraries are.
    pub libraries: PathBuf,
}

impl TestSet {
    /// One that lies in a folder with the layout that [`TestSet::files`] gives.
    pub fn laid_out(folder: &Path, digest: String) -> Self {
        let [programs, sysroot, libraries] =
            [PROGRAMS_FOLDER, SYSROOT_FOLDER, LIBRARIES_FOLDER].map(|name| folder.join(name));
        Self { digest, programs, sysroot, libraries }
    }

    /// As folders and reports give the digest.
    pub fn short_digest(&self) -> &str {
        self.digest.get(..16).unwrap_or(&self.digest)
    }

    /// A file of the C library, which is of the target's kind whatever the link mode.
    pub fn libc(&self) -> PathBuf {
        self.sysroot.join("usr/lib/libc.so")
    }

    /// The list of programs.
    pub fn list(&self) -> Result<Vec<ProgramEntry>> {
        let list = self.programs.join(PROGRAMS);
        let reading = || format!("reading {}", list.display());
        let programs: Vec<ProgramEntry> = serde_json::from_slice(&fs_err::read(&list)?).with_context(reading)?;
        // They may come from anywhere.
        let leads_out = |file: &Path| !file.components().all(|part| matches!(part, Component::Normal(_)));
        if let Some(program) = programs.iter().find(|program| leads_out(&program.file)) {
            bail!("reading {}: `{}` is no path within it", list.display(), program.file.display());
        }
        Ok(programs)
    }

    /// Every file that another machine needs, by its path there; sorted.
    pub fn files(&self) -> Result<Vec<(String, PathBuf)>> {
        let mut files = vec![(format!("{PROGRAMS_FOLDER}/{PROGRAMS}"), self.programs.join(PROGRAMS))];
        for program in self.list()? {
            for link in Link::ALL {
                let path = program.path(&self.programs, link);
                files.push((format!("{PROGRAMS_FOLDER}/{}", below(&path, &self.programs)?), path));
            }
        }
        for (name, folder) in [(SYSROOT_FOLDER, &self.sysroot), (LIBRARIES_FOLDER, &self.libraries)] {
            for path in files_below(folder)? {
                if is_shared_library(&path) {
                    files.push((format!("{name}/{}", below(&path, folder)?), path));
                }
            }
        }
        files.sort();
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
