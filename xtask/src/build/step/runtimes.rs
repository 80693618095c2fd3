//! `runtimes`: compiler-rt's builtins, libatomic, crtbegin and crtend, and LLVM's libunwind, against musl's headers.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::target::Target;
use bringup_runner::exec::{Cmd, quote};

use super::builtins::{Builtins, SOURCE};
use super::clang::{CSource, Clang};
use super::cmake::CMake;
use super::{Step, StepId, Work};

/// The unwinder, in the step's folder.
pub const UNWIND: &str = "libunwind.a";
/// The atomic operations that the compiler does not expand in place, in the step's folder.
pub const ATOMIC: &str = "libatomic.a";
/// compiler-rt's start and end objects, in the step's folder.
pub const CRT: [&str; 2] = ["clang_rt.crtbegin.o", "clang_rt.crtend.o"];

/// musl's headers, in the step's scratch space.
const HEADERS: &str = "musl/headers/include";

/// The runtimes for one target.
pub struct RuntimesStep {
    pub(crate) target: Target,
    pub(crate) clang: Clang,
    /// What builds the builtins.
    pub cmake: CMake,
    /// GNU make.
    pub make: PathBuf,
    /// The step of the patched LLVM source.
    pub llvm: StepId,
    /// The step of the patched musl source.
    pub musl: StepId,
}

impl Step for RuntimesStep {
    fn name(&self) -> &'static str {
        "runtimes"
    }

    fn label(&self) -> &str {
        &self.target.name
    }

    fn recipe(&self) -> u32 {
        2
    }

    fn inputs(&self) -> Inputs {
        let inputs = self.clang.inputs().add("cmake", self.cmake.identity());
        let own = self.target.runtimes.flags.iter().cloned().chain(self.target.runtimes.settings());
        inputs.add("musl arch", &self.target.musl.arch).list("runtimes flag", own)
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.llvm, self.musl]
    }

    fn build(&self, work: &Work) -> Result<()> {
        self.install_headers(work)?;
        let llvm = work.path(self.llvm)?;
        let builtins = Builtins { clang: &self.clang, cmake: &self.cmake, settings: &self.target.runtimes.settings };
        builtins.build(work, llvm, &|place| self.compiler(place))?;
        let mut flags = ["-O2", "-fPIC", "-fomit-frame-pointer"].map(String::from).to_vec();
        flags.extend(common_flags(llvm, &[&work.scratch.join(HEADERS), self.clang.headers()]));
        let sources = [vec![atomic(llvm, &flags)], unwind(llvm, &flags), crt(llvm, &flags)];
        let [atomic, unwind, crt] = ["atomic", "unwind", "crt"].map(|group| work.scratch.join(group));
        for (sources, objects, library) in [(&sources[0], &atomic, ATOMIC), (&sources[1], &unwind, UNWIND)] {
            let objects = self.clang.compile(work, sources, objects)?;
            self.clang.archive(work, &work.out.join(library), &objects)?;
        }
        for (object, name) in self.clang.compile(work, &sources[2], &crt)?.iter().zip(CRT) {
            fs_err::rename(object, work.out.join(name))?;
        }
        Ok(())
    }
}

impl RuntimesStep {
    /// Installs musl's headers before musl is built: this requires no compiler. Copies the source, because make
    /// writes into it.
    fn install_headers(&self, work: &Work) -> Result<()> {
        let source = work.scratch.join("musl");
        super::tree::copy(work.path(self.musl)?, &source)?;
        let arch = format!("ARCH={}", self.target.musl.arch);
        let make = Cmd::new(&self.make).args(["install-headers", "prefix=", "DESTDIR=headers", &arch]).dir(&source);
        work.run(&make).context("installing musl's headers")?;
        Ok(())
    }

    /// The text of the script that compiles the builtins, with the source, the headers and the scratch space in `place`.
    fn compiler(&self, place: &Path) -> String {
        let own = self.target.runtimes.flags.iter().cloned();
        let flags = self.clang.target_args().into_iter().chain(own);
        let places = common_flags(&place.join("llvm"), &[&place.join("scratch").join(HEADERS), self.clang.headers()]);
        let words = flags.chain(places).map(|flag| quote(flag.as_ref())).collect::<Vec<_>>();
        let clang = quote(self.clang.path().as_os_str());
        format!(
            "#!/bin/sh\nexec {clang} --start-no-unused-arguments {} --end-no-unused-arguments \"$@\"\n",
            words.join(" ")
        )
    }
}

/// Flags that give the compiler these folders of headers only, and keep this machine's paths out of assertions.
fn common_flags(llvm: &Path, headers: &[&Path]) -> Vec<String> {
    let mut flags = vec!["-nostdinc".into(), format!("-ffile-prefix-map={}=/llvm", llvm.display())];
    flags.extend(headers.iter().flat_map(|folder| ["-isystem".into(), folder.display().to_string()]));
    flags
}

/// Its symbols are not hidden: a program and its shared libraries must use the same locks.
fn atomic(llvm: &Path, common: &[String]) -> CSource {
    CSource { path: llvm.join(SOURCE).join("atomic.c"), object: "atomic.c".into(), flags: common.to_vec() }
}

fn crt(llvm: &Path, common: &[String]) -> Vec<CSource> {
    let own = ["-fvisibility=hidden", "-std=c11", "-DCRT_HAS_INITFINI_ARRAY"].map(String::from);
    let flags = [common, &own].concat();
    let source = |name: &str| CSource { path: llvm.join(SOURCE).join(name), object: name.into(), flags: flags.clone() };
    vec![source("crtbegin.c"), source("crtend.c")]
}

fn unwind(llvm: &Path, common: &[String]) -> Vec<CSource> {
    let folder = llvm.join("libunwind");
    let include = format!("-I{}", folder.join("include").display());
    let shared = [
        "-fvisibility=hidden",
        include.as_str(),
        "-D_LIBUNWIND_IS_NATIVE_ONLY",
        "-D_LIBUNWIND_HIDE_SYMBOLS",
        "-DNDEBUG",
        "-funwind-tables",
        "-fstrict-aliasing",
    ];
    let cxx = ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-nostdinc++"];
    let source = |name: &str| {
        let language: &[&str] = if has_ending(name, "cpp") { &cxx } else { &[] };
        let flags = shared.iter().chain(language).map(|&flag| flag.to_owned());
        CSource {
            path: folder.join("src").join(name),
            object: name.into(),
            flags: common.iter().cloned().chain(flags).collect(),
        }
    };
    // On an architecture that does not use a file, the file compiles to nothing.
    [
        "libunwind.cpp",
        "Unwind-EHABI.cpp",
        "Unwind-sjlj.c",
        "UnwindLevel1.c",
        "UnwindLevel1-gcc-ext.c",
        "UnwindRegistersRestore.S",
        "UnwindRegistersSave.S",
    ]
    .map(source)
    .to_vec()
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == ending)
}
