//! The crates of a trial: each new or recorded.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::outcome::Outcome;
use bringup_model::report::{self, SmokeCheck, StepTime};

use super::smoke::tree_sha256;
use super::suite::TestEnvironment;
use super::{Trial, step_time};
use crate::build::step::Node;
use crate::smoke::crates::{CrateBench, FOLDER, patches};
use crate::trial::recorded::Record;

impl Trial<'_> {
    pub(super) fn crates(&self, run: &mut report::Run, toolchain: &Node, environment: &TestEnvironment) -> Result<()> {
        let (planner, store) = (self.context.planner, self.context.store);
        let workspace = planner.workspace;
        let sources = planner.project.root.join(FOLDER);
        let target = self.subject.target;
        let sandbox = &environment.sandbox;
        let build = store.root().join("crates").join(self.link.word());
        let of_target = build.join(&target.triple);
        // cargo would not notice another std.
        let forget = || if of_target.exists() { fs_err::remove_dir_all(&of_target) } else { Ok(()) };
        forget()?;
        let log = store.logs().join(format!("crates-{}-{}.log", target.name, self.link));
        fs_err::write(&log, "")?;
        let none: [&str; 0] = [];
        let patches = patches(&sources)?;
        let bench = CrateBench {
            sources: &sources,
            patches: &patches,
            toolchain: &toolchain.path,
            triple: &target.triple,
            link: self.link,
            cargo_home: &workspace.cargo_home(),
            offline: workspace.offline,
            runner: &|program, lib_dirs| sandbox.command(program, none, lib_dirs),
            build: &build,
            building: &self.context.building[&self.link],
            log: &log,
            jobs: self.context.jobs,
        };
        let warn = |text: &str| workspace.console.warn(text);
        for name in &self.selection().crates {
            let inputs =
                Inputs::new().add("kind", "crate").add("crate", name).add("toolchain", toolchain.digest.as_str());
            let inputs = inputs.add("lock", &fs_err::read_to_string(sources.join("Cargo.lock"))?);
            let inputs = inputs.add("sources", tree_sha256(&sources.join(name))?);
            let inputs =
                inputs.list("patch", patches.iter().map(|patch| patch.digest.as_str())).append(&environment.inputs);
            let record = Record::new(store, &target.name, inputs);
            let label = format!("{} {name}", run.name());
            let known = if self.selection().rerun { None } else { record.load::<SmokeCheck>(&warn) };
            if let Some(check) = known {
                workspace.console.cached();
                run.smoke.push(check);
                let cost = step_time("crate", &label, (Duration::ZERO, Duration::ZERO));
                run.steps.push(StepTime { cached: true, ..cost });
                continue;
            }
            let start = Instant::now();
            let handle = workspace.console.step(&format!("crate {label}"));
            let checked = bench.check(name).with_context(|| format!("testing the crate {name} on {}", target.name));
            let (check, cpu) = checked?;
            let failed = check.outcome != Outcome::Pass;
            if failed {
                handle.failed();
            } else {
                handle.done(start.elapsed(), false);
            }
            run.steps.push(step_time("crate", &label, (start.elapsed(), cpu)));
            // A failed check runs again the next time.
            if !failed {
                record.save(&check)?;
            }
            run.smoke.push(check);
        }
        forget()?;
        Ok(())
    }
}
