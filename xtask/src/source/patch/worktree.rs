//! The working tree that a maintainer edits patches in: a repository with a commit `base` for the pristine source and
//! one commit for each patch.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bringup_model::digest::INPUTS_FILE;
use bringup_model::series::{Patch, Series};

use super::apply::{ApplyFailure, explain};

use crate::source::git::Repo;

/// Tag of the pristine source.
pub const BASE: &str = "base";

/// Tag of the last commit that is known to be in the series.
const APPLIED: &str = "applied";

/// The change that [`checkout`] made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkout {
    /// The tree is new.
    Made,
    /// An older tree without changes of its own was updated.
    Updated,
    /// The tree already has these patches.
    Unchanged,
}

/// Makes a working tree from a pristine source tree and a series.
///
/// Replaces an existing tree only if nothing in it can be lost. If a patch does not apply, leaves the tree with `git
/// am` in progress. When that is finished by hand, `patch refresh` writes the repaired patch back.
pub fn checkout(pristine: &Path, tree: &Path, series: &Series) -> Result<Checkout> {
    let (done, failure) = match Repo::open(tree)? {
        Some(repo) => update(&repo, pristine, series)?,
        None => (Checkout::Made, make(pristine, tree, series)?),
    };
    match failure {
        None => Ok(done),
        Some(failure) => bail!(
            "applying {source} {version}: {message}\nleft in {tree} for repair; hunks that do not fit are beside their files as .rej\n\
             hint: edit the files, `git add` them, `git am --continue`, then `cargo xtask patch refresh {source}`",
            source = series.source,
            version = series.version,
            message = failure.message,
            tree = tree.display()
        ),
    }
}

fn make(pristine: &Path, tree: &Path, series: &Series) -> Result<Option<ApplyFailure>> {
    let occupied = match tree.symlink_metadata() {
        Ok(metadata) => !metadata.is_dir() || fs_err::read_dir(tree)?.next().is_some(),
        Err(_) => false,
    };
    if occupied {
        bail!("{} is in the way: it is not a working tree of patches\nhint: move it away or remove it", tree.display());
    }
    let parent = tree.parent().with_context(|| format!("{} has no parent folder", tree.display()))?;
    fs_err::create_dir_all(parent)?;
    // Made under another name and renamed, so that there is never an incomplete tree under this name.
    let scratch =
        tempfile::Builder::new().prefix(".patch-apply-").tempdir_in(parent).context("making a working tree")?;
    let repo = Repo::init(scratch.path())?;
    let failure = fill(&repo, pristine, series)?;
    fs_err::rename(scratch.path(), tree)?;
    Ok(failure)
}

fn update(repo: &Repo, pristine: &Path, series: &Series) -> Result<(Checkout, Option<ApplyFailure>)> {
    refuse_unfinished(repo)?;
    let head = repo.rev_parse("HEAD")?;
    let base = repo.rev_parse(BASE)?;
    if base.is_some()
        && repo.rev_parse("base^{tree}")? == Some(repo.write_tree(pristine, INPUTS_FILE)?)
        && export(repo)? == series.patches
    {
        return Ok((Checkout::Unchanged, None));
    }
    if head.is_some() && head != repo.rev_parse(APPLIED)? && head != base {
        bail!(
            "{tree} has commits that patches/{source}/{version} lacks\n\
             hint: `cargo xtask patch refresh {source}` writes them there; remove the tree to discard them",
            tree = repo.dir().display(),
            source = series.source,
            version = series.version
        );
    }
    Ok((Checkout::Updated, fill(repo, pristine, series)?))
}

/// Commits the pristine tree and the patches to a repository.
pub(super) fn fill(repo: &Repo, pristine: &Path, series: &Series) -> Result<Option<ApplyFailure>> {
    let tree = repo.write_tree(pristine, INPUTS_FILE)?;
    let base = repo.commit_tree(&tree, &base_subject(&series.source, &series.version))?;
    repo.reset_hard(&base)?;
    repo.tag(BASE, &base)?;
    repo.tag(APPLIED, &base)?;
    if !series.patches.is_empty() {
        let scratch = tempfile::tempdir().context("making a folder for the patches")?;
        let files = super::write_files(series, scratch.path())?;
        let output = repo.am(&files)?;
        if !output.finished.status.success() {
            let done = repo.am_done()?;
            let (Some(file), Some(patch)) = (files.get(done), series.patches.get(done)) else {
                bail!("`git am` in {}: {}", repo.dir().display(), String::from_utf8_lossy(&output.stderr).trim_end());
            };
            repo.apply_reject(file)?;
            return Ok(Some(explain(patch, &output)));
        }
        repo.tag(APPLIED, "HEAD")?;
    }
    Ok(None)
}

pub(super) fn base_subject(source: &str, version: &str) -> String {
    format!("{source} {version}, pristine")
}

/// Opens a working tree. Fails unless its commits are a series.
pub(super) fn open_finished(tree: &Path, source: &str, version: &str) -> Result<Repo> {
    let Some(repo) = Repo::open(tree)? else {
        bail!("{} is not a working tree\nhint: `cargo xtask patch apply {source}` makes one", tree.display());
    };
    refuse_unfinished(&repo)?;
    let at = repo.dir().display();
    if repo.rev_parse(BASE)?.is_none() || !repo.rev_list("HEAD..base", &[])?.is_empty() {
        bail!("{at}: HEAD does not come after the tag `{BASE}`, the pristine source");
    }
    let (subject, expected) = (repo.subject(BASE)?, base_subject(source, version));
    if subject != expected {
        bail!(
            "{at} is based on `{subject}`, but the pinned source is `{expected}`\nhint: move the tree away, then `cargo xtask patch apply {source}`"
        );
    }
    if let Some(merge) = repo.rev_list("base..HEAD", &["--merges"])?.first() {
        bail!("{at}: {merge} is a merge, but a series is linear\nhint: `git rebase {BASE}`");
    }
    Ok(repo)
}

