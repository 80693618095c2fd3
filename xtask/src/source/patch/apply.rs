//! Applies a series to an unpacked tree. What a patch makes of each file must be what its `index` line says.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bringup_model::series::{FileDiff, Series};

use super::misfit::{self, Misfit};
use crate::source::git;

/// Applies a series, without fuzz, to an unpacked tree that is not a repository. Files that no patch changes keep
/// their times.
///
/// After an error, the tree has the patches before the failing one, and the caller removes it.
pub fn apply(tree: &Path, series: &Series) -> Result<()> {
    if tree.join(".git").exists() {
        bail!("patching {}: it is a git repository; expected an unpacked archive", tree.display());
    }
    let scratch = tempfile::tempdir().context("making a folder for the patches")?;
    let Series { source, version, .. } = series;
    for index in 0..series.patches.len() {
        if let Err(misfit) = apply_one(tree, scratch.path(), series, index)? {
            let hint = misfit.hint(series);
            bail!("patching {source} {version}: {message}\nhint: {hint}", message = misfit.message);
        }
    }
    Ok(())
}

/// Applies a series to a copy of the files that it changes, from these pristine trees. Returns the first patch that
/// does not fit.
pub(super) fn verify(pristine: &[&Path], series: &Series) -> Result<Option<Misfit>> {
    let scratch = tempfile::tempdir().context("making a folder for the patches")?;
    let tree = tempfile::tempdir().context("making a folder for the patched files")?;
    for folder in pristine {
        super::copy_touched(folder, series, tree.path())?;
    }
    for index in 0..series.patches.len() {
        if let Err(misfit) = apply_one(tree.path(), scratch.path(), series, index)? {
            return Ok(Some(misfit));
        }
    }
    Ok(None)
}

/// Applies the patch with this index to a tree that has those before it. The inner error is a patch that does not fit.
pub(super) fn apply_one(tree: &Path, scratch: &Path, series: &Series, index: usize) -> Result<Result<(), Misfit>> {
    let patch = &series.patches[index];
    let file = super::write_diff(patch, scratch)?;
    let diffs = patch.diffs();
    let states = || diffs.iter().map(|diff| FileState::of(&tree.join(diff.name()))).collect::<Result<Vec<_>>>();
    let before = states()?;
    let output = git::apply(tree, &file)?;
    if !output.finished.status.success() {
        return Ok(Err(misfit::explain(tree, scratch, series, index, &output)?));
    }
    // git also reports success for files that it skips.
    let after = states()?;
    let mut pairs = diffs.iter().zip(before.iter().zip(&after));
    if let Some((diff, _)) = pairs.find(|(_, (before, after))| before == after) {
        bail!("{}: git reports success, but {} is unchanged", patch.file, diff.name());
    }
    let ids = blob_ids(&after, scratch)?;
    let differs = |(at, diff): (usize, &FileDiff<'_>)| {
        let expected = diff.ids.map(|ids| ids.new).filter(|_| diff.new.is_some())?;
        let is_left_out = [diff.old, diff.new].into_iter().flatten().any(|name| series.unverified.contains(name));
        let differs = !is_left_out && !is_abbreviation(expected, &ids[at]);
        differs.then_some((at, expected.to_owned()))
    };
    let Some((at, expected)) = diffs.iter().enumerate().find_map(differs) else { return Ok(Ok(())) };
    // A renamed file has had another name before.
    let before = if diffs[at].is_in_place() { blob_ids(&before[at..=at], scratch)?.pop() } else { None };
    let blobs = misfit::Blobs { before, after: ids[at].clone(), expected };
    Ok(Err(misfit::elsewhere(patch, &diffs[at], &blobs, &output)))
}

fn is_abbreviation(short: &str, id: &str) -> bool {
    !short.is_empty() && id.starts_with(short)
}

/// The state of a file that a patch can change.
#[derive(PartialEq)]
enum FileState {
    Missing,
    There { mode: u32, content: Vec<u8> },
}

impl FileState {
    fn of(path: &Path) -> Result<Self> {
        let Ok(metadata) = path.symlink_metadata() else { return Ok(Self::Missing) };
        let content = if metadata.is_symlink() {
            fs_err::read_link(path)?.as_os_str().as_bytes().to_vec()
        } else {
            fs_err::read(path)?
        };
        Ok(Self::There { mode: metadata.permissions().mode(), content })
    }
}

