//! The build options of a run, as a report records them.

use serde::{Deserialize, Serialize};

use super::compiler::Compiler;

/// The options that select what is built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildOptions {
    /// The version of the Rust source, if the user named one; a report's `pins` always have the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust: Option<String>,
    /// The default version of Rust, if the user named none and another was taken because the default cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// The version of musl, if the user named one, or a release that ships another than the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub musl: Option<String>,
    /// Patches that were left out, each as `SOURCE/FILE`, e.g. `musl/0001-title.patch`; sorted, without duplicates.
    pub left_out: Vec<String>,
    /// The compiler that builds std and the test programs.
    pub compiler: Compiler,
}

impl BuildOptions {
    /// The command-line options that select the same build.
    pub fn arguments(&self) -> Vec<String> {
        let versions = [("--rust", &self.rust), ("--musl", &self.musl)];
        let versions = versions.into_iter().filter_map(|(name, version)| Some([name, version.as_ref()?]));
        let patches = self.left_out.iter().map(|patch| ["--without", patch]);
        let words = versions.chain(patches).flatten().map(str::to_owned);
        words.chain(self.compiler.arguments()).collect()
    }

    /// Notes for readers of a result: another Rust than the default, and each patch that was left out.
    pub fn notes(&self) -> Vec<String> {
        let rust = self.rust.iter().zip(&self.instead_of);
        let instead = rust.map(|(rust, default)| format!("Rust {rust} instead of {default}, which could not be had"));
        instead.chain(self.left_out.iter().map(|patch| format!("built without patch {patch}"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::{CompilerBuild, Llvm};

    #[test]
    fn it_is_stored_as_documented_and_asked_for_again() {
        let compiler = Compiler::Bootstrap(CompilerBuild { stage: 2, llvm: Llvm::Bundled });
        let left_out = vec!["musl/0001-a.patch".to_owned()];
        let all = BuildOptions {
            rust: Some("1.95.0".into()),
            instead_of: None,
            musl: Some("1.2.5".into()),
            left_out,
            compiler,
        };
        for (options, json, arguments) in [
            (BuildOptions::default(), r#"{"left_out":[],"compiler":"stock"}"#, ""),
            (
                BuildOptions { compiler: Compiler::Bootstrap(CompilerBuild::default()), ..BuildOptions::default() },
                r#"{"left_out":[],"compiler":{"bootstrap":{"stage":1,"llvm":"system"}}}"#,
                "--compiler bootstrap",
            ),
            (
                all,
                r#"{"rust":"1.95.0","musl":"1.2.5","left_out":["musl/0001-a.patch"],"compiler":{"bootstrap":{"stage":2,"llvm":"bundled"}}}"#,
                "--rust 1.95.0 --musl 1.2.5 --without musl/0001-a.patch --compiler bootstrap --stage 2 --llvm bundled",
            ),
        ] {
            assert_eq!(serde_json::to_string(&options).unwrap(), json);
            assert_eq!(serde_json::from_str::<BuildOptions>(json).unwrap(), options);
            assert_eq!(options.arguments().join(" "), arguments);
        }
    }
}
