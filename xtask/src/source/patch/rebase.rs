//! Rebases a series onto another version of its source, and reports the fate of each patch.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bringup_model::digest::INPUTS_FILE;
use bringup_model::pins::Source;
use bringup_model::series::{Patch, Series, UpstreamStatus};
use bringup_model::version::Version;
use bringup_runner::files::replace;
use serde::{Deserialize, Serialize};

use super::apply;
use super::worktree::{self, BASE};
use crate::source::git::Repo;

/// The fate of a patch in the other version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It applies without changes.
    Applies,
    /// It applies after a merge: its context has changed, or part of it is already present.
    Merges,
    /// The other version already has it, or the patch is a backport from that version or an older one.
    Upstream,
    /// It conflicts: the places, as `file:line`.
    Conflicts(Vec<String>),
    /// It was not tried: the other version's source has none of the layers of its files.
    NotChecked,
}

/// A rebased series.
#[derive(Debug, PartialEq, Eq)]
pub struct Rebased {
    /// Each patch of the old series and its fate.
    pub fates: Vec<(String, Fate)>,
    /// The patches that remain.
    pub series: Series,
}

/// A rebased series as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct KeptSeries {
    fates: Vec<(String, Fate)>,
    source: String,
    version: String,
    patches: Vec<(String, String)>,
}

impl Rebased {
    /// Reads what [`Self::write`] has written; nothing if it is not there, or not whole.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        if !path.is_file() {
            return Ok(None);
        }
        let Ok(KeptSeries { fates, source, version, patches }) = serde_json::from_slice(&fs_err::read(path)?) else {
            return Ok(None);
        };
        let patches = patches.into_iter().map(|(file, text)| Patch { file, text }).collect();
        Ok(Some(Self { fates, series: Series { source, version, patches, ..Series::default() } }))
    }

    /// Writes the series with its fates to a file, which is whole or not there.
    pub fn write(&self, path: &Path) -> Result<()> {
        let Series { source, version, patches, .. } = self.series.clone();
        let patches = patches.into_iter().map(|Patch { file, text }| (file, text)).collect();
        let record = KeptSeries { fates: self.fates.clone(), source, version, patches };
        replace(path, serde_json::to_vec(&record)?)
    }
}

/// Rebases `series` from its own pristine tree `old` onto `new`, the pristine trees of the layers of `to`. Files that are in none of
/// the layers of `to` are left out of the patches: a source package may lack tests, for example. `old` need not have the
/// files of patches that are then empty.
pub fn rebase(series: &Series, old: &Path, to: &Source, new: &[PathBuf]) -> Result<Rebased> {
    let scratch = tempfile::tempdir().context("making a folder for the patches")?;
    let folder = |name: &str| {
        let path = scratch.path().join(name);
        fs_err::create_dir(&path).map(|()| path)
    };
    let (patches, old_touched, new_touched, tree) =
        (folder("patches")?, folder("old")?, folder("new")?, folder("tree")?);
    let tried = series.clone().within(to);
    let files = super::write_files(series, &patches)?;
    super::copy_touched(old, &tried, &old_touched)?;
    for folder in new {
        super::copy_touched(folder, &tried, &new_touched)?;
    }
    let repo = Repo::init(&tree)?;
    let misfit = match apply::verify(&[&old_touched], &tried)? {
        // A merge requires the old version's files in the repository.
        None => worktree::fill(&repo, &[&old_touched], &tried)?,
        misfit => misfit,
    };
    if let Some(misfit) = misfit {
        bail!("{} {}: {}", series.source, series.version, misfit.message);
    }
    let base = repo.commit_tree(
        &repo.write_tree(&[&new_touched], INPUTS_FILE)?,
        &worktree::base_subject(&series.source, &to.version),
    )?;
    repo.reset_hard(&base)?;
    repo.tag(BASE, &base)?;
    let mut fates = Vec::new();
    for (file, patch) in files.iter().zip(&series.patches) {
        let lacking = patch.files().into_iter().filter(|file| to.layer_of(file).is_none());
        let lacking: Vec<String> = lacking.map(Into::into).collect();
        if !tried.patches.contains(patch) {
            fates.push((patch.file.clone(), Fate::NotChecked));
            continue;
        }
        let fate = match carry(&repo, file, &lacking)? {
            // Upstream may have another form of the patch.
            Fate::Conflicts(_) if is_in(patch, &to.version) => Fate::Upstream,
            fate => fate,
        };
        fates.push((patch.file.clone(), fate));
    }
    let (source, version, patches) = (series.source.clone(), to.version.clone(), worktree::export(&repo)?);
    Ok(Rebased { fates, series: Series { source, version, patches, ..Series::default() } })
}

fn carry(repo: &Repo, file: &Path, lacking: &[String]) -> Result<Fate> {
    let before = repo.rev_parse("HEAD")?;
    let as_it_is = repo.takes(file, lacking)?;
    let merged = if as_it_is { repo.merged_tree(file, lacking)? } else { None };
    let conflicts = repo.am_three_way(file, lacking)?;
    if !conflicts.is_empty() {
        let places = conflicts.iter().flat_map(|path| places(repo.dir(), path)).collect();
        repo.am_skip()?;
        return Ok(Fate::Conflicts(places));
    }
    // git applies a hunk to the nearest place that fits. Where the source has its lines twice, a merge knows better.
    if let (Some(merged), Some(before)) = (merged, &before) {
        let elsewhere = repo.differing("HEAD", &merged)?;
        if !elsewhere.is_empty() {
            repo.reset_hard(before)?;
            let place = |file: &String| format!("{file}: git and a merge disagree about the place");
            return Ok(Fate::Conflicts(elsewhere.iter().map(place).collect()));
        }
    }
    Ok(match (repo.rev_parse("HEAD")? == before, as_it_is) {
        (true, _) => Fate::Upstream,
        (false, true) => Fate::Applies,
        (false, false) => Fate::Merges,
    })
}

