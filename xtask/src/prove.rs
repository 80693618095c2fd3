//! Tries a proof on one toolchain, compiler or source.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::link::Link;
use bringup_model::proof::{Language, Proof};
use bringup_model::target::Target;
use bringup_runner::exec::{Cmd, NETWORK_ENV, Output, describe, quote};
use bringup_runner::interrupt::Interrupted;
use bringup_runner::jobs::{Jobs, Share};
use bringup_runner::sandbox::Sandbox;
use serde::{Deserialize, Serialize};

use crate::build::step::Node;
use crate::build::store::Store;
use crate::host::emulator::Emulator;
use crate::host::survey::Rust;
use crate::trial::recorded::Record;

/// What stands for a target where none comes into it.
pub const HOST: &str = "host";

/// With what status a script ends that cannot tell whether the patch is there, as for `git bisect run`.
const CANNOT_TELL: i32 = 125;

/// How long a proof may run.
const LIMIT: Duration = Duration::from_mins(1);
/// How long one may that runs x.py, which compiles itself first: minutes of processor time.
const XPY_LIMIT: Duration = Duration::from_hours(1);

/// What a proof did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProofResult {
    /// It passed.
    Passes,
    /// It failed; why, in a line, and what it printed last, in lines of their own.
    Fails(String, String),
    /// It did not come to what it is about; why, and what it printed.
    CannotTell(String, String),
}

/// What a proof is tried on: with its patch, or without.
pub enum ProofSubject<'a> {
    /// The toolchain of a target, in one link mode.
    Toolchain {
        /// For whom, and what runs its programs.
        on: &'a ProofTarget,
        /// The step whose folder it is.
        step: &'a Node,
        /// How programs are linked.
        link: Link,
    },
    /// A compiler by itself.
    Compiler {
        /// Its folder.
        folder: &'a Path,
        /// What tells it from others.
        identity: &'a str,
    },
    /// A source that a compiler is built from.
    Source {
        /// The step that gives it.
        step: &'a Node,
        /// The compiler to begin with.
        stage0: &'a Rust,
    },
}

/// A target, and what its proofs need to run.
pub struct ProofTarget {
    /// The target.
    pub target: Target,
    /// What runs its programs.
    pub emulator: Emulator,
    /// What of that decides what a proof shows.
    pub surroundings: Inputs,
}

/// Tries a proof.
pub struct Prover<'a> {
    /// Results, among them those of proofs.
    pub store: &'a Store,
    /// The budget of jobs.
    pub jobs: &'a Jobs,
    /// cargo's home: its registry cache, and no configuration of the user.
    pub cargo_home: PathBuf,
    /// Whether the network is forbidden.
    pub offline: bool,
    /// The proof's file.
    pub file: &'a Path,
    /// What it says of itself.
    pub proof: &'a Proof,
}

impl ProofSubject<'_> {
    /// A target's name, or that no target comes into it.
    fn label(&self) -> &str {
        match self {
            Self::Toolchain { on, .. } => &on.target.name,
            Self::Compiler { .. } | Self::Source { .. } => HOST,
        }
    }

    /// What decides what a proof shows, besides the proof.
    fn inputs(&self) -> Inputs {
        let inputs = Inputs::new().add("kind", "proof");
        match self {
            Self::Toolchain { on, step, link } => {
                inputs.add("toolchain", step.digest.as_str()).add("link", link.word()).append(&on.surroundings)
            }
            Self::Compiler { identity, .. } => inputs.add("compiler", *identity),
            Self::Source { step, stage0 } => inputs.add("source", step.digest.as_str()).add("rustc", &stage0.commit),
        }
    }
}

