//! `patch`.

use std::path::PathBuf;

use bringup_model::patch_name::PatchName;
use clap::{Args, Subcommand};

/// `patch …`
#[derive(Debug, Subcommand)]
pub enum PatchVerb {
    /// List the patches with their upstream status and whether they apply
    Status,
    /// Make a git working tree of a source with one commit for each patch
    Apply {
        /// Source to work on: rust, musl or llvm
        source: String,
    },
    /// Write the commits of a working tree back to patches/
    Refresh {
        /// Source to work on: rust, musl or llvm
        source: String,
    },
    /// Check that every patch applies, has its trailers, and survives `refresh` unchanged
    Check,
    /// Run the proof of each patch, which must pass with the patch and fail without it
    Prove(ProveArgs),
    /// Try the series on the version given by --rust or --musl
    Rebase {
        /// Write the patches that still apply to patches/; the version must have none yet
        #[arg(long)]
        write: bool,
        /// Try the oldest series on each newer pinned version instead, in one table
        #[arg(long, conflicts_with = "write")]
        all: bool,
    },
    /// List each patch with its upstream threads, and what its maintainer should look at
    ///
    /// Says what to ask upstream for, by the trailer `Upstream-Status`, and which newer pinned version is without the
    /// patch.
    Watch,
}

/// `patch prove`
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// Patches to prove: `rust/3` is the third of Rust's series, `rust` all of them [default: all]
    #[arg(value_name = "PATCH")]
    pub patches: Vec<PatchName>,
    /// Prove on these targets only [default: the targets of each patch]
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    pub target: Vec<String>,
    /// Build a compiler without each compiler patch
    ///
    /// By default the installed compiler stands for one without any of the patches.
    #[arg(long)]
    pub each: bool,
    /// Use this emulator: a program, or a folder with qemu-ARCH
    #[arg(long, value_name = "PATH")]
    pub qemu: Option<PathBuf>,
}