/// The ids of the blobs with these contents; an empty text for a file that is missing.
fn blob_ids(states: &[FileState], scratch: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for (index, state) in states.iter().enumerate() {
        if let FileState::There { content, .. } = state {
            let path = scratch.join(format!("blob-{index}"));
            fs_err::write(&path, content)?;
            files.push(path);
        }
    }
    let mut ids = git::blob_ids(&files)?.into_iter();
    let id = |state: &FileState| {
        if *state == FileState::Missing { Ok(String::new()) } else { ids.next().context("git printed too few ids") }
    };
    states.iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::patch::testing::{self, TREE};

    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        testing::write(tree.path(), &TREE);
        tree
    }

    #[test]
    fn patches_are_applied_and_other_files_left_alone() {
        let tree = tree();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        for (name, _) in TREE {
            fs_err::File::open(tree.path().join(name)).unwrap().into_parts().0.set_modified(old).unwrap();
        }
        apply(tree.path(), &testing::series()).unwrap();
        let text = fs_err::read_to_string(tree.path().join("src/count.txt")).unwrap();
        assert!(text.contains("\nten\n") && text.contains("\ntwelve\n"), "{text}");
        assert_eq!(fs_err::read_to_string(tree.path().join("new.txt")).unwrap(), "new\n");
        let modified = |name: &str| tree.path().join(name).metadata().unwrap().modified().unwrap();
        assert_eq!(modified("other.txt"), old);
        assert_ne!(modified("src/count.txt"), old);
    }

    #[test]
    fn a_repository_around_the_tree_does_not_matter() {
        let outer = tempfile::tempdir().unwrap();
        testing::write(outer.path(), &[(".gitignore", "out/\n")]);
        git::Repo::init(outer.path()).unwrap();
        for folder in ["out/ignored", "untracked"] {
            let tree = outer.path().join(folder);
            testing::write(&tree, &TREE);
            apply(&tree, &testing::series()).unwrap();
            assert!(fs_err::read_to_string(tree.join("src/count.txt")).unwrap().contains("\nten\n"));
        }
    }

    /// A message changes no tree, even if it looks like a diff.
    #[test]
    fn a_diff_in_the_message_is_not_applied() {
        let tree = tree();
        let mut series = testing::series();
        let prose = "As in\n--- a/other.txt\n+++ b/other.txt\n@@ -1 +1 @@\n-untouched\n+touched\n";
        series.patches[0].text = series.patches[0].text.replace("Digits are hard to read.\n", prose);
        apply(tree.path(), &series).unwrap();
        assert_eq!(fs_err::read_to_string(tree.path().join("other.txt")).unwrap(), "untouched\n");
    }

    #[test]
    fn a_path_out_of_the_tree_is_refused() {
        let outer = tempfile::tempdir().unwrap();
        testing::write(outer.path(), &[("victim", "a\n"), ("tree/x", "")]);
        let text = "diff --git a/../victim b/../victim\n--- a/../victim\n+++ b/../victim\n@@ -1 +1 @@\n-a\n+b\n";
        let mut series = testing::series();
        series.patches[0].text = text.into();
        apply(&outer.path().join("tree"), &series).unwrap_err();
        assert_eq!(fs_err::read_to_string(outer.path().join("victim")).unwrap(), "a\n");
    }

    #[test]
    fn ids_hold_also_where_git_abbreviates_them_and_not_where_a_patch_is_left_out() {
        let mut series = testing::series();
        for patch in &mut series.patches {
            patch.text = patch.text.replace("84663aeca928c42ea56d1aefb54bd9162d557a65", "84663ae");
        }
        apply(tree().path(), &series).unwrap();
        let other = series.patches[0].text.replace("..84663ae", "..84663af");
        series.patches[0].text = other;
        apply(tree().path(), &series).unwrap_err();

        // Twelve alone, far enough from ten to apply without it.
        let tree = tree();
        let count = tree.path().join("src/count.txt");
        let text = fs_err::read_to_string(&count).unwrap();
        fs_err::write(&count, text.replace("\n10\n", "\nten\n").replace("\n1\n", "\none\n")).unwrap();
        let twelve = testing::series().without(|patch| patch.file.starts_with("0001"));
        apply(tree.path(), &twelve).unwrap();
    }
}
