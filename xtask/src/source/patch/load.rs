//! Reads `patches/<source>/<version>/`: the `series` file and the patches that it names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bringup_model::series::{FormFault, Patch, Series};

/// The file that lists a folder's patches in order.
pub const SERIES_FILE: &str = "series";

/// The folder of the patches of a source's version.
pub fn folder(root: &Path, source: &str, version: &str) -> PathBuf {
    root.join("patches").join(source).join(version)
}

/// Reads a series. A missing folder is an empty series.
///
/// Fails if the `series` file and the folder disagree: if a patch is missing, listed twice, or not listed.
pub fn load(root: &Path, source: &str, version: &str) -> Result<Series> {
    let folder = folder(root, source, version);
    let mut series = Series { source: source.into(), version: version.into(), ..Series::default() };
    let present = patch_files(&folder)?;
    let list = folder.join(SERIES_FILE);
    if !list.is_file() {
        if let Some(file) = present.first() {
            bail!("{}: {file} is there but no `series` file lists it", folder.display());
        }
        return Ok(series);
    }
    let mut listed: HashMap<String, usize> = HashMap::new();
    let mut faults = Vec::new();
    for (line, name) in entries(&fs_err::read_to_string(&list)?) {
        let at = format!("{}:{line}", list.display());
        if name.contains(char::is_whitespace) || name.contains('/') {
            bail!("{at}: expected one file name, not `{name}`");
        }
        if let Some(first) = listed.insert(name.to_owned(), line) {
            bail!("{at}: {name} is listed twice, first on line {first}");
        }
        let path = folder.join(name);
        if !path.is_file() {
            bail!("{at}: {name} is listed but not in the folder");
        }
        let bytes = fs_err::read(&path).with_context(|| format!("{at}: reading the patch"))?;
        match Patch::read(name, bytes) {
            Ok(read) => series.patches.push(read),
            Err(FormFault { line, message, hint }) => {
                let path = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                faults.push(format!("{path}:{line}: {message}\nhint: {}", hint.replace("FILE", &path)));
            }
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    if let Some(file) = present.iter().find(|file| !listed.contains_key(*file)) {
        bail!(
            "{}: {file} is in the folder but not listed\nhint: add it to the list, or remove the file",
            list.display()
        );
    }
    Ok(series)
}

/// Writes a series into a new folder.
pub fn write(folder: &Path, series: &Series) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    for patch in &series.patches {
        fs_err::write(folder.join(&patch.file), &patch.text)?;
    }
    let names = series.patches.iter().map(|patch| patch.file.as_str());
    let list: Vec<&str> = names.flat_map(|name| [name, "\n"]).collect();
    Ok(fs_err::write(folder.join(SERIES_FILE), list.concat())?)
}

/// A patch's file name without its number.
pub(super) fn title(file: &str) -> &str {
    file.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('-')
}

/// The versions of a source that have a folder of patches.
pub fn versions(root: &Path, source: &str) -> Result<Vec<String>> {
    let parent = root.join("patches").join(source);
    let mut versions = if parent.is_dir() { file_names(&parent)? } else { Vec::new() };
    versions.retain(|name| parent.join(name).is_dir());
    Ok(versions)
}

/// The patch files in a folder, sorted. A missing folder has none.
pub(super) fn patch_files(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = file_names(folder)?;
    files.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "patch"));
    Ok(files)
}

fn file_names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The lines of a `series` file that name a patch, with their numbers, counted from 1.
pub(super) fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // As in quilt, a comment may follow the name.
    (1..).zip(text.lines()).filter_map(|(number, line)| {
        let entry = line.split('#').next().unwrap_or("").trim();
        (!entry.is_empty()).then_some((number, entry))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::patch::testing;

    fn error(files: &[(&str, &str)]) -> String {
        let root = tempfile::tempdir().unwrap();
        testing::write(&folder(root.path(), "musl", "1.0"), files);
        format!("{:#}", load(root.path(), "musl", "1.0").unwrap_err())
    }

    #[test]
    fn series_is_read_in_order() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(load(root.path(), "musl", "1.0").unwrap().patches, []);
        testing::install(root.path(), "# why\n\n0002-Spell-twelve.patch\n0001-Spell-ten.patch # first\n");
        let series = load(root.path(), "musl", "1.0").unwrap();
        let tags: Vec<String> = series.inputs().map(|(tag, _)| tag).collect();
        assert_eq!(tags, ["patch of new.txt src/count.txt", "patch of src/count.txt"]);
        assert_eq!(versions(root.path(), "musl").unwrap(), ["1.0"]);
        assert!(versions(root.path(), "rust").unwrap().is_empty());
    }

    #[test]
    fn disagreements_name_file_and_line() {
        let good = testing::series().patches[0].text.clone();
        let twice = error(&[("series", "a.patch\n\na.patch\n"), ("a.patch", &good)]);
        assert!(twice.contains("patches/musl/1.0/series:3: a.patch is listed twice, first on line 1"), "{twice}");
        let missing = error(&[("series", "# x\na.patch\n")]);
        assert!(missing.contains("series:2: a.patch is listed but not in the folder"), "{missing}");
        let unlisted = error(&[("series", "a.patch\n"), ("a.patch", &good), ("b.patch", "")]);
        assert!(unlisted.contains("series: b.patch is in the folder but not listed"), "{unlisted}");
        let no_series = error(&[("b.patch", "")]);
        assert!(no_series.contains("b.patch is there but no `series` file lists it"), "{no_series}");
        let words = error(&[("series", "a.patch -p0\n"), ("a.patch", "")]);
        assert!(words.contains("series:1: expected one file name, not `a.patch -p0`"), "{words}");
        let outside = error(&[("series", "../a.patch\n")]);
        assert!(outside.contains("series:1: expected one file name"), "{outside}");
    }
}
