//! Runs a proof on one toolchain, compiler or source.

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

/// The label, in place of a target's name, of proofs that concern no target.
pub const HOST: &str = "host";

/// The exit status of a script that cannot tell whether the patch is applied. The same as for `git bisect run`.
const CANNOT_TELL: i32 = 125;

/// Time limit of a proof.
const LIMIT: Duration = Duration::from_mins(1);
/// Time limit of a proof that runs x.py, which first compiles itself for minutes.
const XPY_LIMIT: Duration = Duration::from_hours(1);

/// The result of a proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProofResult {
    /// It passed.
    Passes,
    /// It failed: the reason in one line, and the last lines that it printed.
    Fails(String, String),
    /// It could not tell: the reason in one line, and the last lines that it printed.
    CannotTell(String, String),
}

/// What a proof runs on: with its patch, or without.
pub enum ProofSubject<'a> {
    /// The toolchain of a target, in one link mode.
    Toolchain {
        /// The target, and what runs its programs.
        on: &'a ProofTarget,
        /// The step `sysroot` or `toolchain`.
        step: &'a Node,
        /// How programs are linked.
        link: Link,
    },
    /// A compiler for the host.
    Compiler {
        /// Its folder.
        folder: &'a Path,
        /// The compiler's digest or commit.
        identity: &'a str,
    },
    /// A source that a compiler is built from.
    Source {
        /// The step that patched the source.
        step: &'a Node,
        /// The installed toolchain, which compiles x.py.
        stage0: &'a Rust,
    },
}

/// A target, and what its proofs require to run.
pub struct ProofTarget {
    /// The target.
    pub target: Target,
    /// What runs its programs.
    pub emulator: Emulator,
    /// The inputs of the emulator that decide a proof's result.
    pub surroundings: Inputs,
}

/// Runs a proof.
pub struct Prover<'a> {
    /// The out folder, which also has the recorded results of proofs.
    pub store: &'a Store,
    /// The budget of jobs.
    pub jobs: &'a Jobs,
    /// cargo's home. It has the registry cache, but no configuration of the user.
    pub cargo_home: PathBuf,
    /// Whether the network is forbidden.
    pub offline: bool,
    /// The proof's file.
    pub file: &'a Path,
    /// The proof's language, flags and link modes.
    pub proof: &'a Proof,
}

impl ProofSubject<'_> {
    /// The target's name, or [`HOST`] if the proof concerns no target.
    fn label(&self) -> &str {
        match self {
            Self::Toolchain { on, .. } => &on.target.name,
            Self::Compiler { .. } | Self::Source { .. } => HOST,
        }
    }

    /// The inputs that decide a proof's result, besides the proof.
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
    /// Runs the proof on `subject`, or takes the recorded result. `passing` is the expected result. An unexpected
    /// result is not recorded, so the proof runs again each time.
    pub fn run(&self, subject: &ProofSubject<'_>, passing: bool) -> Result<ProofResult> {
        let inputs = subject.inputs().add("proof", fs_err::read_to_string(self.file)?);
        let record = Record::new(self.store, subject.label(), inputs);
        let as_it_should_be = |shown: &ProofResult| match shown {
            ProofResult::Passes => passing,
            ProofResult::Fails(..) => !passing,
            ProofResult::CannotTell(..) => false,
        };
        if let Some(shown) = record.load::<ProofResult>(&|_| ()).filter(as_it_should_be) {
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
        let source = ProofProgram { file: self.file, proof: self.proof, link, opt_level: DEFAULT_OPT_LEVEL };
        let Some(compiler) = source.compiler(target, toolchain) else {
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
        // The source must not be written to, and x.py does not require that.
        let cmd = cmd.env("CARGO_HOME", &self.cargo_home).env("HOME", work).env("PYTHONDONTWRITEBYTECODE", "1");
        let cmd = if self.offline { cmd.env("CARGO_NET_OFFLINE", "true") } else { cmd };
        let cmd = cmd.within(self.jobs, Share::ByPath);
        judge_script(&cmd.inherit_all(NETWORK_ENV))
    }

    /// The command of a proof that is a script. Environment variables hold the paths of these programs in the folder
    /// `bin`.
    fn script(&self, work: &Path, limit: Duration, bin: &Path, programs: &[&str]) -> Cmd {
        let cmd = Cmd::new("sh").arg(self.file).dir(work).timeout(limit).within(self.jobs, Share::Tool);
        programs.iter().fold(cmd, |cmd, program| cmd.env(program.to_uppercase(), bin.join(program)))
    }
}

/// The default opt-level for proofs in Rust.
pub const DEFAULT_OPT_LEVEL: &str = "3";

/// A proof to compile, in one link mode.
pub struct ProofProgram<'a> {
    /// The proof's file.
    pub file: &'a Path,
    /// The proof's language and flags.
    pub proof: &'a Proof,
    /// How the program is linked.
    pub link: Link,
    /// The opt-level of a proof in Rust.
    pub opt_level: &'a str,
}

impl ProofProgram<'_> {
    /// The command that compiles the proof with the toolchain of `target`, without the output's name. `None` for a script.
    pub fn compiler(&self, target: &Target, toolchain: &Path) -> Option<Cmd> {
        let Self { file, proof, link, opt_level } = self;
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

/// A program that cannot be started counts as failed. An interrupt is an error, not a result.
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
