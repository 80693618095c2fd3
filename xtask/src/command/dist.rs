//! `dist`: packs the compiler and the toolchains as a relocatable archive.

use anyhow::Result;
use bringup_model::compiler::Compiler;
use bringup_model::exit::{self, CodedError};

use crate::build::{FetchMode, Planner};
use crate::cli::DistArgs;
use crate::dist;

pub fn run(planner: &Planner<'_>, options: &DistArgs) -> Result<()> {
    let Compiler::Bootstrap(making) = planner.options.compiler else {
        let error = "the stock compiler cannot be packed: rustup distributes it\nhint: add --compiler bootstrap, which builds one";
        return Err(CodedError::error(exit::USAGE, error));
    };
    let mut targets = options.targets.read(planner.project, &planner.workspace.console)?;
    // The archive does not depend on the order in which targets are named.
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    let store = planner.workspace.store()?;
    let target_plan = planner.plan(targets, FetchMode::Fetch)?;
    let wanted: Vec<_> = target_plan.targets.iter().map(|(_, steps)| steps.toolchain).collect();
    super::check(&planner.builder(&store)?.build(&target_plan.plan, &wanted, Vec::new())?)?;

    let handle = planner.workspace.console.step("dist");
    let start = std::time::Instant::now();
    let dist = dist::collect(planner, &target_plan, making)?;
    let place = store.root().join("dist").join(format!("{}.tar.xz", dist.name));
    let file = options.output.as_deref().unwrap_or(&place);
    // The default name includes a digest, so an existing file has the same content.
    let cached = options.output.is_none() && place.is_file();
    if !cached {
        dist.packing.write(file, &format!("{}/", dist.name))?;
    }
    handle.done(start.elapsed(), cached);
    for note in &dist.notes {
        planner.workspace.console.note(note);
    }
    super::print(&format!("{}\n", file.display()))
}
