//! Edits an expectation file line by line. Untouched lines keep every byte.

use std::collections::BTreeMap;
use std::ops::Range;

use super::claim::Claim;
use crate::expectation::split_word;

/// The changes to one file.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// The claims that replace a line, by its number from 1. Without a claim the line goes; each claim makes one line.
    pub(super) lines: BTreeMap<usize, Vec<Claim>>,
    /// Blocks to append.
    pub(super) blocks: Vec<NewBlock>,
}

/// New entries below one comment. Its reason is `TODO`, for a person to fill in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NewBlock {
    word: &'static str,
    note: Option<String>,
    /// Suite, test and claim of each entry.
    entries: Vec<(String, String, Claim)>,
}

impl NewBlock {
    /// Adds an entry to the block with the same word and note, or to a new one.
    pub(super) fn add(blocks: &mut Vec<Self>, suite: &str, test: &str, note: Option<&str>, claim: Claim) {
        let word = claim.word.text();
        let entry = (suite.to_owned(), test.to_owned(), claim);
        match blocks.iter_mut().find(|block| block.word == word && block.note.as_deref() == note) {
            Some(block) => block.entries.push(entry),
            None => blocks.push(Self { word, note: note.map(str::to_owned), entries: vec![entry] }),
        }
    }

    fn text(&self) -> String {
        let seen = self.note.as_ref().map(|note| format!("# Seen: {note}\n")).unwrap_or_default();
        let mut text = format!("# Reason: TODO\n{seen}");
        let width = |of: fn(&(String, String, Claim)) -> &str| {
            self.entries.iter().map(|entry| of(entry).chars().count()).max().unwrap_or(0)
        };
        let (suites, tests) = (width(|entry| &entry.0), width(|entry| &entry.1));
        for (suite, test, claim) in &self.entries {
            text += &claim.line(&format!("{suite:<suites$}"), &format!("{test:<tests$}"));
            text.push('\n');
        }
        text
    }
}

impl Edits {
    /// The file's text with the edits applied.
    pub(super) fn apply(&self, text: &str) -> String {
        // A byte order mark is not part of the first line.
        let (mark, text) = if text.starts_with('\u{feff}') { text.split_at('\u{feff}'.len_utf8()) } else { ("", text) };
        let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let goes = |index: usize| self.lines.get(&(index + 1)).is_some_and(Vec::is_empty);
        let mut dropped: Vec<bool> = (0..lines.len()).map(goes).collect();
        for block in blocks(&lines) {
            if block.entries.clone().all(|index| dropped[index]) {
                block.comments.for_each(|index| dropped[index] = true);
                // The blank lines after the block go too.
                let blank = lines[block.entries.end..].iter().take_while(|line| line.trim().is_empty()).count();
                dropped[block.entries.end..block.entries.end + blank].fill(true);
            }
        }
        if dropped.last() == Some(&true) {
            // If the last block goes, the blank lines before it go too.
            let kept = |index: &usize| !dropped[*index] && !lines[*index].trim().is_empty();
            let end = (0..lines.len()).rfind(kept).map_or(0, |last| last + 1);
            dropped[end..].fill(true);
        }
        let mut edited = String::new();
        for (index, line) in lines.iter().enumerate().filter(|(index, _)| !dropped[*index]) {
            match self.lines.get(&(index + 1)) {
                Some(claims) => claims.iter().for_each(|claim| edited += &rewritten(line, claim)),
                None => edited += line,
            }
        }
        for block in &self.blocks {
            if !edited.is_empty() {
                edited += &ending.repeat(if edited.ends_with('\n') { 1 } else { 2 });
            }
            edited += &block.text().replace('\n', ending);
        }
        if edited.is_empty() { edited } else { mark.to_owned() + &edited }
    }
}

/// A line with another word and more conditions. The columns after the word keep their place if there is room.
fn rewritten(line: &str, claim: &Claim) -> String {
    let ending = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
    let content = line.trim_end();
    let (before, old, _) = split_word(content);
    let after = &content[before.len() + old.len()..];
    let word = claim.word.text();
    let conditions = after.trim_start();
    let mut text = format!("{before}{word}");
    if !conditions.is_empty() {
        let gap = after.len() - conditions.len();
        let column = old.len() + gap;
        let gap = if word == old { gap } else { column.saturating_sub(word.len()).max(gap.min(2)) };
        text += &" ".repeat(gap);
        text += conditions;
    }
    text + &claim.tail() + ending
}

/// The lines of a block: its comments and its entries, as indices from 0.
struct BlockSpan {
    comments: Range<usize>,
    entries: Range<usize>,
}

/// The blocks that have entries. A blank line ends a block; a comment after an entry begins the next one.
fn blocks(lines: &[&str]) -> Vec<BlockSpan> {
    let mut spans = Vec::new();
    let (mut start, mut comments) = (0, 0);
    for (index, line) in lines.iter().map(|line| line.trim()).chain([""]).enumerate() {
        let is_comment = line.starts_with('#');
        if index > comments && (is_comment || line.is_empty()) {
            spans.push(BlockSpan { comments: start..comments, entries: comments..index });
            (start, comments) = (index, index);
        }
        if is_comment {
            comments = index + 1;
        } else if line.is_empty() {
            (start, comments) = (index + 1, index + 1);
        }
    }
    spans
}
