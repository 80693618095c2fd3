//! The scripts of the distribution. They find the toolchain's parts relative to themselves, and LLVM's programs on
//! the search path.

use bringup_model::target::Target;

use super::OWN;
use crate::build::step::cargo_wrapper::{self, TargetParts};
use crate::build::step::commands::{self, RunnerScript};
use crate::build::step::driver::{Driver, DriverLanguage};
use crate::build::step::tools;

/// The common part of the scripts, in the toolchain's folder.
pub const TOOL_FILE: &str = "tool.sh";
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

    /// The C or C++ compiler and linker driver of a target.
    pub fn driver(self, target: &Target, language: DriverLanguage) -> String {
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
        let part = |name: &str| format!("\"$here/{}\"", own_part(target, name));
        let driver = Driver {
            target,
            language,
            setup: &setup,
            clang: "\"$clang\"",
            lld: "\"$lld\"",
            sysroot: &part("sysroot"),
            resources: &part("clang"),
        };
        driver.text()
    }
}

/// The folder of a target's own part, in the toolchain's folder.
pub fn own_part(target: &Target, name: &str) -> String {
    format!("{OWN}/{}/{name}", target.triple)
}

/// The programs in `bin` that builds look for by the target's name, besides the C driver: name and text.
pub fn programs(scripts: Scripts, target: &Target) -> Vec<(String, String)> {
    let sysroot = format!("$here/{}", own_part(target, "sysroot"));
    let mut programs = vec![
        (target.cxx_driver(), scripts.driver(target, DriverLanguage::Cxx)),
        (format!("{}-{}", target.triple, tools::PKG_CONFIG), tools::pkg_config(target, HERE, &sysroot)),
    ];
    let llvm = tools::LLVM_TOOLS.map(|(name, program)| {
        let text = format!("#!/bin/sh\n{HERE}. \"$here/{OWN}/{TOOL_FILE}\"\ntool {program}\nexec \"$tool\" \"$@\"\n");
        (format!("{}-{name}", target.triple), text)
    });
    programs.extend(llvm);
    let names = tools::DRIVER_NAMES.map(|(name, driver)| {
        let text = format!("#!/bin/sh\n{HERE}exec \"$here/bin/{}-{driver}\" \"$@\"\n", target.triple);
        (format!("{}-{name}", target.triple), text)
    });
    programs.extend(names);
    programs
}

/// The script of cargo, with an environment in which a build for a target sees only the target.
pub fn cargo<'a>(targets: impl Iterator<Item = &'a Target>) -> String {
    let sysroots: Vec<_> = targets.map(|target| (target, format!("$here/{}", own_part(target, "sysroot")))).collect();
    let parts: Vec<_> = sysroots.iter().map(|(target, sysroot)| TargetParts { target, sysroot }).collect();
    cargo_wrapper::text(HERE, &format!("\"$here/{OWN}/cargo\""), &parts)
}

/// The script that runs programs of a target. It looks for the emulator on the search path.
pub fn runner(target: &Target, host: &str) -> String {
    let sysroot = format!("{OWN}/{}/sysroot", target.triple);
    let settings = commands::settings(target, None);
    RunnerScript { target, host, here: HERE, sysroot: &sysroot, settings: &settings }.text()
}
