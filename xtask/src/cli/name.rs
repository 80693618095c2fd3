//! What the program is called where it says how to run it.

use clap::builder::StyledStr;

/// The program's file, as people carry it to other machines.
pub const BINARY: &str = "bringup";

/// The words that start the program: `cargo xtask` if cargo has started it in the workspace, else its own name.
pub(super) fn invocation() -> &'static str {
    let by_cargo = std::env::var_os("CARGO_PKG_NAME").is_some_and(|name| name == env!("CARGO_PKG_NAME"));
    if by_cargo { "cargo xtask" } else { BINARY }
}

/// A block of examples: what follows the program's name, and what it does.
pub(super) fn examples(program: &str, lines: &[(&str, &str)]) -> StyledStr {
    let width = lines.iter().map(|(args, _)| args.len()).max().unwrap_or_default();
    let mut text = String::from("Examples:");
    for (args, what) in lines {
        let line = format!("  {program} {args:width$}  {what}");
        text = text + "\n" + line.trim_end();
    }
    text.into()
}
