//! A triage as a table on the terminal, and as a page for an upstream bug.

use std::fmt::Write as _;

use bringup_model::text::counted;
use bringup_model::triage::{Control, ControlResult, ControlRow, EmulatorBuild, Setting, counted_patches};

use super::Triage;
use super::capture::{Halt, Thread};
use crate::render::table::{Cell, Tone, columns};

/// The most bytes of a program's output on the page.
const OUTPUT: usize = 16 * 1024;

/// The longest result in the table on the terminal, in characters. The page has the whole text.
const LONGEST: usize = 90;

/// The table, the finding, and where the program stopped.
pub fn terminal(triage: &Triage, color: bool) -> String {
    let head = ["control", "target", "runner", "link", "result", "took"].map(Cell::plain).to_vec();
    let line = |row: &ControlRow| {
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

fn places(row: &ControlRow) -> [String; 4] {
    let of = |get: &dyn Fn(&Setting) -> String| row.setting.as_ref().map_or_else(String::new, get);
    let target = |at: &Setting| match &at.opt_level {
        Some(level) => format!("{} at opt-level {level}", at.target),
        None => at.target.clone(),
    };
    let runner = |at: &Setting| {
        let version = |build: &EmulatorBuild| format!("QEMU {}", build.version);
        let runner = at.emulator.as_ref().map_or_else(|| "native".into(), version);
        let lacking = if at.lacking.is_empty() { String::new() } else { format!(", no {}", at.lacking.join(", no ")) };
        runner + &lacking
    };
    let control = match &row.setting {
        Some(at) if at.company > 0 => format!("{} ({})", row.control.word(), counted(at.company, "test", "tests")),
        Some(at) if !at.without.is_empty() => format!("without {}", counted_patches(&at.without)),
        _ => row.control.word().into(),
    };
    [control, of(&target), of(&runner), of(&|at| at.link.to_string())]
}

fn result(row: &ControlRow) -> (String, Tone) {
    let tone = match row.tries() {
        Some(tries) if tries.failures == 0 => Tone::Good,
        Some(tries) if tries.failures == tries.runs => Tone::Bad,
        _ => Tone::Odd,
    };
    (row.result.to_string(), tone)
}

/// The rest of the page's contents.
pub struct PageContext {
    /// Names and versions of the tools.
    pub versions: Vec<(String, String)>,
    /// The files of the applied patches.
    pub patches: Vec<String>,
    /// Name and text of the proof's file; none for a test.
    pub source: Option<(String, String)>,
    /// The command line of the triage.
    pub command: String,
}

/// The page, as Markdown.
pub fn markdown(triage: &Triage, target: &str, context: &PageContext) -> String {
    let mut text = format!("# {} on {target}\n\n{}\n\n", plain(&triage.title), plain(&triage.finding.sentence));
    for (name, version) in &context.versions {
        let _ = writeln!(text, "- {name}: {}", plain(version));
    }
    for note in &triage.notes {
        let _ = writeln!(text, "- {}", plain(note));
    }
    if !context.patches.is_empty() {
        let count = format!("Patches on the sources: {}", context.patches.len());
        text.push_str(&folded(&count, &context.patches.join("\n"), ""));
    }
    if let Some((file, source)) = &context.source {
        let language = file.rsplit_once('.').map_or("", |(_, extension)| extension);
        text.push_str(&folded(file, source, language));
    }
    text.push_str("\n## Controls\n\n| control | target | runner | link | result | took |\n| --- | --- | --- | --- | --- | --- |\n");
    for (row, _) in &triage.rows {
        let cells = places(row).map(|cell| plain(&cell)).join(" | ");
        let _ = writeln!(text, "| {cells} | {} | {:.1} s |", plain(&result(row).0), row.wall_s);
    }
    text.push_str(&reproduction(triage, &context.command));
    if !triage.output.is_empty() {
        let (cut, kept) = end_of(&triage.output, OUTPUT);
        let _ = write!(text, "\n## Output\n\n{}", fenced(&format!("{cut}{kept}"), ""));
    }
    let native = is_native(triage) && triage.rows.iter().any(|(row, _)| is_failing(row));
    match &triage.calls {
        Some(Ok(calls)) => {
            let calls = fenced(&calls.join("\n"), "");
            let _ = write!(text, "\n## Last system calls\n\nThe end of QEMU's `-strace`:\n\n{calls}");
        }
        Some(Err(why)) => text.push_str(&not_captured("Last system calls", why)),
        None if native => text.push_str(&not_captured("Last system calls", NATIVE)),
        None => {}
    }
    match &triage.halt {
        Some(Ok(halt)) => text.push_str(&stopped_at(halt)),
        Some(Err(why)) => text.push_str(&not_captured("Where it stopped", why)),
        None if native => text.push_str(&not_captured("Where it stopped", NATIVE)),
        None => {}
    }
    text
}

/// Why there are no captures without an emulator.
const NATIVE: &str = "the test ran natively; captures require an emulator";

fn is_native(triage: &Triage) -> bool {
    let base = triage.rows.first().and_then(|(row, _)| row.setting.as_ref());
    base.is_some_and(|at| at.emulator.is_none())
}

fn is_failing(row: &ControlRow) -> bool {
    row.tries().is_some_and(|tries| tries.failures > 0)
}

/// A section for a missing capture, with the output, if any.
fn not_captured(title: &str, why: &str) -> String {
    let (why, printed) = why.split_once('\n').unwrap_or((why, ""));
    let mut text = format!("\n## {title}\n\nNot captured: {}\n", plain(why));
    if !printed.is_empty() {
        let _ = write!(text, "\n{}", fenced(printed, ""));
    }
    text
}

/// The preparations, as variables, and the command of every row.
fn reproduction(triage: &Triage, command: &str) -> String {
    let mut takes: Vec<&str> = Vec::new();
    let mut commands: Vec<(&str, Vec<&ControlRow>)> = Vec::new();
    for (row, script) in &triage.rows {
        let Some(script) = script else { continue };
        let (before, last) = script.rsplit_once('\n').unwrap_or(("", script));
        for line in before.lines() {
            if !takes.contains(&line) {
                takes.push(line);
            }
        }
        match commands.iter_mut().find(|(command, _)| *command == last) {
            Some((_, rows)) => rows.push(row),
            None => commands.push((last, vec![row])),
        }
    }
    let mut text = "\n## To reproduce\n\n".to_owned();
    if !commands.is_empty() {
        text.push_str("In the folder of a Bringup clone, with emulators of these versions:\n\n");
        text.push_str(&fenced(&takes.join("\n"), "sh"));
        let first = triage.rows.first().is_some_and(|(row, _)| is_failing(row));
        let order = if first { ", the failing one first" } else { "" };
        let _ = write!(text, "\nThe command of each row, without isolation and limits{order}:\n");
    }
    let base = triage.rows.first().and_then(|(row, _)| row.setting.as_ref());
    let mut differs = false;
    for (command, rows) in commands {
        text.push('\n');
        for row in rows {
            let isolation = isolation_beside_first(row, base);
            differs |= !isolation.is_empty();
            let copies = match (row.control, &row.result) {
                (Control::Load, ControlResult::Ran { runs, .. }) => format!(", {runs} at once"),
                _ => String::new(),
            };
            let _ = writeln!(text, "    # {}{copies}{isolation}: {}", row.control.word(), result(row).0);
        }
        let _ = writeln!(text, "    {command}");
    }
    if differs {
        let _ = write!(text, "\n{ISOLATION_HELP}\n");
    }
    let _ = write!(text, "\nTo repeat the whole triage:\n\n    {command}\n");
    text
}

/// How to set up the isolation of a row by hand.
const ISOLATION_HELP: &str = "A network of its own is `unshare -rn`, with `ip link set lo up` in it. `binfmt_misc` is QEMU registered for the target's \
    programs, so that they can start each other; a distribution's package does that, such as Debian's `qemu-user-binfmt`. The loader in its \
    place is the sysroot's, at the path that the program names.";

/// The isolation in which a row differs from the first row.
fn isolation_beside_first(row: &ControlRow, base: Option<&Setting>) -> String {
    match (&row.setting, base) {
        // Only an emulator needs this isolation, so it does not matter natively.
        (Some(at), Some(base)) if at.emulator.is_some() == base.emulator.is_some() => {
            at.isolation_beside(base).iter().flat_map(|words| [", ", words]).collect()
        }
        _ => String::new(),
    }
}

fn stopped_at(halt: &Halt) -> String {
    let mut text = "\n## Where it stopped\n\n".to_owned();
    if halt.threads.is_empty() {
        let _ =
            writeln!(text, "Under QEMU's gdb stub, the program ended without stopping first: {}.", plain(&halt.why));
        return text;
    }
    let _ = write!(text, "{}, by QEMU's gdb stub.", plain(&halt.why));
    if halt.threads.iter().any(|thread| !thread.frames.is_empty()) {
        text.push_str(" The frames are return addresses from the link register and the stack; some may be stale.");
    }
    text.push('\n');
    for (number, thread) in (1..).zip(&halt.threads) {
        let Thread { pc, frames, registers } = thread;
        if halt.threads.len() > 1 {
            let _ = write!(text, "\nThread {number}:\n");
        }
        let frames = if frames.is_empty() { "no frames found".into() } else { frames.join("\n") };
        let _ = write!(text, "\n{}", fenced(&format!("pc {pc}\n{frames}"), ""));
        let mut lines = String::new();
        for (index, (name, value)) in registers.iter().enumerate() {
            let end = if index % 4 == 3 { "\n" } else { "  " };
            let _ = write!(lines, "{name:<6} {value}{end}");
        }
        let _ = write!(text, "\n{}", fenced(lines.trim_end(), ""));
    }
    text
}

/// Escapes text for Markdown: `Vec<u8>` would be a tag, and `|` would end a cell.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '<' | '&' | '|' | '[' => plain.extend(['\\', c]),
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

/// A block that the reader can unfold.
fn folded(title: &str, text: &str, language: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!("\n<details><summary>{title}</summary>\n\n{}\n</details>\n", fenced(text, language))
}

fn end_of(text: &str, most: usize) -> (&'static str, &str) {
    if text.len() <= most {
        return ("", text);
    }
    ("[…]", &text[text.ceil_char_boundary(text.len() - most)..])
}

/// A fenced block that the text itself cannot close.
fn fenced(text: &str, language: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    let text: String =
        text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect();
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bringup_model::link::Link;
    use bringup_model::outcome::Outcome;
    use bringup_model::triage::{Diagnosis, Finding, Manner};

    #[test]
    fn what_is_quoted_cannot_end_its_quotation() {
        assert_eq!(fenced("a\n```\nb\x1b", ""), "````\na\n```\nb\u{fffd}\n````\n");
        assert_eq!(end_of("äöü", 3), ("[…]", "ü"));
        assert_eq!(end_of("ab", 2), ("", "ab"));
    }

    #[test]
    fn what_looks_like_markdown_is_shown_as_it_is() {
        assert_eq!(plain("`Vec<u8>` | a & b"), r"\`Vec\<u8>\` \| a \& b");
        assert_eq!(
            not_captured("Title", "no <u8>\na <u8>"),
            "\n## Title\n\nNot captured: no \\<u8>\n\n```\na <u8>\n```\n"
        );
    }

    fn row(control: Control, lacking: &[&str], failures: usize) -> ControlRow {
        let setting = Setting {
            target: "fake".into(),
            machine: "FAKE".into(),
            class: 64,
            big_endian: false,
            emulator: Some(EmulatorBuild { version: "11.1.3".parse().unwrap(), folder: "/q".into() }),
            link: Link::Dynamic,
            opt_level: None,
            lacking: lacking.iter().map(|name| (*name).to_owned()).collect(),
            without: Vec::new(),
            company: 0,
        };
        let manner = Manner { outcome: Outcome::Fail, reason: None, place: None };
        let result = ControlResult::Ran { runs: 3, failures: vec![manner; failures] };
        ControlRow { control, setting: Some(setting), result, wall_s: 0.0 }
    }

    fn triage(rows: Vec<(ControlRow, &str)>) -> Triage {
        let rows: Vec<(ControlRow, Option<String>)> =
            rows.into_iter().map(|(row, script)| (row, Some(script.to_owned()))).collect();
        let finding = Finding { diagnosis: Diagnosis::NotSeen, sentence: "not seen".into() };
        Triage { title: "t".into(), rows, finding, output: String::new(), calls: None, halt: None, notes: Vec::new() }
    }

    #[test]
    fn every_row_is_to_be_reproduced() {
        let rows = vec![
            (row(Control::Alone, &["binfmt_misc"], 3), "QEMU=q\n$QEMU a"),
            (row(Control::Isolation, &[], 0), "QEMU=q\n$QEMU a"),
            (row(Control::Link, &["binfmt_misc"], 0), "QEMU=q\nT=t\n$QEMU b"),
        ];
        let text = reproduction(&triage(rows), "again");
        let expected = [
            "```sh\nQEMU=q\nT=t\n```\n",
            ", the failing one first:\n",
            "    # alone: fail, 3 of 3 runs\n    # isolation, with binfmt_misc: pass, 3 of 3 runs\n    $QEMU a\n",
            "    # other link mode: pass, 3 of 3 runs\n    $QEMU b\n",
            ISOLATION_HELP,
            "    again\n",
        ];
        for part in expected {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let rows = vec![(row(Control::Alone, &[], 0), "T=t\na"), (row(Control::Load, &[], 1), "T=t\na")];
        let text = reproduction(&triage(rows), "again");
        assert!(!text.contains("the failing one") && !text.contains(ISOLATION_HELP), "{text}");
        assert!(text.contains("# under load, 3 at once: fail, 1 of 3 runs"), "{text}");
    }

    #[test]
    fn natively_it_is_said_that_there_are_no_captures() {
        let mut native = row(Control::Alone, &[], 3);
        if let Some(at) = &mut native.setting {
            at.emulator = None;
        }
        let context = PageContext { versions: vec![], patches: vec![], source: None, command: "again".into() };
        let text = markdown(&triage(vec![(native.clone(), "a")]), "fake", &context);
        assert_eq!(text.matches(&format!("Not captured: {NATIVE}")).count(), 2, "{text}");
        native.result = row(Control::Alone, &[], 0).result;
        let text = markdown(&triage(vec![(native, "a")]), "fake", &context);
        assert!(!text.contains("Not captured"), "{text}");
    }

    #[test]
    fn where_it_stood_is_told_as_far_as_it_is_known() {
        let thread = Thread { pc: "0x1 f".into(), frames: vec![], registers: vec![("pc".into(), "0x1".into())] };
        let text = stopped_at(&Halt { why: "SIGSEGV".into(), threads: vec![thread.clone()] });
        assert!(text.contains("pc 0x1 f\nno frames found") && !text.contains("stale"), "{text}");
        let thread = Thread { frames: vec!["g+0x2".into()], ..thread };
        assert!(stopped_at(&Halt { why: "SIGSEGV".into(), threads: vec![thread] }).contains("stale"));
        let text = stopped_at(&Halt { why: "exit status 3".into(), threads: vec![] });
        assert!(text.ends_with("without stopping first: exit status 3.\n"), "{text}");
    }
}
