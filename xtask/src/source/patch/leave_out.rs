//! A series without one of its patches, to prove that the patch is needed.

use std::path::Path;

use anyhow::{Context as _, Result};
use bringup_model::series::Series;

/// The patches that do not apply without the patch `file`, so that they must be left out, too. `pristine` is the
/// series' source tree.
pub fn falls_with(series: &Series, file: &str, pristine: &Path) -> Result<Vec<String>> {
    let scratch = tempfile::tempdir().context("making a folder for the patches")?;
    let (patches, tree) = (scratch.path().join("patches"), scratch.path().join("tree"));
    fs_err::create_dir(&patches)?;
    fs_err::create_dir(&tree)?;
    let files = super::write_files(series, &patches)?;
    super::copy_touched(pristine, &files, series, &tree)?;
    let mut fallen = Vec::new();
    for (path, patch) in files.iter().zip(&series.patches).filter(|(_, patch)| patch.file != file) {
        if super::apply::apply_one(&tree, path, patch)?.is_err() {
            fallen.push(patch.file.clone());
        }
    }
    Ok(fallen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::patch::testing::{self, TREE};

    #[test]
    fn what_rests_on_the_patch_falls_with_it() {
        let pristine = tempfile::tempdir().unwrap();
        testing::write(pristine.path(), &TREE);
        let [first, second] = ["0001-Spell-ten.patch", "0002-Spell-twelve.patch"];
        let falls = |file: &str| falls_with(&testing::series(), file, pristine.path()).unwrap();
        assert_eq!((falls(first), falls(second)), (vec![second.to_owned()], Vec::new()));
    }
}
