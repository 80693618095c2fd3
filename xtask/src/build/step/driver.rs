//! The scripts that are a target's C and C++ compilers and linker drivers: clang and lld with the target's flags,
//! sysroot and runtimes.

use bringup_model::target::Target;
use bringup_runner::exec::quote;

/// The language of a driver. Both compile either language; only the one for C++ links the C++ standard library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriverLanguage {
    /// C, and linking.
    C,
    /// C++, and linking with libc++.
    Cxx,
}

/// A program and a library that it loads each contain libc++abi. They share the program's state of exceptions, so that
/// an exception which crosses their border is counted once.
const ONE_STATE: &str = "-Wl,--export-dynamic-symbol=__cxa_get_globals,--export-dynamic-symbol=__cxa_get_globals_fast";
/// Variables that make clang search the host's folders, or change its options.
const AMBIENT: &str = "CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH OBJC_INCLUDE_PATH OBJCPLUS_INCLUDE_PATH LIBRARY_PATH \
                       COMPILER_PATH GCC_EXEC_PREFIX CCC_OVERRIDE_OPTIONS";

/// Lines that refuse options that would only fail later, with a missing file. The last `-stdlib` counts, and a
/// sanitizer that only traps requires no runtime.
const REFUSALS: &str = "unserved=\n\
for arg do\n    \
    case $arg in\n    \
    -stdlib=libstdc++) unserved=\"$arg is not supported: the C++ standard library is libc++\" ;;\n    \
    -stdlib=libc++) unserved= ;;\n    \
    -fsanitize=*address* | -fsanitize=*thread* | -fsanitize=*memory* | -fsanitize=*leak* | -fsanitize=*fuzzer*)\n        \
        unserved=\"$arg is not supported: the toolchain has no runtimes of sanitizers\" ;;\n    \
    esac\n\
done\n\
if [ \"$unserved\" ]; then\n    \
    echo \"${0##*/}: $unserved\" >&2\n    \
    exit 1\n\
fi\n";

/// A driver script. Its paths are words of the shell.
#[derive(Debug, Clone, Copy)]
pub struct Driver<'a> {
    pub(crate) target: &'a Target,
    /// The language.
    pub language: DriverLanguage,
    /// Lines that set the variables in the words below.
    pub setup: &'a str,
    /// clang.
    pub clang: &'a str,
    /// lld.
    pub lld: &'a str,
    /// The sysroot: the folder of the C library.
    pub sysroot: &'a str,
    /// clang's resource folder: its headers, and the target's compiler-rt.
    pub resources: &'a str,
}

impl Driver<'_> {
    /// The text of the script.
    pub fn text(&self) -> String {
        let Self { target, language, setup, clang, lld, sysroot, resources } = self;
        let loader = if target.musl.name_loader { self.name_loader() } else { String::new() };
        // Our `--target` comes last, so it wins: the cc crate passes Rust's triple, which has another meaning for
        // clang.
        let flags = target.c.flags.iter().chain(&target.c.link_flags);
        let flags: Vec<String> = flags.map(|flag| quote(flag.as_ref())).collect();
        let (title, mode, library) = match language {
            DriverLanguage::C => ("C", "", String::new()),
            // Otherwise clang prefers headers of libc++ that are installed beside it. A user's `-nostdinc++` still
            // counts.
            DriverLanguage::Cxx => {
                let library = format!(" -stdlib=libc++ -stdlib++-isystem {sysroot}/usr/include/c++/v1 {ONE_STATE}");
                ("C++", " --driver-mode=g++", library)
            }
        };
        format!(
            "#!/bin/sh\n# {title} compiler and linker driver for {triple}.\n\
             # These would bring in the host's folders and settings.\n\
             unset {AMBIENT}\nCLANG_NO_DEFAULT_CONFIG=1\nexport CLANG_NO_DEFAULT_CONFIG\n{setup}{refusals}{loader}\
             exec {clang}{mode} --start-no-unused-arguments {flags}{loader_flag} --sysroot={sysroot} \\\n    \
             -resource-dir={resources} --ld-path={lld} -rtlib=compiler-rt -unwindlib=libunwind{library} \\\n    \
             --end-no-unused-arguments \"$@\" --target={c_target}\n",
            triple = target.triple,
            refusals = REFUSALS,
            flags = flags.join(" "),
            loader_flag = if loader.is_empty() { "" } else { " $loader" },
            c_target = quote(target.c.target.as_ref()),
        )
    }

    /// Lines that set `$loader` to the option that names the loader, except for static-pie programs: for these the
    /// linker would set a loader, too.
    fn name_loader(&self) -> String {
        format!(
            "loader=-Wl,--dynamic-linker={}\n\
             for arg do\n    \
                 case $arg in -shared | -static | -static-pie | -r) loader= ;; esac\n\
             done\n",
            quote(self.target.musl.loader.as_ref())
        )
    }
}

/// The driver's path in rustc's own folder of linkers. rustc looks there before it looks on the search path.
pub fn beside_rustc(target: &Target) -> String {
    format!("#!/bin/sh\nexec \"${{0%/*}}/../../../../bin/{}\" \"$@\"\n", target.driver())
}
