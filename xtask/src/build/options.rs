//! What the user chose of a build.

use anyhow::Result;
use bringup_model::compiler::Compiler;
use bringup_model::exit::{self, Coded};
use bringup_model::patch_name::PatchName;

use crate::cli::Cli;

/// The options that choose what is built, besides the versions.
#[derive(Debug)]
pub struct BuildOptions {
    /// Patches that are left out of their series.
    pub without: Vec<PatchName>,
    /// What Rust is compiled with.
    pub compiler: Compiler,
    /// The options that chose a version, or left patches out, as they would have to be given again.
    pub words: Vec<String>,
}

impl BuildOptions {
    /// Those of a command line.
    pub fn new(cli: &Cli) -> Result<Self> {
        let compiler = cli.compiler.choice().map_err(|error| Coded::error(exit::USAGE, error))?;
        let version =
            |name: &str, version: &Option<String>| version.as_ref().map(|version| format!("--{name} {version}"));
        let versions = [version("rust", &cli.rust), version("musl", &cli.musl)].into_iter().flatten();
        let without = cli.without.iter().map(|patch| format!("--without {patch}"));
        let words = versions.chain(without).chain(cli.compiler.words()).collect();
        Ok(Self { without: cli.without.clone(), compiler, words })
    }
}
