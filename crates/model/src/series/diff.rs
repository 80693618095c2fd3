//! The diffs in a patch: which files change, from which blob to which, and by which hunks.

use super::Patch;

/// The change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff<'a> {
    /// The file's name before the patch; nothing for a new file.
    pub old: Option<&'a str>,
    /// The file's name after the patch; nothing for a removed file.
    pub new: Option<&'a str>,
    /// The ids on the `index` line; nothing if there is no such line.
    pub ids: Option<BlobIds<'a>>,
    /// Whether the content changes: a new mode or a new name alone does not change it.
    pub changes_content: bool,
    /// The hunks; none for a binary file.
    pub hunks: Vec<Hunk<'a>>,
    /// The lines of this diff, from `diff --git` on.
    pub text: &'a str,
}

/// The ids of a file's content before and after a patch, possibly abbreviated. Zeros stand for a missing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobIds<'a> {
    /// Before the patch.
    pub old: &'a str,
    /// After the patch.
    pub new: &'a str,
}

/// One hunk of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk<'a> {
    /// The changed file, by its name before the patch.
    pub path: &'a str,
    /// The hunk's first line in the patch file, from 1.
    pub line: usize,
    /// The hunk's first line in the file before the patch, from 1.
    pub start: usize,
    /// The `@@ … @@` line.
    pub header: &'a str,
    /// The lines after the `@@ … @@` line.
    pub lines: Vec<&'a str>,
    /// How many lines of both sides the header promises and the hunk lacks.
    pub lacks: (usize, usize),
}

impl<'a> FileDiff<'a> {
    /// The file's name after the patch, or before it if the patch removes the file.
    pub fn name(&self) -> &'a str {
        self.new.or(self.old).unwrap_or_default()
    }

    /// Whether the file exists before and after the patch under the same name.
    pub fn is_in_place(&self) -> bool {
        self.old.is_some() && self.old == self.new
    }
}

impl Patch {
    /// The diffs, in order.
    pub fn diffs(&self) -> Vec<FileDiff<'_>> {
        let mut diffs: Vec<FileDiff<'_>> = Vec::new();
        let mut left = (0usize, 0usize);
        for PatchLine { number, start, text } in lines(&self.text) {
            if left != (0, 0)
                && let Some(counts) = counts(text)
                && let Some(hunk) = diffs.last_mut().and_then(|diff| diff.hunks.last_mut())
            {
                // The counts in a hunk's header say where the hunk ends, because a removed line may read `--- a/…`.
                left = (left.0.saturating_sub(counts.0), left.1.saturating_sub(counts.1));
                hunk.lacks = left;
                hunk.lines.push(text);
            } else if let Some(names) = text.strip_prefix("diff --git ") {
                left = (0, 0);
                let name = same_name(names);
                let text = &self.text[start..];
                diffs.push(FileDiff { old: name, new: name, ids: None, changes_content: false, hunks: vec![], text });
            } else if let Some(diff) = diffs.last_mut() {
                left = (0, 0);
                if let Some((old, new)) = text.strip_prefix("@@ -").and_then(ranges) {
                    left = (old.1, new.1);
                    let path = diff.old.or(diff.new).unwrap_or_default();
                    let lines = Vec::new();
                    diff.hunks.push(Hunk { path, line: number, start: old.0, header: text, lines, lacks: left });
                    diff.changes_content = true;
                } else if let Some(hunk) = diff.hunks.last_mut() {
                    // `\ No newline at end of file`
                    hunk.lines.extend(text.starts_with('\\').then_some(text));
                } else {
                    read_header(diff, text);
                }
            }
        }
        let starts: Vec<usize> = diffs.iter().map(|diff| self.text.len() - diff.text.len()).collect();
        for (diff, end) in diffs.iter_mut().zip(starts.iter().skip(1)) {
            diff.text = &diff.text[..end - (self.text.len() - diff.text.len())];
        }
        diffs
    }

    /// The patch without its mail: everything from the first `diff --git` on. It alone decides what the patch does to a
    /// tree.
    pub fn diff(&self) -> &str {
        let first = lines(&self.text).find(|line| line.text.starts_with("diff --git "));
        first.map_or("", |line| &self.text[line.start..])
    }

    /// The names of the changed files: those before and after the patch, each once.
    pub fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = Vec::new();
        for name in self.diffs().iter().flat_map(|diff| [diff.old, diff.new]).flatten() {
            if !files.contains(&name) {
                files.push(name);
            }
        }
        files
    }

    /// Every hunk, in order.
    pub fn hunks(&self) -> Vec<Hunk<'_>> {
        self.diffs().into_iter().flat_map(|diff| diff.hunks).collect()
    }

    /// Numbers of added and removed lines.
    pub fn lines(&self) -> (usize, usize) {
        let hunks = self.hunks();
        let count =
            |mark: &str| hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.starts_with(mark)).count();
        (count("+"), count("-"))
    }

    /// Whether the other patch changes the same lines of the same files, wherever these lines are.
    pub fn changes_the_same(&self, other: &Self) -> bool {
        let changes = |patch: &Self| {
            let hunks = patch.hunks();
            let hunks = hunks.into_iter().map(|hunk| (hunk.path.to_owned(), hunk.lines.join("\n")));
            hunks.collect::<Vec<_>>()
        };
        let ours = changes(self);
        !ours.is_empty() && ours == changes(other)
    }
}

/// A line without its newline.
pub(super) struct PatchLine<'a> {
    /// Its number, from 1.
    pub number: usize,
    /// Its place in the text, in bytes.
    pub start: usize,
    pub text: &'a str,
}

