//! What makes a file no patch that git can read, said in one sentence: a wrong encoding or line end, a mail that is
//! still encoded, paths without prefixes, hunks that are cut short.

use super::Patch;
use super::diff::{PatchLine, counts, lines};

/// Why a file is no patch that git can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormFault {
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it. `FILE` stands for the path of the patch.
    pub hint: String,
}

const REFRESH: &str =
    "commit the change in the working tree of `cargo xtask patch apply`, then `cargo xtask patch refresh`";
const AGAIN: &str = "take the patch again from where it comes from, as a file and not through a text field";

fn fault(line: usize, message: impl Into<String>, hint: impl Into<String>) -> FormFault {
    FormFault { line, message: message.into(), hint: hint.into() }
}

impl Patch {
    /// Reads a patch file.
    ///
    /// # Errors
    ///
    /// Says why git could not read it, or would read only a part of it.
    pub fn read(file: &str, bytes: Vec<u8>) -> Result<Self, FormFault> {
        let patch = Self { file: file.into(), text: decode(bytes)? };
        let checks = [line_ends, mail, prefixes, hunks, last_line];
        checks.into_iter().find_map(|check| check(&patch)).map_or(Ok(patch), Err)
    }
}

fn decode(bytes: Vec<u8>) -> Result<String, FormFault> {
    const PACKED: [&[u8]; 4] = [b"\x1f\x8b", b"\xfd7zXZ\0", b"BZh", b"\x28\xb5\x2f\xfd"];
    let starts = |marks: &[&[u8]]| marks.iter().any(|mark| bytes.starts_with(mark));
    if bytes.is_empty() {
        return Err(fault(1, "the file is empty", "remove it, and its line in `series`"));
    }
    if starts(&[b"\xff\xfe", b"\xfe\xff"]) || bytes.iter().take(64).filter(|byte| **byte == 0).count() > 8 {
        let hint = "`iconv -f UTF-16 -t UTF-8 FILE > FILE.new && mv FILE.new FILE`";
        return Err(fault(1, "the file is UTF-16, but git reads UTF-8", hint));
    }
    if starts(&PACKED) {
        return Err(fault(1, "the file is compressed", "unpack it"));
    }
    if starts(&[b"\xef\xbb\xbf"]) {
        let hint = "`sed -i '1s/^\\xef\\xbb\\xbf//' FILE`";
        return Err(fault(1, "the file begins with a byte order mark (BOM)", hint));
    }
    String::from_utf8(bytes).map_err(|error| {
        let read = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = read.split(|byte| *byte == b'\n').count();
        let hint = "`iconv -f ISO-8859-1 -t UTF-8 FILE > FILE.new && mv FILE.new FILE`, if that is its encoding";
        fault(line, "the line is not UTF-8", hint)
    })
}

/// The lines of git's own that every diff has. A `\r` at their end is no part of the source.
fn is_of_git(line: &str) -> bool {
    ["From ", "diff --git ", "index ", "--- ", "+++ ", "@@ -", "Subject: "].iter().any(|start| line.starts_with(start))
}

fn line_ends(patch: &Patch) -> Option<FormFault> {
    let text = &patch.text;
    let hint = "`sed -i 's/\\r$//' FILE`; a mail program, an editor or git's `core.autocrlf` has changed them";
    if !text.contains('\n') && text.contains('\r') {
        let hint = "`tr '\\r' '\\n' < FILE > FILE.new && mv FILE.new FILE`";
        return Some(fault(1, "the line ends are CR, but git and the sources have LF", hint));
    }
    if let Some(line) = lines(text).find(|line| line.text.ends_with('\r') && is_of_git(line.text)) {
        return Some(fault(line.number, "the line ends are CRLF, but git and the sources have LF", hint));
    }
    let colour = lines(text).find(|line| line.text.starts_with('\x1b') && line.text.contains('m'));
    colour.map(|line| {
        let hint = "make the patch again with `git format-patch`, or with `--color=never`";
        fault(line.number, "the line has the colours of a terminal in it", hint)
    })
}

