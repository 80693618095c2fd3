//! The working tree that a maintainer edits patches in: a repository with a commit `base` for the pristine source and
//! one commit for each patch.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bringup_model::digest::INPUTS_FILE;
use bringup_model::pins::Source;
use bringup_model::series::{Patch, Series};
use bringup_runner::exec::Output;

use super::misfit::{self, Misfit, MisfitKind};
use super::{apply, load};
use crate::source::git::{self, Repo};

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

/// Makes a working tree from pristine source trees, which hold different layers, and a series.
///
/// Replaces an existing tree only if nothing in it can be lost. If a patch does not apply, leaves the tree with `git
/// am` in progress. When that is finished by hand, `patch refresh` writes the repaired patch back.
pub fn checkout(pristine: &[&Path], tree: &Path, series: &Series) -> Result<Checkout> {
    let (done, misfit) = match Repo::open(tree)? {
        Some(repo) => update(&repo, pristine, series)?,
        None => (Checkout::Made, make(pristine, tree, series)?),
    };
    // `git am` does not compare the results with the `index` lines.
    let misfit = if misfit.is_none() { apply::verify(pristine, series)? } else { misfit };
    let Some(Misfit { message, kind, .. }) = misfit else { return Ok(done) };
    let Series { source, version, .. } = series;
    let refresh = format!("`cargo xtask patch refresh {}`", series.selector());
    let (left, hint) = match kind {
        MisfitKind::Elsewhere => {
            ("has all patches", format!("look at it with `git show`; if it is right, {refresh} writes its ids"))
        }
        MisfitKind::AlreadyThere => {
            ("stops at the patch", format!("`git am --skip` drops the patch and goes on; then {refresh}"))
        }
        _ => (
            "is left for repair; hunks that do not fit are beside their files as .rej",
            format!("edit the files, `git add` them, `git am --continue`, then {refresh}"),
        ),
    };
    bail!("applying {source} {version}: {message}\n{} {left}\nhint: {hint}", tree.display())
}

fn make(pristine: &[&Path], tree: &Path, series: &Series) -> Result<Option<Misfit>> {
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

fn update(repo: &Repo, pristine: &[&Path], series: &Series) -> Result<(Checkout, Option<Misfit>)> {
    refuse_unfinished(repo)?;
    let head = repo.rev_parse("HEAD")?;
    let base = repo.rev_parse(BASE)?;
    if base.is_some()
        && repo.rev_parse("base^{tree}")? == Some(repo.write_tree(pristine, INPUTS_FILE)?)
        && same_patches(&export(repo)?, &series.patches)
    {
        return Ok((Checkout::Unchanged, None));
    }
    if head.is_some() && head != repo.rev_parse(APPLIED)? && head != base {
        bail!(
            "{tree} has commits that patches/{source}/{version} lacks\n\
             hint: `cargo xtask patch refresh {selector}` writes them there; remove the tree to discard them",
            tree = repo.dir().display(),
            selector = series.selector(),
            source = series.source,
            version = series.version
        );
    }
    Ok((Checkout::Updated, fill(repo, pristine, series)?))
}

/// Whether these are the same patches, whatever their numbers are: a tree may lack layers, and their patches.
fn same_patches(ours: &[Patch], theirs: &[Patch]) -> bool {
    let key = |patch: &Patch| (load::title(&patch.file).to_owned(), patch.text.clone());
    ours.iter().map(key).eq(theirs.iter().map(key))
}

/// Commits the pristine trees and the patches to a repository.
pub(super) fn fill(repo: &Repo, pristine: &[&Path], series: &Series) -> Result<Option<Misfit>> {
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
            let Some(file) = files.get(done).filter(|_| done < series.patches.len()) else {
                bail!("`git am` in {}: {}", repo.dir().display(), String::from_utf8_lossy(&output.stderr).trim_end());
            };
            let misfit = unfit(repo, scratch.path(), series, done, &output)?;
            if misfit.kind != MisfitKind::AlreadyThere {
                repo.apply_reject(file)?;
            }
            return Ok(Some(misfit));
        }
        repo.tag(APPLIED, "HEAD")?;
    }
    Ok(None)
}

/// Why `git am` has stopped at the patch with this index.
fn unfit(repo: &Repo, scratch: &Path, series: &Series, index: usize, output: &Output) -> Result<Misfit> {
    let patch = &series.patches[index];
    let diff = super::write_diff(patch, scratch)?;
    if git::would_apply(repo.dir(), &diff, &[])? {
        let printed = String::from_utf8_lossy(&output.stderr);
        let message = format!("{}: `git am` cannot read the mail: {}", patch.file, printed.trim_end());
        return Ok(Misfit { file: patch.file.clone(), line: 1, kind: MisfitKind::DoesNotApply, message });
    }
    misfit::explain(repo.dir(), scratch, series, index, output)
}

