//! Checks a series: the patches' trailers and form, that they apply, and that `patch refresh` would not change them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bringup_model::series::{Patch, Series};

use super::lint::{self, PatchProblem};
use super::load::title;
use super::{apply, worktree};
use crate::source::git::Repo;

/// All problems of a series: those of the patches' texts, and those on the pristine trees, each with its part of the
/// series.
pub fn check(series: &Series, parts: &[(PathBuf, Series)]) -> Result<Vec<PatchProblem>> {
    let mut problems = lint::lint(series);
    for (pristine, part) in parts.iter().filter(|(_, part)| !part.patches.is_empty()) {
        problems.extend(check_on(part, pristine)?);
    }
    Ok(problems)
}

fn check_on(series: &Series, pristine: &Path) -> Result<Vec<PatchProblem>> {
    let scratch = tempfile::tempdir().context("making a folder for the patches")?;
    let folder = |name: &str| {
        let path = scratch.path().join(name);
        fs_err::create_dir(&path).map(|()| path)
    };
    let (touched, tree) = (folder("touched")?, folder("tree")?);
    super::copy_touched(pristine, series, &touched)?;
    let repo = Repo::init(&tree)?;
    let misfit = match apply::verify(&[&touched], series)? {
        None => worktree::fill(&repo, &[&touched], series)?,
        misfit => misfit,
    };
    if let Some(misfit) = misfit {
        let failed = series.patches.iter().find(|patch| patch.file == misfit.file);
        let failed = failed.with_context(|| format!("{}: {}", misfit.file, misfit.message))?;
        return Ok(vec![lint::problem(series, failed, misfit.line, misfit.message)]);
    }
    let fresh = worktree::export(&repo)?;
    let differs =
        |(old, new): (&Patch, &Patch)| difference(old, new).map(|(line, text)| lint::problem(series, old, line, text));
    Ok(series.patches.iter().zip(&fresh).filter_map(differs).collect())
}

/// Where `patch refresh` would change a patch.
fn difference(old: &Patch, new: &Patch) -> Option<(usize, String)> {
    // A part of a series has other numbers.
    if title(&old.file) != title(&new.file) {
        return Some((1, format!("`patch refresh` would call it {}", new.file)));
    }
    if old.text == new.text {
        return None;
    }
    let (mut left, mut right) = (old.text.lines(), new.text.lines());
    let mut line = 1;
    loop {
        match (left.next(), right.next()) {
            (Some(a), Some(b)) if a == b => line += 1,
            (_, Some(b)) => return Some((line, format!("`patch refresh` would write `{b}` here"))),
            _ => return Some((line, "`patch refresh` would end the file here".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::patch::testing::{self, TREE};

    fn problems(series: &Series, change: impl Fn(&Path)) -> Vec<String> {
        let pristine = tempfile::tempdir().unwrap();
        testing::write(pristine.path(), &TREE);
        change(pristine.path());
        check(series, &[(pristine.path().to_owned(), series.clone())])
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_fresh_series_passes() {
        assert!(problems(&testing::series(), |_| {}).is_empty());
    }

    #[test]
    fn what_refresh_would_change_is_a_problem() {
        let mut series = testing::series();
        series.patches[0].file = "0001-ten.patch".into();
        let found = problems(&series, |_| {});
        assert_eq!(found, ["patches/musl/1.0/0001-ten.patch:1: `patch refresh` would call it 0001-Spell-ten.patch"]);
        let mut series = testing::series();
        series.patches[0].text = series.patches[0].text.replace("@@ -7,7 +7,7 @@", "@@ -6,7 +6,7 @@");
        let found = problems(&series, |_| {});
        assert_eq!(
            found,
            ["patches/musl/1.0/0001-Spell-ten.patch:16: `patch refresh` would write `@@ -7,7 +7,7 @@` here"]
        );
    }

    #[test]
    fn a_patch_that_does_not_apply_is_a_problem() {
        let found = problems(&testing::series(), |tree| testing::write(tree, &[("new.txt", "in the way\n")]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("patches/musl/1.0/0002-Spell-twelve.patch:1: 0002-Spell-twelve.patch does not apply"),
            "{found:?}"
        );
        assert!(found[0].contains("new.txt: already exists"), "{found:?}");
    }
}
