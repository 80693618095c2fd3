//! The rules for a patch's trailers and form.

use std::fmt;

use bringup_model::series::{Patch, Series};

/// A problem of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchProblem {
    /// Path of the file, from the project's folder.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// The problem.
    pub message: String,
}

impl fmt::Display for PatchProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Required trailers, and what they contain. Unknown trailers are ignored.
const CVE: &str = "CVE";
const REQUIRED: [(&str, &str); 2] = [
    ("Targets", "the targets that need it, or `all`"),
    ("Proof", "the path of a program that fails without it and passes with it"),
];

/// Checks the trailers and the form of each patch.
pub fn lint(series: &Series) -> Vec<PatchProblem> {
    let lint = |(index, patch)| {
        lint_patch(index, patch).into_iter().map(move |(line, text)| problem(series, patch, line, text))
    };
    let mut problems: Vec<PatchProblem> = series.patches.iter().enumerate().flat_map(lint).collect();
    for (index, patch) in series.patches.iter().enumerate() {
        if let Some(twin) = series.patches[..index].iter().find(|earlier| earlier.changes_the_same(patch)) {
            problems.push(problem(series, patch, 1, format!("makes the same change as {}", twin.file)));
        }
    }
    problems
}

/// Makes a problem of one patch of a series.
pub(super) fn problem(series: &Series, patch: &Patch, line: usize, message: String) -> PatchProblem {
    PatchProblem { file: format!("patches/{}/{}/{}", series.source, series.version, patch.file), line, message }
}

fn lint_patch(index: usize, patch: &Patch) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    let mut report = |line: usize, text: &str| problems.push((line, text.to_owned()));
    let number = format!("{:04}-", index + 1);
    let title = patch.file.strip_prefix(&number).and_then(|rest| rest.strip_suffix(".patch"));
    if title.is_none_or(str::is_empty) {
        report(1, &format!("number {} in the series must be called `{number}title.patch`", index + 1));
    }
    if !patch.text.starts_with("From 0000000000000000000000000000000000000000 ") {
        report(1, "does not begin as `git format-patch --zero-commit` writes it");
    }
    let header = patch.header();
    if !header.from.as_deref().is_some_and(|from| from.contains('<')) {
        report(1, "the line `From: Name <address>` is missing");
    }
    if header.subject().is_empty() {
        report(1, "the subject is missing");
    } else if !header.raw_subject.starts_with("[PATCH] ") {
        report(line_of(patch, "Subject:"), "the subject must begin with a plain `[PATCH] `");
    }
    if header.body.is_empty() {
        report(line_of(patch, "Subject:"), "the body is missing: say why the patch is needed");
    }
    if let Err((line, text)) = header.upstream_status() {
        report(line, &text);
    }
    for (key, what) in REQUIRED {
        let mut found = header.trailers(key);
        match found.next() {
            None => report(1, &format!("the trailer `{key}:` is missing; expected {what}")),
            Some(trailer) if trailer.value.is_empty() => report(trailer.line, &format!("`{key}:` is empty")),
            Some(_) => {}
        }
        if let Some(second) = found.next() {
            report(second.line, &format!("the trailer `{key}:` appears twice"));
        }
    }
    for trailer in header.trailers(CVE) {
        if trailer.value.is_empty() || !trailer.value.split_whitespace().all(is_cve) {
            report(trailer.line, &format!("`{}` is not a CVE number", trailer.value));
        }
    }
    if let Some((line, _)) = patch.preamble().find(|(_, line)| is_diffstat(line)) {
        report(line, "a diffstat, which goes stale");
    }
    if let Some(line) = signature(patch) {
        report(line, "git's version as a signature, which goes stale");
    }
    let diffs = patch.diffs();
    if diffs.is_empty() {
        report(1, "changes nothing");
    }
    if let Some(diff) = diffs.iter().find(|diff| diff.changes_content && diff.ids.is_none()) {
        let line = patch.text[..patch.text.len() - patch.diff().len()].lines().count() + 1;
        let text = format!(
            "no `index` line for {}, so nobody knows what it must become; `patch refresh` writes it",
            diff.name()
        );
        report(line, &text);
    }
    problems
}

fn line_of(patch: &Patch, start: &str) -> usize {
    patch.preamble().find(|(_, line)| line.starts_with(start)).map_or(1, |(line, _)| line)
}

fn is_cve(word: &str) -> bool {
    let digits = |text: &str, least: usize| text.len() >= least && text.chars().all(|c| c.is_ascii_digit());
    let parts = word.strip_prefix("CVE-").and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(year, number)| digits(year, 4) && digits(number, 4))
}

