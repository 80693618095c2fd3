//! `plan`

use std::fmt::Write as _;

use anyhow::Result;

use crate::cli::TargetNames;
use crate::session::{Session, Sources, shown};

pub fn run(session: &Session, names: &TargetNames) -> Result<()> {
    let planned = session.plan(session.targets(names)?, Sources::Assume)?;
    let mut text = String::new();
    for node in planned.plan.nodes() {
        let mark = if node.is_done() { "done" } else { "run " };
        let needs: Vec<String> = node.needs.iter().map(|&need| planned.plan.node(need).title()).collect();
        let needs = if needs.is_empty() { String::new() } else { format!("  <- {}", needs.join(", ")) };
        let _ = writeln!(text, "{mark}  {:<24} {}{needs}", node.title(), shown(&session.root, &node.path));
    }
    super::print(&text)
}
