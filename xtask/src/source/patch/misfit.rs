//! Why a patch does not fit the tree that it is for.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use bringup_model::series::{FileDiff, Hunk, Patch, Series};
use bringup_runner::exec::Output;

use crate::source::git;

/// Number of a hunk's lines that an error shows.
const HUNK_LINES: usize = 12;

/// Number of an id's digits that an error shows.
const ID_DIGITS: usize = 12;

/// A patch that does not fit.
#[derive(Debug)]
pub struct Misfit {
    /// The patch's file.
    pub file: String,
    /// Line of the patch file.
    pub line: usize,
    /// What is wrong.
    pub kind: MisfitKind,
    /// The patch, and what is wrong with it: git's error, files and hunks.
    pub message: String,
}

/// What is wrong with a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MisfitKind {
    /// Its hunks are nowhere in the source.
    DoesNotApply,
    /// The source has the whole change.
    AlreadyThere,
    /// The source has a part of the change.
    PartlyThere,
    /// The patch's text has been changed on its way.
    Damaged,
    /// It applies, but the result is not what the patch's `index` line says.
    Elsewhere,
}

/// The ids of a file that is not what a patch says.
pub(super) struct Blobs {
    /// Before the patch, if the file had the same name.
    pub before: Option<String>,
    /// After the patch.
    pub after: String,
    /// What the patch says.
    pub expected: String,
}

impl Misfit {
    /// What to do about it, in this series.
    pub fn hint(&self, series: &Series) -> String {
        let source = series.selector();
        let tree = format!("`cargo xtask patch apply {source}` makes a working tree");
        match self.kind {
            MisfitKind::AlreadyThere => {
                format!(
                    "{tree} and stops at the patch; `git am --skip` drops it, and `cargo xtask patch refresh {source}` follows"
                )
            }
            MisfitKind::Damaged => "take the patch again from where it comes from, as a file".into(),
            MisfitKind::DoesNotApply | MisfitKind::PartlyThere => format!("{tree} to repair it in"),
            MisfitKind::Elsewhere => {
                format!("{tree}; if the result is right, `cargo xtask patch refresh {source}` writes its ids")
            }
        }
    }
}

