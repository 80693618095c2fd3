//! The options that choose the compiler.

use clap::{Args, ValueEnum};

use super::GLOBAL;
use crate::model::compiler::{Compiler, Llvm, Making};

/// Which compiler, and how it is built.
#[derive(Debug, Args)]
pub struct CompilerOptions {
    /// Compile with the installed rustc, or with one built from the pinned, patched source
    #[arg(long, value_enum, value_name = "WHICH", global = true, help_heading = GLOBAL, default_value_t = Kind::Stock)]
    pub compiler: Kind,
    /// Stage of the compiler that is built: 1, by the installed one, or 2, by that of stage 1 [default: 1]
    #[arg(long, value_name = "N", global = true, help_heading = GLOBAL, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub stage: Option<u8>,
    /// LLVM for the compiler that is built [default: system]
    #[arg(long, value_enum, value_name = "WHOSE", global = true, help_heading = GLOBAL)]
    pub llvm: Option<Llvm>,
}

/// The words of `--compiler`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The installed one
    Stock,
    /// Built with x.py
    Bootstrap,
}

impl CompilerOptions {
    /// The choice; options without a compiler that is built are refused.
    pub fn choice(&self) -> Result<Compiler, String> {
        match (self.compiler, self.stage, self.llvm) {
            (Kind::Stock, None, None) => Ok(Compiler::Stock),
            (Kind::Stock, ..) => {
                Err("--stage and --llvm are for a compiler that is built\nhint: add --compiler bootstrap".into())
            }
            (Kind::Bootstrap, stage, llvm) => {
                Ok(Compiler::Bootstrap(Making { stage: stage.unwrap_or(1), llvm: llvm.unwrap_or(Llvm::System) }))
            }
        }
    }

    /// The options as they would have to be given again.
    pub fn words(&self) -> Vec<String> {
        let word = |value: &dyn Fn() -> Option<String>, name: &str| value().map(|value| format!("--{name} {value}"));
        let kind = || (self.compiler != Kind::Stock).then(|| "bootstrap".to_owned());
        let stage = || self.stage.map(|stage| stage.to_string());
        let llvm = || Some(self.llvm?.to_possible_value()?.get_name().to_owned());
        [word(&kind, "compiler"), word(&stage, "stage"), word(&llvm, "llvm")].into_iter().flatten().collect()
    }
}
