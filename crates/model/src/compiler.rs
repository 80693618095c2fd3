//! Which compiler std and the test programs are compiled with.

/// The compiler of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// The installed toolchain, as it is.
    Stock,
    /// rustc built from the pinned, patched source.
    Bootstrap(Making),
}

/// How a compiler is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Making {
    /// Which of x.py's stages is wanted: 1 is built by the installed compiler, 2 by that of stage 1.
    pub stage: u8,
    /// Whose LLVM goes into it.
    pub llvm: Llvm,
}

/// Whose LLVM a compiler is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Llvm {
    /// The host's LLVM, found by llvm-config
    System,
    /// The LLVM in Rust's source, which takes hours to build
    Bundled,
}

impl Compiler {
    /// As reports name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Bootstrap(_) => "bootstrap",
        }
    }
}

impl Llvm {
    /// As users name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Bundled => "bundled",
        }
    }
}
