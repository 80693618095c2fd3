//! `completions`, `man`

use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::Cli;

pub fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "xtask", &mut script);
    super::print(&String::from_utf8(script)?)
}

/// The page of the program, followed by those of its verbs.
pub fn man() -> Result<()> {
    let mut command = Cli::command().bin_name("cargo-xtask").name("cargo-xtask");
    // Gives each verb the name that its page has: `cargo-xtask-build`.
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        clap_mangen::Man::new(verb.clone()).render(&mut page)?;
    }
    super::print(&String::from_utf8(page)?)
}
