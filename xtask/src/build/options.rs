//! What the user chose of a build.

use bringup_model::build_options::BuildOptions;
use bringup_model::compiler::Compiler;
use bringup_model::patch_name::PatchName;

/// The options that choose what is built, besides the versions.
#[derive(Debug)]
pub struct BuildChoice {
    /// Patches that are left out of their series.
    pub without: Vec<PatchName>,
    /// What Rust is compiled with.
    pub compiler: Compiler,
    /// The choice as reports keep it; of an archive, that by which it was built.
    pub recorded: BuildOptions,
}
