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
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        let name = format!("cargo-xtask-{}", verb.get_name());
        clap_mangen::Man::new(verb.clone().name(name)).render(&mut page)?;
    }
    super::print(&String::from_utf8(page)?)
}
