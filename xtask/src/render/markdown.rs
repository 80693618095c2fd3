//! Markdown: the matrix for the README, and the unexpected results for a job's summary.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use bringup_model::report::Report;

use super::crates;
use super::view::{self, visible};

/// Start marker of the matrix in a document.
pub const BEGIN: &str = "<!-- bringup matrix -->";
/// End marker.
pub const END: &str = "<!-- end of bringup matrix -->";

/// The matrix between its markers, the table of crates if any were tested, then the unexpected results.
pub fn render(report: &Report) -> String {
    let crates = crates::table(report).map(|rows| table(&rows) + "\n").unwrap_or_default();
    format!("{}\n{crates}{}", matrix(report), unexpected(report))
}

/// `document` with what is between its markers replaced by the report's matrix.
pub fn update(document: &str, report: &Report) -> Result<String> {
    let markers = || format!("looking for the lines `{BEGIN}` and `{END}`");
    let (before, rest) = document.split_once(BEGIN).with_context(markers)?;
    let (_, after) = rest.split_once(END).with_context(markers)?;
    Ok(format!("{before}{}{after}", matrix(report).trim_end()))
}

/// Rows as a table; the first one is its header.
fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| plain(cell)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if index == 0 {
            let _ = writeln!(text, "|{}", " --- |".repeat(cells.len()));
        }
    }
    text
}

fn matrix(report: &Report) -> String {
    let mut text = format!("{BEGIN}\n");
    let rows = view::matrix(report).into_iter().map(|row| row.into_iter().map(|cell| cell.text).collect());
    text.push_str(&table(&rows.collect::<Vec<_>>()));
    let pins = &report.pins;
    let qemu = pins.qemu.as_ref().map(|version| format!(", QEMU {version}")).unwrap_or_default();
    let versions = format!(
        "Rust {}, musl {}, LLVM {}{qemu}; {} compiler",
        pins.rust,
        pins.musl,
        pins.llvm,
        report.build.compiler.word()
    );
    let _ = writeln!(text, "\n{}; {}.\n{END}", plain(&versions), view::LEGEND);
    text
}

fn unexpected(report: &Report) -> String {
    let items = view::unexpected_once(report);
    if items.is_empty() {
        return "No unexpected results.\n".into();
    }
    let mut text = String::new();
    for item in items {
        let _ = write!(text, "- **{}** {}", item.kind.word(), plain(&item.runs()));
        for part in [item.suite, item.name].into_iter().filter(|part| !part.is_empty()) {
            let _ = write!(text, " {}", code(part));
        }
        if item.detail.contains('\n') {
            text.push('\n');
            for line in fence(&item.detail).lines() {
                let _ = writeln!(text, "  {line}");
            }
        } else {
            let _ = writeln!(text, ": {}", plain(&item.detail));
        }
    }
    text
}

/// Escapes text for Markdown and HTML.
fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for c in visible(text).chars() {
        if "\\`*[]<>#|&".contains(c) {
            escaped.push('\\');
        }
        escaped.push(if c == '\n' { ' ' } else { c });
    }
    escaped
}

fn code(text: &str) -> String {
    let text = visible(text).replace('\n', " ");
    let ticks = "`".repeat(longest_ticks(&text) + 1);
    // Renderers drop the spaces. They keep a backtick in the text apart from the fence.
    if ticks.len() > 1 { format!("{ticks} {text} {ticks}") } else { format!("`{text}`") }
}

fn fence(text: &str) -> String {
    let text = visible(text);
    let ticks = "`".repeat(longest_ticks(&text).max(2) + 1);
    format!("{ticks}text\n{}\n{ticks}\n", text.trim_end())
}

fn longest_ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes_from_a_code_span() {
        assert_eq!(code("a::b"), "`a::b`");
        assert_eq!(code("a``b\u{1b}"), r"``` a``b\u{1b} ```");
        assert_eq!(plain("<b>|x86_64"), r"\<b\>\|x86_64");
        assert_eq!(fence("x\n````\n"), "`````text\nx\n````\n`````\n");
    }
}
