//! The script `bin/cargo`: cargo with an environment in which a build for a target sees only the target.
//!
//! cc, cmake, pkg-config, bindgen and others look for a variable whose name ends with the triple, then for one that
//! begins with `TARGET_` or `HOST_`, then for the plain one. The script sets the first kind, unless the user has set
//! it, and turns the user's plain variables, which mean the host, into those with `HOST_`.

use std::fmt::Write as _;
use std::path::Path;

use bringup_model::target::Target;
use bringup_runner::exec::quote;

use super::HERE;
use super::clang::Clang;
use super::commands;
use super::tools;

/// Plain variables that crates also read for a target. With `HOST_` before it, each means the host alone.
const PLAIN: &str = "CC CXX CPP AR AS LD NM RANLIB STRIP OBJCOPY CFLAGS CXXFLAGS CPPFLAGS LDFLAGS ARFLAGS RANLIBFLAGS \
                     CXXSTDLIB CXXSTDLIB_STATIC CMAKE_PREFIX_PATH PKG_CONFIG PKG_CONFIG_PATH PKG_CONFIG_LIBDIR \
                     PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_ALLOW_CROSS";

/// Where the parts of one target are, as words of the shell that may refer to `$here`.
#[derive(Debug, Clone, Copy)]
pub struct TargetParts<'a> {
    /// The target.
    pub target: &'a Target,
    /// The sysroot.
    pub sysroot: &'a str,
}

/// The script of the step `sysroot`, which compiles std.
pub(super) fn for_std(target: &Target, clang: &Clang, cargo: &Path) -> String {
    let variable = target.variable();
    format!(
        "#!/bin/sh\n# The stock cargo with the compilers of this folder.\n{HERE}\
         RUSTC=$here/bin/rustc RUSTDOC=$here/bin/rustdoc\n\
         CC_{variable}=${{CC_{variable}-$here/bin/{driver}}}\n\
         AR_{variable}=${{AR_{variable}-{ar}}}\n\
         export RUSTC RUSTDOC CC_{variable} AR_{variable}\n\
         exec {program} \"$@\"\n",
        driver = target.driver(),
        ar = quote(clang.ar().as_os_str()),
        program = quote(cargo.as_os_str()),
    )
}

/// The script of a toolchain. `here` are lines that set `$here` to its folder; `cargo` is the real cargo, a word of the
/// shell.
pub fn text(here: &str, cargo: &str, targets: &[TargetParts<'_>]) -> String {
    let mut text = format!(
        "#!/bin/sh\n# cargo with the compilers of this folder.\n{here}{}{HOST}\
         RUSTC=$here/bin/rustc RUSTDOC=$here/bin/rustdoc\n\
         export RUSTC RUSTDOC\n{DEFAULT}",
        dashes(targets)
    )
    .replace("PLAIN_NAMES", PLAIN);
    for parts in targets {
        for (name, value) in settings(parts) {
            let _ = writeln!(text, "default {name}_{} \"{value}\"", parts.target.variable());
        }
    }
    let commands = commands::cargo_lines(targets.iter().map(|parts| &*parts.target.triple));
    text + &format!("{commands}exec {cargo} \"$@\"\n")
}

/// The variables of a target, without the triple, and their values between double quotes.
fn settings(parts: &TargetParts<'_>) -> Vec<(&'static str, String)> {
    let TargetParts { target, sysroot } = parts;
    let bin = |program: &str| format!("$here/bin/{}-{program}", target.triple);
    let mut settings: Vec<(&str, String)> = tools::VARIABLES.map(|(name, program)| (name, bin(program))).to_vec();
    let flags: Vec<String> = target.c.flags.iter().map(|flag| quote(flag.as_ref())).collect();
    // bindgen loads libclang, which knows none of the drivers. It splits the text as a shell does.
    let clang = format!(
        "--target={} {} '--sysroot={sysroot}' '-stdlib++-isystem{sysroot}/usr/include/c++/v1'",
        target.c.target,
        flags.join(" "),
    );
    settings.extend([
        ("CXXSTDLIB", "c++".to_owned()),
        ("CMAKE_TOOLCHAIN_FILE", format!("$here/{}", tools::cmake_file(target))),
        ("PKG_CONFIG_ALLOW_CROSS", "1".into()),
        // Empty, so that nothing else is asked for it.
        ("PKG_CONFIG_PATH", String::new()),
        ("PKG_CONFIG_LIBDIR", tools::pkg_config_folders(sysroot)),
        ("PKG_CONFIG_SYSROOT_DIR", (*sysroot).to_owned()),
        ("BINDGEN_EXTRA_CLANG_ARGS", clang),
    ]);
    settings
}

/// Lines for variables whose names have dashes, such as `CFLAGS_s390x-alpine-linux-musl`. Some shells drop these from
/// the environment. Crates prefer them to those with underscores, so their values go there.
fn dashes(targets: &[TargetParts<'_>]) -> String {
    let mut cases = String::new();
    for TargetParts { target, .. } in targets {
        let _ = writeln!(
            cases,
            "    [A-Z]*_{triple}=*) name=${{line%%_{triple}=*}} ending={variable} ;;",
            triple = target.triple,
            variable = target.variable()
        );
    }
    format!(
        "# Some shells drop variables whose names have dashes. Their values go to the names with underscores.\n\
         while IFS= read -r line; do\n    \
             case $line in\n\
         {cases}    \
             *) continue ;;\n    \
             esac\n    \
             case $name in *[!A-Z0-9_]*) continue ;; esac\n    \
             eval \"${{name}}_$ending=\\${{line#*=}}\"\n    \
             export \"${{name}}_$ending\"\n\
         done <<ENVIRONMENT\n\
         $(tr '\\0' '\\n' <\"/proc/$$/environ\" 2>/dev/null)\n\
         ENVIRONMENT\n"
    )
}

/// Lines that leave the plain variables to the host. Folders that the host's compiler would search go into its flags,
/// because libclang reads their variables for a target, too.
const HOST: &str = r#"# Plain variables mean the host. Those of a target end with its triple.
for name in PLAIN_NAMES; do
    eval "is_set=\${$name+x} is_known=\${HOST_$name+x}"
    if [ "$is_set" ] && [ -z "$is_known" ]; then
        eval "HOST_$name=\$$name"
        export "HOST_$name"
    fi
    unset "$name"
done
folders() {
    IFS=:
    set -f
    for folder in $2; do
        [ -z "$folder" ] || printf ' %s%s' "$1" "$folder"
    done
}
search=$(folders -I "${CPATH-}")
of_c=$(folders -isystem "${C_INCLUDE_PATH-}")
of_cxx=$(folders -isystem "${CPLUS_INCLUDE_PATH-}")
if [ "$search$of_c$of_cxx" ]; then
    HOST_CFLAGS="${HOST_CFLAGS-}$search$of_c" HOST_CXXFLAGS="${HOST_CXXFLAGS-}$search$of_cxx"
    export HOST_CFLAGS HOST_CXXFLAGS
fi
unset CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH OBJC_INCLUDE_PATH OBJCPLUS_INCLUDE_PATH CROSS_COMPILE
"#;

/// A function that sets a variable unless the user has.
const DEFAULT: &str = r#"default() {
    eval "[ \"\${$1+x}\" ] || $1=\$2"
    export "$1"
}
"#;
