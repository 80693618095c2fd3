//! `std`: the standard library's crates for the target, from the patched source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use bringup_model::digest::Inputs;
use bringup_model::pins::LibcSwitch;
use bringup_model::target::Target;
use bringup_runner::exec::{Cmd, NETWORK_ENV};
use walkdir::WalkDir;

use super::{Step, StepId, Work};

/// cargo's target folder, in the step's folder. The step `test_programs` continues from it.
pub const CARGO_TARGET: &str = "target";

/// std's features: those of upstream's dist builds, and the unwinder of our runtimes.
pub const FEATURES: [&str; 4] = ["backtrace", "panic-unwind", "compiler-builtins-mem", "llvm-libunwind"];

/// How cargo builds the library workspace. std and its test programs must have the same settings. Otherwise the test
/// programs get a different std.
#[derive(Debug, Clone)]
pub struct Library {
    /// The target's triple.
    pub triple: String,
    /// The commit that the compiler was built from. If the commit is not known, the version.
    pub commit: String,
    /// The step of the patched Rust source.
    pub source: StepId,
    /// cargo's home. It has the registry cache, but no configuration of the user.
    pub cargo_home: PathBuf,
    /// Environment variables for the build scripts of std's crates.
    pub env: BTreeMap<String, String>,
    /// What a version of libc requires for a `time_t` of 64 bits.
    pub libc: Vec<LibcSwitch>,
    /// The opt-level, if it is not the workspace's default.
    pub opt_level: Option<String>,
}

impl Library {
    /// The inputs that all builds of the workspace have in common.
    pub fn inputs(&self) -> Inputs {
        // The paths of source and cache differ between clones. They are remapped, so they do not affect the result.
        let place = Path::new("PLACE");
        let flags = self.rustflags(place, place);
        let env = self.env.iter().map(|(key, value)| format!("{key}={value}"));
        let inputs = Inputs::new().add("rustc", &self.commit).list("feature", FEATURES);
        let inputs = inputs.list("rustflag", flags).list("env", env);
        inputs.list("libc", self.libc.iter().map(ToString::to_string)).list("opt-level", self.opt_level.as_deref())
    }

    fn rustflags(&self, source: &Path, cargo_home: &Path) -> Vec<String> {
        // rustc and debuggers know this folder, and find the source of std that a user has installed.
        let root = format!("/rustc/{}", self.commit);
        let remap = format!("--remap-path-prefix={}={root}", source.display());
        // cargo names the workspace's files relative to the root that the arguments give.
        let relative = format!("--remap-path-prefix=library/={root}/library");
        let registry = format!("--remap-path-prefix={}=/cargo", cargo_home.display());
        // cargo leaves bitcode out if the profile has no LTO. A user's profile may have LTO, which requires std's
        // bitcode.
        let bitcode = "-Cembed-bitcode=yes".to_owned();
        vec!["-Zforce-unstable-if-unmarked".to_owned(), bitcode, remap, relative, registry]
    }

