//! Applies a series to an unpacked tree, and explains why a patch does not apply.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bringup_model::series::{Hunk, Patch, Series};
use bringup_runner::exec::Output;

use crate::source::git;

/// Number of a hunk's lines that an error shows.
const HUNK_LINES: usize = 12;

/// Applies a series, without fuzz, to an unpacked tree that is not a repository. Files that no patch changes keep
/// their times.
///
/// After an error, the tree has the patches before the failing one, and the caller removes it.
pub fn apply(tree: &Path, series: &Series) -> Result<()> {
    if tree.join(".git").exists() {
        bail!("patching {}: it is a git repository; expected an unpacked archive", tree.display());
    }
    let scratch = tempfile::tempdir().context("making a folder for the patches")?;
    let files = super::write_files(series, scratch.path())?;
    for (file, patch) in files.iter().zip(&series.patches) {
        if let Err(failure) = apply_one(tree, file, patch)? {
            let Series { source, version, .. } = series;
            bail!(
                "patching {source} {version}: {failure}\nhint: `cargo xtask patch apply {source}` makes a working tree to repair it in",
                failure = failure.message
            );
        }
    }
    Ok(())
}

/// Why a patch does not apply.
#[derive(Debug)]
pub(super) struct ApplyFailure {
    /// Line of the patch file.
    pub line: usize,
    /// Patch, file, hunk and git's error.
    pub message: String,
}

/// Applies one patch file. The inner error is a patch that does not apply.
pub(super) fn apply_one(tree: &Path, file: &Path, patch: &Patch) -> Result<Result<(), ApplyFailure>> {
    let changed = git::changed_files(file)?;
    let states = || changed.iter().map(|path| FileState::of(&tree.join(path))).collect::<Result<Vec<_>>>();
    let before = states()?;
    let output = git::apply(tree, file)?;
    if !output.finished.status.success() {
        return Ok(Err(explain(patch, &output)));
    }
    // git also reports success for files that it skips.
    let after = states()?;
    let mut pairs = changed.iter().zip(before.iter().zip(&after));
    if let Some((path, _)) = pairs.find(|(_, (before, after))| before == after) {
        bail!("{}: git reports success, but {path} is unchanged", patch.file);
    }
    Ok(Ok(()))
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

/// Turns git's error into one that names the patch, the file and the hunk.
pub(super) fn explain(patch: &Patch, output: &Output) -> ApplyFailure {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let hunks = patch.hunks();
    let failed: Vec<&Hunk<'_>> = stderr.lines().filter_map(|line| failed_hunk(line, &hunks)).collect();
    let mut message = format!("{} does not apply", patch.file);
    for hunk in &failed {
        let _ = write!(message, "\n{}, line {}: {}", hunk.path, hunk.start, hunk.header);
        for line in hunk.lines.iter().take(HUNK_LINES) {
            let _ = write!(message, "\n  | {line}");
        }
        if hunk.lines.len() > HUNK_LINES {
            let _ = write!(message, "\n  | … {} more lines", hunk.lines.len() - HUNK_LINES);
        }
    }
    for line in stderr.lines().filter(|line| line.starts_with("error: ") || line.starts_with("fatal: ")) {
        let _ = write!(message, "\ngit: {line}");
    }
    ApplyFailure { line: failed.first().map_or(1, |hunk| hunk.line), message }
}

/// The hunk in git's error `error: patch failed: FILE:LINE`.
fn failed_hunk<'a, 'p>(line: &str, hunks: &'a [Hunk<'p>]) -> Option<&'a Hunk<'p>> {
    let (path, start) = line.strip_prefix("error: patch failed: ")?.rsplit_once(':')?;
    let start: usize = start.parse().ok()?;
    hunks.iter().find(|hunk| hunk.path == path && hunk.start == start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::patch::testing::{self, TREE};

    #[test]
    fn patches_are_applied_and_other_files_left_alone() {
        let tree = tempfile::tempdir().unwrap();
        testing::write(tree.path(), &TREE);
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

    #[test]
    fn failure_names_patch_file_and_hunk() {
        let tree = tempfile::tempdir().unwrap();
        testing::write(tree.path(), &TREE);
        let count = tree.path().join("src/count.txt");
        let text = fs_err::read_to_string(&count).unwrap();
        fs_err::write(&count, text.replace("\n14\n", "\nfourteen\n")).unwrap();
        let error = format!("{:#}", apply(tree.path(), &testing::series()).unwrap_err());
        let expected = "patching musl 1.0: 0002-Spell-twelve.patch does not apply\n\
                        src/count.txt, line 9: @@ -9,7 +9,7 @@\n  |  9\n  |  ten\n";
        assert!(error.starts_with(expected), "{error}");
        assert!(error.contains("git: error: patch failed: src/count.txt:9"), "{error}");
        assert!(
            error.ends_with("hint: `cargo xtask patch apply musl` makes a working tree to repair it in"),
            "{error}"
        );
    }

    #[test]
    fn missing_file_and_broken_patch_are_named() {
        let tree = tempfile::tempdir().unwrap();
        let error = format!("{:#}", apply(tree.path(), &testing::series()).unwrap_err());
        assert!(error.contains("0001-Spell-ten.patch does not apply"), "{error}");
        assert!(error.contains("src/count.txt: No such file or directory"), "{error}");
        let mut series = testing::series();
        series.patches[0].text = "no diff at all\n".into();
        let error = format!("{:#}", apply(tree.path(), &series).unwrap_err());
        assert!(error.contains("0001-Spell-ten.patch"), "{error}");
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
}