/// The source with only the layers that a working tree has: a tree is made of what could be fetched.
pub(super) fn layers_of(repo: &Repo, source: &Source) -> Result<Source> {
    let mut present = Vec::new();
    for layer in &source.layers {
        let mut is_there = true;
        for folder in &layer.folders {
            is_there &= repo.rev_parse(&format!("{BASE}:{folder}"))?.is_some();
        }
        present.extend(is_there.then_some(layer.name.as_str()));
    }
    Ok(source.with_layers(|layer| present.contains(&layer)))
}

pub(super) fn base_subject(source: &str, version: &str) -> String {
    format!("{source} {version}, pristine")
}

/// Opens a working tree. Fails unless its commits are a series.
pub(super) fn open_finished(tree: &Path, source: &str, version: &str) -> Result<Repo> {
    let Some(repo) = Repo::open(tree)? else {
        let selector = selector(source, version);
        bail!("{} is not a working tree\nhint: `cargo xtask patch apply {selector}` makes one", tree.display());
    };
    refuse_unfinished(&repo)?;
    let at = repo.dir().display();
    if repo.rev_parse(BASE)?.is_none() || !repo.rev_list("HEAD..base", &[])?.is_empty() {
        bail!("{at}: HEAD does not come after the tag `{BASE}`, the pristine source");
    }
    let (subject, expected) = (repo.subject(BASE)?, base_subject(source, version));
    if subject != expected {
        bail!(
            "{at} is based on `{subject}`, but the pinned source is `{expected}`\nhint: move the tree away, then `cargo xtask patch apply {}`",
            selector(source, version)
        );
    }
    if let Some(merge) = repo.rev_list("base..HEAD", &["--merges"])?.first() {
        bail!("{at}: {merge} is a merge, but a series is linear\nhint: `git rebase {BASE}`");
    }
    Ok(repo)
}

fn selector(source: &str, version: &str) -> String {
    Series { source: source.into(), version: version.into(), ..Series::default() }.selector()
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
        assert_eq!(checkout(&[&pristine], &tree, &testing::series()).unwrap(), Checkout::Made);
        let repo = Repo::open(&tree).unwrap().unwrap();
        assert_eq!(repo.rev_list("HEAD", &[]).unwrap().len(), 3);
        assert_eq!(repo.subject(BASE).unwrap(), "musl 1.0, pristine");
        assert_eq!(repo.subject("HEAD").unwrap(), "Spell twelve");
        assert_eq!(fs_err::read_to_string(tree.join("kept.o")).unwrap(), "\r\nobject\n");
        assert_eq!(checkout(&[&pristine], &tree, &testing::series()).unwrap(), Checkout::Unchanged);
        assert_eq!(fs_err::read_dir(tree.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_tree_follows_the_series() {
        let (_dir, pristine, tree) = folders();
        let mut series = testing::series();
        checkout(&[&pristine], &tree, &series).unwrap();
        series.patches.truncate(1);
        assert_eq!(checkout(&[&pristine], &tree, &series).unwrap(), Checkout::Updated);
        assert!(!tree.join("new.txt").exists());
    }

    #[test]
    fn work_is_never_lost() {
        let (_dir, pristine, tree) = folders();
        let mut series = testing::series();
        checkout(&[&pristine], &tree, &series).unwrap();
        series.patches.truncate(1);
        let refusal = || format!("{:#}", checkout(&[&pristine], &tree, &series).unwrap_err());

        fs_err::write(tree.join("mine.txt"), "mine").unwrap();
        assert!(refusal().contains("has changes that are not committed:\n  ?? mine.txt"), "{}", refusal());
        let repo = Repo::open(&tree).unwrap().unwrap();
        let commit = repo.commit_tree(&repo.write_tree(&[&tree], INPUTS_FILE).unwrap(), "mine").unwrap();
        repo.reset_hard(&commit).unwrap();
        assert!(refusal().contains("has commits that patches/musl/1.0 lacks"), "{}", refusal());
        assert!(tree.join("mine.txt").exists());

        let other = tree.parent().unwrap().join("other");
        testing::write(&other, &[("x", "x")]);
        let error = format!("{:#}", checkout(&[&pristine], &other, &series).unwrap_err());
        assert!(error.contains("is in the way"), "{error}");
    }

    #[test]
    fn a_failing_patch_is_left_for_repair() {
        let (_dir, pristine, tree) = folders();
        let count = pristine.join("src/count.txt");
        let text = fs_err::read_to_string(&count).unwrap();
        fs_err::write(&count, text.replace("\n13\n", "\nthirteen\n").replace("\n1\n", "\none\n")).unwrap();
        let error = format!("{:#}", checkout(&[&pristine], &tree, &testing::series()).unwrap_err());
        assert!(
            error.contains("0001-Spell-ten.patch does not apply\nsrc/count.txt, line 7: @@ -7,7 +7,7 @@"),
            "{error}"
        );
        assert!(tree.join("src/count.txt.rej").exists());
        let again = format!("{:#}", checkout(&[&pristine], &tree, &testing::series()).unwrap_err());
        assert!(again.contains("`git am` is not finished"), "{again}");
    }
}
