//! `runtimes`: compiler-rt's builtins, crtbegin and crtend, and LLVM's libunwind, against musl's headers.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::exit::{self, CodedError};
use bringup_model::target::Target;
use bringup_runner::exec::Cmd;

use super::clang::{CSource, Clang};
use super::{Step, StepId, Work};

/// compiler-rt's builtins, in the step's folder.
pub const BUILTINS: &str = "libclang_rt.builtins.a";
/// The unwinder, in the step's folder.
pub const UNWIND: &str = "libunwind.a";
/// compiler-rt's start and end objects, in the step's folder.
pub const CRT: [&str; 2] = ["clang_rt.crtbegin.o", "clang_rt.crtend.o"];

/// The runtimes for one target.
pub struct RuntimesStep {
    pub(crate) target: Target,
    pub(crate) clang: Clang,
    /// GNU make.
    pub make: PathBuf,
    /// Files of the builtins' folder to leave out unless the target lists them.
    pub exclude: Vec<String>,
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

    fn inputs(&self) -> Inputs {
        let inputs = self.clang.inputs().add("musl arch", &self.target.musl.arch);
        let own = &self.target.runtimes;
        inputs.list("exclude", self.exclude.iter().chain(&own.exclude_builtins)).list("builtin", &own.builtins)
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.llvm, self.musl]
    }

    fn build(&self, work: &Work) -> Result<()> {
        let headers = self.install_headers(work)?;
        let llvm = work.path(self.llvm)?;
        let flags = self.common_flags(llvm, &headers);
        let sources = [self.builtins(llvm, &flags)?, crt(llvm, &flags), unwind(llvm, &flags)];
        let [builtins, crt, unwind] = [0, 1, 2].map(|group| work.scratch.join(["builtins", "crt", "unwind"][group]));
        let objects = self.clang.compile(work, &sources[0], &builtins)?;
        self.clang.archive(work, &work.out.join(BUILTINS), &objects)?;
        let objects = self.clang.compile(work, &sources[2], &unwind)?;
        self.clang.archive(work, &work.out.join(UNWIND), &objects)?;
        for (object, name) in self.clang.compile(work, &sources[1], &crt)?.iter().zip(CRT) {
            fs_err::rename(object, work.out.join(name))?;
        }
        Ok(())
    }
}

impl RuntimesStep {
    /// Installs musl's headers before musl is built: this requires no compiler. Copies the source, because make
    /// writes into it.
    fn install_headers(&self, work: &Work) -> Result<PathBuf> {
        let source = work.scratch.join("musl");
        super::tree::copy(work.path(self.musl)?, &source)?;
        let arch = format!("ARCH={}", self.target.musl.arch);
        let make = Cmd::new(&self.make).args(["install-headers", "prefix=", "DESTDIR=headers", &arch]).dir(&source);
        work.run(&make).context("installing musl's headers")?;
        Ok(source.join("headers/include"))
    }

    fn common_flags(&self, llvm: &Path, headers: &Path) -> Vec<String> {
        let mut flags =
            ["-O2", "-fPIC", "-fvisibility=hidden", "-fomit-frame-pointer", "-nostdinc"].map(String::from).to_vec();
        // Assertions must not print this machine's paths.
        flags.push(format!("-ffile-prefix-map={}=/llvm", llvm.display()));
        for folder in [headers, self.clang.headers()] {
            flags.extend(["-isystem".into(), folder.display().to_string()]);
        }
        flags
    }

    fn builtins(&self, llvm: &Path, common: &[String]) -> Result<Vec<CSource>> {
        let folder = llvm.join("compiler-rt/lib/builtins");
        let present = fs_err::read_dir(&folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let present = present.collect::<Result<Vec<String>>>()?;
        let (exclude, own) = (&self.exclude, &self.target.runtimes);
        let include = &own.builtins;
        let any = |patterns: &[String], name: &str| patterns.iter().any(|pattern| matches(pattern, name));
        let usual = |name: &str| !any(exclude, name) && !any(&own.exclude_builtins, name);
        let wanted = |name: &&String| has_ending(name, "c") && (any(include, name) || usual(name));
        let mut names: Vec<String> = present.iter().filter(wanted).cloned().collect();
        // Builtins of one architecture are in a folder of their own. The target lists each.
        names.extend(include.iter().filter(|name| name.contains('/')).cloned());
        names.sort();
        let flags =
            [common, &["-std=c11", "-fno-builtin", "-ffreestanding", "-DVISIBILITY_HIDDEN"].map(String::from)].concat();
        let source = |name: &String| -> Result<CSource> {
            let path = folder.join(name);
            if !path.is_file() {
                let file = format!("targets/{}/target.toml", self.target.name);
                let what = format!("{file}: [runtimes] builtins: LLVM has no compiler-rt/lib/builtins/{name}");
                return Err(CodedError::error(exit::USAGE, what));
            }
            Ok(CSource { path, object: name.replace('/', "_"), flags: flags.clone() })
        };
        names.iter().map(source).collect()
    }
}

fn crt(llvm: &Path, common: &[String]) -> Vec<CSource> {
    let flags = [common, &["-std=c11".into(), "-DCRT_HAS_INITFINI_ARRAY".into()]].concat();
    let source = |name: &str| CSource {
        path: llvm.join("compiler-rt/lib/builtins").join(name),
        object: name.into(),
        flags: flags.clone(),
    };
    vec![source("crtbegin.c"), source("crtend.c")]
}

fn unwind(llvm: &Path, common: &[String]) -> Vec<CSource> {
    let folder = llvm.join("libunwind");
    let include = format!("-I{}", folder.join("include").display());
    let shared = [
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

/// Whether `name` matches `pattern`, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len()).filter(|&i| name.is_char_boundary(i)).any(|i| matches(rest, &name[i..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_characters() {
        assert!(matches("*xf*.c", "extendhfxf2.c"));
        assert!(matches("atomic*.c", "atomic.c"));
        assert!(!matches("atomic*.c", "emutls.c"));
        assert!(!matches("*xf*.c", "divxc3.c"));
    }
}