impl MisfitKind {
    /// A word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::DoesNotApply => "no",
            Self::AlreadyThere => "no: the source has it",
            Self::PartlyThere => "no: the source has a part of it",
            Self::Damaged => "no: it is damaged",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// Explains git's failure to apply a patch of a series to a tree that has the patches before it.
pub(super) fn explain(tree: &Path, scratch: &Path, series: &Series, index: usize, output: &Output) -> Result<Misfit> {
    let patch = &series.patches[index];
    let attempts = Attempts { tree, scratch, patch };
    let file = &patch.file;
    let misfit = |kind, line, message| Ok(Misfit { file: file.clone(), line, kind, message });
    if attempts.applies(patch.diff(), &["--reverse"])? {
        let twin = series.patches[..index].iter().find(|earlier| earlier.changes_the_same(patch));
        let whose = twin.map_or_else(String::new, |twin| format!(", from {}, which makes the same change", twin.file));
        let message =
            format!("{file} does not apply: the change is already in the source (its reverse applies){whose}");
        return misfit(MisfitKind::AlreadyThere, 1, message);
    }
    if let Some(damage) = attempts.damage()? {
        return misfit(MisfitKind::Damaged, 1, format!("{file} does not apply as it is: {damage}"));
    }
    let (there, all) = attempts.parts_that_are_there()?;
    let (line, mut message) = shown(patch, output, &there);
    if there.is_empty() {
        return misfit(MisfitKind::DoesNotApply, line, message);
    }
    let _ = write!(message, "\n{} of its {all} parts are already in the source (their reverse applies):", there.len());
    for part in &there {
        let _ = write!(message, "\n  {part}");
    }
    misfit(MisfitKind::PartlyThere, line, message)
}

/// A patch that git applies, with another result than its `index` line says.
pub(super) fn elsewhere(patch: &Patch, diff: &FileDiff<'_>, blobs: &Blobs, output: &Output) -> Misfit {
    let short = |id: &str| id.get(..ID_DIGITS).unwrap_or(id).to_owned();
    let name = diff.name();
    let mut message = format!(
        "{} applies, but {name} becomes {}, and its `index` line says {}",
        patch.file,
        short(&blobs.after),
        short(&blobs.expected)
    );
    let moved = moved_hunks(&String::from_utf8_lossy(&output.stderr), diff);
    let other = blobs.before.as_ref().zip(diff.ids).filter(|(before, ids)| !before.starts_with(ids.old));
    for (hunk, line) in &moved {
        let _ = write!(message, "\n{name}, line {}: {} has landed at line {line}", hunk.start, hunk.header);
    }
    if let Some((before, ids)) = other {
        let (before, old) = (short(before), short(ids.old));
        let _ = write!(message, "\nthe patch was made for another {name}: {old}, but the source has {before}");
    } else if moved.is_empty() {
        message += "\nits hunks have been changed since the `index` line was written";
    }
    let line = moved.first().map(|(hunk, _)| hunk.line).or(diff.hunks.first().map(|hunk| hunk.line)).unwrap_or(1);
    Misfit { file: patch.file.clone(), line, kind: MisfitKind::Elsewhere, message }
}

/// The hunks that git has applied to other lines than their headers say, with these lines.
fn moved_hunks<'h, 'p>(printed: &str, diff: &'h FileDiff<'p>) -> Vec<(&'h Hunk<'p>, usize)> {
    let mut current = false;
    let mut moved = Vec::new();
    for line in printed.lines() {
        if let Some(name) = line.strip_prefix("Checking patch ") {
            let name = name.strip_suffix("...").unwrap_or(name);
            current = name == diff.name() || name.ends_with(&format!("=> {}", diff.name()));
        } else if let Some(rest) = line.strip_prefix("Hunk #").filter(|_| current)
            && let Some((number, rest)) = rest.split_once(" succeeded at ")
            && let Some((at, _)) = rest.split_once(" (offset ")
            && let (Ok(number), Ok(at)) = (number.parse::<usize>(), at.parse())
            && let Some(hunk) = number.checked_sub(1).and_then(|index| diff.hunks.get(index))
        {
            moved.push((hunk, at));
        }
    }
    moved
}

/// Git's error with the patch, the file and the hunk, except hunks that are there already.
fn shown(patch: &Patch, output: &Output, there: &[String]) -> (usize, String) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let hunks = patch.hunks();
    let failed: Vec<&Hunk<'_>> = stderr.lines().filter_map(|line| failed_hunk(line, &hunks)).collect();
    let mut message = format!("{} does not apply", patch.file);
    for hunk in failed.iter().filter(|hunk| !there.contains(&place(hunk))) {
        let _ = write!(message, "\n{}", place(hunk));
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
    (failed.first().map_or(1, |hunk| hunk.line), message)
}

fn place(hunk: &Hunk<'_>) -> String {
    format!("{}, line {}: {}", hunk.path, hunk.start, hunk.header)
}

/// The hunk in git's error `error: patch failed: FILE:LINE`.
fn failed_hunk<'a, 'p>(line: &str, hunks: &'a [Hunk<'p>]) -> Option<&'a Hunk<'p>> {
    let (path, start) = line.strip_prefix("error: patch failed: ")?.rsplit_once(':')?;
    let start: usize = start.parse().ok()?;
    hunks.iter().find(|hunk| hunk.path == path && hunk.start == start)
}

/// Attempts of a patch that does not apply, in other forms. They change nothing.
struct Attempts<'a> {
    tree: &'a Path,
    scratch: &'a Path,
    patch: &'a Patch,
}

