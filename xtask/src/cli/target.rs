//! `target`, and the targets that other verbs take.

use clap::{Args, Subcommand};

/// Targets to work on.
#[derive(Debug, Args, Clone, Default)]
pub struct TargetNames {
    /// Targets to work on [default: all]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Work on the targets of this Alpine release: 3.14, edge, …
    #[arg(long, value_name = "VERSION", conflicts_with = "targets")]
    pub release: Option<String>,
}

/// `target …`
#[derive(Debug, Subcommand)]
pub enum TargetVerb {
    /// Print the resolved settings of a target
    Show {
        /// Target to show
        target: String,
        /// Print only rustc's target spec (JSON)
        #[arg(long)]
        spec: bool,
    },
    /// Check target.toml, spec, limits and expectations of each target, and alpine.toml
    ///
    /// Rejects two kinds of expectations that a run accepts: reasons that are still `TODO`, and tests that no test program
    /// lists, as far as earlier runs on this machine have recorded them.
    Check(TargetNames),
    /// Compare each target's builtins with those of upstream's own build
    ///
    /// Builds compiler-rt's builtins once more: from the pristine source, by upstream's CMake files, with the toolchain's C
    /// compiler. Compares symbols, ABI attributes and machine code. Each difference must be intended:
    /// [[runtimes.difference]] in target.toml names it, with its reason.
    Upstream(TargetNames),
}
