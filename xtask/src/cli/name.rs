//! The program's name in help texts.

use clap::builder::StyledStr;

/// The name of the program's file.
pub const BINARY: &str = "bringup";

/// The command that starts the program: `cargo xtask` if cargo started it, else its own name.
pub(super) fn invocation() -> &'static str {
    let by_cargo = std::env::var_os("CARGO_PKG_NAME").is_some_and(|name| name == env!("CARGO_PKG_NAME"));
    if by_cargo { "cargo xtask" } else { BINARY }
}

/// A block of examples: arguments, and what they do.
pub(super) fn examples(program: &str, lines: &[(&str, &str)]) -> StyledStr {
    let width = lines.iter().map(|(args, _)| args.len()).max().unwrap_or_default();
    let mut text = String::from("Examples:");
    for (args, what) in lines {
        let line = format!("  {program} {args:width$}  {what}");
        text = text + "\n" + line.trim_end();
    }
    text.into()
}
