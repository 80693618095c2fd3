//! Writes the commits of a working tree back as patches.

use std::path::Path;

use anyhow::{Result, bail};
use bringup_model::pins::Source;
use bringup_model::series::{Patch, Series};

use super::lint::{self, PatchProblem};
use super::load::{self, SERIES_FILE, title};
use super::worktree;

/// The changes that [`refresh`] made to a folder of patches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Added patches.
    pub added: Vec<String>,
    /// Patches with a changed text.
    pub changed: Vec<String>,
    /// Removed patches.
    pub removed: Vec<String>,
    /// Number of unchanged patches.
    pub kept: usize,
    /// Comments of the `series` file that were removed with their patches.
    pub lost_comments: Vec<String>,
    /// Problems that `patch check` will report.
    pub problems: Vec<PatchProblem>,
}

impl Refreshed {
    /// Whether nothing was written.
    pub fn is_unchanged(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// The changes, one line each.
    pub fn lines(&self) -> Vec<String> {
        let named =
            |word: &str, files: &[String]| files.iter().map(|file| format!("{word} {file}")).collect::<Vec<_>>();
        let mut lines = named("added", &self.added);
        lines.extend(named("changed", &self.changed));
        lines.extend(named("removed", &self.removed));
        lines.extend(named("dropped the comment", &self.lost_comments));
        if self.kept > 0 {
            lines.push(format!("{} unchanged", self.kept));
        }
        lines.extend(self.problems.iter().map(ToString::to_string));
        lines
    }
}

/// Writes the commits of the working tree to `patches/<source>/<version>/`.
///
/// Fails for a tree with uncommitted changes or an unfinished git command. Comments of the `series` file stay with
/// their patches. If the tree lacks layers of the source, their patches stay as they are. After an interrupt, it can
/// run again.
pub fn refresh(root: &Path, source: &Source, tree: &Path) -> Result<Refreshed> {
    let (name, version) = (source.name, source.version.as_str());
    let repo = worktree::open_finished(tree, name, version)?;
    let patches = worktree::export(&repo)?;
    let present = worktree::layers_of(&repo, source)?;
    let patches = if present.layers.len() == source.layers.len() {
        patches
    } else {
        with_absent(&load::load(root, name, version)?, patches, source, &present)?
    };
    let folder = load::folder(root, name, version);
    let list = folder.join(SERIES_FILE);
    let old_list = if list.is_file() { fs_err::read_to_string(&list)? } else { String::new() };
    let mut done = Refreshed::default();

    for Patch { file, text } in &patches {
        let path = folder.join(file);
        if !path.is_file() {
            done.added.push(file.clone());
        } else if fs_err::read(&path)? == text.as_bytes() {
            done.kept += 1;
            continue;
        } else {
            done.changed.push(file.clone());
        }
        replace(&path, text)?;
    }
    let (new_list, lost_comments) = rewrite_list(&old_list, &patches);
    done.lost_comments = lost_comments;
    if new_list.is_empty() && list.exists() {
        fs_err::remove_file(&list)?;
    } else if new_list != old_list {
        replace(&list, &new_list)?;
    }
    for file in load::patch_files(&folder)? {
        if !patches.iter().any(|patch| patch.file == file) {
            fs_err::remove_file(folder.join(&file))?;
            done.removed.push(file);
        }
    }
    if folder.is_dir() && fs_err::read_dir(&folder)?.next().is_none() {
        fs_err::remove_dir(&folder)?;
    }
    worktree::mark_applied(&repo)?;
    done.problems = lint::lint(&Series { source: name.into(), version: version.into(), patches, ..Series::default() });
    Ok(done)
}

/// The exported patches together with those of the layers that the tree lacks. Each of these stays behind the patch
/// that it is behind in the old series.
fn with_absent(old: &Series, exported: Vec<Patch>, source: &Source, present: &Source) -> Result<Vec<Patch>> {
    let lacks = |patch: &Patch| patch.lacks_layer(source, present).map(str::to_owned);
    if let Some((patch, layer)) = exported.iter().find_map(|patch| Some((patch, lacks(patch)?))) {
        let hint =
            "make the change in a tree with that layer: move this one away, then `cargo xtask patch apply` again";
        bail!("{} changes the layer {layer}, which the working tree lacks\nhint: {hint}", title(&patch.file));
    }
    let mut merged = exported;
    // The title of the patch before the current one, in the old series.
    let mut before: Option<&str> = None;
    for patch in &old.patches {
        if lacks(patch).is_some() {
            let at = before.and_then(|before| merged.iter().position(|patch| title(&patch.file) == before));
            merged.insert(at.map_or(0, |at| at + 1), patch.clone());
        } else if !merged.iter().any(|other| title(&other.file) == title(&patch.file)) {
            // Dropped: what follows stays behind the one before it.
            continue;
        }
        before = Some(title(&patch.file));
    }
    for (number, patch) in (1..).zip(&mut merged) {
        patch.file = format!("{number:04}-{}", title(&patch.file));
    }
    Ok(merged)
}

/// Replaces a file atomically.
fn replace(path: &Path, text: &str) -> Result<()> {
    let temporary = path.with_extension("tmp");
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::write(&temporary, text)?;
    Ok(fs_err::rename(temporary, path)?)
}

/// A patch in the `series` file, with its comments.
struct SeriesLine<'a> {
    title: &'a str,
    above: Vec<&'a str>,
    /// The comment after the file name, if any.
    behind: &'a str,
}