    /// A cargo command with the compiler of the step `toolchain` and the target folder `target`.
    pub fn cargo(&self, work: &Work, toolchain: StepId, target: &Path) -> Result<Cmd> {
        let source = work.path(self.source)?;
        let lock = source.join("library/Cargo.lock");
        let libc = LibcSwitch::of_lock(&self.libc, &fs_err::read_to_string(&lock)?);
        let libc = libc.map_err(|error| anyhow!("reading {}: {error}", lock.display()))?;
        let cfgs = libc.iter().flat_map(|libc| libc.flags());
        let flags = self.rustflags(source, &self.cargo_home).into_iter().chain(cfgs).collect::<Vec<_>>().join("\x1f");
        // cargo runs in the root folder, so that it reads no .cargo/config.toml above the clone.
        let cmd = Cmd::new(work.path(toolchain)?.join("bin/cargo")).dir("/");
        let cmd = cmd.env("CARGO_HOME", &self.cargo_home).env("CARGO_TARGET_DIR", target);
        let cmd = cmd.env("CARGO_ENCODED_RUSTFLAGS", flags).env("RUSTC_BOOTSTRAP", "1");
        // Adds to libstd.so's name a hash that distinguishes builds.
        let cmd = cmd.env("__CARGO_DEFAULT_LIB_METADATA", "bringup");
        // cargo of nightly keeps metadata in files of its own. A sysroot has libraries alone.
        let cmd = cmd.env("CARGO_UNSTABLE_EMBED_METADATA", "true");
        let cmd = self
            .env
            .iter()
            .chain(libc.iter().flat_map(|libc| &libc.env))
            .fold(cmd, |cmd, (key, value)| cmd.env(key, value));
        let level = self.opt_level.iter();
        let cmd = level.fold(cmd, |cmd, level| cmd.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", level));
        Ok(cmd.inherit_all(NETWORK_ENV))
    }

    /// std's features, for cargo. `prefix` comes before each: `std/`, or nothing for a crate that has them itself.
    pub fn features(prefix: &str) -> String {
        let features: Vec<String> = FEATURES.iter().map(|feature| format!("{prefix}{feature}")).collect();
        format!("--features={}", features.join(","))
    }

    /// Arguments of all builds.
    pub fn args(&self, manifest: &str, work: &Work) -> Result<Vec<String>> {
        let source = work.path(self.source)?;
        let manifest = source.join(manifest).display().to_string();
        // With this, the files' paths begin with `library/`, as where x.py builds std.
        let root = format!("-Zroot-dir={}", source.display());
        let mut args = ["--release", "--locked", "--color=never"].map(String::from).to_vec();
        args.push(root);
        args.extend(["--target".into(), self.triple.clone()]);
        args.extend(["--manifest-path".into(), manifest]);
        if work.offline {
            args.push("--offline".into());
        }
        Ok(args)
    }
}

/// std for one target.
pub struct StdStep {
    pub(crate) target: Target,
    /// How cargo builds it.
    pub library: Library,
    /// The step `sysroot`.
    pub sysroot: StepId,
}

impl Step for StdStep {
    fn name(&self) -> &'static str {
        "std"
    }

    fn label(&self) -> &str {
        &self.target.name
    }

    fn inputs(&self) -> Inputs {
        self.library.inputs()
    }

    fn recipe(&self) -> u32 {
        2
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.library.source, self.sysroot]
    }

    fn build(&self, work: &Work) -> Result<()> {
        let target = work.scratch.join(CARGO_TARGET);
        let args = self.library.args("library/sysroot/Cargo.toml", work)?;
        let cargo = self.library.cargo(work, self.sysroot, &target)?.arg("build").args(args).arg(Library::features(""));
        work.run(&cargo).with_context(|| format!("building std for {}", self.target.name))?;
        let lib = work.out.join("lib");
        fs_err::create_dir(&lib)?;
        for path in libraries(&target.join(&self.target.triple).join("release"))? {
            fs_err::hard_link(&path, lib.join(path.file_name().unwrap_or_default()))?;
        }
        Ok(fs_err::rename(&target, work.out.join(CARGO_TARGET))?)
    }
}

/// The libraries that cargo has built into the folder of a profile. Before 1.100, all are in one folder. From 1.100 on,
/// each unit has its own, which holds files of other kinds, too.
fn libraries(profile: &Path) -> Result<Vec<PathBuf>> {
    let deps = profile.join("deps");
    let units = profile.join("build");
    let files = WalkDir::new(if deps.is_dir() { deps } else { units }).sort_by_file_name();
    let mut found = Vec::new();
    for entry in files {
        let path = entry?.into_path();
        if path.extension().is_some_and(|ending| ending == "rlib" || ending == "so") {
            found.push(path);
        }
    }
    ensure!(!found.is_empty(), "cargo built no library in {}", profile.display());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_in_both_layouts_of_cargo() {
        let layouts: [(&[&str], &[&str]); 2] = [
            (
                &["deps/libcore-1.rlib", "deps/libcore-1.rmeta", "deps/libstd-2.so", "build/std-3/out/no.rlib"],
                &["deps/libcore-1.rlib", "deps/libstd-2.so"],
            ),
            (
                &["build/core/1/out/libcore-1.rlib", "build/core/1/out/core-1.d", "build/std/2/out/libstd-2.so"],
                &["build/core/1/out/libcore-1.rlib", "build/std/2/out/libstd-2.so"],
            ),
        ];
        for (files, expected) in layouts {
            let folder = tempfile::tempdir().unwrap();
            assert!(libraries(folder.path()).is_err());
            for file in files {
                let path = folder.path().join(file);
                fs_err::create_dir_all(path.parent().unwrap()).unwrap();
                fs_err::write(path, "").unwrap();
            }
            let found = libraries(folder.path()).unwrap();
            let expected: Vec<PathBuf> = expected.iter().map(|file| folder.path().join(file)).collect();
            assert_eq!(found, expected);
        }
    }
}