/// Records that the series has every commit.
pub(super) fn mark_applied(repo: &Repo) -> Result<()> {
    repo.tag(APPLIED, "HEAD")
}

/// The commits after the base as patches.
pub(super) fn export(repo: &Repo) -> Result<Vec<Patch>> {
    let scratch = tempfile::tempdir().context("making a folder for the patches")?;
    repo.format_patch("base..HEAD", scratch.path())?;
    let read = |file: String| Ok(Patch { text: fs_err::read_to_string(scratch.path().join(&file))?, file });
    super::load::patch_files(scratch.path())?.into_iter().map(read).collect()
}

fn refuse_unfinished(repo: &Repo) -> Result<()> {
    let at = repo.dir().display();
    if let Some(command) = repo.in_progress() {
        bail!("{at}: `git {command}` is not finished\nhint: `git {command} --continue`, or `--abort` to give it up");
    }
    let changes = repo.status()?;
    if !changes.is_empty() {
        const SHOWN: usize = 10;
        let mut list: Vec<String> = changes.iter().take(SHOWN).cloned().collect();
        list.extend((changes.len() > SHOWN).then(|| format!("… {} more", changes.len() - SHOWN)));
        let list = list.join("\n  ");
        bail!(
            "{at} has changes that are not committed:\n  {list}\nhint: commit them, or `git stash --include-untracked`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::patch::testing::{self, TREE};

    /// A folder with a pristine tree, and where the working tree is to be.
    fn folders() -> (tempfile::TempDir, std::path::PathBuf, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (pristine, tree) = (dir.path().join("pristine"), dir.path().join("wörk tree/musl"));
        testing::write(&pristine, &TREE);
        testing::write(
            &pristine,
            &[(".gitignore", "*.o\n"), ("kept.o", "\r\nobject\n"), (".gitattributes", "* text=auto\n")],
        );
        (dir, pristine, tree)
    }

    #[test]
    fn a_tree_is_made_once() {
        let (_dir, pristine, tree) = folders();
        assert_eq!(checkout(&pristine, &tree, &testing::series()).unwrap(), Checkout::Made);
        let repo = Repo::open(&tree).unwrap().unwrap();
        assert_eq!(repo.rev_list("HEAD", &[]).unwrap().len(), 3);
        assert_eq!(repo.subject(BASE).unwrap(), "musl 1.0, pristine");
        assert_eq!(repo.subject("HEAD").unwrap(), "Spell twelve");
        assert_eq!(fs_err::read_to_string(tree.join("kept.o")).unwrap(), "\r\nobject\n");
        assert_eq!(checkout(&pristine, &tree, &testing::series()).unwrap(), Checkout::Unchanged);
        assert_eq!(fs_err::read_dir(tree.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_tree_follows_the_series() {
        let (_dir, pristine, tree) = folders();
        let mut series = testing::series();
        checkout(&pristine, &tree, &series).unwrap();
        series.patches.truncate(1);
        assert_eq!(checkout(&pristine, &tree, &series).unwrap(), Checkout::Updated);
        assert!(!tree.join("new.txt").exists());
    }

    #[test]
    fn work_is_never_lost() {
        let (_dir, pristine, tree) = folders();
        let mut series = testing::series();
        checkout(&pristine, &tree, &series).unwrap();
        series.patches.truncate(1);
        let refusal = || format!("{:#}", checkout(&pristine, &tree, &series).unwrap_err());

        fs_err::write(tree.join("mine.txt"), "mine").unwrap();
        assert!(refusal().contains("has changes that are not committed:\n  ?? mine.txt"), "{}", refusal());
        let repo = Repo::open(&tree).unwrap().unwrap();
        let commit = repo.commit_tree(&repo.write_tree(&tree, INPUTS_FILE).unwrap(), "mine").unwrap();
        repo.reset_hard(&commit).unwrap();
        assert!(refusal().contains("has commits that patches/musl/1.0 lacks"), "{}", refusal());
        assert!(tree.join("mine.txt").exists());

        let other = tree.parent().unwrap().join("other");
        testing::write(&other, &[("x", "x")]);
        let error = format!("{:#}", checkout(&pristine, &other, &series).unwrap_err());
        assert!(error.contains("is in the way"), "{error}");
    }

    #[test]
    fn a_failing_patch_is_left_for_repair() {
        let (_dir, pristine, tree) = folders();
        let count = pristine.join("src/count.txt");
        let text = fs_err::read_to_string(&count).unwrap();
        fs_err::write(&count, text.replace("\n13\n", "\nthirteen\n").replace("\n1\n", "\none\n")).unwrap();
        let error = format!("{:#}", checkout(&pristine, &tree, &testing::series()).unwrap_err());
        assert!(
            error.contains("0001-Spell-ten.patch does not apply\nsrc/count.txt, line 7: @@ -7,7 +7,7 @@"),
            "{error}"
        );
        assert!(tree.join("src/count.txt.rej").exists());
        let again = format!("{:#}", checkout(&pristine, &tree, &testing::series()).unwrap_err());
        assert!(again.contains("`git am` is not finished"), "{again}");
    }
}
