//! `test_programs`: the test programs of one library suite, in every link mode.
//!
//! A program is compiled once and linked once for each mode. In the library's source, the mode only decides which
//! files of the C library a program links, and rustc decides that when it links.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use bringup_model::digest::Inputs;
use bringup_model::link::Link;
use bringup_model::suite::LIBRARY;
use bringup_model::target::Target;
use bringup_runner::exec::{Flow, Stream};
use bringup_runner::jobs::Share;
use bringup_runner::test_set::{PROGRAMS, ProgramEntry, TestSet};
use serde::Deserialize;

use super::std::{CARGO_TARGET, Library};
use super::{Node, Step, StepId, Work, tree};

/// The test set of a target, as paths to the results of the steps `toolchain` and `test_programs`: it has the programs of
/// the steps `wanted`, of `all` suites. The results need not be built yet.
pub fn test_set(triple: &str, toolchain: &Node, all: &[&Node], wanted: &[&Node]) -> TestSet {
    TestSet {
        digest: digest(all),
        programs: wanted.iter().map(|step| step.path.clone()).collect(),
        sysroot: toolchain.path.join("sysroot"),
        libraries: toolchain.path.join("lib/rustlib").join(triple).join("lib"),
    }
}

/// What decides the test programs of all suites: runs of some suites each have the same.
fn digest(all: &[&Node]) -> String {
    Inputs::new().list("test programs", all.iter().map(|step| step.digest.as_str())).digest().as_str().into()
}

/// The test programs of one suite for one target.
pub struct TestProgramsStep {
    target: Target,
    label: String,
    suite: &'static str,
    package: &'static str,
    /// How cargo built std.
    library: Library,
    std: StepId,
    toolchain: StepId,
}

impl Step for TestProgramsStep {
    fn name(&self) -> &'static str {
        "test_programs"
    }

    fn label(&self) -> &str {
        &self.label
    }

    fn inputs(&self) -> Inputs {
        self.library.inputs().add("suite", self.suite).add("package", self.package)
    }

    fn recipe(&self) -> u32 {
        3
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.library.source, self.std, self.toolchain]
    }

    fn build(&self, work: &Work) -> Result<()> {
        // cargo reuses std's crates and builds only the tests. The files of the step `std` are hard-linked. They are
        // never written to.
        let target = work.scratch.join(CARGO_TARGET);
        tree::link(&work.path(self.std)?.join(CARGO_TARGET), &target)?;
        // All but this one: cargo writes to it in place.
        let info = target.join(".rustc_info.json");
        if info.exists() {
            fs_err::remove_file(info)?;
        }
        let mut programs = Vec::new();
        for artifact in self.cargo(work, &target)? {
            let Some((program, file)) = self.program(&artifact, work.path(self.library.source)?)? else { continue };
            for (link, ending) in Link::ALL.into_iter().zip(ENDINGS) {
                let place = program.path(&work.out, link);
                fs_err::create_dir_all(place.parent().unwrap_or(&work.out))?;
                ensure!(!place.exists(), "cargo built two test programs for {}", program.file.display());
                fs_err::rename(format!("{}{ending}", file.display()), place)?;
            }
            programs.push(program);
        }
        programs.sort_by(|a, b| a.file.cmp(&b.file));
        fs_err::write(work.out.join(PROGRAMS), serde_json::to_vec_pretty(&programs)?)?;
        Ok(())
    }
}

impl TestProgramsStep {
    /// The steps of all suites of a target, in the order of [`LIBRARY`].
    pub fn all(target: &Target, library: &Library, std: StepId, toolchain: StepId) -> [Self; LIBRARY.len()] {
        LIBRARY.map(|(suite, package)| Self {
            target: target.clone(),
            label: format!("{}-{suite}", target.name),
            suite,
            package,
            library: library.clone(),
            std,
            toolchain,
        })
    }

    fn cargo(&self, work: &Work, target: &Path) -> Result<Vec<Artifact>> {
        let wrapper = work.scratch.join("rustc-wrapper");
        super::write_script(&wrapper, &self.rustc_wrapper())?;
        let cmd = self.library.cargo(work, self.toolchain, target)?.env("RUSTC_WRAPPER", wrapper).args([
            "test",
            "--no-run",
            "--message-format=json-render-diagnostics",
        ]);
        let cmd = cmd.args(self.library.args("library/Cargo.toml", work)?).args(["-p", self.package]);
        // cargo rejects features of a package that the chosen ones do not depend on. Without std's features, cargo would
        // build the crates below std anew, beside those of the sysroot.
        let cmd = match self.package {
            STD => cmd.arg(Library::features("std/")),
            _ if BELOW_SYSROOT.contains(&self.package) => {
                cmd.args(["-p", SYSROOT]).arg(Library::features(&format!("{SYSROOT}/")))
            }
            _ => cmd,
        };
        let cmd = cmd.within(&work.jobs, Share::Tool);
        let mut messages = Vec::new();
        let mut log = fs_err::OpenOptions::new().create(true).append(true).open(&work.log)?;
        let mut tail = Vec::new();
        let finished = cmd.stream(|stream, chunk| {
            match stream {
                Stream::Stdout => messages.extend_from_slice(chunk),
                Stream::Stderr => {
                    tail.extend_from_slice(chunk);
                    // The log gets the rendered messages. The program's paths come from the JSON.
                    let _ = std::io::Write::write_all(&mut log, chunk);
                }
            }
            Flow::Continue
        })?;
        work.spent(finished.cpu);
        cmd.check(&finished, &tail, Some(&work.log))
            .with_context(|| format!("building the test programs of {} for {}", self.suite, self.target.name))?;
        let lines = messages.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let parsed = lines.map(|line| serde_json::from_slice(line).context("reading cargo's messages"));
        parsed.collect()
    }
}

