//! The distribution archive: one compiler and any number of targets in one folder, which works in any place. It
//! requires glibc, and clang and lld, which its scripts look for on the search path.

mod layout;
mod licenses;
mod scripts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use bringup_model::compiler::CompilerBuild;
use bringup_model::digest::{INPUTS_FILE, hex};
use bringup_model::dist_manifest::{
    DistCompiler, DistManifest, DistNeeds, DistPatch, DistProgram, DistSource, DistTarget, SCHEMA,
};
use bringup_model::target::Target;
use bringup_model::version::Version;
use bringup_runner::files::{Content, Files, hashes};
use sha2::{Digest as _, Sha256};

use self::layout::Layout;
use self::scripts::Scripts;
use crate::build::step::driver::DriverLanguage;
use crate::build::step::{Node, commands, tools};
use crate::host::survey::HostTools;
use crate::project::Project;

use crate::build::{CompilerSteps, Planned, Planner};
use crate::smoke::elf;
use crate::source::archive::pack::Packing;

/// Folders and files of the toolchain: the targets' parts, the real cargo, and the scripts' common part.
const OWN: &str = "lib/bringup";

/// A toolchain, ready to pack.
pub struct Dist {
    /// The files and their manifest.
    pub packing: Packing,
    /// The name of the toolchain's folder, and of the archive without `.tar.xz`.
    pub name: String,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// Puts the distribution together from the results of this plan.
pub fn collect(planner: &Planner<'_>, target_plan: &Planned, making: CompilerBuild) -> Result<Dist> {
    let steps = target_plan.patched.compiler.context("the plan has no compiler")?;
    let (host, plan) = (planner.host()?, &target_plan.plan);
    let compiler = plan.path(steps.compiler);
    let scripts = Scripts { release: host.tool("clang")?.version.as_ref().map(Version::major) };

    let mut layout = Layout::default();
    layout.tree(compiler, "", |name| name != INPUTS_FILE)?;
    layout.put(&format!("{OWN}/cargo"), Content::File(host.rust.bin("cargo")))?;
    layout.put(&format!("{OWN}/{}", scripts::TOOL_FILE), Content::Text(scripts.tool()))?;
    for (target, steps) in &target_plan.targets {
        put_target(&mut layout, &scripts, target, plan.path(steps.toolchain), &host.clang_headers)?;
        let beside_rustc = format!("lib/rustlib/{}/bin/{}", host.rust.triple, target.driver());
        layout.put(&beside_rustc, Content::Script(crate::build::step::driver::beside_rustc(target)))?;
        let runner = format!("bin/{}", commands::runner_name(&target.triple));
        layout.put(&runner, Content::Script(scripts::runner(target, &host.rust.triple)))?;
    }
    let targets = || target_plan.targets.iter().map(|(target, _)| target);
    layout.put("bin/cargo", Content::Script(scripts::cargo(targets())))?;
    for (name, text) in commands::refusals() {
        layout.put(&format!("bin/{name}"), Content::Script(text))?;
    }

    let of_host = layout.files().filter(|(name, _)| !targets().any(|target| is_of(target, name)));
    let (glibc, libraries) = needs(of_host)?;
    let licenses = licenses::collect(planner, target_plan, steps, &libraries, &mut layout)?;
    let files: Files = layout.into_files();
    let manifest = DistManifest {
        schema: SCHEMA,
        rust: planner.project.pins.rust.version.clone(),
        host: host.rust.triple.clone(),
        targets: targets().map(described).collect(),
        needs: DistNeeds { glibc, libraries: libraries.clone(), programs: programs(planner.host()?, &scripts)? },
        compiler: DistCompiler {
            stage: making.stage,
            llvm: making.llvm.word(),
            tools: inputs(plan.node(steps.compiler), "tool").map(str::to_owned).collect(),
        },
        sources: sources(planner.project, target_plan, steps),
        patches: patches(planner)?,
        notes: planner.options.recorded.notes(),
        steps: digests(target_plan, steps),
        licenses: licenses.components,
        crates: licenses.crates,
        not_covered: licenses.not_covered,
        files: hashes(&files)?,
    };
    let packing = Packing::new(files, &manifest)?;
    let name = format!("bringup-rust-{}-{}-{}", manifest.rust, manifest.host, &packing.digest()[..16]);
    let foreign = |library: &&String| !OF_GLIBC.iter().any(|name| library.starts_with(name));
    let foreign: Vec<&str> = libraries.iter().filter(foreign).map(String::as_str).collect();
    let note =
        (!foreign.is_empty()).then(|| format!("note: besides glibc, the toolchain requires {}", foreign.join(", ")));
    Ok(Dist { packing, name, notes: note.into_iter().collect() })
}

/// Adds a target's own files, without those of the host.
fn is_of(target: &Target, name: &str) -> bool {
    [OWN, "lib/rustlib"].iter().any(|folder| {
        name.strip_prefix(folder)
            .and_then(|rest| rest.strip_prefix('/')?.strip_prefix(&*target.triple))
            .is_some_and(|rest| rest.starts_with('/'))
    })
}

fn put_target(layout: &mut Layout, scripts: &Scripts, target: &Target, toolchain: &Path, headers: &Path) -> Result<()> {
    let triple = &target.triple;
    let own = format!("{OWN}/{triple}");
    let rustlib = format!("lib/rustlib/{triple}");
    layout.tree(&toolchain.join(&rustlib), &rustlib, |_| true)?;
    layout.tree(&toolchain.join("sysroot"), &format!("{own}/sysroot"), |_| true)?;
    layout.tree(&toolchain.join("lib/clang/lib"), &format!("{own}/clang/lib"), |_| true)?;
    // In the step's folder, the headers are a link to those of the host's clang.
    layout.tree(headers, &format!("{own}/clang/include"), |_| true)?;
    layout.put(&format!("bin/{}", target.driver()), Content::Script(scripts.driver(target, DriverLanguage::C)))?;
    for (name, text) in scripts::programs(*scripts, target) {
        layout.put(&format!("bin/{name}"), Content::Script(text))?;
    }
    let cmake = tools::cmake(target, &scripts::own_part(target, "sysroot"));
    layout.put(&tools::cmake_file(target), Content::Text(cmake))
}

fn described(target: &Target) -> DistTarget {
    DistTarget { name: target.name.clone(), triple: target.triple.clone(), baseline: target.baseline.text.clone() }
}

/// Prefixes of the names of glibc's libraries.
const OF_GLIBC: [&str; 7] = ["libc.so.", "libm.so.", "libdl.so.", "librt.so.", "libpthread.so.", "libutil.so.", "ld-"];

/// What the files that run on the host require: the oldest glibc that is new enough, and the libraries that are not
/// among the files.
fn needs<'a>(files: impl Iterator<Item = (&'a str, &'a Content)>) -> Result<(Option<String>, Vec<String>)> {
    let (mut libraries, mut present, mut glibc) = (BTreeSet::new(), BTreeSet::new(), None);
    for (name, content) in files {
        present.insert(name.rsplit('/').next().unwrap_or(name).to_owned());
        let Content::File(path) = content else { continue };
        let needs = elf::needs(&fs_err::read(path)?).with_context(|| format!("reading {}", path.display()))?;
        let Some(needs) = needs else { continue };
        libraries.extend(needs.libraries);
        let versions = needs.versions.iter().filter_map(|name| name.strip_prefix("GLIBC_")?.parse::<Version>().ok());
        glibc = versions.chain(glibc).max();
    }
    Ok((glibc.map(|version| version.to_string()), libraries.difference(&present).cloned().collect()))
}

