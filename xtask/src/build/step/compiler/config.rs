//! bootstrap.toml, made from the pins, the host's tools and the targets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bringup_runner::exec::quote;
use toml::{Table, Value};

use crate::host::survey::{Rust, Tool};

/// The suffix of rustc's version. It prevents mixing this compiler's output with that of the stock compiler.
const DESCRIPTION: &str = "Bringup";

/// Name of the wrapper of llvm-config.
const WRAPPER: &str = "llvm-config";

/// The contents of bootstrap.toml.
#[derive(Debug, Clone)]
pub struct BootstrapConfig {
    /// The installed toolchain, which builds stage 1.
    pub stage0: Rust,
    /// Whether the installed toolchain has the source's version.
    pub same_version: bool,
    /// Whether cargo gets `--locked`. It cannot where the archive lacks members of the workspace.
    pub locked: bool,
    /// The LLVM to link.
    pub llvm: LlvmSettings,
    /// The C and the C++ compiler for rustc's LLVM wrapper.
    pub compilers: [Tool; 2],
    /// Keys of the table `rust`, from bringup.toml.
    pub rust: BTreeMap<String, Value>,
    /// Targets to build std for, besides the host.
    pub targets: Vec<ForeignTarget>,
}

/// A target that x.py builds std for.
#[derive(Debug, Clone)]
pub struct ForeignTarget {
    /// Its triple.
    pub triple: String,
    /// Its spec, as JSON text.
    pub spec: String,
    /// Its linker driver.
    pub driver: PathBuf,
    /// The command that runs the target's programs, separated by spaces.
    pub runner: String,
}

/// The LLVM that rustc is linked with.
#[derive(Debug, Clone)]
pub enum LlvmSettings {
    /// The host's LLVM.
    System {
        /// llvm-config.
        config: Tool,
        /// Whether LLVM is linked statically. If so, the compiler also runs where LLVM is not installed.
        linked_statically: bool,
    },
    /// The LLVM in Rust's source.
    Bundled {
        /// LLVM's names of the back ends, sorted.
        backends: Vec<String>,
    },
}

impl BootstrapConfig {
    /// The text of bootstrap.toml for a build in the folder `build`.
    pub fn render(&self, build: &Path) -> String {
        let host = &self.stage0.triple;
        let mut file = Table::new();
        // Silences x.py's notes about changes of the format. x.py rejects unknown keys anyway.
        file.insert("change-id".into(), "ignore".into());
        file.insert("build".into(), self.build(build).into());
        file.insert("llvm".into(), self.llvm().into());
        file.insert("rust".into(), self.rust().into());
        let mut targets = Table::new();
        targets.insert(host.clone(), self.host(build).into());
        for target in &self.targets {
            targets.insert(target.triple.clone(), target.table().into());
        }
        file.insert("target".into(), targets.into());
        format!("# Written by Bringup from bringup.toml and targets/, for this run of x.py.\n{file}")
    }

    /// Inputs: the tools and their versions.
    pub fn tools(&self) -> Vec<String> {
        let llvm = match &self.llvm {
            LlvmSettings::System { config, .. } => Some(config),
            LlvmSettings::Bundled { .. } => None,
        };
        llvm.into_iter().chain(&self.compilers).map(|tool| tool.line.clone()).collect()
    }

    fn build(&self, folder: &Path) -> Table {
        let host = || vec![self.stage0.triple.clone()];
        let triples = self.targets.iter().map(|target| target.triple.clone());
        let targets: Vec<String> = host().into_iter().chain(triples).collect();
        table([
            ("build-dir", text(folder)),
            ("build", self.stage0.triple.clone().into()),
            ("host", host().into()),
            ("target", targets.into()),
            ("rustc", text(&self.stage0.bin("rustc"))),
            ("cargo", text(&self.stage0.bin("cargo"))),
            ("local-rebuild", self.same_version.into()),
            ("description", DESCRIPTION.into()),
            ("locked-deps", self.locked.into()),
            ("submodules", false.into()),
            ("vendor", false.into()),
            ("docs", false.into()),
            ("extended", false.into()),
            // The C sources of compiler-builtins would come from src/llvm-project.
            ("optimized-compiler-builtins", false.into()),
        ])
    }

    fn llvm(&self) -> Table {
        let mut settings = table([("download-ci-llvm", false.into())]);
        match &self.llvm {
            LlvmSettings::System { linked_statically, .. } => {
                settings.insert("link-shared".into(), (!linked_statically).into());
                settings.insert("static-libstdcpp".into(), (*linked_statically).into());
            }
            LlvmSettings::Bundled { backends } => {
                settings.insert("link-shared".into(), false.into());
                settings.insert("targets".into(), backends.join(";").into());
                settings.insert("experimental-targets".into(), "".into());
            }
        }
        settings
    }

    fn rust(&self) -> Table {
        let mut settings = table([
            // The compiler patches make unstable options unnecessary, and the channel `stable` rejects them.
            ("channel", "stable".into()),
            ("download-rustc", false.into()),
            ("deny-warnings", false.into()),
            ("codegen-tests", false.into()),
            ("lld", false.into()),
            ("llvm-tools", false.into()),
            ("llvm-bitcode-linker", false.into()),
            ("debuginfo-level", 0.into()),
            // The compiler gets to know the paths in std's metadata, and contains none of this host's.
            ("remap-debuginfo", true.into()),
        ]);
        settings.extend(self.rust.clone());
        settings
    }

    fn host(&self, build: &Path) -> Table {
        let [cc, cxx] = &self.compilers;
        let mut settings = table([("cc", text(&cc.path)), ("cxx", text(&cxx.path))]);
        match &self.llvm {
            LlvmSettings::System { linked_statically: true, .. } => {
                settings.insert("llvm-config".into(), text(&build.join(WRAPPER)))
            }
            LlvmSettings::System { config, .. } => settings.insert("llvm-config".into(), text(&config.path)),
            LlvmSettings::Bundled { .. } => None,
        };
        settings
    }

    /// Scripts to write beside bootstrap.toml. The wrapper of llvm-config changes its output to what the build script
    /// of `rustc_llvm` understands.
    pub fn scripts(&self) -> Vec<(&'static str, String)> {
        let LlvmSettings::System { config, linked_statically: true } = &self.llvm else { return Vec::new() };
        // Debian's llvm-config prints the path of z3, which the build script would turn into `-llibz3.so`.
        let text = format!(
            "#!/bin/sh\nsaid=$({} \"$@\") || exit\nprintf '%s\\n' \"$said\" | \
             sed 's#/[^ ]*/lib\\([^/ ]*\\)\\.so#-l\\1#g'\n",
            quote(config.path.as_os_str())
        );
        vec![(WRAPPER, text)]
    }
}

impl ForeignTarget {
    fn table(&self) -> Table {
        let driver = text(&self.driver);
        table([
            ("cc", driver.clone()),
            ("cxx", driver.clone()),
            ("linker", driver),
            ("crt-static", false.into()),
            ("llvm-libunwind", "system".into()),
            ("runner", self.runner.clone().into()),
        ])
    }
}

fn text(path: &Path) -> Value {
    path.display().to_string().into()
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