/// ` path/of/file.c | 12 ++--`, or the ` 1 file changed, …` that ends it.
fn is_diffstat(line: &str) -> bool {
    let Some(rest) = line.strip_prefix(' ') else { return false };
    let row = rest.split_once(" | ").is_some_and(|(_, count)| {
        let count = count.trim_start();
        count.starts_with(|c: char| c.is_ascii_digit()) || count.starts_with("Bin ")
    });
    row || (rest.contains(" changed, ") && rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Line of the `-- ` that git writes above its version.
fn signature(patch: &Patch) -> Option<usize> {
    let lines: Vec<&str> = patch.text.trim_end().lines().collect();
    let at = lines.len().checked_sub(2)?;
    (lines[at] == "-- ").then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::patch::{load, testing};

    fn problems(change: impl Fn(&str) -> String) -> Vec<String> {
        let mut series = testing::series();
        series.patches.truncate(1);
        series.patches[0].text = change(&series.patches[0].text);
        lint(&series).iter().map(ToString::to_string).collect()
    }

    fn one(change: impl Fn(&str) -> String, expected: &str) {
        let found = problems(change);
        assert_eq!(found.len(), 1, "{expected}: {found:?}");
        assert!(found[0].starts_with("patches/musl/1.0/0001-Spell-ten.patch:"), "{found:?}");
        assert!(found[0].contains(expected), "{expected}: {found:?}");
    }

    #[test]
    fn good_patches_pass() {
        assert_eq!(lint(&testing::series()), []);
    }

    #[test]
    fn the_patches_of_the_project_pass() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for source in fs_err::read_dir(root.join("patches")).unwrap() {
            let source = source.unwrap();
            for version in fs_err::read_dir(source.path()).unwrap() {
                let (source, version) = (source.file_name(), version.unwrap().file_name());
                let series = load::load(&root, source.to_str().unwrap(), version.to_str().unwrap()).unwrap();
                assert_eq!(lint(&series), []);
            }
        }
    }

    #[test]
    fn each_fault_is_found() {
        one(|text| text.replace("From: A U Thor", "X: A U Thor"), ":1: the line `From: Name <address>` is missing");
        one(|text| text.replace("Subject: [PATCH] Spell ten", "Subject: [PATCH]"), ":1: the subject is missing");
        one(|text| text.replace("[PATCH]", "[PATCH 1/2]"), ":4: the subject must begin with a plain `[PATCH] `");
        one(|text| text.replace("Digits are hard to read.\n", ""), ":4: the body is missing");
        one(
            |text| text.replace("Upstream-Status: Pending", "Signed-off-by: A <a>"),
            ":1: the trailer `Upstream-Status:` is missing",
        );
        one(
            |text| text.replace("Pending", "Perhaps"),
            ":8: Upstream-Status: unknown status `Perhaps`; expected Pending, ",
        );
        one(|text| text.replace("Pending", "Submitted"), ":8: Upstream-Status: `Submitted` requires where it was sent");
        one(
            |text| text.replace("Pending", "Pending\nUpstream-Status: Denied"),
            ":9: the trailer `Upstream-Status:` appears twice",
        );
        one(|text| text.replace("Pending", "Pending\nCVE: 2024-1"), ":9: `2024-1` is not a CVE number");
        one(|text| text.replace("Proof: proofs/proof.c", "Proof:"), ":10: `Proof:` is empty");
        one(
            |text| text.replace("\nProof: proofs/proof.c", ""),
            ":1: the trailer `Proof:` is missing; expected the path of",
        );
        one(|text| text.replace("Targets: all\n", ""), ":1: the trailer `Targets:` is missing; expected the targets");
        one(
            |text| text.replace("Targets: all", "Targets: all\nTargets: all"),
            ":10: the trailer `Targets:` appears twice",
        );
        one(|text| text.replace("\ndiff --git", "---\n src/count.txt | 2 +-\n\ndiff --git"), ":12: a diffstat");
        one(|text| format!("{text}-- \n2.39.5\n\n"), ": git's version as a signature");
        one(|text| text.replacen("0000000000", "0123456789", 1), ":1: does not begin as");
        one(
            |text| text.split_inclusive('\n').filter(|line| !line.starts_with("index ")).collect(),
            ":12: no `index` line for src/count.txt",
        );
        let mut series = testing::series();
        series.patches[1].text = series.patches[0].text.clone();
        let found: Vec<String> = lint(&series).iter().map(ToString::to_string).collect();
        let expected = "patches/musl/1.0/0002-Spell-twelve.patch:1: makes the same change as 0001-Spell-ten.patch";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn file_names_are_numbered_in_order() {
        let mut series = testing::series();
        series.patches.swap(0, 1);
        let found: Vec<String> = lint(&series).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].ends_with("0002-Spell-twelve.patch:1: number 1 in the series must be called `0001-title.patch`")
        );
    }
}
