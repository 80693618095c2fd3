//! `libcxx`: libc++ and libc++abi, static libraries, by LLVM's own CMake files. std does not require them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::target::Target;
use bringup_runner::exec::quote;
use bringup_runner::scratch::Scratch;
use walkdir::WalkDir;

use super::clang::Clang;
use super::cmake::CMake;
use super::driver::{Driver, DriverLanguage};
use super::kernel_headers::INCLUDE;
use super::sysroot::{RESOURCES, SYSROOT, assemble};
use super::{Step, StepId, Work, tree};

/// The library, in the step's folder. It contains libc++abi.
const LIBRARY: &str = "usr/lib/libc++.a";
/// The headers of libc++, in the build folder.
const HEADERS: &str = "include/c++/v1";
/// The name by which build scripts link a C++ standard library if they do not ask the compiler.
const GNU_NAME: &str = "usr/lib/libstdc++.a";
/// What is added to LLVM's CMake files.
const PRECOMPILED: &str = include_str!("libcxx/precompiled.cmake");
/// The file with it, in the step's scratch folder.
const PRECOMPILED_FILE: &str = "precompiled.cmake";

/// libc++ for one target.
pub struct LibcxxStep {
    pub(crate) target: Target,
    pub(crate) clang: Clang,
    /// The tools that build it.
    pub cmake: CMake,
    /// The step of the patched LLVM source with libc++.
    pub llvm: StepId,
    /// The step `kernel_headers`: libc++ waits by the system call futex.
    pub kernel_headers: StepId,
    /// The step `musl`.
    pub musl: StepId,
    /// The step `runtimes`.
    pub runtimes: StepId,
}

impl Step for LibcxxStep {
    fn name(&self) -> &'static str {
        "libcxx"
    }

    fn label(&self) -> &str {
        &self.target.name
    }

    fn inputs(&self) -> Inputs {
        let place = Path::new("PLACE");
        let settings = SETTINGS.iter().map(|(name, value)| format!("{name}={value}"));
        let inputs = self.clang.inputs().add("cmake", self.cmake.identity()).list("setting", settings);
        inputs.list("flag", flags(place, place)).add("precompiled", PRECOMPILED)
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.llvm, self.kernel_headers, self.musl, self.runtimes]
    }

    fn build(&self, work: &Work) -> Result<()> {
        // libc++'s checks of the compiler split paths at spaces, so these paths are links in a folder without any.
        let folder = Scratch::new()?;
        let place = folder.path();
        for (path, name) in [(work.path(self.llvm)?, "llvm"), (&work.scratch, "scratch")] {
            fs_err::os::unix::fs::symlink(path, place.join(name))?;
        }
        let (llvm, build) = (place.join("llvm"), place.join("scratch/build"));
        let compiler = self.compiler(work, &llvm, &build)?;
        fs_err::write(work.scratch.join(PRECOMPILED_FILE), PRECOMPILED)?;
        let settings = self.settings(&compiler, place.join("scratch").join(PRECOMPILED_FILE));
        let settings: Vec<(&str, &Path)> = settings.iter().map(|(name, value)| (*name, value.as_path())).collect();
        fs_err::create_dir_all(&build)?;
        let configure = self.cmake.configure(&llvm.join("runtimes"), &build, &settings);
        work.run(&configure).context("configuring libc++")?;
        link_headers(&work.path(self.llvm)?.join("libcxx/include"), &work.scratch.join("build").join(HEADERS))?;
        let make = self.cmake.make(&build);
        work.run(&make).context("compiling libc++")?;
        // Without DESTDIR, the prefix is a folder of the host.
        let destination = format!("DESTDIR={}", place.join("scratch/install").display());
        work.run(&make.args(["install", &destination])).context("installing libc++")?;
        fs_err::rename(work.scratch.join("install/usr"), work.out.join("usr"))?;
        fs_err::metadata(work.out.join(LIBRARY)).context("looking for libc++")?;
        let name = Path::new(LIBRARY).file_name().unwrap_or_default();
        Ok(fs_err::os::unix::fs::symlink(name, work.out.join(GNU_NAME))?)
    }
}

impl LibcxxStep {
    /// The compiler for CMake: the C driver, which links no C++ library, with the C library and the kernel's headers. The
    /// flags are in the script, because CMake splits them at spaces.
    fn compiler(&self, work: &Work, llvm: &Path, build: &Path) -> Result<PathBuf> {
        let place = work.scratch.join("c");
        assemble(&self.clang, work.path(self.musl)?, work.path(self.runtimes)?, &place)?;
        let headers = work.path(self.kernel_headers)?.join(INCLUDE);
        tree::link(&headers, &place.join(SYSROOT).join(INCLUDE))?;
        let quoted = |path: &Path| quote(path.as_os_str());
        let flags: Vec<String> = flags(llvm, build).iter().map(|flag| quote(flag.as_ref())).collect();
        let setup =
            format!("set -- --start-no-unused-arguments {} --end-no-unused-arguments \"$@\"\n", flags.join(" "));
        let driver = Driver {
            target: &self.target,
            language: DriverLanguage::C,
            setup: &setup,
            clang: &quoted(self.clang.path()),
            lld: &quoted(self.clang.lld()),
            sysroot: &quoted(&place.join(SYSROOT)),
            resources: &quoted(&place.join(RESOURCES)),
        };
        super::write_script(&place.join("clang"), &driver.text())?;
        Ok(build.with_file_name("c").join("clang"))
    }

