//! `completions`, `man`

use anyhow::Result;
use clap::Command;

use crate::cli::{self, BINARY};

pub fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(BINARY), BINARY, &mut script);
    super::print(&String::from_utf8(script)?)
}

/// The manual page of the program, followed by those of its verbs.
pub fn man() -> Result<()> {
    let mut command = cli::command(BINARY).disable_help_subcommand(true);
    // Give each verb the name of its page: `bringup-build`.
    command.build();
    let mut pages = Vec::new();
    render(&command, &mut pages)?;
    super::print(&String::from_utf8(pages)?)
}

fn render(command: &Command, pages: &mut Vec<u8>) -> Result<()> {
    clap_mangen::Man::new(command.clone()).render(pages)?;
    command.get_subcommands().try_for_each(|verb| render(verb, pages))
}