/// Whether the patch is a backport from this version of the source or an older one.
fn is_in(patch: &Patch, version: &str) -> bool {
    let Ok(UpstreamStatus::Backport(since)) = patch.header().upstream_status() else { return false };
    matches!((since.parse::<Version>(), version.parse::<Version>()), (Ok(since), Ok(version)) if since <= version)
}

/// The places of conflict markers in a file.
fn places(tree: &Path, path: &str) -> Vec<String> {
    let text = fs_err::read(tree.join(path)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut markers = 0;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.unwrap_or_default().lines()) {
        if line.starts_with("<<<<<<< ") {
            // Line numbers of the new version, without the markers above.
            found.push(format!("{path}:{}", number - markers));
        }
        markers += usize::from(["<<<<<<< ", "=======", ">>>>>>> "].iter().any(|mark| line.starts_with(mark)));
    }
    if found.is_empty() { vec![format!("{path} is gone")] } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::git;
    use crate::source::patch::testing::{self, TREE};
    use bringup_model::pins::SourceLayer;

    /// To a version whose layer is this folder; everything if it is empty.
    fn rebased_to(folder: &str, change: impl Fn(&str) -> String) -> Rebased {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        testing::write(old.path(), &TREE);
        testing::write(new.path(), &TREE);
        let count = new.path().join("src/count.txt");
        fs_err::write(&count, change(&fs_err::read_to_string(&count).unwrap())).unwrap();
        let folders = (!folder.is_empty()).then(|| folder.to_owned()).into_iter().collect();
        let layers = vec![SourceLayer { name: "libc".into(), folders }];
        let to = Source { version: "1.1".into(), layers, ..testing::source() };
        rebase(&testing::series(), old.path(), &to, &[new.path().to_owned()]).unwrap()
    }

    fn fates(change: impl Fn(&str) -> String) -> (Vec<Fate>, Vec<String>) {
        let rebased = rebased_to("", change);
        assert_eq!(rebased.series.version, "1.1");
        let files = rebased.series.patches.iter().map(|patch| patch.file.clone()).collect();
        (rebased.fates.into_iter().map(|(_, fate)| fate).collect(), files)
    }

    #[test]
    fn each_fate_is_told() {
        let (found, files) = fates(|text| format!("0\n{text}"));
        assert_eq!(found, [Fate::Applies, Fate::Applies]);
        assert_eq!(files, ["0001-Spell-ten.patch", "0002-Spell-twelve.patch"]);

        let (found, files) = fates(|text| text.replace("\n10\n", "\nten\n"));
        assert_eq!(found, [Fate::Upstream, Fate::Applies]);
        assert_eq!(files, ["0001-Spell-twelve.patch"]);

        let (found, files) = fates(|text| text.replace("\n7\n", "\nseven\n"));
        assert_eq!(found, [Fate::Merges, Fate::Applies]);
        assert_eq!(files.len(), 2);

        let (found, files) = fates(|text| text.replace("\n10\n", "\n0xa\n"));
        assert_eq!(found, [Fate::Conflicts(vec!["src/count.txt:10".into()]), Fate::Merges]);
        assert_eq!(files, ["0001-Spell-twelve.patch"]);
    }

    #[test]
    fn files_that_the_other_version_lacks_are_left_out() {
        let rebased = rebased_to("src", str::to_owned);
        assert!(rebased.fates.iter().all(|(_, fate)| *fate == Fate::Applies), "{:?}", rebased.fates);
        assert_eq!(rebased.series.patches[1].files(), ["src/count.txt"]);
    }

    /// Two equal blocks, of which the second is changed. In the new version, the first is nearer to where that was.
    #[test]
    fn a_hunk_that_would_land_elsewhere_is_told() {
        let block = "a\nb\nc\nX\nd\ne\nf\n";
        let (before, after) = (format!("{block}\n{block}"), format!("{block}\n{}", block.replace('X', "Y")));
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        testing::write(old.path(), &[("f", &before), ("after", &after)]);
        testing::write(new.path(), &[("f", &format!("1\n2\n3\n4\n5\n6\n7\n{before}"))]);
        let ids = git::blob_ids(&["f", "after"].map(|name| old.path().join(name))).unwrap().join("..");
        let mut series = testing::series();
        series.patches.truncate(1);
        let (mail, _) = series.patches[0].text.split_once("diff --git").unwrap();
        let lines = " a\n b\n c\n-X\n+Y\n d\n e\n f\n";
        series.patches[0].text =
            format!("{mail}diff --git a/f b/f\nindex {ids} 100644\n--- a/f\n+++ b/f\n@@ -9,7 +9,7 @@\n{lines}");
        let to = Source { version: "1.1".into(), ..testing::source() };
        let rebased = rebase(&series, old.path(), &to, &[new.path().to_owned()]).unwrap();
        let expected = Fate::Conflicts(vec!["f: git and a merge disagree about the place".into()]);
        assert_eq!(rebased.fates, [("0001-Spell-ten.patch".to_owned(), expected)]);
        assert_eq!(rebased.series.patches, []);
    }

    #[test]
    fn a_patch_of_a_layer_that_the_other_version_lacks_is_not_tried() {
        let rebased = rebased_to("include", str::to_owned);
        assert!(rebased.fates.iter().all(|(_, fate)| *fate == Fate::NotChecked), "{:?}", rebased.fates);
        assert_eq!(rebased.series.patches, []);
    }
}
