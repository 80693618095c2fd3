//! A triage, as a table on the terminal and as a page to paste into an upstream bug.

use std::fmt::Write as _;

use super::table::{Cell, Tone, columns};
use crate::model::triage::{Row, Seen, Setting};
use crate::triage::Triage;
use crate::triage::capture::{Halt, Thread};

/// The most of a program's output that goes into the page.
const OUTPUT: usize = 16 * 1024;

/// The longest result in the table on the terminal, in characters; the page has it whole.
const LONGEST: usize = 90;

/// The table, the sentence, and where the program stood.
pub fn terminal(triage: &Triage, color: bool) -> String {
    let head = ["control", "target", "runner", "link", "result", "took"].map(Cell::plain).to_vec();
    let line = |row: &Row| {
        let (mut text, tone) = result(row);
        if let Some((end, _)) = text.char_indices().nth(LONGEST) {
            text.replace_range(end.., "…");
        }
        let mut cells: Vec<Cell> = places(row).iter().map(Cell::plain).collect();
        cells.extend([Cell::new(text, tone), Cell::plain(format!("{:.1} s", row.wall_s))]);
        cells
    };
    let rows: Vec<Vec<Cell>> = std::iter::once(head).chain(triage.rows.iter().map(|(row, _)| line(row))).collect();
    let mut text = format!("{}\n{}\n", columns(&rows, usize::MAX, color), triage.finding.sentence);
    if let Some(Ok(halt)) = &triage.halt {
        for thread in &halt.threads {
            let _ = writeln!(text, "{}: pc {}", halt.why, thread.pc);
        }
    }
    text
}

fn places(row: &Row) -> [String; 4] {
    let of = |get: &dyn Fn(&Setting) -> String| row.setting.as_ref().map_or_else(String::new, get);
    let target = |at: &Setting| match &at.opt_level {
        Some(level) => format!("{} at opt-level {level}", at.target),
        None => at.target.clone(),
    };
    let runner = |at: &Setting| {
        let runner = at.emulator.as_ref().map_or_else(|| "native".into(), |version| format!("QEMU {version}"));
        let lacking = if at.lacking.is_empty() { String::new() } else { format!(", no {}", at.lacking.join(", no ")) };
        runner + &lacking
    };
    [row.control.word().into(), of(&target), of(&runner), of(&|at| at.link.to_string())]
}

fn result(row: &Row) -> (String, Tone) {
    let tone = match &row.seen {
        Seen::Ran { tries, .. } if tries.failures == 0 => Tone::Good,
        Seen::Ran { tries, .. } if tries.failures == tries.runs => Tone::Bad,
        Seen::Ran { .. } | Seen::NotHad(_) => Tone::Odd,
    };
    (row.seen.to_string(), tone)
}

/// What else the page says: lines of `name: version`, and the command that made it.
pub struct Versions<'a> {
    /// Names and versions.
    pub lines: &'a [(String, String)],
    /// The command line of the triage.
    pub command: &'a str,
}

/// The page.
pub fn markdown(triage: &Triage, target: &str, versions: &Versions) -> String {
    let mut text = format!("# {} on {target}\n\n{}\n\n", triage.title, triage.finding.sentence);
    for (name, version) in versions.lines {
        let _ = writeln!(text, "- {name}: {version}");
    }
    for note in &triage.notes {
        let _ = writeln!(text, "- {note}");
    }
    text.push_str("\n## Controls\n\n| control | target | runner | link | result | took |\n| --- | --- | --- | --- | --- | --- |\n");
    for (row, _) in &triage.rows {
        let cells = places(row).map(|cell| cell.replace('|', "\\|")).join(" | ");
        let _ = writeln!(text, "| {cells} | {} | {:.1} s |", result(row).0.replace('|', "\\|"), row.wall_s);
    }
    text.push_str(
        "\n## To reproduce\n\nFrom the project's folder, without isolation and without limits; first as it fails:\n",
    );
    let mut commands: Vec<(&Row, &String)> = Vec::new();
    for (row, command) in &triage.rows {
        if let Some(command) = command
            && !commands.iter().any(|(_, other)| *other == command)
        {
            commands.push((row, command));
        }
    }
    for (row, command) in commands {
        let _ = write!(text, "\n    # {}: {}\n    {command}\n", row.control.word(), result(row).0);
    }
    let _ = write!(text, "\nOr all of it again:\n\n    {}\n", versions.command);
    if !triage.output.is_empty() {
        let (cut, kept) = end_of(&triage.output, OUTPUT);
        let _ = write!(text, "\n## Output\n\n{}", fenced(&format!("{cut}{kept}")));
    }
    match &triage.calls {
        None => {}
        Some(Ok(calls)) => {
            let _ =
                write!(text, "\n## Last system calls\n\nThe end of QEMU's `-strace`:\n\n{}", fenced(&calls.join("\n")));
        }
        Some(Err(why)) => {
            let _ = write!(text, "\n## Last system calls\n\nNot had: {why}\n");
        }
    }
    match &triage.halt {
        None => {}
        Some(Ok(halt)) => text.push_str(&stood(halt)),
        Some(Err(why)) => {
            let _ = write!(text, "\n## Where it stood\n\nNot had: {why}\n");
        }
    }
    text
}

fn stood(halt: &Halt) -> String {
    let mut text = format!(
        "\n## Where it stood\n\n{}, by QEMU's gdb stub. The frames are the return addresses found by looking through the stack: \
        stale ones may be among them.\n",
        halt.why
    );
    for (number, thread) in (1..).zip(&halt.threads) {
        let Thread { pc, frames, registers } = thread;
        if halt.threads.len() > 1 {
            let _ = write!(text, "\nThread {number}:\n");
        }
        let _ = write!(text, "\n{}", fenced(&format!("pc {pc}\n{}", frames.join("\n"))));
        let mut lines = String::new();
        for (index, (name, value)) in registers.iter().enumerate() {
            let end = if index % 4 == 3 { "\n" } else { "  " };
            let _ = write!(lines, "{name:<6} {value}{end}");
        }
        let _ = write!(text, "\n{}", fenced(lines.trim_end()));
    }
    text
}

fn end_of(text: &str, most: usize) -> (&'static str, &str) {
    if text.len() <= most {
        return ("", text);
    }
    ("[…]", &text[text.ceil_char_boundary(text.len() - most)..])
}

/// In a fence that the text itself cannot close.
fn fenced(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    let text: String =
        text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect();
    format!("{fence}\n{}\n{fence}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_cannot_end_its_quotation() {
        assert_eq!(fenced("a\n```\nb\x1b"), "````\na\n```\nb\u{fffd}\n````\n");
        assert_eq!(end_of("äöü", 3), ("[…]", "ü"));
        assert_eq!(end_of("ab", 2), ("", "ab"));
    }
}
