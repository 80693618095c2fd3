//! The options that choose the compiler.

use bringup_model::compiler::{Compiler, Llvm, Making};
use clap::Args;

use super::GLOBAL;

/// Which compiler, and how it is built.
#[derive(Debug, Args)]
pub struct CompilerOptions {
    /// Compile with the installed rustc (`stock`), or with one built from the patched source (`bootstrap`) [default: stock]
    #[arg(long, value_name = "WHICH", global = true, help_heading = GLOBAL, value_parser = is_built)]
    pub compiler: Option<bool>,
    /// Stage of the compiler that is built: 1, by the installed one, or 2, by that of stage 1 [default: 1]
    #[arg(long, value_name = "N", global = true, help_heading = GLOBAL, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub stage: Option<u8>,
    /// LLVM of the compiler that is built: the host's (`system`), or its source's own (`bundled`) [default: system]
    #[arg(long, value_name = "WHOSE", global = true, help_heading = GLOBAL, value_parser = llvm)]
    pub llvm: Option<Llvm>,
}

impl CompilerOptions {
    /// The choice; options of a compiler that is not built are refused.
    pub fn choice(&self) -> Result<Compiler, String> {
        let stage = self.stage.unwrap_or(1);
        let llvm = self.llvm.unwrap_or(Llvm::System);
        match (self.compiler.unwrap_or(false), self.stage.is_some() || self.llvm.is_some()) {
            (true, _) => Ok(Compiler::Bootstrap(Making { stage, llvm })),
            (false, false) => Ok(Compiler::Stock),
            (false, true) => {
                Err("--stage and --llvm are for a compiler that is built\nhint: add --compiler bootstrap".into())
            }
        }
    }

    /// The options as they would have to be given again.
    pub fn words(&self) -> Vec<String> {
        let compiler = (self.compiler == Some(true)).then(|| "--compiler bootstrap".to_owned());
        let stage = self.stage.map(|stage| format!("--stage {stage}"));
        let llvm = self.llvm.map(|llvm| format!("--llvm {}", llvm.word()));
        [compiler, stage, llvm].into_iter().flatten().collect()
    }
}

fn is_built(text: &str) -> Result<bool, String> {
    match text {
        "stock" => Ok(false),
        "bootstrap" => Ok(true),
        _ => Err("expected stock or bootstrap".into()),
    }
}

fn llvm(text: &str) -> Result<Llvm, String> {
    let all = [Llvm::System, Llvm::Bundled];
    all.into_iter().find(|llvm| llvm.word() == text).ok_or_else(|| "expected system or bundled".into())
}
