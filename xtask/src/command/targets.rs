//! `targets`

use std::fmt::Write as _;

use anyhow::Result;

use super::target::releases;
use crate::render;
use crate::session::Session;

pub fn run(session: &Session) -> Result<()> {
    let file = session.out.join("report/report.json");
    let report = fs_err::read(&file).ok().and_then(|bytes| render::json::read(&bytes, &file).ok());
    let mut text = format!(
        "{:<12} {:<30} {:<10} {:<14} {:<12} {}\n",
        "TARGET", "TRIPLE", "MUSL", "EMULATOR", "ALPINE", "LAST REPORT"
    );
    for target in session.targets(&[])? {
        let runs = report.iter().flat_map(|report| &report.runs).filter(|run| run.target == target.name);
        let states: Vec<String> = runs.map(|run| format!("{} {}: {}", run.runner, run.link, run.verdict)).collect();
        let state = if states.is_empty() { "-".into() } else { states.join(", ") };
        let emulator = format!("qemu-{}", target.qemu.emulator);
        let _ = writeln!(
            text,
            "{:<12} {:<30} {:<10} {emulator:<14} {:<12} {state}",
            target.name,
            target.triple,
            target.musl.arch,
            releases(&target)
        );
    }
    super::print(&text)
}
