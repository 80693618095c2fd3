//! Crates of the registry, as cargo has unpacked them.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// The folder where cargo has unpacked a crate, named `NAME-VERSION`; none if it has not.
///
/// # Errors
///
/// If cargo's home cannot be read.
pub fn unpacked(cargo_home: &Path, name: &str) -> Result<Option<PathBuf>> {
    let sources = cargo_home.join("registry/src");
    if !sources.is_dir() {
        return Ok(None);
    }
    let folders = fs_err::read_dir(sources)?.map(|entry| Ok(entry?.path().join(name)));
    let folders = folders.collect::<Result<Vec<_>>>()?;
    Ok(folders.into_iter().find(|folder| folder.is_dir()))
}