impl Prover<'_> {
    /// Tries the proof on `subject`, or takes over what it showed earlier. What is not as it should be, `passing` or not,
    /// is tried again each time.
    pub fn run(&self, subject: &ProofSubject<'_>, passing: bool) -> Result<ProofResult> {
        let inputs = subject.inputs().add("proof", fs_err::read_to_string(self.file)?);
        let record = Record::new(self.store, subject.label(), inputs);
        let as_it_should_be = |shown: &ProofResult| match shown {
            ProofResult::Passes => passing,
            ProofResult::Fails(..) => !passing,
            ProofResult::CannotTell(..) => false,
        };
        if let Some(shown) = record.load::<ProofResult>().filter(as_it_should_be) {
            return Ok(shown);
        }
        let work = tempfile::Builder::new().prefix("proof-").tempdir_in(self.store.temporary())?;
        let shown = match subject {
            ProofSubject::Toolchain { on, step, link } => self.on_target(work.path(), on, &step.path, *link),
            ProofSubject::Compiler { folder, .. } => self.on_compiler(work.path(), folder),
            ProofSubject::Source { step, stage0 } => self.on_source(work.path(), &step.path, stage0),
        };
        let shown = shown.with_context(|| format!("running {} for {}", self.file.display(), subject.label()))?;
        if as_it_should_be(&shown) {
            record.save(&shown)?;
        }
        Ok(shown)
    }

    fn on_target(&self, work: &Path, on: &ProofTarget, toolchain: &Path, link: Link) -> Result<ProofResult> {
        let target = &on.target;
        let runner = on.emulator.runner(target, toolchain.join("sysroot"));
        let program = work.join("proof");
        let Some(compiler) = compiler(target, toolchain, self.file, self.proof, link, USUAL) else {
            let run: Vec<String> = runner.emulator().iter().map(|word| quote(word)).collect();
            let cmd = self.script(work, LIMIT, &toolchain.join("bin"), &["rustc", "rustdoc", "cargo"]);
            let cmd = cmd.env("CC", toolchain.join("bin").join(target.driver())).env("RUN", run.join(" "));
            let cmd = cmd.env("TRIPLE", &target.triple).env("SYSROOT", toolchain.join("sysroot"));
            return judge_script(&cmd);
        };
        let compiler = compiler.arg("-o").arg(&program).dir(work).within(self.jobs, Share::Tool);
        let shown = judge(compiler.output(), "the compiler")?;
        if shown != ProofResult::Passes {
            return Ok(shown);
        }
        let sandbox = Sandbox::prepare(&runner, &program)?;
        let none: [&str; 0] = [];
        let cmd = sandbox.command(&program, none, &[])?;
        judge(cmd.dir(work).timeout(LIMIT).within(self.jobs, Share::Program).output(), "it")
    }

    fn on_compiler(&self, work: &Path, folder: &Path) -> Result<ProofResult> {
        judge_script(&self.script(work, LIMIT, &folder.join("bin"), &["rustc", "rustdoc"]))
    }

    fn on_source(&self, work: &Path, source: &Path, stage0: &Rust) -> Result<ProofResult> {
        let cmd = self.script(work, XPY_LIMIT, &stage0.sysroot.join("bin"), &["rustc", "cargo"]).env("SOURCE", source);
        // The source is not to be written to; x.py is content with that.
        let cmd = cmd.env("CARGO_HOME", &self.cargo_home).env("HOME", work).env("PYTHONDONTWRITEBYTECODE", "1");
        let cmd = if self.offline { cmd.env("CARGO_NET_OFFLINE", "true") } else { cmd };
        let cmd = cmd.within(self.jobs, Share::ByPath);
        judge_script(&cmd.inherit_all(NETWORK_ENV))
    }

    /// The proof as a script that finds these programs of the folder `bin` in its environment.
    fn script(&self, work: &Path, limit: Duration, bin: &Path, programs: &[&str]) -> Cmd {
        let cmd = Cmd::new("sh").arg(self.file).dir(work).timeout(limit).within(self.jobs, Share::Tool);
        programs.iter().fold(cmd, |cmd, program| cmd.env(program.to_uppercase(), bin.join(program)))
    }
}

/// The opt-level that a proof in Rust is compiled with, unless that is the question.
pub const USUAL: &str = "3";

/// What compiles the proof in `file`, but for the output's name; nothing for a script.
pub fn compiler(
    target: &Target,
    toolchain: &Path,
    file: &Path,
    proof: &Proof,
    link: Link,
    opt_level: &str,
) -> Option<Cmd> {
    let optimized = format!("-Copt-level={opt_level}");
    match proof.language {
        Language::Rust => {
            let options = ["--edition=2024", &optimized, "--target", &target.triple, link.rustc_flag()];
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

fn judge_script(cmd: &Cmd) -> Result<ProofResult> {
    let output = cmd.output();
    let undecided = |output: &Output| output.finished.status.code() == Some(CANNOT_TELL) || output.finished.timed_out;
    let undecided = output.as_ref().is_ok_and(undecided);
    Ok(match judge(output, "the script")? {
        ProofResult::Fails(why, printed) if undecided => ProofResult::CannotTell(why, printed),
        shown => shown,
    })
}

/// That a program cannot be started shows as much as that it fails; that we are interrupted shows nothing.
fn judge(output: Result<Output>, who: &str) -> Result<ProofResult> {
    let output = match output {
        Ok(output) => output,
        Err(error) if error.is::<Interrupted>() => return Err(error),
        Err(error) => return Ok(ProofResult::Fails("cannot be started".into(), format!("\n  | {error:#}"))),
    };
    if output.finished.status.success() && !output.finished.timed_out {
        return Ok(ProofResult::Passes);
    }
    Ok(ProofResult::Fails(format!("{who} {}", describe(&output.finished)), output.last_lines()))
}
