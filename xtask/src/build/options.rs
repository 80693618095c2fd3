//! What the user chose of a build.

use bringup_model::compiler::Compiler;
use bringup_model::patch_name::PatchName;

/// The options that choose what is built, besides the versions.
#[derive(Debug)]
pub struct BuildOptions {
    /// Patches that are left out of their series.
    pub without: Vec<PatchName>,
    /// What Rust is compiled with.
    pub compiler: Compiler,
    /// The options that chose a version, or left patches out, as they would have to be given again.
    pub words: Vec<String>,
}
