//! `target`, and the targets that other verbs take.

use clap::{Args, Subcommand};

use super::{PatchVerb, Verb};

/// Targets to work on.
#[derive(Debug, Args, Clone, Default)]
pub struct TargetNames {
    /// Targets to work on [default: all]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Take the targets of an Alpine release, and its musl if pinned
    #[arg(long, value_name = "VERSION", conflicts_with = "targets")]
    pub release: Option<String>,
}

impl Verb {
    /// The Alpine release that the verb is about.
    pub fn release(&self) -> Option<&str> {
        let names = match self {
            Self::Bringup(options) => &options.test.targets,
            Self::Build(options) => &options.targets,
            Self::Smoke(options) => &options.targets,
            Self::Test(options) => &options.test.targets,
            Self::Dist(options) => &options.targets,
            Self::Plan(options) => &options.targets,
            Self::Why(names) | Self::Target(TargetVerb::Check(names)) => names,
            _ => return None,
        };
        names.release.as_deref()
    }

    /// Whether the verb requires the patched sources of the Rust under test.
    pub fn uses_sources(&self) -> bool {
        self.uses_rust() && !matches!(self, Self::Target(TargetVerb::Show { .. } | TargetVerb::Check(_)))
    }

    /// Whether the verb requires the Rust under test.
    pub fn uses_rust(&self) -> bool {
        match self {
            Self::Bringup(_)
            | Self::Target(_)
            | Self::Fetch { .. }
            | Self::Build(_)
            | Self::Smoke(_)
            | Self::Test(_)
            | Self::Archive { .. }
            | Self::Dist(_)
            | Self::Triage(_)
            | Self::Plan(_)
            | Self::Why(_) => true,
            Self::Patch(verb) => matches!(verb, PatchVerb::Prove(_)),
            Self::Doctor { .. }
            | Self::Targets
            | Self::Report(_)
            | Self::Bless(_)
            | Self::Verify(_)
            | Self::Clean
            | Self::Completions { .. }
            | Self::Man => false,
        }
    }
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