impl Attempts<'_> {
    fn applies(&self, diff: &str, how: &[&str]) -> Result<bool> {
        let file = self.scratch.join("try.patch");
        fs_err::write(&file, diff)?;
        git::would_apply(self.tree, &file, how)
    }

    /// How the patch's text was damaged on its way, if that explains why it does not apply.
    fn damage(&self) -> Result<Option<&'static str>> {
        let diff = self.patch.diff();
        if self.applies(diff, &["--ignore-whitespace"])? {
            return Ok(Some("it would if white space did not matter, so tabs or spaces in it have been changed"));
        }
        let unescaped = from_html(diff);
        if unescaped != diff && self.applies(&unescaped, &[])? {
            return Ok(Some("its text is escaped for HTML (`&lt;` for `<`)"));
        }
        let decoded = from_quoted_printable(diff);
        if decoded.as_ref().is_some_and(|decoded| decoded != diff) && self.applies(&decoded.unwrap_or_default(), &[])? {
            return Ok(Some("its text is still encoded as quoted-printable (`=3D` for `=`)"));
        }
        Ok(None)
    }

    /// The parts of the patch that the source has already, and the number of all parts. A part is a hunk, or a file that
    /// is new, removed, renamed or binary.
    fn parts_that_are_there(&self) -> Result<(Vec<String>, usize)> {
        let (mut there, mut all) = (Vec::new(), 0);
        for diff in self.patch.diffs() {
            let mut parts = Vec::new();
            if diff.is_in_place() && !diff.hunks.is_empty() {
                for hunk in &diff.hunks {
                    let name = diff.name();
                    let lines = hunk.lines.join("\n");
                    let text =
                        format!("diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n{}\n{lines}\n", hunk.header);
                    parts.push((place(hunk), text));
                }
            } else {
                parts.push((diff.name().to_owned(), diff.text.to_owned()));
            }
            for (place, text) in parts {
                all += 1;
                if !self.applies(&text, &[])? && self.applies(&text, &["--reverse"])? {
                    there.push(place);
                }
            }
        }
        Ok((there, all))
    }
}

