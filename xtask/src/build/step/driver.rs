//! The script that is a target's C compiler and linker driver: clang and lld with the target's flags, sysroot and runtimes.

use bringup_model::target::Target;
use bringup_runner::exec::quote;

/// A driver script. Its paths are words of the shell.
#[derive(Debug, Clone, Copy)]
pub struct Driver<'a> {
    pub(crate) target: &'a Target,
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
        let Self { target, setup, clang, lld, sysroot, resources } = self;
        let loader = if target.musl.name_loader { self.name_loader() } else { String::new() };
        // Our `--target` comes last, so it wins: the cc crate passes Rust's triple, which has another meaning for
        // clang.
        let flags: Vec<String> = target.c.flags.iter().map(|flag| quote(flag.as_ref())).collect();
        format!(
            "#!/bin/sh\n# C compiler and linker driver for {triple}.\n{setup}{loader}\
             exec {clang} --start-no-unused-arguments {flags}{loader_flag} --sysroot={sysroot} -resource-dir={resources} \\\n    \
             --ld-path={lld} -rtlib=compiler-rt -unwindlib=libunwind --end-no-unused-arguments \"$@\" --target={c_target}\n",
            triple = target.triple,
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
