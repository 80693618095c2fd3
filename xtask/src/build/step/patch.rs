//! `patch`: a pristine source, unpacked, with its series applied.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use bringup_model::digest::Inputs;
use bringup_model::path_filter::PathFilter;
use bringup_model::series::Series;

use super::{Step, StepId, Work};
use crate::source::archive;

/// The source to unpack and patch.
#[derive(Clone)]
pub struct PatchStep {
    /// `rust`, `musl` or `llvm`, or `rustc` for the whole tree that a compiler is built from.
    pub label: &'static str,
    /// The verified archive.
    pub archive: PathBuf,
    /// sha256 of the archive.
    pub sha256: String,
    /// Leading path components to drop.
    pub strip: usize,
    /// The part of the archive to unpack.
    pub part: PathFilter,
    /// Files and folders that x.py requires and the archive lacks. Empty if x.py does not run.
    pub lacks: Vec<String>,
    /// The patches to apply.
    pub series: Series,
}

impl Step for PatchStep {
    fn name(&self) -> &'static str {
        "patch"
    }

    fn label(&self) -> &str {
        self.label
    }

    fn inputs(&self) -> Inputs {
        let inputs = Inputs::new()
            .add("sha256", &self.sha256)
            .add("strip", self.strip.to_string())
            .list("unpack", &self.part.only);
        let inputs = inputs.list("leave out", &self.part.without).list("lacks", &self.lacks);
        self.series.inputs().fold(inputs, |inputs, (tag, diff)| inputs.add(&tag, diff))
    }

    fn needs(&self) -> Vec<StepId> {
        Vec::new()
    }

    fn build(&self, work: &Work) -> Result<()> {
        archive::unpack(&self.archive, &work.out, self.strip, &self.part)?;
        crate::source::patch::apply::apply(&work.out, &self.series)?;
        make_up_for(&self.lacks, &work.out)
    }
}

/// Removes the members that the archive lacks from the workspace, and makes empty folders that other files refer to.
fn make_up_for(lacks: &[String], tree: &Path) -> Result<()> {
    if lacks.is_empty() {
        return Ok(());
    }
    let manifest = tree.join("Cargo.toml");
    let text = fs_err::read_to_string(&manifest)?;
    let is_lacking =
        |line: &&str| lacks.iter().any(|path| line.trim() == format!("\"{}\",", path.trim_end_matches('/')));
    let kept: Vec<&str> = text.lines().filter(|line| !is_lacking(line)).collect();
    fs_err::write(manifest, kept.join("\n") + "\n")?;
    // The only file that an archive may lack is `.gitmodules`. x.py does not require the paths in it to exist.
    let folders = lacks.iter().filter(|path| path.ends_with('/'));
    let submodules: Vec<String> = folders.map(|path| format!("path = {}\n", path.trim_end_matches('/'))).collect();
    for path in lacks {
        let place = tree.join(path);
        let is_there = place.is_file() || place.join("Cargo.toml").exists();
        ensure!(!is_there, "`lacks` in bringup.toml names {path}, which the archive has");
        if path.ends_with('/') {
            fs_err::create_dir_all(place)?;
        } else {
            fs_err::write(place, submodules.concat())?;
        }
    }
    Ok(())
}
