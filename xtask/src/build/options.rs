//! The user's choice of what is built.

use bringup_model::build_options::BuildOptions;
use bringup_model::compiler::Compiler;
use bringup_model::patch_name::PatchName;

/// The options that choose what is built, besides the versions.
#[derive(Debug)]
pub struct BuildChoice {
    /// Patches to leave out of their series.
    pub without: Vec<PatchName>,
    /// Whether patches that conflict with a source of a channel are left out, too.
    pub skip_conflicts: bool,
    /// The compiler that compiles std.
    pub compiler: Compiler,
    /// The choice as reports keep it. For an archive of tests, the choice that the archive was built with.
    pub recorded: BuildOptions,
}
