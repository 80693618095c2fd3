//! `build`, `plan` and `dist`.

use std::path::PathBuf;

use clap::Args;

use super::TargetNames;

/// `build`
#[derive(Debug, Args)]
pub struct BuildArgs {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub targets: TargetNames,
    /// Only write bootstrap.toml, check it with `x.py build --dry-run`, and print its path
    #[arg(long)]
    pub dry_run: bool,
}

/// `plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub targets: TargetNames,
    /// Print the inputs of each step, which decide its digest
    #[arg(long)]
    pub inputs: bool,
}

/// `dist`
#[derive(Debug, Args)]
pub struct DistArgs {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub targets: TargetNames,
    /// Write the archive to this file [default: out/dist/bringup-rust-VERSION-HOST-DIGEST.tar.xz]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
