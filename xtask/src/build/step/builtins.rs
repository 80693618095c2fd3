//! compiler-rt's builtins, by upstream's own CMake files: these decide which files an architecture has, and how each is
//! compiled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use bringup_runner::scratch::Scratch;

use super::clang::Clang;
use super::cmake::CMake;
use super::{Work, write_script};

/// compiler-rt's builtins, in a step's folder.
pub const BUILTINS: &str = "libclang_rt.builtins.a";

/// The folder of the builtins in LLVM's source.
pub const SOURCE: &str = "compiler-rt/lib/builtins";

/// What builds the builtins of one target.
#[derive(Debug, Clone, Copy)]
pub struct Builtins<'a> {
    /// The archiver, and the target.
    pub clang: &'a Clang,
    /// CMake and make.
    pub cmake: &'a CMake,
    /// What the target sets of upstream's CMake files.
    pub settings: &'a BTreeMap<String, String>,
}

impl Builtins<'_> {
    /// Builds the archive from the source in `llvm` into the step's folder. `compiler` makes the text of the script that
    /// is the compiler, from the folder in which the source is `llvm` and the step's scratch space is `scratch`.
    pub fn build(&self, work: &Work, llvm: &Path, compiler: &dyn Fn(&Path) -> String) -> Result<()> {
        // Upstream's checks of the compiler split paths at spaces, so these paths are links in a folder without any.
        let folder = Scratch::new()?;
        let place = folder.path();
        let shown = place.display().to_string();
        ensure!(
            !shown.contains(|c: char| c.is_whitespace() || c == ';'),
            "CMake does not support the temporary folder {shown}: its path has a space or a semicolon\nhint: set TMPDIR"
        );
        let link = |target: &Path, name: &str| fs_err::os::unix::fs::symlink(target, place.join(name));
        link(llvm, "llvm")?;
        link(&work.scratch, "scratch")?;
        let script = place.join("compiler");
        write_script(&script, &compiler(place))?;
        let (source, build) = (place.join("llvm").join(SOURCE), place.join("scratch/build"));
        fs_err::create_dir_all(&build)?;
        let configure = self.cmake.configure(&source, &build, &self.settings(&script));
        work.run(&configure).context("configuring compiler-rt's builtins")?;
        let make = self.cmake.make(&build).arg("builtins");
        work.run(&make).context("compiling compiler-rt's builtins")?;
        fs_err::rename(find(&work.scratch.join("build/lib"))?, work.out.join(BUILTINS))?;
        Ok(())
    }

    fn settings<'p>(&'p self, script: &'p Path) -> Vec<(&'p str, &'p Path)> {
        let triple = Path::new(self.clang.triple());
        let fixed = [
            ("CMAKE_SYSTEM_NAME", "Linux"),
            ("CMAKE_BUILD_TYPE", "Release"),
            // The host may have another release of LLVM with CMake files.
            ("CMAKE_DISABLE_FIND_PACKAGE_LLVM", "ON"),
            ("COMPILER_RT_DEFAULT_TARGET_ONLY", "ON"),
            ("COMPILER_RT_BUILD_CRT", "OFF"),
            ("LLVM_ENABLE_PER_TARGET_RUNTIME_DIR", "ON"),
        ];
        let fixed = fixed.into_iter().map(|(name, value)| (name, Path::new(value)));
        let compilers = ["CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "CMAKE_ASM_COMPILER"].map(|name| (name, script));
        // Upstream takes the architecture from the triple.
        let triples = ["CMAKE_C_COMPILER_TARGET", "CMAKE_CXX_COMPILER_TARGET", "CMAKE_ASM_COMPILER_TARGET"];
        let tools = [("CMAKE_AR", self.clang.ar()), ("CMAKE_RANLIB", self.clang.ranlib())];
        let own = self.settings.iter().map(|(name, value)| (name.as_str(), Path::new(value)));
        fixed.chain(compilers).chain(triples.map(|name| (name, triple))).chain(tools).chain(own).collect()
    }
}

/// The archive in the build's `lib`. It is in a folder that upstream names after the triple.
fn find(lib: &Path) -> Result<PathBuf> {
    let folders = fs_err::read_dir(lib)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let found = folders.into_iter().map(|folder| folder.join(BUILTINS)).find(|path| path.is_file());
    found.with_context(|| format!("upstream's build of the builtins makes no {BUILTINS} in {}", lib.display()))
}
