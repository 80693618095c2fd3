//! A series without one of its patches, to prove that the patch is needed.

use std::path::Path;

use anyhow::{Context as _, Result};
use bringup_model::series::Series;

/// The patches that do not apply without the patch `file`, so that they must be left out, too. `pristine` is the
/// series' source tree.
pub fn falls_with(series: &Series, file: &str, pristine: &Path) -> Result<Vec<String>> {
    let scratch = tempfile::tempdir().context("making a folder for the patches")?;
    let tree = scratch.path().join("tree");
    fs_err::create_dir(&tree)?;
    super::copy_touched(pristine, series, &tree)?;
    let mut rest = series.clone().without(|patch| patch.file == file);
    let mut fallen = Vec::new();
    let mut index = 0;
    while index < rest.patches.len() {
        if super::apply::apply_one(&tree, scratch.path(), &rest, index)?.is_ok() {
            index += 1;
            continue;
        }
        let falls = rest.patches[index].file.clone();
        rest = rest.without(|patch| patch.file == falls);
        fallen.push(falls);
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
