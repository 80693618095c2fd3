//! Carries a series over to another version of its source, and says of each patch what becomes of it there.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bringup_model::pins::Source;
use bringup_model::series::{Patch, Series, UpstreamStatus};
use bringup_model::version::Version;

use super::worktree::{self, BASE};
use crate::source::git::Repo;

/// What becomes of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It applies as it is.
    Applies,
    /// It applies with its surroundings, or parts of it, changed.
    Merges,
    /// The other version has all of it, or the patch itself says that it comes from there.
    Upstream,
    /// It has to be made anew; where, as `file:line`.
    Conflicts(Vec<String>),
}

/// A series in another version.
#[derive(Debug)]
pub struct Rebased {
    /// Each patch of the old series and what became of it.
    pub fates: Vec<(String, Fate)>,
    /// The patches that go on.
    pub series: Series,
}

/// Rebases `series` from its own pristine tree `old` to `new`, the pristine tree of `to`. Files that `to` is not said to
/// have, as a package of sources may lack the tests, are left out of the patches.
pub fn rebase(series: &Series, old: &Path, to: &Source, new: &Path) -> Result<Rebased> {
    let scratch = tempfile::tempdir().context("making a folder for the patches")?;
    let folder = |name: &str| {
        let path = scratch.path().join(name);
        fs_err::create_dir(&path).map(|()| path)
    };
    let (patches, old_touched, new_touched, tree) =
        (folder("patches")?, folder("old")?, folder("new")?, folder("tree")?);
    let files = super::write_files(series, &patches)?;
    super::copy_touched(old, &files, series, &old_touched)?;
    super::copy_touched(new, &files, series, &new_touched)?;
    let repo = Repo::init(&tree)?;
    // The old version's files have to be known for a merge.
    if let Some(failure) = worktree::fill(&repo, &old_touched, series)? {
        bail!("{} {}: {}", series.source, series.version, failure.message);
    }
    let base = repo.commit_tree(
        &repo.write_tree(&new_touched, crate::build::store::INPUTS_FILE)?,
        &worktree::base_subject(&series.source, &to.version),
    )?;
    repo.reset_hard(&base)?;
    repo.tag(BASE, &base)?;
    let mut fates = Vec::new();
    for (file, patch) in files.iter().zip(&series.patches) {
        let lacking = patch.files().into_iter().filter(|file| to.layer_of(file).is_none());
        let lacking: Vec<String> = lacking.map(Into::into).collect();
        let fate = match carry(&repo, file, &lacking)? {
            // Upstream may have written it otherwise.
            Fate::Conflicts(_) if is_in(patch, &to.version) => Fate::Upstream,
            fate => fate,
        };
        fates.push((patch.file.clone(), fate));
    }
    let series =
        Series { source: series.source.clone(), version: to.version.clone(), patches: worktree::export(&repo)? };
    Ok(Rebased { fates, series })
}

fn carry(repo: &Repo, file: &Path, lacking: &[String]) -> Result<Fate> {
    let before = repo.rev_parse("HEAD")?;
    let as_it_is = repo.takes(file, lacking)?;
    let conflicts = repo.am_three_way(file, lacking)?;
    if !conflicts.is_empty() {
        let places = conflicts.iter().flat_map(|path| places(repo.dir(), path)).collect();
        repo.am_skip()?;
        return Ok(Fate::Conflicts(places));
    }
    Ok(match (repo.rev_parse("HEAD")? == before, as_it_is) {
        (true, _) => Fate::Upstream,
        (false, true) => Fate::Applies,
        (false, false) => Fate::Merges,
    })
}

/// Whether the patch says that it comes from this version of the source, or an earlier one.
fn is_in(patch: &Patch, version: &str) -> bool {
    let Ok(UpstreamStatus::Backport(since)) = patch.header().upstream_status() else { return false };
    matches!((since.parse::<Version>(), version.parse::<Version>()), (Ok(since), Ok(version)) if since <= version)
}

/// Where a file has conflict markers.
fn places(tree: &Path, path: &str) -> Vec<String> {
    let text = fs_err::read(tree.join(path)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut markers = 0;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.unwrap_or_default().lines()) {
        if line.starts_with("<<<<<<< ") {
            // The lines of the version itself: without the markers and the other side above.
            found.push(format!("{path}:{}", number - markers));
        }
        markers += usize::from(["<<<<<<< ", "=======", ">>>>>>> "].iter().any(|mark| line.starts_with(mark)));
    }
    if found.is_empty() { vec![format!("{path} is gone")] } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let to = Source {
            name: "musl",
            version: "1.1".into(),
            layers,
            compiler: None,
            leave_out: None,
            origins: Vec::new(),
        };
        rebase(&testing::series(), old.path(), &to, new.path()).unwrap()
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
}
