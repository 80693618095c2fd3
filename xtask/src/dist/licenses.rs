//! The licenses of the parts, and their texts.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use bringup_model::dist_manifest::{DistCrate, DistLicense};
use bringup_runner::files::{Content, files_below};

use super::layout::Layout;
use crate::build::step::std::FEATURES;
use crate::build::{CompilerSteps, Planned, Planner};
use crate::source::registry::unpacked;

/// The folder of license texts in the archive.
const FOLDER: &str = "licenses";

/// Prefixes of the names of license texts in a crate's folder.
const TEXTS: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// License texts in Rust's source.
const OF_RUST: [&str; 6] =
    ["COPYRIGHT", "LICENSE-APACHE", "LICENSE-MIT", "LICENSES", "REUSE.toml", "license-metadata.json"];
/// The texts of LLVM's license.
const OF_LLVM: [&str; 2] = ["LICENSES/Apache-2.0.txt", "LICENSES/LLVM-exception.txt"];
/// The texts of the license of GCC's libraries.
const OF_GCC: [&str; 2] = ["LICENSES/GPL-3.0-or-later.txt", "LICENSES/GCC-exception-3.1.txt"];

/// The packages of the compiler.
const COMPILER: [&str; 3] = ["-p=rustc-main", "-p=rustdoc-tool", "--features=rustc-main/llvm"];

/// The text that comes with the kernel's headers.
const LINUX_COPYRIGHT: &str = "usr/share/doc/linux-libc-dev/copyright";

/// The licenses, for the manifest.
#[derive(Debug, Default)]
pub struct Licenses {
    /// The license of each component.
    pub components: Vec<DistLicense>,
    /// The license of each crate from the registry.
    pub crates: Vec<DistCrate>,
    /// Parts whose license or text is not known.
    pub not_covered: Vec<String>,
}

/// Collects the licenses, and adds their texts to the layout. `libraries` are the shared libraries that the compiler
/// takes from the system. LLVM and libstdc++ are part of the compiler unless they are among these.
pub fn collect(
    planner: &Planner<'_>,
    target_plan: &Planned,
    steps: CompilerSteps,
    libraries: &[String],
    layout: &mut Layout,
) -> Result<Licenses> {
    let (plan, host) = (&target_plan.plan, planner.host()?);
    let source = plan.path(steps.source);
    let mut all = Licenses::default();
    let rust = all.texts(layout, source, &OF_RUST, "rust")?;
    let among = |names: &[&str]| -> Vec<String> {
        let wanted = names.iter().map(|name| format!("{FOLDER}/rust/{name}"));
        wanted.filter(|name| rust.contains(name)).collect()
    };
    let (llvm, gcc) = (among(&OF_LLVM), among(&OF_GCC));
    let musl = all.texts(layout, plan.path(target_plan.patched.musl), &["COPYRIGHT"], "musl")?;
    let linux = all.texts(layout, plan.path(target_plan.patched.linux), &[LINUX_COPYRIGHT], "linux")?;
    let docs = host.rust.sysroot.join("share/doc/cargo");
    let cargo = all.texts(layout, &docs, &["LICENSE-APACHE", "LICENSE-MIT", "LICENSE-THIRD-PARTY"], "cargo")?;
    let mut component = |component, spdx, files| all.components.push(DistLicense { component, spdx, files });
    let (rust_spdx, llvm_spdx) = ("MIT OR Apache-2.0", "Apache-2.0 WITH LLVM-exception");
    component("rustc, rustdoc, and std", rust_spdx, rust);
    let is_outside = |start: &str| libraries.iter().any(|library| library.starts_with(start));
    if !is_outside("libLLVM") {
        component("LLVM, in rustc", llvm_spdx, llvm.clone());
    }
    if !is_outside("libstdc++") {
        component("libstdc++, in rustc", "GPL-3.0-or-later WITH GCC-exception-3.1", gcc);
    }
    component("compiler-rt, libunwind, libc++, libc++abi, and clang's headers", llvm_spdx, llvm);
    component("musl", "MIT", musl);
    component("Linux kernel headers", "GPL-2.0 WITH Linux-syscall-note", linux);
    component("cargo, from the installed Rust", rust_spdx, cargo);

    let mut crates = BTreeSet::new();
    let rustc = plan.path(steps.compiler).join("bin/rustc");
    let std = plan.path(target_plan.patched.rust).join("library");
    let features = format!("--features={}", FEATURES.join(","));
    let of_std = ["-p=sysroot", &features, "--locked"];
    crates.extend(ask(planner, &rustc, &host.rust.triple, source, &COMPILER)?);
    crates.extend(ask(planner, &rustc, &host.rust.triple, &std, &of_std)?);
    for (target, steps) in &target_plan.targets {
        let rustc = plan.path(steps.toolchain).join("bin/rustc");
        crates.extend(ask(planner, &rustc, &target.triple, &std, &of_std)?);
    }
    for mut krate in crates {
        krate.files = all.crate_texts(layout, &planner.workspace.cargo_home(), &krate)?;
        all.crates.push(krate);
    }
    all.not_covered.push("the crates that the installed cargo consists of".into());
    let bare: Vec<&str> =
        all.crates.iter().filter(|krate| krate.files.is_empty()).map(|krate| krate.name.as_str()).collect();
    if !bare.is_empty() {
        all.not_covered.push(format!("copyright notices of crates that come without a text: {}", bare.join(", ")));
    }
    Ok(all)
}

