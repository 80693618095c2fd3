//! `dist`: the compiler and the toolchains of targets, packed to be used anywhere.

use anyhow::Result;
use bringup_model::compiler::Compiler;
use bringup_model::exit::{self, Coded};

use crate::cli::Dist;
use crate::dist;
use crate::session::{Session, Sources};

pub fn run(session: &Session, options: &Dist) -> Result<()> {
    let Compiler::Bootstrap(making) = session.compiler else {
        let error = "the stock compiler is not ours to pack: rustup distributes it\nhint: add --compiler bootstrap, which builds one";
        return Err(Coded::error(exit::USAGE, error));
    };
    let mut targets = session.targets(&options.targets)?;
    // The same targets are the same archive, in whatever order they are named.
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    let store = session.store()?;
    let planned = session.plan(targets, Sources::Fetch)?;
    let wanted: Vec<_> = planned.targets.iter().map(|(_, steps)| steps.toolchain).collect();
    super::check(&session.builder(&store)?.build(&planned.plan, &wanted, Vec::new())?)?;

    let handle = session.ui.step("dist");
    let start = std::time::Instant::now();
    let dist = dist::collect(session, &planned, making)?;
    let place = store.root().join("dist").join(format!("{}.tar.xz", dist.name));
    let file = options.output.as_deref().unwrap_or(&place);
    // What is in the default place is named by its content.
    let cached = options.output.is_none() && place.is_file();
    if !cached {
        dist.packing.write(file, &format!("{}/", dist.name))?;
    }
    handle.done(start.elapsed(), cached);
    for note in &dist.notes {
        session.ui.note(note);
    }
    super::print(&format!("{}\n", file.display()))
}