fn from_html(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    pairs.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The decoded text; nothing if it is not encoded so.
fn from_quoted_printable(text: &str) -> Option<String> {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'=' {
            decoded.push(first);
        } else if let Some(after) = rest.strip_prefix(b"\n") {
            rest = after;
        } else {
            let (digits, after) = rest.split_at_checked(2)?;
            decoded.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::super::apply::apply;
    use super::*;
    use crate::source::patch::testing::{self, TREE};

    /// The error of a series over the tree after a change.
    fn error(series: &Series, change: impl Fn(&str) -> String) -> String {
        let tree = tempfile::tempdir().unwrap();
        testing::write(tree.path(), &TREE);
        let count = tree.path().join("src/count.txt");
        let text = fs_err::read_to_string(&count).unwrap();
        fs_err::write(&count, change(&text)).unwrap();
        format!("{:#}", apply(tree.path(), series).unwrap_err())
    }

    fn changed(change: impl Fn(&str) -> String) -> Series {
        let mut series = testing::series();
        series.patches[0].text = change(&series.patches[0].text);
        series
    }

    #[test]
    fn a_patch_that_does_not_apply_is_named_with_file_and_hunk() {
        let message = error(&testing::series(), |text| text.replace("\n10\n", "\nX\n"));
        let expected = "patching musl 1.0: 0001-Spell-ten.patch does not apply\n\
                        src/count.txt, line 7: @@ -7,7 +7,7 @@\n  |  7\n  |  8\n";
        assert!(message.starts_with(expected), "{message}");
        assert!(message.contains("git: error: patch failed: src/count.txt:7"), "{message}");
        let hint = "hint: `cargo xtask patch apply musl --musl 1.0` makes a working tree to repair it in";
        assert!(message.ends_with(hint), "{message}");
    }

    #[test]
    fn missing_file_and_broken_patch_are_named() {
        let tree = tempfile::tempdir().unwrap();
        let error = format!("{:#}", apply(tree.path(), &testing::series()).unwrap_err());
        assert!(error.contains("0001-Spell-ten.patch does not apply"), "{error}");
        assert!(error.contains("src/count.txt: No such file or directory"), "{error}");
        let error = format!("{:#}", apply(tree.path(), &changed(|_| "no diff at all\n".into())).unwrap_err());
        assert!(error.contains("0001-Spell-ten.patch"), "{error}");
    }

    #[test]
    fn what_the_source_has_already_is_told() {
        let message = error(&testing::series(), |text| text.replace("\n10\n", "\nten\n"));
        let expected = "patching musl 1.0: 0001-Spell-ten.patch does not apply: the change is already in the source \
                        (its reverse applies)\nhint: `cargo xtask patch apply musl --musl 1.0` makes a working tree and stops at";
        assert!(message.starts_with(expected), "{message}");

        let mut series = testing::series();
        series.patches[1].text = series.patches[0].text.replace("Spell ten", "Spell ten again");
        let message = error(&series, str::to_owned);
        let expected = "0002-Spell-twelve.patch does not apply: the change is already in the source (its reverse \
                        applies), from 0001-Spell-ten.patch, which makes the same change";
        assert!(message.contains(expected), "{message}");

        // The source has twelve, but not the new file.
        let message = error(&testing::series(), |text| text.replace("\n12\n", "\ntwelve\n"));
        assert!(message.contains("0001-Spell-ten.patch does not apply\n"), "{message}");
        let mut series = testing::series();
        series.patches.remove(0);
        let message = error(&series, |text| text.replace("\n10\n", "\nten\n").replace("\n12\n", "\ntwelve\n"));
        let expected = "1 of its 2 parts are already in the source (their reverse applies):\n  \
                        src/count.txt, line 9: @@ -9,7 +9,7 @@\nhint: ";
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn damage_on_the_way_is_told() {
        let error = |change: &dyn Fn(&str) -> String, source: &str, to: &str| {
            error(&changed(change), |text| text.replace(source, to))
        };
        let message = error(&|text| text.replace("\n 8\n", "\n     8\n"), "\n8\n", "\n\t8\n");
        assert!(message.contains("does not apply as it is: it would if white space did not matter"), "{message}");
        let message = error(&|text| text.replace("\n 8\n", "\n a &lt; &amp;b\n"), "\n8\n", "\na < &b\n");
        assert!(message.contains("does not apply as it is: its text is escaped for HTML"), "{message}");
        let message = error(&|text| text.replace("\n 8\n", "\n a =3D b=\n;\n"), "\n8\n", "\na = b;\n");
        assert!(
            message.contains("does not apply as it is: its text is still encoded as quoted-printable"),
            "{message}"
        );
    }

    /// Two equal blocks: git takes the one that is nearest to the line in the hunk's header.
    #[test]
    fn a_hunk_that_lands_elsewhere_is_told() {
        let tree = tempfile::tempdir().unwrap();
        let block = "a\nb\nc\nX\nd\ne\nf\n";
        testing::write(tree.path(), &[("f", &format!("{block}\n{block}"))]);
        let ids = git::blob_ids(&[tree.path().join("f")]).unwrap();
        let right = |line: usize, new: &str| {
            let text = format!(
                "diff --git a/f b/f\nindex {}..{new} 100644\n--- a/f\n+++ b/f\n@@ -{line},7 +{line},7 @@\n a\n b\n c\n-X\n+Y\n d\n e\n f\n",
                ids[0]
            );
            Series { patches: vec![Patch { file: "0001-y.patch".into(), text }], ..testing::series() }
        };
        let second = format!("{block}\n{}", block.replace('X', "Y"));
        testing::write(tree.path(), &[("expected", &second)]);
        let new = git::blob_ids(&[tree.path().join("expected")]).unwrap().remove(0);
        let message = format!("{:#}", apply(tree.path(), &right(2, &new)).unwrap_err());
        assert!(message.contains("0001-y.patch applies, but f becomes "), "{message}");
        assert!(message.contains("f, line 2: @@ -2,7 +2,7 @@ has landed at line 1\nhint: "), "{message}");

        testing::write(tree.path(), &[("f", &format!("{block}\n{block}"))]);
        let message = format!("{:#}", apply(tree.path(), &right(1, &new)).unwrap_err());
        assert!(message.contains("its hunks have been changed since the `index` line was written"), "{message}");

        testing::write(tree.path(), &[("f", &format!("{block}\n{block}"))]);
        apply(tree.path(), &right(9, &new)).unwrap();
        assert_eq!(fs_err::read_to_string(tree.path().join("f")).unwrap(), second);

        testing::write(tree.path(), &[("f", &format!("{block}\n{block}\n"))]);
        let message = format!("{:#}", apply(tree.path(), &right(9, &new)).unwrap_err());
        assert!(message.contains("the patch was made for another f: "), "{message}");
    }
}
