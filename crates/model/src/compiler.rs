//! The compiler that builds std and the test programs.

use serde::{Deserialize, Serialize};

/// The compiler that builds std and the test programs of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compiler {
    /// The installed toolchain, unchanged.
    #[default]
    Stock,
    /// rustc, built from the pinned and patched source.
    Bootstrap(CompilerBuild),
}

/// How a compiler is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompilerBuild {
    /// The stage of x.py: the installed compiler builds stage 1, and stage 1 builds stage 2.
    pub stage: u8,
    /// The LLVM to build with.
    pub llvm: Llvm,
}

/// The LLVM that a compiler is built with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Llvm {
    /// The host's LLVM, found by llvm-config
    #[default]
    System,
    /// The LLVM in Rust's source, which takes hours to build
    Bundled,
}

impl Default for CompilerBuild {
    /// The build that `--compiler bootstrap` selects without further options.
    fn default() -> Self {
        Self { stage: 1, llvm: Llvm::default() }
    }
}

impl Compiler {
    /// The word on the command line and in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Bootstrap(_) => "bootstrap",
        }
    }

    /// The command-line options that select the compiler; none for the default.
    pub fn arguments(self) -> Vec<String> {
        let Self::Bootstrap(CompilerBuild { stage, llvm }) = self else { return Vec::new() };
        let usual = CompilerBuild::default();
        let mut words = vec!["--compiler".to_owned(), self.word().to_owned()];
        if stage != usual.stage {
            words.extend(["--stage".to_owned(), stage.to_string()]);
        }
        if llvm != usual.llvm {
            words.extend(["--llvm".to_owned(), llvm.word().to_owned()]);
        }
        words
    }
}

impl Llvm {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Bundled => "bundled",
        }
    }
}