/// The `series` file for the new patches, and the comments of removed patches.
fn rewrite_list(old: &str, patches: &[Patch]) -> (String, Vec<String>) {
    let mut above: Vec<&str> = Vec::new();
    let (mut top, mut entries) = (Vec::new(), Vec::new());
    for line in old.lines() {
        if let Some((_, name)) = load::entries(line).next() {
            let behind = line.find('#').map_or("", |at| &line[at..]);
            entries.push(SeriesLine { title: title(name), above: std::mem::take(&mut above), behind });
        } else {
            above.push(line);
            // A comment that a blank line separates from the first patch concerns the whole list.
            if entries.is_empty() && line.trim().is_empty() {
                top.append(&mut above);
            }
        }
    }
    let mut lines: Vec<String> = top.into_iter().map(Into::into).collect();
    for patch in patches {
        let found = entries.iter().position(|entry| entry.title == title(&patch.file));
        let Some(entry) = found.map(|at| entries.remove(at)) else {
            lines.push(patch.file.clone());
            continue;
        };
        lines.extend(entry.above.into_iter().map(Into::into));
        lines.push(format!("{} {}", patch.file, entry.behind).trim_end().into());
    }
    lines.extend(above.into_iter().map(Into::into));
    let lost = entries.iter().flat_map(|entry| entry.above.iter().copied().chain([entry.behind]));
    let lost = lost.filter(|line| !line.trim().is_empty()).map(Into::into).collect();
    // Every line ends with a newline. Without lines, the text is empty.
    lines.extend((!lines.is_empty()).then(String::new));
    (lines.join("\n"), lost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::git::Repo;
    use crate::source::patch::testing::{self, TREE};
    use bringup_model::pins::SourceLayer;

    const LIST: &str = "# About all.\n\n# About ten.\n0001-Spell-ten.patch\n\n# About twelve.\n0002-Spell-twelve.patch # last\n# End.\n";

    /// A project, with a working tree of its series in `tree`.
    fn project() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        testing::write(&root.path().join("pristine"), &TREE);
        testing::install(root.path(), LIST);
        let series = load::load(root.path(), "musl", "1.0").unwrap();
        worktree::checkout(&[&root.path().join("pristine")], &root.path().join("tree"), &series).unwrap();
        root
    }

    fn run(root: &Path) -> Result<Refreshed> {
        refresh(root, &testing::source(), &root.join("tree"))
    }

    #[test]
    fn round_trip_changes_no_byte() {
        let root = project();
        assert_eq!(run(root.path()).unwrap(), Refreshed { kept: 2, ..Refreshed::default() });
        assert_eq!(load::load(root.path(), "musl", "1.0").unwrap(), testing::series());
        let list = load::folder(root.path(), "musl", "1.0").join(SERIES_FILE);
        assert_eq!(fs_err::read_to_string(list).unwrap(), LIST);
    }

    #[test]
    fn a_dropped_patch_goes_with_its_comment() {
        let root = project();
        Repo::open(&root.path().join("tree")).unwrap().unwrap().reset_hard("HEAD~1").unwrap();
        let done = run(root.path()).unwrap();
        assert_eq!((done.removed, done.kept), (vec!["0002-Spell-twelve.patch".to_owned()], 1));
        assert_eq!(done.lost_comments, ["# About twelve.", "# last"]);
        let list = load::folder(root.path(), "musl", "1.0").join(SERIES_FILE);
        assert_eq!(
            fs_err::read_to_string(list).unwrap(),
            "# About all.\n\n# About ten.\n0001-Spell-ten.patch\n# End.\n"
        );
        assert_eq!(load::load(root.path(), "musl", "1.0").unwrap().patches, testing::series().patches[..1]);
    }

    #[test]
    fn a_renumbered_patch_keeps_its_comment() {
        let patches = [Patch { file: "0001-Spell-twelve.patch".into(), text: String::new() }];
        let (new, lost) = rewrite_list(LIST, &patches);
        assert_eq!(new, "# About all.\n\n\n# About twelve.\n0001-Spell-twelve.patch # last\n# End.\n");
        assert_eq!(lost, ["# About ten."]);
    }

    #[test]
    fn uncommitted_work_and_other_sources_are_refused() {
        let root = project();
        let error = |result: Result<Refreshed>| format!("{:#}", result.unwrap_err());
        let tree = root.path().join("tree");
        let other = error(refresh(root.path(), &Source { version: "2.0".into(), ..testing::source() }, &tree));
        assert!(
            other.contains("is based on `musl 1.0, pristine`, but the pinned source is `musl 2.0, pristine`"),
            "{other}"
        );
        fs_err::write(tree.join("other.txt"), "edited\n").unwrap();
        let dirty = error(run(root.path()));
        assert!(dirty.contains("has changes that are not committed:\n   M other.txt"), "{dirty}");
        assert_eq!(fs_err::read_to_string(tree.join("other.txt")).unwrap(), "edited\n");
        let missing = error(refresh(root.path(), &testing::source(), &root.path().join("nowhere")));
        assert!(missing.contains("hint: `cargo xtask patch apply musl --musl 1.0` makes one"), "{missing}");
    }

    /// The layers `text` and `new`: the second patch is split, so that each layer has one.
    #[test]
    fn patches_of_absent_layers_stay_where_they_are() {
        let layer = |name: &str, folder: &str| SourceLayer { name: name.into(), folders: vec![folder.into()] };
        let source = Source { layers: vec![layer("text", "src"), layer("more", "more")], ..testing::source() };
        let root = tempfile::tempdir().unwrap();
        let more = testing::series().patches[0].text.replace("src/", "more/").replace("Spell ten", "Spell more");
        let text = testing::series().patches[0].text.clone();
        let third = more.replace("+ten", "+TEN");
        let names = ["0001-Spell-more.patch", "0002-Spell-ten.patch", "0003-Spell-more.patch"];
        let folder = load::folder(root.path(), "musl", "1.0");
        testing::write(
            &folder,
            &[("series", &(names.join("\n") + "\n")), (names[0], &more), (names[1], &text), (names[2], &third)],
        );
        testing::write(&root.path().join("pristine"), &TREE[..1]);
        let tree = root.path().join("tree");
        let series = load::load(root.path(), "musl", "1.0").unwrap().within(&source.with_layers(|name| name == "text"));
        worktree::checkout(&[&root.path().join("pristine")], &tree, &series).unwrap();
        let run = || refresh(root.path(), &source, &tree);
        assert_eq!(run().unwrap(), Refreshed { kept: 3, ..Refreshed::default() });

        // The one before it goes, and its number with it.
        let repo = Repo::open(&tree).unwrap().unwrap();
        repo.reset_hard(worktree::BASE).unwrap();
        let done = run().unwrap();
        assert_eq!(done.removed, ["0002-Spell-ten.patch", "0003-Spell-more.patch"]);
        assert_eq!(fs_err::read_to_string(folder.join("0002-Spell-more.patch")).unwrap(), third);

        let old = load::load(root.path(), "musl", "1.0").unwrap();
        let present = source.with_layers(|name| name == "text");
        let error = with_absent(&old, old.patches.clone(), &source, &present).unwrap_err().to_string();
        assert!(error.contains("Spell-more.patch changes the layer more, which the working tree lacks"), "{error}");
    }

    #[test]
    fn all_patches_dropped_leaves_no_folder() {
        let root = project();
        testing::install(root.path(), "0001-Spell-ten.patch\n0002-Spell-twelve.patch\n");
        Repo::open(&root.path().join("tree")).unwrap().unwrap().reset_hard(worktree::BASE).unwrap();
        assert_eq!(run(root.path()).unwrap().removed.len(), 2);
        assert!(!load::folder(root.path(), "musl", "1.0").exists());
    }
}
