//! Rebases a series onto another version of its source, and reports the fate of each patch.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bringup_model::digest::INPUTS_FILE;
use bringup_model::pins::Source;
use bringup_model::series::{Patch, Series, UpstreamStatus};
use bringup_model::version::Version;

use super::worktree::{self, BASE};
use crate::source::git::Repo;

/// The fate of a patch in the other version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It applies without changes.
    Applies,
    /// It applies after a merge: its context has changed, or part of it is already present.
    Merges,
    /// The other version already has it, or the patch is a backport from that version or an older one.
    Upstream,
    /// It conflicts: the places, as `file:line`.
    Conflicts(Vec<String>),
}

/// A rebased series.
#[derive(Debug)]
pub struct Rebased {
    /// Each patch of the old series and its fate.
    pub fates: Vec<(String, Fate)>,
    /// The patches that remain.
    pub series: Series,
}

/// Rebases `series` from its own pristine tree `old` onto `new`, the pristine tree of `to`. Files that are in none of
/// the layers of `to` are left out of the patches: a source package may lack tests, for example.
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
    // A merge requires the old version's files in the repository.
    if let Some(failure) = worktree::fill(&repo, &old_touched, series)? {
        bail!("{} {}: {}", series.source, series.version, failure.message);
    }
    let base = repo.commit_tree(
        &repo.write_tree(&new_touched, INPUTS_FILE)?,
        &worktree::base_subject(&series.source, &to.version),
    )?;
    repo.reset_hard(&base)?;
    repo.tag(BASE, &base)?;
    let mut fates = Vec::new();
    for (file, patch) in files.iter().zip(&series.patches) {
        let lacking = patch.files().into_iter().filter(|file| to.layer_of(file).is_none());
        let lacking: Vec<String> = lacking.map(Into::into).collect();
        let fate = match carry(&repo, file, &lacking)? {
            // Upstream may have another form of the patch.
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