pub(super) fn lines(text: &str) -> impl Iterator<Item = PatchLine<'_>> {
    let mut start = 0;
    (1..).zip(text.split_inclusive('\n')).map(move |(number, line)| {
        let at = start;
        start += line.len();
        PatchLine { number, start: at, text: line.strip_suffix('\n').unwrap_or(line) }
    })
}

/// How many lines of both sides a line of a hunk stands for; nothing if no hunk has such a line.
pub(super) fn counts(line: &str) -> Option<(usize, usize)> {
    match line.as_bytes().first() {
        Some(b'-') => Some((1, 0)),
        Some(b'+') => Some((0, 1)),
        Some(b'\\') => Some((0, 0)),
        // git also reads an empty line as an empty line of context.
        Some(b' ') | None => Some((1, 1)),
        Some(_) => None,
    }
}

/// The name in `a/NAME b/NAME`; nothing if the two differ.
fn same_name(names: &str) -> Option<&str> {
    let (old, new) = names.split_at_checked(names.len() / 2)?;
    let (old, new) = (old.strip_prefix("a/")?, new.strip_prefix(" b/")?);
    (old == new).then_some(new)
}

/// Reads one of the lines between `diff --git` and the first hunk.
fn read_header<'a>(diff: &mut FileDiff<'a>, text: &'a str) {
    let value = |key: &str| text.strip_prefix(key);
    // git adds a tab to a name with spaces.
    let name = |side: &'a str| side.split('\t').next().filter(|name| !name.is_empty());
    if value("new file mode ").is_some() {
        diff.old = None;
    } else if value("deleted file mode ").is_some() {
        diff.new = None;
    } else if let Some(from) = value("rename from ").or_else(|| value("copy from ")) {
        diff.old = Some(from);
    } else if let Some(to) = value("rename to ").or_else(|| value("copy to ")) {
        diff.new = Some(to);
    } else if let Some(old) = value("--- a/").and_then(name) {
        diff.old = Some(old);
    } else if let Some(new) = value("+++ b/").and_then(name) {
        diff.new = Some(new);
    } else if text == "--- /dev/null" {
        diff.old = None;
    } else if text == "+++ /dev/null" {
        diff.new = None;
    } else if text == "GIT binary patch" {
        diff.changes_content = true;
    } else if let Some(ids) = value("index ") {
        let ids = ids.split(' ').next().unwrap_or_default();
        diff.ids = ids.split_once("..").map(|(old, new)| BlobIds { old, new });
    }
}

/// `12,3 +14,5 @@ …` as start and length on both sides.
pub(super) fn ranges(text: &str) -> Option<((usize, usize), (usize, usize))> {
    let (old, rest) = text.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| -> Option<(usize, usize)> {
        match text.split_once(',') {
            Some((start, length)) => Some((start.parse().ok()?, length.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        }
    };
    Some((range(old)?, range(new)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(text: &str) -> Patch {
        Patch { file: String::new(), text: text.into() }
    }

    #[test]
    fn hunks_are_found() {
        let text = "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -3,2 +3,1 @@ fn\n x\n--- a/no\n@@ -9 +8 @@\n-y\n+z\n\
                    diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+n\n";
        let patch = patch(text);
        let found: Vec<_> = patch.hunks().iter().map(|h| (h.path, h.start, h.lines.len())).collect();
        assert_eq!(found, [("f", 3, 2), ("f", 9, 2), ("n", 0, 1)]);
        let texts: Vec<_> = patch.diffs().iter().map(|diff| diff.text).collect();
        assert!(texts[0].ends_with("+z\n") && texts[1].starts_with("diff --git a/n"), "{texts:?}");
        assert_eq!(texts.concat(), text);
    }

    #[test]
    fn every_kind_of_change_has_its_names_and_ids() {
        let text = "prose\n--- a/not\n+++ b/this\n\n\
            diff --git a/old name b/new\nsimilarity index 90%\nrename from old name\nrename to new\nindex 12..34 100644\n\
            --- a/old name\t\n+++ b/new\n@@ -1 +1 @@\n-a\n+b\n\
            diff --git a/mode b/mode\nold mode 100644\nnew mode 100755\n\
            diff --git a/gone b/gone\ndeleted file mode 100644\nindex 56..00\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
            diff --git a/empty b/empty\nnew file mode 100644\nindex 00..e6\n\
            diff --git a/bin b/bin\nindex 78..9a 100644\nGIT binary patch\nliteral 3\nKcmZQzU\n\n";
        let patch = patch(text);
        let found: Vec<_> = patch
            .diffs()
            .iter()
            .map(|diff| (diff.old, diff.new, diff.ids.map(|ids| (ids.old, ids.new)), diff.changes_content))
            .collect();
        let expected = [
            (Some("old name"), Some("new"), Some(("12", "34")), true),
            (Some("mode"), Some("mode"), None, false),
            (Some("gone"), None, Some(("56", "00")), true),
            (None, Some("empty"), Some(("00", "e6")), false),
            (Some("bin"), Some("bin"), Some(("78", "9a")), true),
        ];
        assert_eq!(found, expected);
        assert_eq!(patch.files(), ["old name", "new", "mode", "gone", "empty", "bin"]);
        assert!(patch.diff().starts_with("diff --git a/old name b/new\n"), "{}", patch.diff());
    }

    #[test]
    fn the_same_change_is_known_wherever_it_is() {
        let change = |start: u32, to: &str| {
            patch(&format!("diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -{start} +{start} @@\n-a\n+{to}\n"))
        };
        assert!(change(1, "b").changes_the_same(&change(9, "b")));
        assert!(!change(1, "b").changes_the_same(&change(1, "c")));
        assert!(!patch("").changes_the_same(&patch("")));
    }
}
