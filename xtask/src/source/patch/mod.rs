//! Patches: reads, applies and checks a series, makes a working tree to edit it in, and writes it back.

pub mod apply;
pub mod check;
pub mod leave_out;
pub mod lint;
pub mod load;
pub mod misfit;
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

/// Writes the patches of a series into a folder, for `git am` to read.
fn write_files(series: &Series, folder: &Path) -> Result<Vec<PathBuf>> {
    let write = |patch: &Patch| {
        let path = folder.join(&patch.file);
        fs_err::write(&path, &patch.text)?;
        Ok(path)
    };
    series.patches.iter().map(write).collect()
}

/// Writes a patch without its mail, for `git apply` to read, which would also apply a diff in a message. Empty lines
/// stand for the mail, so that the line numbers in git's errors are those of the patch.
fn write_diff(patch: &Patch, folder: &Path) -> Result<PathBuf> {
    let file = folder.join(&patch.file);
    let above = if patch.diff().is_empty() { 0 } else { patch.preamble().count() };
    fs_err::write(&file, "\n".repeat(above) + patch.diff())?;
    Ok(file)
}

/// Copies the files of a pristine tree that a series changes. They are enough for applying the series.
fn copy_touched(pristine: &Path, series: &Series, into: &Path) -> Result<()> {
    for path in series.patches.iter().flat_map(Patch::files) {
        let (from, to) = (pristine.join(path), into.join(path));
        let Ok(metadata) = from.symlink_metadata() else { continue };
        if to.symlink_metadata().is_ok() {
            continue;
        }
        if let Some(parent) = to.parent() {
            fs_err::create_dir_all(parent)?;
        }
        if metadata.is_symlink() {
            fs_err::os::unix::fs::symlink(fs_err::read_link(from)?, to)?;
        } else if metadata.is_file() {
            fs_err::copy(from, to)?;
        }
    }
    Ok(())
}
