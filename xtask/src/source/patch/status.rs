//! A series as a table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bringup_model::pins::Source;
use bringup_model::series::Series;

use super::misfit::MisfitKind;

/// One patch of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRow {
    /// Source, version and file name.
    pub patch: String,
    /// The layer that the patch belongs to, or why it belongs to none.
    pub layer: String,
    /// The patch's subject.
    pub subject: String,
    /// The targets that require the patch.
    pub targets: String,
    /// The upstream status, or what is wrong with it.
    pub upstream: String,
    /// The changed files.
    pub files: Vec<String>,
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
    /// Whether the patch applies after those before it. `None` if its layer cannot be had.
    pub applies: Option<Result<(), MisfitKind>>,
}

/// Headings of the columns of [`StatusRow::cells`]. The files come last, because some patches change many.
pub const HEADINGS: [&str; 8] = ["patch", "applies", "lines", "layer", "targets", "upstream", "subject", "files"];

impl StatusRow {
    /// The row as text.
    pub fn cells(&self) -> [String; 8] {
        let applies = match self.applies {
            Some(Ok(())) => "yes",
            Some(Err(kind)) => kind.word(),
            None => "not tried",
        };
        let lines = format!("+{} -{}", self.added, self.removed);
        let [patch, layer, subject, targets, upstream] =
            [&self.patch, &self.layer, &self.subject, &self.targets, &self.upstream].map(Clone::clone);
        [patch, applies.into(), lines, layer, targets, upstream, subject, self.files.join(" ")]
    }
}

/// One row for each patch. Tries whether each applies to the pristine tree that it is of: `parts` are trees, each with its
/// part of the series.
pub fn status(source: &Source, series: &Series, parts: &[(PathBuf, Series)]) -> Result<Vec<StatusRow>> {
    let mut applies = BTreeMap::new();
    for (pristine, part) in parts {
        let scratch = tempfile::tempdir().context("making a folder for the patches")?;
        let tree = scratch.path().join("tree");
        fs_err::create_dir(&tree)?;
        super::copy_touched(pristine, part, &tree)?;
        for (index, patch) in part.patches.iter().enumerate() {
            let result = super::apply::apply_one(&tree, scratch.path(), part, index)?;
            applies.insert(&patch.file, result.map_err(|misfit| misfit.kind));
        }
    }
    let mut rows = Vec::new();
    for patch in &series.patches {
        let header = patch.header();
        let (added, removed) = patch.lines();
        let applies = applies.remove(&patch.file);
        rows.push(StatusRow {
            patch: format!("{}/{}/{}", series.source, series.version, patch.file),
            layer: super::references::layer(source, patch).map_or_else(|problem| problem, Into::into),
            targets: header.targets().map_or_else(|| "all".into(), |names| names.join(" ")),
            subject: header.subject().to_owned(),
            upstream: header.upstream_status().map_or_else(|(_, problem)| problem, |status| status.to_string()),
            files: patch.files().into_iter().map(Into::into).collect(),
            added,
            removed,
            applies,
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::patch::testing::{self, TREE};

    #[test]
    fn rows_say_what_patches_do() {
        let pristine = tempfile::tempdir().unwrap();
        testing::write(pristine.path(), &TREE);
        let whole = [(pristine.path().to_owned(), testing::series())];
        let status = |parts: &[_]| status(&testing::source(), &testing::series(), parts);
        let rows = status(&whole).unwrap();
        let cells = [
            "musl/1.0/0002-Spell-twelve.patch",
            "yes",
            "+2 -1",
            "libc",
            "all",
            "Inappropriate [test]",
            "Spell twelve",
            "new.txt src/count.txt",
        ];
        assert_eq!(rows[1].cells(), cells);
        assert_eq!(status(&[]).unwrap()[0].applies, None);

        fs_err::write(pristine.path().join("src/count.txt"), "other\n").unwrap();
        let rows = status(&whole).unwrap();
        assert_eq!(rows[0].applies, Some(Err(MisfitKind::DoesNotApply)));
    }
}