impl TestProgramsStep {
    /// The test program and its file, if one of cargo's messages is about one of the suite.
    fn program<'a>(&self, artifact: &'a Artifact, source: &Path) -> Result<Option<(ProgramEntry, &'a Path)>> {
        let Artifact { executable: Some(file), manifest_path: Some(manifest), target: Some(target) } = artifact else {
            return Ok(None);
        };
        if manifest.parent() != Some(&source.join("library").join(self.package)) {
            return Ok(None);
        }
        let unit = target.kind.iter().any(|kind| kind.ends_with("lib"));
        let harness = has_harness(manifest, &target.name)?;
        // A package may have an integration test with its library's name.
        let kind = if unit { "unit" } else { "tests" };
        let place = Path::new(self.suite).join(kind).join(&target.name);
        Ok(Some((
            ProgramEntry { suite: self.suite.into(), name: target.name.clone(), file: place, unit, harness },
            file,
        )))
    }

    /// The script that cargo starts instead of rustc. It compiles a program for the target to objects and links them
    /// in each mode. It passes every other command line on to rustc.
    fn rustc_wrapper(&self) -> String {
        format!(
            "#!/bin/sh\n\
             rustc=$1\n\
             shift\n\
             program= target= folder= last=\n\
             for arg do\n    \
                 case $last=$arg in\n    \
                 --target={triple}) target=1 ;;\n    \
                 *=--test | --cfg=test) program=1 ;;\n    \
                 --crate-name=*) name=$arg ;;\n    \
                 --out-dir=*) folder=$arg ;;\n    \
                 -C=extra-filename=*) extra=${{arg#*=}} ;;\n    \
                 esac\n    \
                 last=$arg\n\
             done\n\
             # cargo also asks for names only, and gives no folder then.\n\
             if [ ! \"$program\" ] || [ ! \"$target\" ] || [ ! \"$folder\" ]; then\n    \
                 exec \"$rustc\" \"$@\"\n\
             fi\n\
             # Bitcode is for users of a library.\n\
             \"$rustc\" \"$@\" -Cembed-bitcode=no -Zno-link || exit\n\
             for arg do\n    \
                 shift\n    \
                 case $arg in *.rs) ;; *) set -- \"$@\" \"$arg\" ;; esac\n\
             done\n\
             file=$folder/$name$extra\n\
             set -- \"$@\" -Zlink-only \"$file.rlink\"\n\
             # The objects are kept for the second time.\n\
             \"$rustc\" \"$@\" -Ctarget-feature=+crt-static -Csave-temps || exit\n\
             mv \"$file\" \"$file{static_ending}\" || exit\n\
             exec \"$rustc\" \"$@\"\n",
            triple = self.target.triple,
            static_ending = ENDINGS[1],
        )
    }
}

/// The package with std's features.
const STD: &str = "std";
/// The package, without tests, that depends on all crates of the sysroot.
const SYSROOT: &str = "sysroot";
/// Packages with tests that are crates of the sysroot, beside std.
const BELOW_SYSROOT: [&str; 2] = ["std_detect", "test"];

/// The suffix of a program's file name in each link mode, in the order of [`Link::ALL`].
const ENDINGS: [&str; 2] = ["", ".static"];

/// The fields that we read of cargo's message `compiler-artifact`. Other messages lack them.
#[derive(Debug, Deserialize)]
struct Artifact {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    target: Option<ArtifactTarget>,
}

#[derive(Debug, Deserialize)]
struct ArtifactTarget {
    name: String,
    kind: Vec<String>,
}

/// Whether the test or bench `name` uses libtest's harness, by the package's manifest.
fn has_harness(manifest: &Path, name: &str) -> Result<bool> {
    #[derive(Deserialize)]
    struct CargoManifest {
        #[serde(default)]
        test: Vec<TestEntry>,
        #[serde(default)]
        bench: Vec<TestEntry>,
    }
    #[derive(Deserialize)]
    struct TestEntry {
        name: Option<String>,
        harness: Option<bool>,
    }
    let text = fs_err::read_to_string(manifest)?;
    let parsed: CargoManifest = toml::from_str(&text).with_context(|| format!("reading {}", manifest.display()))?;
    let entry = parsed.test.iter().chain(&parsed.bench).find(|entry| entry.name.as_deref() == Some(name));
    Ok(entry.and_then(|entry| entry.harness).unwrap_or(true))
}
