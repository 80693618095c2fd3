//! Packing a test set, with the project's files that its run and its verdicts require.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_model::archive_manifest::ArchiveManifest;
use bringup_runner::files::{below, files_below, hashes, on_disk};
use bringup_runner::test_set::TestSet;

use crate::project::config::{PINS_FILE, target_dir};
use crate::source::archive::pack::Packing;

/// A target's test set and the project's files about it. Fills the manifest's `files`.
pub fn packing(root: &Path, set: &TestSet, mut manifest: ArchiveManifest) -> Result<Packing> {
    let mut files = set.files()?;
    files.extend(on_disk(project_files(root, &manifest.target)?));
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    manifest.files = hashes(&files)?;
    Packing::new(files, &manifest)
}

/// The project's files that are required to run and judge a target's tests.
fn project_files(root: &Path, target: &str) -> Result<Vec<(String, PathBuf)>> {
    let qemu = root.join("qemu");
    let of_qemu = ["all.expect.txt", &format!("{target}.expect.txt"), "limits.toml"].map(|name| qemu.join(name));
    let single = of_qemu.into_iter().filter(|path| path.is_file()).chain([root.join(PINS_FILE)]);
    let paths = single.chain(files_below(&target_dir(root, target))?);
    paths.map(|path| Ok((below(&path, root)?, path))).collect()
}