    fn settings(&self, compiler: &Path, precompiled: PathBuf) -> Vec<(&'static str, PathBuf)> {
        let compilers = ["CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "CMAKE_ASM_COMPILER"];
        let triples = ["CMAKE_C_COMPILER_TARGET", "CMAKE_CXX_COMPILER_TARGET", "LLVM_DEFAULT_TARGET_TRIPLE"];
        let tools = [("CMAKE_AR", self.clang.ar()), ("CMAKE_RANLIB", self.clang.ranlib())];
        let tools = tools.map(|(name, path)| (name, path.to_owned()));
        let fixed = SETTINGS.iter().map(|(name, value)| (*name, PathBuf::from(value)));
        let compilers = compilers.map(|name| (name, compiler.to_owned()));
        let triples = triples.map(|name| (name, PathBuf::from(&self.target.c.target)));
        let ours = ("CMAKE_PROJECT_Runtimes_INCLUDE", precompiled);
        fixed.chain(compilers).chain(triples).chain(tools).chain([ours]).collect()
    }
}

/// The settings that are the same for all targets.
const SETTINGS: [(&str, &str); 24] = [
    ("CMAKE_SYSTEM_NAME", "Linux"),
    ("CMAKE_BUILD_TYPE", "Release"),
    ("CMAKE_INSTALL_PREFIX", "/usr"),
    ("CMAKE_INSTALL_MESSAGE", "NEVER"),
    // Rust's programs are position-independent, and so are shared libraries.
    ("CMAKE_POSITION_INDEPENDENT_CODE", "ON"),
    ("LLVM_ENABLE_RUNTIMES", "libcxx;libcxxabi"),
    ("LLVM_ENABLE_PER_TARGET_RUNTIME_DIR", "OFF"),
    ("LLVM_INCLUDE_TESTS", "OFF"),
    ("LIBCXX_CXX_ABI", "libcxxabi"),
    ("LIBCXX_ENABLE_SHARED", "OFF"),
    // Experimental, and a fifth of the time to compile.
    ("LIBCXX_ENABLE_TIME_ZONE_DATABASE", "OFF"),
    ("LIBCXX_HAS_MUSL_LIBC", "ON"),
    ("LIBCXX_INCLUDE_BENCHMARKS", "OFF"),
    ("LIBCXX_INCLUDE_DOCS", "OFF"),
    ("LIBCXX_INCLUDE_TESTS", "OFF"),
    ("LIBCXX_INSTALL_MODULES", "OFF"),
    ("LIBCXX_STATICALLY_LINK_ABI_IN_STATIC_LIBRARY", "ON"),
    // A program and its shared libraries each contain libc++, so types are compared by their names, not by addresses.
    ("LIBCXX_TYPEINFO_COMPARISON_IMPLEMENTATION", "2"),
    ("LIBCXX_USE_COMPILER_RT", "ON"),
    // Assertions would print paths of the source.
    ("LIBCXXABI_ENABLE_ASSERTIONS", "OFF"),
    ("LIBCXXABI_ENABLE_SHARED", "OFF"),
    ("LIBCXXABI_INCLUDE_TESTS", "OFF"),
    ("LIBCXXABI_USE_COMPILER_RT", "ON"),
    // The unwinder is in the C library's folder, from the step `runtimes`.
    ("LIBCXXABI_USE_LLVM_UNWINDER", "OFF"),
];

/// Links the headers to where the build would copy them one by one, with a process for each. A link has the time of its
/// source, so make sees nothing to do. Headers that CMake has made are kept.
fn link_headers(from: &Path, to: &Path) -> Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let place = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(&place)?;
        } else if !place.exists() {
            fs_err::hard_link(entry.path(), &place)?;
        }
    }
    Ok(())
}

/// Compiler flags: the unwinder's headers, which on 32-bit ARM declare more than clang's own, and no paths of the host.
fn flags(llvm: &Path, build: &Path) -> Vec<String> {
    vec![
        "-isystem".into(),
        llvm.join("libunwind/include").display().to_string(),
        format!("-ffile-prefix-map={}=/llvm", llvm.display()),
        format!("-ffile-prefix-map={}=/build", build.display()),
    ]
}
