//! Parses one expectation file: its blocks, their comments and their entries.

use std::fmt;

use super::condition::can_hold;
use super::{Condition, Entry, Word};

/// A fault in an expectation file, with its position and the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError(String);

impl ParseError {
    /// A fault in `part` of a line, with carets under that part.
    fn at(file: &str, number: usize, line: &str, part: &str, message: impl fmt::Display) -> Self {
        let start = line.find(part).unwrap_or(0);
        let column = line[..start].chars().count();
        let carets = "^".repeat(part.chars().count().max(1));
        let gutter = " ".repeat(number.to_string().len());
        // A tab has no fixed width. It is repeated, so that the carets stay under the part.
        let indent: String = line[..start].chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        Self(format!(
            "{file}:{number}:{}: {message}\n{gutter} |\n{number} | {line}\n{gutter} | {indent}{carets}",
            column + 1
        ))
    }

    /// A fault in an entry of the file with this text.
    pub(super) fn of_entry(entry: &Entry, text: &str, message: impl fmt::Display) -> Self {
        let line = text.lines().nth(entry.line - 1).unwrap_or_default();
        Self::at(&entry.file, entry.line, line, line.trim(), message)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

/// The comment above a block of entries.
#[derive(Default)]
struct BlockComment {
    why: Vec<String>,
    /// Whether the last line belongs to a `Bug:` or `Reason:`, which the next line may continue.
    open: bool,
    has_entries: bool,
    todo: Option<usize>,
}

impl BlockComment {
    fn comment(&mut self, text: &str, line: usize) -> Result<(), String> {
        if self.has_entries {
            *self = Self::default();
        }
        let (key, value) = text.split_once(':').map_or(("", text), |(key, value)| (key.trim(), value.trim()));
        match key {
            "Bug" | "Reason" if value.is_empty() => return Err(format!("`{key}:` is empty")),
            "Bug" | "Reason" => {
                if is_todo(value) {
                    self.todo = self.todo.or(Some(line));
                }
                self.why.push(value.into());
            }
            _ if self.open && !text.is_empty() && !is_key(key) => {
                if let Some(last) = self.why.last_mut() {
                    *last = format!("{last} {text}");
                }
                return Ok(());
            }
            _ => {}
        }
        self.open = matches!(key, "Bug" | "Reason");
        Ok(())
    }
}

/// Whether `key` is a word such as `Since`, rather than the start of a sentence with a colon.
fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase()) && key.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
}

/// Whether a reason is a placeholder: its first word is `TODO`.
fn is_todo(why: &str) -> bool {
    why.strip_prefix("TODO").is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// The entries of a file, in its order.
pub(super) fn parse_file(file: &str, text: &str) -> Result<Vec<Entry>, ParseError> {
    let mut entries = Vec::new();
    let mut block = BlockComment::default();
    // Some editors start a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        let fail = |part: &str, message: String| ParseError::at(file, index + 1, line, part, message);
        if trimmed.is_empty() {
            block = BlockComment::default();
        } else if let Some(comment) = trimmed.strip_prefix('#') {
            block.comment(comment.trim(), index + 1).map_err(|message| fail(trimmed, message))?;
        } else {
            let mut entry = parse_entry(trimmed).map_err(|(part, message)| fail(part, message))?;
            if block.why.is_empty() {
                let message = "the bug or reason is missing: put `# Bug: …` or `# Reason: …` above the entry, without a blank line between";
                return Err(fail(trimmed, message.into()));
            }
            block.has_entries = true;
            entry.why = block.why.join("; ");
            entry.todo = block.todo;
            entry.file = file.into();
            entry.line = index + 1;
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// Splits a line at its word: the text before it, the word, and the conditions after it.
pub fn split_word(line: &str) -> (&str, &str, Vec<&str>) {
    let mut rest = line.trim_end();
    let mut conditions = Vec::new();
    loop {
        let (before, last) = rest.split_at(rest.trim_end_matches(|c: char| !c.is_whitespace()).len());
        if before.is_empty() || !last.contains(['<', '>', '=']) {
            return (before, last, conditions);
        }
        conditions.insert(0, last);
        rest = before.trim_end();
    }
}

/// Parses `suite name word condition…`. The name may contain spaces, so it is the text between suite and word.
pub(super) fn parse_entry<'a>(line: &'a str) -> Result<Entry, (&'a str, String)> {
    let (suite, rest) = line.split_once(char::is_whitespace).ok_or((line, "expected `suite test word`".to_owned()))?;
    let (name, word, tail) = split_word(rest);
    let parse = |&condition: &&'a str| Condition::parse(condition).map_err(|message| (condition, message));
    let conditions = tail.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    if !can_hold(&conditions, &[]) {
        return Err((line, "its conditions exclude each other".into()));
    }
    let unknown = || (word, format!("unknown word `{word}`: expected fail, crash, timeout, flake or skip"));
    let word = Word::ALL.into_iter().find(|known| known.text() == word).ok_or_else(unknown)?;
    let name = name.trim();
    if name.is_empty() {
        return Err((line, "expected `suite test word`: the test is missing".into()));
    }
    let prefix = name.strip_suffix('*');
    if prefix.unwrap_or(name).contains('*') {
        return Err((name, "a `*` is only allowed at the end of a name".into()));
    }
    if prefix.is_some() && !matches!(word, Word::Flake | Word::Skip) {
        let message =
            format!("a `*` is only allowed with skip and flake: name each test that is expected to {}", word.text());
        return Err((name, message));
    }
    Ok(Entry {
        suite: suite.into(),
        name: prefix.unwrap_or(name).into(),
        wildcard: prefix.is_some(),
        word,
        why: String::new(),
        todo: None,
        file: String::new(),
        line: 0,
        conditions,
    })
}
