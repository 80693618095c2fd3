//! The end of a run on the terminal: what it cost, the matrix, the unexpected results, and one hint.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use bringup_model::report::Report;

use super::table::{Cell, columns, paint};
use super::view::{self, UnexpectedResult};

const WIDTH: usize = 100;
/// Width of the details of an unexpected result, in characters.
const INDENT: usize = 15;
/// The most results of one kind. The hint refers to the whole report.
const SHOWN: usize = 40;
/// The most cached steps that are named.
const NAMED: usize = 24;

/// The end of a run. `folder` is the report's folder as the user would type it: it is the start of each log's path.
pub fn render(report: &Report, folder: &Path, color: bool) -> String {
    let mut text = steps(report, color);
    if !text.is_empty() {
        text.push('\n');
    }
    text += &columns(&view::matrix(report), usize::MAX, color);
    if report.runs.iter().any(|run| !run.suites.is_empty()) {
        text += &paint(&format!("  {}\n", view::LEGEND), Style::new().dimmed(), color);
    }
    for note in view::notes(report) {
        text += &wrap(&format!("note: {note}"), 2, 8);
    }
    text += &unexpected(report, folder, color);
    let hints = view::hints(report);
    text += if hints.is_empty() { "" } else { "\n" };
    for hint in hints {
        let word = paint("hint:", AnsiColor::Cyan.on_default().bold(), color);
        let _ = writeln!(text, "{word} {}", view::visible(&hint));
    }
    text
}

/// The cost of steps and suites. Cached ones have only their names.
pub fn steps(report: &Report, color: bool) -> String {
    let costs = view::costs(report);
    let (cached, built): (Vec<_>, Vec<_>) = costs.iter().partition(|cost| cost.cached);
    let mut text = String::new();
    if !built.is_empty() {
        let mut rows = vec![["step", "wall s", "cpu s"].map(Cell::plain).into()];
        rows.extend(built.iter().map(|cost| {
            let seconds = |seconds: f64| Cell::plain(format!("{seconds:.1}"));
            vec![Cell::plain(cost.name.as_str()), seconds(cost.wall_s), seconds(cost.cpu_s)]
        }));
        text += &columns(&rows, 1, color);
        if let Some(share) = view::share(report) {
            text += &wrap(&share, 2, 2);
        }
    }
    if !cached.is_empty() {
        let names: Vec<&str> = cached.iter().map(|cost| cost.name.as_str()).collect();
        let names = if names.len() > NAMED { format!("{} steps", names.len()) } else { names.join(", ") };
        text += &wrap(&format!("cached: {}", view::visible(&names)), 2, 10);
    }
    text
}

fn unexpected(report: &Report, folder: &Path, color: bool) -> String {
    let items = view::unexpected_once(report);
    let mut text = String::new();
    for group in items.chunk_by(|a, b| a.kind == b.kind) {
        text.push('\n');
        text.extend(group.iter().take(SHOWN).map(|item| self::item(item, folder, color)));
        if group.len() > SHOWN {
            let (more, word) = (group.len() - SHOWN, group[0].kind.word());
            let _ = writeln!(text, "  … and {more} more of kind {word}, all in report.html");
        }
    }
    text
}

fn item(item: &UnexpectedResult<'_>, folder: &Path, color: bool) -> String {
    let word = paint(&format!("{:<13}", item.kind.word()), item.kind.tone().style(), color);
    let mut what = item.runs();
    for part in [item.suite, item.name].into_iter().filter(|part| !part.is_empty()) {
        what += "  ";
        what += part;
    }
    let mut text = format!("  {word}{}\n", view::visible(&what).replace('\n', " "));
    for line in view::visible(&item.detail).lines() {
        text += &wrap(line, INDENT, INDENT);
    }
    if let Some(log) = item.log {
        let log = folder.join(log).display().to_string();
        let _ = writeln!(text, "{:INDENT$}log: {}", "", view::visible(&log));
    }
    text
}

/// Breaks a line between words to fit [`WIDTH`]. Longer words stay whole, so that a reader can copy them.
fn wrap(line: &str, first: usize, rest: usize) -> String {
    let mut text = " ".repeat(first);
    let mut column = first;
    for (index, word) in line.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > WIDTH {
            let _ = write!(text, "\n{:rest$}", "");
            column = rest;
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += length;
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_long_words_stay_whole() {
        let long = "x".repeat(120);
        let text = wrap(&format!("{} tail {long} end", "word ".repeat(18)), 2, 4);
        assert!(text.lines().all(|line| line.len() <= WIDTH || line.contains(&long)));
        assert_eq!(text.split_whitespace().count(), 21);
        assert_eq!(wrap("one two", 2, 4), "  one two\n");
        assert_eq!(wrap("", 2, 4), "\n");
    }
}
