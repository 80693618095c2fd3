//! bootstrap.toml, from the pins, the host's tools and the targets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bringup_runner::exec::quote;
use toml::{Table, Value};

use crate::host::survey::{Rust, Tool};

/// What is appended to rustc's version: what it compiles and what the stock one does are not to be mixed.
const DESCRIPTION: &str = "Bringup";

/// Name of the program that stands before llvm-config.
const WRAPPER: &str = "llvm-config";

/// All that bootstrap.toml says.
#[derive(Debug, Clone)]
pub struct BootstrapConfig {
    /// The installed toolchain, which stage 1 is built with.
    pub stage0: Rust,
    /// Whether that is of the source's own version.
    pub same_version: bool,
    /// Whether Cargo.lock is to be taken as it is: where workspace members are lacking it cannot be.
    pub locked: bool,
    /// Whose LLVM.
    pub llvm: LlvmSettings,
    /// The C and the C++ compiler for rustc's own glue to LLVM.
    pub compilers: [Tool; 2],
    /// What bringup.toml wants in the table `rust`.
    pub rust: BTreeMap<String, Value>,
    /// What is compiled for, besides the host.
    pub targets: Vec<ForeignTarget>,
}

/// A target that x.py is to build std for.
#[derive(Debug, Clone)]
pub struct ForeignTarget {
    /// Its triple.
    pub triple: String,
    /// Its spec, as JSON text.
    pub spec: String,
    /// Its linker driver.
    pub driver: PathBuf,
    /// What runs its programs, in words.
    pub runner: String,
}

/// LLVM, as a build of rustc gets it.
#[derive(Debug, Clone)]
pub enum LlvmSettings {
    /// The host's.
    System {
        /// llvm-config.
        config: Tool,
        /// Whether its libraries are linked statically: then the compiler runs where that LLVM is not installed.
        linked_statically: bool,
    },
    /// That of the source, with these back ends.
    Bundled {
        /// LLVM's names of the back ends, in order.
        backends: Vec<String>,
    },
}

impl BootstrapConfig {
    /// The text of bootstrap.toml, for a build in this folder.
    pub fn render(&self, build: &Path) -> String {
        let host = &self.stage0.triple;
        let mut file = Table::new();
        // Not to be told of changes in the format: x.py refuses a key that it does not know.
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

    /// The tools that decide the result, with their versions.
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
            // C for compiler-builtins would come from src/llvm-project.
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
            // `stable` is what the compiler patches are for: no unstable option is needed, and none allowed.
            ("channel", "stable".into()),
            ("download-rustc", false.into()),
            ("deny-warnings", false.into()),
            ("codegen-tests", false.into()),
            ("lld", false.into()),
            ("llvm-tools", false.into()),
            ("llvm-bitcode-linker", false.into()),
            ("debuginfo-level", 0.into()),
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

    /// Programs to be put beside bootstrap.toml: llvm-config in words that the build script of `rustc_llvm` understands.
    pub fn scripts(&self) -> Vec<(&'static str, String)> {
        let LlvmSettings::System { config, linked_statically: true } = &self.llvm else { return Vec::new() };
        // Debian gives z3 by its path, which is passed on to the linker as `-llibz3.so`.
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
