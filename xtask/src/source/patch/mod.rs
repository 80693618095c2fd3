//! Patches: reads, applies and checks a series, makes a working tree to edit it in, and writes it back.

pub mod apply;
pub mod check;
pub mod leave_out;
pub mod lint;
pub mod load;
pub mod rebase;
pub mod references;
pub mod refresh;
pub mod status;
pub mod worktree;

#[cfg(test)]
mod testing;

use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_model::series::{Patch, Series};

use crate::source::git;

/// Writes the patches of a series into a folder, for git to read.
fn write_files(series: &Series, folder: &Path) -> Result<Vec<PathBuf>> {
    let write = |patch: &Patch| {
        let path = folder.join(&patch.file);
        fs_err::write(&path, &patch.text)?;
        Ok(path)
    };
    series.patches.iter().map(write).collect()
}

/// Copies the files of a pristine tree that a series changes. They are enough for applying the series.
fn copy_touched(pristine: &Path, patches: &[PathBuf], series: &Series, into: &Path) -> Result<()> {
    for (file, patch) in patches.iter().zip(&series.patches) {
        let mut paths = git::changed_files(file)?;
        let sources = ["rename from ", "copy from "];
        let source = |line: &str| sources.iter().find_map(|prefix| line.strip_prefix(prefix)).map(Into::into);
        paths.extend(patch.text.lines().filter_map(source));
        for path in paths {
            let (from, to) = (pristine.join(&path), into.join(&path));
            if let (Some(parent), true) = (to.parent(), from.is_file()) {
                fs_err::create_dir_all(parent)?;
                fs_err::copy(from, to)?;
            }
        }
    }
    Ok(())
}
