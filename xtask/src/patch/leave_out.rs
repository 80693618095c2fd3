//! A series without one of its patches, to see what that patch is good for.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::model::series::Series;

/// The series without the patch `file`, and without those later ones that do not apply unless it has; their names are
/// the second value. `pristine` is the tree that the series is for.
pub fn leave_out(series: &Series, file: &str, pristine: &Path) -> Result<(Series, Vec<String>)> {
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
    let rest = series.clone().without(|patch| patch.file == file || fallen.contains(&patch.file));
    Ok((rest, fallen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::testing::{self, TREE};

    #[test]
    fn what_rests_on_the_patch_falls_with_it() {
        let pristine = tempfile::tempdir().unwrap();
        testing::write(pristine.path(), &TREE);
        let [first, second] = ["0001-Spell-ten.patch", "0002-Spell-twelve.patch"];
        let left = |file: &str| leave_out(&testing::series(), file, pristine.path()).unwrap();
        let (rest, fallen) = left(first);
        assert_eq!((rest.patches.len(), fallen), (0, vec![second.to_owned()]));
        let (rest, fallen) = left(second);
        assert_eq!((rest.patches.len(), rest.patches[0].file.as_str(), fallen.len()), (1, first, 0));
    }
}
