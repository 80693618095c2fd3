//! `libcxx`: libc++ and libc++abi, static libraries, by LLVM's own CMake files. std does not require them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::target::Target;
use bringup_runner::exec::{Cmd, quote};

use super::clang::Clang;
use super::driver::{Driver, Language};
use super::kernel_headers::INCLUDE;
use super::sysroot::{RESOURCES, SYSROOT, assemble};
use super::{Step, StepId, Work, tree};
use crate::host::survey::HostTools;

/// The library, in the step's folder. It contains libc++abi.
const LIBRARY: &str = "usr/lib/libc++.a";
/// The name by which build scripts link a C++ standard library if they do not ask the compiler.
const GNU_NAME: &str = "usr/lib/libstdc++.a";

/// CMake and make. Unlike ninja, every version of make draws from the budget of jobs.
#[derive(Debug, Clone)]
pub struct CMake {
    cmake: PathBuf,
    make: PathBuf,
    /// CMake's line with its version. CMake decides on flags.
    identity: String,
}

impl CMake {
    /// The host's.
    pub fn new(host: &HostTools) -> Result<Self> {
        let tool = host.tool("cmake")?;
        Ok(Self { cmake: tool.path.clone(), make: host.path("make")?.into(), identity: tool.line.clone() })
    }
}

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
        let inputs = self.clang.inputs().add("cmake", &self.cmake.identity).list("setting", self.settings(place));
        inputs.list("flag", flags(place, place))
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.llvm, self.kernel_headers, self.musl, self.runtimes]
    }

    fn build(&self, work: &Work) -> Result<()> {
        let (llvm, build) = (work.path(self.llvm)?, work.scratch.join("build"));
        let compiler = self.compiler(work, llvm, &build)?;
        let configure = Cmd::new(&self.cmake.cmake)
            .args(["-G", "Unix Makefiles", "-S"])
            .arg(llvm.join("runtimes"))
            .arg("-B")
            .arg(&build)
            .args(self.settings(&compiler))
            .arg(setting("CMAKE_MAKE_PROGRAM", &self.cmake.make))
            .arg(setting("CMAKE_AR", self.clang.ar()))
            .arg(setting("CMAKE_RANLIB", self.clang.ranlib()))
            .dir(&work.scratch);
        work.run(&configure).context("configuring libc++")?;
        let make = Cmd::new(&self.cmake.make).dir(&build);
        work.run(&make).context("compiling libc++")?;
        // Without DESTDIR, the prefix is a folder of the host.
        let install = work.scratch.join("install");
        let destination = format!("DESTDIR={}", install.display());
        work.run(&make.args(["install", &destination])).context("installing libc++")?;
        fs_err::rename(install.join("usr"), work.out.join("usr"))?;
        fs_err::metadata(work.out.join(LIBRARY)).context("looking for libc++")?;
        let name = Path::new(LIBRARY).file_name().unwrap_or_default();
        Ok(fs_err::os::unix::fs::symlink(name, work.out.join(GNU_NAME))?)
    }
}

impl LibcxxStep {
    /// The compiler for CMake: the C driver, which links no C++ library, with a C library that has the kernel's headers.
    /// The flags are in the script, because CMake splits them at spaces.
    fn compiler(&self, work: &Work, llvm: &Path, build: &Path) -> Result<PathBuf> {
        let place = work.scratch.join("c");
        assemble(&self.clang, work.path(self.musl)?, work.path(self.runtimes)?, &place)?;
        let headers = work.path(self.kernel_headers)?.join(INCLUDE);
        tree::link(&headers, &place.join(SYSROOT).join(INCLUDE))?;
        let quoted = |path: &Path| quote(path.as_os_str());
        let flags: Vec<String> = flags(llvm, build).iter().map(|flag| quote(flag.as_ref())).collect();
        let setup = format!("set -- --start-no-unused-arguments {} --end-no-unused-arguments \"$@\"\n", flags.join(" "));
        let driver = Driver {
            target: &self.target,
            language: Language::C,
            setup: &setup,
            clang: &quoted(self.clang.path()),
            lld: &quoted(self.clang.lld()),
            sysroot: &quoted(&place.join(SYSROOT)),
            resources: &quoted(&place.join(RESOURCES)),
        };
        let script = place.join("clang");
        super::write_script(&script, &driver.text())?;
        Ok(script)
    }

    fn settings(&self, compiler: &Path) -> Vec<String> {
        let target = &self.target.c.target;
        let compilers = ["C", "CXX", "ASM"].map(|language| setting(&format!("CMAKE_{language}_COMPILER"), compiler));
        let triples = ["CMAKE_C_COMPILER_TARGET", "CMAKE_CXX_COMPILER_TARGET", "LLVM_DEFAULT_TARGET_TRIPLE"];
        let triples = triples.map(|name| setting(name, Path::new(target)));
        let fixed = SETTINGS.iter().map(|(name, value)| setting(name, Path::new(value)));
        fixed.chain(compilers).chain(triples).collect()
    }
}

/// The settings that are the same for all targets.
const SETTINGS: [(&str, &str); 22] = [
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
    ("LIBCXX_HAS_MUSL_LIBC", "ON"),
    ("LIBCXX_INCLUDE_BENCHMARKS", "OFF"),
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

fn setting(name: &str, value: &Path) -> String {
    format!("-D{name}={}", value.display())
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
