//! `patch`: a pristine source, unpacked, with its series applied.

use std::path::PathBuf;

use anyhow::Result;

use super::{Step, Work};
use crate::archive;
use crate::model::series::Series;
use crate::store::Inputs;

/// One source.
#[derive(Clone)]
pub struct Patch {
    /// `rust`, `musl` or `llvm`.
    pub source: &'static str,
    /// The verified archive.
    pub archive: PathBuf,
    /// Its hash.
    pub sha256: String,
    /// Leading path components to drop.
    pub strip: usize,
    /// Folders to unpack; all if empty.
    pub unpack: Vec<String>,
    /// What to apply.
    pub series: Series,
}

impl Step for Patch {
    fn name(&self) -> &'static str {
        "patch"
    }

    fn label(&self) -> &str {
        self.source
    }

    fn inputs(&self) -> Inputs {
        let inputs =
            Inputs::new().add("sha256", &self.sha256).add("strip", self.strip.to_string()).list("unpack", &self.unpack);
        self.series.inputs().fold(inputs, |inputs, (file, text)| inputs.add(file, text))
    }

    fn build(&self, work: &Work) -> Result<()> {
        archive::unpack(&self.archive, &work.out, self.strip, &self.unpack)?;
        crate::patch::apply::apply(&work.out, &self.series)
    }
}
