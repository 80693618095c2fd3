//! The scripts of the distribution. They find the toolchain's parts relative to themselves, and LLVM's programs on
//! the search path.

use bringup_model::target::Target;

use super::OWN;
use crate::build::step::commands::{self, RunnerScript};
use crate::build::step::driver::Driver;

/// The common part of the scripts, in the toolchain's folder.
pub const TOOL_FILE: &str = "tool.sh";
/// LLVM's archiver, and the name of the script that starts it.
pub const AR: &str = "llvm-ar";

/// Sets the toolchain's folder from the path of a script in `bin`. Follows symbolic links to the script.
const HERE: &str = "here=$(readlink -f -- \"$0\") && here=${here%/bin/*} || exit\n";

/// Makes the scripts.
#[derive(Debug, Clone, Copy)]
pub struct Scripts {
    /// The release of LLVM that the toolchain was built with. The scripts look for it first.
    pub release: Option<u64>,
}

impl Scripts {
    /// The names of a program of LLVM, in the order in which the scripts look for them.
    pub fn names(self, program: &str) -> Vec<String> {
        let suffixed = self.release.map(|release| format!("{program}-{release}"));
        suffixed.into_iter().chain([program.to_owned()]).collect()
    }

    /// The common part: a function that finds one of LLVM's programs.
    pub fn tool(self) -> String {
        let names = self.names("$1");
        let looks: Vec<String> = names.iter().map(|name| format!("tool=$(command -v \"{name}\")")).collect();
        format!(
            "# tool PROGRAM: sets $tool to its path, of the LLVM that this toolchain was built with if that is there.\n\
             tool() {{\n    \
                 {looks} && return\n    \
                 echo \"${{0##*/}}: the search path has no {names}\" >&2\n    \
                 echo \"hint: install $1 of LLVM, best of the release in manifest.json, or put its folder on PATH\" >&2\n    \
                 exit 127\n\
             }}\n",
            looks = if looks.len() == 1 { looks[0].clone() } else { format!("{{ {}; }}", looks.join(" || ")) },
            names = names.join(" and no "),
        )
    }

    /// The C compiler and linker driver of a target.
    pub fn driver(self, target: &Target) -> String {
        let own = self.names("clang").first().cloned().unwrap_or_default();
        let setup = format!(
            "{HERE}. \"$here/{OWN}/{TOOL_FILE}\"\n\
             tool ld.lld; lld=$tool\n\
             tool clang; clang=$tool\n\
             # Built-in headers are of one release: another clang takes its own.\n\
             case $clang in\n\
             */{own}) ;;\n\
             *) set -- --start-no-unused-arguments -nobuiltininc -idirafter \"$(\"$clang\" -print-resource-dir)/include\" \\\n    \
                 --end-no-unused-arguments \"$@\" ;;\n\
             esac\n"
        );
        let part = |name: &str| format!("\"$here/{OWN}/{}/{name}\"", target.triple);
        let driver = Driver {
            target,
            setup: &setup,
            clang: "\"$clang\"",
            lld: "\"$lld\"",
            sysroot: &part("sysroot"),
            resources: &part("clang"),
        };
        driver.text()
    }
}

/// The script of the archiver, for build scripts that compile C.
pub fn ar() -> String {
    format!("#!/bin/sh\n# LLVM's archiver.\n. \"${{0%/*}}/{TOOL_FILE}\"\ntool {AR}\nexec \"$tool\" \"$@\"\n")
}

/// The script that runs programs of a target. It looks for the emulator on the search path.
pub fn runner(target: &Target, host: &str) -> String {
    let sysroot = format!("{OWN}/{}/sysroot", target.triple);
    let settings = commands::settings(target, None);
    RunnerScript { target, host, here: HERE, sysroot: &sysroot, settings: &settings }.text()
}

/// The script of cargo, which tells build scripts the C compiler of each target.
pub fn cargo<'a>(targets: impl Iterator<Item = &'a Target> + Clone) -> String {
    let commands = commands::cargo_lines(targets.clone().map(|target| &*target.triple));
    let settings = targets.map(|target| {
        let (variable, driver) = (target.triple.replace(['-', '.'], "_"), target.driver());
        format!(
            "CC_{variable}=${{CC_{variable}-$here/bin/{driver}}}\n\
             AR_{variable}=${{AR_{variable}-$here/{OWN}/{AR}}}\n\
             export CC_{variable} AR_{variable}\n"
        )
    });
    format!(
        "#!/bin/sh\n# cargo with the compilers of this folder.\n{HERE}\
         RUSTC=$here/bin/rustc RUSTDOC=$here/bin/rustdoc\n\
         export RUSTC RUSTDOC\n\
         {settings}{commands}exec \"$here/{OWN}/cargo\" \"$@\"\n",
        settings = settings.collect::<String>()
    )
}
