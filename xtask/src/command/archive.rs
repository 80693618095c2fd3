//! `archive`: packs the test programs of a target for a machine that cannot build them.

use std::path::Path;

use anyhow::Result;
use bringup_model::archive_manifest::{ArchiveManifest, SCHEMA, SourceVersions};
use bringup_model::exit::{self, CodedError};

use crate::build::step::test_programs;
use crate::build::{FetchMode, Planner};
use crate::cli::TargetNames;
use crate::trial::archive::pack::packing;

pub fn run(planner: &Planner<'_>, target: &str, output: Option<&Path>) -> Result<()> {
    // Check this before the work.
    if let Some(folder) = output.filter(|output| output.is_dir()) {
        let hint = "hint: give a file name, or leave -o out";
        return Err(CodedError::error(exit::USAGE, format!("-o {} is a folder\n{hint}", folder.display())));
    }
    let targets = TargetNames { targets: vec![target.into()], release: None }
        .read(planner.project, &planner.workspace.console)?;
    let store = planner.workspace.store()?;
    let target_plan = planner.plan(targets, FetchMode::Fetch)?;
    let wanted: Vec<_> = target_plan.targets.iter().flat_map(|(_, steps)| steps.test_programs).collect();
    let results = planner.builder(&store)?.build(&target_plan.plan, &wanted, Vec::new())?;
    super::check(&results)?;
    for (target, steps) in &target_plan.targets {
        let toolchain = target_plan.plan.node(steps.toolchain);
        let programs = steps.test_programs.map(|id| target_plan.plan.node(id));
        let set = test_programs::test_set(&target.triple, toolchain, &programs, &programs);
        let pins = &planner.project.pins;
        let manifest = ArchiveManifest {
            schema: SCHEMA.into(),
            target: target.name.clone(),
            triple: target.triple.clone(),
            pins: SourceVersions {
                rust: pins.rust.version.clone(),
                rust_toolchain: planner.used_toolchain(),
                musl: pins.musl.version.clone(),
                llvm: pins.llvm.version.clone(),
            },
            compiler: planner.options.compiler,
            toolchain: toolchain.digest.as_str().into(),
            test_programs: set.digest.clone(),
            left_out: planner.options.recorded.left_out.clone(),
            files: std::collections::BTreeMap::new(),
        };
        let packing = packing(&planner.project.root, &set, manifest)?;
        let name = format!("{}-{}.tar.xz", target.name, &packing.digest()[..16]);
        let place = store.root().join("archive").join(name);
        let dest = output.unwrap_or(&place);
        // The default name includes a digest, so an existing file has the same content.
        if output.is_some() || !place.is_file() {
            let handle = planner.workspace.console.step(&format!("archive {}", target.name));
            let start = std::time::Instant::now();
            packing.write(dest, "")?;
            handle.done(start.elapsed(), false);
        }
        super::print(&format!("{}\n", dest.display()))?;
    }
    Ok(())
}
