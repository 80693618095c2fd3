//! What a user may type after `triage`.

use std::path::PathBuf;

use bringup_model::isolation::Isolation;
use bringup_model::link::Link;
use bringup_model::patch_name::PatchName;
use clap::{Args, ValueEnum};

/// `triage`
#[derive(Debug, Args)]
#[command(after_help = TRIAGE_CLOSING)]
pub struct Triage {
    /// The target
    pub target: String,
    /// Suite and name of the test, as the report has them; the suite may be left out of a test that the last report has
    #[arg(value_name = "TEST", num_args = 1..=2)]
    pub test: Vec<String>,
    /// Every unexpected failure of the target in the last report
    #[arg(long, conflicts_with_all = ["test", "proof"])]
    pub all: bool,
    /// The proof of this patch instead of a test; --without leaves the patch out
    #[arg(long, value_name = "PATCH", conflicts_with = "test")]
    pub proof: Option<PatchName>,
    /// How the program is linked [default: as where it failed last, else dynamic]
    #[arg(long, value_enum, value_name = "MODE")]
    pub link: Option<Link>,
    /// What runs the program [default: as where it failed last, else qemu]
    #[arg(long, value_enum)]
    pub runner: Option<OwnRunner>,
    /// Use this emulator (a program, or a folder that holds qemu-ARCH) instead of looking for one
    #[arg(long, value_name = "PATH")]
    pub qemu: Option<PathBuf>,
    /// Another version of the emulator, as a control; those of bringup.toml's `[[qemu.control]]` are tried anyway
    #[arg(long, value_name = "PATH")]
    pub control_qemu: Vec<PathBuf>,
    /// How much of its isolation the program gets, where the kernel allows it
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub isolation: Isolation,
    /// Build what controls need: other targets, and std at another opt-level
    #[arg(long)]
    pub deep: bool,
    /// How long one run may take [default: 60, or three times what the test took in the last report, but
    /// never more than bringup.toml's limit for a test]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    pub limit: Option<u16>,
}

const TRIAGE_CLOSING: &str = "\
Examples:
  cargo xtask triage s390x std net::tcp::tests::timeouts
  cargo xtask triage armv7 --all
  cargo xtask triage armv7 --proof rust/4 --without rust/4 --deep";

/// What runs a target's programs on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OwnRunner {
    /// QEMU user-mode emulation
    Qemu,
    /// The host itself, if it is of the target's architecture
    Native,
}