fn programs(host: &HostTools, scripts: &Scripts) -> Result<Vec<DistProgram>> {
    let of_llvm = |tool, program, needed_for| {
        Ok(DistProgram { names: scripts.names(program), needed_for, tried: Some(host.tool(tool)?.line.clone()) })
    };
    let cc = DistProgram { names: vec!["cc".into()], needed_for: "linking build scripts and proc macros", tried: None };
    let llvm = [
        of_llvm("clang", "clang", "compiling C and C++, and linking, for the targets"),
        of_llvm("lld", "ld.lld", "linking for the targets"),
        of_llvm("llvm-ar", "llvm-ar", "build scripts that make static libraries"),
    ];
    llvm.into_iter().chain([Ok(cc)]).collect()
}

/// The values with this tag among the step's own inputs.
fn inputs<'a>(node: &'a Node, tag: &'a str) -> impl Iterator<Item = &'a str> {
    node.inputs.entries().iter().filter(move |(key, _)| key == tag).map(|(_, value)| value.as_str())
}

fn sources(project: &Project, target_plan: &Planned, steps: CompilerSteps) -> Vec<DistSource> {
    let (patched, [rust, musl, llvm, linux]) = (target_plan.patched, project.sources());
    let runtimes = [(llvm, patched.llvm), (llvm, patched.libcxx), (linux, patched.linux)];
    let steps = [(rust, steps.source), (rust, patched.rust), (musl, patched.musl)].into_iter().chain(runtimes);
    let source = |(source, step): (&bringup_model::pins::Source, _)| {
        let node = target_plan.plan.node(step);
        let sha256 = inputs(node, "sha256").next().unwrap_or_default().to_owned();
        DistSource { name: source.name.into(), version: source.version.clone(), sha256, step: node.title() }
    };
    steps.map(source).collect()
}

fn patches(planner: &Planner<'_>) -> Result<Vec<DistPatch>> {
    let series = planner.series_in_use()?;
    let patches = series.iter().flat_map(|series| series.patches.iter().map(move |patch| (series, patch)));
    let patch = |(series, patch): (&bringup_model::series::Series, &bringup_model::series::Patch)| DistPatch {
        file: format!("patches/{}/{}/{}", series.source, series.version, patch.file),
        sha256: hex(&Sha256::digest(&patch.text)),
    };
    Ok(patches.map(patch).collect())
}

fn digests(target_plan: &Planned, steps: CompilerSteps) -> BTreeMap<String, String> {
    let last = target_plan.targets.iter().map(|(_, steps)| steps.toolchain).chain([steps.compiler]);
    let all: BTreeSet<_> = last.flat_map(|id| target_plan.plan.closure(id)).collect();
    let digest = |id| {
        let node = target_plan.plan.node(id);
        (node.title(), node.digest.as_str().to_owned())
    };
    all.into_iter().map(digest).collect()
}