impl Licenses {
    /// Adds texts, or folders of texts, of a source to the layout. Records missing ones in `not_covered`.
    fn texts(&mut self, layout: &mut Layout, source: &Path, names: &[&str], component: &str) -> Result<Vec<String>> {
        let before: Vec<String> = Self::of(layout, component);
        for name in names {
            let (path, place) = (source.join(name), format!("{FOLDER}/{component}/{name}"));
            if path.is_file() {
                layout.put(&place, Content::File(path))?;
            } else if files_below(&path)?.is_empty() {
                self.not_covered.push(format!("{component}: its source has no {name}"));
            } else {
                layout.tree(&path, &place, |_| true)?;
            }
        }
        Ok(Self::of(layout, component).into_iter().filter(|name| !before.contains(name)).collect())
    }

    fn of(layout: &Layout, component: &str) -> Vec<String> {
        let folder = format!("{FOLDER}/{component}/");
        layout.files().map(|(name, _)| name.to_owned()).filter(|name| name.starts_with(&folder)).collect()
    }

    fn crate_texts(&mut self, layout: &mut Layout, cargo_home: &Path, krate: &DistCrate) -> Result<Vec<String>> {
        let name = format!("{}-{}", krate.name, krate.version);
        let Some(folder) = unpacked(cargo_home, &name)? else {
            self.not_covered.push(format!("{name}: its source is not in cargo's cache"));
            return Ok(Vec::new());
        };
        let mut files = Vec::new();
        for entry in fs_err::read_dir(folder)? {
            let path = entry?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_file() && TEXTS.iter().any(|start| file.to_ascii_uppercase().starts_with(start)) {
                let place = format!("{FOLDER}/crates/{name}/{file}");
                layout.put(&place, Content::File(path))?;
                files.push(place);
            }
        }
        files.sort();
        Ok(files)
    }
}

/// Asks cargo for the registry's crates that packages depend on. cargo downloads those that are not in its cache.
fn ask(planner: &Planner<'_>, rustc: &Path, triple: &str, workspace: &Path, args: &[&str]) -> Result<Vec<DistCrate>> {
    let cmd = planner.host()?.rust.cargo(&planner.workspace.cargo_home()).env("RUSTC", rustc);
    let cmd = cmd.args(["tree", "--color=never", "--edges=normal", "--prefix=none"]);
    let cmd = cmd.args(["--format={p}|{l}", "--target", triple]).args(args);
    let cmd = cmd.arg("--manifest-path").arg(workspace.join("Cargo.toml"));
    let cmd = if planner.workspace.offline { cmd.arg("--offline") } else { cmd };
    let printed = cmd.read().with_context(|| format!("asking cargo for the crates in {}", workspace.display()))?;
    Ok(printed.lines().filter_map(parse).collect())
}

/// Parses a line that cargo prints: `name v1.2.3|MIT`. `None` for a crate with a path, which is not from the
/// registry.
fn parse(line: &str) -> Option<DistCrate> {
    let (package, license) = line.split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    if words.any(|word| word.contains('/')) {
        return None;
    }
    let license = license.trim_end_matches("(*)").trim_end();
    Some(DistCrate { name: name.into(), version: version.into(), license: license.into(), files: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_crates_of_the_registry_are_read() {
        let read = |line| parse(line).map(|krate| [krate.name, krate.version, krate.license].join(" "));
        assert_eq!(read("memchr v2.7.6|Unlicense OR MIT").as_deref(), Some("memchr 2.7.6 Unlicense OR MIT"));
        assert_eq!(read("syn v2.0.1|MIT OR Apache-2.0 (*)").as_deref(), Some("syn 2.0.1 MIT OR Apache-2.0"));
        assert_eq!(read("serde_derive v1.0.0 (proc-macro)|MIT").as_deref(), Some("serde_derive 1.0.0 MIT"));
        assert_eq!(read("core v0.0.0 (/source/library/core)|MIT"), None);
        assert_eq!(read("macros v0.0.0 (proc-macro) (/source/macros)|"), None);
        assert_eq!(read(""), None);
    }
}
