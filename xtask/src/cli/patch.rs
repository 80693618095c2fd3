//! `patch`.

use std::path::PathBuf;

use bringup_model::patch_name::PatchName;
use clap::{Args, Subcommand};

/// `patch …`
#[derive(Debug, Subcommand)]
pub enum PatchVerb {
    /// Print every patch, its upstream status and whether it applies
    Status,
    /// Lay out a source as a git repository with a commit for each patch, to work on
    Apply {
        /// `rust`, `musl` or `llvm`
        source: String,
    },
    /// Write the commits of that repository back into patches/
    Refresh {
        /// `rust`, `musl` or `llvm`
        source: String,
    },
    /// Check that every patch applies, is described, and that refresh changes nothing
    Check,
    /// Build with and without each patch and run its proof, which must pass with it and fail without
    Prove(Prove),
    /// Say what becomes of the series in the version that --rust or --musl names
    Rebase {
        /// Write the patches that go on into patches/, for a version that has none yet
        #[arg(long)]
        write: bool,
    },
}

/// `patch prove`
#[derive(Debug, Args)]
pub struct Prove {
    /// Patches: `rust/3` is number 3 of Rust's series, `rust` all of them [default: all]
    #[arg(value_name = "PATCH")]
    pub patches: Vec<PatchName>,
    /// On these targets only [default: all that the patch is for]
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    pub target: Vec<String>,
    /// Build the compiler once more without each patch to it, instead of taking the installed one for a compiler without
    /// any of them
    #[arg(long)]
    pub each: bool,
    /// Use this emulator (a program, or a folder that holds qemu-ARCH) instead of looking for one
    #[arg(long, value_name = "PATH")]
    pub qemu: Option<PathBuf>,
}
