//! Compiles and runs a proof with one toolchain.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::emulator::Emulator;
use crate::model::link::Link;
use crate::model::proof::{Language, Proof};
use crate::model::target::Target;
use crate::recorded::Record;
use crate::run::exec::{Cmd, Output, describe, quote};
use crate::run::interrupt::Interrupted;
use crate::run::jobs::{Jobs, Share};
use crate::run::runner::Runner;
use crate::run::sandbox::Sandbox;
use crate::step::Node;
use crate::store::{Inputs, Store};

/// How long a proof may run.
const LIMIT: Duration = Duration::from_mins(1);

/// What a proof did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// It passed.
    Passes,
    /// It failed; why, in a line, and what it printed last, in lines of their own.
    Fails(String, String),
}

/// A proof, a target, and what both need to meet.
pub struct Prover<'a> {
    /// Results, among them those of proofs.
    pub store: &'a Store,
    /// The budget of jobs.
    pub jobs: &'a Jobs,
    /// For whom.
    pub target: &'a Target,
    /// What runs the target's programs.
    pub emulator: &'a Emulator,
    /// What of that decides what a proof shows.
    pub surroundings: &'a Inputs,
    /// The proof's file.
    pub file: &'a Path,
    /// What it says of itself.
    pub proof: &'a Proof,
}

impl Prover<'_> {
    /// Runs the proof in one link mode with the toolchain of this step, or takes over what it showed earlier. What is not
    /// as it should be, `passing` or not, is tried again each time.
    pub fn run(&self, toolchain: &Node, link: Link, passing: bool) -> Result<Shown> {
        let inputs = Inputs::new().add("kind", "proof").add("toolchain", toolchain.digest.as_str());
        let inputs = inputs.add("link", link.word()).add("proof", fs_err::read_to_string(self.file)?);
        let record = Record::new(self.store, &self.target.name, inputs.append(self.surroundings));
        let as_it_should_be = |shown: &Shown| (*shown == Shown::Passes) == passing;
        if let Some(shown) = record.load::<Shown>().filter(as_it_should_be) {
            return Ok(shown);
        }
        let work = tempfile::Builder::new().prefix("proof-").tempdir_in(self.store.temporary())?;
        let shown = self.run_in(work.path(), &toolchain.path, link);
        let shown = shown.with_context(|| format!("running {} for {}", self.file.display(), self.target.name))?;
        if as_it_should_be(&shown) {
            record.save(&shown)?;
        }
        Ok(shown)
    }

    fn run_in(&self, work: &Path, toolchain: &Path, link: Link) -> Result<Shown> {
        let runner = self.emulator.runner(self.target, toolchain.join("sysroot"));
        let program = work.join("proof");
        let Some(compiler) = compiler(self.target, toolchain, self.file, self.proof, link) else {
            let cmd = self.script(toolchain, &runner).dir(work).timeout(LIMIT).within(self.jobs, Share::Tool);
            return judge(cmd.output(), "the script");
        };
        let compiler = compiler.arg("-o").arg(&program).dir(work).within(self.jobs, Share::Tool);
        let shown = judge(compiler.output(), "the compiler")?;
        if shown != Shown::Passes {
            return Ok(shown);
        }
        let sandbox = Sandbox::prepare(&runner, &program)?;
        let none: [&str; 0] = [];
        let cmd = sandbox.command(&program, none, &[])?;
        judge(cmd.dir(work).timeout(LIMIT).within(self.jobs, Share::Program).output(), "it")
    }

    fn script(&self, toolchain: &Path, runner: &Runner) -> Cmd {
        let bin = toolchain.join("bin");
        let run: Vec<String> = runner.emulator().iter().map(|word| quote(word)).collect();
        let tools = [("RUSTC", "rustc"), ("RUSTDOC", "rustdoc"), ("CARGO", "cargo"), ("CC", &self.target.driver())];
        let cmd = tools.iter().fold(Cmd::new("sh").arg(self.file), |cmd, (key, tool)| cmd.env(key, bin.join(tool)));
        cmd.env("TRIPLE", &self.target.triple).env("RUN", run.join(" ")).env("SYSROOT", toolchain.join("sysroot"))
    }
}

/// What compiles the proof in `file`, but for the output's name; nothing for a script.
pub fn compiler(target: &Target, toolchain: &Path, file: &Path, proof: &Proof, link: Link) -> Option<Cmd> {
    match proof.language {
        Language::Rust => {
            let options = ["--edition=2024", "-O", "--target", &target.triple, link.rustc_flag()];
            Some(Cmd::new(toolchain.join("bin/rustc")).args(options).args(&proof.flags).arg(file))
        }
        Language::C => {
            let options = ["-std=gnu11", "-O2", "-fPIE", link.driver_flag(), "-pthread"];
            let cmd = Cmd::new(toolchain.join("bin").join(target.driver()));
            Some(cmd.args(options).args(&proof.flags).arg(file).arg("-lm"))
        }
        Language::Shell => None,
    }
}

/// That a program cannot be started shows as much as that it fails; that we are interrupted shows nothing.
fn judge(output: Result<Output>, who: &str) -> Result<Shown> {
    let output = match output {
        Ok(output) => output,
        Err(error) if error.is::<Interrupted>() => return Err(error),
        Err(error) => return Ok(Shown::Fails("cannot be started".into(), format!("\n  | {error:#}"))),
    };
    if output.finished.status.success() && !output.finished.timed_out {
        return Ok(Shown::Passes);
    }
    Ok(Shown::Fails(format!("{who} {}", describe(&output.finished)), output.last_lines()))
}
