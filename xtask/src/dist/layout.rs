//! The files of the distribution, by their path in it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use anyhow::{Result, bail};
use bringup_runner::files::{Content, Files, below, files_below};

/// Files by their path in the distribution.
#[derive(Debug, Default)]
pub struct Layout(BTreeMap<String, Content>);

impl Layout {
    /// Adds a file. Fails if another file already has this path.
    pub fn put(&mut self, name: &str, content: Content) -> Result<()> {
        match self.0.entry(name.to_owned()) {
            Entry::Vacant(place) => {
                place.insert(content);
            }
            Entry::Occupied(place) => {
                let is_same = place.get().sha256()? == content.sha256()? && place.get().mode()? == content.mode()?;
                if !is_same {
                    bail!(
                        "two different files have the name `{name}` in the archive: {} and {}",
                        place.get().name(),
                        content.name()
                    );
                }
            }
        }
        Ok(())
    }

    /// Adds the files in `folder` and below it to the folder `name` of the distribution. `wanted` chooses them by
    /// their path in `folder`.
    pub fn tree(&mut self, folder: &Path, name: &str, wanted: impl Fn(&str) -> bool) -> Result<()> {
        for path in files_below(folder)? {
            let file = below(&path, folder)?;
            if wanted(&file) {
                let place = if name.is_empty() { file } else { format!("{name}/{file}") };
                self.put(&place, Content::File(path))?;
            }
        }
        Ok(())
    }

    /// The files so far.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.0.iter().map(|(name, content)| (name.as_str(), content))
    }

    /// All files, sorted.
    pub fn into_files(self) -> Files {
        self.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_collides_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one");
        fs_err::write(&file, "text").unwrap();
        let mut layout = Layout::default();
        layout.tree(folder.path(), "a/b", |name| name != "two").unwrap();
        layout.put("a/b/one", Content::Text("text".into())).unwrap();
        let error = layout.put("a/b/one", Content::Script("text".into())).unwrap_err().to_string();
        assert!(error.contains("the name `a/b/one`") && error.contains(file.to_str().unwrap()), "{error}");
        assert!(layout.put("a/b/one", Content::Text("other".into())).is_err());
        assert_eq!(layout.files().map(|(name, _)| name).collect::<Vec<_>>(), ["a/b/one"]);
    }
}