fn mail(patch: &Patch) -> Option<FormFault> {
    let mut message = patch.preamble();
    let encoded = message.by_ref().take_while(|(_, line)| !line.is_empty()).find_map(|(number, line)| {
        let (key, value) = line.split_once(':')?;
        let value = value.trim().to_ascii_lowercase();
        let is_encoding = key.eq_ignore_ascii_case("Content-Transfer-Encoding");
        (is_encoding && ["quoted-printable", "base64"].contains(&value.as_str())).then_some((number, value))
    });
    if let Some((line, encoding)) = encoded {
        let hint =
            "`git am` decodes it in the working tree of `cargo xtask patch apply`; then `cargo xtask patch refresh`";
        return Some(fault(line, format!("the mail is encoded as {encoding}, and so is its diff"), hint));
    }
    let starts = lines(&patch.text).filter(|PatchLine { text, .. }| {
        let id = text.strip_prefix("From ").and_then(|rest| rest.split(' ').next());
        id.is_some_and(|id| id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    let second = starts.skip(1).find(|line| line.number > 1);
    second.map(|line| {
        let hint = "`git mailsplit -oFOLDER FILE` writes each to a file of its own";
        fault(line.number, "a second mail begins here, but a file holds one patch", hint)
    })
}

fn prefixes(patch: &Patch) -> Option<FormFault> {
    let text = &patch.text;
    let mut named =
        lines(text).filter_map(|line| Some((line.number, line.text.strip_prefix("diff --git ")?))).peekable();
    if named.peek().is_none() {
        let line = |start: &str| lines(text).find(|line| line.text.starts_with(start)).map(|line| line.number);
        let merge = line("diff --cc ").or_else(|| line("diff --combined "));
        let (at, message) = if let Some(at) = merge {
            (at, "the diff is one of a merge, which cannot be applied")
        } else if let (Some(at), Some(_)) = (line("*** "), line("***************")) {
            (at, "the diff is a context diff, but git reads unified ones")
        } else if let (Some(at), Some(_)) = (line("--- "), line("@@ -")) {
            (at, "the diff has no `diff --git` lines, so it is not from git")
        } else {
            return Some(fault(1, "the file holds no diff", "expected a patch as `git format-patch` writes it"));
        };
        return Some(fault(at, message, REFRESH));
    }
    let again = "make the patch again at the top of the source with `git format-patch`, without --no-prefix";
    for (number, names) in named {
        if names.starts_with('"') || names.contains(" \"") {
            return Some(fault(number, "a file name in quotes is not supported", "rename the file"));
        }
        if !names.starts_with("a/") || !names.contains(" b/") {
            return Some(fault(number, format!("the paths `{names}` lack the prefixes a/ and b/"), again));
        }
    }
    let side = |line: &PatchLine<'_>| {
        let name = |mark: &str, prefix: &str| {
            let name = line.text.strip_prefix(mark)?;
            Some(name == "/dev/null" || name.starts_with(prefix))
        };
        name("--- ", "a/").or_else(|| name("+++ ", "b/")) == Some(false)
    };
    let inside: Vec<usize> = patch.hunks().iter().flat_map(|hunk| hunk.line..=hunk.line + hunk.lines.len()).collect();
    let first = patch.preamble().count();
    let wrong = lines(text).skip(first).find(|line| side(line) && inside.binary_search(&line.number).is_err());
    wrong.map(|line| fault(line.number, format!("`{}` lacks the prefix a/ or b/", line.text), again))
}

fn hunks(patch: &Patch) -> Option<FormFault> {
    let hunks = patch.hunks();
    let edited = "if the change was edited by hand, make it in a working tree instead: `cargo xtask patch apply`";
    for hunk in &hunks {
        let (old, new) = hunk.lacks;
        if (old, new) != (0, 0) {
            let next = hunk.line + hunk.lines.len() + 1;
            let after = lines(&patch.text).nth(next - 1).map(|line| line.text);
            let why = match after {
                None => "the file is cut short".to_owned(),
                Some(text) if is_of_git(text) => "lines are missing before the next one".to_owned(),
                Some(_) => format!("line {next} does not begin with a space, + or -: white space is lost"),
            };
            let message = format!("{} promises {old} more old and {new} more new lines: {why}", hunk.header);
            return Some(fault(hunk.line, message, AGAIN));
        }
    }
    let begins_hunk = |line: &str| line.starts_with("@@ -") && super::diff::ranges(&line[4..]).is_none();
    let ends: Vec<usize> = hunks.iter().map(|hunk| hunk.line + hunk.lines.len() + 1).collect();
    let first = patch.preamble().count();
    for line in lines(&patch.text).skip(first) {
        if begins_hunk(line.text) {
            return Some(fault(line.number, format!("`{}` is not the first line of a hunk", line.text), AGAIN));
        }
        if line.text.starts_with("Binary files ") && line.text.ends_with(" differ") {
            let hint = "make the patch again with `git format-patch`, or with `git diff --binary`";
            return Some(fault(line.number, "the diff of a binary file holds no data", hint));
        }
        // git ignores what follows a hunk, so a line that was added by hand would be lost without a word.
        let is_change = |text: &str| text.starts_with(['+', '-', ' ']) && !text.starts_with("--- ") && text != "-- ";
        if ends.contains(&line.number) && counts(line.text).is_some() && is_change(line.text) {
            return Some(fault(line.number, "the hunk above has more lines than its header promises", edited));
        }
    }
    None
}

fn last_line(patch: &Patch) -> Option<FormFault> {
    let last = lines(&patch.text).last()?;
    let hint = "take the patch again from where it comes from; if only the newline is missing: `echo >> FILE`";
    (!patch.text.ends_with('\n'))
        .then(|| fault(last.number, "the last line has no newline: the file is cut short", hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n\
        From: A <a@b>\nSubject: [PATCH] x\n\nWhy.\n\n\
        diff --git a/f b/f\nindex 12..34 100644\n--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n\n";

    fn message(bytes: impl Into<Vec<u8>>) -> String {
        Patch::read("x", bytes.into())
            .map_or_else(|fault| format!("{}: {}", fault.line, fault.message), |_| "good".into())
    }

    #[test]
    fn each_way_to_damage_a_patch_has_its_sentence() {
        let edit = |from: &str, to: &str| {
            assert!(GOOD.contains(from), "{from}");
            GOOD.replace(from, to)
        };
        let utf16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let header = |value: &str| edit("From: A", &format!("Content-Transfer-Encoding: {value}\nFrom: A"));
        let crlf_source = edit("-b\n+c\n", "-b\r\n+c\r\n");
        let cases: [(Vec<u8>, &str); 31] = [
            (GOOD.into(), "good"),
            (crlf_source.into(), "good"),
            (header("8bit").into(), "good"),
            (format!("{GOOD}-- \n2.39.5\n\n").into(), "good"),
            (edit("Why.", "--- f\n+++ f\n@@ x").into(), "good"),
            (Vec::new(), "1: the file is empty"),
            (GOOD.replace('\n', "\r\n").into(), "1: the line ends are CRLF"),
            (edit("diff --git a/f b/f\n", "diff --git a/f b/f\r\n").into(), "7: the line ends are CRLF"),
            (GOOD.replace('\n', "\r").into(), "1: the line ends are CR, "),
            (utf16.clone(), "1: the file is UTF-16"),
            ([b"\xff\xfe".to_vec(), utf16].concat(), "1: the file is UTF-16"),
            ([b"\xef\xbb\xbf", GOOD.as_bytes()].concat(), "1: the file begins with a byte order mark"),
            ([GOOD.as_bytes(), b"\xe9\n"].concat(), "16: the line is not UTF-8"),
            (b"\x1f\x8b\x08".to_vec(), "1: the file is compressed"),
            (header("quoted-printable").into(), "2: the mail is encoded as quoted-printable"),
            (header("BASE64").into(), "2: the mail is encoded as base64"),
            (GOOD.repeat(2).into(), "16: a second mail begins here"),
            ("Subject: x\n\nno diff\n".into(), "1: the file holds no diff"),
            ("--- f.orig\n+++ f\n@@ -1 +1 @@\n-a\n+b\n".into(), "1: the diff has no `diff --git` lines"),
            ("*** f\n--- f\n***************\n*** 1 ****\n".into(), "1: the diff is a context diff"),
            ("diff --cc f\n@@@ -1 -1 +1 @@@\n".into(), "1: the diff is one of a merge"),
            (edit("a/f b/f", "f f").into(), "7: the paths `f f` lack the prefixes a/ and b/"),
            (edit("a/f b/f", "i/f w/f").into(), "7: the paths `i/f w/f` lack the prefixes"),
            (edit("--- a/f", "--- f").into(), "9: `--- f` lacks the prefix a/ or b/"),
            (edit("a/f b/f", "\"a/\\303\\251\" \"b/\\303\\251\"").into(), "7: a file name in quotes"),
            (edit("diff --git", "\x1b[1mdiff --git").into(), "7: the line has the colours of a terminal"),
            (
                edit("+c\n\n", "+c\n").into(),
                "11: @@ -1,3 +1,3 @@ promises 1 more old and 1 more new lines: the file is cut short",
            ),
            (
                edit(" a\n", "a\n").into(),
                "11: @@ -1,3 +1,3 @@ promises 3 more old and 3 more new lines: line 12 does not begin",
            ),
            (edit("+c\n\n", "+c\n\n+d\n").into(), "16: the hunk above has more lines than its header promises"),
            (edit("+c\n\n", "+c\n x").into(), "15: the last line has no newline"),
            (
                edit("--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n\n", "Binary files a/f and b/f differ\n").into(),
                "9: the diff of a binary file holds no data",
            ),
        ];
        for (bytes, expected) in cases {
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert!(message(bytes).starts_with(expected), "{expected}\n{shown}");
        }
    }
}
