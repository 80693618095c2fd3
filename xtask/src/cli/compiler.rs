//! The options that choose the compiler.

use bringup_model::compiler::{Compiler, CompilerBuild, Llvm};
use clap::{Args, ValueEnum};

use super::BUILD;

/// The compiler options.
#[derive(Debug, Args)]
pub struct CompilerOptions {
    /// Use this rustc [default: stock]
    #[arg(long, value_enum, value_name = "RUSTC", help_heading = BUILD, hide_short_help = true)]
    pub compiler: Option<CompilerOrigin>,
    /// Stop at this stage of the bootstrap compiler, 1 or 2 [default: 1]
    ///
    /// The installed rustc builds stage 1, and stage 1 builds stage 2. Requires `--compiler bootstrap`.
    #[arg(long, value_name = "N", help_heading = BUILD, hide_short_help = true, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub stage: Option<u8>,
    /// Use this LLVM [default: system]
    ///
    /// Requires `--compiler bootstrap`.
    #[arg(long, value_enum, value_name = "LLVM", help_heading = BUILD, hide_short_help = true)]
    pub llvm: Option<Llvm>,
}

/// Where the compiler comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompilerOrigin {
    /// The installed rustc
    Stock,
    /// A rustc built from the patched source
    Bootstrap,
}

impl CompilerOptions {
    /// The compiler that the options select.
    ///
    /// # Errors
    /// If `--stage` or `--llvm` is given for a compiler that is not built.
    pub fn choice(&self) -> Result<Compiler, String> {
        let is_built = self.compiler == Some(CompilerOrigin::Bootstrap);
        let usual = CompilerBuild::default();
        let making = CompilerBuild { stage: self.stage.unwrap_or(usual.stage), llvm: self.llvm.unwrap_or(usual.llvm) };
        match (is_built, self.stage.is_some() || self.llvm.is_some()) {
            (true, _) => Ok(Compiler::Bootstrap(making)),
            (false, false) => Ok(Compiler::Stock),
            (false, true) => Err("--stage and --llvm require a built compiler\nhint: add --compiler bootstrap".into()),
        }
    }
}
